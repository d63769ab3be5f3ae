// The tables of pirn.db and how older files become today's. docs/data.md describes them for operators.
#pragma once

#include "host/store/sqlite.h"

namespace pirn::store {

// Kept in the file's user_version. A change of tables takes the next number and one more migration.
inline constexpr int64_t kSchemaVersion = 3;
// Kept in the file's application_id ("Pirn"), so that no other database is taken for ours.
inline constexpr int64_t kApplicationId = 0x5069726E;

// Reads only: an error when the file is another program's (store_unopenable), damaged (store_corrupt), or of
// a newer version (store_schema_too_new). An empty file passes.
Status check_identity(Connection& connection);

// Brings the file to kSchemaVersion in one transaction: all of the missing migrations or none.
Status migrate(Connection& connection);

}  // namespace pirn::store
