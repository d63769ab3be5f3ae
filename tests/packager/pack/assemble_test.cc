#include <gtest/gtest.h>

#include <algorithm>

#include "packager/archive/verify.h"
#include "tests/packager/pack/sample.h"

namespace pirn::pack {
namespace {

Code refusal(Content content) {
  const auto assembled = assemble(std::move(content));
  EXPECT_FALSE(assembled);
  return assembled ? Code::internal : assembled.error().code;
}

TEST(Assemble, MakesAPackageThatReadsBack) {
  const auto assembled = assemble(sample_content());
  ASSERT_TRUE(assembled) << describe(assembled.error());
  archive::MemorySource source(assembled->bytes);
  const auto read = archive::read_unverified(source);
  ASSERT_TRUE(read) << describe(read.error());
  EXPECT_EQ(read->manifest, assembled->manifest);
  EXPECT_TRUE(read->signatures.empty());
  const archive::Manifest& m = read->manifest;
  EXPECT_EQ(m.serial, 1'000'002'000'003);
  EXPECT_EQ(m.author, "Ada");          // the definition's
  EXPECT_EQ(m.licence, "Apache-2.0");  // package.toml's
  EXPECT_EQ(m.functions.size(), 2u);
  EXPECT_EQ(m.functions[0].id, "bye");
  ASSERT_EQ(m.libraries.size(), 1u);
  EXPECT_EQ(m.libraries[0].needed, (std::vector<std::string>{"libc.so.6", "libm.so.6"}));
  EXPECT_EQ(read->payload.bytes(m.libraries[0].path), "\177ELF");
  EXPECT_EQ(read->payload.bytes("assets/a.txt"), "asset");
}

TEST(Assemble, DefinitionsAreFilesWhoseDigestsAreTheWorkflows) {
  const auto assembled = assemble(sample_content());
  ASSERT_TRUE(assembled);
  archive::MemorySource source(assembled->bytes);
  const auto read = archive::read_unverified(source);
  const auto definition =
      definition::parse(archive::definition_document(read->manifest, read->payload), "document", nullptr);
  ASSERT_TRUE(definition) << describe(definition.error());
  ASSERT_EQ(definition->workflows.size(), 2u);
  for (const definition::Workflow& workflow : definition->workflows) {
    const auto entry = std::find_if(read->manifest.workflows.begin(), read->manifest.workflows.end(),
                                    [&](const auto& w) { return w.name == workflow.name; });
    ASSERT_NE(entry, read->manifest.workflows.end());
    EXPECT_EQ(entry->sha256, definition::digest(workflow));
  }
}

TEST(Assemble, WarnsOfTimesThatContradictEachOther) {
  EXPECT_TRUE(assemble(sample_content())->warnings.empty());
  Content content = sample_content();
  content.definition_json =
      R"({"schema":1,"package":{"name":"hello","version":"1.2.3"},"workflows":[{"name":"w","timeout":"1h","steps":[
        {"name":"fits","task":"bye","estimate":"5m"},
        {"name":"slow","task":"bye","estimate":"6m","at":"src/a.cc:7"},
        {"name":"long","task":"bye","timeout":"2h","estimate":"2h"}]}]})";
  const auto assembled = assemble(std::move(content));
  ASSERT_TRUE(assembled) << describe(assembled.error());
  ASSERT_EQ(assembled->warnings.size(), 2u);
  const definition::Warning& slow = assembled->warnings[0];
  EXPECT_EQ(slow.message,
            "the step 'slow' of the workflow 'w' is estimated to take 6m, longer than its timeout of 5m: it "
            "would time out every time");
  EXPECT_EQ(slow.where.file, "src/a.cc");
  EXPECT_EQ(slow.where.line, 7u);
  EXPECT_EQ(assembled->warnings[1].message,
            "the step 'long' of the workflow 'w' is estimated to take 2h, longer than the workflow's "
            "timeout of 1h");
}

TEST(Assemble, WarnsOfErrorCodesThatNobodyCanGive) {
  Content content = sample_content();
  content.definition_json =
      R"({"schema":1,"package":{"name":"hello","version":"1.2.3"},"workflows":[{"name":"w","retry_on":["Busy"],"steps":[
        {"name":"a","task":"bye","no_retry_on":["fine",{"code":"HTTP 500"}]},
        {"name":"b","task":"bye","recovery":[{"on":["Gone"],"action":"skip"}]}]}]})";
  const auto assembled = assemble(std::move(content));
  ASSERT_TRUE(assembled) << describe(assembled.error());
  ASSERT_EQ(assembled->warnings.size(), 3u);
  EXPECT_EQ(
      assembled->warnings[1].message,
      "the error code 'HTTP 500' of the step 'a' of the workflow 'w' does not match [a-z0-9_.-]{1,64}; the "
      "host compares it as 'http_500'");
}

TEST(Assemble, SameContentSameBytes) {
  Content shuffled = sample_content();
  std::reverse(shuffled.functions.begin(), shuffled.functions.end());
  std::reverse(shuffled.libraries[0].needed.begin(), shuffled.libraries[0].needed.end());
  EXPECT_EQ(assemble(sample_content())->bytes, assemble(shuffled)->bytes);
  Content changed = sample_content();
  changed.files[0].bytes += "!";
  EXPECT_NE(assemble(sample_content())->bytes, assemble(changed)->bytes);
}

TEST(Assemble, RefusesWhatDoesNotFitTogether) {
  Content other = sample_content();
  other.version = "1.2.4";
  EXPECT_EQ(refusal(other), Code::definition_invalid);
  Content unknown = sample_content();
  unknown.functions = {{"greet", 1}};
  EXPECT_EQ(refusal(unknown), Code::definition_invalid);
  Content path = sample_content();
  path.files = {{"Assets/A.txt", ""}};
  EXPECT_EQ(refusal(path), Code::path_refused);
  Content twice = sample_content();
  twice.files.push_back(twice.files[0]);
  EXPECT_EQ(refusal(twice), Code::path_duplicate);
}

TEST(Assemble, PreReleasesNeedASerial) {
  Content content = sample_content();
  content.version = "1.2.3-rc.1";
  content.definition_json.replace(content.definition_json.find("1.2.3"), 5, "1.2.3-rc.1");
  EXPECT_EQ(refusal(content), Code::serial_underivable);
  content.description.serial = 7;
  EXPECT_EQ(assemble(content)->manifest.serial, 7);
}

}  // namespace
}  // namespace pirn::pack
