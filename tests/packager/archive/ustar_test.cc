#include "packager/archive/ustar.h"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "packager/archive/manifest.h"

namespace pirn::archive {
namespace {

std::string header_by_libarchive(const std::string& path, const std::string& bytes) {
  const auto tar = write_tar([&](const AddMember& add) { return add(path, bytes); });
  return tar ? tar->substr(0, kBlock) : "";
}

std::string predicted(const std::string& path, uint64_t size) {
  const auto header = predict_header(path, size);
  return header ? std::string(header->begin(), header->end()) : "";
}

TEST(Ustar, PredictsWhatLibarchiveWrites) {
  for (const std::string& path :
       {std::string("manifest.json"), std::string(100, 'a'), "d/" + std::string(99, 'a'),
        std::string(60, 'a') + "/" + std::string(59, 'b') + "/" + std::string(30, 'c'),
        std::string(100, 'a') + "/" + std::string(59, 'b')})
    for (const size_t size : {0, 1, 511, 512, 100000})
      EXPECT_EQ(predicted(path, size), header_by_libarchive(path, std::string(size, 'x'))) << path;
}

TEST(Ustar, PredictsEveryPathThatAPackageMayContain) {
  EXPECT_TRUE(rc::check([] {
    const auto lengths = *rc::gen::container<std::vector<int>>(rc::gen::inRange(1, 100));
    std::string path;
    for (size_t i = 0; i < lengths.size() && i < kMaxDepth; ++i)
      path += (i ? "/" : "") + std::string(lengths[i], static_cast<char>('a' + i));
    path = path.substr(0, kMaxPath);
    RC_PRE(bool(check_path(path)));
    RC_ASSERT(predicted(path, 3) == header_by_libarchive(path, "abc"));
  }));
}

TEST(Ustar, RefusesWhatItCannotHold) {
  EXPECT_FALSE(predict_header("", 0));
  EXPECT_FALSE(predict_header(std::string(101, 'a'), 0));
  EXPECT_FALSE(predict_header("a", 1ull << 33));
}

TEST(Ustar, TellsTheSizeOfItsHeaders) {
  EXPECT_EQ(size_in_header(*predict_header("x", 123456)), 123456u);
  TarHeader header = *predict_header("x", 1);
  header[124] = ' ';
  EXPECT_FALSE(size_in_header(header));
}

TEST(Ustar, PathsOfPackages) {
  for (const char* path : {"a", "lib/linux-x86_64/libx.so", "a/b/c/d/e/f/g/h", "..a", "a.", ".hidden"})
    EXPECT_TRUE(check_path(path)) << path;
  for (const std::string& path :
       {std::string(), std::string("/a"), std::string("a/"), std::string("a//b"), std::string("../a"),
        std::string("a/../b"), std::string("a/.."), std::string("."), std::string("a/./b"), std::string("A"),
        std::string("a b"), std::string("a\\b"), std::string("\xc3\xa9"), std::string("a\0b", 3),
        std::string("a/b/c/d/e/f/g/h/i"), std::string(161, 'a'), std::string(101, 'a')}) {
    const Status checked = check_path(path);
    ASSERT_FALSE(checked) << path;
    EXPECT_EQ(checked.error().code, Code::path_refused);
  }
}

}  // namespace
}  // namespace pirn::archive
