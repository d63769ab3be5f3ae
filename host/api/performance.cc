#include "host/api/performance.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "packager/json/json.h"

namespace pirn::api {

namespace {

namespace bj = boost::json;

std::string text(const bj::object& object, std::string_view name) {
  const bj::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

int64_t number(const bj::object& object, std::string_view name) {
  const bj::value* value = object.if_contains(name);
  return value != nullptr && value->is_int64() ? value->as_int64() : 0;
}

std::string_view advice_for(double ratio) {
  if (ratio > 5) return "It dominates the run: split it, or run parts of it in parallel.";
  if (ratio > 3) return "Look at what it waits for, and whether its work can be done in parallel or kept.";
  return "See whether it can begin earlier, or be made faster.";
}

}  // namespace

Grade grade_of(double success_rate, double total_s, std::optional<double> utilisation) {
  const double time = total_s <= 0 ? 30 : std::clamp(30 - total_s / 10, 0.0, 30.0);
  const double use = utilisation ? std::max(0.0, 30 - std::abs(75 - 100 * *utilisation) / 5) : 30;
  Grade grade;
  grade.score = 40 * success_rate + time + use;
  grade.letter = grade.score >= 90   ? 'A'
                 : grade.score >= 80 ? 'B'
                 : grade.score >= 70 ? 'C'
                 : grade.score >= 60 ? 'D'
                                     : 'F';
  return grade;
}

std::vector<Bottleneck> bottlenecks_of(const std::vector<StepFigures>& steps) {
  std::vector<const StepFigures*> ran;
  double sum = 0;
  for (const StepFigures& step : steps) {
    if (!step.started()) continue;
    ran.push_back(&step);
    sum += static_cast<double>(step.busy_ns);
  }
  std::vector<Bottleneck> found;
  if (ran.size() < 2 || sum <= 0) return found;
  std::stable_sort(ran.begin(), ran.end(),
                   [](const StepFigures* a, const StepFigures* b) { return a->busy_ns > b->busy_ns; });
  const double average = sum / static_cast<double>(ran.size());
  const double fifth = static_cast<double>(ran[std::max<size_t>(1, ran.size() / 5)]->busy_ns);
  const double threshold = std::max(2 * average, fifth);
  for (const StepFigures* step : ran) {
    const auto busy = static_cast<double>(step->busy_ns);
    if (busy < threshold) break;
    const double ratio = busy / average;
    found.push_back({step->name, step->busy_ns, ratio, ratio > 3, advice_for(ratio)});
  }
  return found;
}

StepFigures& Figures::step(const std::string& name) {
  const auto [found, added] = index_.emplace(name, steps.size());
  if (added) steps.push_back({.name = name});
  return steps[found->second];
}

void Figures::event(const events::EventView& event) {
  const auto parsed = parse_own_json(event.text, "an event", {});
  if (!parsed || !parsed->is_object()) return;
  const bj::object& object = parsed->as_object();
  const std::string_view type = event.type;
  if (type == "workflow.start") {
    if (started_at == 0) started_at = event.at;
    state = "running";
    ++attempts;
    running_ = 0;
    return;
  }
  if (type == "workflow.stop") {
    state = text(object, "state");
    ended_at = event.at;
    return;
  }
  const std::string name = text(object, "step");
  if (name.empty() || !type.starts_with("step.")) return;
  StepFigures& of = step(name);
  const auto over = [&](std::string now) {
    of.busy_ns += number(object, "duration");
    of.state = std::move(now);
    if (running_ > 0) --running_;
  };
  if (type == "step.ready") {
    ready_at_[name] = event.at;
    of.state = "ready";
  } else if (type == "step.start") {
    if (const auto ready = ready_at_.extract(name)) of.queued_ns += event.at - ready.mapped();
    ++of.invocations;
    of.state = "running";
    max_concurrency = std::max(max_concurrency, ++running_);
  } else if (type == "step.stop") {
    over("completed");
  } else if (type == "step.exception") {
    ++of.failures;
    const std::string then = text(object, "then");
    over(then == "skip" ? "skipped" : then == "fail" || then == "tolerate" ? "failed" : "waiting");
  } else if (type == "step.settle") {
    const std::string then = text(object, "then");
    of.state = then == "skip" ? "skipped" : then == "fail" || then == "tolerate" ? "failed" : "waiting";
  } else if (type == "step.snooze" || type == "step.await" || type == "step.interrupt") {
    over("waiting");
  } else if (type == "step.skip") {
    of.state = "skipped";
  } else if (type == "step.cancel") {
    if (of.state == "running" && running_ > 0) --running_;
    of.state = "cancelled";
  } else if (type == "step.adopt") {
    of.state = "completed";
  }
}

// The handlers of the workflow belong to no step.
void Figures::cpu(const std::string& name, int64_t cpu_ns) {
  if (name.empty())
    handlers_cpu_ns_ = cpu_ns;
  else
    step(name).cpu_ns = cpu_ns;
}

uint64_t Figures::count(std::string_view wanted) const {
  return static_cast<uint64_t>(std::count_if(steps.begin(), steps.end(),
                                             [&](const StepFigures& each) { return each.state == wanted; }));
}

double Figures::success_rate() const {
  uint64_t over = 0, completed = 0;
  for (const StepFigures& each : steps) {
    if (!each.started()) continue;
    completed += each.state == "completed" ? 1 : 0;
    over += each.state == "completed" || each.state == "failed" || each.state == "cancelled" ? 1 : 0;
  }
  return over == 0 ? 1 : static_cast<double>(completed) / static_cast<double>(over);
}

int64_t Figures::total_ns(int64_t now) const {
  if (started_at == 0) return 0;
  return std::max<int64_t>(0, (ended_at != 0 ? ended_at : now) - started_at);
}

std::optional<int64_t> Figures::cpu_ns() const {
  std::optional<int64_t> sum = handlers_cpu_ns_;
  for (const StepFigures& each : steps)
    if (each.cpu_ns) sum = sum.value_or(0) + *each.cpu_ns;
  return sum;
}

std::optional<double> Figures::utilisation() const {
  int64_t cpu = 0, busy = 0;
  for (const StepFigures& each : steps) {
    if (!each.cpu_ns) continue;
    cpu += *each.cpu_ns;
    busy += each.busy_ns;
  }
  if (busy <= 0) return std::nullopt;
  return std::min(1.0, static_cast<double>(cpu) / static_cast<double>(busy));
}

std::vector<std::string> recommendations_for(double success_rate, char letter,
                                             const std::vector<Bottleneck>& bottlenecks) {
  std::vector<std::string> all;
  if (success_rate < 0.8)
    all.emplace_back("Fewer than 80 % of the steps succeeded: look at their errors before anything else.");
  else if (success_rate < 0.95)
    all.emplace_back("Fewer than 95 % of the steps succeeded: retries or fallbacks may help.");
  if (letter == 'C') all.emplace_back("The grade is C: there is room for improvement.");
  if (letter == 'D' || letter == 'F')
    all.push_back(std::string("The grade is ") + letter + ": look at the bottlenecks and at the failures.");
  const auto high =
      std::count_if(bottlenecks.begin(), bottlenecks.end(), [](const auto& each) { return each.high; });
  if (high > 0)
    all.push_back(std::to_string(high) + (high == 1 ? " step takes" : " steps take") +
                  " more than three times the average: begin there.");
  if (all.empty()) all.emplace_back("Everything is within the acceptable range.");
  return all;
}

}  // namespace pirn::api
