#include "host/store/location.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace pirn::store {
namespace {

std::string resolved(const StoreSettings& settings) {
  const auto location = resolve_store_url(settings, "/data");
  if (!location) return std::string(location.error().name()) + ": " + location.error().message;
  return location->memory ? "memory" : location->path;
}

TEST(StoreUrl, TheOrderIsEnvironmentConfigurationNameDefault) {
  EXPECT_EQ(resolved({"sqlite://a.db", "sqlite://b.db", "c.db"}), "/data/a.db");
  EXPECT_EQ(resolved({"", "sqlite://b.db", "c.db"}), "/data/b.db");
  EXPECT_EQ(resolved({"", "", "c.db"}), "/data/c.db");
  EXPECT_EQ(resolved({}), "/data/pirn.db");
  EXPECT_EQ(resolved({"memory", "sqlite://b.db", ""}), "memory");
  EXPECT_EQ(resolved({"sqlite:///var/db/p.db", "", ""}), "/var/db/p.db");
}

TEST(StoreUrl, WhatCannotBeUsedIsAnErrorAndNeverTheNextInOrder) {
  for (const char* url : {"sqlite://", "sqlite://../p.db", "sqlite://a/b.db", "sqlite:///", "sqlite:///a/",
                          "sqlite://:memory:", "sqlite://p.db?mode=memory", "sqlite://p.db#x", "sqlite://..",
                          "sqlite://registry.db", "sqlite://lock", "sqlite://a b", "file:p.db", "p.db",
                          "Memory", "memory://", " memory"}) {
    EXPECT_EQ(resolved({url, "sqlite://b.db", "c.db"}).rfind("invalid_argument: PIRN_STORE_URL", 0), 0u)
        << url;
    EXPECT_EQ(resolved({"", url, "c.db"}).rfind("invalid_argument: the store", 0), 0u) << url;
  }
  for (const char* name : {"a/b.db", "/b.db", "..", ".", "a b.db", "a\nb", "\x1b[31m.db", "registry.db",
                           "registry.db-wal", "logbook.db", "registry.pepper", "registry.sealed", "lock",
                           "pirn.sock", "crashes", "blobs", "reserve", "backup.json"})
    EXPECT_EQ(resolved({"", "", name}).rfind("invalid_argument: PIRN_DB_NAME", 0), 0u) << name;
}

TEST(StoreUrl, PostgresIsRefusedByNameWithoutItsPassword) {
  const std::string text = resolved({"postgres://pirn:secret@db/pirn", "", ""});
  EXPECT_EQ(text.rfind("unsupported: PIRN_STORE_URL", 0), 0u) << text;
  EXPECT_EQ(text.find("secret"), std::string::npos) << text;
}

// Whoever may rename in a directory above puts another store in the place of this one.
TEST(StoreUrl, NobodyElseMayChangeTheDirectoriesAboveAStoreElsewhere) {
  namespace fs = std::filesystem;
  std::string pattern = (fs::temp_directory_path() / "pirn-location-XXXXXX").string();
  const fs::path directory = mkdtemp(pattern.data());
  fs::create_directories(directory / "open" / "own");
  fs::permissions(directory / "open", fs::perms::all);
  fs::create_directory_symlink(directory / "open" / "own", directory / "link");
  for (const char* path : {"open/pirn.db", "open/own/pirn.db", "link/pirn.db"}) {
    const auto refused = open_store({false, (directory / path).string()});
    ASSERT_FALSE(refused) << path;
    EXPECT_EQ(refused.error().code, Code::data_directory_unsafe) << path << ": " << refused.error().message;
    EXPECT_FALSE(fs::exists(directory / path));
  }
  // Its group, or a third user, is only reported.
  fs::permissions(directory / "open", fs::perms::owner_all | fs::perms::group_all);
  ASSERT_EQ(chown((directory / "open").c_str(), static_cast<uid_t>(-1), getegid()), 0);
  std::vector<std::string> warnings;
  EXPECT_TRUE(open_store({false, (directory / "open/own/pirn.db").string()}, &warnings));
  if (getegid() != 0) {
    EXPECT_FALSE(warnings.empty());
  }
  fs::remove_all(directory);
}

TEST(StoreUrl, WhatCannotBeOpenedIsAnErrorAndNeverMemory) {
  std::string pattern = (std::filesystem::temp_directory_path() / "pirn-location-XXXXXX").string();
  const std::string directory = mkdtemp(pattern.data());
  const auto missing = open_store({false, directory + "/missing/pirn.db"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::store_unopenable);
  EXPECT_NE(missing.error().message.find("/missing/pirn.db"), std::string::npos);
  EXPECT_TRUE(open_store({false, directory + "/pirn.db"}));
  EXPECT_TRUE(std::filesystem::exists(directory + "/pirn.db"));
  EXPECT_TRUE(open_store({true, ""}));
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace pirn::store
