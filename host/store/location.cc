#include "host/store/location.h"

#include "host/store/memory_store.h"
#include "host/store/sqlite_store.h"

namespace pirn::store {

namespace {

constexpr std::string_view kSqlite = "sqlite://";

Error refused(const std::string& setting, const std::string& value, const std::string& why) {
  return {Code::invalid_argument, setting + " is '" + value + "': " + why,
          "Write sqlite, sqlite://NAME (a file in the data directory), sqlite:///ABSOLUTE/PATH or memory."};
}

bool file_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
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
                 "PIRN_DB_NAME is '" + settings.name_of_environment + "', which is not the name of a file",
                 "Give a name without a directory; PIRN_STORE_URL takes a whole path."};
  return StoreLocation{false, data_directory + "/" + settings.name_of_environment};
}

Result<std::unique_ptr<Store>> open_store(const StoreLocation& location) {
  if (location.memory) return std::unique_ptr<Store>(std::make_unique<MemoryStore>());
  PIRN_TRY(std::unique_ptr<Store> store, SqliteStore::open(location.path));
  return store;
}

}  // namespace pirn::store
