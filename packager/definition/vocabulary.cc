#include "packager/definition/vocabulary.h"

namespace pirn::definition {
namespace {

struct Word {
  Level level;
  std::string_view key;
};

// THE list of what the language has and the engine does not enforce yet. A key moves from here to the tables
// of parse.cc in the change that makes the engine enforce it. (A timeout given as {"function": …} is refused
// where durations are read.)
constexpr Word kUnsupported[] = {
    {Level::workflow, "max_retries"},
    {Level::workflow, "max_attempts"},
    {Level::workflow, "retry_delay"},
    {Level::workflow, "retry_backoff"},
    {Level::workflow, "retry_max_delay"},
    {Level::workflow, "retry_jitter"},
    {Level::workflow, "retry_on"},
    {Level::workflow, "no_retry_on"},
    {Level::workflow, "compensate"},
    {Level::workflow, "on_failure"},
    {Level::workflow, "on_success"},
    {Level::workflow, "on_cancel"},
    {Level::workflow, "on_step_error"},
    {Level::workflow, "dead_letter"},
    {Level::workflow, "dead_letter_ttl"},
    {Level::workflow, "max_running"},
    {Level::workflow, "recovery"},
    {Level::workflow, "strategy"},
    {Level::workflow, "schedule"},
    {Level::workflow, "on_event"},
    {Level::step, "after_any"},
    {Level::step, "group"},
    {Level::step, "after_group"},
    {Level::step, "graft"},
    {Level::step, "after_graft"},
    {Level::step, "rollback"},
    {Level::step, "await_approval"},
    {Level::step, "on_timeout"},
    {Level::step, "circuit_breaker"},
    {Level::step, "circuit_breaker_opts"},
    {Level::step, "priority"},
    {Level::step, "resources"},
    {Level::step, "estimate"},
    {Level::step, "fallback"},
    {Level::step, "recovery"},
    {Level::step, "workflow"},
    {Level::step, "input"},
    {Level::step, "result"},
    {Level::step, "max_snoozes"},
    {Level::step, "max_crashes"},
};

struct Translation {
  Level level;
  std::string_view key, advice;
};
constexpr Translation kTranslations[] = {
    {Level::workflow, "step_timeout", "Write it as \"timeout\" in \"step_defaults\"."},
    {Level::workflow, "step_max_retries", "Write it as \"max_retries\" in \"step_defaults\"."},
    {Level::workflow, "step_retry_delay", "Write it as \"retry_delay\" in \"step_defaults\"."},
    {Level::workflow, "tasks", "Write the tasks as \"steps\"."},
    {Level::workflow, "max_concurrency", "Write it as \"step_concurrency\"."},
    {Level::workflow, "id", "A workflow is known by its \"name\"."},
    {Level::step, "id", "A step is known by its \"name\"."},
    {Level::step, "depends_on", "Write it as \"after\"."},
    {Level::step, "dependencies", "Write it as \"after\"."},
    {Level::step, "needs", "Write it as \"after\"."},
    {Level::step, "condition", "Write it as \"when\"."},
    {Level::step, "if", "Write it as \"when\"."},
    {Level::step, "job", "Write it as \"task\"."},
    {Level::step, "function", "Write it as \"task\"."},
    {Level::step, "parameters", "Write it as \"params\"."},
    {Level::step, "retries", "Write it as \"max_retries\"."},
    {Level::condition, "and", "Write it as \"all\"."},
    {Level::condition, "or", "Write it as \"any\"."},
};

// A default for steps can be what a step can be.
Level table_of(Level level) { return level == Level::step_defaults ? Level::step : level; }

}  // namespace

std::string_view level_name(Level level) {
  switch (level) {
    case Level::document:
      return "the document";
    case Level::package:
      return "the package";
    case Level::workflow:
      return "a workflow";
    case Level::step_defaults:
      return "step_defaults";
    case Level::step:
      return "a step";
    case Level::hooks:
      return "hooks";
    case Level::condition:
      return "a condition";
    case Level::backoff:
      return "retry_backoff";
    case Level::pattern:
      return "an error pattern";
  }
  return "";
}

bool is_unsupported(Level level, std::string_view key) {
  for (const Word& word : kUnsupported)
    if (word.level == table_of(level) && word.key == key) return true;
  return false;
}

std::vector<std::string> unsupported_keys(Level level) {
  std::vector<std::string> keys;
  for (const Word& word : kUnsupported)
    if (word.level == table_of(level)) keys.emplace_back(word.key);
  return keys;
}

std::string_view translation(Level level, std::string_view key) {
  for (const Translation& translation : kTranslations)
    if (translation.level == level && translation.key == key) return translation.advice;
  return {};
}

}  // namespace pirn::definition
