// What is wrong with parts of the language that the engine may not enforce yet: read whole.
#include <gtest/gtest.h>

#include "packager/definition/definition.h"

namespace pirn::definition {
namespace {

const std::vector<Function> kFunctions = {{"work", 1}, {"undo", 2}, {"other", 3},    {"handle", 4},
                                          {"note", 5}, {"ask", 6},  {"how_long", 7}, {"later", 8},
                                          {"to", 9},   {"back", 10}};

std::string in_document(const std::string& workflows) {
  return R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[)" + workflows + "]}";
}
std::string in_workflow(const std::string& members) { return in_document(R"({"name":"w",)" + members + "}"); }
std::string in_step(const std::string& members) {
  return in_workflow(R"("steps":[{"name":"s",)" + members + R"(},{"name":"t"}])");
}

Error problems_of(const std::string& text, const std::vector<Function>* functions = nullptr) {
  Result<Definition> definition = parse(text, "workflow.json", functions);
  EXPECT_FALSE(definition) << text;
  return definition ? Error{} : definition.error();
}

struct Case {
  std::string members;
  Code code;
  std::string message, hint;  // parts of them
};

// One problem each, at the right place, with a remedy.
void expect_problem(const std::string& document, const Case& test,
                    const std::vector<Function>* functions = nullptr) {
  const Error error = problems_of(document, functions);
  ASSERT_EQ(error.causes.size(), 1u) << test.members << "\n" << describe(error);
  const Error& cause = error.causes[0];
  EXPECT_EQ(cause.code, test.code) << describe(error);
  EXPECT_NE(cause.message.find(test.message), std::string::npos) << describe(error);
  EXPECT_FALSE(cause.hint.empty()) << describe(error);
  EXPECT_NE(cause.hint.find(test.hint), std::string::npos) << describe(error);
  EXPECT_EQ(cause.where.file, "workflow.json");
  EXPECT_EQ(cause.where.line, 1u);
  EXPECT_GT(cause.where.column, 60u) << describe(error);
}

TEST(LanguageProblems, OfAStep) {
  for (const Case& test : std::vector<Case>{
           {R"("after":["u"])", Code::unknown_step, "comes after 'u'", ""},
           {R"("after_any":["tt"])", Code::unknown_step, "comes after any of 'tt'", "Did you mean 't'?"},
           {R"("after_graft":["u"])", Code::unknown_step, "comes after the graft 'u'", ""},
           {R"("after_graft":["t"])", Code::not_a_graft, "'t', but that step is not a graft",
            "\"graft\": true"},
           {R"("after_any":["s"])", Code::cycle_detected, "comes after itself", ""},
           {R"("after_any":"t")", Code::wrong_type, "must be a list", ""},
           {R"("after_group":"g")", Code::unknown_group, "the group 'g'", ""},
           {R"("after_group":"t")", Code::unknown_group, "the group 't'", "'t' is a step"},
           {R"("after_group":["g"])", Code::wrong_type, "must be a string", ""},
           {R"("group":"g","after_group":"g")", Code::cycle_detected, "belongs to that group", ""},
           {R"("group":"Uploads")", Code::invalid_name, "is not a valid name", ""},
           {R"("group":"")", Code::invalid_name, "is empty", ""},
           {R"("graft":"yes")", Code::wrong_type, "must be true or false", ""},
           {R"("timeout":{"function":"x","else":"5m"})", Code::invalid_value, "is not a duration", ""},
           {R"("timeout":{"fun":"x"})", Code::wrong_type, "a duration", ""},
           {R"("rollback":true)", Code::wrong_type, "must be a string", ""},
           {R"("fallback":7)", Code::invalid_value, "is not a fallback", "{\"skip\": true}"},
           {R"("fallback":{})", Code::invalid_value, "is not a fallback", ""},
           {R"("fallback":{"value":1,"skip":true})", Code::invalid_value, "is not a fallback", ""},
           {R"("fallback":{"skip":false})", Code::invalid_value, "can only be true", ""},
           {R"("recovery":{"action":"skip"})", Code::wrong_type, "must be a list", ""},
           {R"("recovery":[{}])", Code::missing_key, "has no \"action\"", ""},
           {R"("recovery":[{"action":"ignore"}])", Code::invalid_value, "the unknown value \"ignore\"",
            "\"manual\""},
           {R"("recovery":[{"action":"skipp"}])", Code::invalid_value, "the unknown value \"skipp\"",
            "Did you mean \"skip\"?"},
           {R"("recovery":[{"action":"fallback"}])", Code::missing_key, "has no \"fallback\"", ""},
           {R"("recovery":[{"action":"skip","fallback":{"value":1}}])", Code::invalid_value,
            "is allowed only with the action \"fallback\"", ""},
           {R"("recovery":[{"action":"abort","max_retries":1}])", Code::invalid_value,
            "is allowed only with the action \"retry\"", ""},
           {R"("recovery":[{"action":"retry","max_retries":1,"max_attempts":2}])", Code::invalid_value,
            "has both", ""},
           {R"("recovery":[{"action":"skip","when":{"path":"a","equals":1}}])", Code::invalid_value,
            "is not a function", ""},
           {R"("recovery":[{"action":"skip","retry_on":["x"]}])", Code::unknown_key, "\"retry_on\"",
            "\"on\""},
           {R"("recovery":[{"action":"skip","on":[{}]}])", Code::missing_key, "neither", ""},
           {R"("circuit_breaker":"")", Code::invalid_name, "is empty", ""},
           {R"("circuit_breaker_opts":{})", Code::invalid_value, "no \"circuit_breaker\"", ""},
           {R"("circuit_breaker":"a","circuit_breaker_opts":{"failure_threshold":0})", Code::invalid_value,
            "is out of range: 0", "from 1"},
           {R"("circuit_breaker":"a","circuit_breaker_opts":{"reset_timeout":"0s"})", Code::invalid_duration,
            "is zero", ""},
           {R"("circuit_breaker":"a","circuit_breaker_opts":{"treshold":1})", Code::unknown_key,
            "\"treshold\"", ""},
           {R"("circuit_breaker":"a","circuit_breaker_opts":{"threshold":1})", Code::unknown_key,
            "\"threshold\"", "\"failure_threshold\""},
           {R"("max_snoozes":-1)", Code::invalid_value, "is out of range: -1", ""},
           {R"("max_crashes":1.5)", Code::wrong_type, "must be an integer", ""},
           {R"("priority":1000001)", Code::invalid_value, "is out of range: 1000001", "from -1000000"},
           {R"("resources":[])", Code::wrong_type, "must be an object", ""},
           {R"("resources":{"cpu":0})", Code::invalid_value, "is out of range", ""},
           {R"("resources":{"cpu":-1})", Code::invalid_value, "is out of range", ""},
           {R"("resources":{"gpu":0.5})", Code::invalid_value, "is not a whole number of devices", ""},
           {R"("resources":{"gpu":1025})", Code::invalid_value, "is out of range", ""},
           {R"("workflow":"o::x","resources":{"cpu":1})", Code::invalid_value,
            "is not allowed with \"workflow\"", ""},
           {R"("resources":{"cpu":"2"})", Code::wrong_type, "must be a number", ""},
           {R"("resources":{"CPU":2})", Code::unknown_key, "\"CPU\"", ""},
           {R"("resources":{"memory_mb":512})", Code::unknown_key, "\"memory_mb\"", "\"memory\""},
           {R"("estimate":"0s")", Code::invalid_duration, "is zero", ""},
           {R"("estimate":"infinity")", Code::invalid_duration, "is infinite", ""},
           {R"("workflow":"a::b::c")", Code::invalid_value, "is not the name of a workflow", ""},
           {R"("workflow":"")", Code::invalid_value, "is not the name of a workflow", ""},
           {R"("workflow":"o::x","task":"work")", Code::invalid_value, "is not allowed with \"workflow\"",
            ""},
           {R"("workflow":"o::x","rollback":"undo")", Code::invalid_value, "is not allowed with \"workflow\"",
            ""},
           {R"("workflow":"o::x","graft":true)", Code::invalid_value, "is not allowed with \"workflow\"", ""},
           {R"("input":"to")", Code::invalid_value, "is allowed only with \"workflow\"", ""},
           {R"("result":"back")", Code::invalid_value, "is allowed only with \"workflow\"", ""},
           {R"("workflow":"w")", Code::nesting_refused, "'w' contains itself", ""},
           {R"("workflow":"p::w")", Code::nesting_refused, "'w' contains itself", ""},
           {R"("workflow":"p::ww")", Code::unknown_workflow, "'ww'", "Did you mean 'w'?"},
           {R"("on_timeout":[])", Code::wrong_type, "must be a string", ""},
       })
    expect_problem(in_step(test.members), test);
}

TEST(LanguageProblems, OfAWorkflow) {
  for (const Case& test : std::vector<Case>{
           {R"("order":"critical-path")", Code::invalid_value, "the unknown value \"critical-path\"",
            "Did you mean \"critical_path\"?"},
           {R"("strategy":"paralel")", Code::invalid_value, "the unknown value \"paralel\"",
            "Did you mean \"parallel\"?"},
           {R"("max_running":-1)", Code::invalid_value, "is out of range: -1", ""},
           {R"("max_retries":1,"max_attempts":2)", Code::invalid_value, "has both", ""},
           {R"("timeout":{"function":"how_long"})", Code::wrong_type, "a duration", ""},
           {R"("compensate":true)", Code::wrong_type, "must be a string", ""},
           {R"("compensate":"on")", Code::invalid_value, "the unknown value \"on\"", "\"auto\""},
           {R"("dead_letter":1)", Code::wrong_type, "must be true or false", ""},
           {R"("dead_letter_ttl":"1d")", Code::invalid_value, "keeps no dead letters", ""},
           {R"("dead_letter":true,"dead_letter_ttl":0)", Code::invalid_duration, "is zero", ""},
           {R"("on_event":[])", Code::invalid_value, "is empty", ""},
           {R"("on_event":[""])", Code::invalid_value, "is empty", ""},
           {R"("on_event":["a\u001b[2J"])", Code::invalid_value, "an invisible character", ""},
           {R"("on_event":"a\u202eb")", Code::invalid_value, "an invisible character", ""},
           {R"("on_event":" a")", Code::invalid_value, "a space", ""},
           {R"("tags":["ok","a\nb"])", Code::invalid_value, "an invisible character", ""},
           {R"("tags":["a "])", Code::invalid_value, "a space", ""},
           {R"("tags":[""])", Code::invalid_value, "is empty", ""},
           {R"("on_event":{"name":"x"})", Code::wrong_type, "a string or a list of strings", ""},
           {R"("recovery":[{"on":["x"]}])", Code::missing_key, "has no \"action\"", ""},
           {R"("schedule":"0 6 * * *")", Code::wrong_type, "must be an object", ""},
           {R"("schedule":{})", Code::invalid_schedule, "does not say when", ""},
           {R"("schedule":{"every":"1h","cron":"@daily"})", Code::invalid_schedule,
            "both \"cron\" and \"every\"", "Keep one"},
           {R"("schedule":{"cron":[]})", Code::invalid_value, "is empty", ""},
           {R"("schedule":{"cron":""})", Code::invalid_cron, "the schedule of the workflow 'w'", ""},
           {R"("schedule":{"cron":"61 * * * *"})", Code::invalid_cron, "", ""},
           {R"("schedule":{"cron":["@daily","0 0 30 2 *"]})", Code::invalid_cron, "", ""},
           {R"("schedule":{"cron":"@daily","timezone":"Europe/Atlantis"})", Code::unknown_timezone, "", ""},
           {R"("schedule":{"cron":"@daily","timezone":""})", Code::invalid_value, "is empty", ""},
           {R"("schedule":{"every":"0s"})", Code::invalid_duration, "is zero", ""},
           {R"("schedule":{"every":"infinity"})", Code::invalid_duration, "is infinite", ""},
           {R"("schedule":{"every":"1h","timezone":"UTC"})", Code::invalid_schedule,
            "is not allowed with \"every\"", "\"cron\""},
           {R"("schedule":{"at":"tomorrow"})", Code::invalid_instant, "", ""},
           {R"("schedule":{"at":"2026-01-01T00:00:00Z","end_at":"2026-01-01T00:00:00Z"})",
            Code::invalid_schedule, "is not allowed with \"at\"", ""},
           {R"("schedule":{"every":"1h","start_at":"2026-01-02T00:00:00Z","end_at":"2026-01-01T00:00:00Z"})",
            Code::invalid_schedule, "ends before it starts", ""},
           {R"("schedule":{"in":"1h","misfire":"never"})", Code::invalid_value, "the unknown value \"never\"",
            "\"once\""},
           {R"("schedule":{"crn":"@daily","in":"1h"})", Code::unknown_key, "\"crn\"",
            "Did you mean \"cron\"?"},
           {R"("schedule":{"in":"1h","on_event":"x"})", Code::unknown_key, "\"on_event\"",
            "next to \"schedule\""},
       })
    expect_problem(in_workflow(test.members), test);
}

TEST(LanguageProblems, OfFunctions) {
  for (const Case& test : std::vector<Case>{
           {R"("steps":[{"name":"work","rollback":"ask"}])", Code::wrong_function_kind,
            "'ask' as a rollback, but the package exports it as a condition", ""},
           {R"("steps":[{"name":"work","rollback":"undoo"}])", Code::unknown_function, "the rollback 'undoo'",
            "Did you mean 'undo'?"},
           {R"("steps":[{"name":"work","fallback":"handle"}])", Code::wrong_function_kind, "as a fallback",
            ""},
           {R"("steps":[{"name":"work","on_timeout":"undo"}])", Code::wrong_function_kind, "as a handler",
            ""},
           {R"("steps":[{"name":"work","timeout":{"function":"ask"}}])", Code::wrong_function_kind,
            "as a duration", ""},
           {R"("steps":[{"name":"x","workflow":"o::y","input":"work"}])", Code::wrong_function_kind,
            "as an input", ""},
           {R"("steps":[{"name":"x","workflow":"o::y","result":"to"}])", Code::wrong_function_kind,
            "as a result", ""},
           {R"("steps":[{"name":"work","recovery":[{"when":{"function":"work"},"action":"skip"}]}])",
            Code::wrong_function_kind, "as a condition", ""},
           {R"("steps":[{"name":"work","recovery":[{"action":"fallback","fallback":"ask"}]}])",
            Code::wrong_function_kind, "as a fallback", ""},
           {R"("steps":[{"name":"work","recovery":[{"action":"retry","retry_backoff":{"function":"ask"}}]}])",
            Code::wrong_function_kind, "as a backoff", ""},
           {R"("on_failure":"handel")", Code::unknown_function, "the handler 'handel'",
            "Did you mean 'handle'?"},
           {R"("on_step_error":"note")", Code::wrong_function_kind, "as a handler", ""},
       })
    expect_problem(in_workflow(test.members), test, &kFunctions);
}

// The words of other systems are answered with ours.
TEST(LanguageProblems, ForeignWordsAreTranslated) {
  for (const auto& [level, key, word] :
       std::vector<std::array<std::string, 3>>{{"workflow", "max_concurrency", "step_concurrency"},
                                               {"workflow", "step_timeout", "step_defaults"},
                                               {"workflow", "executor_type", "strategy"},
                                               {"workflow", "error_strategy", "failure_mode"},
                                               {"workflow", "on_error", "failure_mode"},
                                               {"workflow", "compensation", "compensate"},
                                               {"workflow", "cron", "schedule"},
                                               {"workflow", "overlap", "max_running"},
                                               {"step", "depends_on", "after"},
                                               {"step", "compensation", "rollback"},
                                               {"step", "fallback_strategy", "fallback"},
                                               {"step", "retry_policy", "max_retries"},
                                               {"step", "continue_on_failure", "on_error"},
                                               {"step", "condition", "when"},
                                               {"step", "parallel_group", "group"},
                                               {"step", "resource_requirements", "resources"}}) {
    const Case test{key, Code::unknown_key, '"' + key + '"', '"' + word + '"'};
    expect_problem(level == "step" ? in_step('"' + key + "\":1") : in_workflow('"' + key + "\":1"), test);
  }
}

TEST(LanguageProblems, CyclesRunThroughGroupsGraftsAndAlternatives) {
  const auto cycle = [](const std::string& steps) {
    const Error error = problems_of(in_workflow(R"("steps":[)" + steps + "]"));
    EXPECT_EQ(error.causes.size(), 1u) << describe(error);
    EXPECT_EQ(error.causes.at(0).code, Code::cycle_detected);
    return error.causes.at(0).message;
  };
  EXPECT_EQ(
      cycle(
          R"({"name":"a","group":"g","after":["b"]},{"name":"b","after_group":"g"},{"name":"c","group":"g"})"),
      "steps of the workflow 'w' wait for each other: 'a' -> the group 'g' -> 'b' -> 'a'");
  EXPECT_EQ(cycle(R"({"name":"a","graft":true,"after_any":["b"]},{"name":"b","after_graft":["a"]})"),
            "steps of the workflow 'w' wait for each other: 'a' -> 'b' -> 'a'");
  EXPECT_EQ(
      cycle(R"({"name":"a","group":"g","after_group":"h"},{"name":"b","group":"h","after_group":"g"})"),
      "steps of the workflow 'w' wait for each other: 'a' -> the group 'g' -> 'b' -> the group 'h' -> 'a'");
}

TEST(LanguageProblems, WorkflowsThatContainEachOther) {
  const auto document = [](const std::string& names) {
    std::string out;
    for (size_t i = 0; i + 1 < names.size(); i += 2)
      out += (out.empty() ? "" : ",") + (R"({"name":")" + std::string(1, names[i])) +
             R"(","steps":[{"name":"s","workflow":")" + names[i + 1] + R"("}]})";
    return in_document(out + R"(,{"name":"leaf","steps":[]},{"name":"j","steps":[]})");
  };
  expect_problem(document("abbcca"), {"", Code::nesting_refused, "'a' -> 'b' -> 'c' -> 'a'", ""});
  // Nine levels below the first.
  expect_problem(document("abbccddeeffgghhiij"), {"", Code::nesting_refused, "more than 8 levels", ""});
}

TEST(LanguageProblems, OneBreakerHasOneSetOfOptions) {
  const std::string steps =
      R"({"name":"a","steps":[{"name":"x","circuit_breaker":"api","circuit_breaker_opts":{"failure_threshold":2}}]},
         {"name":"b","steps":[{"name":"y","circuit_breaker":"api"}]})";
  const Error error = problems_of(in_document(steps));
  ASSERT_EQ(error.causes.size(), 1u);
  EXPECT_EQ(error.causes[0].code, Code::breaker_mismatch);
  EXPECT_EQ(
      error.causes[0].message,
      "the step 'y' of the workflow 'b' and the step 'x' of the workflow 'a' set different options for the "
      "circuit breaker 'api'");
  EXPECT_EQ(error.causes[0].where.line, 2u);
}

// What the groups of a workflow stand for is bounded: the engine and the diagrams have each edge.
TEST(LanguageProblems, GroupsAreBounded) {
  std::string steps;
  for (int i = 0; i < 1001; ++i)
    steps += R"({"name":"m)" + std::to_string(i) + R"(","group":"g"},{"name":"d)" + std::to_string(i) +
             R"(","after_group":"g"},)";
  const Error error = problems_of(in_workflow(R"("steps":[)" + steps + R"({"name":"z"}])"));
  ASSERT_EQ(error.causes.size(), 1u);
  EXPECT_EQ(error.causes[0].code, Code::too_large);
  EXPECT_NE(error.causes[0].message.find("1002001 dependencies"), std::string::npos);
}

TEST(LanguageProblems, OfAllKindsAreReportedAtOnce) {
  const Error error = problems_of(in_workflow(
      R"("schedule":{"cron":"x"},"compensate":"on","steps":[
         {"name":"a","after_any":["x"],"after_group":"y","after_graft":["b"],"fallback":1,"resources":{"cpu":0}},
         {"name":"b","workflow":"w","circuit_breaker_opts":{}},{"name":"b","priority":"high"}])"));
  EXPECT_EQ(error.causes.size(), 11u) << describe(error);
  for (size_t i = 1; i < error.causes.size(); ++i) {
    const Where &before = error.causes[i - 1].where, &here = error.causes[i].where;
    EXPECT_LE(std::make_pair(before.line, before.column), std::make_pair(here.line, here.column));
  }
}

}  // namespace
}  // namespace pirn::definition
