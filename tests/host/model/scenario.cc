#include "tests/host/model/scenario.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "packager/json/json.h"
#include "packager/schedule/instant.h"

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
    if (has(Feature::resources)) out_.pool = {{"cpu", 3}, {"gpu", 1}};
    if (has(Feature::breakers))
      for (bj::object& options : breaker_options_)
        options = {{"failure_threshold", static_cast<int64_t>(1 + random_.below(3))},
                   {"success_threshold", static_cast<int64_t>(1 + random_.below(2))},
                   {"half_open_limit", static_cast<int64_t>(1 + random_.below(2))},
                   {"reset_timeout", static_cast<int64_t>(1 + random_.below(4000))}};
    const uint64_t n = random_.below(14);
    // From the inside out: a workflow may contain those that are there already.
    if (has(Feature::nested) && random_.one_in(2)) {
      make_workflow("u", random_.below(4));
      make_workflow("v", random_.below(6));
    }
    make_workflow("w", n);
    out_.input["k0"] = std::to_string(random_.below(100));
    commands(n);
    return std::move(out_);
  }

 private:
  void make_workflow(const std::string& workflow, uint64_t n) {
    prefix_ = workflow == "w" ? "s" : workflow + "-";
    workflow_ = workflow;
    groups_.clear();
    grafts_.clear();
    contained_.clear();
    for (const bj::object& other : out_.workflows) contained_.emplace_back(other.at("name").as_string());
    bj::object& of = *out_.workflows.insert(out_.workflows.begin(), bj::object());
    of["name"] = workflow;
    bj::array steps;
    for (uint64_t i = 0; i < n; ++i) steps.push_back(step(i));
    options(of);
    of["steps"] = std::move(steps);
  }

  void options(bj::object& of) {
    if (random_.one_in(2)) of["failure_mode"] = "continue";
    if (has(Feature::concurrency) && random_.one_in(2))
      of["step_concurrency"] = static_cast<int64_t>(1 + random_.below(4));
    if (has(Feature::workflow_timeout) && random_.one_in(8))
      of["timeout"] = static_cast<int64_t>(1 + random_.below(12'000));
    if (has(Feature::workflow_retries) && random_.one_in(4)) {
      of["max_retries"] = 1;
      of["retry_delay"] = "2s";
    }
    if (has(Feature::rollback) && random_.one_in(4))
      of["compensate"] = random_.one_in(3) ? "never" : "always";
    static const char* const kStrategies[] = {"parallel", "sequential", "hybrid"};
    if (has(Feature::strategy)) of["strategy"] = kStrategies[random_.below(3)];
    if (has(Feature::priority) && random_.one_in(2)) of["order"] = "critical_path";
    if (has(Feature::recovery) && random_.one_in(4)) of["recovery"] = recovery();
    if (has(Feature::handlers)) handlers(of);
    if (has(Feature::triggers)) triggers(of);
    if (has(Feature::dead_letters) && random_.one_in(2)) {
      of["dead_letter"] = true;
      of["dead_letter_ttl"] = random_.one_in(2)
                                  ? bj::value("infinity")
                                  : bj::value(definition::print_duration(random_.duration(60'000)));
    }
  }

  void triggers(bj::object& of) {
    if (random_.one_in(4)) of["on_event"] = bj::array{"e" + std::to_string(random_.below(2))};
    if (!random_.one_in(6)) return;
    static const char* const kMisfires[] = {"once", "skip", "all"};
    of["schedule"] = {{"every", static_cast<int64_t>(1000 + random_.below(6000))},
                      {"end_at", schedule::print_instant(kBegin + static_cast<int64_t>(random_.below(12)) *
                                                                      1000 * kMillisecond)},
                      {"misfire", kMisfires[random_.below(3)]}};
    if (random_.one_in(2)) of["max_running"] = static_cast<int64_t>(1 + random_.below(2));
  }

  bool has(Feature feature) const { return features_.contains(feature); }
  std::string name(uint64_t i) const { return prefix_ + std::to_string(i); }
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
    options_of_work(name(i), s);
    if (!contained_.empty() && !s.contains("graft") && random_.one_in(4)) nest(i, s);
    deeds(name(i), s);
    if (has(Feature::grafts) && s.contains("graft")) {
      std::vector<Deed>& tasks = out_.deeds[{name(i), Kind::task}];
      tasks.insert(tasks.begin(), expansion(i));
    }
    return s;
  }

  // What the children of grafts may have, too.
  void options_of_work(const std::string& of, bj::object& s) {
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
    if (has(Feature::priority) && random_.one_in(2))
      s["estimate"] = static_cast<int64_t>(1 + random_.below(5));
    if (has(Feature::rollback) && random_.one_in(2)) s["rollback"] = "undo";
    if (has(Feature::fallback) && random_.one_in(4))
      s["fallback"] = random_.one_in(2) ? bj::value{{"value", 7}} : bj::value("instead");
    if (has(Feature::recovery) && random_.one_in(4)) s["recovery"] = recovery();
    if (has(Feature::kills) && random_.one_in(4)) s["max_crashes"] = static_cast<int64_t>(random_.below(3));
    if (has(Feature::snooze)) s["max_snoozes"] = static_cast<int64_t>(random_.below(3));
    if (has(Feature::await) && random_.one_in(4)) {
      s["on_timeout"] = "late-" + of;
      Deed late = task_deed(of);
      if (late.what == Deed::What::await) late.what = Deed::What::ok;  // it would for ever
      out_.deeds[{"late-" + of, Kind::handler}] = {late};
    }
    if (has(Feature::await) && random_.one_in(6)) s["await_approval"] = true;
    if (has(Feature::breakers) && random_.one_in(3)) {
      const uint64_t breaker = random_.below(2);
      s["circuit_breaker"] = "b" + std::to_string(breaker);
      s["circuit_breaker_opts"] = breaker_options_[breaker];
    }
    if (has(Feature::resources) && random_.one_in(3)) s["resources"] = resources();
  }
  static std::string group(uint64_t i) { return "g" + std::to_string(i / 4); }

  // Another workflow in place of the task.
  void nest(uint64_t i, bj::object& s) {
    for (const char* key : {"task", "rollback", "resources"}) s.erase(key);
    s["workflow"] = contained_[random_.below(contained_.size())];
    if (random_.one_in(3)) s["params"] = {{key(), static_cast<int64_t>(random_.below(100))}};
    for (const auto& [what, kind] : {std::pair("input", Kind::input), std::pair("result", Kind::result)}) {
      if (!random_.one_in(4)) continue;
      s[what] = what;
      for (int nth = 0; nth < 3; ++nth) {
        Deed deed;
        deed.takes = random_.duration(800);
        deed.ignores_cancel = random_.one_in(3);
        deed.kills_host = kills();
        if (random_.one_in(4)) {
          deed.what = Deed::What::fail;
          deed.error = {"unknown", {}, ""};
        } else {
          deed.slot.map[key()] = std::to_string(random_.below(100));
        }
        out_.deeds[{name(i), kind}].push_back(deed);
      }
    }
  }

  bj::object resources() {
    bj::object out;
    if (!random_.one_in(4)) out["cpu"] = static_cast<int64_t>(1 + random_.below(3));
    if (out.empty() || random_.one_in(3)) out["gpu"] = 1;
    return out;
  }

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
  void deeds(const std::string& of, const bj::object& s) {
    std::vector<Deed>& tasks = out_.deeds[{of, Kind::task}];
    for (int nth = 0; nth < 4; ++nth) tasks.push_back(task_deed(of));
    const auto of_kind = [&](Kind kind, auto make) {
      std::vector<Deed>& list = out_.deeds[{of, kind}];
      for (int nth = 0; nth < 3; ++nth) {
        list.push_back(make());
        list.back().takes = random_.duration(800);
        list.back().kills_host = kills();
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
    if (s.contains("rollback")) of_kind(Kind::rollback, [&] { return failing(4, {}); });
    if (s.contains("fallback")) of_kind(Kind::fallback, [&] { return failing(4, {}); });
  }

  // Mostly none.
  uint32_t kills() {
    return has(Feature::kills) && random_.one_in(40) ? static_cast<uint32_t>(1 + random_.below(3)) : 0;
  }

  Deed task_deed(const std::string& of) {
    Deed deed;
    deed.takes = random_.duration(4000);
    deed.ignores_cancel = random_.one_in(3);
    deed.kills_host = kills();
    deed.poison = has(Feature::poison) && random_.one_in(25);
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
        deed.slot.map["own_" + of] = "true";
        if (random_.one_in(8)) deed.slot.map["__reserved"] = "1";
        if (random_.one_in(8)) deed.slot.map.clear();
    }
    return deed;
  }

  Deed expansion(uint64_t i) {
    Deed deed;
    deed.what = Deed::What::expand;
    deed.takes = random_.duration(3000);
    bj::array children;
    for (uint64_t n = random_.below(3); n > 0; --n) {
      const std::string child = random_.one_in(20) ? name(0) : name(i) + "-c" + std::to_string(n);
      bj::object s;
      if (child != name(0)) {  // there is one of that name
        s = {{"max_retries", 0}, {"retry_delay", "1s"}};
        options_of_work(child, s);
        deeds(child, s);
      }
      auto parsed = definition::parse_child(bj::serialize(s), child, nullptr);
      assert(parsed && "the options of children are those of work");
      deed.children.push_back(std::move(parsed).value());
      deed.children.back().name = child;
      deed.children.back().task = "task";
      s["name"] = child;
      s["task"] = "task";
      children.push_back(std::move(s));
    }
    deed.children_text = bj::serialize(children);
    return deed;
  }

  void handlers(bj::object& of) {
    for (const char* event : {"on_success", "on_failure", "on_cancel", "on_step_error"}) {
      if (!random_.one_in(3)) continue;
      const std::string function = event + std::string("-") + workflow_;
      of[event] = function;
      Deed deed;
      deed.takes = random_.duration(800);
      if (random_.one_in(4)) deed.what = random_.one_in(2) ? Deed::What::hang : Deed::What::fail;
      deed.error.code = "unknown";
      out_.deeds[{function, Kind::handler}] = {deed};
    }
  }

  void commands(uint64_t n) {
    using What = Command::What;
    const auto add = [&](What what, int64_t at) -> Command& {
      Command& command = out_.commands.emplace_back();
      command.what = what;
      command.at = at;
      return command;
    };
    // What somebody does to a nested execution, if there is one of that name.
    std::vector<std::string> nested;
    for (const bj::value& step : out_.workflows[0].at("steps").as_array())
      if (step.as_object().contains("workflow"))
        nested.push_back("w/" + std::string(step.at("name").as_string()));
    const auto some_nested = [&] {
      return nested[random_.below(nested.size())] + (random_.one_in(4) ? "#2" : "");
    };
    const auto patch = [&](Command& command) {
      if (!random_.one_in(3)) command.context[key()] = std::to_string(random_.below(100));
    };
    std::vector<std::string> roots = {"w"};
    if (has(Feature::starts))
      while (random_.one_in(3)) {
        Command& start = add(What::start, random_.duration(9000));
        start.workflow = out_.workflows[random_.below(out_.workflows.size())].at("name").as_string();
        start.as = roots.emplace_back("x" + std::to_string(roots.size()));
        patch(start);
        if (random_.one_in(3)) start.in = random_.duration(9000);
        if (random_.one_in(3)) start.strategy = static_cast<definition::Strategy>(random_.below(3));
      }
    if (has(Feature::triggers))
      while (random_.one_in(2)) {
        Command& emit = add(What::emit, random_.duration(9000));
        emit.event = "e" + std::to_string(random_.below(2));
        if (random_.one_in(2)) emit.id = "seen";
        emit.context["k0"] = random_.one_in(4) ? "8" : "7";
      }
    const auto some_root = [&] { return roots[random_.below(roots.size())]; };
    if (has(Feature::cancel) && random_.one_in(4)) {
      Command& cancel = add(What::cancel, random_.duration(9000));
      cancel.run = some_root();
      cancel.rollback = has(Feature::rollback) && random_.one_in(2);
      cancel.cleanup = !random_.one_in(3);
    }
    if (has(Feature::crash))
      while (random_.one_in(3)) {
        Command& crash = add(What::crash, random_.duration(9000));
        if (has(Feature::down) && random_.one_in(3)) crash.down = random_.duration(9000);
      }
    if (has(Feature::pause) && random_.one_in(3)) {
      const int64_t at = random_.duration(5000);
      const std::string run = some_root();
      add(What::pause, at).run = run;
      Command& resume = add(What::resume, at + random_.duration(5000));
      resume.run = run;
      patch(resume);
    }
    if (has(Feature::answers))
      while (n > 0 && !random_.one_in(3)) {
        static constexpr What kAnswers[] = {What::approve, What::reject, What::signal,
                                            What::resume,  What::resume, What::resume};
        Command& answer = add(kAnswers[random_.below(std::size(kAnswers))], random_.duration(15'000));
        answer.run = some_root();
        if (answer.what != What::resume || !random_.one_in(3)) answer.step = name(random_.below(n));
        if (answer.what == What::resume || answer.what == What::signal) patch(answer);
        if (answer.what == What::resume && !answer.step.empty() && random_.one_in(3))
          answer.action = static_cast<Action>(random_.below(4));
      }
    if (!nested.empty()) {
      if (has(Feature::cancel) && random_.one_in(3))
        add(What::cancel, random_.duration(12'000)).run = some_nested();
      if (has(Feature::pause) && random_.one_in(3)) {
        const std::string run = some_nested();
        const int64_t at = random_.duration(9000);
        add(What::pause, at).run = run;
        add(What::resume, at + random_.duration(5000)).run = run;
      }
    }
    if (has(Feature::again))
      for (int nth = 1; random_.one_in(3); ++nth) {
        Command& again = add(What::again, random_.duration(60'000));
        again.run = nth == 1 ? some_root() : "more1";
        again.as = "more" + std::to_string(nth);
        if (n > 0 && random_.one_in(2)) again.from = name(random_.below(n));
      }
    if (has(Feature::dead_letters) && random_.one_in(2)) {
      Command& retry = add(What::retry_letter, random_.duration(60'000));
      retry.as = "again";
      if (random_.one_in(2)) {
        Command& twice = add(What::retry_letter, random_.duration(120'000));
        twice.run = random_.one_in(2) ? "again" : "w";
        twice.as = "once-more";
      }
    }
    std::stable_sort(out_.commands.begin(), out_.commands.end(),
                     [](const Command& a, const Command& b) { return a.at < b.at; });
  }

  Random random_;
  const std::set<Feature>& features_;
  std::set<std::string> groups_;
  std::vector<std::string> grafts_, contained_;
  std::string prefix_, workflow_;
  bj::object breaker_options_[2];
  Scenario out_;
};

}  // namespace

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
  // The first process that ends without a trace accuses nobody; the next one may.
  bool traceless = std::none_of(out.deeds.begin(), out.deeds.end(), [](const auto& of) {
    return std::any_of(of.second.begin(), of.second.end(), [](const Deed& deed) { return deed.poison; });
  });
  while (crashes && !random.one_in(3)) {
    Command& crash = out.commands.emplace_back();
    crash.what = Command::What::crash;
    crash.at = random.duration(12'000);
    crash.without_trace = std::exchange(traceless, false);
  }
  std::stable_sort(out.commands.begin(), out.commands.end(),
                   [](const Command& a, const Command& b) { return a.at < b.at; });
  return out;
}

}  // namespace pirn::model
