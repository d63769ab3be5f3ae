#include "packager/error/limits.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cerrno>

#include "packager/sandbox/sanitized.h"

namespace pirn {
namespace {

// Sets the soft limit until the end of the scope.
class Limited {
 public:
  Limited(__rlimit_resource resource, rlim_t soft) : resource_(resource) {
    EXPECT_EQ(getrlimit(resource_, &before_), 0);
    const rlimit lowered{soft, before_.rlim_max};
    EXPECT_EQ(setrlimit(resource_, &lowered), 0);
  }
  ~Limited() { setrlimit(resource_, &before_); }

 private:
  __rlimit_resource resource_;
  rlimit before_{};
};

TEST(LimitBehind, NamesTheLimitThatACallHasHit) {
  const Limited files(RLIMIT_NOFILE, 64);
  EXPECT_EQ(limit_behind(EMFILE), " (RLIMIT_NOFILE is 64: raise it, by ulimit -n or LimitNOFILE=)");
  EXPECT_EQ(limit_behind(ENOENT), "");
  EXPECT_EQ(limit_behind(0), "");
}

// Threads and addresses run out with the same error.
TEST(LimitBehind, TellsTooManyThreadsFromTooFewAddresses) {
  EXPECT_NE(limit_behind(EAGAIN).find("too many threads"), std::string::npos) << limit_behind(EAGAIN);
  if (sandbox::kSanitized) GTEST_SKIP() << "a sanitizer needs its addresses";
  const Limited addresses(RLIMIT_AS, rlim_t{1} << 20);  // less than is in use: nothing more can be mapped
  errno = EPERM;
  const std::string text = limit_behind(EAGAIN);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(text, " (RLIMIT_AS is 1 MiB: raise it, by ulimit -v or LimitAS=)");
}

}  // namespace
}  // namespace pirn
