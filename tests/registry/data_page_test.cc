// The recipes of docs/data.md work on the present schema.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "registry/database.h"
#include "tests/registry/sample.h"

namespace pirn::registry {
namespace {

std::vector<std::string> recipes() {
  std::ifstream file(PIRN_DATA_PAGE);
  const std::string page(std::istreambuf_iterator<char>(file), {});
  const std::string fence = "```sql registry.db\n";
  std::vector<std::string> found;
  for (size_t at = page.find(fence); at != std::string::npos; at = page.find(fence, at)) {
    at += fence.size();
    found.push_back(page.substr(at, page.find("```", at) - at));
  }
  return found;
}

using DataPage = RegistryTest;

TEST_F(DataPage, EveryRecipeRuns) {
  ASSERT_TRUE(push({}));
  ASSERT_TRUE(deploy("1.0.0"));
  ASSERT_TRUE(registry().create_key(kOperator, {"acme", Role::viewer}, kNow));
  const auto found = recipes();
  ASSERT_GE(found.size(), 5u);
  const auto database = take(Database::open(scratch_ / "registry.db"));
  for (const std::string& recipe : found) {
    int rows = 0;
    const Status status = database->each(recipe.c_str(), {}, [&](const Row&) { ++rows; });
    EXPECT_TRUE(status) << recipe << "\n" << describe(status.error());
    if (recipe.find("what is active") != std::string::npos) {
      EXPECT_EQ(rows, 1);
    }
  }
}

}  // namespace
}  // namespace pirn::registry
