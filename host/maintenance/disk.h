// Room on the disk: watched, announced before it is gone, and kept back for what must go on.
//
//   ample  nothing to say
//   low    announced: 90 % used, or 1 GiB left
//   full   new work is refused, and what runs goes on with what is left below the reserve
//
// Free pages inside of the store's file count as room: after a prune the store takes them before it grows,
// and on a full disk nothing else could give room back (compacting needs room for a second file).
//
// Other programs can fill a disk in spite of any threshold. Against them a part of the reserve is a file
// ("reserve" in the data directory) that holds its blocks: the host gives most of it up when the disk runs
// out, and a start takes the last quarter, so that a host whose disk is full can be started and pruned. It is
// made again when there is room.
//
// Threads: look() and begin() belong to one thread at a time; state() may be called from any.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "packager/error/error.h"
#include "packager/mutex/mutex.h"

namespace pirn::maintenance {

// Of one file system, as df counts: without what is set aside for root.
struct DiskSpace {
  uint64_t used = 0, free = 0;  // bytes
};
// statvfs. io_failed.
Result<DiskSpace> disk_space(const std::string& directory);
using DiskProbe = std::function<Result<DiskSpace>(const std::string& directory)>;

inline constexpr const char* kReserveFile = "reserve";

struct DiskOptions {
  double warn_used = 0.9;                 // share of the file system, 0 to 1
  uint64_t warn_free_bytes = 1ull << 30;  // either of both is enough
  std::optional<uint64_t> reserve_bytes;  // by default 5 % of the file system, from 16 to 256 MiB
};

enum class Room : uint8_t { ample, low, full };
std::string_view name_of(Room room);

struct DiskState {
  Room room = Room::ample;
  std::string directory;  // of the file system that has the least room
  DiskSpace space;
  uint64_t reserve_bytes = 0;
  std::string detail;  // a sentence; of ample room empty
};

class DiskWatch {
 public:
  // `store_directory`: may be on another file system; empty: executions are kept in memory.
  DiskWatch(std::string data_directory, std::string store_directory, DiskOptions options,
            DiskProbe probe = disk_space);

  // Before anything of the data directory is opened: gives up the reserve file when there is no room to
  // start.
  void begin();
  // Looks, and makes, gives up or makes again the reserve file. `free_in_store` is asked only when room is
  // scarce. Returns whether `room` is another than before.
  bool look(int64_t now, const std::function<uint64_t()>& free_in_store);
  // When the next look is due: soon when little is left, seldom when much is.
  int64_t next_look_at() const { return next_look_at_; }
  DiskState state() const;
  // What the probe says. Any thread.
  Result<DiskSpace> ask(const std::string& directory) const { return probe_(directory); }

 private:
  DiskState examine(const std::string& directory, const std::function<uint64_t()>& free_in_store) const;
  void hold(const DiskState& state);

  const std::string data_directory_;
  std::vector<std::string> directories_;
  const DiskOptions options_;
  const DiskProbe probe_;
  int64_t next_look_at_ = 0;
  mutable Mutex mutex_;
  DiskState state_ PIRN_GUARDED_BY(mutex_);
};

}  // namespace pirn::maintenance
