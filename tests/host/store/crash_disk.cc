#include "tests/host/store/crash_disk.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace pirn::store {

namespace {

constexpr size_t kSector = 512;

// What SQLite allocates for an open file.
struct OpenFile {
  sqlite3_file base;
  CrashDisk* disk;
  CrashDisk::FilePtr* file;
  int lock;
  bool maps;
  uint32_t shm_shared, shm_exclusive;  // held, by slot
};
OpenFile& open_file(sqlite3_file* file) { return *reinterpret_cast<OpenFile*>(file); }
CrashDisk::File& contents(sqlite3_file* file) { return **open_file(file).file; }

int unlock(sqlite3_file* base, int level) {
  OpenFile& file = open_file(base);
  CrashDisk::File& held = contents(base);
  if (held.exclusive == &file && level < SQLITE_LOCK_EXCLUSIVE) held.exclusive = nullptr;
  if (held.reserved == &file && level < SQLITE_LOCK_RESERVED) held.reserved = nullptr;
  if (file.lock >= SQLITE_LOCK_SHARED && level < SQLITE_LOCK_SHARED) --held.shared;
  file.lock = std::min(file.lock, level);
  return SQLITE_OK;
}

int lock(sqlite3_file* base, int level) {
  OpenFile& file = open_file(base);
  CrashDisk::File& held = contents(base);
  if (file.lock >= level) return SQLITE_OK;
  if (held.exclusive != nullptr && held.exclusive != &file) return SQLITE_BUSY;
  if (level == SQLITE_LOCK_SHARED) ++held.shared;
  if (level >= SQLITE_LOCK_RESERVED) {
    if (held.reserved != nullptr && held.reserved != &file) return SQLITE_BUSY;
    held.reserved = &file;
  }
  if (level == SQLITE_LOCK_EXCLUSIVE) {
    if (held.shared > 1) return SQLITE_BUSY;
    held.exclusive = &file;
  }
  file.lock = level;
  return SQLITE_OK;
}

int shm_lock(sqlite3_file* base, int offset, int n, int flags) {
  OpenFile& file = open_file(base);
  CrashDisk::File& held = contents(base);
  const auto each = [&](auto act) {
    for (int i = offset; i < offset + n; ++i) act(held.slots[i], 1u << i);
  };
  if ((flags & SQLITE_SHM_UNLOCK) != 0) {
    each([&](CrashDisk::File::Slot& slot, uint32_t bit) {
      if ((file.shm_shared & bit) != 0) --slot.shared;
      if ((file.shm_exclusive & bit) != 0) slot.exclusive = false;
      file.shm_shared &= ~bit;
      file.shm_exclusive &= ~bit;
    });
    return SQLITE_OK;
  }
  const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
  bool free = true;
  each([&](CrashDisk::File::Slot& slot, uint32_t bit) {
    const int others = slot.shared - ((file.shm_shared & bit) != 0 ? 1 : 0);
    if (slot.exclusive || (exclusive && others > 0)) free = false;
  });
  if (!free) return SQLITE_BUSY;
  each([&](CrashDisk::File::Slot& slot, uint32_t bit) {
    if (exclusive) {
      slot.exclusive = true;
      file.shm_exclusive |= bit;
    } else if ((file.shm_shared & bit) == 0) {
      ++slot.shared;
      file.shm_shared |= bit;
    }
  });
  return SQLITE_OK;
}

int shm_map(sqlite3_file* base, int region, int size, int extend, void volatile** out) {
  CrashDisk::File& file = contents(base);
  if (!open_file(base).maps) {
    open_file(base).maps = true;
    ++file.mapped;
  }
  *out = nullptr;
  while (extend != 0 && file.shared_memory.size() <= static_cast<size_t>(region))
    file.shared_memory.push_back(std::make_unique<char[]>(static_cast<size_t>(size)));
  if (static_cast<size_t>(region) < file.shared_memory.size())
    *out = file.shared_memory[static_cast<size_t>(region)].get();
  return SQLITE_OK;
}

int shm_unmap(sqlite3_file* base, int) {
  CrashDisk::File& file = contents(base);
  if (!std::exchange(open_file(base).maps, false)) return SQLITE_OK;
  if (--file.mapped == 0) file.shared_memory.clear();
  return SQLITE_OK;
}

int close(sqlite3_file* base) {
  shm_lock(base, 0, SQLITE_SHM_NLOCK, SQLITE_SHM_UNLOCK);
  shm_unmap(base, 0);
  unlock(base, SQLITE_LOCK_NONE);
  delete open_file(base).file;
  return SQLITE_OK;
}

int read(sqlite3_file* base, void* out, int size, sqlite3_int64 at) {
  if (open_file(base).disk->dead()) return SQLITE_IOERR_READ;
  const std::string& view = contents(base).view;
  const auto wanted = static_cast<size_t>(size), begin = static_cast<size_t>(at);
  const size_t there = begin >= view.size() ? 0 : std::min(wanted, view.size() - begin);
  if (there != 0) std::memcpy(out, view.data() + begin, there);
  std::memset(static_cast<char*>(out) + there, 0, wanted - there);
  return there == wanted ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

const sqlite3_io_methods* io_methods() {
  static const sqlite3_io_methods methods = [] {
    sqlite3_io_methods io{};
    io.iVersion = 2;
    io.xClose = close;
    io.xRead = read;
    io.xWrite = [](sqlite3_file* file, const void* bytes, int size, sqlite3_int64 at) {
      return open_file(file).disk->write(contents(file), static_cast<const char*>(bytes),
                                         static_cast<size_t>(size), static_cast<size_t>(at));
    };
    io.xTruncate = [](sqlite3_file* file, sqlite3_int64 size) {
      return open_file(file).disk->truncate(contents(file), static_cast<size_t>(size));
    };
    io.xSync = [](sqlite3_file* file, int) { return open_file(file).disk->sync(contents(file)); };
    io.xFileSize = [](sqlite3_file* file, sqlite3_int64* size) -> int {
      *size = static_cast<sqlite3_int64>(contents(file).view.size());
      return SQLITE_OK;
    };
    io.xLock = lock;
    io.xUnlock = unlock;
    io.xCheckReservedLock = [](sqlite3_file* file, int* out) -> int {
      *out = contents(file).reserved != nullptr;
      return SQLITE_OK;
    };
    io.xFileControl = [](sqlite3_file*, int, void*) -> int { return SQLITE_NOTFOUND; };
    io.xSectorSize = [](sqlite3_file*) -> int { return 4096; };
    io.xDeviceCharacteristics = [](sqlite3_file*) -> int { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; };
    io.xShmMap = shm_map;
    io.xShmLock = shm_lock;
    io.xShmBarrier = [](sqlite3_file*) {};
    io.xShmUnmap = shm_unmap;
    return io;
  }();
  return &methods;
}

CrashDisk& disk_of(sqlite3_vfs* vfs) { return *static_cast<CrashDisk*>(vfs->pAppData); }

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* base, int flags, int* out_flags) {
  OpenFile& file = open_file(base);
  file = {};
  CrashDisk::FilePtr found =
      disk_of(vfs).open(name == nullptr ? "temporary" : name, (flags & SQLITE_OPEN_CREATE) != 0);
  if (!found) return SQLITE_CANTOPEN;
  file.disk = &disk_of(vfs);
  file.file = new CrashDisk::FilePtr(std::move(found));
  file.base.pMethods = io_methods();
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

void put(std::string& bytes, const CrashDisk::Write& write) {
  if (write.truncate_to) {
    bytes.resize(*write.truncate_to, '\0');
    return;
  }
  if (bytes.size() < write.at + write.bytes.size()) bytes.resize(write.at + write.bytes.size(), '\0');
  bytes.replace(write.at, write.bytes.size(), write.bytes);
}

// Each sector of the write arrives or does not.
void put_torn(std::string& bytes, const CrashDisk::Write& write, std::mt19937& random) {
  if (write.truncate_to) {
    if ((random() & 1) != 0) put(bytes, write);
    return;
  }
  const bool whole = (random() & 1) != 0, torn = (random() & 3) == 0;
  for (size_t from = 0; from < write.bytes.size(); from += kSector)
    if (torn ? (random() & 1) != 0 : whole)
      put(bytes, {write.at + from, write.bytes.substr(from, kSector), std::nullopt});
}

}  // namespace

CrashDisk::CrashDisk(std::string name) : name_(std::move(name)) {
  sqlite3_initialize();
  const sqlite3_vfs* const system = sqlite3_vfs_find(nullptr);
  vfs_ = *system;
  vfs_.iVersion = 1;
  vfs_.szOsFile = sizeof(OpenFile);
  vfs_.zName = name_.c_str();
  vfs_.pAppData = this;
  vfs_.pNext = nullptr;
  vfs_.xOpen = store::open;
  vfs_.xDelete = [](sqlite3_vfs* vfs, const char* path, int) { return disk_of(vfs).remove(path); };
  vfs_.xAccess = [](sqlite3_vfs* vfs, const char* path, int, int* out) -> int {
    *out = disk_of(vfs).exists(path);
    return SQLITE_OK;
  };
  vfs_.xFullPathname = [](sqlite3_vfs*, const char* path, int size, char* out) -> int {
    sqlite3_snprintf(size, out, "%s", path);
    return SQLITE_OK;
  };
  vfs_.xGetLastError = [](sqlite3_vfs*, int, char*) -> int { return 0; };
  sqlite3_vfs_register(&vfs_, 0);
}

CrashDisk::~CrashDisk() { sqlite3_vfs_unregister(&vfs_); }

void CrashDisk::fault_at(uint64_t operation, Fault fault) {
  operations_ = 0;
  fault_at_ = operation;
  fault_ = fault;
  fault_happened_ = false;
}

int CrashDisk::operation(int code_of_io_error) {
  if (dead_) return code_of_io_error;
  if (++operations_ != fault_at_) return SQLITE_OK;
  fault_happened_ = true;
  if (fault_ == Fault::kill) dead_ = true;
  return fault_ == Fault::no_space && code_of_io_error == SQLITE_IOERR_WRITE ? SQLITE_FULL : code_of_io_error;
}

CrashDisk::FilePtr CrashDisk::open(const std::string& path, bool create) {
  if (dead_) return nullptr;
  const auto found = files_.find(path);
  if (found != files_.end()) return found->second;
  if (!create) return nullptr;
  return files_[path] = std::make_shared<File>();
}

int CrashDisk::remove(const std::string& path) {
  if (const int code = operation(SQLITE_IOERR_DELETE)) return code;
  return files_.erase(path) != 0 ? SQLITE_OK : SQLITE_IOERR_DELETE_NOENT;
}

// The write that is under way when the machine dies may arrive, too.
int CrashDisk::write(File& file, const char* bytes, size_t size, size_t at) {
  const bool was_dead = dead_;
  const int code = operation(SQLITE_IOERR_WRITE);
  if (was_dead || (code != SQLITE_OK && !dead_)) return code;
  file.unsynced.push_back({at, std::string(bytes, size), {}});
  put(file.view, file.unsynced.back());
  return code;
}

int CrashDisk::truncate(File& file, size_t size) {
  if (const int code = operation(SQLITE_IOERR_TRUNCATE)) return code;
  file.unsynced.push_back({0, "", size});
  put(file.view, file.unsynced.back());
  return SQLITE_OK;
}

int CrashDisk::sync(File& file) {
  const int code = operation(SQLITE_IOERR_FSYNC);
  if (code == SQLITE_OK && !ignores_syncs_)
    for (const Write& write : file.unsynced) put(file.durable, write);
  if (dead_ || ignores_syncs_) return code;
  if (code != SQLITE_OK) a_sync_failed_ = true;
  file.unsynced.clear();
  return code;
}

void CrashDisk::reboot(Unsynced unsynced, uint32_t seed) {
  std::mt19937 random(seed);
  for (auto& [path, file] : files_) {
    for (const Write& write : file->unsynced) {
      if (unsynced == Unsynced::kept) put(file->durable, write);
      if (unsynced == Unsynced::random) put_torn(file->durable, write, random);
    }
    auto after = std::make_shared<File>();
    after->view = after->durable = file->durable;
    file = std::move(after);
  }
  dead_ = false;
  no_fault();
}

}  // namespace pirn::store
