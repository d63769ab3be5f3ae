// A scenario on the model.
#include <algorithm>

#include "tests/host/model/scenario.h"

namespace pirn::model {

Deed deed_of(const Scenario& scenario, const Call& call) {
  const auto found = scenario.deeds.find({call.kind == Kind::handler ? call.function : call.step, call.kind});
  if (found == scenario.deeds.end() || found->second.empty()) {
    Deed usual;
    usual.slot = kNoSlot;
    if (call.kind == Kind::duration || call.kind == Kind::backoff) usual.what = Deed::What::fail;
    return usual;
  }
  Deed deed = found->second[std::min<size_t>(call.nth, found->second.size()) - 1];
  // S17: after as many lives as it takes, a step that always takes the host with it has failed.
  if (deed.poison) {
    deed.what = Deed::What::fail;
    deed.error = {"crashed", definition::ErrorClass::terminal, ""};
  }
  return deed;
}

namespace {

bool carry_out(Model& model, const Command& command) {
  if (model.down() && command.what != Command::What::crash) return false;
  switch (command.what) {
    case Command::What::start:
      return model.start(command.workflow, command.as, command.context, command.in, command.strategy);
    case Command::What::emit:
      return model.emit(command.event, command.id, command.context);
    case Command::What::again:
      return model.again(command.run, command.as, command.from);
    case Command::What::cancel:
      return model.cancel(command.run, command.rollback, command.cleanup);
    case Command::What::crash:
      model.crash(command.down);
      return true;
    case Command::What::pause:
      return model.pause(command.run);
    case Command::What::resume:
      return model.resume(command.run, command.context, command.step, command.action);
    case Command::What::signal:
      return model.signal(command.run, command.context, command.step);
    case Command::What::approve:
    case Command::What::reject:
      return model.approve(command.run, command.step, command.what == Command::What::approve);
    case Command::What::retry_letter:
      return model.retry_letter(command.run, command.as);
  }
  return false;
}

}  // namespace

Model run_model(const Scenario& scenario, const definition::Definition& definition, int64_t begin,
                Model::IdOf id_of, size_t* refused) {
  Settings settings;
  if (!scenario.pool.empty()) settings.pool = scenario.pool;
  Model model(
      definition, [&](const Call& call) { return deed_of(scenario, call); }, settings, std::move(id_of));
  model.begin_at(begin);
  (void)model.start("w", "w", scenario.input);
  for (const Command& command : scenario.commands) {
    model.run_until(begin + command.at);
    if (!carry_out(model, command) && refused) ++*refused;
  }
  model.run();
  return model;
}

}  // namespace pirn::model
