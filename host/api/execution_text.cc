#include "host/api/execution_text.h"

#include <algorithm>

#include "host/api/document.h"
#include "host/journal/codec.h"
#include "packager/json/plain_text.h"

namespace pirn::api {

namespace {

using journal::StepState;

// An object that is written member by member.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) { out_ += '{'; }

  std::string& name(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    journal::append_json_string(out_, name);
    return out_ += ':';
  }
  void text(std::string_view key, std::string_view value) { journal::append_json_string(name(key), value); }
  void text_or_null(std::string_view key, std::string_view value) {
    if (value.empty())
      null(key);
    else
      text(key, value);
  }
  void number(std::string_view key, int64_t value) { journal::append_integer(name(key), value); }
  void flag(std::string_view key, bool value) { name(key) += value ? "true" : "false"; }
  void null(std::string_view key) { name(key) += "null"; }
  void time(std::string_view key, int64_t ns) {
    if (ns == 0 || ns == journal::kNever)
      null(key);
    else
      text(key, time_text_ns(ns));
  }
  // Milliseconds with three digits, from `start` to `end` or, while it lasts, to now.
  void duration(std::string_view key, int64_t start, int64_t end, int64_t now) {
    if (start == 0) return null(key);
    name(key) +=
        fixed_text(static_cast<double>(std::max<int64_t>(0, (end != 0 ? end : now) - start)) / 1e6, 3);
  }
  void end() { out_ += '}'; }

 private:
  std::string& out_;
  bool first_ = true;
};

void error(Writer& object, std::string_view key, const journal::ErrorPtr& error) {
  if (!error) return object.null(key);
  journal::append_error(object.name(key), *error);
}

// The try that the step is in, or that it ended with: failures so far + 1, unless the last thing was a
// failure.
uint32_t shown_attempt(const journal::Step& step) {
  if (step.started_at == 0 && step.failures == 0) return 0;  // a rejected attempt is one without a start
  const bool after_failure = step.state == StepState::failed || step.state == StepState::retry_wait ||
                             step.skip_kind == journal::SkipKind::on_error;
  return std::max(1u, step.failures + (after_failure ? 0 : 1));
}

// What a step awaits; `object` holds the members that say which step it is.
void append_await(Writer& object, const journal::Await& await) {
  object.text("kind", await.kind);
  object.time("deadline", await.deadline);
  std::string& out = object.name("approvers") += '[';
  for (size_t i = 0; i < await.approvers.size(); ++i) {
    if (i != 0) out += ',';
    journal::append_json_string(out, await.approvers[i]);
  }
  out += ']';
  object.name("notify") += await.notify.empty() ? "null" : await.notify;
  object.text_or_null("on_timeout", await.on_timeout);
}

// What a step has of the host's resources, or waits for.
void append_claim(Writer& object, const engine::Claim& claim) {
  object.flag("waiting", claim.waiting);
  object.flag("hopeless", claim.hopeless);
  object.time("since", claim.since);
  Writer needs(object.name("needs"));
  for (const definition::Resource& need : claim.needs)
    journal::append_json(needs.name(need.name), journal::Value::of_real(need.amount));
  needs.end();
  std::string& out = object.name("gpus") += '[';
  for (const uint32_t device : claim.gpus) {
    if (out.back() != '[') out += ',';
    journal::append_unsigned(out, device);
  }
  out += ']';
}

// A slot that is waited for.
void append_slot(Writer& object, const engine::SlotWait& slot) {
  object.number("total", static_cast<int64_t>(slot.total));
  object.number("in_use", static_cast<int64_t>(slot.in_use));
  object.number("running_steps", slot.running);
  journal::append_json(object.name("share"), journal::Value::of_real(slot.share));
  if (slot.max_running_steps == 0)
    object.null("max_running_steps");
  else
    object.number("max_running_steps", slot.max_running_steps);
}

// `claim` and `slot` may be null.
void append_step(std::string& out, const journal::Step& step, const std::string& name,
                 const engine::Claim* claim, const engine::SlotWait* slot, int64_t now) {
  Writer object(out);
  object.text("name", name);
  object.text("state", journal::name_of(step.state));
  if (step.skip_kind == journal::SkipKind::none)
    object.null("skip_kind");
  else
    object.text("skip_kind", journal::name_of(step.skip_kind));
  object.number("attempt", shown_attempt(step));
  object.number("invocations", step.invocations);
  object.number("failures", step.failures);
  object.number("interruptions", step.extra->interruptions);
  object.number("crashes", step.extra->crashes);
  object.number("snoozes", step.extra->snoozes);
  object.flag("tolerated", step.tolerated);
  error(object, "error", step.error);
  object.text_or_null("reason", step.extra->reason);
  object.time("started_at", step.started_at);
  object.time("ended_at", step.ended_at);
  object.duration("duration_ms", step.started_at, step.ended_at, now);
  const bool sleeps = step.state == StepState::retry_wait || step.state == StepState::snoozed;
  object.time("wake_at", sleeps ? step.wake_at : 0);
  if (step.state == StepState::awaiting) {
    Writer await(object.name("await"));
    append_await(await, *step.extra->await);
    await.end();
  } else {
    object.null("await");
  }
  if (claim) {
    Writer resources(object.name("resources"));
    append_claim(resources, *claim);
    resources.end();
  } else {
    object.null("resources");
  }
  if (slot != nullptr && claim == nullptr && step.state == StepState::ready) {
    Writer of_slot(object.name("slot"));
    append_slot(of_slot, *slot);
    of_slot.end();
  } else {
    object.null("slot");
  }
  object.flag("fallback_used", step.fallback_used);
  if (step.compensation == journal::Compensation::none)
    object.null("compensation");
  else
    object.text("compensation", journal::name_of(step.compensation));
  error(object, "rollback_error", step.extra->rollback_error);
  object.text_or_null("execution", step.extra->child ? step.extra->child.text() : std::string());
  if (step.result)
    journal::append_result(object.name("result"), *step.result);
  else
    object.null("result");
  object.end();
}

// The members that lists and the full form share, up to the progress.
struct Head {
  std::string id, tenant, package, version, release, workflow, key;
  std::string_view state;
  int64_t created_at, started_at, ended_at;
  uint32_t done, total;
};

void append_head(Writer& object, const Head& head, int64_t now) {
  object.text("id", head.id);
  if (!head.tenant.empty()) object.text("tenant", head.tenant);
  object.text("package", head.package);
  object.text("version", head.version);
  object.text("release", head.release);
  object.text("workflow", head.workflow);
  object.text_or_null("key", head.key);
  object.text("state", head.state);
  object.time("created_at", head.created_at);
  object.time("started_at", head.started_at);
  object.time("ended_at", head.ended_at);
  object.duration("duration_ms", head.started_at, head.ended_at, now);
  std::string& out = object.name("progress");
  out += "{\"done\":";
  journal::append_unsigned(out, head.done);
  out += ",\"total\":";
  journal::append_unsigned(out, head.total);
  out += '}';
}

// The largest number of steps that ran at the same time, by the span from first invocation to end.
uint32_t max_concurrency(const journal::ExecutionState& state) {
  std::vector<std::pair<int64_t, int>> edges;
  for (const journal::Step& step : state.steps) {
    if (step.started_at == 0) continue;
    edges.emplace_back(step.started_at, 1);
    if (step.ended_at != 0) edges.emplace_back(step.ended_at, -1);
  }
  std::sort(edges.begin(), edges.end());  // an end stands before a start of the same instant
  int running = 0, most = 0;
  for (const auto& [at, change] : edges) most = std::max(most, running += change);
  return static_cast<uint32_t>(most);
}

}  // namespace

std::string execution_text(const engine::View& view, int64_t now) {
  const journal::ExecutionState& state = view.state;
  const std::vector<std::string>& step_names = view.step_names;
  const std::string context = view.context_json();
  std::string out;
  out.reserve(1024 + state.steps.size() * 384 + context.size());
  Writer object(out);
  append_head(
      object,
      Head{state.id.text(), state.origin->tenant, state.origin->package, state.origin->version,
           state.origin->pins.empty() ? std::string() : state.origin->pins.front().hex(),
           state.origin->workflow, state.key, journal::visible_state(state), state.created_at,
           state.started_at, state.ended_at, state.n_terminal(), static_cast<uint32_t>(state.steps.size())},
      now);
  object.text_or_null("current_step", view.current_step == journal::kNoStep ? std::string_view()
                                                                            : step_names[view.current_step]);
  object.name("running_steps") += '[';
  bool first = true;
  for (size_t i = 0; i < state.steps.size(); ++i) {
    if (state.steps[i].state != StepState::running) continue;
    if (!first) out += ',';
    first = false;
    journal::append_json_string(out, step_names[i]);
  }
  out += ']';
  object.number("attempt", state.attempt);
  object.time("wake_at", state.state == journal::State::pending ? state.wake_at : 0);
  // Of the releases that it stays with its own is the first; the others are of packages that it requires.
  object.name("pins") += '[';
  for (const Digest& pin : state.origin->pins) {
    if (out.back() != '[') out += ',';
    journal::append_json_string(out, pin.hex());
  }
  out += ']';
  object.text("trigger", state.trigger);
  object.text("strategy", journal::name_of(state.strategy));
  object.text_or_null("parent", state.parent ? state.parent.text() : std::string());
  object.text_or_null("root", state.root.text());
  object.text_or_null("retry_of", state.retry_of ? state.retry_of.text() : std::string());
  object.text("definition", state.origin->definition.hex());
  object.text("input_digest", state.input_digest.hex());
  object.number("tolerated_failures", state.tolerated_failures);
  object.number("max_concurrency", max_concurrency(state));
  object.time("deadline", state.deadline);
  object.flag("paused_by_hand", state.paused);
  object.text_or_null("reason", state.reason);
  object.name("steps") += '[';
  auto claim = view.claims.begin();  // ascending by step
  for (size_t i = 0; i < state.steps.size(); ++i) {
    if (i != 0) out += ',';
    while (claim != view.claims.end() && claim->step < i) ++claim;
    const bool claims = claim != view.claims.end() && claim->step == i;
    append_step(out, state.steps[i], step_names[i], claims ? &*claim : nullptr,
                view.slot ? &*view.slot : nullptr, now);
  }
  out += ']';
  object.name("context") += context.empty() ? "{}" : context;
  error(object, "error", state.error);
  if (state.error_step < step_names.size())
    object.text("error_step", step_names[state.error_step]);
  else
    object.null("error_step");
  object.name("rollback_errors") += '[';
  first = true;
  for (size_t i = 0; i < state.steps.size(); ++i) {
    if (state.steps[i].compensation != journal::Compensation::failed) continue;
    if (!first) out += ',';
    first = false;
    Writer of_step(out);
    of_step.text("step", step_names[i]);
    error(of_step, "error", state.steps[i].extra->rollback_error);
    of_step.end();
  }
  out += ']';
  object.end();
  return out;
}

std::string waiting_text(const engine::AwaitingStep& waiting) {
  std::string out;
  Writer object(out);
  object.text("execution", waiting.id.text());
  object.text("package", waiting.package);
  object.text("workflow", waiting.workflow);
  object.text("step", waiting.step);
  append_await(object, *waiting.await);
  error(object, "error", waiting.error);
  object.end();
  return out;
}

std::string line_text(const engine::ExecutionSummary& line, int64_t now) {
  std::string out;
  Writer object(out);
  append_head(object,
              Head{line.id.text(),
                   {},
                   line.package,
                   line.version,
                   line.release.hex(),
                   line.workflow,
                   line.key,
                   line.state,
                   line.created_at,
                   line.started_at,
                   line.ended_at,
                   line.done,
                   line.total},
              now);
  object.end();
  return out;
}

std::string line_text(const store::StoredExecution& row, std::string_view state, int64_t now) {
  Head head{row.id.text(),
            {},
            row.package,
            row.version,
            row.release.hex(),
            row.workflow,
            row.key,
            state,
            row.created_at,
            row.started_at,
            row.ended_at,
            0,
            0};
  if (const Result<journal::DecodedState> decoded = journal::decode_state(row.columns(), row.body)) {
    head.done = decoded->state.n_terminal();
    head.total = static_cast<uint32_t>(decoded->state.steps.size());
  }
  std::string out;
  Writer object(out);
  append_head(object, head, now);
  object.end();
  return out;
}

}  // namespace pirn::api
