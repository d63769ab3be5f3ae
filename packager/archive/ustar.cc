#include "packager/archive/ustar.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>

namespace pirn::archive {

namespace {

// Where the fields of a ustar header are.
constexpr size_t kName = 0, kNameSize = 100, kMode = 100, kUid = 108, kGid = 116, kSize = 124,
                 kSizeDigits = 11, kTime = 136, kChecksum = 148, kType = 156, kMagic = 257,
                 kDeviceMajor = 329, kDeviceMinor = 337, kPrefix = 345, kPrefixSize = 155;

void put(TarHeader& header, size_t at, std::string_view text) {
  std::copy(text.begin(), text.end(), &header[at]);
}

std::string octal(uint64_t number, int digits) {
  char text[24];
  std::snprintf(text, sizeof text, "%0*llo", digits, static_cast<unsigned long long>(number));
  return text;
}

}  // namespace

std::optional<TarHeader> predict_header(std::string_view path, uint64_t size) {
  if (path.empty() || size >= 1ull << 33) return std::nullopt;
  TarHeader header{};
  std::string_view name = path;
  if (path.size() > kNameSize) {  // at the first '/' that leaves a name of at most 100 bytes
    const size_t slash = path.find('/', path.size() - kNameSize - 1);
    if (slash == std::string_view::npos || slash == 0 || slash > kPrefixSize || slash + 1 == path.size())
      return std::nullopt;
    put(header, kPrefix, path.substr(0, slash));
    name = path.substr(slash + 1);
  }
  put(header, kName, name);
  put(header, kMode, "000644 ");
  put(header, kUid, "000000 ");
  put(header, kGid, "000000 ");
  put(header, kSize, octal(size, kSizeDigits) + " ");
  put(header, kTime, "00000000000 ");
  put(header, kChecksum, "        ");
  put(header, kType, "0");
  put(header, kMagic, std::string_view("ustar\00000", 8));
  put(header, kDeviceMajor, "000000 ");
  put(header, kDeviceMinor, "000000 ");
  uint64_t sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put(header, kChecksum, octal(sum, 6) + std::string(1, '\0'));
  return header;
}

std::optional<uint64_t> size_in_header(const TarHeader& header) {
  uint64_t size = 0;
  for (size_t i = 0; i < kSizeDigits; ++i) {
    const char digit = header[kSize + i];
    if (digit < '0' || digit > '7') return std::nullopt;
    size = size << 3 | static_cast<uint64_t>(digit - '0');
  }
  return size;
}

bool all_zero(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == '\0'; });
}

namespace {

using Writer = std::unique_ptr<::archive, decltype(&archive_write_free)>;
using Entry = std::unique_ptr<archive_entry, decltype(&archive_entry_free)>;

la_ssize_t append(::archive*, void* out, const void* bytes, size_t size) {
  static_cast<std::string*>(out)->append(static_cast<const char*>(bytes), size);
  return static_cast<la_ssize_t>(size);
}

Error refused(::archive* writer, std::string_view path) {
  const char* why = archive_error_string(writer);
  return Error{Code::path_refused,
               "'" + std::string(path) + "' cannot be archived: " + (why ? why : "unknown reason")};
}

}  // namespace

Result<std::string> write_tar(const std::function<Status(const AddMember&)>& add) {
  std::string out;
  const Writer writer(archive_write_new(), archive_write_free);
  archive_write_set_format_ustar(writer.get());
  archive_write_add_filter_none(writer.get());
  archive_write_set_bytes_per_block(writer.get(), 0);  // else the end is padded to a tape's block
  if (archive_write_open(writer.get(), &out, nullptr, append, nullptr) != ARCHIVE_OK)
    return refused(writer.get(), "");
  PIRN_DO(add([&](std::string_view path, std::string_view bytes) -> Status {
    const Entry entry(archive_entry_new(), archive_entry_free);
    archive_entry_set_pathname(entry.get(), std::string(path).c_str());
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes.size()));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    archive_entry_set_mtime(entry.get(), 0, 0);
    if (archive_write_header(writer.get(), entry.get()) != ARCHIVE_OK) return refused(writer.get(), path);
    if (archive_write_data(writer.get(), bytes.data(), bytes.size()) != static_cast<la_ssize_t>(bytes.size()))
      return refused(writer.get(), path);
    return {};
  }));
  if (archive_write_close(writer.get()) != ARCHIVE_OK) return refused(writer.get(), "");
  return out;
}

}  // namespace pirn::archive
