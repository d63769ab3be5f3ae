#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "packager/signature/key.h"

namespace pirn::signature {
namespace {

class Passphrase : public ::testing::Test {
 protected:
  Passphrase() {
    char name[] = "/tmp/pirn-passphrase-XXXXXX";
    ::close(::mkstemp(name));
    file_ = name;
  }
  ~Passphrase() override { ::unlink(file_.c_str()); }
  void write(std::string_view text) { std::ofstream(file_) << text; }

  std::string file_;
};

TEST_F(Passphrase, IsTheFirstLineOfTheFile) {
  write("correct horse\nsecond line\n");
  EXPECT_EQ(*read_passphrase({.file = file_, .prompt = false}, "key"), "correct horse");
  write("no newline");
  EXPECT_EQ(*read_passphrase({.file = file_, .prompt = false}, "key"), "no newline");
}

TEST_F(Passphrase, TheFileWinsOverTheEnvironment) {
  ::setenv("PIRN_TEST_PASSPHRASE", "from the environment", 1);
  write("from the file\n");
  EXPECT_EQ(*read_passphrase({.file = file_, .environment = "PIRN_TEST_PASSPHRASE", .prompt = false}, "key"),
            "from the file");
  EXPECT_EQ(*read_passphrase({.environment = "PIRN_TEST_PASSPHRASE", .prompt = false}, "key"),
            "from the environment");
}

TEST_F(Passphrase, MissingOnesSaySo) {
  ::unsetenv("PIRN_TEST_PASSPHRASE");
  EXPECT_EQ(read_passphrase({.environment = "PIRN_TEST_PASSPHRASE", .prompt = false}, "key").error().code,
            Code::passphrase_missing);
  EXPECT_EQ(read_passphrase({.file = file_ + ".absent", .prompt = false}, "key").error().code,
            Code::io_failed);
}

}  // namespace
}  // namespace pirn::signature
