#include "host/maintenance/verify.h"

#include <unistd.h>

#include "host/maintenance/backup.h"
#include "host/maintenance/files.h"
#include "host/maintenance/parts.h"
#include "host/store/sqlite_verify.h"

namespace pirn::maintenance {

namespace {

using store::Connection;
using store::Statement;

constexpr size_t kMostListed = 100;

class Verifier {
 public:
  explicit Verifier(std::string directory) : directory_(std::move(directory)) {}

  // A database that is too damaged to be read is a damage like any other.
  template <class Check>
  Status check(const std::string& name, const std::string& path, Check check_it) {
    if (::access(path.c_str(), F_OK) != 0) {
      report(name, "it is not there");
      return {};
    }
    auto connection = Connection::open(path, Connection::Mode::read_only, nullptr);
    Status checked = connection ? store::check_structure(*connection, told_of(name)) : connection.error();
    if (checked) checked = check_it(*connection);
    if (checked || checked.error().code != Code::store_corrupt) return checked;
    report(name, checked.error().message);
    return {};
  }

  store::Report told_of(const std::string& file) {
    return [this, file](std::string what) { report(file, std::move(what)); };
  }
  void report(const std::string& file, std::string what) {
    if (found_.damages.size() < kMostListed)
      found_.damages.push_back({file, std::move(what)});
    else
      ++found_.more;
  }

  // What the executions refer to. Of a release whatever is said of it is in the registry, so one is enough.
  Status check_references(Connection& connection) {
    const std::string registry = directory_ + "/registry.db";
    if (::access(registry.c_str(), F_OK) != 0) return {};  // which is reported by itself
    PIRN_TRY(Statement attach, connection.prepare("ATTACH ? AS registry"));
    attach.bind(1, std::string_view(registry));
    if (const int code = attach.run(); code != SQLITE_OK) return connection.error(code, "attaching to");
    PIRN_DO(each(connection,
                 "SELECT DISTINCT tenant FROM executions"
                 " WHERE tenant NOT IN (SELECT name FROM registry.tenants)",
                 [&](const Statement& row) {
                   report("pirn.db", "there are executions of the tenant '" + std::string(row.bytes(0)) +
                                         "', which the registry does not have");
                 }));
    return each(
        connection,
        "SELECT tenant, lower(hex(release)), count(*) FROM executions AS e WHERE NOT EXISTS"
        " (SELECT 1 FROM registry.releases WHERE tenant = e.tenant AND digest = lower(hex(e.release)))"
        " GROUP BY tenant, release",
        [&](const Statement& row) {
          report("pirn.db", std::to_string(row.integer(2)) + " executions of the tenant '" +
                                std::string(row.bytes(0)) + "' ran the release " + std::string(row.bytes(1)) +
                                ", which the registry does not have");
        });
  }

  Status check_blobs(Connection& registry) {
    return each(registry,
                "SELECT blob FROM release_blobs UNION SELECT archive FROM releases"
                " UNION SELECT definition FROM releases",
                [&](const Statement& row) { check_blob(std::string(row.bytes(0))); });
  }

  Verification found_;

 private:
  void check_blob(const std::string& name) {
    ++found_.blobs;
    const auto found = digest_of_file(directory_ + "/blobs/" + name);
    if (!found)
      report("blobs/" + name, found.error().message);
    else if (found->digest.hex() != name)
      report("blobs/" + name, "its contents have the SHA-256 " + found->digest.hex());
  }

  template <class Visit>
  static Status each(Connection& connection, const char* sql, Visit visit) {
    PIRN_TRY(Statement rows, connection.prepare(sql));
    int code = SQLITE_ROW;
    while ((code = rows.step()) == SQLITE_ROW) visit(rows);
    return code == SQLITE_DONE ? Status() : Status(connection.error(code, "reading"));
  }

  const std::string directory_;
};

}  // namespace

Result<Verification> verify(const std::string& data_directory, const std::string& store) {
  PIRN_TRY(const BackupSize backup, check_manifest(data_directory));
  PIRN_DO(check_parts(data_directory, store));
  Verifier verifier(data_directory);
  Verification& found = verifier.found_;
  found.backup_files = backup.files;
  if (!store.empty())
    PIRN_DO(verifier.check("pirn.db", store, [&](Connection& connection) -> Status {
      store::RowsChecked rows;
      PIRN_DO(store::check_rows(connection, rows, verifier.told_of("pirn.db")));
      found.rows = rows.rows;
      found.without_checksum = rows.without_checksum;
      return verifier.check_references(connection);
    }));
  PIRN_DO(verifier.check("registry.db", data_directory + "/registry.db",
                         [&](Connection& connection) { return verifier.check_blobs(connection); }));
  // A host that keeps its executions in memory keeps its logbook there, too.
  if (!store.empty())
    PIRN_DO(
        verifier.check("logbook.db", data_directory + "/logbook.db", [](Connection&) { return Status(); }));
  return std::move(found);
}

}  // namespace pirn::maintenance
