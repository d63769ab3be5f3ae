// Looks at everything in a pirn.db: SQLite's own structures, the checksum of each row, and whether the tables
// fit together. Changes nothing, and reads in pieces, so that the log of a working host can start again.
#pragma once

#include <functional>

#include "host/store/sqlite.h"

namespace pirn::store {

struct RowsChecked {
  uint64_t rows = 0;
  uint64_t without_checksum = 0;  // written before schema 3, or edited by hand
};

// Told of each thing that is wrong, in words.
using Report = std::function<void(std::string)>;

// SQLite's check of any database. An error: it cannot be read at all.
Status check_structure(Connection& connection, const Report& report);
// Of a pirn.db of any schema up to today's.
Status check_rows(Connection& connection, RowsChecked& checked, const Report& report);

}  // namespace pirn::store
