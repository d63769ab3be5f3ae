#include "host/testkit/inline_runner.h"

#include <algorithm>
#include <cassert>

namespace pirn::testkit {

namespace {

constexpr size_t kCapacity = 1024;

// A substitute and the package's state, behind the pointer that a pirn_fn receives as its state.
struct Redirection {
  const Substitute& substitute;
  pirn_state* state;
};

int32_t redirect(pirn_state* state, pirn_call* call, const pirn_invocation* invocation,
                 pirn_outcome* outcome) {
  const auto& redirection = *reinterpret_cast<const Redirection*>(state);
  return redirection.substitute(redirection.state, call, invocation, outcome);
}

}  // namespace

InlineRunner::InlineRunner(const library::Descriptor& package, pirn_state* state, Scenario& scenario,
                           worker::Listener& listener, const int64_t& now)
    : package_(package), state_(state), scenario_(scenario), listener_(listener), now_(now) {}

size_t InlineRunner::slots() const { return kCapacity; }

void InlineRunner::start(std::span<worker::Invocation> batch) {
  for (worker::Invocation& invocation : batch) {
    UnderWay& under_way = under_way_[invocation.id];
    under_way.began = under_way.due = now_;
    // Only the step's own work takes time: consultations and hooks are answered at once.
    if (invocation.kind == worker::Kind::task || invocation.kind == worker::Kind::fallback) {
      const auto duration = scenario_.durations.find(invocation.step_name);
      if (duration != scenario_.durations.end()) under_way.due += duration->second;
      under_way.crashes = scenario_.crashes.erase(std::string(invocation.step_name)) != 0;
      if (under_way.crashes) under_way.due -= (under_way.due - now_) / 2;
    }
    under_way.invocation = std::move(invocation);
  }
}

void InlineRunner::take_completions(std::vector<worker::Completion>& out) {
  std::vector<std::pair<int64_t, uint64_t>> due;
  for (const auto& [id, under_way] : under_way_)
    if (under_way.due <= now_) due.emplace_back(under_way.due, id);
  std::sort(due.begin(), due.end());
  for (const auto& [at, id] : due) {
    if (crashed_) return;
    const auto node = under_way_.extract(id);
    const UnderWay& under_way = node.mapped();
    const worker::Invocation& invocation = under_way.invocation;
    worker::Outcome outcome = call(under_way);
    freed_.push_back(invocation.frame->tenant);
    crashed_ = under_way.crashes;
    if (!crashed_)
      out.push_back(
          {invocation.id, invocation.frame->execution, invocation.step, invocation.kind, std::move(outcome)});
  }
}

void InlineRunner::take_freed(std::vector<uint32_t>& out) {
  out.insert(out.end(), freed_.begin(), freed_.end());
  freed_.clear();
}

worker::Outcome InlineRunner::call(const UnderWay& under_way) {
  const worker::Invocation& invocation = under_way.invocation;
  worker::Call call(invocation, listener_, under_way.signals, under_way.began, {}, &clock_);
  const registry::Release& release = *invocation.frame->release;
  const bool own = release.package == package_.id;
  const std::string name = (own ? "" : release.package + "::") + std::string(invocation.function);
  const auto substitute = scenario_.substitutes.find(name);
  if (substitute != scenario_.substitutes.end()) {
    Redirection redirection{substitute->second, state_};
    return call.run(redirect, reinterpret_cast<pirn_state*>(&redirection));
  }
  if (!own) {
    worker::Outcome outcome;
    outcome.kind = worker::Outcome::Kind::failed;
    outcome.error = std::make_shared<const journal::StepError>(
        journal::StepError{"no_mock", "the test does not say what " + name + " does: mock_workflow() does",
                           journal::ErrorClass::terminal, ""});
    return outcome;
  }
  const library::ExportedFunction* function = package_.find(invocation.function);
  assert(function && "the definition was checked against the functions of its package");
  return call.run(function->call, state_);
}

// One that is abandoned returns all the same, at once: the engine knows what it does not want any more.
void InlineRunner::cancel(uint64_t invocation, Signal) {
  const auto found = under_way_.find(invocation);
  if (found == under_way_.end()) return;
  found->second.signals |= PIRN_SIG_CANCEL;
  found->second.due = std::min(found->second.due, now_);
}

void InlineRunner::retire(const registry::ReleasePtr& release) {
  for (auto& [id, under_way] : under_way_)
    if (under_way.invocation.frame->release == release) under_way.signals |= PIRN_SIG_DRAIN;
}

std::optional<int64_t> InlineRunner::next_due() const {
  std::optional<int64_t> next;
  for (const auto& [id, under_way] : under_way_) next = std::min(next.value_or(under_way.due), under_way.due);
  return next;
}

void InlineRunner::lose_all() {
  crashed_ = true;
  for (const auto& [id, under_way] : under_way_) (void)call(under_way);
  under_way_.clear();
  freed_.clear();
}

}  // namespace pirn::testkit
