#include "tests/host/simulate/report.h"

namespace pirn::sim {
namespace {

TEST(Simulate, TheExampleOfThePageComesOutAsItSays) {
  const std::string page = text_of_file("docs/reference/simulate.md");
  const size_t begin = page.find("```json\n") + 8;
  const bj::object report = report_of(page.substr(begin, page.find("```", begin) - begin));
  EXPECT_EQ(fates(report),
            (Strings{"reserve returned 1 at 0ms", "reserve returned 2 at 3s", "charge lost 1 at 3s",
                     "charge returned 1 at 1m6s", "mail returned 1 at 1m16s"}));
  EXPECT_EQ(report.at("until").as_string(), "1m16s");
}

TEST(Simulate, ALoneWorkflowStartsByItselfAndAFileHoldsTheDefinition) {
  const bj::object report = report_of(
      R"({"definition":"flow.json","input":{"x":1},"expect":{"w":{"state":"completed","context":{"x":1}}}})");
  EXPECT_EQ(report.at("calls").as_array().size(), 1u);
}

TEST(Simulate, WhatDiffersIsToldWithItsPlace) {
  const auto simulated =
      run(case_of(R"({"name":"a","when":{"path":"x","exists":true}})",
                  ",\n\"expect\":{\"w\":{\"state\":\"failed\",\"steps\":{\"a\":\"skipped(condition)\"},"
                  "\"results\":{\"b\":1}}}"));
  ASSERT_TRUE(simulated);
  ASSERT_EQ(simulated->differences.size(), 2u);
  EXPECT_EQ(simulated->differences[0].message, "the state of 'w' is completed, not failed");
  EXPECT_EQ(simulated->differences[1].message, "'w' has no step 'b'");
  EXPECT_EQ(simulated->differences[0].where.line, 2u);
}

TEST(Simulate, EveryMistakeIsToldAtOnceWithItsPlace) {
  EXPECT_EQ(
      problems_of("{\n\"definition\":\"flow.json\",\n\"calls\":[{\"step\":\"a\",\"does\":{\"taks\":1}},\n"
                  "{\"step\":\"a\",\"does\":{\"ok\":1,\"fail\":\"x\"}}],\n"
                  "\"do\":[{\"start\":\"w\"},{\"pauze\":\"w\"},\n{\"cancel\":\"v\"},\n{\"at\":\"1y\","
                  "\"crash\":true}]}"),
      (Strings{"unknown_key 3:30", "invalid_value 4:28", "unknown_key 5:22", "invalid_value 6:1",
               "invalid_duration 7:2"}));
  EXPECT_EQ(problems_of(R"({"definition":"gone.json"})"), Strings{"not_found 1:2"});
  EXPECT_EQ(problems_of("[]"), Strings{"wrong_type 1:1"});
  // The problems of a definition within are places of the case.
  const auto inner = run("{\"definition\":\n{\"schema\":1,\n\"packag\":{}}}");
  ASSERT_FALSE(inner);
  ASSERT_FALSE(inner.error().causes.empty());
  EXPECT_EQ(inner.error().causes[0].causes.at(0).where.file, "case.json");
  EXPECT_GE(inner.error().causes[0].causes.at(0).where.line, 2u);
}

TEST(Simulate, CommandsAreCarriedOutAtTheirMoment) {
  const bj::object report =
      report_of(case_of(R"({"name":"a"},{"name":"b","after":["a"]})",
                        R"(,"calls":[{"step":"b","does":{"takes":"1h","ignores_cancel":true}}],
              "do":[{"start":"w","as":"one"},
                    {"after":{"run":"one","commit":2},"at":"10s","cancel":"one","reason":"enough"},
                    {"at":"1m","cancel":"one"}],
              "expect":{"one":{"state":"cancelled","steps":{"a":"completed","b":"cancelled"}}})"));
  EXPECT_EQ(fates(report), (Strings{"a returned 1 at 0ms", "b abandoned 1 at 0ms"}));
  EXPECT_EQ(report.at("until").as_string(), "1m");  // the grace is over after 40 s
  ASSERT_EQ(report.at("refused").as_array().size(), 1u);
  EXPECT_EQ(report.at("refused").as_array()[0].at("code").as_string(), "invalid_transition");
}

TEST(Simulate, AHostThatIsDownAnswersNobodyAndComesBack) {
  const bj::object report =
      report_of(case_of(R"({"name":"a"})", R"(,"calls":[{"step":"a","does":{"takes":"5s"}}],
      "do":[{"start":"w"},{"at":"1s","down":"10s"},{"at":"2s","cancel":"w"}],
      "expect":{"w":{"state":"completed"}})"));
  EXPECT_EQ(report.at("refused").as_array()[0].at("code").as_string(), "unreachable");
  EXPECT_EQ(fates(report), (Strings{"a lost 1 at 0ms", "a returned 1 at 11s"}));
}

TEST(Simulate, ACallThatTakesTheHostWithItIsCalledAgain) {
  const bj::object report =
      report_of(case_of(R"({"name":"a"})",
                        R"(,"calls":[{"step":"a","does":{"takes":"1s","kills_host":2,"ok":7}}],
      "expect":{"w":{"state":"completed","results":{"a":7}}})"));
  EXPECT_EQ(fates(report), (Strings{"a lost 1 at 0ms", "a lost 1 at 1s", "a returned 1 at 2s"}));
}

TEST(Simulate, ACallThatTakesTheHostWithItWithoutATraceIsFound) {
  const bj::object report = report_of(
      case_of(R"({"name":"bomb","max_crashes":0,"on_error":"continue"},{"name":"b"})",
              R"x(,"calls":[{"step":"bomb","does":{"takes":"10ms","kills_host":9,"without_trace":true}},
                   {"step":"b","does":{"takes":"1s"}}],
      "expect":{"w":{"state":"completed","steps":{"bomb":"failed(tolerated)","b":"completed"}}})x"));
  EXPECT_EQ(fates(report), (Strings{"bomb lost 1 at 0ms", "b lost 1 at 0ms", "bomb lost 1 at 10ms",
                                    "b returned 1 at 20ms"}));
}

TEST(Simulate, AfterACrashWithoutATraceWhatRanRunsAgainAlone) {
  const bj::object report =
      report_of(case_of(R"({"name":"a"},{"name":"b"})", R"(,"calls":[{"step":"a","does":{"takes":"100ms"}},
                   {"step":"b","does":{"takes":"100ms"}}],
      "do":[{"start":"w"},{"at":"50ms","crash":true,"without_trace":true}],
      "expect":{"w":{"state":"completed"}})"));
  EXPECT_EQ(fates(report),
            (Strings{"a lost 1 at 0ms", "b lost 1 at 0ms", "a returned 1 at 50ms", "b returned 1 at 150ms"}));
}

TEST(Simulate, ACommitThatFailsTakesTheHostWithIt) {
  for (const char* how : {"nothing_written", "uncertain"}) {
    const bj::object report =
        report_of(case_of(R"({"name":"a"})", R"(,"calls":[{"step":"a","does":{"takes":"2s","ok":{"x":1}}}],
      "do":[{"start":"w"},{"at":"1s","fail_commit":")" +
                                                 std::string(how) + R"("}],
      "expect":{"w":{"state":"completed","context":{"x":1}}})"));
    EXPECT_EQ(report.at("calls").as_array().size(), how == std::string("uncertain") ? 1u : 2u);
  }
}

TEST(Simulate, AReleaseIsDeployedWhileAnExecutionRuns) {
  const std::string document =
      R"({"schema":1,"package":{"name":"p","version":"VERSION"},"workflows":[{"name":"w","steps":[{"name":"NAME"}]}]})";
  const auto of = [&](std::string version, std::string name) {
    std::string text = document;
    text.replace(text.find("VERSION"), 7, version);
    return text.replace(text.find("NAME"), 4, name);
  };
  report_of(R"({"definitions":[{"document":)" + of("1.0.0", "old") +
            R"(},{"as":"v2","deployed":false,"document":)" + of("2.0.0", "new") + R"(}],
      "do":[{"start":"w","as":"before"},{"at":"1s","deploy":"v2"},{"at":"2s","start":"w","as":"later"}],
      "calls":[{"step":"old","does":{"takes":"1m"}}],
      "expect":{"before":{"steps":{"old":"completed"}},"later":{"steps":{"new":"completed"}}}})");
}

TEST(Simulate, WhatNeverComesToRestIsCutShort) {
  const bj::object report = report_of(case_of(R"({"name":"a","timeout":"infinity"})",
                                              R"(,"calls":[{"step":"a","does":{"hangs":true}}],"until":"1h",
      "do":[{"start":"w"},{"at":"2h","cancel":"w"}],"expect":{"w":{"state":"running"}})"));
  EXPECT_EQ(report.at("cut_short").as_string(), "the case ends here: \"until\"");
}

// Of two steps that may run together the second waits: for the only device, or for its turn.
TEST(Simulate, ResourcesAndStrategiesDecideWhenStepsRun) {
  const auto second_call = [](const std::string& steps, const std::string& rest) {
    const bj::object report = report_of(case_of(steps, R"(,"calls":[{"does":{"takes":"1m"}}],)" + rest));
    return std::string(report.at("calls").as_array().at(1).at("t").as_string());
  };
  const std::string two = R"({"name":"a"},{"name":"b"})";
  EXPECT_EQ(second_call(two, R"("do":[{"start":"w"}])"), "0ms");
  EXPECT_EQ(second_call(two, R"("do":[{"start":"w","strategy":"sequential"}])"), "1m");
  const std::string need = R"({"name":"a","resources":{"gpu":1}},{"name":"b","resources":{"gpu":1}})";
  EXPECT_EQ(second_call(need, R"("do":[{"start":"w"}])"), "0ms") << "unless it is said there is enough";
  EXPECT_EQ(second_call(need, R"("do":[{"start":"w"}],"host":{"resources":{"gpu":1}})"), "1m");
  EXPECT_EQ(problems_of(R"({"definition":"flow.json","host":{"resources":{"GPU":1,"cpu":-1}}})"),
            (Strings{"invalid_name 1:48", "invalid_value 1:56"}));
}

TEST(Simulate, TheSchemaHasTheKeysOfTheReader) {
  const bj::object schema = bj::parse(text_of_file("docs/reference/simulate.schema.json")).as_object();
  const auto unknown = [](const std::string& text) {
    const auto simulated = run(text);
    if (simulated) return false;
    for (const Error& cause : simulated.error().causes)
      if (cause.code == Code::unknown_key || cause.code == Code::unsupported) return true;
    return false;
  };
  const auto all_known = [&](const bj::value& properties, const std::string& before,
                             const std::string& after) {
    for (const auto& property : properties.as_object())
      EXPECT_FALSE(unknown(before + "\"" + std::string(property.key()) + "\":null" + after))
          << property.key();
    EXPECT_TRUE(unknown(before + "\"nonsense\":null" + after)) << before;
  };
  const bj::value& defs = schema.at("$defs");
  all_known(schema.at("properties"), "{", "}");
  all_known(defs.at("published").at("properties"), R"({"definitions":[{)", "}]}");
  all_known(defs.at("host").at("properties"), R"({"host":{)", "}}");
  all_known(defs.at("call").at("properties"), R"({"calls":[{)", "}]}");
  all_known(defs.at("deed").at("properties"), R"({"calls":[{"does":{)", "}}]}");
  all_known(defs.at("error").at("properties"), R"({"calls":[{"does":{"fail":{)", "}}}]}");
  all_known(defs.at("emitted").at("properties"), R"({"calls":[{"does":{"emits":[{)", "}]}}]}");
  all_known(defs.at("await").at("properties"), R"({"calls":[{"does":{"await":{)", "}}}]}");
  all_known(defs.at("expansion").at("properties"), R"({"calls":[{"does":{"expand":{)", "}}}]}");
  all_known(defs.at("order").at("properties"), R"({"do":[{)", "}]}");
  const bj::value& order = defs.at("order").at("properties");
  all_known(order.at("cancel_all").at("properties"), R"({"do":[{"cancel_all":{)", "}}]}");
  all_known(order.at("prune_letters").at("properties"), R"({"do":[{"prune_letters":{)", "}}]}");
  all_known(defs.at("letters").at("properties"), R"({"do":[{"retry_letters":{)", "}}]}");
  all_known(defs.at("after").at("properties"), R"({"do":[{"after":{)", "}}]}");
  all_known(defs.at("expected").at("properties"), R"({"expect":{"w":{)", "}}}");
}

}  // namespace
}  // namespace pirn::sim
