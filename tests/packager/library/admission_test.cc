#include "packager/library/admission.h"

#include <elf.h>

#include <cstring>
#include <map>
#include <random>

#include "tests/packager/library/zoo.h"

namespace pirn::library {
namespace {

const Runtime& runtime() {
  EXPECT_TRUE(host_runtime());
  return *host_runtime();
}

TEST(Admission, AdmitsAGoodLibrary) {
  for (const char* name : {"good", "second", "named", "no_definition"}) {
    const Result<Admitted> admitted = admit(animal(name), runtime());
    ASSERT_TRUE(admitted) << name << "\n" << describe(admitted.error());
    EXPECT_EQ(admitted->note, (AbiNote{1, 0, 0}));
  }
  EXPECT_EQ(admit(animal("init_executes"), runtime())->needed, std::vector<std::string>{"libc.so.6"});
}

TEST(Admission, RefusesEachSinWithItsOwnCode) {
  const std::map<std::string, Code> sins = {
      {"extra_export", Code::library_exports_more},
      {"no_entry", Code::library_no_entry},
      {"entry_is_data", Code::library_no_entry},
      {"unique", Code::library_unique_symbols},
      {"nodelete", Code::library_nodelete},
      {"initfirst", Code::library_forbidden_flags},
      {"text_relocations", Code::library_text_relocations},
      {"static_tls", Code::library_static_tls},
      {"rpath", Code::library_search_path},
      {"old_rpath", Code::library_search_path},
      {"executable_stack", Code::library_executable_stack},
      {"writable_code", Code::library_writable_code},
      {"foreign_dependency", Code::library_foreign_dependency},
      {"auxiliary", Code::library_foreign_dependency},
      {"unresolved", Code::library_unresolved},
      {"poses_as_nss", Code::library_poses_as_another},
      {"poses_as_fd", Code::library_poses_as_another},
      {"no_note", Code::library_abi_note_missing},
      {"other_major", Code::library_abi_mismatch},
      {"newer_minor", Code::library_abi_mismatch},
  };
  Runtime strict = runtime();
  strict.sanitized = false;
  for (const auto& [name, code] : sins) {
    const Result<Admitted> admitted = admit(animal(name), strict);
    ASSERT_FALSE(admitted) << name;
    EXPECT_EQ(admitted.error().code, code) << name << "\n" << describe(admitted.error());
    EXPECT_EQ(admitted.error().blame, Blame::package);
  }
}

#if defined(__GNUC__) && !defined(__clang__)
// The flags of the SDK are not a matter of taste.
TEST(Admission, RefusesWhatTheCompilerMakesWithoutFlags) {
  const Error error = admit(animal("cpp_as_usual"), runtime()).error();
  EXPECT_EQ(error.code, Code::library_unique_symbols) << describe(error);
  EXPECT_EQ(error.causes.at(0).code, Code::library_exports_more);
}
#endif

TEST(Admission, NamesWhatIsWrong) {
  EXPECT_NE(admit(animal("extra_export"), runtime()).error().message.find("zoo_counter_of_this_copy"),
            std::string::npos);
  EXPECT_NE(admit(animal("foreign_dependency"), runtime()).error().message.find("libzoo_stranger.so"),
            std::string::npos);
  EXPECT_NE(admit(animal("unique"), runtime()).error().message.find("zoo_unique"), std::string::npos);
}

TEST(Admission, TellsAllSinsAtOnce) {
  const Error error = admit(animal("many_sins"), runtime()).error();
  ASSERT_EQ(error.causes.size(), 2u) << describe(error);
  EXPECT_EQ(error.code, Code::library_executable_stack);
  EXPECT_EQ(error.causes[0].code, Code::library_nodelete);
  EXPECT_EQ(error.causes[1].code, Code::library_exports_more);
}

TEST(Admission, RefusesWhatIsNoLibrary) {
  EXPECT_EQ(admit("", runtime()).error().code, Code::library_malformed);
  EXPECT_EQ(admit("#!/bin/sh\nexit 0\n", runtime()).error().code, Code::library_malformed);
  EXPECT_EQ(admit(read_file("/proc/self/exe"), runtime()).error().code, Code::library_wrong_type);
  std::string foreign = animal("good");
  foreign[offsetof(Elf64_Ehdr, e_machine)] = 8;  // MIPS
  EXPECT_EQ(admit(foreign, runtime()).error().code, Code::library_wrong_machine);
  std::string narrow = animal("good");
  narrow[EI_CLASS] = ELFCLASS32;
  EXPECT_EQ(admit(narrow, runtime()).error().code, Code::library_wrong_machine);
}

TEST(Admission, RefusesANewerRuntime) {
  std::string newer = animal("init_executes");
  const size_t at = newer.find("GLIBC_2.");
  ASSERT_NE(at, std::string::npos);
  newer[at + 6] = '9';
  const Error error = admit(newer, runtime()).error();
  EXPECT_EQ(error.code, Code::library_runtime_too_old);
  EXPECT_NE(error.message.find("GLIBC_9."), std::string::npos);
}

TEST(Admission, KnowsTheRuntimeOfThisProcess) {
  EXPECT_TRUE(runtime().versions.contains("GLIBC_2.2.5"));
  EXPECT_TRUE(runtime().versions.contains("GLIBCXX_3.4"));
  EXPECT_TRUE(runtime().versions.contains("CXXABI_1.3"));
  EXPECT_TRUE(runtime().versions.contains("GCC_3.0"));
}

// A copy on the heap of exactly that size, so that a sanitizer sees a read beyond its end.
Result<Admitted> admit_copy(std::string_view bytes) {
  const std::vector<char> exact(bytes.begin(), bytes.end());
  return admit({exact.data(), exact.size()}, runtime());
}

TEST(Admission, SurvivesEveryTruncation) {
  const std::string good = animal("good");
  Elf64_Ehdr header;
  std::memcpy(&header, good.data(), sizeof header);
  // Section headers stand at the end and do not matter to the loader; all before them does.
  size_t last_refused = 0;
  for (size_t length = 0; length < good.size(); length += length < 2048 ? 1 : 37)
    if (!admit_copy(std::string_view(good).substr(0, length))) last_refused = length;
  EXPECT_GT(last_refused, 8192u);
  EXPECT_LE(last_refused, header.e_shoff);
}

TEST(Admission, SurvivesFlippedBytes) {
  const std::string good = animal("good");
  std::mt19937 random(7);
  size_t refused = 0;
  const auto try_byte = [&](size_t at, uint8_t value) {
    std::string bad = good;
    bad[at] = static_cast<char>(value);
    refused += !admit_copy(bad);
  };
  for (size_t at = 0; at < 4096; ++at)
    for (const uint8_t value : {0x00, 0x01, 0x7f, 0x80, 0xff}) try_byte(at, value);
  for (size_t i = 0; i < 20'000; ++i) try_byte(random() % good.size(), static_cast<uint8_t>(random()));
  EXPECT_GT(refused, 1000u);
}

// Several bytes at once, in the parts that the reader follows.
TEST(Admission, SurvivesWildOffsets) {
  const std::string good = animal("good");
  std::mt19937_64 random(11);
  const uint64_t wild[] = {0,     1,         0xffff,     0x7fffffff,     0xffffffff,
                           ~0ull, ~0ull - 7, 1ull << 63, good.size() - 1};
  for (size_t i = 0; i < 20'000; ++i) {
    std::string bad = good;
    for (int change = 0; change < 3; ++change) {
      const uint64_t value = random() % 4 == 0 ? random() : wild[random() % std::size(wild)];
      const size_t size = size_t{1} << (random() % 4);
      const size_t at = random() % (bad.size() - size) / size * size;
      std::memcpy(bad.data() + at, &value, size);
    }
    (void)!admit_copy(bad);
  }
}

}  // namespace
}  // namespace pirn::library
