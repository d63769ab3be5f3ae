#include "packager/archive/payload.h"

#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <numeric>

#include "packager/archive/ustar.h"

namespace pirn::archive {

namespace {

constexpr int kWindowLog = 23;  // 8 MiB
constexpr int kLevel = 9;       // beyond it libraries shrink by a few percent and take several times as long

Error refuse(Code code, std::string message) {
  return Error{.code = code, .message = std::move(message), .blame = Blame::package};
}

bool is_bomb(uint64_t unpacked, uint64_t compressed) {
  return unpacked > kMaxUnpacked || (unpacked > kRatioFree && unpacked / kMaxRatio > compressed);
}

// ZSTD_getFrameHeader is not in Debian's stable interface of the library; the fields needed here are in the
// first bytes of a frame, fixed by RFC 8878.
struct Frame {
  uint64_t window = 0;
  bool has_dictionary = false;
};
std::optional<Frame> parse_frame_header(std::string_view bytes) {
  if (bytes.size() < 6 || std::memcmp(bytes.data(), "\x28\xb5\x2f\xfd", 4) != 0) return std::nullopt;
  const auto descriptor = static_cast<unsigned char>(bytes[4]);
  Frame frame;
  frame.has_dictionary = (descriptor & 3) != 0;
  if (descriptor & 0x20) {  // a single segment: the window is the content
    frame.window = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  } else {
    const auto window = static_cast<unsigned char>(bytes[5]);
    const uint64_t base = 1ull << (10 + (window >> 3));
    frame.window = base + base / 8 * (window & 7);
  }
  return frame;
}

// Exactly one frame, as large as the manifest says, within the limits: only then is it decompressed.
Status check_frame(std::string_view compressed, const Payload& payload) {
  const auto frame = parse_frame_header(compressed);
  if (!frame) return refuse(Code::payload_not_one_frame, "the payload does not start with a zstd frame");
  if (frame->has_dictionary)
    return refuse(Code::payload_not_one_frame, "the payload's frame needs a dictionary");
  if (ZSTD_getFrameContentSize(compressed.data(), compressed.size()) != payload.unpacked)
    return refuse(Code::payload_bomb, "the size in the payload's frame is not the signed size of " +
                                          std::to_string(payload.unpacked) + " bytes");
  if (frame->window > 1ull << kWindowLog)
    return refuse(Code::payload_window_too_large,
                  "the payload needs a window of " + std::to_string(frame->window) + " bytes");
  const size_t length = ZSTD_findFrameCompressedSize(compressed.data(), compressed.size());
  if (ZSTD_isError(length))
    return refuse(Code::payload_corrupt,
                  std::string("the payload's frame is damaged: ") + ZSTD_getErrorName(length));
  if (length != compressed.size())
    return refuse(Code::payload_not_one_frame,
                  std::to_string(compressed.size() - length) + " bytes follow the payload's frame");
  return {};
}

// The error for an unexpected member in place of file `expected`; it only chooses the message and the code.
Error explain_member(const TarHeader& header, const std::vector<File>& files, size_t expected) {
  const std::string wanted = expected < files.size() ? "'" + files[expected].path + "'" : "the end";
  const char type = header[156];
  const std::string_view name(header.data(), ::strnlen(header.data(), 100));
  if (type == '1' || type == '2')
    return refuse(Code::payload_link, "the payload contains a link where " + wanted + " is expected");
  if (type >= '3' && type <= '6')
    return refuse(Code::payload_device,
                  "the payload contains a device, FIFO or directory where " + wanted + " is expected");
  for (size_t i = 0; i < expected && i < files.size(); ++i)
    if (files[i].path == name)
      return refuse(Code::payload_member_duplicate,
                    "the payload contains '" + files[i].path + "' a second time");
  return refuse(Code::payload_member_unexpected,
                "the payload contains another member where " + wanted + " is expected");
}

// The canonical archive of these files has one size.
uint64_t tar_size(const std::vector<File>& files) {
  return std::accumulate(files.begin(), files.end(), uint64_t{kTarEnd}, [](uint64_t sum, const File& file) {
    return sum + kBlock + file.size + padding_of(file.size);
  });
}

}  // namespace

std::string_view UnpackedPayload::bytes(std::string_view path) const {
  const auto place =
      std::lower_bound(places_.begin(), places_.end(), path,
                       [](const Place& p, std::string_view wanted) { return p.path < wanted; });
  if (place == places_.end() || place->path != path) return {};
  return std::string_view(tar_).substr(place->offset, place->size);
}

Result<UnpackedPayload> unpack_payload(std::string_view compressed, const Manifest& manifest,
                                       const Decompress& decompress) {
  if (compressed.size() != manifest.payload.size || sha256(compressed) != manifest.payload.sha256)
    return refuse(Code::payload_digest_mismatch,
                  "the payload does not match its size and digest in the manifest");
  if (is_bomb(manifest.payload.unpacked, compressed.size()))
    return refuse(Code::payload_bomb, "the payload's " + std::to_string(compressed.size()) +
                                          " bytes unpack to " + std::to_string(manifest.payload.unpacked) +
                                          "; at most " + std::to_string(kMaxUnpacked) + " and " +
                                          std::to_string(kMaxRatio) + ":1 are allowed");
  PIRN_DO(check_frame(compressed, manifest.payload));
  UnpackedPayload unpacked;
  PIRN_TRY(unpacked.tar_, decompress(compressed, manifest.payload.unpacked));

  const std::string_view tar = unpacked.tar_;
  size_t at = 0;
  for (size_t i = 0; i < manifest.files.size(); ++i) {
    const File& file = manifest.files[i];
    TarHeader header;
    if (tar.size() - at < kBlock)
      return refuse(Code::payload_member_unexpected, "the payload ends before '" + file.path + "'");
    std::memcpy(header.data(), tar.data() + at, kBlock);
    if (predict_header(file.path, file.size) != header) return explain_member(header, manifest.files, i);
    at += kBlock;
    const uint64_t padded = file.size + padding_of(file.size);
    if (tar.size() - at < padded)
      return refuse(Code::payload_member_unexpected, "the payload ends within '" + file.path + "'");
    if (sha256(tar.substr(at, file.size)) != file.sha256)
      return refuse(Code::payload_file_mismatch,
                    "'" + file.path + "' does not match its digest in the manifest");
    if (!all_zero(tar.substr(at + file.size, padded - file.size)))
      return refuse(Code::payload_member_unexpected,
                    "there are hidden bytes in the padding of '" + file.path + "'");
    unpacked.places_.push_back({file.path, at, file.size});
    at += padded;
  }
  const std::string_view end = tar.substr(at);
  if (end.size() == kTarEnd && all_zero(end)) return unpacked;
  if (end.size() >= kBlock && !all_zero(end.substr(0, kBlock))) {
    TarHeader header;
    std::memcpy(header.data(), end.data(), kBlock);
    return explain_member(header, manifest.files, manifest.files.size());
  }
  return refuse(Code::payload_member_unexpected, "the payload does not end after its last file");
}

Result<PackedPayload> pack_payload(std::vector<InputFile> files) {
  std::sort(files.begin(), files.end(),
            [](const InputFile& a, const InputFile& b) { return a.path < b.path; });
  PackedPayload packed;
  for (const InputFile& file : files) {
    PIRN_DO(check_path(file.path));
    if (!packed.files.empty() && packed.files.back().path == file.path)
      return Error{Code::path_duplicate, "two files of the package have the path '" + file.path + "'"};
    packed.files.push_back({file.path, sha256(file.bytes), file.bytes.size()});
  }
  const auto too_large = [](std::string_view what, uint64_t limit) {
    return Error{Code::package_too_large, std::string(what) + " exceeds " + std::to_string(limit)};
  };
  if (files.size() > kMaxFiles) return too_large("the number of files", kMaxFiles);
  packed.payload.unpacked = tar_size(packed.files);
  if (packed.payload.unpacked > kMaxUnpacked) return too_large("the unpacked size in bytes", kMaxUnpacked);
  PIRN_TRY(const std::string tar, write_tar([&](const AddMember& add) -> Status {
             for (const InputFile& file : files) PIRN_DO(add(file.path, file.bytes));
             return {};
           }));

  const std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, kWindowLog);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_contentSizeFlag, 1);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 0);  // the digest says more
  packed.compressed.resize(ZSTD_compressBound(tar.size()));
  const size_t size = ZSTD_compress2(context.get(), packed.compressed.data(), packed.compressed.size(),
                                     tar.data(), tar.size());
  if (ZSTD_isError(size))
    return Error{.code = Code::internal,
                 .message = std::string("zstd: ") + ZSTD_getErrorName(size),
                 .blame = Blame::pirn};
  packed.compressed.resize(size);
  if (is_bomb(tar.size(), size))
    return Error{Code::payload_bomb, "the files compress by more than " + std::to_string(kMaxRatio) +
                                         ":1, which no host accepts"};
  packed.payload.sha256 = sha256(packed.compressed);
  packed.payload.size = size;
  return packed;
}

}  // namespace pirn::archive
