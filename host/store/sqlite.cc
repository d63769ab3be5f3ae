#include "host/store/sqlite.h"

#include <cerrno>
#include <cstring>
#include <mutex>

namespace pirn::store {

namespace {

// A start and a prune manage with that (host/maintenance/disk.cc).
constexpr const char* kDiskFull =
    "The disk is full. Free at least 16 MiB on it, and remove old executions before you start the host "
    "again: "
    "pirn store prune --data DIRECTORY --older-than 30d";

}  // namespace

void initialize_sqlite() {
  static std::once_flag once;
  std::call_once(once, [] {
    // SQLite's own count of its memory takes a lock at each allocation and is shown to nobody.
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_initialize();
  });
}

Result<Connection> Connection::open(const std::string& path, Mode mode, const char* vfs) {
  initialize_sqlite();
  const int flags =
      mode == Mode::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, vfs);
  Connection connection;
  connection.path_ = path;
  connection.handle_.reset(handle);
  if (code != SQLITE_OK) return connection.error(code, "opening");
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, 5'000);
  // Debian's SQLite writes zeros over all that is deleted, through the log: on a full disk a prune would need
  // as much room as it frees. FAST does so only where a page is written anyway.
  PIRN_DO(connection.execute("PRAGMA secure_delete = FAST"));
  return connection;
}

Result<Statement> Connection::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return error(code, "preparing a statement for");
  return Statement(statement);
}

Result<Statement*> Connection::cached(const std::string& sql) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) {
    PIRN_TRY(Statement statement, prepare(sql));
    found = statements_.emplace(sql, std::move(statement)).first;
  }
  return &found->second;
}

Status Connection::execute(const std::string& sql) {
  const int code = sqlite3_exec(handle(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return error(code, "working on");
  return {};
}

Result<int64_t> Connection::integer(const std::string& sql) {
  PIRN_TRY(Statement statement, prepare(sql));
  const int code = statement.step();
  if (code != SQLITE_ROW && code != SQLITE_DONE) return error(code, "reading");
  return code == SQLITE_ROW ? statement.integer(0) : 0;
}

Result<std::string> Connection::text(const std::string& sql) {
  PIRN_TRY(Statement statement, prepare(sql));
  const int code = statement.step();
  if (code != SQLITE_ROW && code != SQLITE_DONE) return error(code, "reading");
  return code == SQLITE_ROW ? std::string(statement.bytes(0)) : std::string();
}

Error Connection::error(int code, std::string_view doing) const {
  std::string message(doing);
  message += " '" + path_ + "' failed: ";
  message += handle_ ? sqlite3_errmsg(handle()) : sqlite3_errstr(code);
  message += " (SQLite code " + std::to_string(code);
  const int reason = handle_ ? sqlite3_system_errno(handle()) : 0;
  if (reason != 0 && (code & 0xFF) != SQLITE_CONSTRAINT) message += std::string(", ") + std::strerror(reason);
  message += ")";
  const bool full = (code & 0xFF) == SQLITE_FULL || reason == ENOSPC || reason == EDQUOT;
  const bool corrupt = (code & 0xFF) == SQLITE_CORRUPT || (code & 0xFF) == SQLITE_NOTADB;
  return {corrupt ? Code::store_corrupt : Code::store_failed, std::move(message), full ? kDiskFull : "",
          Blame::world};
}

}  // namespace pirn::store
