// What a step's error says of the exception that it was.
#include "host/worker/throw_trace.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <stdexcept>

#include "tests/host/worker/package_run.h"

namespace pirn::worker {
namespace {

class Silent : public Listener {
 public:
  void on_log(const Invocation&, uint32_t, std::string_view) override {}
  void on_progress(const Invocation&, double, std::string_view) override {}
  void on_stream(const Invocation&, std::string_view, bool) override {}
  void on_cost(const Invocation&, int64_t, int64_t) override {}
};

class ThrownByPackages : public ::testing::Test {
 protected:
  journal::StepError error_of(const char* function) {
    Silent listener;
    const Completion completion = package_.run(function, listener);
    EXPECT_EQ(completion.outcome.kind, Outcome::Kind::failed);
    return completion.outcome.error ? *completion.outcome.error : journal::StepError();
  }
  static boost::json::object details_of(const journal::StepError& error) {
    return error.details.empty() ? boost::json::object() : boost::json::parse(error.details).as_object();
  }
  PackageRun package_{
      PIRN_WORKSHOPS "/thrower.so", "thrower", {"throws", "throws_while_unwinding", "throws_list", "fails"}};
};

TEST_F(ThrownByPackages, BeginsWhereItWasThrownAndEndsBeforeTheHost) {
  const journal::StepError error = error_of("throws");
  EXPECT_EQ(error.code, "exception");
  EXPECT_EQ(error.message, "thrown by inner");
  const boost::json::object details = details_of(error);
  ASSERT_TRUE(details.contains("stacktrace")) << error.details;
  const boost::json::array& frames = details.at("stacktrace").as_array();
  // inner(), outer(), the step and the SDK around it.
  EXPECT_GE(frames.size(), 3u) << error.details;
  for (const boost::json::value& frame : frames)
    EXPECT_TRUE(frame.as_string().starts_with("thrower+0x")) << frame;
}

TEST_F(ThrownByPackages, IsOfTheExceptionThatLeftTheFunction) {
  const boost::json::object details = details_of(error_of("throws_while_unwinding"));
  EXPECT_EQ(details.at("order").as_int64(), 7);
  ASSERT_TRUE(details.contains("stacktrace"));
  // Not that of inner(), which is two frames longer.
  const size_t of_inner = details_of(error_of("throws")).at("stacktrace").as_array().size();
  EXPECT_EQ(details.at("stacktrace").as_array().size() + 2, of_inner);
}

TEST_F(ThrownByPackages, LeavesDetailsThatAreNoObjectAlone) {
  EXPECT_EQ(error_of("throws_list").details, "[1]");
}

TEST_F(ThrownByPackages, IsNotGivenToAnAnswer) { EXPECT_EQ(error_of("fails").details, ""); }

TEST(ThrowTrace, IsNotTakenOfWhatTheHostThrows) {
  try {
    throw std::runtime_error("the host's own");
  } catch (const std::exception&) {
    EXPECT_TRUE(ThrowTrace::of_handled_exception().empty());
  }
}

}  // namespace
}  // namespace pirn::worker
