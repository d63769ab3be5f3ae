// Which store a host uses, and where it is.
//
// The order: the environment's PIRN_STORE_URL, then the value of code or configuration, then the
// environment's PIRN_DB_NAME (a file's name), then sqlite://pirn.db. Forms:
//   sqlite               sqlite://pirn.db
//   sqlite://NAME        a file in the data directory
//   sqlite:///ABSOLUTE   a file anywhere
//   memory               nothing is kept; only when it is asked for by this word, never as a fall-back
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host/store/database_file.h"
#include "host/store/store.h"

namespace pirn::store {

class MemoryStore;

struct StoreLocation {
  bool memory = false;
  std::string path;  // of the SQLite file; empty for memory

  // Of the file; empty for memory.
  std::string directory() const {
    const size_t slash = path.rfind('/');
    return slash == std::string::npos ? std::string() : path.substr(0, slash);
  }
};

// An empty value counts as not set.
struct StoreSettings {
  std::string url_of_environment;    // PIRN_STORE_URL
  std::string url_of_configuration;  // --store, or the configuration file's value
  std::string name_of_environment;   // PIRN_DB_NAME
};

// Pure. invalid_argument names the setting that cannot be used; unsupported a store that this version does
// not have.
Result<StoreLocation> resolve_store_url(const StoreSettings& settings, const std::string& data_directory);

// An opened store, and what else can be asked of its kind. Of both pointers one is set; both are to the store.
struct OpenedStore {
  std::unique_ptr<Store> store;
  DatabaseFile* file = nullptr;         // on a disk
  const MemoryStore* memory = nullptr;  // in memory
};

// What cannot be opened is an error (store_unopenable and its relatives), and so are a file and directories
// above it that others can change (data_directory_unsafe, private_files.h). What is only to be reported of
// those directories is appended to `warnings`, one sentence each; null: nobody asks.
Result<OpenedStore> open_store(const StoreLocation& location, std::vector<std::string>* warnings = nullptr);

}  // namespace pirn::store
