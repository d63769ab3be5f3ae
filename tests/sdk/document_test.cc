// What the SDK prints is what the host reads.
#include <gtest/gtest.h>

#include "packager/definition/definition.h"
#include "tests/sdk/documents.h"

namespace {

using pirn::definition::Definition;

TEST(Document, MacrosAndBuilderPrintTheSameBytes) {
  EXPECT_EQ(documents::by_macro(), documents::by_builder());
  EXPECT_NE(documents::by_macro().find("\"at\":\"data_export.cc:1\""), std::string::npos)
      << documents::by_macro();
}

TEST(Document, TheHostReadsWhatWasDeclared) {
  auto parsed = pirn::definition::parse(documents::by_macro(), "definition", nullptr);
  ASSERT_TRUE(parsed) << describe(parsed.error());
  const Definition& definition = parsed.value();
  EXPECT_EQ(definition.package, "export");
  EXPECT_EQ(definition.licence, "MIT");
  ASSERT_EQ(definition.workflows.size(), 1u);
  const auto& workflow = definition.workflows[0];
  EXPECT_EQ(workflow.timeout_ns, 3'600'000'000'000);
  EXPECT_EQ(workflow.step_concurrency, 4u);
  ASSERT_EQ(workflow.steps.size(), 5u);
  const auto& fetch = workflow.steps[0];
  EXPECT_EQ(fetch.retry.max_retries, 5u);
  EXPECT_EQ(fetch.retry.backoff.multiplier, 3.0);
  EXPECT_EQ(fetch.retry.max_delay_ns, 300'000'000'000);
  EXPECT_EQ(fetch.retry.retry_on.size(), 2u);
  EXPECT_EQ(fetch.retry.no_retry_on.at(0).details, R"({"status":404})");
  EXPECT_EQ(workflow.steps[1].params, R"({"args":["s3",3],"region":"eu"})");
  EXPECT_EQ(workflow.steps[2].retry.backoff.table_ns, (std::vector<int64_t>{1'000'000'000, 90'000'000'000}));
  EXPECT_EQ(workflow.steps[3].after, (std::vector<uint32_t>{1, 2}));
  EXPECT_EQ(workflow.steps[3].when.function, "is_large");
  EXPECT_FALSE(workflow.steps[3].cancellable);
  EXPECT_EQ(workflow.steps[4].name, "all-done");
  EXPECT_EQ(workflow.steps[4].task, "finish");
  EXPECT_EQ(workflow.steps[4].hooks.on_finish, "note");
}

TEST(Document, StepsMayBeAddedInALoop) {
  auto parsed = pirn::definition::parse(documents::loop(), "definition", nullptr);
  ASSERT_TRUE(parsed) << describe(parsed.error());
  ASSERT_EQ(parsed->workflows.at(0).steps.size(), 4u);
  EXPECT_EQ(parsed->workflows[0].steps[3].name, "chunk_2");
  EXPECT_EQ(parsed->workflows[0].steps[3].task, "finish");
}

// The SDK knows the whole language under the host's names: what the engine does not enforce is refused by its
// name (unsupported), and nothing is unknown.
TEST(Document, TheHostKnowsEveryKeyThatTheSdkPrints) {
  EXPECT_NE(documents::whole_language().find("\"rollback\":\"reversible_rollback\""), std::string::npos);
  auto parsed = pirn::definition::parse(documents::whole_language(), "definition", nullptr);
  if (parsed) return;
  for (const pirn::Error& problem : parsed.error().causes)
    EXPECT_EQ(problem.code, pirn::Code::unsupported) << describe(problem);
}

}  // namespace
