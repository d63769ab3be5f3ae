// Bytes known by their own SHA-256: archives, libraries, definitions. `<data>/blobs/<digest>`, mode 0600. The
// name is computed here from the bytes, never taken from an archive, so nothing that is uploaded can choose a
// path.
//
// A blob is written under another name, synced, renamed, and the directory synced: under its digest stands
// the whole of it or nothing. Bytes are checked against their name on every read. What no release refers to
// (a crash between blob and row) is removed at the next open.
//
// Thread: any. Two writers of one blob write the same bytes.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "registry/ids.h"

namespace pirn::registry {

class Blobs {
 public:
  virtual ~Blobs() = default;
  // Durable when it returns. What stands there already is checked, and replaced if it is damaged. `added` is
  // set when the blob was not there before.
  virtual Result<Digest> put(std::string_view bytes, bool* added) = 0;
  // blob_damaged when it is missing or other bytes.
  virtual Result<std::string> get(const Digest& digest) const = 0;
  // Success when it is not there.
  virtual Status remove(const Digest& digest) = 0;
  virtual Result<std::vector<Digest>> list() const = 0;
};

// Makes the directory (0700) if need be, and removes what unfinished writes left in it.
Result<std::unique_ptr<Blobs>> open_blobs(const std::string& directory);
std::unique_ptr<Blobs> blobs_in_memory();

}  // namespace pirn::registry
