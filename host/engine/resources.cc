#include "host/engine/resources.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cmath>

#include "host/engine/invocation_input.h"
#include "host/journal/codec.h"

namespace pirn::engine {
namespace {

using definition::Resource;

constexpr double kUnits = 1e6;  // of the pool, to one core, MiB or device
constexpr std::string_view kGpu = "gpu";

int64_t units(double amount) { return static_cast<int64_t>(std::ceil(amount * kUnits)); }

double amount_of(const Capacity& capacity, std::string_view name) {
  for (const Resource& resource : capacity.amounts)
    if (resource.name == name) return resource.amount;
  return 0;
}

void add_problems(const Capacity& capacity, const definition::Workflow& workflow,
                  std::vector<Error>& problems) {
  for (const definition::Step& step : workflow.steps)
    if (const std::string lack = lacking(capacity, step.resources); !lack.empty())
      problems.push_back(Error{Code::resources_insufficient,
                               "the step '" + step.name + "' of the workflow '" + workflow.name +
                                   "' asks for " + lack + " that the host has",
                               "", Blame::caller, step.where});
}

void add_problems(const Capacity& capacity, const registry::Release& release, std::vector<Error>& problems) {
  if (const std::string lack = lacking(capacity, release.resources); !lack.empty())
    problems.push_back(Error{Code::resources_insufficient, "the package '" + release.package + "' asks for " +
                                                               lack + " that the host has"});
}

// Each once, with the release that it is of.
struct Contained {
  const registry::Release* release;
  const definition::Workflow* workflow;
  bool operator==(const Contained&) const = default;
};
void collect(const registry::RequiredPtr& required, Contained of, std::vector<Contained>& found) {
  if (std::find(found.begin(), found.end(), of) != found.end()) return;
  found.push_back(of);
  for (const definition::Step& step : of.workflow->steps) {
    const size_t colons = step.nested.find("::");
    const std::string package = colons == std::string::npos ? "" : step.nested.substr(0, colons);
    Contained nested{of.release, nullptr};
    if (!package.empty() && package != of.release->package) {
      const registry::ReleasePtr* other = registry::find_required(required, package);
      if (!other) continue;  // the catalog starts nothing for which a release is missing
      nested.release = other->get();
    }
    nested.workflow = nested.release->find(package.empty() ? step.nested : step.nested.substr(colons + 2));
    if (nested.workflow) collect(required, nested, found);
  }
}

constexpr size_t kMostShown = 16;  // of the places: a workflow has up to 100,000 steps

Status verdict(std::vector<Error> problems) {
  if (problems.empty()) return {};
  if (problems.size() == 1) return std::move(problems.front());
  Error error{Code::resources_insufficient,
              "the host has less than what is asked for in " + std::to_string(problems.size()) + " places"};
  if (problems.size() > kMostShown) problems.erase(problems.begin() + kMostShown, problems.end());
  error.causes = std::move(problems);
  return error;
}

}  // namespace

std::string amount_text(double amount) {
  std::string out;
  journal::append_json(out, amount == std::floor(amount)
                                ? journal::Value::of_integer(static_cast<int64_t>(amount))
                                : journal::Value::of_real(amount));
  return out;
}

Result<Resource> parse_resource(std::string_view text) {
  const auto wrong = [&](const std::string& why) {
    return Error{Code::invalid_argument, "the resource '" + std::string(text) + "' " + why,
                 "Write NAME=AMOUNT: cpu=8 (cores), memory=16384 (MiB), gpu=2 (devices), licence=5."};
  };
  const size_t equals = text.find('=');
  if (equals == text.npos) return wrong("has no amount");
  Resource out{std::string(text.substr(0, equals)), 0};
  if (!definition::is_name(out.name)) return wrong("has no name that a resource could have");
  const std::string_view amount = text.substr(equals + 1);
  const auto [end, failed] = std::from_chars(amount.data(), amount.data() + amount.size(), out.amount);
  if (failed != std::errc() || end != amount.data() + amount.size())
    return wrong("has no number as its amount");
  if (!(out.amount >= 0 && out.amount <= kMostOfAResource))
    return wrong("must have an amount from 0 to 1e12");
  return out;
}

std::string lacking(const Capacity& capacity, const std::vector<Resource>& needs) {
  if (capacity.endless) return {};
  std::string out;
  for (const Resource& need : needs) {
    const double there = amount_of(capacity, need.name);
    if (units(need.amount) <= units(there)) continue;
    out +=
        (out.empty() ? "" : ", ") + amount_text(need.amount) + " " + need.name + " of " + amount_text(there);
  }
  return out;
}

Status check_resources(const Capacity& capacity, const registry::Release& release) {
  std::vector<Error> problems;
  add_problems(capacity, release, problems);
  for (const definition::Workflow& workflow : release.definition.workflows)
    add_problems(capacity, workflow, problems);
  return verdict(std::move(problems));
}

Status check_resources(const Capacity& capacity, const registry::Catalog::Target& target) {
  std::vector<Contained> contained;
  collect(target.required, {target.release.get(), target.workflow}, contained);
  std::vector<Error> problems;
  std::vector<const registry::Release*> releases;
  for (const Contained& each : contained) {
    if (std::find(releases.begin(), releases.end(), each.release) == releases.end()) {
      releases.push_back(each.release);
      add_problems(capacity, *each.release, problems);
    }
    add_problems(capacity, *each.workflow, problems);
  }
  return verdict(std::move(problems));
}

Resources::Resources(Capacity capacity) : capacity_(std::move(capacity)) {
  for (const Resource& resource : capacity_.amounts) (void)number_of(resource.name);
}

// What the host does not name gets a number when somebody asks for it.
uint32_t Resources::number_of(const std::string& name) {
  const auto found = numbers_.find(name);
  if (found != numbers_.end()) return found->second;
  const int64_t capacity = capacity_.endless ? scheduler::kPlenty : units(amount_of(capacity_, name));
  return numbers_.emplace(name, pool_.add(capacity)).first->second;
}

std::vector<scheduler::Share> Resources::shares_of(const std::vector<Resource>& needs) {
  std::vector<scheduler::Share> shares;
  for (const Resource& need : needs) shares.push_back({number_of(need.name), units(need.amount)});
  std::sort(shares.begin(), shares.end(),
            [](const auto& a, const auto& b) { return a.resource < b.resource; });
  return shares;
}

void Resources::wait(ExecutionId execution, uint32_t step, uint32_t tenant,
                     const std::vector<Resource>& needs, int32_t priority, int64_t now) {
  const auto [claim, fresh] = claims_.try_emplace({execution, step});
  assert(fresh && "a step waits once, and not for what it has");
  Holding& holding = claim->second;
  holding.needs = &needs;
  holding.since = now;
  holding.ticket = line_.push(pool_, tenant, {execution, step}, shares_of(needs), priority, now);
}

void Resources::supply(const Id& id, int64_t now) {
  Holding& holding = claims_.at(id);
  holding.waiting = false;
  holding.since = now;
  holding.gpus = take_gpus(*holding.needs);
}

std::vector<uint32_t> Resources::take_gpus(const std::vector<Resource>& needs) {
  std::vector<uint32_t> taken;
  for (const Resource& need : needs) {
    if (need.name != kGpu) continue;
    const auto wanted = static_cast<size_t>(need.amount);
    for (uint32_t device = 0; taken.size() < wanted; ++device) {
      if (device == gpus_.size()) gpus_.push_back(false);
      if (gpus_[device]) continue;
      gpus_[device] = true;
      taken.push_back(device);
    }
  }
  return taken;
}

std::vector<uint32_t> Resources::withdraw(ExecutionId execution) {
  std::vector<uint32_t> steps;
  for (auto claim = claims_.lower_bound({execution, 0});
       claim != claims_.end() && claim->first.first == execution;) {
    if (!claim->second.waiting) {
      ++claim;
      continue;
    }
    line_.remove(claim->second.ticket);
    steps.push_back(claim->first.second);
    claim = claims_.erase(claim);
  }
  return steps;
}

void Resources::release(ExecutionId execution, uint32_t step) {
  const auto claim = claims_.find({execution, step});
  if (claim == claims_.end()) return;
  assert(!claim->second.waiting && "a step that runs has what it asked for");
  pool_.give_back(shares_of(*claim->second.needs));
  for (const uint32_t device : claim->second.gpus) gpus_[device] = false;
  claims_.erase(claim);
  line_.look_again();
}

std::string Resources::input_of(ExecutionId execution, uint32_t step, std::string_view input) const {
  const Holding& holding = claims_.at({execution, step});
  return task_input(input, *holding.needs, holding.gpus);
}

std::vector<Claim> Resources::claims_of(ExecutionId execution) const {
  std::vector<Claim> out;
  for (auto claim = claims_.lower_bound({execution, 0});
       claim != claims_.end() && claim->first.first == execution; ++claim) {
    const Holding& holding = claim->second;
    out.push_back({claim->first.second, holding.waiting,
                   holding.waiting && !lacking(capacity_, *holding.needs).empty(), holding.since,
                   *holding.needs, holding.gpus});
  }
  return out;
}

std::vector<ResourceUse> Resources::use() const {
  // Packages choose the names, so there may be many: the claims are walked over once, not once for each.
  std::map<std::string_view, uint32_t> waiting;
  for (const auto& [id, holding] : claims_)
    if (holding.waiting)
      for (const Resource& need : *holding.needs) ++waiting[need.name];
  std::vector<ResourceUse> out;
  for (const auto& [name, number] : numbers_) {
    ResourceUse& use = out.emplace_back();
    use.name = name;
    if (!capacity_.endless) use.capacity = amount_of(capacity_, name);
    use.in_use = static_cast<double>(pool_.in_use(number)) / kUnits;
    if (const auto found = waiting.find(name); found != waiting.end()) use.waiting = found->second;
  }
  return out;
}

}  // namespace pirn::engine
