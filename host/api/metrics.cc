// How executions went: figures and errors of one, and what a tenant's dashboard shows at a glance.
#include <algorithm>
#include <map>
#include <string>
#include <tuple>

#include "host/api/document.h"
#include "host/api/engine_requests.h"
#include "host/api/error_chain.h"
#include "host/api/execution_text.h"
#include "host/api/journal_pages.h"
#include "host/api/performance.h"
#include "host/api/request_pool.h"
#include "host/api/routes.h"
#include "host/events/event_text.h"
#include "host/logbook/logbook.h"
#include "host/store/store.h"
#include "packager/json/json.h"
#include "registry/registry.h"

namespace pirn::api {

namespace {

namespace bj = boost::json;

bj::value ms(std::optional<int64_t> ns) {
  if (!ns) return nullptr;
  return static_cast<double>(*ns) / 1e6;
}

bj::object object_of(const Grade& grade) {
  return {{"letter", std::string(1, grade.letter)}, {"score", grade.score}};
}

bj::object object_of(const StepFigures& step) {
  std::optional<double> use;
  if (step.cpu_ns && step.busy_ns > 0)
    use = std::min(1.0, static_cast<double>(*step.cpu_ns) / static_cast<double>(step.busy_ns));
  const double tries = static_cast<double>(step.invocations);
  const double success =
      step.started() ? (tries - static_cast<double>(std::min(step.failures, step.invocations))) / tries : 1;
  return {
      {"name", step.name},
      {"state", step.state},
      {"invocations", step.invocations},
      {"failures", step.failures},
      {"success_rate", success},
      {"duration_ms", ms(step.busy_ns)},
      {"queued_ms", ms(step.queued_ns)},
      {"cpu_ms", ms(step.cpu_ns)},
      {"grade", step.started()
                    ? bj::value(object_of(grade_of(success, static_cast<double>(step.busy_ns) / 1e9, use)))
                    : bj::value(nullptr)}};
}

Result<Figures> read_figures(const Services& services, ExecutionId id) {
  Figures figures;
  PIRN_DO(for_each_event(services.store, id,
                         [&](const events::EventView& event, uint32_t) { figures.event(event); }));
  PIRN_TRY(const std::vector<logbook::Cost> costs, services.logbook.costs(id));
  for (const logbook::Cost& cost : costs) figures.cpu(cost.step, cost.cpu_ns);
  return figures;
}

Result<Response> metrics(const Services& services, ExecutionId id) {
  PIRN_TRY(const Figures figures, read_figures(services, id));
  const int64_t total = figures.total_ns(services.clock.now());
  const double success = figures.success_rate();
  const std::optional<double> use = figures.utilisation();
  const Grade grade = grade_of(success, static_cast<double>(total) / 1e9, use);
  const std::vector<Bottleneck> narrow = bottlenecks_of(figures.steps);
  bj::array steps, bottlenecks, recommendations;
  for (const StepFigures& step : figures.steps) steps.push_back(object_of(step));
  for (const Bottleneck& each : narrow)
    bottlenecks.push_back(bj::object{{"step", each.step},
                                     {"duration_ms", ms(each.busy_ns)},
                                     {"ratio", each.ratio},
                                     {"severity", each.high ? "high" : "medium"},
                                     {"advice", each.advice}});
  for (const std::string& each : recommendations_for(success, grade.letter, narrow))
    recommendations.push_back(bj::string(each));
  return json(200, bj::object{{"id", id.text()},
                              {"state", figures.state},
                              {"attempts", figures.attempts},
                              {"duration_ms", ms(total)},
                              {"cpu_ms", ms(figures.cpu_ns())},
                              {"utilisation", use ? bj::value(*use) : bj::value(nullptr)},
                              {"max_concurrency", figures.max_concurrency},
                              {"success_rate", success},
                              {"completed", figures.count("completed")},
                              {"failed", figures.count("failed")},
                              {"skipped", figures.count("skipped")},
                              {"cancelled", figures.count("cancelled")},
                              {"grade", object_of(grade)},
                              {"bottlenecks", std::move(bottlenecks)},
                              {"recommendations", std::move(recommendations)},
                              {"steps", std::move(steps)}});
}

// Whose error it is: of a step, of a handler of the workflow, of the engine that waited for something, of the
// whole run.
std::string_view scope_of(std::string_view type, std::string_view code) {
  if (type.starts_with("handler.")) return "app";
  if (type.starts_with("workflow.")) return "runner";
  if (code == "circuit_open" || code == "crashed" || code == "await_timeout") return "scheduler";
  return "node";
}

Result<Response> errors(const Services& services, ExecutionId id) {
  bj::array all;
  PIRN_DO(for_each_event(services.store, id, [&](const events::EventView& event, uint32_t commit_no) {
    const auto parsed = parse_own_json(event.text, "an event", {});
    if (!parsed || !parsed->is_object()) return;
    const bj::object& object = parsed->as_object();
    const bj::value* error = object.if_contains("error");
    if (error == nullptr || !error->is_object()) return;
    const bj::value* code = error->as_object().if_contains("code");
    const std::string_view name =
        code != nullptr && code->is_string() ? std::string_view(code->as_string()) : "";
    bj::object scope{{"kind", scope_of(event.type, name)}, {"checkpoint", commit_no}};
    if (const bj::value* step = object.if_contains("step")) scope["node_id"] = *step;
    bj::array tags{scope.at("kind"), bj::string(event.type), bj::string(name)};
    if (const bj::value* of = error->as_object().if_contains("class")) tags.push_back(*of);
    bj::object context{{"seq", event.seq}, {"event", event.type}};
    for (const char* member : {"then", "rule", "attempt", "handler"})
      if (const bj::value* value = object.if_contains(member)) context[member] = *value;
    all.push_back(bj::object{{"when", time_text_ns(event.at)},
                             {"scope", std::move(scope)},
                             {"error", with_causes(error->as_object())},
                             {"tags", std::move(tags)},
                             {"context", std::move(context)}});
  }));
  return json(200, bj::object{{"id", id.text()}, {"errors", std::move(all)}});
}

void answer(const Respond& respond, Result<Response> response) {
  respond(response ? std::move(response).value() : problem(response.error()));
}

// ---- the dashboard ----

constexpr uint32_t kRecentRuns = 20, kRecentEvents = 20, kCountedRuns = 1000;

struct RecentEvent {
  int64_t at = 0;
  uint64_t seq = 0;
  std::string run, text;
};

// Events of one commit happened at one instant, one after the other.
bool is_newer(const RecentEvent& a, const RecentEvent& b) {
  return std::tie(a.at, a.run, a.seq) > std::tie(b.at, b.run, b.seq);
}

// The newest events are those of the newest executions, as a rule; of each the last commits are read.
Result<bj::array> recent_events(const Services& services, const std::vector<ExecutionId>& runs) {
  std::vector<RecentEvent> newest;
  for (const ExecutionId id : runs) {
    PIRN_DO(for_each_event(services.store, id, [&](const events::EventView& event, uint32_t commit_no) {
      std::string text;
      events::append_event(text, event, commit_no);
      newest.push_back({event.at, event.seq, id.text(), std::move(text)});
      if (newest.size() < 4 * kRecentEvents) return;
      std::sort(newest.begin(), newest.end(), is_newer);
      newest.resize(kRecentEvents);
    }));
  }
  std::sort(newest.begin(), newest.end(), is_newer);
  if (newest.size() > kRecentEvents) newest.resize(kRecentEvents);
  bj::array events;
  for (const RecentEvent& each : newest) {
    bj::object object = parse_own_json(each.text, "an event", {})->as_object();
    events.push_back(bj::object{{"timestamp", time_text_ns(each.at)},
                                {"execution", each.run},
                                {"type", object.at("type")},
                                {"step", object.contains("step") ? object.at("step") : bj::value(nullptr)}});
  }
  return events;
}

Result<Response> dashboard(const Services& services, const std::string& tenant,
                           const std::vector<engine::ExecutionSummary>& open) {
  if (const auto known = services.registry.tenant(tenant); !known) return known.error();
  std::map<std::string, std::map<std::string, uint64_t>> status;  // workflow -> state -> runs
  std::vector<ExecutionId> newest;
  uint64_t running_steps = 0;
  for (const engine::ExecutionSummary& line : open) {
    ++status[line.package + "::" + line.workflow][std::string(line.state)];
    running_steps += line.running;
    if (newest.size() < kRecentRuns) newest.push_back(line.id);
  }
  store::ExecutionFilter filter;
  filter.tenant = tenant;
  filter.states = {"completed", "failed", "cancelled"};
  filter.limit = kCountedRuns;
  PIRN_TRY(const auto closed, services.store.list(filter));
  uint64_t completed = 0;
  for (const store::StoredExecution& row : closed) {
    ++status[row.package + "::" + row.workflow][row.state];
    completed += row.state == "completed" ? 1 : 0;
    if (newest.size() < 2 * kRecentRuns) newest.push_back(row.id);
  }
  std::sort(newest.begin(), newest.end(), std::greater<>());
  if (newest.size() > kRecentRuns) newest.resize(kRecentRuns);
  PIRN_TRY(bj::array events, recent_events(services, newest));
  bj::object workflows;
  for (const auto& [workflow, states] : status) {
    bj::object counts;
    for (const auto& [state, runs] : states) counts[state] = runs;
    workflows[workflow] = std::move(counts);
  }
  return json(200,
              bj::object{{"timestamp", time_text_ns(services.clock.now())},
                         {"active_workflows", open.size()},
                         {"active_tasks", running_steps},
                         {"success_rate", closed.empty() ? bj::value(nullptr)
                                                         : bj::value(static_cast<double>(completed) /
                                                                     static_cast<double>(closed.size()))},
                         {"workflow_status", std::move(workflows)},
                         {"recent_events", std::move(events)}});
}

}  // namespace

void execution_metrics(const Services& services, RequestPtr request, Respond respond) {
  with_execution(services, request, respond,
                 [&services, respond](ExecutionId id) { answer(respond, metrics(services, id)); });
}

void execution_errors(const Services& services, RequestPtr request, Respond respond) {
  with_execution(services, request, respond,
                 [&services, respond](ExecutionId id) { answer(respond, errors(services, id)); });
}

void show_dashboard(const Services& services, RequestPtr request, Respond respond) {
  engine::ListOpen list;
  list.tenant = request->tenant;
  list.limit = kCountedRuns;
  list.reply = [&services, respond, request](Result<std::vector<engine::ExecutionSummary>> open) {
    if (!open) return respond(problem(open.error()));
    services.pool.post(request->queue, [&services, respond, request, open = std::move(*open)] {
      answer(respond, dashboard(services, request->tenant, open));
    });
  };
  send(services.inbox, std::move(list), respond);
}

}  // namespace pirn::api
