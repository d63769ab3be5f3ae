// Scenarios as cases that `pirn simulate` reads.
#include "packager/json/json.h"
#include "tests/host/model/scenario.h"

namespace pirn::model {

namespace {

namespace bj = boost::json;

std::string_view name_of(Kind kind) {
  static constexpr std::string_view kNames[] = {"task",    "rollback", "fallback", "handler", "condition",
                                                "backoff", "duration", "input",    "result",  "nested"};
  return kNames[static_cast<size_t>(kind)];
}

std::string_view name_of(State state) {
  static constexpr std::string_view kNames[] = {"pending",    "asking",  "ready",    "running",
                                                "retry_wait", "snoozed", "awaiting", "completed",
                                                "failed",     "skipped", "cancelled"};
  return kNames[static_cast<size_t>(state)];
}
std::string_view name_of(Skip skip) {
  static constexpr std::string_view kNames[] = {"none",     "condition", "not_taken",       "requested",
                                                "on_error", "recovery",  "upstream_failed", "aborted"};
  return kNames[static_cast<size_t>(skip)];
}
bj::object printed(const Deed& deed, Kind kind) {
  bj::object out;
  if (deed.takes) out["takes"] = definition::print_duration(deed.takes);
  if (deed.ignores_cancel) out["ignores_cancel"] = true;
  if (deed.kills_host) out["kills_host"] = deed.kills_host;
  if (deed.poison) {
    out["kills_host"] = 1000;  // more often than any step may
    out["without_trace"] = true;
  }
  switch (deed.what) {
    case Deed::What::ok:
      if (kind == Kind::condition)
        out["answer"] = deed.truth;
      else if (kind == Kind::backoff || kind == Kind::duration)
        out["answer"] = definition::print_duration(deed.duration);
      else
        out["ok"] = bj::parse(text_of(deed.slot));
      break;
    case Deed::What::fail:
      out["fail"] = {{"code", deed.error.code}};
      if (deed.error.error_class == definition::ErrorClass::terminal)
        out["fail"].as_object()["class"] = "terminal";
      break;
    case Deed::What::skip:
      out["skip"] = "no need";
      break;
    case Deed::What::cancelled:
      out["cancelled"] = bj::parse(text_of(deed.slot));
      break;
    case Deed::What::hang:
      out["hangs"] = true;
      break;
    case Deed::What::snooze:
      out["snooze"] = definition::print_duration(deed.duration);
      break;
    case Deed::What::await:
      out["await"] = bj::object();
      if (deed.await_timeout != kNever)
        out["await"].as_object()["timeout"] = definition::print_duration(deed.await_timeout);
      break;
    case Deed::What::expand:
      out["expand"] = bj::parse(deed.children_text);
      break;
  }
  return out;
}

bj::object printed(const Command& command) {
  bj::object order{{"at", definition::print_duration(command.at)}};
  const auto say = [&](const char* word) { order[word] = command.run; };
  switch (command.what) {
    case Command::What::start: {
      static const char* const kStrategies[] = {"parallel", "sequential", "hybrid"};
      order["start"] = command.workflow;
      order["as"] = command.as;
      order["input"] = bj::parse(text_of(Slot{true, command.context, ""}));
      if (command.in) order["in"] = definition::print_duration(command.in);
      if (command.strategy) order["strategy"] = kStrategies[static_cast<size_t>(*command.strategy)];
      break;
    }
    case Command::What::emit:
      order["emit"] = command.event;
      if (!command.id.empty()) order["id"] = command.id;
      order["payload"] = bj::parse(text_of(Slot{true, command.context, ""}));
      break;
    case Command::What::again:
      say(command.from.empty() ? "retry" : "rerun");
      order["as"] = command.as;
      if (!command.from.empty()) order["from"] = command.from;
      break;
    case Command::What::cancel:
      say("cancel");
      if (command.rollback) order["rollback"] = true;
      if (!command.cleanup) order["cleanup"] = false;
      break;
    case Command::What::crash:
      if (command.down)
        order["down"] = definition::print_duration(command.down);
      else
        order["crash"] = true;
      if (command.without_trace) order["without_trace"] = true;
      break;
    case Command::What::pause:
      say("pause");
      break;
    case Command::What::resume: {
      static const char* const kActions[] = {"complete", "retry", "skip", "fail"};
      say("resume");
      if (!command.context.empty()) order["context"] = bj::parse(text_of(Slot{true, command.context, ""}));
      if (!command.step.empty()) order["step"] = command.step;
      if (command.action != Action::complete) order["action"] = kActions[static_cast<size_t>(command.action)];
      break;
    }
    case Command::What::signal:
      say("signal");
      order["step"] = command.step;
      order["payload"] = bj::parse(text_of(Slot{true, command.context, ""}));
      break;
    case Command::What::approve:
    case Command::What::reject:
      say(command.what == Command::What::approve ? "approve" : "reject");
      order["step"] = command.step;
      break;
    case Command::What::retry_letter:
      say("retry_letter");
      order["as"] = command.as;
      break;
  }
  return order;
}

}  // namespace

std::string text_of(const Step& step) {
  std::string text(name_of(step.state));
  if (step.skip != Skip::none) text += "(" + std::string(name_of(step.skip)) + ")";
  if (step.tolerated) text += "(tolerated)";
  return text;
}

std::string_view text_of(Phase phase) {
  static constexpr std::string_view kNames[] = {"pending",   "running", "stopping", "compensating",
                                                "completed", "failed",  "cancelled"};
  return kNames[static_cast<size_t>(phase)];
}

std::string definition_of(const Scenario& scenario) {
  return bj::serialize(
      bj::object{{"schema", 1},
                 {"package", {{"name", "p"}, {"version", "1.0.0"}}},
                 {"workflows", bj::array(scenario.workflows.begin(), scenario.workflows.end())}});
}

std::string case_of(const Scenario& scenario, size_t slots, const Model* expected) {
  bj::array calls, orders{{{"start", "w"}, {"input", bj::object()}}};
  for (const auto& [key, value] : scenario.input) orders[0].at("input").as_object()[key] = bj::parse(value);
  for (const auto& [of, deeds] : scenario.deeds) {
    bj::array does;
    for (const Deed& deed : deeds) does.push_back(printed(deed, of.second));
    calls.push_back(bj::object{{of.second == Kind::handler ? "function" : "step", of.first},
                               {"kind", name_of(of.second)},
                               {"does", std::move(does)}});
  }
  for (const Command& command : scenario.commands) {
    orders.push_back(printed(command));
  }
  bj::object host{{"slots", slots}};
  if (!scenario.pool.empty()) {
    bj::object pool;
    for (const auto& [name, amount] : scenario.pool) pool[name] = amount;
    host["resources"] = std::move(pool);
  }
  bj::object out{{"host", std::move(host)},
                 {"definition", bj::parse(definition_of(scenario))},
                 {"calls", std::move(calls)},
                 {"do", std::move(orders)}};
  if (expected) {
    bj::object runs;
    for (const auto& run : expected->runs()) {
      bj::object steps, results;
      for (const Step& step : run->execution().steps) {
        steps[step.def.name] = text_of(step);
        results[step.def.name] = bj::parse(text_of(step.slot));
      }
      runs[run->name()] = {{"state", text_of(run->execution().phase)},
                           {"steps", std::move(steps)},
                           {"results", std::move(results)},
                           {"context", bj::parse(text_of(Slot{true, run->context(), ""}))}};
    }
    out["expect"] = std::move(runs);
  }
  return bj::serialize(out);
}

}  // namespace pirn::model
