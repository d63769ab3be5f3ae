// A disk in memory behind SQLite's VFS, which loses what was not synced: the crash points of the store's
// tests.
//
// What a program wrote is in `view`, what survives a power cut in `durable`; the writes in between are kept
// one by one. At a reboot they are lost, kept, or picked at random, torn at sectors. Each write, sync,
// truncate and delete is an operation with a number; the n-th can kill the machine (nothing works any more
// until the reboot) or fail once. A sync that fails drops what it should have written, as Linux does: it
// stays readable, and no later sync makes it durable.
//
// One thread. Shared memory is ordinary memory: all connections live in this process.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace pirn::store {

class CrashDisk {
 public:
  enum class Unsynced { lost, kept, random };
  enum class Fault { kill, no_space, io_error };

  explicit CrashDisk(std::string name);
  ~CrashDisk();
  CrashDisk(const CrashDisk&) = delete;
  CrashDisk& operator=(const CrashDisk&) = delete;

  const char* vfs() const { return name_.c_str(); }

  // The operation with this number (from 1, counted from now).
  void fault_at(uint64_t operation, Fault fault);
  void no_fault() { fault_at_ = 0; }
  uint64_t operations() const { return operations_; }
  void count_from_zero() { operations_ = 0; }
  bool dead() const { return dead_; }
  bool fault_happened() const { return fault_happened_; }
  bool a_sync_failed() const { return a_sync_failed_; }

  // Power is cut and comes back. No connection may be open any more.
  void reboot(Unsynced unsynced, uint32_t seed);

  // A disk that says "synced" and does nothing: the tests must notice.
  void ignore_syncs() { ignores_syncs_ = true; }

  struct Write {
    size_t at = 0;
    std::string bytes;
    std::optional<size_t> truncate_to;
  };
  struct File {
    std::string view, durable;
    std::vector<Write> unsynced;
    int shared = 0;
    const void* reserved = nullptr;
    const void* exclusive = nullptr;
    std::vector<std::unique_ptr<char[]>> shared_memory;
    int mapped = 0;
    struct Slot {
      int shared = 0;
      bool exclusive = false;
    } slots[SQLITE_SHM_NLOCK];
  };
  using FilePtr = std::shared_ptr<File>;

  // For the file system's functions.
  FilePtr open(const std::string& path, bool create);
  bool exists(const std::string& path) const { return !dead_ && files_.count(path) != 0; }
  int remove(const std::string& path);
  int write(File& file, const char* bytes, size_t size, size_t at);
  int truncate(File& file, size_t size);
  int sync(File& file);

 private:
  // Counts an operation; what it has to answer, if not its own result.
  int operation(int code_of_io_error);

  std::string name_;
  sqlite3_vfs vfs_{};
  std::map<std::string, FilePtr> files_;
  uint64_t operations_ = 0, fault_at_ = 0;
  Fault fault_ = Fault::kill;
  bool dead_ = false, fault_happened_ = false, a_sync_failed_ = false, ignores_syncs_ = false;
};

}  // namespace pirn::store
