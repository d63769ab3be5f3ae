// The manifest of a copy of a data directory: which files belong to it, with their sizes and digests.
//
// `backup.json` is written twice. First, before any other file, it says {"complete": false}; when all files
// are there and durable, it is replaced by one that lists them. So a copy that was cut short says so itself,
// whatever name it has and whoever cut it short: a backup that was killed, or a `cp` of a whole one. A copy
// whose manifest was never copied is noticed by what else is missing (store_missing).
//
// Thread: any.
#pragma once

#include <cstdint>
#include <string>

#include "packager/error/error.h"

namespace pirn::maintenance {

inline constexpr const char* kManifestFile = "backup.json";

// In a directory that is new. io_failed.
Status begin_manifest(const std::string& directory);
// Lists what is in the directory now. `created_at`: ns since 1970.
Status complete_manifest(const std::string& directory, int64_t created_at);

struct BackupSize {
  uint64_t files = 0, bytes = 0;
};
// Compares every file with the manifest. backup_incomplete says what is missing or different. Zero files:
// there is no manifest, so the directory is not a fresh copy.
Result<BackupSize> check_manifest(const std::string& directory);
// A host starts from the copy: checks it, then removes the manifest, for the files will change.
Status adopt_backup(const std::string& directory);
// Whether it is whole by its manifest. Under the temporary name of a backup: it was killed before it was renamed.
bool is_unnamed_backup(const std::string& directory);
// Whether the manifest says that the copy was never completed, or there is nothing yet but its beginning.
bool is_unfinished_backup(const std::string& directory);

}  // namespace pirn::maintenance
