// The inputs of package code, compared with the table that authors read: the comment in sdk/include/pirn/abi.h.
#include "host/engine/invocation_input.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "packager/json/json.h"

namespace pirn::engine {
namespace {

namespace bj = boost::json;
using journal::HandlerEvent;

// ---- the table ----

struct Members {
  std::set<std::string> always, sometimes;
};

// The members of the first {...} in `text`, without those of nested objects. "x":n? and what follows "ERROR?" are
// there sometimes.
Members members_of(std::string_view text) {
  Members out;
  size_t depth = 0;
  std::string name;
  for (size_t i = text.find('{'); i < text.size(); ++i) {
    const char c = text[i];
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (c == '"') {
      const size_t end = text.find('"', i + 1);
      if (depth == 1) name = text.substr(i + 1, end - i - 1);
      i = end;
      continue;
    }
    const bool ends = (depth == 1 && c == ',') || (depth == 0 && c == '}');
    if (ends && !name.empty()) {
      const char before = text[text.find_last_not_of(' ', i - 1)];
      (before == '?' ? out.sometimes : out.always).insert(std::exchange(name, {}));
    }
    if (depth == 0) break;
  }
  return out;
}

// Rows of the table by the word that begins them: kinds, and the events of handlers.
class Table {
 public:
  Table() {
    std::ifstream file(PIRN_SOURCE_DIRECTORY "/sdk/include/pirn/abi.h");
    std::stringstream text;
    text << file.rdbuf();
    const std::string all = text.str();
    const size_t begin = all.find("What the host requests. `input` is always"),
                 end = all.find("#define PIRN_KIND_TASK");
    EXPECT_LT(begin, end) << "the table is not there";
    std::istringstream lines(all.substr(begin, end - begin));
    std::string row;
    for (std::string line; std::getline(lines, line);) {
      line.erase(0, line.find_first_not_of(" *"));
      if (line.empty() || line.starts_with("->")) {
        row.clear();
        continue;
      }
      const std::string word = line.substr(0, line.find(' '));
      const bool begins =
          word.starts_with("on_") ||
          (word.size() > 3 && word.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos);
      if (begins && line.find('{') != std::string::npos) row = word;
      if (!row.empty()) rows_[row] += ' ' + line;
    }
  }
  // The row's alternatives are separated by ";".
  Members of(const std::string& row, size_t alternative = 0) const {
    const auto found = rows_.find(row);
    EXPECT_NE(found, rows_.end()) << row;
    std::string_view text = found->second;
    while (alternative-- > 0) text.remove_prefix(text.find(';') + 1);
    return members_of(text);
  }

 private:
  std::map<std::string, std::string> rows_;
};

// Each member of the input is in the row, and each that the row promises is in the input.
void expect_fits(const std::string& input, const Members& row) {
  const auto json = parse_json(input, "the input");
  ASSERT_TRUE(json && json->is_object()) << input;
  for (const auto& member : json->as_object())
    EXPECT_TRUE(row.always.contains(member.key()) || row.sometimes.contains(member.key())) << input;
  for (const std::string& name : row.always)
    EXPECT_TRUE(json->as_object().contains(name)) << name << " in " << input;
}

journal::StepError an_error() {
  return {"no_room", "a \"quoted\" word", journal::ErrorClass::terminal, R"({"n":1})"};
}
const bj::value kError =
    bj::parse(R"({"code":"no_room","message":"a \"quoted\" word","class":"terminal","details":{"n":1}})");
bj::object object_of(const std::string& input) { return bj::parse(input).as_object(); }

// ---- one test for each kind ----

TEST(InvocationInput, TheTableIsRead) {
  const Members task = Table().of("TASK");
  EXPECT_EQ(task.always, std::set<std::string>{});
  EXPECT_EQ(task.sometimes, (std::set<std::string>{"gpus", "resources"}));
  EXPECT_EQ(Table().of("RESULT").always,
            (std::set<std::string>{"context", "execution", "state", "workflow"}));
  EXPECT_EQ(Table().of("RESULT").sometimes, std::set<std::string>{"error"});
  EXPECT_EQ(Table().of("on_cancel").always, (std::set<std::string>{"event", "reason"}));
}

TEST(InvocationInput, OfATaskSaysWhatItHolds) {
  const std::vector<definition::Resource> held = {{"cpu", 0.5}, {"gpu", 2}};
  const std::vector<uint32_t> gpus = {0, 3};
  EXPECT_EQ(task_input("", held, gpus), R"({"resources":{"cpu":0.5,"gpu":2},"gpus":[0,3]})");
  EXPECT_EQ(task_input("", {held.data(), 1}, {}), R"({"resources":{"cpu":0.5}})");
  expect_fits(task_input("", held, gpus), Table().of("TASK"));
  const std::string fallback = task_input(error_input(an_error()), held, gpus);
  expect_fits(fallback, Table().of("FALLBACK"));
  EXPECT_EQ(object_of(fallback).at("error"), kError);
}

TEST(InvocationInput, OfARollbackHasTheResultAndWhyTheExecutionStops) {
  journal::StepResult result;
  result.map.put("id", journal::Value::of_integer(7));
  const journal::StepError error = an_error();
  expect_fits(rollback_input(&result, &error), Table().of("ROLLBACK"));
  EXPECT_EQ(rollback_input(&result, nullptr), R"({"result":{"id":7}})");
  EXPECT_EQ(rollback_input(nullptr, nullptr), R"({"result":null})");
  EXPECT_EQ(object_of(rollback_input(nullptr, &error)).at("error"), kError);
}

TEST(InvocationInput, OfAConditionIsTheErrorOfARecoveryRule) {
  expect_fits(error_input(an_error()), Table().of("CONDITION", 2));
  expect_fits("{}", Table().of("CONDITION", 0));
  EXPECT_EQ(object_of(error_input(an_error())).at("error"), kError);
}

TEST(InvocationInput, OfAHandlerDependsOnItsEvent) {
  const Table table;
  journal::ExecutionState state;
  state.reason = "too \"late\"";
  const std::vector<std::string> names = {"a", "b"};
  expect_fits(conclusion_input(HandlerEvent::on_success, state, names), table.of("on_success"));
  EXPECT_EQ(conclusion_input(HandlerEvent::on_cancel, state, names),
            R"({"event":"on_cancel","reason":"too \"late\""})");

  state.steps.resize(2);
  state.error_step = 1;
  state.steps[1].failures = 4;
  state.error = std::make_shared<const journal::StepError>(an_error());
  state.steps[0].compensation = journal::Compensation::failed;
  state.steps[0].extra.edit().rollback_error = state.error;
  const std::string failure = conclusion_input(HandlerEvent::on_failure, state, names);
  expect_fits(failure, table.of("on_failure"));
  const bj::object object = object_of(failure);
  EXPECT_EQ(object.at("step"), "b");
  EXPECT_EQ(object.at("attempt"), 4);
  EXPECT_EQ(object.at("error"), kError);
  EXPECT_EQ(object.at("rollback_errors"), (bj::array{bj::object{{"step", "a"}, {"error", kError}}}));

  expect_fits(step_error_input("a", 2, an_error()), table.of("on_step_error"));
  EXPECT_EQ(await_timeout_input("a", 2), R"({"event":"on_timeout","step":"a","attempt":2})");
  expect_fits(await_timeout_input("a", 2), table.of("on_timeout"));
}

TEST(InvocationInput, OfAHookIsWhatHasBecomeOfTheStep) {
  journal::Step step;
  EXPECT_EQ(hook_input("on_skip", "a", step),
            R"({"event":"on_skip","step":"a","state":"pending","attempt":0})");
  step.started_at = 1;
  step.failures = 2;
  EXPECT_EQ(object_of(hook_input("on_start", "a", step)).at("attempt"), 3);
  step.state = journal::StepState::failed;
  step.ended_at = 1'500'001;
  step.error = std::make_shared<const journal::StepError>(an_error());
  step.extra.edit().reason = "why";
  const bj::object object = object_of(hook_input("on_failure", "a", step));
  EXPECT_EQ(object.at("attempt"), 2) << "the one that has failed";
  EXPECT_EQ(object.at("duration_ms"), 1.5);
  EXPECT_EQ(object.at("error"), kError);
  EXPECT_EQ(object.at("reason"), "why");
  EXPECT_FALSE(object.contains("skip_kind"));
}

TEST(InvocationInput, OfABackoffIsTheAttemptThatFailed) {
  const std::string input = backoff_input(3, 250'000'000, an_error());
  expect_fits(input, Table().of("BACKOFF"));
  EXPECT_EQ(object_of(input).at("attempt"), 3);
  EXPECT_EQ(object_of(input).at("base_delay_ms"), 250);
}

TEST(InvocationInput, OfANestedWorkflowNamesItAndWhatItCameTo) {
  expect_fits(nested_input("w"), Table().of("INPUT"));
  journal::ExecutionState child;
  child.id = {42};
  child.state = journal::State::failed;
  child.origin = journal::make_origin({.tenant = "t", .package = "p", .version = "1", .workflow = "w"});
  EXPECT_FALSE(object_of(nested_result_input(child, "{}")).contains("error"));
  child.error = std::make_shared<const journal::StepError>(an_error());
  const std::string input = nested_result_input(child, R"({"k":1})");
  expect_fits(input, Table().of("RESULT"));
  EXPECT_EQ(object_of(input).at("execution").as_string(), child.id.text());
  EXPECT_EQ(object_of(input).at("context"), bj::parse(R"({"k":1})"));
}

}  // namespace
}  // namespace pirn::engine
