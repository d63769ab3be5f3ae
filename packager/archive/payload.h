// The payload: one zstd frame around a canonical ustar. Pure functions over bytes: no file, no process, no
// thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "packager/archive/manifest.h"
#include "packager/archive/unpacker.h"
#include "packager/error/error.h"

namespace pirn::archive {

// The files of a payload, unpacked in memory. Owns the bytes.
class UnpackedPayload {
 public:
  // Borrowed from this object; empty when there is no such file (a file may also be empty).
  std::string_view bytes(std::string_view path) const;

 private:
  friend Result<UnpackedPayload> unpack_payload(std::string_view, const Manifest&, const Decompress&);
  struct Place {
    std::string path;
    size_t offset, size;
  };
  std::string tar_;
  std::vector<Place> places_;  // ascending by path
};

// Checks the digest before anything else looks at the bytes, then unpacks exactly the files that the manifest
// names. Errors: payload_digest_mismatch, payload_not_one_frame, payload_window_too_large, payload_bomb,
// payload_corrupt, payload_link, payload_device, payload_member_duplicate, payload_member_unexpected,
// payload_file_mismatch.
Result<UnpackedPayload> unpack_payload(std::string_view compressed, const Manifest& manifest,
                                       const Decompress& decompress = decompress_here);

struct InputFile {
  std::string path;
  std::string bytes;
};

// What a set of files becomes: the payload, and the parts of the manifest that describe it.
struct PackedPayload {
  std::string compressed;
  Payload payload;
  std::vector<File> files;
};
// The same files give the same bytes, whatever their order. Errors: path_refused, path_duplicate, too_large.
Result<PackedPayload> pack_payload(std::vector<InputFile> files);

}  // namespace pirn::archive
