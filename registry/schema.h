// The schema of registry.db, as numbered steps forward. Each runs in a transaction of its own together with
// the number it leads to (PRAGMA user_version), so that a crash leaves one schema or the next, never
// something between. A step that was released is never edited: databases on disk were written with its text.
#pragma once

#include <cstdint>
#include <span>

#include "packager/error/error.h"
#include "registry/database.h"

namespace pirn::registry {

struct Migration {
  uint32_t to;  // 1, 2, ...
  const char* sql;
};

// All of them, ascending; the last is the current schema.
std::span<const Migration> migrations();

// store_unopenable: the file is not a registry, and must not get tables of ours beside its own.
Status check_identity(Database& database);
// Runs what the database has not seen. schema_too_new when it knows more than `steps`; then nothing is
// touched.
Status migrate(Database& database, std::span<const Migration> steps);

}  // namespace pirn::registry
