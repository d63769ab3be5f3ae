#include "tests/packager/archive/sample.h"

#include <zstd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "packager/archive/ustar.h"

namespace pirn::archive {

namespace {

const signature::PrivateKey& made_once(int which) {
  static const std::vector<signature::PrivateKey>* keys = [] {
    auto* made = new std::vector<signature::PrivateKey>();
    for (int i = 0; i < 3; ++i) made->push_back(signature::PrivateKey::generate().value());
    return made;
  }();
  return (*keys)[which];
}

}  // namespace

const signature::PrivateKey& publisher_key() { return made_once(0); }
const signature::PrivateKey& approver_key() { return made_once(1); }
const signature::PrivateKey& stranger_key() { return made_once(2); }

std::vector<InputFile> sample_files() {
  return {{"definitions/greet.json", R"({"name":"greet","steps":[{"name":"hello"}]})"},
          {"lib/linux-x86_64/libhello.so", "\177ELF and so on"}};
}

Manifest sample_manifest(const std::vector<InputFile>& files) {
  Manifest m;
  m.package = "hello";
  m.version = "1.2.3";
  m.serial = 1'000'002'000'003;
  m.publisher = "acme";
  m.audience = {"*"};
  m.functions = {{"hello", 1}};
  m.description = "Says hello";
  auto packed = pack_payload(files);
  if (!packed) return m;
  m.payload = packed->payload;
  m.files = packed->files;
  if (const File* library = m.find_file("lib/linux-x86_64/libhello.so"))
    m.libraries = {{"linux-x86_64", library->path, library->sha256, library->size, {"libc.so.6"}}};
  if (const File* definition = m.find_file("definitions/greet.json"))
    m.workflows = {{"greet", definition->sha256}};
  return m;
}

std::string tar_of(const std::vector<InputFile>& files) {
  std::string tar;
  for (const InputFile& file : files)
    tar += any_header(file.path, file.bytes.size(), '0') + file.bytes +
           std::string(padding_of(file.bytes.size()), '\0');
  return tar + std::string(kTarEnd, '\0');
}

std::string any_header(const std::string& path, uint64_t size, char type, const std::string& link) {
  const auto predicted = predict_header("x", size);
  std::string header(predicted->begin(), predicted->end());
  std::fill_n(header.begin(), 100, '\0');
  std::copy(path.begin(), path.end(), header.begin());
  std::copy(link.begin(), link.end(), header.begin() + 157);
  header[156] = type;
  std::fill_n(header.begin() + 148, 8, ' ');
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  char digits[8];
  std::snprintf(digits, sizeof digits, "%06o", sum);
  std::copy_n(digits, 7, header.begin() + 148);
  return header;
}

std::string zstd_of(const std::string& bytes, int window_log) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const size_t size = ZSTD_compress2(context, out.data(), out.size(), bytes.data(), bytes.size());
  ZSTD_freeCCtx(context);
  if (ZSTD_isError(size)) std::abort();
  out.resize(size);
  return out;
}

std::string package_of_text(const std::string& manifest_text, const std::string& compressed,
                            const std::vector<const signature::PrivateKey*>& keys) {
  std::vector<SignatureRecord> records;
  for (const auto* key : keys)
    records.push_back({key->public_key().id(), key->sign(signed_message(manifest_text))});
  return *write_package(manifest_text, records, compressed);
}

std::string package_of(Manifest manifest, const std::string& compressed,
                       const std::vector<const signature::PrivateKey*>& keys) {
  manifest.payload.sha256 = sha256(compressed);
  manifest.payload.size = compressed.size();
  return package_of_text(print(manifest), compressed, keys);
}

std::string package_with_tar(const std::string& tar, const std::vector<InputFile>& manifest_files) {
  Manifest manifest = sample_manifest(manifest_files);
  manifest.payload.unpacked = tar.size();
  return package_of(manifest, zstd_of(tar), {&publisher_key()});
}

std::string sample_package(const Manifest& manifest, const std::vector<const signature::PrivateKey*>& keys) {
  return package_of_text(print(manifest), pack_payload(sample_files())->compressed, keys);
}

TrustedKey trust(const signature::PrivateKey& key, Role role) {
  TrustedKey row;
  row.key = key.public_key();
  row.publisher = "acme";
  row.package_pattern = "*";
  row.role = role;
  return row;
}

Policy sample_policy() {
  Policy policy;
  policy.tenant = "alpha";
  policy.now_unix_s = kNow;
  policy.platform = "linux-x86_64";
  return policy;
}

Result<VerifiedPackage> verify_bytes(std::string_view bytes, const std::vector<TrustedKey>& trusted,
                                     const Policy& policy) {
  MemorySource source(bytes);
  return verify(source, trusted, policy);
}

std::string outcome(std::string_view bytes, const std::vector<TrustedKey>& trusted, const Policy& policy) {
  const auto verified = verify_bytes(bytes, trusted, policy);
  return verified ? "ok" : std::string(verified.error().name());
}

}  // namespace pirn::archive
