#include <gtest/gtest.h>

#include <algorithm>
#include <pirn/testkit.hpp>
#include <string>
#include <vector>

using namespace pirn::literals;
using pirn::testkit::Workflow;
using Strings = std::vector<std::string>;

namespace {

class UserOnboarding : public testing::Test {
 protected:
  void SetUp() override { onboarding_.start({{"email", "alice@example.com"}, {"name", "Alice"}}); }

  Workflow onboarding_{"user_onboarding"};
};

TEST_F(UserOnboarding, WelcomesWhoUsesTheLink) {
  EXPECT_EQ(onboarding_.state(), "paused") << onboarding_.text();
  onboarding_.advance(20_h).restart().resume({{"email_verified", true}}).run();
  ASSERT_TRUE(onboarding_.completed()) << onboarding_.text();
  EXPECT_EQ(onboarding_.get<std::string>("workspace_id"), "workspace:user:alice@example.com");
  EXPECT_TRUE(onboarding_.has("subscription_id"));
  EXPECT_EQ(onboarding_.messages(), (Strings{"sent the link to alice@example.com", "welcome, Alice"}));
}

TEST_F(UserOnboarding, SendsTheLinkAgainEachDay) {
  onboarding_.advance(50_h).resume({{"email_verified", true}}, "await_email_verification").run();
  ASSERT_TRUE(onboarding_.completed()) << onboarding_.text();
  const Strings said = onboarding_.messages();
  EXPECT_EQ(std::count(said.begin(), said.end(), "sent the link again to alice@example.com"), 2);
}

TEST_F(UserOnboarding, DeletesTheAccountOfWhoNeverDoes) {
  onboarding_.run();
  EXPECT_EQ(onboarding_.error_code(), "verification_expired") << onboarding_.text();
  EXPECT_EQ(onboarding_.elapsed(), 72_h);
  EXPECT_TRUE(onboarding_.logged("deleted user:alice@example.com"));
  EXPECT_TRUE(onboarding_.logged("signup of alice@example.com failed: verification_expired"));
}

TEST_F(UserOnboarding, GivesNoTrialToWhoIsNotVerified) {
  onboarding_.resume({{"email_verified", false}}).run();
  ASSERT_TRUE(onboarding_.completed()) << onboarding_.text();
  EXPECT_EQ(onboarding_.step("create_trial_subscription").skip_kind, "not_taken");
  EXPECT_FALSE(onboarding_.logged("welcome"));
}

TEST(UserOnboardingAlone, WelcomesWithoutTheWelcome) {
  Workflow onboarding("user_onboarding");
  onboarding.fail_first("send_welcome_email", 4).fail_first("schedule_onboarding_emails", 4);
  onboarding.start({{"email", "alice@example.com"}, {"name", "Alice"}})
      .resume({{"email_verified", true}})
      .run();
  ASSERT_TRUE(onboarding.completed()) << onboarding.text();
  EXPECT_EQ(onboarding.step("track_signup").state, "completed");
}

TEST(UserOnboardingAlone, RefusesWhatIsNoAddress) {
  Workflow onboarding("user_onboarding");
  onboarding.start({{"email", "alice"}, {"name", "Alice"}}).run();
  EXPECT_EQ(onboarding.error_code(), "invalid_email") << onboarding.text();
  EXPECT_FALSE(onboarding.logged("deleted")) << "there is no account";
}

}  // namespace
