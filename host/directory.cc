// A data directory as the command line knows it without a host: where it is unless somebody says, and whether
// its audit log holds.
#include <unistd.h>

#include "host/api/audit_text.h"
#include "host/environment.h"
#include "host/host.h"
#include "host/store/data_directory.h"
#include "registry/registry.h"

namespace pirn {

std::string default_data_directory() {
  if (const std::string state = environment("XDG_STATE_HOME"); !state.empty()) return state + "/pirn";
  if (geteuid() == 0) return "/var/lib/pirn";
  return environment("HOME") + "/.local/state/pirn";
}

std::string_view host_version() { return PIRN_VERSION; }

Result<std::string> verify_audit_of(const std::string& data_directory) {
  if (access((data_directory + "/registry.db").c_str(), F_OK) != 0)
    return Error{Code::not_found,
                 "'" + data_directory + "' is not the data directory of a host: it has no registry.db",
                 "Name it with --data."};
  PIRN_TRY(const store::DataDirectory directory, store::DataDirectory::open(data_directory));
  PIRN_TRY(const registry::AuditReport report, registry::Registry::audit_report_of(directory.path()));
  return api::audit_report_text(report, "");
}

}  // namespace pirn
