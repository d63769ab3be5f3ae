#include "host/worker/await_options.h"

#include <gtest/gtest.h>
#include <pirn/abi.h>

namespace pirn::worker {
namespace {

registry::Release release() {
  registry::Release release;
  release.functions = {
      {"escalate", PIRN_KIND_HANDLER}, {"work", PIRN_KIND_TASK}, {"ask", PIRN_KIND_CONDITION}};
  return release;
}

TEST(AwaitOptions, AreAllTaken) {
  const auto read = read_await_options(
      R"({"notify":{"to":["a"],"channel":"#ops"},"approvers":["ada","grace"],"timeout":"48h","on_timeout":"escalate","kind":"review"})",
      release());
  ASSERT_TRUE(read) << describe(read.error());
  EXPECT_EQ(read->await.notify, R"({"channel":"#ops","to":["a"]})");
  EXPECT_EQ(read->await.approvers, (std::vector<std::string>{"ada", "grace"}));
  EXPECT_EQ(read->timeout, std::optional<int64_t>(48ll * 3600 * 1'000'000'000));
  EXPECT_EQ(read->await.on_timeout, "escalate");
  EXPECT_EQ(read->await.kind, "review");
}

TEST(AwaitOptions, AreAllOptional) {
  const auto read = read_await_options("{}", release());
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->timeout);
  EXPECT_TRUE(read->await.approvers.empty());
  EXPECT_EQ(read->await.kind + read->await.notify + read->await.on_timeout, "");
  EXPECT_EQ(read->await.deadline, journal::kNever);
}

TEST(AwaitOptions, TimeoutsAreDurationsOrMilliseconds) {
  EXPECT_EQ(read_await_options(R"({"timeout":1500})", release())->timeout,
            std::optional<int64_t>(1'500'000'000));
  EXPECT_EQ(read_await_options(R"({"timeout":"infinity"})", release())->timeout,
            std::optional<int64_t>(journal::kNever));
}

TEST(AwaitOptions, ATaskMayServeAsAHandler) {
  EXPECT_EQ(read_await_options(R"({"on_timeout":"work"})", release())->await.on_timeout, "work");
}

TEST(AwaitOptions, WhatMakesNoSenseIsRefusedByName) {
  for (const auto& [options, part] : std::initializer_list<std::pair<std::string, std::string>>{
           {"", ""},
           {"[]", "object"},
           {R"({"timeout":0})", "timeout"},
           {R"({"timeout":-1})", "timeout"},
           {R"({"timeout":"soon"})", "timeout"},
           {R"({"timeout":1.5})", "timeout"},
           {R"({"timeout":true})", "timeout"},
           {R"({"timeout":9223372036854775807})", "timeout"},
           {R"({"approvers":"ada"})", "approvers"},
           {R"({"approvers":[1]})", "approvers"},
           {R"({"approvers":[""]})", "approvers"},
           {R"({"on_timeout":"nobody"})", "on_timeout"},
           {R"({"on_timeout":"ask"})", "on_timeout"},
           {R"({"on_timeout":1})", "on_timeout"},
           {R"({"kind":"No Name"})", "kind"},
           {R"({"kind":1})", "kind"},
           {R"({"kind":"intervention"})", "intervention"},
           {R"({"unknown":1})", "unknown"},
           {R"({"kind":"a","kind":"b"})", "kind"}}) {
    const auto read = read_await_options(options, release());
    ASSERT_FALSE(read) << options;
    EXPECT_EQ(read.error().code, Code::invalid_argument);
    EXPECT_NE(read.error().message.find(part), std::string::npos) << read.error().message;
  }
}

}  // namespace
}  // namespace pirn::worker
