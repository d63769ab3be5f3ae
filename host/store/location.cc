#include "host/store/location.h"

#include <algorithm>

#include "host/store/memory_store.h"
#include "host/store/private_files.h"
#include "host/store/sqlite_store.h"

namespace pirn::store {

namespace {

constexpr std::string_view kSqlite = "sqlite://";

Error refused(const std::string& setting, const std::string& value, const std::string& why) {
  return {Code::invalid_argument, setting + " is '" + value + "': " + why,
          "Write sqlite, sqlite://NAME (a file in the data directory), sqlite:///ABSOLUTE/PATH or memory."};
}

// Of a file in the data directory that nothing else of the host has: 1 to 63 of A-Z, a-z, 0-9, '.', '_' and
// '-'.
bool file_name(const std::string& name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  if (name.empty() || name.size() > 63 || name == "." || name == ".." ||
      !std::all_of(name.begin(), name.end(), fits))
    return false;
  for (const std::string_view taken : {"registry.db", "logbook.db"})
    if (name.starts_with(taken)) return false;
  for (const std::string_view taken : {"registry.pepper", "registry.sealed", "lock", "pirn.sock", "crashes",
                                       "blobs", "lost+found", "reserve", "backup.json"})
    if (name == taken) return false;
  return true;
}

Result<StoreLocation> from_url(const std::string& setting, const std::string& url,
                               const std::string& directory) {
  if (url == "memory") return StoreLocation{true, ""};
  if (url == "sqlite") return StoreLocation{false, directory + "/pirn.db"};
  if (url.starts_with("postgres://") || url.starts_with("postgresql://"))
    return Error{Code::unsupported, setting + " is '" + url.substr(0, url.find(':')) +
                                        "://…': this version has no PostgreSQL store"};
  if (!url.starts_with(kSqlite)) return refused(setting, url, "no store is known by this form");
  const std::string rest = url.substr(kSqlite.size());
  if (rest == ":memory:") return refused(setting, url, "a store in memory is asked for by the word memory");
  if (rest.find_first_of("?#") != std::string::npos)
    return refused(setting, url, "a store takes no parameters");
  if (rest.starts_with("/")) {
    if (rest.ends_with("/")) return refused(setting, url, "it names no file");
    return StoreLocation{false, rest};
  }
  if (!file_name(rest)) return refused(setting, url, "it names no file in the data directory");
  return StoreLocation{false, directory + "/" + rest};
}

}  // namespace

Result<StoreLocation> resolve_store_url(const StoreSettings& settings, const std::string& data_directory) {
  if (!settings.url_of_environment.empty())
    return from_url("PIRN_STORE_URL", settings.url_of_environment, data_directory);
  if (!settings.url_of_configuration.empty())
    return from_url("the store", settings.url_of_configuration, data_directory);
  if (settings.name_of_environment.empty()) return StoreLocation{false, data_directory + "/pirn.db"};
  if (!file_name(settings.name_of_environment))
    return Error{Code::invalid_argument,
                 "PIRN_DB_NAME is '" + settings.name_of_environment + "', which cannot name the store's file",
                 "Give a name like pirn.db, without a directory and not one of the host's other files; "
                 "PIRN_STORE_URL takes a whole path."};
  return StoreLocation{false, data_directory + "/" + settings.name_of_environment};
}

Result<OpenedStore> open_store(const StoreLocation& location, std::vector<std::string>* warnings) {
  if (location.memory) {
    auto memory = std::make_unique<MemoryStore>(make_memory_store_contents(kEndedJournalBytes));
    const MemoryStore* const as_memory = memory.get();
    return OpenedStore{std::move(memory), nullptr, as_memory};
  }
  // It may lie outside the data directory.
  std::vector<std::string> reported;
  const Status parents = check_parents(location.path, reported);
  if (!parents && parents.error().code == Code::data_directory_unsafe) return parents.error();
  PIRN_DO(check_private_database(location.path));
  PIRN_TRY(auto store, SqliteStore::open(location.path));  // says that a directory is missing
  PIRN_DO(parents);
  if (warnings != nullptr) warnings->insert(warnings->end(), reported.begin(), reported.end());
  DatabaseFile* const file = store.get();
  return OpenedStore{std::move(store), file, nullptr};
}

}  // namespace pirn::store
