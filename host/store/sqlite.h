// The few calls of SQLite that the store needs, with owners and errors as values. For this folder and
// host/logbook.
//
// A connection is opened without SQLite's own locks: one thread at a time uses it and its statements.
#pragma once

#include <sqlite3.h>

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "packager/error/error.h"

namespace pirn::store {

// Sets what holds for the whole process and must be set before SQLite is first used by any part of it.
void initialize_sqlite();

// A prepared statement. Bound text and blobs are not copied: they must live until reset().
class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  void bind(int at, int64_t value) { sqlite3_bind_int64(statement_.get(), at, value); }
  void bind(int at, std::string_view text) {
    // A view without data is empty text, not NULL.
    sqlite3_bind_text64(statement_.get(), at, text.data() == nullptr ? "" : text.data(), text.size(),
                        SQLITE_STATIC, SQLITE_UTF8);
  }
  void bind_blob(int at, const void* bytes, size_t size) {
    sqlite3_bind_blob64(statement_.get(), at, bytes, size, SQLITE_STATIC);
  }

  // SQLITE_ROW, SQLITE_DONE or an error.
  int step() { return sqlite3_step(statement_.get()); }
  // One step and reset, for what yields no rows: SQLITE_OK or an error.
  int run() {
    sqlite3_step(statement_.get());
    return sqlite3_reset(statement_.get());
  }
  void reset() { sqlite3_reset(statement_.get()); }

  // Of the current row; views are valid until the next step() or reset().
  bool is_null(int column) const { return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL; }
  int64_t integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }
  std::string_view bytes(int column) const {
    const void* data = sqlite3_column_blob(statement_.get(), column);
    const auto size = static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column));
    return data == nullptr ? std::string_view() : std::string_view(static_cast<const char*>(data), size);
  }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// Resets a statement at the end of a scope, so that no read transaction stays open.
class ResetAtEnd {
 public:
  explicit ResetAtEnd(Statement& statement) : statement_(statement) {}
  ~ResetAtEnd() { statement_.reset(); }
  ResetAtEnd(const ResetAtEnd&) = delete;
  ResetAtEnd& operator=(const ResetAtEnd&) = delete;

 private:
  Statement& statement_;
};

// A copy of a database as of now, whole and durable, while others write to it. conflict: `to` is there
// already; io_failed.
Status copy_database(const std::string& from, const std::string& to);

class Connection {
 public:
  enum class Mode { read_only, read_write_create };
  // `vfs`: nullptr for the operating system's.
  static Result<Connection> open(const std::string& path, Mode mode, const char* vfs);

  const std::string& path() const { return path_; }
  sqlite3* handle() const { return handle_.get(); }

  Result<Statement> prepare(std::string_view sql);
  // Prepared once for this connection, by its text.
  Result<Statement*> cached(const std::string& sql);
  // Without results.
  Status execute(const std::string& sql);
  // The first column of the first row; 0 when there is none.
  Result<int64_t> integer(const std::string& sql);
  Result<std::string> text(const std::string& sql);

  // What SQLite says of the last failed call: "<doing> 'pirn.db' failed: <reason>". store_corrupt or
  // store_failed.
  Error error(int code, std::string_view doing) const;

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  std::string path_;
  std::unique_ptr<sqlite3, Close> handle_;
  std::unordered_map<std::string, Statement> statements_;  // finalized before the connection closes
};

}  // namespace pirn::store
