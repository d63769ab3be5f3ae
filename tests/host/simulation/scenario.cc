#include "tests/host/simulation/scenario.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <utility>

#include "host/engine/grown_plan.h"
#include "host/engine/verdict.h"
#include "host/simulate/world.h"
#include "tests/host/engine/slow_committer.h"
#include "tests/host/properties/monitor.h"

namespace pirn::sim {

namespace {

using journal::StepClass;
using journal::StepState;

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

 private:
  uint64_t state_;
};

uint64_t hash_of(uint64_t seed, std::string_view text, uint64_t number) {
  for (char c : text) seed = seed * 1099511628211u + static_cast<unsigned char>(c);
  return seed * 31 + number;
}

std::string step_name(size_t index) { return "s" + std::to_string(index); }

std::string random_condition(Random& random, bool about_data) {
  const std::string key = "k" + std::to_string(random.below(6));
  switch (about_data ? random.below(4) : 3) {
    case 0:
      return R"({"path":")" + key + R"(","exists":true})";
    case 1:
      return R"({"path":")" + key + R"(","less":)" + std::to_string(random.below(100)) + "}";
    case 2:
      return R"({"not":{"path":")" + key + R"(","greater":)" + std::to_string(random.below(100)) + "}}";
    default:
      return R"({"function":"ask"})";
  }
}

std::string list_of(const char* key, const std::set<size_t>& steps) {
  std::string out;
  for (const size_t step : steps) out += (out.empty() ? "\"" : ",\"") + step_name(step) + "\"";
  return steps.empty() ? "" : std::string(",\"") + key + "\":[" + out + "]";
}

constexpr uint64_t kCores = 3;  // and one GPU has the host

// What the steps of a scenario have in common.
struct Kinds {
  size_t n = 0;                      // steps
  bool ties = false;                 // after_any, groups, grafts
  bool data_conditions = true;       // what a step sees through after_any depends on who was first
  std::set<size_t> grafts, grouped;  // so far
  bool may_fail_hard = false;
};

// Waits for any number of the steps before it; groups are of the first third, and awaited by the others.
std::string random_ties(Random& random, size_t index, Kinds& kinds) {
  std::string step;
  std::set<size_t> after_any, after_graft;
  if (random.one_in(4))
    for (uint64_t n = random.below(4); n > 0 && index > 0; --n) after_any.insert(random.below(index));
  for (const size_t graft : kinds.grafts)
    if (random.one_in(4)) after_graft.insert(graft);
  step += list_of("after_any", after_any) + list_of("after_graft", after_graft);
  if (index < kinds.n / 3 && random.one_in(2)) {
    step += R"(,"group":"group")";
    kinds.grouped.insert(index);
  } else if (index >= kinds.n / 3 && !kinds.grouped.empty() && random.one_in(4)) {
    step += R"(,"after_group":"group")";
  }
  return step;
}

std::string random_step(Random& random, size_t index, Kinds& kinds) {
  const bool graft = kinds.ties && random.one_in(5);
  std::string step =
      "{\"name\":\"" + step_name(index) + "\",\"task\":" + (graft ? R"("graft","graft":true)" : R"("task")");
  std::set<size_t> after;
  for (uint64_t n = random.below(4); n > 0 && index > 0; --n) after.insert(random.below(index));
  step += list_of("after", after);
  if (kinds.ties) step += random_ties(random, index, kinds);
  if (graft) kinds.grafts.insert(index);
  if (random.one_in(5)) step += ",\"when\":" + random_condition(random, kinds.data_conditions);
  if (random.one_in(3)) step += ",\"priority\":" + std::to_string(random.below(3));
  if (random.one_in(3))
    step += ",\"resources\":{\"cpu\":" + std::to_string(1 + random.below(kCores)) +
            (random.one_in(2) ? ",\"gpu\":1}" : "}");
  step += ",\"max_retries\":" + std::to_string(random.below(3)) +
          ",\"retry_delay\":" + std::to_string(1 + random.below(5000));
  static const char* const backoffs[] = {"\"fixed\"", "\"linear\"", "\"exponential\"",
                                         R"({"table":["1s","3s"]})", R"({"function":"wait"})"};
  step += std::string(",\"retry_backoff\":") + backoffs[random.below(5)];
  if (random.one_in(2)) step += R"(,"retry_jitter":"full","retry_max_delay":"7s")";
  if (random.one_in(4)) step += ",\"context_key\":\"k" + std::to_string(random.below(6)) + "\"";
  switch (random.below(3)) {
    case 0:
      step += R"(,"on_error":"skip")";
      break;
    case 1:
      step += R"(,"on_error":"continue")";
      break;
    default:
      kinds.may_fail_hard = true;
  }
  if (random.one_in(6)) step += R"(,"cancellable":false)";
  return step + "}";
}

bool children_fail_hard(uint64_t scenario_seed) { return scenario_seed % 4 == 0; }

std::string random_options(Random& random) {
  static const char* const options[] = {R"({"max_retries":1,"on_error":"skip"})",
                                        R"({"context_key":"k1","max_retries":0,"on_error":"continue"})",
                                        R"({"on_error":"skip","when":{"function":"ask"}})",
                                        R"({"on_error":"continue","priority":2})"};
  return options[random.below(4)];
}

std::vector<journal::Child> random_children(Random& random, std::string_view graft, bool may_fail_hard) {
  std::vector<journal::Child> children;
  for (uint64_t n = random.below(5); children.size() < n;)
    children.push_back(child(std::string(graft) + "-c" + std::to_string(children.size()),
                             may_fail_hard && random.one_in(2) ? "" : random_options(random), "", "task"));
  return children;
}

// Whoever awaits with a deadline is never answered, whoever awaits without one is: so timing decides nothing.
Act random_await(Random& random) {
  worker::AwaitRequest request;
  request.await.kind = "event";
  if (random.one_in(2)) request.timeout = static_cast<int64_t>(1 + random.below(20'000)) * kMillisecond;
  if (random.one_in(2)) request.await.on_timeout = "late";
  return await(std::move(request));
}

std::string answer_of(uint64_t scenario_seed, std::string_view step) {
  Random random(hash_of(scenario_seed, step, 99));
  return "{\"k" + std::to_string(random.below(6)) + "\":" + std::to_string(random.below(100)) + "}";
}

// What the n-th call of a step does; the same whenever it is called again after a crash.
Act act_of(uint64_t scenario_seed, const worker::Invocation& invocation, uint32_t nth) {
  Random random(
      hash_of(scenario_seed, invocation.step_name, nth * 16 + static_cast<uint64_t>(invocation.kind)));
  if (invocation.kind == worker::Kind::condition)
    return random.one_in(8) ? fail("unknown") : answer(random.one_in(2));
  if (invocation.kind == worker::Kind::backoff)
    return random.one_in(4) ? fail("unknown")
                            : answer_delay(static_cast<int64_t>(random.below(3000)) * kMillisecond);
  if (random.one_in(8)) return snooze(static_cast<int64_t>(random.below(9000)) * kMillisecond);
  if (random.one_in(8)) return random_await(random);
  if (invocation.function == "graft" && !random.one_in(4))
    return expand(random_children(random, invocation.step_name, children_fail_hard(scenario_seed)),
                  random.one_in(2) ? "{}" : R"({"k2":2})");
  switch (random.below(8)) {
    case 0:
      return fail("code" + std::to_string(random.below(3)));
    case 1:
      return random.one_in(3) ? fail("fatal", journal::ErrorClass::terminal) : skip("no need");
    case 2:
      return value(std::to_string(random.below(100)));
    case 3:
      return ok();
    default:
      return ok("{\"k" + std::to_string(random.below(6)) + "\":" + std::to_string(random.below(100)) +
                ",\"own_" + std::string(invocation.step_name) + "\":true}");
  }
}

// Compares what came out in the end with the rules; what holds at every instant the monitor looks at.
class Checker {
 public:
  Checker(World& world, ExecutionId id, const engine::PlanPtr& plan)
      : world_(world),
        id_(id),
        view_(world.show(id)),
        plan_(engine::GrownPlan::recovered(plan, view_.state).value()),
        events_(world.events_of(id)) {}

  std::vector<std::string> check() {
    for (const Event& event : events_)
      if (std::holds_alternative<journal::Stopping>(event.record)) stopped_ = true;
    for (uint32_t step = 0; step < plan_.n_steps(); ++step) check_step(step);
    levels();
    context();
    return std::move(problems_);
  }

  std::string outcome() {
    std::string out(name_of(view_.state.state));
    // Children stand in the order in which their grafts were done, which may differ.
    std::map<std::string, uint32_t> by_name;
    for (uint32_t step = 0; step < plan_.n_steps(); ++step) by_name.emplace(plan_.name(step), step);
    for (const auto& [name, step] : by_name) {
      out += "\n" + name + " " + world_.step_state(id_, name) + " ";
      if (view_.state.steps[step].result) journal::append_result(out, *view_.state.steps[step].result);
    }
    return out + "\n" + view_.context;
  }

 private:
  void say(std::string problem) { problems_.push_back(std::move(problem)); }

  void check_step(uint32_t step) {
    const journal::Step& state = view_.state.steps[step];
    const std::string& name = plan_.name(step);
    // P5, from the final classes alone.
    const auto class_of = [&](uint32_t dependency) {
      return view_.state.steps[dependency].dependency_class();
    };
    const auto classes_of = [&](const std::set<uint32_t>& steps) {
      engine::Classes classes;
      for (const uint32_t dependency : steps) classes.add(class_of(dependency));
      return classes;
    };
    const std::vector<uint32_t>& any = plan_.step(step).after_any;
    const engine::Classes all = classes_of(all_set(step)), of_any = classes_of({any.begin(), any.end()});
    if (all.bad && state.invocations > 0) say("P5: " + name + " ran although a dependency was bad");
    if (stopped_) return;
    const engine::Verdict verdict = engine::both(engine::verdict_all(all), engine::verdict_any(of_any));
    const auto kind = state.state == StepState::skipped ? state.skip_kind : journal::SkipKind::none;
    if ((verdict == engine::Verdict::block) != (kind == journal::SkipKind::upstream_failed))
      say("P5: " + name + " against BLOCK");
    if ((verdict == engine::Verdict::drop) != (kind == journal::SkipKind::not_taken))
      say("P5: " + name + " against DROP");
    if (kind == journal::SkipKind::condition && verdict != engine::Verdict::pass)
      say("P5: " + name + " against PASS");
  }

  // Every step that a step must wait for, one by one.
  std::set<uint32_t> all_set(uint32_t step) const {
    if (plan_.is_child(step)) return {plan_.child(step).graft};
    const definition::Step& of_step = plan_.step(step);
    std::set<uint32_t> all(of_step.after.begin(), of_step.after.end());
    std::set<uint32_t> with_children(of_step.after_graft.begin(), of_step.after_graft.end());
    for (uint32_t member = 0; member < plan_.n_declared() && !of_step.after_group.empty(); ++member)
      if (plan_.step(member).group == of_step.after_group) with_children.insert(member);
    all.insert(with_children.begin(), with_children.end());
    for (uint32_t child = plan_.n_declared(); child < plan_.n_steps(); ++child)
      if (with_children.contains(plan_.child(child).graft)) all.insert(child);
    return all;
  }

  definition::Strategy strategy() const {
    switch (view_.state.strategy) {
      case journal::Strategy::parallel:
        return definition::Strategy::parallel;
      case journal::Strategy::sequential:
        return definition::Strategy::sequential;
      case journal::Strategy::hybrid:
        return definition::Strategy::hybrid;
      default:
        return plan_.workflow().strategy;
    }
  }

  // R44: under hybrid no step starts while one of a lower level, as far as they are known, is open.
  void levels() {
    if (strategy() != definition::Strategy::hybrid) return;
    std::map<uint32_t, uint64_t> started;  // by level: the first start, by seq
    for (const Event& event : events_)
      if (const auto* r = std::get_if<journal::StepStarted>(&event.record))
        started.emplace(plan_.level(r->step), event.seq);
    for (uint32_t step = 0; step < plan_.n_steps(); ++step)
      for (const auto& [level, seq] : started)
        if (plan_.level(step) < level && view_.state.steps[step].ended_seq > seq)
          say("R44: " + plan_.name(step) + " was open when a step of level " + std::to_string(level) +
              " started");
  }

  // P15: a plain fold, patch by patch and in rank order, nothing clever.
  void context() {
    std::map<std::string, journal::Value> folded;
    const auto write = [&](const std::string& key, const journal::Value& value) { folded[key] = value; };
    std::vector<journal::Delta> patches = {view_.state.input};
    std::map<uint32_t, size_t> after;  // step: how many patches were there when it completed
    for (const Event& event : events_) {
      if (const auto* r = std::get_if<journal::Resumed>(&event.record); r && !r->patch.empty())
        patches.push_back(r->patch);
      if (const auto* r = std::get_if<journal::StepCompleted>(&event.record))
        after[r->step] = patches.size() - 1;
    }
    for (size_t patch = 0; patch < patches.size(); ++patch) {
      for (const auto& entry : patches[patch].entries) write(entry.key, entry.value);
      results(patch, after, write);
    }
    std::string expected = "{";
    for (const auto& [key, value] : folded) {
      if (expected.size() > 1) expected += ",";
      journal::append_json_string(expected, key);
      expected += ":";
      journal::append_json(expected, value);
    }
    expected += "}";
    if (expected != view_.context) say("P15: the context is " + view_.context + ", the fold is " + expected);
  }

  template <class Write>
  void results(size_t patch, const std::map<uint32_t, size_t>& after, Write write) {
    std::vector<uint32_t> order;
    for (uint32_t rank = 0; rank < plan_.n_declared(); ++rank) {
      order.push_back(plan_.at_rank(rank));
      for (uint32_t child = plan_.n_declared(); child < plan_.n_steps(); ++child)
        if (plan_.child(child).graft == plan_.at_rank(rank)) order.push_back(child);
    }
    for (const uint32_t step : order) {
      const journal::Step& state = view_.state.steps[step];
      if (state.state != StepState::completed || after.at(step) != patch) continue;
      const journal::StepResult result = state.result ? *state.result : journal::StepResult();
      const std::string& key = plan_.step(step).context_key;
      if (!key.empty()) {
        if (!state.result) continue;
        std::string json;
        journal::append_result(json, result);
        write(key, *journal::parse_value(json));
      } else if (plan_.is_child(step)) {
        if (!state.result || !result.is_map) continue;
        std::string json;
        journal::append_result(json, result);
        write(plan_.name(step), *journal::parse_value(json));
        for (const auto& entry : result.map.entries) write(plan_.name(step) + "_" + entry.key, entry.value);
      } else if (result.is_map) {
        for (const auto& entry : result.map.entries) write(entry.key, entry.value);
      }
    }
  }

  World& world_;
  const ExecutionId id_;
  const engine::View view_;
  const engine::GrownPlan plan_;
  const std::vector<Event> events_;
  bool stopped_ = false;
  std::vector<std::string> problems_;
};

}  // namespace

Scenario make_scenario(uint64_t seed) {
  Random random(seed);
  Scenario scenario;
  scenario.seed = seed;
  const size_t n = random.below(30);
  Kinds kinds;
  kinds.n = n;
  kinds.ties = random.one_in(2);
  kinds.data_conditions = !kinds.ties || random.one_in(3);
  std::string steps;
  for (size_t i = 0; i < n; ++i) steps += (i ? "," : "") + random_step(random, i, kinds);
  if (!kinds.grafts.empty() && children_fail_hard(seed)) kinds.may_fail_hard = true;
  static const char* const strategies[] = {"parallel", "sequential", "hybrid"};
  const bool fail_fast = random.one_in(2);
  scenario.definition =
      R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[{"name":"w","failure_mode":")" +
      std::string(fail_fast ? "fail_fast" : "continue") + "\",\"strategy\":\"" + strategies[random.below(3)] +
      "\",\"step_concurrency\":" + std::to_string(random.below(5)) + ",\"steps\":[" + steps + "]}]}";
  scenario.input = "{\"k0\":" + std::to_string(random.below(100)) + "}";
  scenario.confluent = !(fail_fast && kinds.may_fail_hard) && !(kinds.ties && kinds.data_conditions);
  return scenario;
}

RunReport execute(const Scenario& scenario, const RunSeed& execution) {
  Random random(execution.seed ^ 0xABCDEF);
  engine::Options options;
  options.flush_after_commits = 1 + random.below(20);
  if (random.one_in(2)) options.long_row_bytes = 0;
  options.capacity = engine::Capacity::of({{"cpu", kCores}, {"gpu", 1}});
  World world(options);
  if (random.one_in(2)) {
    // A disk that takes its time; what is under way when the host is lost may be on it or not.
    world.options().min_async_inputs = 1 + random.below(3);
    world.committers = [&world, pace = Random(execution.seed ^ 0xD15C)](store::Store& store) mutable {
      return std::make_unique<SlowCommitter>(
          store, [&pace] { return pace.one_in(3); },
          [&world, &pace] { return world.losing() && pace.one_in(2); });
    };
    world.crash();
  }
  world.releases.functions = {{"task", 1}, {"ask", 6}};
  const auto release = world.releases.publish("t", scenario.definition);
  world.runner().limit = 1 + random.below(12);
  world.runner().script = [&, timing = Random(execution.seed)](const worker::Invocation& invocation) mutable {
    Act act = act_of(scenario.seed, invocation, world.runner().calls.back().nth);
    act.takes = timing.one_in(3) ? 0 : static_cast<int64_t>(timing.below(4000)) * kMillisecond;
    act.ignores_cancel = timing.one_in(3);
    return act;
  };

  RunReport result;
  Monitor monitor(world, {{"cpu", kCores}, {"gpu", 1}});
  if (execution.crashes && random.one_in(2)) world.fail_commit(1 + random.below(8), random.one_in(2));
  const auto strategy = static_cast<journal::Strategy>(random.below(4));
  auto started = world.start(scenario.input, "key", "w", "t", strategy);
  // A start that was not acknowledged may be repeated with its key.
  if (!started) started = world.start(scenario.input, "key", "w", "t", strategy);
  const ExecutionId id = started->id;
  const int64_t cancel_after =
      execution.cancels ? static_cast<int64_t>(random.below(8000)) * kMillisecond : -1;
  const int64_t begin = world.now();
  bool cancelled = false;
  int without_trace = 0;
  for (int slice = 0; slice < 100'000; ++slice) {
    world.advance(static_cast<int64_t>(1 + random.below(1500)) * kMillisecond);
    if (execution.crashes && random.one_in(6)) {
      // The first of them is never counted against anybody. Further ones may be, and then change what comes
      // out: so only runs that are compared with no other have them.
      if ((without_trace == 0 || execution.cancels) && random.one_in(2))
        ++without_trace, world.crash_without_trace();
      else
        world.crash();
    }
    if (cancel_after >= 0 && !cancelled && world.now() - begin >= cancel_after) {
      cancelled = true;
      (void)world.cancel(id);
    }
    monitor.compare_with_live();
    const journal::ExecutionState state = world.show(id).state;
    if (journal::terminal(state.state)) {
      if (world.idle()) break;
      continue;
    }
    if (execution.crashes && !state.paused && random.one_in(8)) (void)world.pause(id);
    // A patch decides over conditions, so that only runs that are compared with no other have one.
    const bool patch = execution.cancels && random.one_in(2);
    if (state.paused && random.one_in(3))
      (void)world.resume(id, patch ? "{\"k1\":" + std::to_string(random.below(100)) + "}" : "{}");
    for (const engine::AwaitingStep& waiting : world.waiting())
      if (waiting.await->deadline == journal::kNever && random.one_in(3) && !world.show(id).state.paused)
        (void)world.resume(id, answer_of(scenario.seed, waiting.step), waiting.step);
  }
  result.crashes = world.crashes();
  const auto plan = engine::Plan::make(release, release->definition.workflows[0]);
  Checker checker(world, id, plan);
  monitor.check_end();
  result.problems = monitor.problems();
  for (std::string& problem : checker.check()) result.problems.push_back(std::move(problem));
  result.outcome = checker.outcome();
  return result;
}

}  // namespace pirn::sim
