// Every prefix and every flip of one byte of a good package is refused, and what one refusal costs is bounded
// by the limits: nothing is started, nothing is written.
#include <dirent.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/packager/archive/sample.h"

namespace pirn::archive {
namespace {

size_t open_descriptors() {
  size_t count = 0;
  DIR* directory = ::opendir("/proc/self/fd");
  while (::readdir(directory)) ++count;
  ::closedir(directory);
  return count;
}

bool has_children() {
  FILE* file = std::fopen("/proc/thread-self/children", "r");
  if (!file) return false;
  const bool any = std::fgetc(file) != EOF;
  std::fclose(file);
  return any;
}

TEST(BadBytes, EveryPrefixIsRefused) {
  const std::string package = sample_package();
  ASSERT_EQ(outcome(package), "ok");
  std::set<std::string> outcomes;
  for (size_t size = 0; size < package.size(); ++size) {
    const std::string result = outcome(std::string_view(package).substr(0, size));
    ASSERT_NE(result, "ok") << "a prefix of " << size << " bytes";
    outcomes.insert(result);
  }
  EXPECT_EQ(outcomes, std::set<std::string>{"package_truncated"});
}

TEST(BadBytes, EveryFlippedBitIsRefused) {
  std::string package = sample_package();
  const size_t descriptors = open_descriptors();
  std::set<std::string> outcomes;
  for (size_t i = 0; i < package.size(); ++i) {
    for (const int bit : {0, 7}) {
      package[i] ^= static_cast<char>(1 << bit);
      const std::string result = outcome(package);
      package[i] ^= static_cast<char>(1 << bit);
      ASSERT_NE(result, "ok") << "bit " << bit << " of byte " << i;
      outcomes.insert(result);
    }
  }
  EXPECT_EQ(outcome(package), "ok");
  const std::set<std::string> expected = {"package_member_unexpected", "signature_invalid",
                                          "signatures_malformed",      "signer_unknown",
                                          "payload_digest_mismatch",   "package_trailing_bytes"};
  for (const std::string& name : expected) EXPECT_TRUE(outcomes.contains(name)) << name;
  EXPECT_FALSE(outcomes.contains("internal"));
  EXPECT_EQ(open_descriptors(), descriptors);
  EXPECT_FALSE(has_children());
}

TEST(BadBytes, EveryInsertedAndDroppedByteIsRefused) {
  const std::string package = sample_package();
  for (size_t i = 0; i < package.size(); i += 7) {
    std::string longer = package, shorter = package;
    longer.insert(i, 1, 'x');
    shorter.erase(i, 1);
    ASSERT_NE(outcome(longer), "ok") << i;
    ASSERT_NE(outcome(shorter), "ok") << i;
  }
}

}  // namespace
}  // namespace pirn::archive
