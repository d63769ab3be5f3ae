#include "host/simulate/simulate.h"

#include <algorithm>
#include <boost/json/value.hpp>

#include "host/api/execution_text.h"
#include "host/events/event_text.h"
#include "host/journal/codec.h"
#include "host/simulate/simulation.h"
#include "packager/definition/definition.h"
#include "packager/json/json.h"

namespace pirn::sim {

namespace {

using journal::append_json_string;

void append_member(std::string& out, std::string_view key, std::string_view text) {
  out += ",\"";
  out += key;
  out += "\":";
  append_json_string(out, text);
}

class Report {
 public:
  Report(const Case& of, Simulation& simulation)
      : case_(of), simulation_(simulation), world_(simulation.world()) {}

  Simulated print(std::string_view cut_short) {
    Simulated out;
    std::string& json = out.json;
    json = "{\"until\":";
    append_json_string(json, since_begin(world_.now()));
    if (!cut_short.empty()) append_member(json, "cut_short", cut_short);
    if (world_.down()) world_.come_back();  // only to be asked
    json += ",\n\"runs\":{";
    bool first = true;
    for (const auto& [name, run] : simulation_.runs()) {
      const engine::View view = world_.show(run.id, run.tenant);
      json += first ? "\n" : ",\n";
      first = false;
      append_json_string(json, name);
      json += ':' + api::execution_text(view, world_.now());
      for (const Expected& expected : case_.expected)
        if (expected.run == name) {
          compare(expected, view, out.differences);
          if (expected.dead_letter) compare_letter(expected, run, out.differences);
        }
    }
    for (const Expected& expected : case_.expected)
      if (!simulation_.runs().contains(expected.run))
        differ(expected, "the run '" + expected.run + "' was not started", out.differences);
    json += "},\n\"refused\":[";
    for (const Simulation::Refusal& refusal : simulation_.refusals())
      append_refusal(json, refusal, &refusal == &simulation_.refusals().front());
    json += "],\n\"calls\":[";
    const auto& calls = world_.runner().calls;
    for (const Called& call : calls) append_call(json, call, &call == &calls.front());
    json += "],\n\"journal\":[";
    append_journal(json);
    json += "],\n\"differences\":[";
    for (const Error& difference : out.differences) {
      json += &difference == &out.differences.front() ? "\n" : ",\n";
      append_json_string(json, difference.message);
    }
    json += "]}\n";
    return out;
  }

 private:
  std::string since_begin(int64_t at) const { return definition::print_duration(at - case_.begin); }

  void append_refusal(std::string& out, const Simulation::Refusal& refusal, bool first) const {
    out += first ? "\n{\"line\":" : ",\n{\"line\":";
    journal::append_unsigned(out, case_.orders[refusal.order].where.line);
    append_member(out, "t", since_begin(refusal.at));
    append_member(out, "code", refusal.error.name());
    append_member(out, "message", refusal.error.message);
    out += '}';
  }

  void append_call(std::string& out, const Called& call, bool first) const {
    static constexpr std::string_view kFates[] = {"under_way", "returned", "abandoned", "lost"};
    out += first ? "\n{\"t\":" : ",\n{\"t\":";
    append_json_string(out, since_begin(call.at));
    append_member(out, "run", simulation_.name_of_run(call.execution));
    if (!call.step.empty()) append_member(out, "step", call.step);
    append_member(out, "kind", name_of(call.kind));
    append_member(out, "function", call.function);
    out += ",\"attempt\":";
    journal::append_unsigned(out, call.attempt);
    out += ",\"nth\":";
    journal::append_unsigned(out, call.nth);
    append_member(out, "fate", kFates[static_cast<size_t>(call.fate)]);
    if (call.fate != Called::Fate::under_way) append_member(out, "ended", since_begin(call.ended_at));
    out += ",\"context\":" + call.context;
    if (!call.input.empty()) out += ",\"input\":" + call.input;
    out += '}';
  }

  // All events of all runs, and of the tenants' own journals, in the order of time, each with the time since
  // the beginning in front.
  void append_journal(std::string& out) {
    struct Line {
      int64_t at;
      std::string text;
    };
    std::vector<Line> lines;
    const auto append_stream = [&](ExecutionId stream, std::string_view kind, std::string_view name) {
      const auto commits = world_.store().journal(stream, 0, UINT32_MAX);
      if (!commits) return;
      for (const store::StoredCommit& commit : *commits) {
        (void)events::for_each_event(commit.body, [&](const events::EventView& event) {
          std::string text = "{\"t\":", shown;
          append_json_string(text, since_begin(event.at));
          append_member(text, kind, name);
          events::append_event(shown, event, commit.commit_no);
          lines.push_back({event.at, text + "," + shown.substr(1)});
        });
      }
    };
    for (const auto& [name, run] : simulation_.runs()) append_stream(run.id, "run", name);
    if (const auto tenants = world_.store().tenants())
      for (const store::StoredTenant& tenant : *tenants)
        append_stream(tenant.stream, "tenant",
                      tenant.tenant == journal::kHostStream ? "__host__" : tenant.tenant);
    std::stable_sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) { return a.at < b.at; });
    for (const Line& line : lines) out += (&line == &lines.front() ? "\n" : ",\n") + line.text;
  }

  // ---- what must come out ----

  void differ(const Expected& expected, std::string message, std::vector<Error>& out) const {
    out.push_back(Error{Code::expectation_failed, std::move(message), "", Blame::caller, expected.where});
  }
  void compare(const Expected& expected, const engine::View& view, std::vector<Error>& out) const {
    const auto check = [&](const std::string& what, std::string_view is, std::string_view wanted) {
      if (is != wanted)
        differ(expected, what + " is " + std::string(is) + ", not " + std::string(wanted), out);
    };
    if (!expected.state.empty())
      check("the state of '" + expected.run + "'", journal::visible_state(view.state), expected.state);
    if (!expected.error.empty())
      check("the error of '" + expected.run + "'", view.state.error ? view.state.error->code : "none",
            expected.error);
    if (expected.context)
      check("the context of '" + expected.run + "'", sorted(view.context), *expected.context);
    const auto find = [&](const std::string& step) -> const journal::Step* {
      const auto found = std::find(view.step_names.begin(), view.step_names.end(), step);
      if (found != view.step_names.end()) return &view.state.steps[size_t(found - view.step_names.begin())];
      differ(expected, "'" + expected.run + "' has no step '" + step + "'", out);
      return nullptr;
    };
    for (const auto& [step, wanted] : expected.steps)
      if (const journal::Step* found = find(step))
        check("the step '" + step + "'", step_text(*found), wanted);
    for (const auto& [step, wanted] : expected.compensation)
      if (const journal::Step* found = find(step))
        check("the compensation of '" + step + "'", journal::name_of(found->compensation), wanted);
    for (const auto& [step, wanted] : expected.invocations)
      if (const journal::Step* found = find(step))
        check("the number of invocations of '" + step + "'", std::to_string(found->invocations),
              std::to_string(wanted));
    for (const auto& [step, wanted] : expected.errors)
      if (const journal::Step* found = find(step))
        check("the error of the step '" + step + "'", found->error ? found->error->code : "none", wanted);
    for (const auto& [code, wanted] : expected.diagnostics)
      check("the number of diagnostics " + code + " of '" + expected.run + "'",
            std::to_string(diagnostics_of(view.state.id, code)), std::to_string(wanted));
    if (expected.rolled_back)
      check("the order of the rollbacks of '" + expected.run + "'", rollbacks_of(view),
            in_one_line(*expected.rolled_back));
    for (const auto& [step, wanted] : expected.results) {
      const journal::Step* found = find(step);
      if (!found) continue;
      std::string slot = "{}";
      if (found->result) {
        slot.clear();
        journal::append_result(slot, *found->result);
        slot = sorted(slot);
      }
      check("the result of '" + step + "'", slot, wanted);
    }
  }
  void compare_letter(const Expected& expected, const Simulation::Run& run, std::vector<Error>& out) const {
    const auto waits = world_.ask<engine::DeadLetterEntry>(engine::ShowDeadLetter{run.tenant, run.id, {}});
    if (bool(waits) == *expected.dead_letter) return;
    differ(expected, "'" + expected.run + "' has left " + (waits ? "a" : "no") + " dead letter that waits",
           out);
  }
  static std::string in_one_line(const std::vector<std::string>& names) {
    std::string line;
    for (const std::string& name : names) line += (line.empty() ? "" : ", ") + name;
    return line.empty() ? "none" : line;
  }
  ptrdiff_t diagnostics_of(ExecutionId id, const std::string& code) const {
    const auto all = world_.records_of<journal::Diagnostic>(id);
    return std::count_if(all.begin(), all.end(), [&](const auto& one) { return one.code == code; });
  }
  // Steps, by the beginning of their first rollback.
  std::string rollbacks_of(const engine::View& view) const {
    std::vector<std::string> names;
    for (const auto& record : world_.records_of<journal::RollbackStarted>(view.state.id)) {
      const std::string& name = view.step_names[record.step];
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
    return in_one_line(names);
  }
  static std::string sorted(const std::string& json) {
    const auto value = parse_own_json(json, "a value", {});
    return value ? canonical(*value) : json;
  }

  const Case& case_;
  Simulation& simulation_;
  World& world_;
};

}  // namespace

Result<Simulated> simulate(std::string_view text, std::string_view file,
                           const std::function<Result<std::string>(const std::string&)>& read_definition) {
  PIRN_TRY(const Case of, parse_case(text, file, read_definition));
  Simulation simulation(of);
  const std::string cut_short = simulation.run();
  return Report(of, simulation).print(cut_short);
}

}  // namespace pirn::sim
