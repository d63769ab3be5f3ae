// The test kit. Include it in a test that pirn_add_package_test() builds; the package under test is linked
// into the program.
//
//   TaskRun   calls one function of the package, alone, without a host. Needs only headers.
//   Workflow  runs a whole workflow in memory, on a virtual clock. Needs the library Pirn::testkit.
//
//   TEST(Onboarding, CreatesAnAccount) {
//     auto ran = pirn::testkit::TaskRun("create_account").set("email", "ada@example.org").run();
//     ASSERT_TRUE(ran.done()) << ran.text();
//     EXPECT_GT(ran.get<int64_t>("user_id"), 0);
//   }
//
//   TEST(Onboarding, RetriesTheMail) {
//     pirn::testkit::Workflow onboarding("user_onboarding");
//     onboarding.fail_first("send_welcome", 2).start({{"email", "ada@example.org"}}).run();
//     EXPECT_EQ(onboarding.state(), "completed") << onboarding.text();
//     EXPECT_EQ(onboarding.step("send_welcome").attempt, 3u);
//   }
//
// Both throw pirn::Error if the test itself is wrong, with the codes that their comments name; a failure of
// the function under test is a result like any other. Use objects of both classes on one thread at a time.
#pragma once

#include "pirn/testkit/task_run.hpp"
#include "pirn/testkit/workflow.hpp"
