#include "registry/database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstring>

#include "packager/file/descriptor.h"

namespace pirn::registry {

bool Row::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

int64_t Row::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Row::text(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  return data ? std::string(static_cast<const char*>(data), static_cast<size_t>(size)) : std::string();
}

Digest Row::digest(int column) const {
  const auto digest = parse_digest(text(column));
  return digest ? *digest : Digest{};
}

Value Value::blob(std::string_view bytes) {
  Value value(bytes);
  value.kind_ = Kind::blob;
  return value;
}

Value Value::null_if_empty(std::string_view text) { return text.empty() ? Value() : Value(text); }

void Value::bind(sqlite3_stmt* statement, int index) const {
  int code = SQLITE_OK;
  switch (kind_) {
    case Kind::null:
      code = sqlite3_bind_null(statement, index);
      break;
    case Kind::integer:
      code = sqlite3_bind_int64(statement, index, integer_);
      break;
    case Kind::text:
      code = sqlite3_bind_text64(statement, index, text_.data() ? text_.data() : "", text_.size(),
                                 SQLITE_STATIC, SQLITE_UTF8);
      break;
    case Kind::blob:
      code = sqlite3_bind_blob64(statement, index, text_.data() ? text_.data() : "", text_.size(),
                                 SQLITE_STATIC);
      break;
    case Kind::digest:
      code = sqlite3_bind_text64(statement, index, own_.data(), own_.size(), SQLITE_STATIC, SQLITE_UTF8);
      break;
  }
  assert(code == SQLITE_OK && "a value for each ? and no more");
  (void)code;
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path) {
  if (!path.empty()) {
    // SQLite would create it with 0644; its WAL takes the mode of the file.
    const file::FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file)
      return Error{Code::io_failed, "cannot open " + path + ": " + std::strerror(errno), {}, Blame::world};
  }
  sqlite3* connection = nullptr;
  const int code = sqlite3_open_v2(path.empty() ? ":memory:" : path.c_str(), &connection,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<Database> database(new Database(connection));
  if (code != SQLITE_OK) return database->failure("cannot open " + path);
  sqlite3_extended_result_codes(connection, 1);
  sqlite3_busy_timeout(connection, 5'000);  // somebody may be reading with the sqlite3 shell
  PIRN_DO(
      database->script("PRAGMA trusted_schema=OFF; PRAGMA foreign_keys=ON; PRAGMA mmap_size=0;"
                       "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                       // A WAL that grew beyond this is cut back when it starts again.
                       "PRAGMA journal_size_limit=67108864;"));
  return database;
}

Result<std::unique_ptr<Database>> Database::open_to_read(const std::string& path) {
  sqlite3* connection = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &connection, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<Database> database(new Database(connection));
  if (code != SQLITE_OK) return database->failure("cannot read " + path);
  sqlite3_extended_result_codes(connection, 1);
  sqlite3_busy_timeout(connection, 5'000);
  PIRN_DO(database->script("PRAGMA trusted_schema=OFF; PRAGMA mmap_size=0; PRAGMA query_only=ON;"));
  return database;
}

Database::~Database() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(connection_);
}

Error Database::failure(std::string_view what) const {
  const char* reason = connection_ ? sqlite3_errmsg(connection_) : "out of memory";
  const int code = connection_ ? sqlite3_errcode(connection_) & 0xFF : SQLITE_NOMEM;
  if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT) {
    const char* path = sqlite3_db_filename(connection_, "main");
    return Error{
        Code::store_corrupt, std::string(path == nullptr ? "registry.db" : path) + ": " + reason,
        "Restore the data directory from a backup (pirn store backup makes them), or salvage this file "
        "with `sqlite3 registry.db .recover`. Nothing in it was changed.",
        Blame::world};
  }
  return Error{Code::registry_failed, "registry.db: " + std::string(what) + ": " + reason, {}, Blame::world};
}

Status Database::script(const std::string& sql) {
  if (sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    return failure("a script failed");
  return {};
}

Result<sqlite3_stmt*> Database::prepare(const char* sql) {
  if (const auto found = statements_.find(sql); found != statements_.end()) return found->second;
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(connection_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK)
    return failure("cannot prepare");
  statements_.emplace(sql, statement);
  return statement;
}

Status Database::each(const char* sql, std::initializer_list<Value> values,
                      const std::function<void(const Row&)>& row) {
  PIRN_TRY(sqlite3_stmt * statement, prepare(sql));
  assert(sqlite3_bind_parameter_count(statement) == static_cast<int>(values.size()));
  int index = 0;
  for (const Value& value : values) value.bind(statement, ++index);
  int code;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) row(Row(statement));
  Status status;
  if (code != SQLITE_DONE) status = failure("a statement failed");
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  return status;
}

Status Database::run(const char* sql, std::initializer_list<Value> values) {
  return each(sql, values, [](const Row&) {});
}

Result<std::optional<int64_t>> Database::integer(const char* sql, std::initializer_list<Value> values) {
  std::optional<int64_t> out;
  bool first = true;
  PIRN_DO(each(sql, values, [&](const Row& row) {
    if (first && !row.is_null(0)) out = row.integer(0);
    first = false;
  }));
  return out;
}

Transaction::~Transaction() {
  if (open_) sqlite3_exec(database_.connection_, "ROLLBACK", nullptr, nullptr, nullptr);
}

Status Transaction::begin() {
  if (!database_.healthy_)
    return Error{Code::registry_failed,
                 "registry.db: an earlier commit failed; nothing is written until a restart",
                 {},
                 Blame::world};
  if (database_.guard_) PIRN_DO(database_.guard_());
  PIRN_DO(database_.script("BEGIN IMMEDIATE"));
  open_ = true;
  return {};
}

Status Transaction::commit() {
  assert(open_);
  Status status = database_.script("COMMIT");
  if (!status) {
    // Nothing of it was written whole, so that it never was.
    if (sqlite3_errcode(database_.connection_) == SQLITE_FULL) return status;
    database_.healthy_ = false;  // an uncertain sync is never tried again
    if (database_.failed_) database_.failed_();
    return status;
  }
  open_ = false;
  return {};
}

}  // namespace pirn::registry
