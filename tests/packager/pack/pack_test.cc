// From a project's folder to a package, with the real CMake, compiler and probe.
#include "packager/pack/pack.h"

#include <elf.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "packager/pack/package_file.h"
#include "tests/packager/pack/scratch.h"

namespace pirn::pack {
namespace {

PackOptions options_for(const std::string& directory) {
  PackOptions options;
  options.directory = directory;
  options.sdk_prefix = PIRN_SDK_PREFIX;
  options.probe_program = PIRN_PROBE_PROGRAM;
  return options;
}

class Pack : public ::testing::Test {
 protected:
  std::string make_project(const std::string& place, const char* language) {
    const std::string directory = scratch_.path(place);
    const auto files = new_package("daily-report", directory, language, PIRN_TEMPLATES);
    EXPECT_TRUE(files) << describe(files.error());
    return directory;
  }
  Scratch scratch_;
};

// Compiled twice, in two places, with another user's surroundings: one package, byte for byte.
TEST_F(Pack, TwoDirectoriesGiveOnePackage) {
  const auto one = pack(options_for(make_project("one", "cpp")));
  ASSERT_TRUE(one) << describe(one.error());
  EXPECT_EQ(one->file, scratch_.path("one/daily-report-0.1.0.pirn"));
  EXPECT_TRUE(one->unloads);
  const mode_t before = ::umask(0077);
  ::setenv("HOME", scratch_.path("home").c_str(), 1);
  ::setenv("USER", "somebody-else", 1);
  ::setenv("LANG", "de_DE.UTF-8", 1);
  ::setenv("TZ", "Asia/Tokyo", 1);
  const auto two = pack(options_for(make_project("a-much-longer-name-of-a-directory", "cpp")));
  ::umask(before);
  ASSERT_TRUE(two) << describe(two.error());
  EXPECT_EQ(one->package_id, two->package_id);
  EXPECT_EQ(scratch_.read("one/daily-report-0.1.0.pirn"),
            scratch_.read("a-much-longer-name-of-a-directory/daily-report-0.1.0.pirn"));

  const auto package = read_package(one->file);
  ASSERT_TRUE(package) << describe(package.error());
  EXPECT_EQ(package->manifest.package, "daily-report");
  EXPECT_EQ(package->manifest.serial, 1'000'000);
  EXPECT_EQ(package->manifest.readme, "readme.md");
  EXPECT_FALSE(package->manifest.created_unix_s);
  ASSERT_EQ(package->manifest.libraries.size(), 1u);
  EXPECT_FALSE(package->manifest.libraries[0].needed.empty());
  ASSERT_EQ(package->manifest.workflows.size(), 1u);
  EXPECT_EQ(package->manifest.workflows[0].name, "greet");
  EXPECT_NE(inspect_text(*package).find("compose"), std::string::npos);
}

// What a push will ask is asked offline, too.
TEST_F(Pack, VerifyComparesTheLibraryWithTheManifest) {
  const auto packed = pack(options_for(make_project("genuine", "c")));
  ASSERT_TRUE(packed) << describe(packed.error());
  const auto key = signature::PrivateKey::generate();
  const VerifyOptions options{.trusted_keys = {key->public_key().text()}};
  ASSERT_TRUE(sign_file(packed->file, *key));
  const auto genuine = verify_file(packed->file, options);
  ASSERT_TRUE(genuine) << describe(genuine.error());
  const auto compared = verify_library(*genuine, PIRN_PROBE_PROGRAM);
  ASSERT_TRUE(compared) << describe(compared.error());
  EXPECT_TRUE(*compared);

  archive::VerifiedPackage bent = *genuine;
  bent.manifest.functions.push_back({"extra", 1});
  const Error error = verify_library(bent, PIRN_PROBE_PROGRAM).error();
  EXPECT_EQ(error.code, Code::library_misdescribed) << describe(error);
  ASSERT_EQ(error.causes.size(), 1u);
  EXPECT_EQ(error.causes[0].message, "the function 'extra' is in the manifest but not in the library");

  archive::VerifiedPackage foreign = *genuine;
  foreign.manifest.libraries[0].platform = "plan9-vax";
  const auto skipped = verify_library(foreign, PIRN_PROBE_PROGRAM);
  ASSERT_TRUE(skipped);
  EXPECT_FALSE(*skipped);
}

TEST_F(Pack, APlainCPackageToo) {
  const auto packed = pack(options_for(make_project("c", "c")));
  ASSERT_TRUE(packed) << describe(packed.error());
  EXPECT_EQ(packed->manifest.package, "daily-report");
}

TEST_F(Pack, APrebuiltLibraryAndFilesNeedNoBuild) {
  const std::string built = make_project("built", "c");
  ASSERT_TRUE(pack(options_for(built)));
  scratch_.write("prebuilt/package.toml",
                 "publisher = \"acme\"\nlibrary = \"x.so\"\nfiles = [\"assets\", \"schema.json\"]\n");
  scratch_.write("prebuilt/x.so", scratch_.read("built/build/daily-report.so"));
  scratch_.write("prebuilt/assets/deep/a.txt", "a");
  scratch_.write("prebuilt/schema.json", "{}");
  const auto packed = pack(options_for(scratch_.path("prebuilt")));
  ASSERT_TRUE(packed) << describe(packed.error());
  EXPECT_TRUE(packed->manifest.find_file("assets/deep/a.txt"));
  EXPECT_TRUE(packed->manifest.find_file("schema.json"));
  EXPECT_FALSE(scratch_.names().contains("prebuilt/build"));

  ::setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
  EXPECT_EQ(pack(options_for(scratch_.path("prebuilt")))->manifest.created_unix_s, 1'700'000'000);
  ::setenv("SOURCE_DATE_EPOCH", "yesterday", 1);
  EXPECT_EQ(pack(options_for(scratch_.path("prebuilt"))).error().code, Code::invalid_argument);
  ::unsetenv("SOURCE_DATE_EPOCH");

  // A link is not followed out of the project.
  ASSERT_EQ(::symlink("/etc/passwd", scratch_.path("prebuilt/assets/link").c_str()), 0);
  EXPECT_EQ(pack(options_for(scratch_.path("prebuilt"))).error().code, Code::path_refused);
}

// Neither by its name nor by a link does anything come into a package that lies elsewhere.
TEST_F(Pack, NothingOutsideOfTheFolderIsPacked) {
  const std::string built = make_project("built", "c");
  ASSERT_TRUE(pack(options_for(built)));
  scratch_.write("secret", "of the machine");
  const std::string library = scratch_.read("built/build/daily-report.so");
  scratch_.write("p/x.so", library);
  scratch_.write("elsewhere/x.so", library);
  const auto pack_with = [&](const std::string& lines) {
    scratch_.write("p/package.toml", "publisher = \"acme\"\n" + lines);
    return pack(options_for(scratch_.path("p")));
  };
  ASSERT_TRUE(pack_with("library = \"x.so\"\n"));
  ASSERT_TRUE(pack_with("library = \"./x.so\"\nfiles = [\".//package.toml\"]\n"));
  for (const char* lines :
       {"library = \"x.so\"\nreadme = \"../secret\"\n", "library = \"x.so\"\nreadme = \"/etc/passwd\"\n",
        "library = \"x.so\"\nfiles = [\"a/../../secret\"]\n", "library = \"../elsewhere/x.so\"\n",
        "library = \"x.so\"\n[libraries]\nlinux-riscv64 = \"../elsewhere/x.so\"\n"}) {
    const auto refused = pack_with(lines);
    ASSERT_FALSE(refused) << lines;
    EXPECT_EQ(refused.error().code, Code::package_toml_invalid) << lines;
    EXPECT_NE(refused.error().causes.at(0).message.find("leads out of the package's directory"),
              std::string::npos);
    EXPECT_NE(refused.error().causes.at(0).where.line, 0u);
  }
  ASSERT_EQ(::symlink("../secret", scratch_.path("p/readme.md").c_str()), 0);
  ASSERT_EQ(::symlink("../elsewhere", scratch_.path("p/there").c_str()), 0);
  for (const char* lines : {"library = \"x.so\"\nreadme = \"readme.md\"\n", "library = \"there/x.so\"\n",
                            "library = \"x.so\"\nfiles = [\"there/x.so\"]\n",
                            "library = \"x.so\"\n[libraries]\nlinux-riscv64 = \"there/x.so\"\n"}) {
    const auto refused = pack_with(lines);
    ASSERT_FALSE(refused) << lines;
    EXPECT_EQ(refused.error().code, Code::path_refused) << lines << describe(refused.error());
  }
}

// A host of the other platform compares it with what its library needs.
TEST_F(Pack, TellsWhatLibrariesOfOtherPlatformsNeed) {
  const std::string built = make_project("built", "c");
  ASSERT_TRUE(pack(options_for(built)));
  std::string library = scratch_.read("built/build/daily-report.so");
  scratch_.write("p/x.so", library);
  scratch_.write("p/package.toml",
                 "publisher = \"acme\"\nlibrary = \"x.so\"\n[libraries]\nlinux-riscv64 = \"y.so\"\n");
  library.replace(offsetof(Elf64_Ehdr, e_machine), 2, "\xf3\0", 2);  // EM_RISCV
  scratch_.write("p/y.so", library);
  const auto packed = pack(options_for(scratch_.path("p")));
  ASSERT_TRUE(packed) << describe(packed.error());
  const std::vector<std::string>& own = packed->manifest.find_library(archive::host_platform())->needed;
  EXPECT_FALSE(own.empty());
  EXPECT_EQ(packed->manifest.find_library("linux-riscv64")->needed, own);

  scratch_.write("p/y.so", "this is no library");
  const Error error = pack(options_for(scratch_.path("p"))).error();
  EXPECT_EQ(error.code, Code::library_malformed) << describe(error);
  EXPECT_NE(error.message.find("(y.so, for linux-riscv64)"), std::string::npos) << error.message;
}

TEST_F(Pack, ABrokenBuildShowsTheCompilersWords) {
  const std::string directory = make_project("broken", "c");
  scratch_.write("broken/src/package.c", "this is not C;\n");
  const auto quiet = pack(options_for(directory));
  ASSERT_FALSE(quiet);
  EXPECT_EQ(quiet.error().code, Code::build_failed);
  EXPECT_NE(quiet.error().message.find("src/package.c:1"), std::string::npos) << quiet.error().message;
  std::string shown;
  PackOptions loud = options_for(directory);
  loud.on_build_line = [&](std::string_view line) { shown.append(line) += '\n'; };
  EXPECT_EQ(pack(loud).error().code, Code::build_failed);
  EXPECT_NE(shown.find("src/package.c:1"), std::string::npos);
  EXPECT_FALSE(scratch_.names().contains("broken/daily-report-0.1.0.pirn"));
}

// A build that succeeds does not hide what the compiler said, and what is always wrong does not succeed.
class PackBy : public Pack, public ::testing::WithParamInterface<const char*> {
 protected:
  PackOptions by_compiler(const std::string& directory) {
    PackOptions options = options_for(directory);
    const std::string cc = GetParam();
    options.cmake_arguments = {"-DCMAKE_C_COMPILER=" + cc,
                               "-DCMAKE_CXX_COMPILER=" + (cc == "gcc" ? std::string("g++") : cc + "++")};
    options.on_build_warning = [this](std::string_view line) { warned_.append(line) += '\n'; };
    return options;
  }
  void append(const std::string& file, const std::string& code) {
    scratch_.write(file, scratch_.read(file) + code);
  }
  std::string warned_;
};

TEST_P(PackBy, PassesOnWarnings) {
  const std::string directory = make_project("warned", "c");
  append("warned/src/package.c", "\nstatic void nobody_calls_this(void) {}\n");
  append("warned/CMakeLists.txt", "\ntarget_compile_options(daily-report PRIVATE -Wall)\n");
  const auto packed = pack(by_compiler(directory));
  ASSERT_TRUE(packed) << describe(packed.error());
  EXPECT_NE(warned_.find("nobody_calls_this"), std::string::npos) << warned_;
  EXPECT_NE(warned_.find("src/package.c:"), std::string::npos) << warned_;
  EXPECT_EQ(warned_.find("Building"), std::string::npos) << warned_;
}

TEST_P(PackBy, AStepWithoutReturnDoesNotCompile) {
  const std::string directory = make_project("cpp", "cpp");
  append("cpp/src/package.cc", "\nPIRN_TASK(lost) { if (ctx.has(\"x\")) return pirn::ok(); }\n");
  const auto refused = pack(by_compiler(directory));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::build_failed);
  EXPECT_NE(refused.error().message.find("return-type"), std::string::npos) << refused.error().message;
  // The author may say otherwise: for one of them, or with the option for all.
  append("cpp/CMakeLists.txt", "\ntarget_compile_options(daily-report PRIVATE -Wno-error=return-type)\n");
  const auto told = pack(by_compiler(directory));
  ASSERT_TRUE(told) << describe(told.error());
  EXPECT_NE(warned_.find("return-type"), std::string::npos) << warned_;
}

TEST_P(PackBy, NorDoesWhatCForbids) {
  const std::string directory = make_project("c", "c");
  append("c/src/package.c",
         "\nint wrong(void);\nint wrong(void) { int here = undeclared(); return (int)sizeof here; }\n");
  const auto refused = pack(by_compiler(directory));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("implicit-function-declaration"), std::string::npos);
  PackOptions lenient = by_compiler(directory);
  lenient.cmake_arguments.push_back("-DPIRN_ALWAYS_WRONG_IS_AN_ERROR=OFF");
  // The missing function is then found by the linker, or by whoever reads the warning.
  EXPECT_EQ(pack(lenient).error().message.find("-Werror"), std::string::npos);
}
INSTANTIATE_TEST_SUITE_P(Compilers, PackBy, ::testing::Values("gcc", "clang"),
                         [](const auto& info) { return std::string(info.param); });

TEST_F(Pack, WhatIsMissingIsNamed) {
  EXPECT_EQ(pack(options_for(scratch_.path("absent"))).error().code, Code::not_found);
  scratch_.write("empty/package.toml", "publisher = \"acme\"\n");
  EXPECT_EQ(pack(options_for(scratch_.path("empty"))).error().code, Code::library_missing);
  scratch_.write("none/package.toml", "publisher = \"acme\"\n");
  scratch_.write("none/CMakeLists.txt",
                 "cmake_minimum_required(VERSION 3.25)\nproject(none LANGUAGES NONE)\n");
  EXPECT_EQ(pack(options_for(scratch_.path("none"))).error().code, Code::library_missing);
  scratch_.write("text/package.toml", "publisher = \"acme\"\nlibrary = \"x.so\"\n");
  scratch_.write("text/x.so", "this is no library");
  EXPECT_FALSE(pack(options_for(scratch_.path("text"))));
}

}  // namespace
}  // namespace pirn::pack
