#include "host/store/sqlite_verify.h"

#include <algorithm>
#include <boost/json.hpp>

#include "host/store/sqlite_reader.h"
#include "packager/json/json.h"

namespace pirn::store {

namespace {

constexpr int64_t kPiece = 4096;                                   // rows that one statement reads
constexpr int64_t kFirstWithTenants = 2, kFirstWithChecksums = 3;  // schemas

std::string spelled(int64_t id) { return ExecutionId{static_cast<uint64_t>(id)}.text(); }

class Rows {
 public:
  Rows(Connection& connection, RowsChecked& checked, const Report& report, int64_t schema)
      : connection_(connection), checked_(checked), report_(report), sums_(schema >= kFirstWithChecksums) {}

  // A table by its integer key, in pieces. `read` makes a row of `columns`, of which `sum` is the last;
  // `name` names it.
  template <class Read, class Name>
  Status check(const std::string& table, const std::string& key, std::string columns, Read read, Name name) {
    if (!sums_) columns.replace(columns.rfind("sum"), 3, "NULL");
    PIRN_TRY(Statement piece,
             connection_.prepare("SELECT " + columns + ", " + key + " FROM " + table + " WHERE " + key +
                                 " > ? ORDER BY " + key + " LIMIT " + std::to_string(kPiece)));
    const int key_column = static_cast<int>(std::count(columns.begin(), columns.end(), ',')) + 1;
    int64_t last = INT64_MIN, n = kPiece;
    while (n == kPiece) {
      const ResetAtEnd reset(piece);
      piece.bind(1, last);
      int code = SQLITE_ROW;
      for (n = 0; (code = piece.step()) == SQLITE_ROW; ++n) {
        last = piece.integer(key_column);
        const auto row = read(piece);
        count(piece.is_null(key_column - 1), row.damaged, row.body, name(row));
      }
      if (code != SQLITE_DONE) return connection_.error(code, "reading");
    }
    return {};
  }

  Status check_events() {
    PIRN_TRY(Statement all, connection_.prepare(std::string("SELECT tenant, id, at, body, ") +
                                                (sums_ ? "sum" : "NULL") + " FROM events"));
    int code = SQLITE_ROW;
    while ((code = all.step()) == SQLITE_ROW) {
      const EventRow row{all.bytes(0), all.bytes(1), all.integer(2), all.bytes(3)};
      const bool damaged = !all.is_null(4) && all.integer(4) != checksum_of(row);
      count(all.is_null(4), damaged, row.body,
            "the event '" + std::string(row.id) + "' of the tenant '" + std::string(row.tenant) + "'");
    }
    return code == SQLITE_DONE ? Status() : Status(connection_.error(code, "reading"));
  }

 private:
  void count(bool no_sum, bool damaged, std::string_view body, const std::string& name) {
    ++checked_.rows;
    checked_.without_checksum += no_sum ? 1 : 0;
    if (damaged)
      report_(name + " does not match its checksum");
    else if (no_sum && !parse_own_json(body, "a body", {}))
      report_(name + " is not readable");
  }

  Connection& connection_;
  RowsChecked& checked_;
  const Report& report_;
  const bool sums_;
};

// Each row of the question is something wrong: an id, and perhaps a number.
template <class Say>
Status ask(Connection& connection, const std::string& sql, Say say) {
  PIRN_TRY(Statement found, connection.prepare(sql));
  int code = SQLITE_ROW;
  while ((code = found.step()) == SQLITE_ROW) say(found);
  return code == SQLITE_DONE ? Status() : Status(connection.error(code, "reading"));
}

// Whether journal and projection fit together. Streams below 2^21 are the tenants' own, whose past may have
// been pruned.
Status check_streams(Connection& connection, const Report& report) {
  PIRN_DO(ask(connection,
              "SELECT stream, count(*), min(commit_no), max(commit_no) FROM journal"
              " INDEXED BY journal_by_stream GROUP BY stream"
              " HAVING max(commit_no) - min(commit_no) + 1 <> count(*)"
              " OR (stream >= 2097152 AND min(commit_no) <> 1)",
              [&](const Statement& row) {
                report("the journal of stream " + spelled(row.integer(0)) + " misses commits: it has " +
                       std::to_string(row.integer(1)) + " from " + std::to_string(row.integer(2)) + " to " +
                       std::to_string(row.integer(3)));
              }));
  PIRN_DO(ask(connection,
              "SELECT id, commit_no FROM executions AS e WHERE open = 0 AND commit_no IS NOT"
              " (SELECT max(commit_no) FROM journal WHERE stream = e.id)",
              [&](const Statement& row) {
                report("execution " + spelled(row.integer(0)) + " has ended with commit " +
                       std::to_string(row.integer(1)) + ", which is not the last of its journal");
              }));
  return ask(
      connection,
      "SELECT DISTINCT stream FROM journal AS j WHERE stream >= 2097152"
      " AND pos <= (SELECT watermark FROM meta)"
      " AND NOT EXISTS (SELECT 1 FROM executions WHERE id = j.stream)",
      [&](const Statement& row) {
        report("the journal of execution " + spelled(row.integer(0)) + " is there, and the execution is not");
      });
}

}  // namespace

Status check_structure(Connection& connection, const Report& report) {
  return ask(connection, "PRAGMA integrity_check(100)", [&](const Statement& row) {
    if (row.bytes(0) != "ok") report(std::string(row.bytes(0)));
  });
}

Status check_rows(Connection& connection, RowsChecked& checked, const Report& report) {
  PIRN_TRY(const int64_t schema, connection.integer("PRAGMA user_version"));
  Rows rows(connection, checked, report, schema);
  PIRN_DO(rows.check("journal", "pos", kCommitColumns, read_commit, [](const StoredCommit& row) {
    return "commit " + std::to_string(row.commit_no) + " of stream " + row.stream.text();
  }));
  PIRN_DO(rows.check("executions", "id", kExecutionColumns, read_execution,
                     [](const StoredExecution& row) { return "the row of execution " + row.id.text(); }));
  if (schema >= kFirstWithTenants) {
    PIRN_DO(rows.check("tenants", "stream", kTenantColumns, read_tenant,
                       [](const StoredTenant& row) { return "the row of the tenant '" + row.tenant + "'"; }));
    PIRN_DO(rows.check_events());
  }
  return check_streams(connection, report);
}

}  // namespace pirn::store
