// Verb by verb: what the rules of workflows speak of, a case can say.
#include "tests/host/simulate/report.h"

namespace pirn::sim {
namespace {

// A case of one package with these workflows.
std::string case_with(const std::string& workflows, const std::string& rest) {
  return R"({"definition":{"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[)" + workflows +
         "]}" + rest + "}";
}

Strings codes_refused(const bj::object& report) {
  Strings codes;
  for (const bj::value& refusal : report.at("refused").as_array())
    codes.emplace_back(refusal.at("code").as_string());
  return codes;
}

Strings runs_of(const bj::object& report) {
  Strings names;
  for (const auto& run : report.at("runs").as_object()) names.emplace_back(run.key());
  return names;
}

TEST(Language, AStepSnoozesAndBurnsNoRetry) {
  const bj::object report = report_of(case_of(R"({"name":"a","max_retries":0})",
                                              R"(,"calls":[{"step":"a","does":[{"snooze":"36h"},{"ok":1}]}],
      "do":[{"start":"w"},{"at":"1h","down":"2h"}],
      "expect":{"w":{"state":"completed","results":{"a":1},"invocations":{"a":2}}})"));
  EXPECT_EQ(report.at("until").as_string(), "1d12h");
}

TEST(Language, AnAwaitingStepIsAnsweredAndNeverCalledAgain) {
  report_of(case_of(R"({"name":"a"},{"name":"b","after":["a"]})",
                    R"(,"calls":[{"step":"a","does":{"await":{"kind":"event","notify":{"to":"ops"}}}}],
      "do":[{"start":"w"},{"at":"48h","resume":"w","step":"a","context":{"verdict":"fine"}}],
      "expect":{"w":{"state":"completed","results":{"a":{"verdict":"fine"}},"invocations":{"a":1,"b":1}}})"));
}

TEST(Language, ApproversDecideAndOthersDoNot) {
  for (const std::string verb : {"approve", "reject"}) {
    const bj::object report = report_of(
        case_of(R"({"name":"a"})",
                R"(,"calls":[{"step":"a","does":{"await":{"approvers":["kim"]}}}],
        "do":[{"start":"w"},{"at":"1h",")" +
                    verb + R"(":"w","step":"a","by":"alex"},{"at":"2h",")" + verb +
                    R"(":"w","step":"a","by":"kim","comment":"seen"}],
        "expect":{"w":{"state":"completed","results":{"a":{"approved":)" +
                    (verb == "approve" ? "true" : "false") + R"(,"approver":"kim","comment":"seen"}}}})"));
    EXPECT_EQ(codes_refused(report), Strings{"permission_denied"});
  }
}

TEST(Language, AnAwaitThatNobodyAnswersAsksItsFunction) {
  report_of(case_of(R"({"name":"a"})",
                    R"(,"calls":[{"step":"a","does":{"await":{"timeout":"48h","on_timeout":"late"}}},
                 {"step":"a","kind":"handler","does":{"skip":"nobody came"}}],
      "expect":{"w":{"state":"completed","steps":{"a":"skipped\u0028requested\u0029"}}})"));
  report_of(case_of(R"({"name":"a"})", R"(,"calls":[{"step":"a","does":{"await":{"timeout":"48h"}}}],
      "expect":{"w":{"state":"failed","error":"await_timeout","invocations":{"a":1}}})"));
}

TEST(Language, ARunIsHeldAndGoesOnWithAPatch) {
  const bj::object report = report_of(case_of(R"({"name":"a"},{"name":"b","after":["a"]})",
                                              R"(,"calls":[{"step":"a","does":{"takes":"10s","ok":{"x":1}}}],
      "do":[{"start":"w"},{"at":"1s","pause":"w"},{"at":"2s","pause":"w"},
            {"at":"1h","resume":"w","context":{"x":2}}],
      "expect":{"w":{"state":"completed","context":{"x":2}}})"));
  EXPECT_EQ(fates(report), (Strings{"a returned 1 at 0ms", "b returned 1 at 1h"}));
  EXPECT_EQ(codes_refused(report), Strings{"invalid_transition"});
}

TEST(Language, AGraftExpandsIntoChildrenWithOptions) {
  report_of(case_of(R"({"name":"g","graft":true},{"name":"b","after_graft":["g"]})",
                    R"(,"calls":[{"step":"g","does":{"expand":{"children":[
          {"name":"one","on_error":"continue","max_retries":0},{"name":"two","task":"other","rollback":"undo"}],
          "result":{"n":2}}}},
        {"step":"one","does":{"fail":"bad"}},{"step":"two","does":{"ok":{"v":7}}},
        {"step":"b","does":{"fail":{"code":"no","class":"terminal"}}}],
      "expect":{"w":{"state":"failed","error":"no",
        "steps":{"one":"failed\u0028tolerated\u0029","two":"completed"},"rolled_back":["two"],
        "compensation":{"two":"done","g":"none"},
        "context":{"n":2,"two":{"v":7},"two_v":7}}})"));
}

TEST(Language, NestedRunsAreNamedByTheirStep) {
  const bj::object report =
      report_of(case_with(R"({"name":"outer","steps":[{"name":"in","workflow":"inner","max_retries":1,
                             "retry_delay":"1s"}]},{"name":"inner","steps":[{"name":"x","max_retries":0}]})",
                          R"(,"calls":[{"run":"outer/in","step":"x","does":{"fail":"first"}},
                 {"run":"outer/in#2","step":"x","does":{"ok":{"y":1}}}],
      "do":[{"start":"outer"},{"after":{"run":"outer/in#2","event":"workflow.create"},"pause":"outer"},
            {"at":"1h","resume":"outer"}],
      "expect":{"outer":{"state":"completed","results":{"in":{"y":1}}},"outer/in":{"state":"failed"},
                "outer/in#2":{"state":"completed"}})"));
  EXPECT_EQ(runs_of(report), (Strings{"outer", "outer/in", "outer/in#2"}));
}

TEST(Language, EventsStartWhoeverListensOnce) {
  const bj::object report =
      report_of(case_with(R"({"name":"w","on_event":["user.created"],"steps":[{"name":"a"}]})",
                          R"(,"do":[{"emit":"user.created","id":"7","payload":{"name":"Ada"}},
            {"at":"1s","emit":"user.created","id":"7","payload":{"name":"Ada"}},
            {"at":"2s","emit":"user.created","payload":{}}],
      "expect":{"w#1":{"state":"completed"},"w#2":{"state":"completed"}})"));
  EXPECT_EQ(runs_of(report), (Strings{"w#1", "w#2"}));
  EXPECT_EQ(report.at("runs").at("w#1").at("context").at("name").as_string(), "Ada");
}

TEST(Language, SchedulesFireAndCatchUpOnceAfterTheHostWasDown) {
  const std::string scheduled = R"({"name":"w","schedule":{"cron":"0 * * * *"},"steps":[{"name":"a"}]})";
  const bj::object report = report_of(case_with(scheduled, R"(,"begin":"2026-03-01T00:30:00Z","until":"6h",
      "do":[{"at":"1h","down":"3h"}])"));
  EXPECT_EQ(runs_of(report),
            (Strings{"w#1", "w#2", "w#3", "w#4"}));  // 1:00, 4:30 for 2:00 to 4:00, 5:00, 6:00
  const bj::object held = report_of(case_with(scheduled, R"(,"begin":"2026-03-01T00:30:00Z","until":"3h",
      "do":[{"pause_schedule":"w"},{"at":"2h","resume_schedule":"w"},{"at":"2h","trigger_schedule":"w"},
            {"at":"150m","backfill":"w","from":"2026-03-01T01:00:00Z","to":"2026-03-01T02:00:00Z"},
            {"at":"1m","backfill":"w","from":"2026-03-01T01:00:00Z","to":"2026-03-01T00:00:00Z"}])"));
  EXPECT_EQ(runs_of(held).size(), 4u) << bj::serialize(held.at("runs"));
  EXPECT_EQ(codes_refused(held), Strings{"invalid_argument"});
}

TEST(Language, ARunIsTriedAgainOrFromAStep) {
  report_of(case_of(R"({"name":"a"},{"name":"b","after":["a"],"max_retries":0})",
                    R"(,"calls":[{"run":"w","step":"b","does":{"fail":"bad"}}],
      "do":[{"start":"w"},{"at":"1h","retry":"w","as":"again"},{"at":"2h","rerun":"again","from":"a","as":"all"}],
      "expect":{"w":{"state":"failed"},"again":{"state":"completed","invocations":{"a":0,"b":1}},
                "all":{"state":"completed","invocations":{"a":1,"b":1}}})"));
}

TEST(Language, ADeadLetterIsTriedAgain) {
  const bj::object report = report_of(
      case_of(R"({"name":"a"},{"name":"b","after":["a"],"max_retries":0}],"dead_letter":true,"tags":["x")",
              R"(,"calls":[{"run":"w","step":"b","does":{"fail":"bad"}}],
      "do":[{"start":"w"},{"at":"1h","retry_letter":"w","as":"again"},{"at":"2h","retry_letter":"w","as":"more"}],
      "expect":{"w":{"state":"failed"},"again":{"state":"completed","invocations":{"a":1,"b":1}}})"));
  EXPECT_EQ(codes_refused(report), Strings{"not_found"}) << "the letter is gone";
}

TEST(Language, AStartMayBeLaterAndHaveItsOwnStrategy) {
  const bj::object report = report_of(case_of(
      R"({"name":"a"},{"name":"b"})",
      R"(,"calls":[{"does":{"takes":"1m"}}],"do":[{"start":"w","in":"1h","strategy":"sequential"}])"));
  EXPECT_EQ(fates(report), (Strings{"a returned 1 at 1h", "b returned 1 at 1h1m"}));
}

TEST(Language, R55R56ProgressAndTheRunningStepsAreShown) {
  const bj::object report =
      report_of(case_of(R"({"name":"a","timeout":"5h"},{"name":"s","when":{"path":"no","exists":true}},
                           {"name":"t","on_error":"continue","max_retries":0},{"name":"g","graft":true},
                           {"name":"x","after_graft":["g"]})",
                        R"(,"calls":[{"step":"a","does":{"takes":"2h"}},{"step":"t","does":{"fail":"bad"}},
      {"step":"g","does":{"expand":[{"name":"c1","timeout":"5h"},{"name":"c2"}]}},{"step":"c1","does":{"takes":"3h"}}],
      "until":"1h","do":[{"start":"w"},{"at":"2h","crash":true}],"expect":{"w":{"state":"running"}})"));
  const bj::value& run = report.at("runs").at("w");
  // Skipped, failed, expanded, the second child.
  EXPECT_EQ(bj::serialize(run.at("progress")), R"({"done":4,"total":7})");
  EXPECT_EQ(bj::serialize(run.at("running_steps")), R"(["a","c1"])");
}

TEST(Language, WhatCallsEmitIsInTheJournal) {
  const bj::object report = report_of(case_of(
      R"({"name":"a"})",
      R"(,"calls":[{"step":"a","does":{"emits":[{"scope":"s","message":"half","metadata":{"p":50}}]}}])"));
  int found = 0;
  for (const bj::value& event : report.at("journal").as_array())
    if (event.at("type").as_string() == "node") {
      ++found;
      EXPECT_EQ(event.at("message").as_string(), "half");
      EXPECT_EQ(event.at("step").as_string(), "a");
    }
  EXPECT_EQ(found, 1);
}

TEST(Language, BreakersAndDeadLettersAreInTheTenantsJournal) {
  const bj::object report = report_of(case_with(
      R"({"name":"w","dead_letter":true,"dead_letter_ttl":"2h","steps":[{"name":"a","max_retries":0,
          "circuit_breaker":"bank","circuit_breaker_opts":{"failure_threshold":1,"success_threshold":1,"reset_timeout":"1h"}}]})",
      R"(,"calls":[{"step":"a","does":{"fail":"down"},"run":"one"}],
      "do":[{"start":"w","as":"one"},{"at":"1m","start":"w","as":"two"},{"at":"1h","start":"w","as":"three"}],
      "expect":{"one":{"state":"failed"},"two":{"state":"failed","invocations":{"a":0}},
                "three":{"state":"completed"}})"));
  Strings told;
  for (const bj::value& event : report.at("journal").as_array())
    if (!event.as_object().contains("run"))
      told.push_back(std::string(event.at("t").as_string()) + " " +
                     std::string(event.at("type").as_string()));
  EXPECT_EQ(told, (Strings{"0ms tenant.open", "0ms circuit.trip", "0ms circuit.state_change",
                           "0ms dead_letter.insert", "1m dead_letter.insert", "1h circuit.state_change",
                           "1h circuit.reset", "1h circuit.state_change", "2h dead_letter.prune",
                           "2h1m dead_letter.prune"}));
}

TEST(Language, WhatOrdersLackIsTold) {
  EXPECT_EQ(problems_of("{\"definition\":\"flow.json\",\"do\":[{\"start\":\"w\"},\n{\"approve\":\"w\"},\n"
                        "{\"rerun\":\"w\",\"from\":\"a\"},\n{\"backfill\":\"w\"},\n"
                        "{\"resume\":\"w\",\"action\":\"retri\"},\n{\"pause\":\"w\",\"from\":\"a\"}]}"),
            (Strings{"missing_key 2:2", "missing_key 3:2", "missing_key 4:2", "missing_key 4:2",
                     "invalid_value 5:15", "invalid_value 6:14"}));
}

}  // namespace
}  // namespace pirn::sim
