// Whether a data directory is whole: every row of its databases, every blob, and what one file says of
// another. Reads only; beside a working host or without one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "packager/error/error.h"

namespace pirn::maintenance {

struct Damage {
  std::string file, what;
};

struct Verification {
  uint64_t rows = 0;              // of pirn.db
  uint64_t without_checksum = 0;  // of them
  uint64_t blobs = 0;
  uint64_t backup_files = 0;    // that a manifest lists; 0: the directory is not a fresh backup
  std::vector<Damage> damages;  // at most 100
  uint64_t more = 0;            // that are not listed
};

// `store`: the file of the executions; empty: they are in memory. backup_incomplete for a backup that is not
// whole; store_missing as check_parts(); io_failed and store_failed when something cannot be read for another
// reason than damage.
Result<Verification> verify(const std::string& data_directory, const std::string& store);

}  // namespace pirn::maintenance
