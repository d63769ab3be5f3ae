// What the SDK prints is what the host reads.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <set>

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

namespace json = boost::json;

pirn::definition::Definition whole(const std::string& document) {
  auto parsed = pirn::definition::parse(document, "definition", nullptr);
  EXPECT_TRUE(parsed) << describe(parsed.error());
  return parsed ? *parsed : Definition();
}

// The keys of an object that the schema describes, without other ways to write the same.
std::set<std::string> keys_of_schema(std::string_view pointer) {
  std::ifstream file(PIRN_DEFINITION_SCHEMA);
  const json::value schema = json::parse(std::string(std::istreambuf_iterator<char>(file), {}));
  std::set<std::string> keys;
  for (const auto& member : schema.at_pointer({pointer.data(), pointer.size()}).as_object())
    keys.insert(std::string(member.key()));
  keys.erase("max_attempts");
  return keys;
}

std::set<std::string> keys_of(const std::vector<const json::object*>& objects) {
  std::set<std::string> keys;
  for (const json::object* object : objects)
    for (const auto& member : *object) keys.insert(std::string(member.key()));
  return keys;
}

// Every key of the language is an option of the SDK, and what the SDK prints is read.
TEST(Document, TheSdkHasTheWholeLanguage) {
  const std::string text = documents::whole_language();
  const Definition definition = whole(text);
  ASSERT_EQ(definition.workflows.size(), 4u);
  EXPECT_EQ(definition.find("everything")->find("reversible")->rollback, "reversible_rollback");
  EXPECT_EQ(definition.find("in")->schedule->in_ns, 1'800'000'000'000);

  const json::value document = json::parse(text);
  std::vector<const json::object*> workflows, steps, defaults, schedules;
  for (const json::value& workflow : document.at("workflows").as_array()) {
    workflows.push_back(&workflow.as_object());
    schedules.push_back(&workflow.at("schedule").as_object());
    for (const json::value& step : workflow.at("steps").as_array()) steps.push_back(&step.as_object());
    if (const json::value* found = workflow.as_object().if_contains("step_defaults"))
      defaults.push_back(&found->as_object());
  }
  EXPECT_EQ(keys_of(workflows), keys_of_schema("/definitions/workflow/properties"));
  EXPECT_EQ(keys_of(steps), keys_of_schema("/definitions/step/properties"));
  EXPECT_EQ(keys_of(defaults), keys_of_schema("/definitions/workflow/properties/step_defaults/properties"));
  EXPECT_EQ(keys_of(schedules), keys_of_schema("/definitions/schedule/properties"));
}

TEST(Document, EveryShapeOfTheBuilderIsWhatTheMacrosSay) {
  const Definition declared = whole(documents::shapes_by_macro()),
                   built = whole(documents::shapes_by_builder());
  ASSERT_EQ(declared.workflows.size(), 8u);
  ASSERT_EQ(built.workflows.size(), 8u);
  for (size_t i = 0; i < 8; ++i)
    EXPECT_EQ(declared.workflows[i].canonical, built.workflows[i].canonical) << declared.workflows[i].name;
}

}  // namespace
