// The history of an execution as checkpoints: each commit is one. What the journal holds is folded up to
// where it is asked for, by the same function that recovers it.
#include <algorithm>
#include <charconv>
#include <map>

#include "host/api/document.h"
#include "host/api/engine_requests.h"
#include "host/api/journal_pages.h"
#include "host/api/routes.h"
#include "host/events/event_text.h"
#include "host/journal/codec.h"
#include "host/store/store.h"
#include "packager/json/json.h"

namespace pirn::api {

namespace {

namespace bj = boost::json;

// What happened to steps with one commit.
struct Checkpoint {
  uint32_t number = 0;
  int64_t at = 0;
  bj::array started, ran, skipped, events;
};

bool names(const bj::array& steps, const std::string& step) {
  return std::any_of(steps.begin(), steps.end(),
                     [&](const bj::value& each) { return each.as_string() == step; });
}

Result<Checkpoint> read_checkpoint(const store::StoredCommit& commit) {
  Checkpoint checkpoint;
  checkpoint.number = commit.commit_no;
  PIRN_DO(events::for_each_event(commit.body, [&](const events::EventView& event) {
    checkpoint.at = event.at;
    checkpoint.events.push_back(bj::string(event.type));
    bj::array* steps = event.type == "step.start"  ? &checkpoint.started
                       : event.type == "step.skip" ? &checkpoint.skipped
                       : event.type == "step.stop" || event.type == "step.exception" ||
                               event.type == "step.snooze" || event.type == "step.await"
                           ? &checkpoint.ran
                           : nullptr;
    if (steps == nullptr) return;
    const auto object = parse_own_json(event.text, "an event", {});
    if (object && object->is_object()) steps->push_back(object->as_object().at("step"));
  }));
  return checkpoint;
}

struct Question {
  uint32_t after = 0, limit = 100;
  std::string ran, skipped;
};

Result<Question> read_question(const Request& request) {
  Question question;
  PIRN_TRY(const int64_t after, number_parameter(request, "after", 0, 0, UINT32_MAX));
  PIRN_TRY(const int64_t limit, number_parameter(request, "limit", 100, 1, 1000));
  question.after = static_cast<uint32_t>(after);
  question.limit = static_cast<uint32_t>(limit);
  question.ran = request.parameter("ran");
  question.skipped = request.parameter("skipped");
  return question;
}

Result<Response> list(const Services& services, ExecutionId id, const Question& question) {
  bj::array rows;
  uint32_t after = question.after;
  bool more = false;
  PIRN_DO(for_each_commit(services.store, id, after, [&](const store::StoredCommit& commit) -> Result<bool> {
    more = rows.size() == question.limit;
    if (more) return false;
    after = commit.commit_no;
    PIRN_TRY(Checkpoint checkpoint, read_checkpoint(commit));
    if (!question.ran.empty() && !names(checkpoint.ran, question.ran)) return true;
    if (!question.skipped.empty() && !names(checkpoint.skipped, question.skipped)) return true;
    rows.push_back(bj::object{{"checkpoint", checkpoint.number},
                              {"at", time_text_ns(checkpoint.at)},
                              {"started", std::move(checkpoint.started)},
                              {"ran", std::move(checkpoint.ran)},
                              {"skipped", std::move(checkpoint.skipped)},
                              {"events", std::move(checkpoint.events)}});
    return true;
  }));
  return json(200, bj::object{{"checkpoints", std::move(rows)}, {"cursor", after}, {"more", more}});
}

Error no_checkpoint(ExecutionId id, uint32_t number) {
  return Error{Code::not_found,
               "the execution '" + id.text() + "' has no checkpoint " + std::to_string(number),
               "See pirn run checkpoints " + id.text() + "."};
}

std::string result_of(const journal::Step& step) {
  if (!step.result) return "null";
  std::string text;
  journal::append_result(text, *step.result);
  return text;
}

Result<Response> show(const Services& services, ExecutionId id, uint32_t number) {
  journal::ExecutionState state;
  state.id = id;
  std::map<uint32_t, std::string> step_names;
  int64_t at = 0;
  uint32_t reached = 0;
  PIRN_DO(for_each_commit(services.store, id, 0, [&](const store::StoredCommit& commit) -> Result<bool> {
    PIRN_TRY(journal::Commit decoded, journal::decode_commit(commit.body, commit.schema));
    at = decoded.at;
    for (journal::Record& record : decoded.records)
      if (!journal::replay(state, std::move(record), decoded.at))
        return Error{Code::journal_corrupt, "the journal of '" + id.text() + "' cannot be followed"};
    ++state.next_commit;
    reached = commit.commit_no;
    // The journal names a step where it speaks of it.
    PIRN_DO(events::for_each_event(commit.body, [&](const events::EventView& event) {
      const auto object = parse_own_json(event.text, "an event", {});
      if (!object || !object->is_object() || !object->as_object().contains("i")) return;
      step_names[object->at("i").to_number<uint32_t>()] = std::string(object->at("step").as_string());
    }));
    return reached < number;
  }));
  if (reached < number) return no_checkpoint(id, number);
  std::string steps = "[";
  for (const auto& [index, name] : step_names) {
    if (index >= state.steps.size()) continue;
    const journal::Step& step = state.steps[index];
    if (steps.size() > 1) steps += ',';
    steps += ObjectText({{"name", name},
                         {"state", journal::name_of(step.state)},
                         {"failures", step.failures},
                         {"invocations", step.invocations}})
                 .add("result", result_of(step))
                 .take();
  }
  return json(200, ObjectText({{"id", id.text()},
                               {"checkpoint", number},
                               {"at", time_text_ns(at)},
                               {"state", journal::visible_state(state)},
                               {"attempt", state.attempt},
                               {"done", state.n_terminal()},
                               {"total", state.steps.size()}})
                       .add("steps", steps + "]")
                       .take());
}

void answer(const Respond& respond, Result<Response> response) {
  respond(response ? std::move(response).value() : problem(response.error()));
}

}  // namespace

void list_checkpoints(const Services& services, RequestPtr request, Respond respond) {
  const Result<Question> question = read_question(*request);
  if (!question) return respond(problem(question.error()));
  with_steps(services, request, respond, {question->ran, question->skipped},
             [&services, question = *question](ExecutionId id) {
               Result<Response> listed = list(services, id, question);
               return listed ? std::move(listed).value() : problem(listed.error());
             });
}

void show_checkpoint(const Services& services, RequestPtr request, Respond respond) {
  uint32_t number = 0;
  const std::string& text = request->params[1];
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool well = error == std::errc() && end == text.data() + text.size() && number > 0;
  with_execution(services, request, respond, [&services, number, well, text, respond](ExecutionId id) {
    if (!well)
      return respond(problem(Error{Code::not_found, "the execution '" + id.text() + "' has no checkpoint '" +
                                                        text + "'; they are numbered from 1"}));
    answer(respond, show(services, id, number));
  });
}

}  // namespace pirn::api
