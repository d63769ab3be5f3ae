#include "packager/definition/vocabulary.h"

namespace pirn::definition {
namespace {

struct Translation {
  Level level;
  std::string_view key, advice;
};
constexpr Translation kTranslations[] = {
    {Level::workflow, "step_timeout", "Write it as \"timeout\" in \"step_defaults\"."},
    {Level::workflow, "step_max_retries", "Write it as \"max_retries\" in \"step_defaults\"."},
    {Level::workflow, "step_retry_delay", "Write it as \"retry_delay\" in \"step_defaults\"."},
    {Level::workflow, "defaults", "Write them as \"step_defaults\"."},
    {Level::workflow, "tasks", "Write the tasks as \"steps\"."},
    {Level::workflow, "nodes", "Write the nodes as \"steps\"."},
    {Level::workflow, "jobs", "Write the jobs as \"steps\"."},
    {Level::workflow, "id", "A workflow is identified by its \"name\"."},
    {Level::workflow, "workflow_id", "A workflow is identified by its \"name\"."},
    {Level::workflow, "max_concurrency", "Write it as \"step_concurrency\"."},
    {Level::workflow, "max_concurrent_tasks", "Write it as \"step_concurrency\"."},
    {Level::workflow, "max_workers", "Write it as \"step_concurrency\"."},
    {Level::workflow, "concurrency",
     "Write it as \"step_concurrency\", or as \"max_running\" for whole executions."},
    {Level::workflow, "max_instances", "Write it as \"max_running\"."},
    {Level::workflow, "max_active_runs", "Write it as \"max_running\"."},
    {Level::workflow, "overlap", "Write \"max_running\": 1 to keep scheduled executions from overlapping."},
    {Level::workflow, "executor", "Write it as \"strategy\": parallel, sequential or hybrid."},
    {Level::workflow, "executor_type", "Write it as \"strategy\": parallel, sequential or hybrid."},
    {Level::workflow, "execution_strategy", "Write it as \"strategy\": parallel, sequential or hybrid."},
    {Level::workflow, "error_strategy", "Write it as \"failure_mode\": fail_fast or continue."},
    {Level::workflow, "on_error", "Write it as \"failure_mode\", or as \"on_error\" of a step."},
    {Level::workflow, "continue_on_failure", "Write it as \"failure_mode\": \"continue\"."},
    {Level::workflow, "continue_on_error", "Write it as \"failure_mode\": \"continue\"."},
    {Level::workflow, "fail_fast", "Write it as \"failure_mode\": \"fail_fast\"."},
    {Level::workflow, "retries", "Write it as \"max_retries\"."},
    {Level::workflow, "retry_policy",
     "Write its parts as \"max_retries\", \"retry_delay\", \"retry_backoff\", \"retry_max_delay\", "
     "\"retry_jitter\"."},
    {Level::workflow, "rollback", "Write it as \"compensate\", and \"rollback\" for each step."},
    {Level::workflow, "compensation", "Write it as \"compensate\": auto, always or never."},
    {Level::workflow, "recovery_rules", "Write them as \"recovery\"."},
    {Level::workflow, "dead_letter_queue", "Write it as \"dead_letter\": true."},
    {Level::workflow, "cron", "Write it as \"schedule\": {\"cron\": …}."},
    {Level::workflow, "every", "Write it as \"schedule\": {\"every\": …}."},
    {Level::workflow, "trigger", "Write it as \"schedule\" or as \"on_event\"."},
    {Level::workflow, "on", "Write it as \"on_event\"."},
    {Level::workflow, "events", "Write them as \"on_event\"."},
    {Level::workflow, "labels", "Write them as \"tags\"."},
    {Level::step, "id", "A step is identified by its \"name\"."},
    {Level::step, "task_id", "A step is identified by its \"name\"."},
    {Level::step, "depends_on", "Write it as \"after\"."},
    {Level::step, "dependencies", "Write it as \"after\"."},
    {Level::step, "needs", "Write it as \"after\"."},
    {Level::step, "requires", "Write it as \"after\"."},
    {Level::step, "depends_on_any", "Write it as \"after_any\"."},
    {Level::step, "parallel_group", "Write it as \"group\"."},
    {Level::step, "condition", "Write it as \"when\"."},
    {Level::step, "if", "Write it as \"when\"."},
    {Level::step, "run_if", "Write it as \"when\"."},
    {Level::step, "job", "Write it as \"task\"."},
    {Level::step, "function", "Write it as \"task\"."},
    {Level::step, "run", "Write it as \"task\"."},
    {Level::step, "nested", "Write it as \"workflow\"."},
    {Level::step, "subworkflow", "Write it as \"workflow\"."},
    {Level::step, "sub_workflow", "Write it as \"workflow\"."},
    {Level::step, "expand", "Write it as \"graft\": true; the task returns its children."},
    {Level::step, "parameters", "Write it as \"params\"."},
    {Level::step, "args", "Write them as \"params\"."},
    {Level::step, "retries", "Write it as \"max_retries\"."},
    {Level::step, "retry_policy",
     "Write its parts as \"max_retries\", \"retry_delay\", \"retry_backoff\", \"retry_max_delay\", "
     "\"retry_jitter\"."},
    {Level::step, "base_delay", "Write it as \"retry_delay\"."},
    {Level::step, "max_delay", "Write it as \"retry_max_delay\"."},
    {Level::step, "backoff", "Write it as \"retry_backoff\"."},
    {Level::step, "jitter", "Write it as \"retry_jitter\"."},
    {Level::step, "retry_on_exceptions", "Write them as \"retry_on\"."},
    {Level::step, "stop_on_exceptions", "Write them as \"no_retry_on\"."},
    {Level::step, "continue_on_failure", "Write it as \"on_error\": \"continue\"."},
    {Level::step, "continue_on_error", "Write it as \"on_error\": \"continue\"."},
    {Level::step, "allow_failure", "Write it as \"on_error\": \"continue\"."},
    {Level::step, "on_failure", "Write it as \"on_error\", or as \"on_failure\" in \"hooks\"."},
    {Level::step, "compensation", "Write it as \"rollback\"."},
    {Level::step, "compensate", "Write it as \"rollback\"."},
    {Level::step, "undo", "Write it as \"rollback\"."},
    {Level::step, "fallback_strategy", "Write it as \"fallback\"."},
    {Level::step, "recovery_rules", "Write them as \"recovery\"."},
    {Level::step, "approval", "Write it as \"await_approval\": true."},
    {Level::step, "breaker", "Write it as \"circuit_breaker\"."},
    {Level::step, "resource_requirements", "Write them as \"resources\"."},
    {Level::step, "cpu", "Write it in \"resources\"."},
    {Level::step, "memory", "Write it in \"resources\"."},
    {Level::step, "gpu", "Write it in \"resources\"."},
    {Level::step, "output_key", "Write it as \"context_key\"."},
    {Level::step, "tags", "Write them in \"metadata\"; only a workflow has tags."},
    {Level::recovery, "condition",
     "Write it as \"when\": {\"function\": \"id\"}, or compare codes in \"on\"."},
    {Level::recovery, "retry_on", "Write it as \"on\"."},
    {Level::recovery, "manual_intervention", "Write it as \"action\": \"manual\"."},
    {Level::recovery, "fallback_strategy", "Write it as \"fallback\"."},
    {Level::breaker, "name", "Write it as \"circuit_breaker\" of the step."},
    {Level::breaker, "threshold", "Write it as \"failure_threshold\"."},
    {Level::breaker, "timeout", "Write it as \"reset_timeout\"."},
    {Level::breaker, "half_open_permits", "Write it as \"half_open_limit\"."},
    {Level::resources, "cpu_cores", "Write it as \"cpu\"."},
    {Level::resources, "memory_mb", "Write it as \"memory\"."},
    {Level::resources, "gpu_required", "Write it as \"gpu\": 1."},
    {Level::schedule, "on_event", "Write it in the workflow, next to \"schedule\"."},
    {Level::schedule, "crontab", "Write it as \"cron\"."},
    {Level::schedule, "interval", "Write it as \"every\"."},
    {Level::schedule, "delay", "Write it as \"in\"."},
    {Level::schedule, "tz", "Write it as \"timezone\"."},
    {Level::schedule, "start", "Write it as \"start_at\"."},
    {Level::schedule, "end", "Write it as \"end_at\"."},
    {Level::schedule, "catchup", "Write it as \"misfire\": once, skip or all."},
    {Level::schedule, "overlap", "Write \"max_running\": 1 in the workflow."},
    {Level::condition, "and", "Write it as \"all\"."},
    {Level::condition, "or", "Write it as \"any\"."},
};

// A default for steps, and a child of a graft, can be what a step can be.
Level table_of(Level level) {
  return level == Level::step_defaults || level == Level::child ? Level::step : level;
}

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
    case Level::recovery:
      return "a recovery rule";
    case Level::breaker:
      return "circuit_breaker_opts";
    case Level::resources:
      return "resources";
    case Level::schedule:
      return "a schedule";
    case Level::child:
      return "a child of a graft";
  }
  return "";
}

std::string_view translation(Level level, std::string_view key) {
  for (const Translation& translation : kTranslations)
    if (translation.level == table_of(level) && translation.key == key) return translation.advice;
  return {};
}

}  // namespace pirn::definition
