#include "host/api/engine_requests.h"

#include <gtest/gtest.h>

#include <optional>

#include "host/engine/inbox.h"

namespace pirn::api {
namespace {

class Asleep final : public worker::Wakeup {
 public:
  void wake() override {}
};

class Requests : public ::testing::Test {
 protected:
  // What the request is answered at once; nullopt: it waits for the engine.
  std::optional<Response> ask() {
    std::optional<Response> answer;
    send(inbox_, engine::Stats{}, [&](Response response) { answer = std::move(response); });
    return answer;
  }

  Asleep wakeup_;
  engine::Inbox inbox_{1, wakeup_};
};

TEST_F(Requests, WaitForTheEngineWhileThereIsRoom) { EXPECT_EQ(ask(), std::nullopt); }

TEST_F(Requests, OfAFullInboxAreToComeAgain) {
  ask();
  const auto answer = ask();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
  EXPECT_NE(answer->body.find("\"busy\""), std::string::npos) << answer->body;
  EXPECT_EQ(answer->headers, (std::vector<std::pair<std::string, std::string>>{{"Retry-After", "1"}}));
}

TEST_F(Requests, OfAHostThatShutsDownAreToComeAgain) {
  inbox_.close();
  const auto answer = ask();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
  EXPECT_NE(answer->body.find("\"shutting_down\""), std::string::npos) << answer->body;
  EXPECT_EQ(answer->headers, (std::vector<std::pair<std::string, std::string>>{{"Retry-After", "1"}}));
}

}  // namespace
}  // namespace pirn::api
