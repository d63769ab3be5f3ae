#include "host/maintenance/disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "packager/file/descriptor.h"
#include "packager/mutex/mutex.h"

namespace pirn::maintenance {

namespace {

constexpr uint64_t kMiB = 1ull << 20;
constexpr uint64_t kLeastReserve = 16 * kMiB, kMostReserve = 256 * kMiB;  // unless the operator says
constexpr uint64_t kMostHeld = 32 * kMiB;                                 // in the reserve file
constexpr uint64_t kLogRoom = 16 * kMiB;   // that the store's log and the other databases need in any case
constexpr uint64_t kStartRoom = 4 * kMiB;  // that a start needs
constexpr int64_t kSecond = 1'000'000'000;
constexpr uint64_t kFastestBytes = 1ull << 30;  // what may be written in a second

uint64_t held_at_most(uint64_t reserve) { return std::min(kMostHeld, reserve / 4); }

std::string mebibytes(uint64_t bytes) { return std::to_string(bytes / kMiB) + " MiB"; }

// What ends a state that began with so much.
uint64_t with_slack(uint64_t reserve) { return reserve + reserve / 4; }
// Of a reserve, what has to be free outside of the store.
uint64_t outside_of(uint64_t reserve) { return std::min(kLogRoom, reserve / 4); }

// What has to be freed, in whole MiB.
std::string at_least(uint64_t bytes) { return mebibytes(bytes + kMiB - 1); }

// How a full disk gets room for starts again. Pages that a prune frees inside of the store count, except for
// what its log and the other files need outside of it.
std::string way_out(const DiskSpace& space, uint64_t in_store, uint64_t enough, uint64_t outside) {
  const auto lacks = [](uint64_t needed, uint64_t there) { return needed - std::min(needed, there); };
  const uint64_t lacking = lacks(enough, space.free + in_store), lacking_outside = lacks(outside, space.free);
  if (lacking_outside == 0)
    return "remove " + at_least(lacking) +
           " of old executions (pirn store prune), or free as much on the disk";
  std::string text = "free " + at_least(lacking_outside) + " on the disk";
  if (lacking > lacking_outside)
    text += ", and " + at_least(lacking - lacking_outside) +
            " more there or of old executions (pirn store prune)";
  return text;
}

double used_share(const DiskSpace& space) {
  const uint64_t all = space.used + space.free;
  return all == 0 ? 0 : static_cast<double>(space.used) / static_cast<double>(all);
}

uint64_t size_of(const std::string& file) {
  struct stat found {};
  return ::stat(file.c_str(), &found) == 0 ? static_cast<uint64_t>(found.st_size) : 0;
}

// Whoever has the room may lose it to the reserve file, nobody else: a failure leaves no file behind.
void make_held(const std::string& path, uint64_t bytes) {
  const file::FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return;
  const bool held = ::posix_fallocate(file.get(), 0, static_cast<off_t>(bytes)) == 0;
  if (!held) ::unlink(path.c_str());
}

void shrink_held(const std::string& path, uint64_t bytes) {
  if (bytes == 0)
    ::unlink(path.c_str());
  else if (size_of(path) > bytes)
    (void)!::truncate(path.c_str(), static_cast<off_t>(bytes));
}

}  // namespace

std::string_view name_of(Room room) {
  return room == Room::ample ? "ample" : room == Room::low ? "low" : "full";
}

Result<DiskSpace> disk_space(const std::string& directory) {
  struct statvfs found {};
  if (::statvfs(directory.c_str(), &found) != 0)
    return Error{Code::io_failed,
                 "asking for the room of '" + directory + "' failed: " + std::strerror(errno),
                 {},
                 Blame::world};
  return DiskSpace{(found.f_blocks - found.f_bfree) * found.f_frsize, found.f_bavail * found.f_frsize};
}

DiskWatch::DiskWatch(std::string data_directory, std::string store_directory, DiskOptions options,
                     DiskProbe probe)
    : data_directory_(std::move(data_directory)), options_(options), probe_(std::move(probe)) {
  directories_.push_back(data_directory_);
  if (!store_directory.empty() && store_directory != data_directory_)
    directories_.push_back(std::move(store_directory));
}

void DiskWatch::begin() {
  const Result<DiskSpace> space = probe_(data_directory_);
  if (space && space->free < kStartRoom) shrink_held(data_directory_ + "/" + kReserveFile, 0);
}

DiskState DiskWatch::examine(const std::string& directory,
                             const std::function<uint64_t()>& free_in_store) const {
  const Room before = state().room;  // this thread is the only one that changes it
  DiskState now;
  now.directory = directory;
  const Result<DiskSpace> space = probe_(directory);
  if (!space) {
    // Unknown is not full: the store itself notices when it cannot write.
    now.room = Room::low;
    now.detail = space.error().message;
    return now;
  }
  now.space = *space;
  now.reserve_bytes = options_.reserve_bytes.value_or(
      std::clamp((space->used + space->free) / 20, kLeastReserve, kMostReserve));
  // It takes a little more room to leave a state than to enter it, so that nothing goes to and fro.
  const uint64_t reserve = before == Room::full ? with_slack(now.reserve_bytes) : now.reserve_bytes;
  const uint64_t warn_free =
      options_.warn_free_bytes + (before == Room::ample ? 0 : options_.warn_free_bytes / 10);
  const double warn_used = options_.warn_used - (before == Room::ample ? 0 : 0.01);
  const bool scarce = space->free < reserve;
  const uint64_t in_store = scarce && free_in_store ? free_in_store() : 0;
  if (scarce && (space->free < outside_of(reserve) || space->free + in_store < reserve)) {
    const uint64_t enough = with_slack(now.reserve_bytes);
    now.room = Room::full;
    now.detail = "'" + directory + "' has " + mebibytes(space->free) + " left, and the last " +
                 mebibytes(now.reserve_bytes) +
                 " are kept for what runs: " + way_out(*space, in_store, enough, outside_of(enough));
  } else if (space->free < warn_free || used_share(*space) >= warn_used) {
    now.room = Room::low;
    now.detail = "'" + directory + "' has " + mebibytes(space->free) + " left, " +
                 std::to_string(static_cast<int>(used_share(*space) * 100)) + " % are used";
  }
  return now;
}

void DiskWatch::hold(const DiskState& state) {
  const std::string file = data_directory_ + "/" + kReserveFile;
  const uint64_t most = held_at_most(state.reserve_bytes), held = size_of(file);
  if (state.room == Room::full) {
    if (state.space.free < most / 2) shrink_held(file, most / 4);
  } else if (held < most && state.space.free > state.reserve_bytes + most) {
    make_held(file, most);
  } else if (held > most) {
    shrink_held(file, most);
  }
}

bool DiskWatch::look(int64_t now, const std::function<uint64_t()>& free_in_store) {
  DiskState worst;
  for (const std::string& directory : directories_) {
    DiskState state = examine(directory, free_in_store);
    if (directory == data_directory_ && (state.space.used != 0 || state.space.free != 0)) hold(state);
    if (worst.directory.empty() || state.room > worst.room ||
        (state.room == worst.room && state.space.free < worst.space.free))
      worst = std::move(state);
  }
  const uint64_t above = worst.space.free - std::min(worst.space.free, worst.reserve_bytes);
  next_look_at_ =
      now + std::clamp<int64_t>(static_cast<int64_t>(above / kFastestBytes) * kSecond, kSecond, 30 * kSecond);
  const MutexLock lock(mutex_);
  const bool changed = worst.room != state_.room;
  state_ = std::move(worst);
  return changed;
}

DiskState DiskWatch::state() const {
  const MutexLock lock(mutex_);
  return state_;
}

}  // namespace pirn::maintenance
