// testkit::Workflow of a package that brings functions only: its workflows are written by hand.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <pirn/testkit.hpp>

using namespace pirn::literals;
using pirn::testkit::Workflow;

namespace {

PIRN_TASK(draft) { return pirn::ok({{"text", "Dear " + ctx.get<std::string>("name") + "!"}}); }
PIRN_TASK(post) { return pirn::ok({{"sent_by", ctx.param<std::string>("by")}}); }
PIRN_PACKAGE("letters", "1.0.0", draft, post)

// A file of this definition, gone with the object.
class File {
 public:
  explicit File(const std::string& text) : path_(testing::TempDir() + "pirn-definition-file.json") {
    std::ofstream(path_) << text;
  }
  ~File() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

std::string problem_of(const std::string& workflow, const std::string& file) {
  try {
    Workflow refused(workflow, file);
  } catch (const pirn::Error& error) {
    EXPECT_EQ(error.code(), "workflow_unusable");
    return error.what();
  }
  return "";
}
void says(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST(DefinitionFile, IsTheOneOfThePackagesDirectory) {
  Workflow slow("write");
  slow.takes("by_post", 20_h).start({{"name", "Ada"}}).run();
  EXPECT_TRUE(slow.completed()) << slow.text();
  EXPECT_EQ(slow.get<std::string>("sent_by"), "post");
  EXPECT_EQ(slow.step("by_courier").skip_kind, "condition");
  EXPECT_EQ(slow.elapsed(), 20_h);

  Workflow urgent("write");
  urgent.start({{"name", "Ada"}, {"express", true}}).run();
  EXPECT_EQ(urgent.get<std::string>("sent_by"), "courier");
}

TEST(DefinitionFile, MayBeAnother) {
  const File file(R"({"schema":1,"package":{"name":"letters","version":"1.0.0"},
    "workflows":[{"name":"note","steps":[{"name":"draft"}]}]})");
  Workflow note("note", file.path());
  note.start({{"name", "Ada"}}).run();
  EXPECT_EQ(note.get<std::string>("text"), "Dear Ada!");
  Workflow write("write");
  write.start({{"name", "Ada"}}).run();
  EXPECT_EQ(write.steps().size(), 3u) << "each test has the definition that it asked for";
}

TEST(DefinitionFile, ItsMistakesAreSaidWithTheirPlaces) {
  const File wrong(R"({"schema":1,"package":{"name":"letters","version":"1.0.0"},
    "workflows":[{"name":"note","steps":[{"name":"draft","task":"draftt"}]}]})");
  const std::string problem = problem_of("note", wrong.path());
  says(problem, wrong.path() + ":2");
  says(problem, "draftt");
  const File foreign(R"({"schema":1,"package":{"name":"letters","version":"2.0.0"},"workflows":[]})");
  says(problem_of("note", foreign.path()), "letters 2.0.0");
  says(problem_of("note", "nowhere.json"), "there is no nowhere.json");
}

}  // namespace
