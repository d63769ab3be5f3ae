// What is asked of the host and when, as a case says it.
#include "host/simulate/case_nodes.h"

namespace pirn::sim {

namespace {

using definition::Node;

const std::vector<std::string> kWords = {"start",
                                         "cancel",
                                         "cancel_all",
                                         "pause",
                                         "resume",
                                         "signal",
                                         "approve",
                                         "reject",
                                         "retry",
                                         "rerun",
                                         "retry_letter",
                                         "retry_letters",
                                         "discard_letter",
                                         "prune_letters",
                                         "reset_breaker",
                                         "emit",
                                         "pause_schedule",
                                         "resume_schedule",
                                         "trigger_schedule",
                                         "backfill",
                                         "deploy",
                                         "crash",
                                         "down",
                                         "fail_commit",
                                         "set_clock"};
const std::vector<std::string> kOptions = {
    "at",      "after", "as",        "input",    "key",     "tenant",    "reason",       "rollback",
    "cleanup", "in",    "step",      "strategy", "context", "action",    "by",           "comment",
    "from",    "to",    "on_active", "payload",  "id",      "resources", "without_trace"};

// The members of an order beside its word; each is taken once.
class Options {
 public:
  Options(NodeReader& reader, std::map<std::string, const Node*> options)
      : reader_(reader), options_(std::move(options)) {}

  const Node* take(const std::string& key) {
    const auto found = options_.find(key);
    if (found == options_.end()) return nullptr;
    const Node* node = found->second;
    options_.erase(found);
    return node;
  }
  std::string text(const std::string& key, std::string otherwise = "") {
    const Node* node = take(key);
    return node ? reader_.text_of(*node) : otherwise;
  }
  bool truth(const std::string& key, bool otherwise) {
    const Node* node = take(key);
    return node ? reader_.truth_of(*node) : otherwise;
  }
  std::string object(const std::string& key) {
    const Node* node = take(key);
    return node ? reader_.object_of(*node) : "{}";
  }
  int64_t duration(const std::string& key) {
    const Node* node = take(key);
    return node ? reader_.duration_of(*node) : 0;
  }
  // Whoever is not named may answer everything.
  engine::Person person() {
    const Node* node = take("by");
    if (!node) return {"operator", true};
    return {reader_.text_of(*node), false};
  }
  const std::map<std::string, const Node*>& left() const { return options_; }

 private:
  NodeReader& reader_;
  std::map<std::string, const Node*> options_;
};

journal::Strategy strategy_of(NodeReader& reader, Options& options) {
  const Node* node = options.take("strategy");
  if (!node) return journal::Strategy::as_defined;
  const std::string word = reader.text_of(*node);
  for (const auto strategy :
       {journal::Strategy::parallel, journal::Strategy::sequential, journal::Strategy::hybrid})
    if (word == name_of(strategy)) return strategy;
  reader.unknown(*node, "there is no strategy '" + word + "'", {"parallel", "sequential", "hybrid"});
  return journal::Strategy::as_defined;
}

engine::Resume::Action action_of(NodeReader& reader, Options& options) {
  const Node* node = options.take("action");
  if (!node) return engine::Resume::Action::complete;
  const auto action = engine::parse_action(reader.text_of(*node));
  if (action) return *action;
  reader.bad(*node, action.error().message, action.error().hint);
  return engine::Resume::Action::complete;
}

// A workflow as callers name it everywhere: [[tenant::]package::]name.
struct NamedWorkflow {
  std::string tenant, package, name;
  std::string local() const { return package.empty() ? name : package + "::" + name; }
};
// `tenant`: what the order says beside it; empty: nothing, and without either the tenant is "t".
NamedWorkflow named_workflow(NodeReader& reader, const Node& node, const std::string& tenant) {
  NamedWorkflow named;
  named.name = reader.text_of(node);
  if (const size_t colons = named.name.rfind("::"); colons != std::string::npos) {
    named.package = named.name.substr(0, colons);
    named.name.erase(0, colons + 2);
  }
  if (const size_t colons = named.package.find("::"); colons != std::string::npos) {
    named.tenant = named.package.substr(0, colons);
    named.package.erase(0, colons + 2);
  }
  if (!named.tenant.empty() && !tenant.empty() && named.tenant != tenant)
    reader.bad(node,
               "'" + reader.text_of(node) + "' is of tenant '" + named.tenant + "', and \"tenant\" is '" +
                   tenant + "'",
               "Leave out one of them.");
  if (named.tenant.empty()) named.tenant = tenant.empty() ? "t" : tenant;
  return named;
}

What backfill_of(NodeReader& reader, const Node& what, Options& options) {
  NamedWorkflow named = named_workflow(reader, what, options.text("tenant"));
  BackfillRuns backfill{named.local(), std::move(named.tenant), 0, 0};
  for (const char* key : {"from", "to"}) {
    const Node* node = options.take(key);
    if (!node)
      reader.problem(Code::missing_key, what, std::string("a backfill needs \"") + key + "\"",
                     "Write the first and the last instant, such as 2026-01-01T00:00:00Z.");
    else
      (key == std::string_view("from") ? backfill.from : backfill.to) = reader.instant_of(*node);
  }
  return backfill;
}

// "workflow" of a choice, which may name its package and tenant.
template <class Which>
void set_workflow(NodeReader& reader, const Node& node, Which& which, std::string& tenant) {
  NamedWorkflow named = named_workflow(reader, node, tenant);
  tenant = std::move(named.tenant);
  if (!named.package.empty()) which.package = std::move(named.package);
  which.workflow = std::move(named.name);
}

What cancel_all_of(NodeReader& reader, const Node& what, Options& options) {
  engine::CancelAll which;
  which.tenant = options.text("tenant");
  which.reason = options.text("reason", which.reason);
  which.rollback = options.truth("rollback", which.rollback);
  which.cleanup = options.truth("cleanup", which.cleanup);
  reader.members(what, "what is cancelled", {"package", "workflow", "tag", "states"}, [&](const Node& node) {
    if (node.key == "package") which.package = reader.text_of(node);
    if (node.key == "workflow") set_workflow(reader, node, which, which.tenant);
    if (node.key == "tag") which.tag = reader.text_of(node);
    if (node.key != "states") return;
    reader.elements(node, [&](const Node& state) { which.states.push_back(reader.text_of(state)); });
  });
  if (which.tenant.empty()) which.tenant = "t";
  return CancelRuns{std::move(which)};
}

engine::DeadLetterFilter letters_of(NodeReader& reader, const Node& what, std::string& tenant,
                                    int64_t* older_than) {
  engine::DeadLetterFilter which;
  std::vector<std::string> known = {"package", "workflow", "code"};
  if (older_than) known.emplace_back("older_than");
  reader.members(what, "a choice of dead letters", known, [&](const Node& node) {
    if (node.key == "package") which.package = reader.text_of(node);
    if (node.key == "workflow") set_workflow(reader, node, which, tenant);
    if (node.key == "code") which.code = reader.text_of(node);
    if (node.key == "older_than") *older_than = reader.duration_of(node);
  });
  return which;
}

What letters_order_of(NodeReader& reader, const Node& what, Options& options) {
  std::string tenant = options.text("tenant");
  int64_t older_than = 0;
  const bool retries = what.key == "retry_letters";
  engine::DeadLetterFilter which = letters_of(reader, what, tenant, retries ? nullptr : &older_than);
  if (tenant.empty()) tenant = "t";
  if (retries)
    return RetryDeadLetters{std::move(tenant), std::move(which), options.truth("on_active", false)};
  return PruneDeadLetters{std::move(tenant), std::move(which), older_than};
}

What loss_of(NodeReader& reader, const Node& what, Options& options) {
  LoseHost lose;
  if (what.key == "down")
    lose.down_ns = reader.duration_of(what);
  else if (!reader.truth_of(what))
    reader.bad(what, "\"crash\" is true or absent", "");
  lose.without_trace = options.truth("without_trace", false);
  if (const Node* resources = options.take("resources")) lose.capacity = reader.capacity_of(*resources);
  return lose;
}

// Of a step that must be named.
std::string step_of(NodeReader& reader, const Node& what, Options& options) {
  std::string step = options.text("step");
  if (step.empty())
    reader.problem(Code::missing_key, what, "\"" + what.key + "\" needs \"step\"",
                   "Write the step that awaits.");
  return step;
}

What fail_commit_of(NodeReader& reader, const Node& what) {
  const std::string word = reader.text_of(what);
  if (word != "nothing_written" && word != "uncertain")
    reader.bad(what, "a commit fails \"nothing_written\" or \"uncertain\"", "");
  return FailCommit{word == "uncertain"};
}

// "+1h" or "-90s".
What set_clock_of(NodeReader& reader, const Node& what) {
  const std::string text = reader.text_of(what);
  const bool back = text.starts_with('-');
  const auto by =
      text.starts_with('+') || back ? definition::parse_duration(text.substr(1)) : Result<int64_t>(0);
  if (by && *by > 0 && *by != definition::kInfinite) return SetClock{back ? -*by : *by};
  reader.bad(what, "'" + text + "' does not say by how much the clock is set",
             "Write a sign and a duration, such as +1h or -90s.");
  return SetClock{};
}

What what_of(NodeReader& reader, const Node& what, Options& options) {
  using Action = engine::ControlSchedule::Action;
  const std::string& word = what.key;
  if (word == "down" || word == "crash") return loss_of(reader, what, options);
  if (word == "cancel_all") return cancel_all_of(reader, what, options);
  if (word == "retry_letters" || word == "prune_letters") return letters_order_of(reader, what, options);
  if (word == "fail_commit") return fail_commit_of(reader, what);
  if (word == "set_clock") return set_clock_of(reader, what);
  if (word == "backfill") return backfill_of(reader, what, options);
  const std::string of = reader.text_of(what);
  if (word == "start") {
    NamedWorkflow named = named_workflow(reader, what, options.text("tenant"));
    return StartRun{options.text("as", of),      std::move(named.tenant), named.local(),
                    options.object("input"),     options.text("key"),     options.duration("in"),
                    strategy_of(reader, options)};
  }
  if (word == "cancel")
    return CancelRun{of, options.text("reason", "user_requested"), options.truth("rollback", false),
                     options.truth("cleanup", true)};
  if (word == "pause") return PauseRun{of, options.text("reason", "asked to")};
  if (word == "resume")
    return ResumeRun{
        of,   options.text("step"), options.object("context"), action_of(reader, options), options.person(),
        false};
  if (word == "signal")
    return ResumeRun{of,
                     step_of(reader, what, options),
                     options.object("payload"),
                     engine::Resume::Action::complete,
                     options.person(),
                     true};
  if (word == "approve" || word == "reject")
    return ApproveRun{of, step_of(reader, what, options), options.text("comment"), word == "approve",
                      options.person()};
  if (word == "retry_letter")
    return RetryDeadLetter{of, options.text("as"), options.truth("on_active", false)};
  if (word == "discard_letter") return DiscardDeadLetter{of};
  if (word == "reset_breaker") return ResetBreaker{of, options.text("tenant", "t"), options.person().name};
  if (word == "retry" || word == "rerun") {
    RunAgain again{of, options.text("as"), word == "rerun" ? options.text("from") : "",
                   options.truth("on_active", false)};
    if (word == "rerun" && again.from.empty())
      reader.problem(Code::missing_key, what, "\"rerun\" needs \"from\"", "Write the step to begin with.");
    if (again.as.empty())
      reader.problem(Code::missing_key, what, "\"" + word + "\" needs \"as\"",
                     "Write the name of the run that begins.");
    if (word == "retry_letter") return RetryDeadLetter{again.run, again.as, again.on_active};
    return again;
  }
  if (word == "emit")
    return EmitEvent{of, options.text("tenant", "t"), options.text("id"), options.object("payload")};
  if (word == "deploy") return Deploy{of};
  const Action action = word == "pause_schedule"    ? Action::pause
                        : word == "resume_schedule" ? Action::resume
                                                    : Action::trigger;
  NamedWorkflow named = named_workflow(reader, what, options.text("tenant"));
  return ScheduleOrder{named.local(), std::move(named.tenant), action};
}

After after_of(NodeReader& reader, const Node& object) {
  After after;
  reader.members(object, "a moment", {"run", "tenant", "event", "step", "times", "commit"},
                 [&](const Node& node) {
                   if (node.key == "tenant") after.tenant = reader.text_of(node);
                   if (node.key == "run") after.run = reader.text_of(node);
                   if (node.key == "event") after.event = reader.text_of(node);
                   if (node.key == "step") after.step = reader.text_of(node);
                   if (node.key == "times")
                     after.times = static_cast<uint32_t>(reader.number_of(node, 1, kMostTimes));
                   if (node.key == "commit")
                     after.commit = static_cast<uint32_t>(reader.number_of(node, 1, kMostTimes));
                 });
  if (after.event.empty() && after.commit == 0 && object.value->is_object())
    reader.problem(Code::missing_key, object, "a moment needs \"event\" or \"commit\"",
                   "Write {\"event\": \"step.start\", \"step\": NAME}, for example.");
  if (!after.tenant.empty() && !after.run.empty())
    reader.bad(object, "a moment is of a run or of a tenant", "Remove one of them.");
  return after;
}

}  // namespace

std::optional<Order> read_order(NodeReader& reader, const Node& object) {
  Order order;
  order.where = reader.where(object);
  const size_t problems = reader.problems().size();
  const Node* what = nullptr;
  std::map<std::string, const Node*> given;
  std::vector<std::string> known = kWords;
  known.insert(known.end(), kOptions.begin(), kOptions.end());
  reader.members(object, "what is done", known, [&](const Node& node) {
    const bool word = std::find(kWords.begin(), kWords.end(), node.key) != kWords.end();
    if (node.key == "at")
      order.at = reader.duration_of(node);
    else if (node.key == "after")
      order.after = after_of(reader, node);
    else if (word && what)
      reader.bad(node, "one thing is done at a time: \"" + what->key + "\" or \"" + node.key + "\"",
                 "Make two of them.");
    else if (word)
      what = &node;
    else
      given[node.key] = &node;
  });
  if (!what) {
    std::string words;
    for (const std::string& word : kWords) words += (words.empty() ? "" : ", ") + word;
    if (reader.problems().size() == problems)
      reader.problem(Code::missing_key, object, "it does not say what is done",
                     "Write one of: " + words + ".");
    return std::nullopt;
  }
  Options options(reader, std::move(given));
  order.what = what_of(reader, *what, options);
  for (const auto& [key, node] : options.left())
    reader.bad(*node, "\"" + key + "\" says nothing about \"" + what->key + "\"", "Remove it.");
  return order;
}

}  // namespace pirn::sim
