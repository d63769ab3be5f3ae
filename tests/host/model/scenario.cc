#include "tests/host/model/scenario.h"

#include <algorithm>

#include "packager/json/json.h"

namespace pirn::model {

namespace {

namespace bj = boost::json;

constexpr int64_t kMillisecond = 1'000'000;

// A small generator whose numbers are specified, so that a seed means the same everywhere.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u + 1) {}
  uint64_t next() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  uint64_t below(uint64_t n) { return next() % n; }
  bool one_in(uint64_t n) { return below(n) == 0; }
  // To the nanosecond, so that no two things ever happen at one instant.
  int64_t duration(int64_t at_most_ms) {
    return 1 + static_cast<int64_t>(below(static_cast<uint64_t>(at_most_ms * kMillisecond)));
  }

 private:
  uint64_t state_;
};

class Generator {
 public:
  Generator(uint64_t seed, const std::set<Feature>& features) : random_(seed), features_(features) {}

  Scenario make() {
    const uint64_t n = random_.below(14);
    bj::array steps;
    for (uint64_t i = 0; i < n; ++i) steps.push_back(step(i));
    out_.workflow["name"] = "w";
    if (random_.one_in(2)) out_.workflow["failure_mode"] = "continue";
    if (has(Feature::concurrency) && random_.one_in(2))
      out_.workflow["step_concurrency"] = static_cast<int64_t>(1 + random_.below(4));
    if (has(Feature::workflow_timeout) && random_.one_in(8))
      out_.workflow["timeout"] = static_cast<int64_t>(1 + random_.below(12'000));
    if (has(Feature::workflow_retries) && random_.one_in(4)) {
      out_.workflow["max_retries"] = 1;
      out_.workflow["retry_delay"] = "2s";
    }
    if (has(Feature::rollback) && random_.one_in(4))
      out_.workflow["compensate"] = random_.one_in(3) ? "never" : "always";
    static const char* const kStrategies[] = {"parallel", "sequential", "hybrid"};
    if (has(Feature::strategy)) out_.workflow["strategy"] = kStrategies[random_.below(3)];
    if (has(Feature::recovery) && random_.one_in(4)) out_.workflow["recovery"] = recovery();
    if (has(Feature::handlers)) handlers();
    out_.workflow["steps"] = std::move(steps);
    out_.input["k0"] = std::to_string(random_.below(100));
    commands(n);
    return std::move(out_);
  }

 private:
  bool has(Feature feature) const { return features_.contains(feature); }
  static std::string name(uint64_t i) { return "s" + std::to_string(i); }
  std::string key() { return "k" + std::to_string(random_.below(6)); }

  bj::array some_before(uint64_t i, uint64_t at_most) {
    std::set<uint64_t> chosen;
    for (uint64_t k = random_.below(at_most + 1); k > 0 && i > 0; --k) chosen.insert(random_.below(i));
    bj::array names;
    for (const uint64_t one : chosen) names.emplace_back(name(one));
    return names;
  }

  bj::object step(uint64_t i) {
    bj::object s;
    s["name"] = name(i);
    s["task"] = "task";
    s["retry_delay"] = "1s";
    s["max_retries"] = 0;
    if (bj::array after = some_before(i, 3); !after.empty()) s["after"] = std::move(after);
    if (has(Feature::after_any) && random_.one_in(4))
      if (bj::array any = some_before(i, 3); !any.empty()) s["after_any"] = std::move(any);
    if (has(Feature::groups)) {
      // A group is over before its number comes: members have smaller numbers than those who wait for it.
      if (i % 4 != 3 && random_.one_in(3)) s["group"] = group(i), groups_.insert(group(i));
      if (i >= 4 && random_.one_in(3) && groups_.contains(group(i - 4))) s["after_group"] = group(i - 4);
    }
    if (has(Feature::grafts)) {
      if (random_.one_in(6)) s["graft"] = true, grafts_.push_back(name(i));
      if (!grafts_.empty() && grafts_.back() != name(i) && random_.one_in(3))
        s["after_graft"] = bj::array{grafts_.back()};
    }
    if (has(Feature::conditions) && random_.one_in(4)) s["when"] = condition();
    if (has(Feature::retries)) retries(s);
    if (random_.one_in(4)) s["context_key"] = key();
    if (has(Feature::error_policies) && random_.one_in(2))
      s["on_error"] = random_.one_in(2) ? "skip" : "continue";
    if (has(Feature::timeouts) && random_.one_in(6)) {
      s["timeout"] = static_cast<int64_t>(500 + random_.below(4000));
      if (random_.one_in(3)) s["timeout"] = {{"function", "limit"}};
    }
    if (has(Feature::cancel) && random_.one_in(6)) s["cancellable"] = false;
    if (has(Feature::priority) && random_.one_in(3)) s["priority"] = static_cast<int64_t>(random_.below(3));
    if (has(Feature::rollback) && random_.one_in(2)) s["rollback"] = "undo";
    if (has(Feature::fallback) && random_.one_in(4))
      s["fallback"] = random_.one_in(2) ? bj::value{{"value", 7}} : bj::value("instead");
    if (has(Feature::recovery) && random_.one_in(4)) s["recovery"] = recovery();
    if (has(Feature::snooze)) s["max_snoozes"] = static_cast<int64_t>(random_.below(3));
    if (has(Feature::await) && random_.one_in(4)) {
      s["on_timeout"] = "late-" + name(i);
      Deed late = task_deed(i);
      if (late.what == Deed::What::await) late.what = Deed::What::ok;  // it would for ever
      out_.deeds[{"late-" + name(i), Kind::handler}] = {late};
    }
    if (has(Feature::await) && random_.one_in(6)) s["await_approval"] = true;
    deeds(i, s);
    return s;
  }
  static std::string group(uint64_t i) { return "g" + std::to_string(i / 4); }

  bj::value condition() {
    switch (random_.below(4)) {
      case 0:
        return {{"path", key()}, {"exists", true}};
      case 1:
        return {{"path", key()}, {"less", static_cast<int64_t>(random_.below(100))}};
      case 2:
        return {{"not", {{"path", key()}, {"greater", static_cast<int64_t>(random_.below(100))}}}};
      default:
        return {{"function", "ask"}};
    }
  }

  void retries(bj::object& s) {
    s["max_retries"] = static_cast<int64_t>(random_.below(3));
    s["retry_delay"] = static_cast<int64_t>(1 + random_.below(5000));
    static const char* const kBackoffs[] = {"fixed", "linear", "exponential"};
    switch (random_.below(5)) {
      case 0:
        s["retry_backoff"] = {{"function", "wait"}};
        break;
      case 1:
        s["retry_backoff"] = {{"table", {"1s", "3s"}}};
        break;
      default:
        s["retry_backoff"] = kBackoffs[random_.below(3)];
    }
    static const char* const kJitters[] = {"none", "additive", "symmetric", "full"};
    s["retry_jitter"] = kJitters[random_.below(4)];
    if (random_.one_in(3)) s["retry_max_delay"] = "2s";
    if (random_.one_in(6)) s["no_retry_on"] = bj::array{"code0"};
    if (random_.one_in(6)) s["retry_on"] = bj::array{"code0", "code1", "timeout"};
  }

  bj::array recovery() {
    static const char* const kActions[] = {"retry", "skip", "fallback", "abort", "manual"};
    const std::string action = kActions[random_.below(has(Feature::await) ? 5 : 4)];
    bj::object rule{{"on", bj::array{"code" + std::to_string(random_.below(3))}}, {"action", action}};
    if (random_.one_in(4)) rule["when"] = {{"function", "ask"}};
    if (action == "retry") rule["max_retries"] = 2, rule["retry_delay"] = "1s";
    if (action == "fallback") rule["fallback"] = {{"value", 9}};
    return {rule};
  }

  // What the calls of a step do.
  void deeds(uint64_t i, const bj::object& s) {
    std::vector<Deed>& tasks = out_.deeds[{name(i), Kind::task}];
    for (int nth = 0; nth < 4; ++nth) tasks.push_back(task_deed(i));
    if (has(Feature::grafts) && s.contains("graft")) tasks.push_back(expansion(i));
    if (s.contains("graft")) std::rotate(tasks.begin(), tasks.end() - 1, tasks.end());
    const auto of_kind = [&](Kind kind, auto make) {
      std::vector<Deed>& list = out_.deeds[{name(i), kind}];
      for (int nth = 0; nth < 3; ++nth) {
        list.push_back(make());
        list.back().takes = random_.duration(800);
      }
    };
    const auto failing = [&](uint64_t one_in, Deed otherwise) {
      if (random_.one_in(one_in)) {
        otherwise.what = Deed::What::fail;
        otherwise.error = {"unknown", {}, ""};
      }
      return otherwise;
    };
    of_kind(Kind::condition, [&] {
      Deed deed;
      deed.truth = random_.one_in(2);
      return failing(8, deed);
    });
    of_kind(Kind::duration, [&] {
      Deed deed;
      deed.duration = static_cast<int64_t>(500 + random_.below(4000)) * kMillisecond;
      return failing(4, deed);
    });
    of_kind(Kind::backoff, [&] {
      Deed deed;
      deed.duration = static_cast<int64_t>(random_.below(3000)) * kMillisecond;
      return failing(4, deed);
    });
    if (has(Feature::rollback)) of_kind(Kind::rollback, [&] { return failing(4, {}); });
    if (has(Feature::fallback)) of_kind(Kind::fallback, [&] { return failing(4, {}); });
  }

  Deed task_deed(uint64_t i) {
    Deed deed;
    deed.takes = random_.duration(4000);
    deed.ignores_cancel = random_.one_in(3);
    switch (random_.below(9)) {
      case 0:
      case 1:
        deed.what = Deed::What::fail;
        deed.error.code = "code" + std::to_string(random_.below(3));
        if (random_.one_in(4)) deed.error.error_class = definition::ErrorClass::terminal;
        break;
      case 2:
        deed.what = Deed::What::skip;
        break;
      case 3:
        deed.slot = {false, {}, std::to_string(random_.below(100))};
        break;
      case 4:
        if (has(Feature::snooze)) {
          deed.what = Deed::What::snooze;
          deed.duration = random_.duration(3000);
        } else if (random_.one_in(3)) {
          deed.what = Deed::What::cancelled;
        }
        break;
      case 5:
        if (has(Feature::await) && random_.one_in(2)) {
          deed.what = Deed::What::await;
          deed.await_timeout = random_.one_in(6) ? kNever : random_.duration(9000);
        }
        break;
      default:
        deed.slot.map[key()] = std::to_string(random_.below(100));
        deed.slot.map["own_" + name(i)] = "true";
        if (random_.one_in(8)) deed.slot.map["__reserved"] = "1";
    }
    return deed;
  }

  Deed expansion(uint64_t i) {
    Deed deed;
    deed.what = Deed::What::expand;
    deed.takes = random_.duration(3000);
    for (uint64_t child = random_.below(3); child > 0; --child) {
      definition::Step of;
      of.name = random_.one_in(20) ? name(0) : name(i) + "-c" + std::to_string(child);
      if (of.name == name(0)) {
        deed.children.push_back(std::move(of));  // there is one of that name
        continue;
      }
      if (has(Feature::rollback) && random_.one_in(3)) of.rollback = "undo";
      if (random_.one_in(4)) of.context_key = key();
      of.task = "task";
      of.retry.max_retries = 0;
      of.max_snoozes = 1;
      if (random_.one_in(2)) of.on_error = definition::OnError::keep_going;
      out_.deeds[{of.name, Kind::task}] = {task_deed(i)};
      deed.children.push_back(std::move(of));
    }
    return deed;
  }

  void handlers() {
    for (const char* event : {"on_success", "on_failure", "on_cancel", "on_step_error"}) {
      if (!random_.one_in(3)) continue;
      out_.workflow[event] = event;
      Deed deed;
      deed.takes = random_.duration(800);
      if (random_.one_in(4)) deed.what = random_.one_in(2) ? Deed::What::hang : Deed::What::fail;
      deed.error.code = "unknown";
      out_.deeds[{event, Kind::handler}] = {deed};
    }
  }

  void commands(uint64_t n) {
    using What = Command::What;
    const auto add = [&](What what, int64_t at) -> Command& {
      out_.commands.push_back({what, at, false, true, "", Model::Action::complete, {}});
      return out_.commands.back();
    };
    const auto patch = [&](Command& command) {
      if (!random_.one_in(3)) command.context[key()] = std::to_string(random_.below(100));
    };
    if (has(Feature::cancel) && random_.one_in(4)) {
      Command& cancel = add(What::cancel, random_.duration(9000));
      cancel.rollback = has(Feature::rollback) && random_.one_in(2);
      cancel.cleanup = !random_.one_in(3);
    }
    if (has(Feature::crash))
      while (random_.one_in(3)) add(What::crash, random_.duration(9000));
    if (has(Feature::pause) && random_.one_in(3)) {
      const int64_t at = random_.duration(5000);
      add(What::pause, at);
      patch(add(What::resume, at + random_.duration(5000)));
    }
    if (has(Feature::answers))
      while (n > 0 && !random_.one_in(3)) {
        Command& answer =
            add(random_.one_in(4) ? random_.one_in(2) ? What::approve : What::reject : What::resume,
                random_.duration(15'000));
        if (answer.what != What::resume || !random_.one_in(3)) answer.step = name(random_.below(n));
        if (answer.what != What::resume) continue;
        patch(answer);
        if (!answer.step.empty() && random_.one_in(3))
          answer.action = static_cast<Model::Action>(random_.below(4));
      }
    std::stable_sort(out_.commands.begin(), out_.commands.end(),
                     [](const Command& a, const Command& b) { return a.at < b.at; });
  }

  Random random_;
  const std::set<Feature>& features_;
  std::set<std::string> groups_;
  std::vector<std::string> grafts_;
  Scenario out_;
};

std::string_view name_of(Kind kind) {
  static constexpr std::string_view kNames[] = {"task",      "rollback", "fallback", "handler",
                                                "condition", "backoff",  "duration"};
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
std::string nanoseconds(int64_t ns) { return definition::print_duration(ns); }

bj::object printed(const Deed& deed, Kind kind) {
  bj::object out;
  if (deed.takes) out["takes"] = nanoseconds(deed.takes);
  if (deed.ignores_cancel) out["ignores_cancel"] = true;
  switch (deed.what) {
    case Deed::What::ok:
      if (kind == Kind::condition)
        out["answer"] = deed.truth;
      else if (kind == Kind::backoff || kind == Kind::duration)
        out["answer"] = nanoseconds(deed.duration);
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
      out["snooze"] = nanoseconds(deed.duration);
      break;
    case Deed::What::await:
      out["await"] = bj::object();
      if (deed.await_timeout != kNever) out["await"].as_object()["timeout"] = nanoseconds(deed.await_timeout);
      break;
    case Deed::What::expand: {
      bj::array children;
      for (const definition::Step& child : deed.children) {
        bj::object of{{"name", child.name}, {"task", "task"}, {"max_retries", 0}, {"max_snoozes", 1}};
        if (!child.rollback.empty()) of["rollback"] = child.rollback;
        if (!child.context_key.empty()) of["context_key"] = child.context_key;
        if (child.on_error == definition::OnError::keep_going) of["on_error"] = "continue";
        children.push_back(std::move(of));
      }
      out["expand"] = std::move(children);
      break;
    }
  }
  return out;
}

bj::object printed(const Command& command) {
  bj::object order{{"at", nanoseconds(command.at)}};
  const auto say = [&](const char* word) { order[word] = "w"; };
  switch (command.what) {
    case Command::What::cancel:
      say("cancel");
      if (command.rollback) order["rollback"] = true;
      if (!command.cleanup) order["cleanup"] = false;
      break;
    case Command::What::crash:
      order["crash"] = true;
      break;
    case Command::What::pause:
      say("pause");
      break;
    case Command::What::resume: {
      static const char* const kActions[] = {"complete", "retry", "skip", "fail"};
      say("resume");
      if (!command.context.empty()) order["context"] = bj::parse(text_of(Slot{true, command.context, ""}));
      if (!command.step.empty()) order["step"] = command.step;
      if (command.action != Model::Action::complete)
        order["action"] = kActions[static_cast<size_t>(command.action)];
      break;
    }
    case Command::What::approve:
    case Command::What::reject:
      say(command.what == Command::What::approve ? "approve" : "reject");
      order["step"] = command.step;
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

std::set<Feature> all_features() {
  std::set<Feature> out;
  for (int i = 0; i < static_cast<int>(Feature::count); ++i) out.insert(static_cast<Feature>(i));
  return out;
}

Scenario make_scenario(uint64_t seed, const std::set<Feature>& features) {
  return Generator(seed, features).make();
}

Scenario retimed(const Scenario& scenario, uint64_t seed, bool crashes) {
  Random random(seed);
  Scenario out = scenario;
  for (auto& [of, deeds] : out.deeds)
    for (Deed& deed : deeds)
      deed.takes = random.one_in(3) ? 0 : random.duration(of.second == Kind::task ? 4000 : 800);
  std::erase_if(out.commands, [](const Command& command) { return command.what == Command::What::crash; });
  while (crashes && !random.one_in(3))
    out.commands.push_back(
        {Command::What::crash, random.duration(12'000), false, true, "", Model::Action::complete, {}});
  std::stable_sort(out.commands.begin(), out.commands.end(),
                   [](const Command& a, const Command& b) { return a.at < b.at; });
  return out;
}

std::string definition_of(const Scenario& scenario) {
  return bj::serialize(bj::object{{"schema", 1},
                                  {"package", {{"name", "p"}, {"version", "1.0.0"}}},
                                  {"workflows", bj::array{scenario.workflow}}});
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
  bj::object out{{"host", {{"slots", slots}}},
                 {"definition", bj::parse(definition_of(scenario))},
                 {"calls", std::move(calls)},
                 {"do", std::move(orders)}};
  if (expected) {
    bj::object steps, results;
    for (const Step& step : expected->execution().steps) {
      steps[step.def.name] = text_of(step);
      results[step.def.name] = bj::parse(text_of(step.slot));
    }
    out["expect"] = {{"w",
                      {{"state", text_of(expected->execution().phase)},
                       {"steps", std::move(steps)},
                       {"results", std::move(results)},
                       {"context", bj::parse(text_of(Slot{true, expected->context(), ""}))}}}};
  }
  return bj::serialize(out);
}

Deed deed_of(const Scenario& scenario, const Call& call) {
  const auto found = scenario.deeds.find({call.kind == Kind::handler ? call.function : call.step, call.kind});
  if (found == scenario.deeds.end() || found->second.empty()) return {};
  return found->second[std::min<size_t>(call.nth, found->second.size()) - 1];
}

namespace {

bool carry_out(Model& model, const Command& command) {
  switch (command.what) {
    case Command::What::cancel:
      return model.cancel(command.rollback, command.cleanup);
    case Command::What::crash:
      model.crash();
      return true;
    case Command::What::pause:
      return model.pause();
    case Command::What::resume:
      return model.resume(command.context, command.step, command.action);
    case Command::What::approve:
    case Command::What::reject:
      return model.approve(command.step, command.what == Command::What::approve);
  }
  return false;
}

}  // namespace

Model run_model(const Scenario& scenario, const definition::Workflow& workflow, uint64_t id, int64_t begin,
                size_t* refused) {
  Model model(workflow, id, scenario.input, [&](const Call& call) { return deed_of(scenario, call); }, {});
  model.begin_at(begin);
  model.start();
  for (const Command& command : scenario.commands) {
    model.run_until(begin + command.at);
    if (!carry_out(model, command) && refused) ++*refused;
  }
  model.run();
  return model;
}

// ---- shrinking ----

namespace {

// Every scenario that lacks one thing of this one.
std::vector<Scenario> smaller(const Scenario& of) {
  std::vector<Scenario> out;
  const bj::array& steps = of.workflow.at("steps").as_array();
  for (size_t i = 0; i < steps.size(); ++i) {
    Scenario less = of;
    bj::array& rest = less.workflow["steps"].as_array();
    const bj::string name = rest[i].at("name").as_string();
    rest.erase(rest.begin() + static_cast<ptrdiff_t>(i));
    for (bj::value& other : rest)
      for (const char* key : {"after", "after_any", "after_graft"})
        if (bj::value* names = other.as_object().if_contains(key)) {
          bj::array& list = names->as_array();
          list.erase(std::remove(list.begin(), list.end(), bj::value(name)), list.end());
          if (list.empty()) other.as_object().erase(key);
        }
    less.deeds.erase({std::string(name), Kind::task});
    out.push_back(std::move(less));
  }
  for (size_t i = 0; i < steps.size(); ++i)
    for (const auto& member : steps[i].as_object()) {
      // Without max_snoozes the last deed, when it is a snooze, repeats for ever.
      if (member.key() == "name" || member.key() == "task" || member.key() == "max_snoozes") continue;
      Scenario less = of;
      less.workflow["steps"].as_array()[i].as_object().erase(member.key());
      out.push_back(std::move(less));
    }
  for (const auto& member : of.workflow) {
    if (member.key() == "name" || member.key() == "steps") continue;
    Scenario less = of;
    less.workflow.erase(member.key());
    out.push_back(std::move(less));
  }
  for (size_t i = 0; i < of.commands.size(); ++i) {
    Scenario less = of;
    less.commands.erase(less.commands.begin() + static_cast<ptrdiff_t>(i));
    out.push_back(std::move(less));
  }
  for (const auto& [key, deeds] : of.deeds) {
    Scenario less = of;
    less.deeds.erase(key);
    out.push_back(std::move(less));
    if (deeds.size() < 2) continue;
    out.push_back(of);
    out.back().deeds[key].pop_back();
  }
  return out;
}

}  // namespace

Scenario shrunk(Scenario scenario, const std::function<bool(const Scenario&)>& fails) {
  for (bool more = true; more;) {
    more = false;
    for (Scenario& less : smaller(scenario)) {
      if (!definition::parse(definition_of(less), "shrunk", nullptr) || !fails(less)) continue;
      scenario = std::move(less);
      more = true;
      break;
    }
  }
  return scenario;
}

}  // namespace pirn::model
