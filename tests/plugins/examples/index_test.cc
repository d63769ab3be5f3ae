// plugins/examples/README.md lists the workflows that the packages have, and the tests run each of them.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include "packager/definition/definition.h"
#include "packager/library/library.h"

namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string>;  // package::workflow

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

Names packaged() {
  Names found;
  for (const auto& source : fs::directory_iterator(PIRN_EXAMPLES)) {
    if (source.path().extension() != ".cc") continue;
    const std::string package = source.path().stem();
    const std::string bytes = text_of(fs::path(PIRN_EXAMPLES_BUILT) / (package + ".so"));
    auto library = pirn::library::Library::load(bytes, pirn::sha256(bytes));
    EXPECT_TRUE(library) << package << ": " << describe(library.error());
    if (!library) continue;
    EXPECT_EQ(library->descriptor().id, package);
    const auto document = library->definition();
    EXPECT_TRUE(document) << describe(document.error());
    const auto functions = functions_of(library->descriptor());
    const auto definition = pirn::definition::parse(*document, package, &functions);
    EXPECT_TRUE(definition) << describe(definition.error());
    if (!definition) continue;
    for (const auto& workflow : definition->workflows) found.insert(package + "::" + workflow.name);
  }
  return found;
}

Names listed() {
  Names found;
  const std::string page = text_of(fs::path(PIRN_EXAMPLES) / "README.md");
  const std::regex row(R"(\| `([a-z0-9_]+)` \| `([a-z0-9_]+)` \| [2345] \| [^|]+ \|)");
  for (std::sregex_iterator match(page.begin(), page.end(), row), end; match != end; ++match)
    EXPECT_TRUE(found.insert((*match)[2].str() + "::" + (*match)[1].str()).second)
        << match->str() << " stands twice";
  return found;
}

TEST(Examples, AreAllListed) { EXPECT_EQ(listed(), packaged()); }

TEST(Examples, AreAllTested) {
  const Names names = packaged();
  EXPECT_GT(names.size(), 20u);
  for (const std::string& name : names) {
    const size_t colons = name.find("::");
    const std::string test = text_of(fs::path(PIRN_EXAMPLE_TESTS) / (name.substr(0, colons) + "_test.cc"));
    EXPECT_NE(test.find('"' + name.substr(colons + 2) + '"'), std::string::npos) << name << " is not tested";
  }
}

TEST(Examples, SayWhichDocumentTheyAreFrom) {
  for (const auto& source : fs::directory_iterator(PIRN_EXAMPLES)) {
    if (source.path().extension() != ".cc" && source.path().extension() != ".toml") continue;
    EXPECT_TRUE(std::regex_search(text_of(source), std::regex("(//|#) From document [2345] ")))
        << source.path();
  }
}

}  // namespace
