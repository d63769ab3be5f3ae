#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "packager/definition/definition.h"
#include "packager/definition/vocabulary.h"

namespace pirn::definition {
namespace {

const std::vector<Function> kFunctions = {
    {"load", 1}, {"clean", 1}, {"is_big", 6}, {"later", 8}, {"note", 5}};

Error problems_of(const std::string& text, const std::vector<Function>* functions = nullptr) {
  Result<Definition> definition = parse(text, "workflow.json", functions);
  EXPECT_FALSE(definition) << text;
  return definition ? Error{} : definition.error();
}

std::string in_document(const std::string& workflows) {
  return R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[)" + workflows + "]}";
}
std::string in_step(const std::string& members) {
  return in_document(R"({"name":"w","steps":[{"name":"s",)" + members + "}]}");
}

TEST(Problems, AreAllReportedAtOnceWithTheirPlaces) {
  const Error error = problems_of(R"({
  "schema": 1,
  "package": {"name": "orders", "version": "one"},
  "workflows": [{
    "name": "daily", "timout": "1h",
    "steps": [
      {"name": "load"},
      {"name": "clean", "after": ["laod"], "timeout": "5 minutes"},
      {"name": "ship", "task": "cleen", "after": ["pack"], "when": {"function": "load"}},
      {"name": "pack", "task": "load", "after": ["ship"], "retry_backoff": "quadratic"},
      {"name": "Bad Name", "task": "load", "max_retries": -1, "depends_on": ["load"]},
      {"name": "load", "on_error": 7}
    ]
  }]
})",
                                  &kFunctions);
  EXPECT_EQ(error.code, Code::definition_invalid);
  EXPECT_EQ(describe(error),
            R"(error PIRN0200 (definition_invalid): the definition of the package 'orders' has 13 problems
  error PIRN0204 (invalid_value): "version" of the package is not a semantic version
    at workflow.json:3:44
    3 |   "package": {"name": "orders", "version": "one"},
      |                                            ^
    hint: Write MAJOR.MINOR.PATCH, for example "1.0.0".
  error PIRN0201 (unknown_key): a workflow has no key "timout" (in the workflow 'daily')
    at workflow.json:5:22
    5 |     "name": "daily", "timout": "1h",
      |                      ^
    hint: Did you mean "timeout"?
  error PIRN0208 (unknown_step): the step 'clean' comes after 'laod', but the workflow 'daily' has no such step
    at workflow.json:8:35
    8 |       {"name": "clean", "after": ["laod"], "timeout": "5 minutes"},
      |                                   ^
    hint: Did you mean 'load'?
  error PIRN0206 (invalid_duration): "timeout" of the step 'clean': "5 minutes" is not a duration: there is no unit " minutes"
    at workflow.json:8:55
    8 |       {"name": "clean", "after": ["laod"], "timeout": "5 minutes"},
      |                                                       ^
    hint: Write "250ms", "30s", "5m", "1h30m", "7d" or "infinity".
  error PIRN0209 (cycle_detected): steps of the workflow 'daily' wait for each other: 'ship' -> 'pack' -> 'ship'
    at workflow.json:9:7
    9 |       {"name": "ship", "task": "cleen", "after": ["pack"], "when": {"function": "load"}},
      |       ^
    hint: Remove one of these dependencies.
  error PIRN0210 (unknown_function): the step 'ship' uses the task 'cleen', but the package does not export it
    at workflow.json:9:32
    9 |       {"name": "ship", "task": "cleen", "after": ["pack"], "when": {"function": "load"}},
      |                                ^
    hint: Did you mean 'clean'?
  error PIRN0211 (wrong_function_kind): the step 'ship' uses 'load' as a condition, but the package exports it as a task
    at workflow.json:9:81
    9 |       {"name": "ship", "task": "cleen", "after": ["pack"], "when": {"function": "load"}},
      |                                                                                 ^
    hint: Use a function of the kind "condition", or declare 'load' as one.
  error PIRN0204 (invalid_value): "retry_backoff" of the step 'pack' has the unknown value "quadratic"
    at workflow.json:10:76
    10 |       {"name": "pack", "task": "load", "after": ["ship"], "retry_backoff": "quadratic"},
       |                                                                            ^
    hint: Allowed values: "fixed", "linear", "exponential".
  error PIRN0205 (invalid_name): "Bad Name" in the step 'Bad Name' is not a valid name
    at workflow.json:11:16
    11 |       {"name": "Bad Name", "task": "load", "max_retries": -1, "depends_on": ["load"]},
       |                ^
    hint: A name has 1 to 63 characters of a-z, 0-9, '_' and '-', and starts with a letter or a digit.
  error PIRN0204 (invalid_value): "max_retries" of the step 'Bad Name' is out of range: -1
    at workflow.json:11:59
    11 |       {"name": "Bad Name", "task": "load", "max_retries": -1, "depends_on": ["load"]},
       |                                                           ^
    hint: Write an integer from 0 to 1000000.
  error PIRN0201 (unknown_key): a step has no key "depends_on" (in the step 'Bad Name')
    at workflow.json:11:63
    11 |       {"name": "Bad Name", "task": "load", "max_retries": -1, "depends_on": ["load"]},
       |                                                               ^
    hint: Write it as "after".
  error PIRN0207 (duplicate_name): the workflow 'daily' has two steps named 'load'
    at workflow.json:12:7
    12 |       {"name": "load", "on_error": 7}
       |       ^
    hint: Rename one of them; the first is at workflow.json:7.
  error PIRN0203 (wrong_type): "on_error" of the step 'load' is an integer, but must be a string
    at workflow.json:12:36
    12 |       {"name": "load", "on_error": 7}
       |                                    ^
    hint: Write a string here.)");
}

TEST(Problems, MalformedTextHasLineAndColumn) {
  const Error error = problems_of("{\n  \"schema\": 1,\n  \"package\": {,}\n}");
  ASSERT_EQ(error.causes.size(), 1u);
  EXPECT_EQ(error.causes[0].code, Code::malformed_json);
  EXPECT_EQ(error.causes[0].where.line, 3u);
  EXPECT_EQ(error.causes[0].where.column, 15u);
}

TEST(Problems, AStepWithoutANameIsNumbered) {
  const Error error = problems_of(
      R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[{"name":"w","steps":[
        {"name":"a"},{"name":"B","task":"a","after":["c"]}]}]})");
  ASSERT_EQ(error.causes.size(), 2u);
  EXPECT_EQ(error.causes[1].message, "step 2 comes after 'c', but the workflow 'w' has no such step");
}

TEST(Problems, AKeyThatStandsTwiceIsRefused) {
  const Error error = problems_of("{\"schema\": 1,\n \"schema\": 1}");
  ASSERT_EQ(error.causes.size(), 1u);
  EXPECT_EQ(error.causes[0].code, Code::malformed_json);
  EXPECT_EQ(error.causes[0].where.line, 2u);
}

TEST(Problems, PointToTheSourceThatDeclaredTheStep) {
  const Error error = problems_of(in_document(
      R"({"name":"w","at":"src/w.cc:9","steps":[{"name":"a","at":"src/w.cc:4:3","timeout":"x"},{"name":"b","after":["c"]}]})"));
  ASSERT_EQ(error.causes.size(), 2u);
  EXPECT_EQ(error.causes[0].where.file, "src/w.cc");
  EXPECT_EQ(error.causes[0].where.line, 4u);
  EXPECT_EQ(error.causes[0].where.column, 3u);
  EXPECT_EQ(error.causes[1].where.file, "src/w.cc");
  EXPECT_EQ(error.causes[1].where.line, 9u);
}

TEST(Problems, ACycleIsShownAsAPath) {
  const Error error = problems_of(in_document(
      R"({"name":"w","steps":[{"name":"a","after":["c"]},{"name":"b","after":["a"]},{"name":"c","after":["b"]},
          {"name":"self","after":["self"]}]})"));
  ASSERT_EQ(error.causes.size(), 2u);
  EXPECT_EQ(error.causes[0].code, Code::cycle_detected);
  EXPECT_EQ(error.causes[0].message,
            "steps of the workflow 'w' wait for each other: 'a' -> 'b' -> 'c' -> 'a'");
  EXPECT_EQ(error.causes[1].message, "the step 'self' comes after itself");
}

TEST(Problems, ALongCycleIsFoundWithoutRecursion) {
  std::string steps;
  for (int i = 0; i < 20'000; ++i)
    steps += (i == 0 ? "" : ",") + (R"({"name":"s)" + std::to_string(i)) + R"(","after":["s)" +
             std::to_string((i + 1) % 20'000) + "\"]}";
  const Error error = problems_of(in_document(R"({"name":"w","steps":[)" + steps + "]}"));
  ASSERT_EQ(error.causes.size(), 1u);
  EXPECT_LT(error.causes[0].message.size(), 1000u);
}

TEST(Problems, AConditionFunctionStandsAlone) {
  EXPECT_EQ(problems_of(in_step(R"("when":{"not":{"function":"f"}})")).causes.at(0).code,
            Code::invalid_value);
}

struct Case {
  std::string members;
  Code code;
};

TEST(Problems, OfASingleValue) {
  const std::vector<Case> cases = {
      {R"("timeout":0)", Code::invalid_duration},
      {R"("timeout":"0s")", Code::invalid_duration},
      {R"("timeout":-5)", Code::invalid_duration},
      {R"("timeout":1.5)", Code::wrong_type},
      {R"("retry_delay":"infinity")", Code::invalid_duration},
      {R"("retry_max_delay":"0ms")", Code::invalid_duration},
      {R"("max_retries":"3")", Code::wrong_type},
      {R"("max_attempts":0)", Code::invalid_value},
      {R"("max_attempts":2,"max_retries":1)", Code::invalid_value},
      {R"("retry_backoff":{"exponential":0.5})", Code::invalid_value},
      {R"("retry_backoff":{"exponential":2,"table":[1]})", Code::invalid_value},
      {R"("retry_backoff":{"table":[]})", Code::invalid_value},
      {R"("retry_backoff":{"tabel":[1]})", Code::unknown_key},
      {R"("retry_jitter":"some")", Code::invalid_value},
      {R"("retry_on":[{}])", Code::missing_key},
      {R"("retry_on":[{"class":"fatal"}])", Code::invalid_value},
      {R"("retry_on":[""])", Code::invalid_value},
      {R"("on_error":"ignore")", Code::invalid_value},
      {R"("cancellable":1)", Code::wrong_type},
      {R"("context_key":"__x")", Code::invalid_value},
      {R"("context_key":"")", Code::invalid_value},
      {R"("params":[])", Code::wrong_type},
      {R"("task":"")", Code::invalid_name},
      {R"("task":"-x")", Code::invalid_name},
      {R"("after":"x")", Code::wrong_type},
      {R"("after":[7])", Code::wrong_type},
      {R"("at":"nowhere")", Code::invalid_value},
      {R"("hooks":{"on_end":"x"})", Code::unknown_key},
      {R"("when":true)", Code::wrong_type},
      {R"("when":{})", Code::invalid_value},
      {R"("when":{"path":"a"})", Code::invalid_value},
      {R"("when":{"path":"a","equals":1,"less":2})", Code::invalid_value},
      {R"("when":{"equals":1})", Code::missing_key},
      {R"("when":{"path":"a..b","equals":1})", Code::invalid_value},
      {R"("when":{"path":"","equals":1})", Code::invalid_value},
      {R"("when":{"path":"a","less":null})", Code::wrong_type},
      {R"("when":{"path":"a","in":3})", Code::wrong_type},
      {R"("when":{"path":"a","exists":"yes"})", Code::wrong_type},
      {R"("when":{"path":"a","not":{"path":"b","exists":true}})", Code::invalid_value},
      {R"("when":{"all":[]})", Code::invalid_value},
      {R"("when":{"path":"a","equal":1})", Code::unknown_key},
  };
  for (const Case& test : cases) {
    const Error error = problems_of(in_step(test.members));
    ASSERT_FALSE(error.causes.empty()) << test.members;
    EXPECT_EQ(error.causes[0].code, test.code) << test.members << "\n" << describe(error);
    for (const Error& cause : error.causes) {
      EXPECT_FALSE(cause.message.empty());
      EXPECT_FALSE(cause.hint.empty()) << test.members;
      EXPECT_EQ(cause.where.line, 1u) << test.members;
    }
  }
}

TEST(Problems, R69OfNames) {
  const std::string longest(63, 'a');
  for (const std::string name : {"a", "0", "load-config", "a_b", "2nd-try_", longest.c_str()})
    EXPECT_TRUE(is_name(name)) << name;
  for (const std::string& name : {std::string(), std::string("-a"), std::string("_a"), std::string("A"),
                                  std::string("loadConfig"), std::string("a b"), std::string("a.b"),
                                  std::string("a::b"), std::string("\xC3\xA4"), longest + "a"}) {
    EXPECT_FALSE(is_name(name)) << name;
    const Error error = problems_of(in_step("\"task\":\"" + name + "\""));
    ASSERT_FALSE(error.causes.empty()) << name;
    EXPECT_EQ(error.causes[0].code, Code::invalid_name) << name;
  }
}

TEST(Problems, OfWholeDocuments) {
  EXPECT_EQ(problems_of("[]").causes.at(0).code, Code::wrong_type);
  EXPECT_EQ(problems_of("{}").causes.size(), 2u);
  EXPECT_EQ(problems_of(R"({"schema":2,"package":{"name":"p","version":"1.0.0"}})").causes.at(0).code,
            Code::unsupported);
  EXPECT_EQ(problems_of(in_document(R"({"name":"w"},{"name":"w"})")).causes.at(0).code, Code::duplicate_name);
  std::string many;
  for (int i = 0; i < 257; ++i) many += (i == 0 ? "" : ",") + (R"({"name":"w)" + std::to_string(i)) + "\"}";
  EXPECT_EQ(problems_of(in_document(many)).causes.at(0).code, Code::too_large);
}

TEST(Problems, AHostileDocumentGetsABoundedReport) {
  std::string steps;
  for (int i = 0; i < 20'000; ++i)
    steps += (i == 0 ? "" : ",") + (R"({"name":"s)" + std::to_string(i)) + R"(","aftr":[]})";
  const Error error = problems_of(in_document(R"({"name":"w","steps":[)" + steps + "]}"));
  EXPECT_EQ(error.causes.size(), 1000u);
  EXPECT_NE(error.message.find("20000 problems"), std::string::npos);
  EXPECT_TRUE(error.causes[0].where.text.empty());  // a line of megabytes is not repeated
}

TEST(Problems, NoTextMakesTheParserFall) {
  const std::string good = in_step(
      R"("after":["s"],"when":{"all":[{"path":"a.b","in":[1,{"k":"v\u0041\\"}]}]},"retry_backoff":{"table":["1s",5]},"params":{"a":[[[]]]})");
  for (size_t length = 0; length < good.size(); ++length)
    EXPECT_FALSE(parse(good.substr(0, length), "f", &kFunctions));
  for (size_t i = 0; i < good.size(); ++i)
    for (const char c : {'"', '{', ']', '0', '\\', '\n', '\xff', ','}) {
      std::string bad = good;
      bad[i] = c;
      const Result<Definition> result = parse(bad, "f", &kFunctions);
      EXPECT_TRUE(result || !result.error().causes.empty());
    }
}

}  // namespace
}  // namespace pirn::definition
