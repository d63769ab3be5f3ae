// Why a write-ahead log grows. SQLite starts a WAL again from its beginning when nobody reads from it: a
// transaction that reads for hours keeps it from that, and the disk fills. So what reads long says what it is
// for, and health names it; of other processes the kernel tells the number.
//
// Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pirn::store {

// Twice as large as the WAL of pirn.db is when its writer first holds readers of this process back
// (sqlite_store.h), and as SQLite leaves the file of a WAL that has started again.
inline constexpr uint64_t kWalWarningBytes = 128u << 20;

// What this thread reads for, until the end of the scope: "GET /v1/executions". `what` outlives it.
class Purpose {
 public:
  explicit Purpose(std::string_view what);
  ~Purpose();
  Purpose(const Purpose&) = delete;
  Purpose& operator=(const Purpose&) = delete;

 private:
  const std::string_view before_;
};

// This process reads from a database, for what its thread reads for; or for `what`.
class Reading {
 public:
  explicit Reading(std::string_view database, std::string_view what = {});
  ~Reading();
  Reading(Reading&& other) noexcept;
  Reading& operator=(Reading&&) = delete;

 private:
  uint64_t id_;  // 0: moved from
};

// Why the WAL of this database is larger than `limit`, and who reads from it; empty: it is not.
std::string wal_warning(const std::string& database, uint64_t limit = kWalWarningBytes);

}  // namespace pirn::store
