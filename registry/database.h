// registry.db: the one connection that writes and checkpoints it (SQLite before 3.51.3 can corrupt the WAL
// when two connections do so at once), with synchronous=FULL, so that a commit that returned is on disk.
//
// Statements are prepared once and kept. SQL stands where it is used, with ? for values; nothing is ever
// pasted in.
//
// Thread: one at a time; the registry's mutex guards it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "registry/ids.h"

struct sqlite3;
struct sqlite3_stmt;

namespace pirn::registry {

// The current row of a query; lives as long as the callback that it is lent to.
class Row {
 public:
  explicit Row(sqlite3_stmt* statement) : statement_(statement) {}
  bool is_null(int column) const;
  int64_t integer(int column) const;
  std::string text(int column) const;  // also of blobs
  Digest digest(int column) const;     // kept as hexadecimal text; zero when it is none

 private:
  sqlite3_stmt* statement_;
};

// A value to bind. Texts are borrowed until the statement has run.
class Value {
 public:
  Value(int64_t value) : kind_(Kind::integer), integer_(value) {}
  Value(uint64_t value) : Value(static_cast<int64_t>(value)) {}
  Value(uint32_t value) : Value(static_cast<int64_t>(value)) {}
  Value(std::string_view text) : kind_(Kind::text), text_(text) {}
  Value(const std::string& text) : Value(std::string_view(text)) {}
  Value(const Digest& digest) : kind_(Kind::digest), own_(digest.hex()) {}
  static Value blob(std::string_view bytes);
  static Value null_if_empty(std::string_view text);
  void bind(sqlite3_stmt* statement, int index) const;

 private:
  enum class Kind : uint8_t { null, integer, text, blob, digest };
  Value() = default;
  Kind kind_ = Kind::null;
  int64_t integer_ = 0;
  std::string_view text_;
  std::string own_;
};

class Database {
 public:
  // Opens or creates the file (0600); an empty path is a database in memory.
  static Result<std::unique_ptr<Database>> open(const std::string& path);
  // Opens a file that is there, for reading only, beside the connection that writes.
  static Result<std::unique_ptr<Database>> open_to_read(const std::string& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Statements without values and without results.
  Status script(const std::string& sql);
  // Runs one statement that has no result.
  Status run(const char* sql, std::initializer_list<Value> values);
  // Calls `row` for each row of the result, in order.
  Status each(const char* sql, std::initializer_list<Value> values,
              const std::function<void(const Row&)>& row);
  // The first column of the first row as an integer; nothing without a row or with NULL.
  Result<std::optional<int64_t>> integer(const char* sql, std::initializer_list<Value> values);

  // False once a commit has failed: what is on disk is unknown until the next open, so nothing may be
  // written. One for which the disk has no room is rolled back and has not failed. Any thread.
  bool healthy() const { return healthy_.load(); }
  // Told of the first failure. Before other threads know of the database.
  void on_failure(std::function<void()> failed) { failed_ = std::move(failed); }
  // Asked before each transaction, which an error of it refuses. Likewise.
  void ask_before_writing(std::function<Status()> guard) { guard_ = std::move(guard); }

 private:
  friend class Transaction;
  explicit Database(sqlite3* connection) : connection_(connection) {}
  Result<sqlite3_stmt*> prepare(const char* sql);
  Error failure(std::string_view what) const;

  sqlite3* connection_;
  std::atomic<bool> healthy_ = true;
  std::function<void()> failed_;
  std::function<Status()> guard_;  // may be empty
  std::unordered_map<std::string_view, sqlite3_stmt*>
      statements_;  // keyed by the SQL literals of the program
};

// Rolls back unless committed.
class Transaction {
 public:
  explicit Transaction(Database& database) : database_(database) {}
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  Status begin();
  Status commit();

 private:
  Database& database_;
  bool open_ = false;
};

}  // namespace pirn::registry
