#include "host/store/wal_watch.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "packager/mutex/mutex.h"

namespace pirn::store {

namespace {

using Clock = std::chrono::steady_clock;

thread_local std::string_view purpose;

struct Entry {
  std::string database, what;
  Clock::time_point since;
};
struct Table {
  Mutex mutex;
  std::map<uint64_t, Entry> entries PIRN_GUARDED_BY(mutex);  // the oldest first
  uint64_t next PIRN_GUARDED_BY(mutex) = 1;
};
Table& table() {
  static Table* const all = new Table;  // readers may outlive static objects
  return *all;
}

// SQLite's locks of those who read from a WAL: bytes of the file -shm (wal.c, WAL_READ_LOCK).
constexpr uint64_t kFirstReadLock = 123, kLastReadLock = 127;

// The processes that read, by the kernel's table of locks: "1: POSIX  ADVISORY  READ 4711 08:01:99 123 123".
std::set<long> reading_processes(const std::string& database) {
  std::set<long> found;
  struct stat shared {};
  if (::stat((database + "-shm").c_str(), &shared) != 0) return found;
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    long process = 0;
    unsigned device_major = 0, device_minor = 0;
    unsigned long long inode = 0, first = 0, last = 0;
    if (std::sscanf(line.c_str(), "%*u: POSIX %*s READ %ld %x:%x:%llu %llu %llu", &process, &device_major,
                    &device_minor, &inode, &first, &last) != 6)
      continue;
    if (inode == shared.st_ino && makedev(device_major, device_minor) == shared.st_dev &&
        last >= kFirstReadLock && first <= kLastReadLock)
      found.insert(process);
  }
  return found;
}

std::string name_of(long process) {
  if (process <= 0) return "a process outside of this container";
  std::string name;
  std::ifstream comm("/proc/" + std::to_string(process) + "/comm");
  std::getline(comm, name);
  return "another process, " + std::to_string(process) + (name.empty() ? "" : " (" + name + ")");
}

// "GET /v1/executions, for 12 s", the longest first.
std::vector<std::string> own_readers(const std::string& database) {
  std::vector<std::string> found;
  Table& all = table();
  const auto now = Clock::now();
  const MutexLock lock(all.mutex);
  for (const auto& [id, entry] : all.entries) {
    if (entry.database != database) continue;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - entry.since).count();
    found.push_back("this host (" + entry.what + ", for " + std::to_string(seconds) + " s)");
  }
  return found;
}

std::string mebibytes(uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

}  // namespace

Purpose::Purpose(std::string_view what) : before_(std::exchange(purpose, what)) {}
Purpose::~Purpose() { purpose = before_; }

Reading::Reading(std::string_view database, std::string_view what) {
  if (what.empty()) what = purpose.empty() ? "work of its own" : purpose;
  Table& all = table();
  const MutexLock lock(all.mutex);
  id_ = all.next++;
  all.entries.emplace_hint(all.entries.end(), id_,
                           Entry{std::string(database), std::string(what), Clock::now()});
}
Reading::Reading(Reading&& other) noexcept : id_(std::exchange(other.id_, 0)) {}
Reading::~Reading() {
  if (id_ == 0) return;
  Table& all = table();
  const MutexLock lock(all.mutex);
  all.entries.erase(id_);
}

std::string wal_warning(const std::string& database, uint64_t limit) {
  struct stat wal {};
  if (::stat((database + "-wal").c_str(), &wal) != 0 || static_cast<uint64_t>(wal.st_size) <= limit)
    return {};
  std::vector<std::string> readers = own_readers(database);
  constexpr size_t kShown = 3;
  if (readers.size() > kShown) readers.resize(kShown);
  for (const long process : reading_processes(database))
    if (process != ::getpid())
      readers.push_back(name_of(process));
    else if (readers.empty())
      readers.emplace_back("this host");
  std::string text = database.substr(database.rfind('/') + 1) + "-wal has " +
                     mebibytes(static_cast<uint64_t>(wal.st_size)) + ", more than " + mebibytes(limit);
  if (readers.empty())
    return text +
           ": no process reads from it now; it starts again once all of it has been copied to the database";
  text += ": it grows while it is read by ";
  for (size_t i = 0; i < readers.size(); ++i) text += (i == 0 ? "" : ", ") + readers[i];
  return text;
}

}  // namespace pirn::store
