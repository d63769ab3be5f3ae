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

// The tenant that an order is for: its member, or that of a workflow that is named in full.
class Tenant {
 public:
  Tenant(NodeReader& reader, Options& options) : reader_(reader), node_(options.take("tenant")) {
    if (node_) name_ = reader.text_of(*node_);
  }
  std::string name() const { return name_.empty() ? "t" : name_; }
  // The parts of a workflow's name within that tenant.
  definition::WorkflowName workflow(const Node& node) {
    definition::WorkflowName name = reader_.workflow_of(node);
    if (name.tenant.empty()) return name;
    if (node_ && name_ != name.tenant)
      reader_.bad(node, "the action names two tenants, '" + name.tenant + "' and '" + name_ + "'",
                  "Name the tenant once.");
    name_ = name.tenant;
    return name;
  }

 private:
  NodeReader& reader_;
  const Node* node_;
  std::string name_;
};

What backfill_of(NodeReader& reader, const Node& what, Options& options) {
  Tenant tenant(reader, options);
  const std::string workflow = tenant.workflow(what).local();
  BackfillRuns backfill{workflow, tenant.name(), 0, 0};
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

// "workflow" may name its package, too, as everywhere.
void set_workflow(definition::WorkflowName name, std::string& package, std::string& workflow) {
  if (!name.package.empty()) package = std::move(name.package);
  workflow = std::move(name.workflow);
}

What cancel_all_of(NodeReader& reader, const Node& what, Options& options) {
  engine::CancelAll which;
  Tenant tenant(reader, options);
  which.reason = options.text("reason", which.reason);
  which.rollback = options.truth("rollback", which.rollback);
  which.cleanup = options.truth("cleanup", which.cleanup);
  reader.members(what, "what is cancelled", {"package", "workflow", "tag", "states"}, [&](const Node& node) {
    if (node.key == "package") which.package = reader.text_of(node);
    if (node.key == "workflow") set_workflow(tenant.workflow(node), which.package, which.workflow);
    if (node.key == "tag") which.tag = reader.text_of(node);
    if (node.key != "states") return;
    reader.elements(node, [&](const Node& state) { which.states.push_back(reader.text_of(state)); });
  });
  which.tenant = tenant.name();
  return CancelRuns{std::move(which)};
}

engine::DeadLetterFilter letters_of(NodeReader& reader, const Node& what, Tenant& tenant,
                                    int64_t* older_than) {
  engine::DeadLetterFilter which;
  std::vector<std::string> known = {"package", "workflow", "code"};
  if (older_than) known.emplace_back("older_than");
  reader.members(what, "a choice of dead letters", known, [&](const Node& node) {
    if (node.key == "package") which.package = reader.text_of(node);
    if (node.key == "workflow") set_workflow(tenant.workflow(node), which.package, which.workflow);
    if (node.key == "code") which.code = reader.text_of(node);
    if (node.key == "older_than") *older_than = reader.duration_of(node);
  });
  return which;
}

What letters_order_of(NodeReader& reader, const Node& what, Options& options) {
  Tenant tenant(reader, options);
  if (what.key == "retry_letters") {
    engine::DeadLetterFilter which = letters_of(reader, what, tenant, nullptr);
    return RetryDeadLetters{tenant.name(), std::move(which), options.truth("on_active", false)};
  }
  PruneDeadLetters prune;
  prune.which = letters_of(reader, what, tenant, &prune.older_than);
  prune.tenant = tenant.name();
  return prune;
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

What start_of(NodeReader& reader, const Node& what, Options& options) {
  Tenant tenant(reader, options);
  const std::string workflow = tenant.workflow(what).local();
  const auto* text = what.value->if_string();
  return StartRun{options.text("as", text ? std::string(*text) : std::string()),
                  tenant.name(),
                  workflow,
                  options.object("input"),
                  options.text("key"),
                  options.duration("in"),
                  strategy_of(reader, options)};
}

What schedule_order_of(NodeReader& reader, const Node& what, Options& options) {
  using Action = engine::ControlSchedule::Action;
  Tenant tenant(reader, options);
  const std::string workflow = tenant.workflow(what).local();
  const Action action = what.key == "pause_schedule"    ? Action::pause
                        : what.key == "resume_schedule" ? Action::resume
                                                        : Action::trigger;
  return ScheduleOrder{workflow, tenant.name(), action};
}

What what_of(NodeReader& reader, const Node& what, Options& options) {
  const std::string& word = what.key;
  if (word == "down" || word == "crash") return loss_of(reader, what, options);
  if (word == "cancel_all") return cancel_all_of(reader, what, options);
  if (word == "retry_letters" || word == "prune_letters") return letters_order_of(reader, what, options);
  if (word == "fail_commit") return fail_commit_of(reader, what);
  if (word == "set_clock") return set_clock_of(reader, what);
  if (word == "backfill") return backfill_of(reader, what, options);
  if (word == "start") return start_of(reader, what, options);
  if (word.ends_with("_schedule")) return schedule_order_of(reader, what, options);
  const std::string of = reader.text_of(what);
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
    return again;
  }
  if (word == "emit")
    return EmitEvent{of, options.text("tenant", "t"), options.text("id"), options.object("payload")};
  return Deploy{of};
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
