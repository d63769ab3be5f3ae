#include "host/maintenance/parts.h"

#include <sys/stat.h>
#include <unistd.h>

namespace pirn::maintenance {

namespace {

bool is_there(const std::string& path, off_t least = 1) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && status.st_size >= least;
}

// SQLite takes a file of a single byte for an empty database.
bool has_database(const std::string& path) { return is_there(path, 2); }

constexpr const char* kPutItBack =
    "That file holds commits of the missing database: put the database back next to it, or restore the data "
    "directory from a backup. --init begins with an empty database and loses these commits.";

Status check(const std::string& database, std::initializer_list<std::string> others) {
  if (has_database(database)) return {};
  for (const std::string& other : others)
    if (is_there(other))
      return Error{Code::store_missing, database + " is missing or empty, and " + other + " is there",
                   other == database + "-wal" ? kPutItBack : "", Blame::world};
  return {};
}

}  // namespace

Status check_parts(const std::string& data_directory, const std::string& store) {
  const auto file = [&](const char* name) { return data_directory + "/" + name; };
  // Each is made after the database that it is evidence for.
  PIRN_DO(
      check(file("registry.db"), {file("registry.db-wal"), file("registry.sealed"), file("registry.pepper"),
                                  file("blobs"), file("pirn.db"), file("logbook.db")}));
  return store.empty() ? Status() : check(store, {store + "-wal", file("logbook.db"), file("crashes")});
}

void begin_anew(const std::string& data_directory) {
  // A new registry has no seal yet.
  if (!has_database(data_directory + "/registry.db")) ::unlink((data_directory + "/registry.sealed").c_str());
}

}  // namespace pirn::maintenance
