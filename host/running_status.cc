#include "host/running_status.h"

#include <utility>

#include "host/log/log.h"
#include "host/store/wal_watch.h"

namespace pirn {

namespace {

std::string_view name_of(engine::LostCall::Role role) {
  using Role = engine::LostCall::Role;
  return role == Role::culprit ? "culprit" : role == Role::suspect ? "suspect" : "bystander";
}

}  // namespace

std::vector<api::Residence> RunningStatus::residences() const {
  std::vector<api::Residence> all;
  static_assert(sizeof(api::Residence) == sizeof(worker::Residence));
  for (auto& [tenant, package, version, release, retired, still_mapped, stuck] :
       machine_.runner.residences())  // names each member: a new one does not compile
    all.push_back({tenant, package, version, release, retired, still_mapped, stuck});
  return all;
}

api::LastEnd RunningStatus::last_end() const {
  const worker::LastLife& last = crash_record_.last_life();
  api::LastEnd end{last.end == worker::LastLife::End::clean, engine::words_of(last.end), {}};
  for (const engine::LostCall& call : machine_.engine.lost_calls())
    end.calls.push_back(
        {call.tenant, call.execution.text(), call.workflow, call.step, call.function, name_of(call.role)});
  return end;
}

std::vector<std::string> RunningStatus::wal_warnings() const {
  std::vector<std::string> all;
  for (const std::string& database :
       {location_.path, directory_.file("registry.db"), directory_.file("logbook.db")})
    if (std::string warning = store::wal_warning(database); !warning.empty())
      all.push_back(std::move(warning));
  return all;
}

uint64_t RunningStatus::log_lines_lost() const { return log::lines_lost(); }

}  // namespace pirn
