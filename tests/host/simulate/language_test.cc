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

TEST(Language, TheOptionsOfChildrenAskFunctions) {
  report_of(case_of(R"({"name":"g","graft":true})", R"(,"calls":[
      {"step":"g","does":{"expand":[
        {"name":"c1","when":{"function":"ask"}},
        {"name":"c2","timeout":{"function":"limit"},"max_retries":1,"retry_backoff":{"function":"pace"},
         "fallback":"instead","rollback":"undo"}]}},
      {"step":"c1","kind":"condition","does":{"answer":false}},
      {"step":"c2","does":{"fail":"no"}}],
      "expect":{"w":{"state":"completed","steps":{"c1":"skipped\u0028condition\u0029","c2":"completed"},
                     "invocations":{"c1":0,"c2":3}}})"));
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

TEST(Language, ADeploymentKeepsTheGridOfAnInterval) {
  const bj::object report = report_of(R"({"definitions":[
    {"as":"v0","document":{"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[
      {"name":"hourly","schedule":{"every":"1h"},"steps":[{"name":"a"}]}]}},
    {"as":"v1","deployed":false,"document":{"schema":1,"package":{"name":"p","version":"1.1.0"},"workflows":[
      {"name":"hourly","schedule":{"every":"1h","misfire":"all"},"steps":[{"name":"a"}]}]}}],
    "do":[{"at":"1h50m","deploy":"v1"}],"until":"4h"})");
  EXPECT_EQ(fates(report), (Strings{"a returned 1 at 1h", "a returned 1 at 2h", "a returned 1 at 3h",
                                    "a returned 1 at 4h"}));
}

TEST(Language, MissedFiresWaitForRoom) {
  const bj::object report = report_of(R"({"definition":{"schema":1,"package":{"name":"p","version":"1.0.0"},
    "workflows":[{"name":"hourly","max_running":1,"schedule":{"every":"1h","misfire":"all"},
                  "steps":[{"name":"load"}]}]},
    "calls":[{"step":"load","does":{"takes":"5m","ok":{}}}],
    "do":[{"at":"90m","down":"5h"}],"until":"10h"})");
  EXPECT_EQ(report.at("calls").as_array().size(), 10u);
  for (int n = 1; n <= 10; ++n) {
    const std::string run = "hourly#" + std::to_string(n);
    const std::string hour = (n < 10 ? "0" : "") + std::to_string(n);
    EXPECT_NE(bj::serialize(report.at("journal")).find("T" + hour + ":00:00Z"), std::string::npos) << run;
  }
}

TEST(Language, R72SomebodySetsTheClock) {
  for (const char* by : {"+1h", "-1h", "+2d"}) {
    const bj::object report = report_of(case_of(
        R"({"name":"a","timeout":"30m","max_retries":1,"retry_delay":"20m","retry_backoff":"fixed"})",
        R"(,"calls":[{"does":[{"takes":"10m","fail":"bad"},{"takes":"10m"}]}],
        "do":[{"start":"w"},{"at":"5m","set_clock":")" +
            std::string(by) + R"("},{"at":"15m","down":"5m"}],"expect":{"w":{"state":"completed"}})"));
    EXPECT_EQ(fates(report), (Strings{"a returned 1 at 0ms", "a returned 2 at 30m"})) << by;
  }
  EXPECT_EQ(problems_of(R"({"definition":"flow.json","do":[{"set_clock":"1h"},{"set_clock":"+x"}]})"),
            (Strings{"invalid_value 1:34", "invalid_value 1:53"}));
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
  EXPECT_EQ(bj::serialize(run.at("current_step")), R"("a")");
}

// Of those that run the first in canonical order, which is not that of declaration: "b" and the child of "g"
// come before "c".
TEST(Language, R56TheCurrentStepIsTheFirstOfThoseThatRun) {
  const auto current_at = [](const std::string& instant) {
    const bj::object report = report_of(
        case_of(R"({"name":"c","after":["b"],"timeout":"5h"},{"name":"g","graft":true,"timeout":"5h"},
                             {"name":"b","timeout":"5h"},{"name":"d","after":["g"],"timeout":"5h"})",
                R"(,"calls":[{"step":"c","does":{"takes":"3h"}},{"step":"b","does":{"takes":"1h"}},
        {"step":"g","does":{"takes":"10m","expand":[{"name":"x","timeout":"5h"}]}},{"step":"x","does":{"takes":"2h"}},
        {"step":"d","does":{"takes":"1m"}}],"until":")" +
                    instant + R"(","do":[{"start":"w"}])"));
    return bj::serialize(report.at("runs").at("w").at("current_step"));
  };
  EXPECT_EQ(current_at("1m"), R"("g")");
  EXPECT_EQ(current_at("30m"), R"("x")");
  EXPECT_EQ(current_at("90m"), R"("x")") << "c runs, too, and has a lower index";
  EXPECT_EQ(current_at("150m"), R"("c")");
  EXPECT_EQ(current_at("5h"), "null");
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

TEST(Language, ASignalAnswersItsStepAndLeavesThePauseAsItIs) {
  const bj::object report =
      report_of(case_of(R"({"name":"a"},{"name":"b","after":["a"]})",
                        R"(,"calls":[{"step":"a","does":{"takes":"2m","await":{"kind":"payment"}}}],
      "do":[{"start":"w"},{"at":"1m","signal":"w","step":"a"},{"at":"1h","pause":"w"},
            {"at":"2h","signal":"w","step":"a","payload":{"paid":7}},{"at":"3h","signal":"w","step":"a"},
            {"at":"4h","resume":"w","context":{"x":1}}],
      "expect":{"w":{"state":"completed","results":{"a":{"paid":7}},"context":{"paid":7,"x":1},
                     "invocations":{"a":1}}})"));
  EXPECT_EQ(codes_refused(report), (Strings{"invalid_transition", "invalid_transition"}));
  EXPECT_EQ(fates(report), (Strings{"a returned 1 at 0ms", "b returned 1 at 4h"}));
}

// What fails leaves a letter; the letters of four runs are retried alone and together, discarded and pruned.
TEST(Language, DeadLettersAreTriedAgainDiscardedAndPruned) {
  const bj::object report = report_of(case_with(
      R"({"name":"w","dead_letter":true,"steps":[{"name":"a","max_retries":0}]},
         {"name":"v","dead_letter":true,"steps":[{"name":"a","max_retries":0}]})",
      R"(,"calls":[{"run":"again","does":{"ok":1}},{"run":"w#1","does":{"ok":2}},{"does":{"fail":"bad"}}],
      "do":[{"start":"w","as":"one"},{"start":"w","as":"two"},{"start":"v","as":"three"},
            {"at":"1h","start":"v","as":"four"},{"at":"1h","start":"v","as":"five"},
            {"at":"2h","retry_letter":"one","as":"again"},{"at":"2h","retry_letter":"one"},
            {"at":"2h","retry_letters":{"workflow":"p::w","code":"bad"}},
            {"at":"2h","discard_letter":"four"},{"at":"2h","discard_letter":"four"},
            {"at":"2h","prune_letters":{"workflow":"v","older_than":"90m"}}],"until":"3h",
      "expect":{"one":{"state":"failed","dead_letter":false},"two":{"dead_letter":false},
                "three":{"dead_letter":false},"four":{"dead_letter":false},"five":{"dead_letter":true},
                "again":{"state":"completed","results":{"a":1}},"w#1":{"state":"completed","results":{"a":2}}})"));
  EXPECT_EQ(codes_refused(report), (Strings{"not_found", "not_found"}));
  EXPECT_EQ(runs_of(report).size(), 7u);
  const auto wrong = run(case_of(R"({"name":"a"})", R"(,"expect":{"w":{"dead_letter":true}})"));
  ASSERT_TRUE(wrong);
  ASSERT_EQ(wrong->differences.size(), 1u);
  EXPECT_EQ(wrong->differences[0].message, "'w' has left no dead letter that waits");
}

TEST(Language, ABreakerIsClosedByHandAfterWhatTheTenantsJournalSays) {
  const bj::object report = report_of(case_of(
      R"({"name":"a","max_retries":0,
          "circuit_breaker":"bank","circuit_breaker_opts":{"failure_threshold":1,"reset_timeout":"9h"}})",
      R"(,"calls":[{"run":"one","does":{"takes":"5m","fail":"down"}}],
      "do":[{"start":"w","as":"one"},{"at":"6m","start":"w","as":"two"},
            {"after":{"tenant":"t","event":"circuit.trip"},"at":"2m","reset_breaker":"bank","by":"kim"},
            {"at":"8m","start":"w","as":"three"},{"at":"9m","reset_breaker":"none"}],
      "expect":{"one":{"state":"failed"},"two":{"error":"circuit_open"},"three":{"state":"completed"}})"));
  EXPECT_EQ(codes_refused(report), Strings{"not_found"});
  EXPECT_NE(bj::serialize(report.at("journal")).find("\"by\":\"kim\""), std::string::npos);
}

TEST(Language, ManyRunsAreCancelledAtOnce) {
  report_of(
      case_with(R"({"name":"w","tags":["slow"],"steps":[{"name":"a"}]},{"name":"v","steps":[{"name":"a"}]})",
                R"(,"calls":[{"does":{"takes":"4m"}}],
      "do":[{"start":"w","as":"one"},{"start":"w","as":"two"},{"start":"v"},
            {"at":"1m","pause":"two"},
            {"at":"2m","cancel_all":{"workflow":"w","states":["paused"]},"reason":"lunch"},
            {"at":"3m","cancel_all":{"tag":"slow"}}],
      "expect":{"one":{"state":"cancelled"},"two":{"state":"cancelled"},"v":{"state":"completed"}})"));
}

TEST(Language, WorkflowsHaveFullNames) {
  const std::string scheduled =
      R"({"name":"w","schedule":{"every":"1h"},"steps":[{"name":"a"}]},{"name":"v","steps":[{"name":"a"}]})";
  const bj::object report = report_of(case_with(scheduled, R"(,"until":"3h",
      "do":[{"start":"t::p::v","as":"one"},{"pause_schedule":"t::p::w"},
            {"at":"90m","trigger_schedule":"t::p::w"},
            {"at":"2h","cancel_all":{"workflow":"t::p::v"}}],
      "expect":{"one":{"state":"completed"}})"));
  EXPECT_EQ(runs_of(report), (Strings{"one", "w#1"})) << bj::serialize(report.at("runs"));
  EXPECT_EQ(codes_refused(report), Strings{});
  EXPECT_EQ(problems_of("{\"definition\":\"flow.json\",\"do\":[{\"start\":\"w\"},\n"
                        "{\"cancel_all\":{\"workflow\":\"vv\"}},\n{\"retry_letters\":{\"package\":\"q\"}},\n"
                        "{\"pause_schedule\":\"u::p::w\",\"tenant\":\"t\"}]}"),
            (Strings{"invalid_value 2:1", "invalid_value 3:1", "invalid_value 4:2"}));
}

// R48: what asks for more than the host has is not deployed; what had been waits when the host comes back
// with less, and goes on with one that has enough.
TEST(Language, R48TheHostMayComeBackWithOtherResources) {
  const std::string needs =
      R"({"schema":1,"package":{"name":"p","version":"VERSION"},"workflows":[{"name":"w",
      "steps":[{"name":"a"},{"name":"b","after":["a"],"resources":{"gpu":N}}]}]})";
  const auto of = [&](std::string version, std::string gpus) {
    std::string text = needs;
    text.replace(text.find("VERSION"), 7, version);
    return text.replace(text.find("N}"), 1, gpus);
  };
  const bj::object report =
      report_of(R"({"host":{"resources":{"gpu":1}},"definitions":[{"document":)" + of("1.0.0", "1") +
                R"(},{"as":"v2","deployed":false,"document":)" + of("2.0.0", "2") + R"(}],
      "calls":[{"step":"a","does":{"takes":"1m"}}],
      "do":[{"start":"w"},{"at":"1s","deploy":"v2"},{"at":"2s","crash":true,"resources":{}},
            {"at":"1h","start":"w","as":"refused"},{"at":"2h","down":"1h","resources":{"gpu":2}},
            {"at":"4h","deploy":"v2"},{"at":"5h","start":"w","as":"later"}],
      "expect":{"w":{"state":"completed"},"later":{"state":"completed"}}})");
  EXPECT_EQ(codes_refused(report), (Strings{"resources_insufficient", "resources_insufficient"}));
  EXPECT_EQ(fates(report), (Strings{"a lost 1 at 0ms", "a returned 1 at 2s", "b returned 1 at 3h",
                                    "a returned 1 at 5h", "b returned 1 at 5h1m"}));
}

TEST(Language, R33PackagesThatShareABreakerMustAgree) {
  const auto of = [](const std::string& package, const std::string& threshold) {
    return R"({"schema":1,"package":{"name":")" + package +
           R"(","version":"1.0.0"},"workflows":[{"name":"w","steps":[{"name":"a",
           "circuit_breaker":"bank","circuit_breaker_opts":{"failure_threshold":)" +
           threshold + "}}]}]}";
  };
  const bj::object report = report_of(
      R"({"definitions":[{"document":)" + of("p", "1") + R"(},{"as":"q","deployed":false,"document":)" +
      of("q", "2") + R"(},{"as":"r","tenant":"other","deployed":false,"document":)" + of("r", "2") +
      R"(}],"do":[{"start":"w"},{"deploy":"q"},{"deploy":"r"},{"start":"w","as":"theirs","tenant":"other"}],
                "expect":{"theirs":{"state":"completed"}}})");
  EXPECT_EQ(codes_refused(report), Strings{"breaker_mismatch"});
}

TEST(Language, WhatOrdersLackIsTold) {
  EXPECT_EQ(problems_of("{\"definition\":\"flow.json\",\"do\":[{\"start\":\"w\"},\n{\"approve\":\"w\"},\n"
                        "{\"rerun\":\"w\",\"from\":\"a\"},\n{\"backfill\":\"w\"},\n"
                        "{\"resume\":\"w\",\"action\":\"retri\"},\n{\"pause\":\"w\",\"from\":\"a\"}]}"),
            (Strings{"missing_key 2:2", "missing_key 3:2", "missing_key 4:2", "missing_key 4:2",
                     "invalid_value 5:15", "invalid_value 6:14"}));
  EXPECT_EQ(problems_of("{\"definition\":\"flow.json\",\"do\":[{\"start\":\"w\"},\n{\"signal\":\"w\"},\n"
                        "{\"cancel_all\":{\"tga\":\"x\"}},\n{\"retry_letters\":{\"older_than\":\"1h\"}},\n"
                        "{\"discard_letter\":\"v\"},\n"
                        "{\"after\":{\"run\":\"w\",\"tenant\":\"t\",\"event\":\"x\"},\"crash\":true}]}"),
            (Strings{"missing_key 2:2", "unknown_key 3:16", "unknown_key 4:19", "invalid_value 5:1",
                     "invalid_value 6:2"}));
}

// R69
TEST(Language, AWorkflowIsNamedInFullWhereverItIsNamed) {
  const char* const kDefinition =
      R"({"definitions":[{"tenant":"acme","document":{"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[
        {"name":"w","dead_letter":true,"steps":[{"name":"a","max_retries":0}]},
        {"name":"v","schedule":{"every":"1h"},"steps":[{"name":"a"}]}]}}],)";
  const bj::object report = report_of(std::string(kDefinition) + R"(
      "calls":[{"workflow":"acme::p::w","run":"two","step":"a","does":{"hangs":true}},
               {"workflow":"acme::p::w","step":"a","does":{"fail":"no"}}],"until":"5h",
      "do":[{"start":"acme::p::w","as":"one"},
            {"start":"acme::p::w","as":"two"},
            {"at":"1m","retry_letters":{"workflow":"acme::p::w"}},
            {"at":"2m","cancel_all":{"workflow":"acme::p::w"}},
            {"at":"3m","trigger_schedule":"acme::p::v"},
            {"at":"4m","pause_schedule":"acme::p::v"},
            {"at":"4h","resume_schedule":"acme::p::v"},
            {"at":"4h","backfill":"acme::p::v","from":"2026-01-01T01:00:00Z","to":"2026-01-01T01:00:00Z"},
            {"at":"4h","prune_letters":{"workflow":"acme::p::w"}}],
      "expect":{"one":{"state":"failed"},"two":{"state":"cancelled"},"w#1":{"state":"failed"},"v#1":{"state":"completed"},
                "v#2":{"state":"completed"}}})");
  EXPECT_TRUE(report.at("refused").as_array().empty()) << bj::serialize(report.at("refused"));

  EXPECT_EQ(problems_of(std::string(kDefinition) + R"("do":[{"start":"acme::p::w","tenant":"other"}]})"),
            std::vector<std::string>{"invalid_value 3:82"});
  EXPECT_EQ(problems_of(std::string(kDefinition) + R"("do":[{"start":"a::b::c::d"}]})").size(), 1u);
}

}  // namespace
}  // namespace pirn::sim
