#include <gtest/gtest.h>

#include <pirn/testkit.hpp>
#include <string>
#include <vector>

using namespace pirn::literals;
using pirn::testkit::Workflow;
using Strings = std::vector<std::string>;

namespace {

pirn::Fields points(double (*y)(int)) {
  std::vector<pirn::json::Text> list;
  for (int x = 0; x < 10; ++x) list.push_back(pirn::json::array({x, y(x)}));
  return {{"points", list}};
}

TEST(DataScience, PublishesTheBetterModel) {
  Workflow science("data_science");
  science.start(points([](int x) { return 2.0 * x + 1; })).run();
  ASSERT_TRUE(science.completed()) << science.text();
  EXPECT_EQ(science.get<std::string>("published"), "line");
  EXPECT_LT(science.get<double>("error"), 1e-9);
}

TEST(DataScience, PublishesNoneThatIsBad) {
  Workflow science("data_science");
  science.start(points([](int x) { return x % 4 < 2 ? 100.0 : -100.0; })).run();
  ASSERT_TRUE(science.completed()) << science.text();
  EXPECT_FALSE(science.has("published"));
  EXPECT_EQ(science.step("publish_model").skip_kind, "condition");
}

TEST(DataScience, NeedsPoints) {
  Workflow science("data_science");
  science.start({{"points", pirn::json::array({})}}).run();
  EXPECT_EQ(science.error_code(), "too_few_points") << science.text();
}

const pirn::Fields kSource = {{"source", pirn::json::array({100, 200})}};

TEST(Etl, LoadsWhatItConverted) {
  Workflow etl("etl");
  etl.start(kSource).run();
  ASSERT_TRUE(etl.completed()) << etl.text();
  EXPECT_EQ(etl.get<std::vector<int64_t>>("rows"), (std::vector<int64_t>{125, 250}));
}

TEST(Etl, RecoversByItsRules) {
  Workflow slow("etl"), rates("etl"), duplicate("etl");
  slow.fail_first("extract_rows", 5, "timeout").start(kSource).run();
  EXPECT_TRUE(slow.completed()) << slow.text();
  EXPECT_EQ(slow.elapsed(), 10_s);
  rates.fail_first("extract_rates", 2, "no_rates").start(kSource).run();
  ASSERT_TRUE(rates.completed()) << rates.text();
  EXPECT_EQ(rates.get<std::string>("because_of"), "no_rates");
  EXPECT_EQ(rates.get<std::vector<int64_t>>("rows"), (std::vector<int64_t>{110, 220}));
  duplicate.script("load_rows", {pirn::fail("database", "duplicate key")}).start(kSource).run();
  EXPECT_TRUE(duplicate.completed()) << duplicate.text();
  EXPECT_EQ(duplicate.step("load_rows").skip_kind, "recovery");
}

TEST(Etl, AsksAPersonWhenTheSchemaHasChanged) {
  Workflow mended("etl"), given_up("etl");
  mended.fail_first("load_rows", 1, "schema_changed").start(kSource);
  EXPECT_EQ(mended.state(), "paused") << mended.text();
  mended.resume({}, "load_rows", "retry").run();
  EXPECT_TRUE(mended.completed()) << mended.text();
  given_up.fail_first("load_rows", 1, "schema_changed").start(kSource).resume({}, "load_rows", "fail").run();
  EXPECT_EQ(given_up.error_code(), "schema_changed") << given_up.text();
}

const pirn::Fields kCommit = {{"commit", "c0ffee"}, {"running", "app-beef"}};

TEST(Devops, DeploysWhatIsTested) {
  Workflow devops("devops");
  devops.fail_first("integration_tests", 2, "no_network", pirn::transient).fail_first("lint", 4);
  devops.start(kCommit).run();
  ASSERT_TRUE(devops.completed()) << devops.text();
  EXPECT_EQ(devops.messages(), Strings{"deployed app-c0ffee"});
}

TEST(Devops, DeploysNothingThatFailsItsTests) {
  Workflow unit("devops"), integration("devops");
  unit.fail_first("unit_tests", 1).start(kCommit).run();
  EXPECT_EQ(unit.state(), "failed") << unit.text();
  EXPECT_EQ(unit.step("deploy").invocations, 0u);
  integration.fail_first("integration_tests", 1, "wrong_answer").start(kCommit).run();
  EXPECT_EQ(integration.error_code(), "wrong_answer") << integration.text();
}

TEST(Devops, TakesBackWhatDoesNotAnswer) {
  Workflow devops("devops");
  devops.fail_first("smoke_test", 2, "no_answer").start(kCommit).run();
  EXPECT_EQ(devops.error_code(), "no_answer") << devops.text();
  EXPECT_EQ(devops.messages(), (Strings{"deployed app-c0ffee", "back to app-beef"}));
}

TEST(Research, FindsTheBestParameters) {
  Workflow research("research");
  research.start().run();
  ASSERT_TRUE(research.completed()) << research.text();
  EXPECT_EQ(research.get<double>("best_rate"), 0.4);
  EXPECT_EQ(research.step("run_6").skip_kind, "requested") << "it diverges";
}

TEST(Research, FailsWithoutAResult) {
  Workflow research("research");
  research.script("experiment", {pirn::skip("it diverges")}).start().run();
  EXPECT_EQ(research.error_code(), "no_result") << research.text();
}

pirn::Fields claim(int64_t amount) { return {{"customer", "eve"}, {"amount", amount}}; }

TEST(BusinessProcess, PaysSmallClaimsAtOnce) {
  Workflow small("business_process");
  small.start(claim(500));
  ASSERT_TRUE(small.completed()) << small.text();
  EXPECT_EQ(small.get<std::string>("settled_by"), "rule");
  EXPECT_EQ(small.messages(), Strings{"paid 500 for claim:eve"});
}

TEST(BusinessProcess, AsksTwoPeopleForLargeOnes) {
  Workflow large("business_process");
  large.start(claim(501)).approve("ask_lawyer");
  EXPECT_EQ(large.state(), "paused") << large.text();
  large.approve("ask_adjuster").run();
  ASSERT_TRUE(large.completed()) << large.text();
  EXPECT_EQ(large.messages(), Strings{"paid 501 for claim:eve"});
}

TEST(BusinessProcess, PaysNothingThatIsRefusedOrForgotten) {
  Workflow refused("business_process"), forgotten("business_process"), nothing("business_process");
  refused.start(claim(501)).approve("ask_adjuster").reject("ask_lawyer").run();
  EXPECT_EQ(refused.error_code(), "claim_refused") << refused.text();
  EXPECT_EQ(refused.messages(), Strings{});
  forgotten.start(claim(501)).run();
  EXPECT_EQ(forgotten.error_code(), "await_timeout") << forgotten.text();
  nothing.start(claim(0)).run();
  EXPECT_EQ(nothing.error_code(), "invalid_amount") << nothing.text();
}

}  // namespace
