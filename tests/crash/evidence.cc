#include "tests/crash/evidence.h"

#include <set>
#include <sstream>
#include <tuple>

namespace pirn::crash {
namespace {

std::string at_line(size_t line) { return "ledger line " + std::to_string(line) + ": "; }

}  // namespace

Ledger read_ledger(std::string_view text, Problems& problems) {
  Ledger ledger;
  std::istringstream lines{std::string(text)};
  std::string line;
  for (size_t number = 1; std::getline(lines, line); ++number) {
    std::istringstream words(line);
    std::string kind, excess;
    words >> kind;
    if (kind == "ran") {
      Effect effect;
      effect.line = number;
      if (words >> effect.execution >> effect.step >> effect.attempt >> effect.invocation >> effect.version >>
              effect.at_ns &&
          !(words >> excess)) {
        ledger.effects.push_back(std::move(effect));
        continue;
      }
    } else if (kind == "seen") {
      Sighting sighting;
      sighting.line = number;
      if (words >> sighting.execution >> sighting.step && !(words >> excess)) {
        ledger.sightings.push_back(std::move(sighting));
        continue;
      }
    }
    problems.push_back(at_line(number) + "is no line of a ledger: " + line);
  }
  return ledger;
}

std::string sighting_line(std::string_view execution, std::string_view step) {
  return "seen " + std::string(execution) + " " + std::string(step) + "\n";
}

Problems check_ledger(const Ledger& ledger) {
  Problems problems;
  std::map<std::pair<std::string, std::string>, size_t> seen;
  for (const auto& sighting : ledger.sightings)
    seen.emplace(std::pair(sighting.execution, sighting.step), sighting.line);

  std::set<std::pair<std::string, uint64_t>> invocations;
  std::map<std::pair<std::string, std::string>, uint32_t> attempts;
  std::map<std::string, std::string> versions;
  for (const auto& effect : ledger.effects) {
    const std::pair step(effect.execution, effect.step);
    const auto what = at_line(effect.line) + effect.execution + " " + effect.step + " ";
    if (const auto found = seen.find(step); found != seen.end() && found->second < effect.line)
      problems.push_back(what + "ran after the host had said on line " + std::to_string(found->second) +
                         " that it was completed");
    if (!invocations.insert({effect.execution, effect.invocation}).second)
      problems.push_back(what + "ran twice as invocation " + std::to_string(effect.invocation));
    uint32_t& last = attempts[step];
    if (effect.attempt < last)
      problems.push_back(what + "ran as attempt " + std::to_string(effect.attempt) + " after attempt " +
                         std::to_string(last));
    last = std::max(last, effect.attempt);
    const auto& version = versions.emplace(effect.execution, effect.version).first->second;
    if (version != effect.version)
      problems.push_back(what + "ran on version " + effect.version + ", and the execution is pinned to " +
                         version);
  }
  return problems;
}

Problems check_history(const std::string& execution, const std::vector<Event>& events,
                       const std::vector<Effect>& effects, const Expectation& expectation) {
  struct Step {
    uint32_t starts = 0, stops = 0, failures = 0, interruptions = 0;
    uint64_t last_invocation = 0;
    int64_t wake_at = 0;
  };
  Problems problems;
  std::map<std::string, Step> steps;
  std::map<uint64_t, const Event*> started;
  std::set<uint64_t> stopped;
  const auto problem = [&](const std::string& what) { problems.push_back(execution + ": " + what); };

  uint64_t seq = 0;
  uint32_t creates = 0, ends = 0;
  for (const auto& event : events) {
    if (event.seq != ++seq)
      problem("record " + std::to_string(event.seq) + " stands where " + std::to_string(seq) + " is due");
    seq = event.seq;
    if (ends != 0) problem(event.type + " stands after workflow.stop");
    if (event.type == "workflow.create") ++creates;
    if (event.type == "workflow.stop") {
      ++ends;
      if (event.state != "completed") problem("ended " + event.state);
    }
    if (event.step.empty()) continue;
    Step& step = steps[event.step];
    if (event.type == "step.start") {
      ++step.starts;
      step.last_invocation = event.invocation;
      started[event.invocation] = &event;
      if (event.at_ns < step.wake_at) problem(event.step + " was retried before its time");
    } else if (event.type == "step.stop") {
      ++step.stops;
      stopped.insert(step.last_invocation);
    } else if (event.type == "step.exception") {
      ++step.failures;
    } else if (event.type == "step.interrupt") {
      ++step.interruptions;
    } else if (event.type == "step.retry") {
      step.wake_at = event.wake_at;
    }
  }
  if (creates != 1) problem("has " + std::to_string(creates) + " workflow.create");
  if (ends != 1) problem("has " + std::to_string(ends) + " workflow.stop");
  for (const auto& [name, step] : steps) {
    if (step.stops != 1) problem(name + " stopped " + std::to_string(step.stops) + " times");
    if (step.starts != step.stops + step.failures + step.interruptions)
      problem(name + " has " + std::to_string(step.starts) + " starts, " + std::to_string(step.stops) +
              " stops, " + std::to_string(step.failures) + " failures and " +
              std::to_string(step.interruptions) + " interruptions");
    const auto expected = expectation.failures.find(name);
    const uint32_t own = expected == expectation.failures.end() ? 0 : expected->second;
    if (step.failures != own)
      problem(name + " has " + std::to_string(step.failures) + " failures, its own are " +
              std::to_string(own));
  }
  std::set<uint64_t> ran;
  for (const auto& effect : effects) {
    ran.insert(effect.invocation);
    const auto start = started.find(effect.invocation);
    if (start == started.end() || start->second->step != effect.step ||
        start->second->attempt != effect.attempt)
      problem(effect.step + " ran as invocation " + std::to_string(effect.invocation) + ", attempt " +
              std::to_string(effect.attempt) + ", which the journal never started");
  }
  for (const uint64_t invocation : stopped)
    if (!ran.contains(invocation))
      problem("invocation " + std::to_string(invocation) + " stopped and never ran");
  return problems;
}

}  // namespace pirn::crash
