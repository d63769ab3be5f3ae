// docs/reference/events.md lists what the codecs write: each event with each of its fields.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "host/journal/codec.h"
#include "host/journal/tenant_codec.h"

namespace pirn::journal {
namespace {

namespace bj = boost::json;

using Fields = std::set<std::string>;
using Events = std::map<std::string, Fields>;

// How many members an aggregate has.
struct Anything {
  template <class T>
  operator T() const;
};
template <class T, class... Members>
consteval size_t n_members() {
  if constexpr (requires { T{Members{}..., Anything{}}; })
    return n_members<T, Members..., Anything>();
  else
    return sizeof...(Members);
}
template <class... Records>
consteval size_t n_members_of_all(const std::variant<Records...>*) {
  return (n_members<Records>() + ...);
}

constexpr ExecutionId kId{7};

ErrorPtr an_error() {
  return std::make_shared<const StepError>(StepError{"bad", "it is", ErrorClass::terminal, R"({"n":1})"});
}
ResultPtr a_map() {
  StepResult result;
  result.map.put("k", Value::of_integer(1));
  result.map.unset("gone");
  return std::make_shared<const StepResult>(std::move(result));
}
ResultPtr a_value() {
  return std::make_shared<const StepResult>(StepResult{{}, Value::of_integer(1), false});
}
AwaitPtr an_await() {
  return std::make_shared<const Await>(Await{"approval", {"kim"}, R"({"to":"ops"})", "late", 9});
}
ChildrenPtr children() {
  return std::make_shared<const std::vector<Child>>(std::vector<Child>{{0, 0, "c", "task", "{}", "{}"}});
}
Delta a_delta() {
  Delta delta;
  delta.put("k", Value::of_integer(1));
  return delta;
}

// Each record with nothing left at its default: fields at their default are not written.
std::vector<Record> records() {
  const OriginPtr origin = make_origin({.tenant = "t",
                                        .package = "p",
                                        .version = "1.0.0",
                                        .workflow = "w",
                                        .pins = {Digest(), Digest()},
                                        .definition = {},
                                        .definition_schema = 1});
  return {Created{origin, 1, kId, kId, 1, kId, "key", {}, "manual", Strategy::hybrid, a_delta(), 5, true},
          Begun{1, 5, "w", kId, "manual"},
          StepAsked{0, Kind::condition, 1, 1, {0}},
          StepAnswered{0, Kind::condition, true, 5, an_error()},
          StepReady{0, 5, {0}},
          StepStarted{0, 1, 1, Kind::fallback, kId},
          StepCompleted{0, a_map(), 5},
          StepCompleted{0, a_value(), 5},
          StepSkipped{0, SkipKind::requested, "why"},
          StepFailed{0, an_error(), AfterFailure::retry, 5, 1},
          StepRetry{0, 5, 5},
          StepCancelled{0, "why", a_map()},
          StepCancelled{0, "why", a_value()},
          StepInterrupted{0, true, "SIGSEGV"},
          Stopping{StopCause::fail, an_error(), 0, "", false, true, 5, false},
          Stopping{StopCause::cancel, nullptr, kNoStep, "why", true, false, 5, true},
          Failed{an_error(), 0},
          Stopped{FinalState::completed, 5, 1},
          Diagnostic{"code", "message", 0},
          Emitted{0, "scope", "message", "{}"},
          StepSnoozed{0, 5, 5, 5},
          StepAwaiting{0, an_await(), 5},
          StepAdopted{0, a_map(), kId},
          StepAdopted{0, a_value(), kId},
          GraftExpanded{0, children()},
          Paused{0, "why", true},
          Resumed{0, a_delta(), "kim"},
          Compensating{1, "w", kId, {"a"}},
          RollbackStarted{0, 1, 1, kId, "w", kId},
          RollbackDone{0, 5, "w", kId},
          RollbackFailed{0, an_error(), 5, 5, "w", kId},
          HandlerStarted{HandlerEvent::on_step_error, 1, 0, "{}"},
          HandlerDone{1, an_error()},
          WorkflowRetry{2, an_error(), 0, 5, 5},
          CircuitRejected{0, "b"},
          DeadLettered{5},
          StepSettled{0, AfterFailure::retry, 1},
          HookCrashed{},
          ClockShifted{5}};
}
static_assert(n_members_of_all(static_cast<const Record*>(nullptr)) == 132,
              "a field has come or gone: say so above and in docs/reference/events.md");

std::vector<TenantRecord> tenant_records() {
  const ScheduleName name{"p", "w"};
  return {TenantOpened{"t"},
          ScheduleSet{name, "{}", 5, 6},
          ScheduleRemoved{name},
          ScheduleFired{name, Firing::regular, 5, kId, 6},
          ScheduleSkipped{name, ScheduleSkip::misfire, 5, 6, 7},
          SchedulePaused{name},
          ScheduleResumed{name, 6},
          EventEmitted{"e", "id", {kId}, {{name, "code"}}, Digest()},
          DeadLetterInserted{kId, {"p", "1.0.0", "w", "code", "step", 1, 5, 6}},
          DeadLetterRetried{kId, kId},
          DeadLetterDeleted{kId},
          DeadLettersPruned{DeadLetterPrune::expired, {kId}},
          CircuitCounted{"b", 1, 1},
          CircuitTripped{"b", 1, kId, "step", "code"},
          CircuitReset{"b", "kim"},
          CircuitChanged{"b", Circuit::closed, Circuit::open, 5},
          ScheduleRewound{name, 5},
          ClockStarted{5, 5, 5, "boot"},
          ClockJumped{5, 5},
          TenantShifted{5, {name}}};
}
static_assert(n_members_of_all(static_cast<const TenantRecord*>(nullptr)) == 55,
              "a field has come or gone: say so above and in docs/reference/events.md");

void note(Events& events, const bj::object& event) {
  Fields& fields = events[std::string(event.at("type").as_string())];
  for (const auto& member : event)
    if (member.key() != "seq" && member.key() != "type") fields.insert(std::string(member.key()));
}

Events written() {
  Events events;
  const std::vector<std::string> names{"a"};
  for (const Record& record : records()) {
    TextWriter out;
    std::visit([&](const auto& one) { append_event(out, true, 1, one, names); }, record);
    note(events, bj::parse(out.view()).as_object());
  }
  return events;
}
Events written_of_tenants() {
  Events events;
  for (const TenantRecord& record : tenant_records()) {
    TextWriter out;
    append_tenant_event(out, true, 1, record);
    note(events, bj::parse(out.view()).as_object());
  }
  return events;
}

// What stands between ` and `, of one cell.
std::vector<std::string> words_in(const std::string& cell) {
  std::vector<std::string> words;
  std::istringstream in(cell);
  std::string outside, word;
  while (std::getline(in, outside, '`') && std::getline(in, word, '`')) words.push_back(word);
  return words;
}

// The rows of the table behind a mark; an empty first cell means the event of the row above.
Events listed(const std::string& mark) {
  std::ifstream page(std::string(PIRN_SOURCE_DIRECTORY) + "/docs/reference/events.md");
  Events events;
  std::string event;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line == "<!-- " + mark + ":begin -->") inside = true;
    if (line == "<!-- " + mark + ":end -->") inside = false;
    if (!inside || !line.starts_with("| ")) continue;
    std::istringstream cells(line.substr(1));
    std::string name, fields, unit, what;
    std::getline(cells, name, '|');
    std::getline(cells, fields, '|');
    std::getline(cells, unit, '|');
    std::getline(cells, what, '|');
    if (name == " event ") continue;
    if (const auto names = words_in(name); !names.empty()) event = names.front();
    Fields& of_event = events[event];
    for (const std::string& field : words_in(fields)) {
      EXPECT_TRUE(of_event.insert(field).second) << event << " has two rows for " << field;
      const bool of_step = field == "step" || field == "i";
      EXPECT_TRUE(of_step || unit.find_first_not_of(' ') != std::string::npos)
          << "the row of " << event << "." << field << " has no unit";
    }
  }
  return events;
}

TEST(EventsPage, ListsEachEventWithEachOfItsFields) {
  EXPECT_EQ(listed("execution"), written());
  EXPECT_EQ(listed("tenant"), written_of_tenants());
}

TEST(EventsPage, TheSamplesAreOfEveryRecord) {
  std::set<size_t> kinds, tenant_kinds;
  for (const Record& record : records()) kinds.insert(record.index());
  for (const TenantRecord& record : tenant_records()) tenant_kinds.insert(record.index());
  EXPECT_EQ(kinds.size(), std::variant_size_v<Record>);
  EXPECT_EQ(tenant_kinds.size(), std::variant_size_v<TenantRecord>);
}

}  // namespace
}  // namespace pirn::journal
