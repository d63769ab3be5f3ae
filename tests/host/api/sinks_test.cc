// The sinks of a program that embeds a host: in memory, through a channel, to a function; of one tenant or of
// all, and of chosen events. What the configuration file can name is tested by tests/e2e/observing.sh.
#include "host/events/sink.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>

#include "tests/host/api/teller.h"

namespace pirn::api {
namespace {

std::string text_in(const events::Envelope& envelope, const char* member) {
  const boost::json::value* value = envelope.metadata.if_contains(member);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : "";
}

TEST(GivenSinks, HaveTheEventsOfTheirTenantThatTheyWishFor) {
  const Teller teller;
  const auto memory = std::make_shared<events::MemorySink>();
  const auto channel = std::make_shared<events::ChannelSink>();
  std::mutex mutex;
  std::vector<std::string> called;  // guarded by mutex
  const auto callback = std::make_shared<events::CallbackSink>([&](const events::Envelope& envelope) {
    const std::lock_guard lock(mutex);
    called.push_back(text_in(envelope, "tenant") + " " + envelope.scope);
    return Status();
  });
  std::string ours, theirs;
  {
    events::ChannelSink::Receiver receiver(channel);
    TestHost host([&](HostOptions& options) {
      options.probe_program = PIRN_PROBE_PROGRAM;
      options.sinks = {{.name = "memory", .tenant = "acme", .events = {"step.*", "node"}, .sink = memory},
                       {.name = "channel", .tenant = "acme", .sink = channel},
                       {.name = "callback", .events = {"workflow.stop"}, .sink = callback}};
    });
    teller.deploy(host, "acme");
    teller.deploy(host, "blue");
    theirs = start(host, "blue");
    ours = start(host, "acme");
    // The channel has all that there is of acme, in order, up to the sentinel.
    std::string scopes, pieces;
    for (bool ended = false; !ended;) {
      const std::optional<events::Envelope> envelope = receiver.receive();
      ASSERT_TRUE(envelope);
      EXPECT_EQ(text_in(*envelope, "execution_id"), ours);
      if (envelope->type == "llm")
        pieces += envelope->message;
      else
        scopes += (scopes.empty() ? "" : " ") + envelope->scope;
      ended = envelope->message.starts_with("session=" + ours + " status=completed");
    }
    EXPECT_EQ(pieces, "the end");
    EXPECT_EQ(scopes,
              "workflow.create workflow.start step.ready step.start story step.stop workflow.stop "
              "__pirn_stream_end__");
    const std::string listed = host.local("GET", "/v1/sinks?tenant=acme").body;
    EXPECT_NE(listed.find("\"memory\""), std::string::npos) << listed;
    EXPECT_NE(listed.find("\"channel\""), std::string::npos) << listed;
    EXPECT_EQ(host.local("GET", "/v1/sinks?tenant=blue").body.find("\"memory\""), std::string::npos)
        << "a tenant sees its own";
    while (host.local("GET", "/v1/executions/" + theirs + "?tenant=blue").member("state") != "completed") {
    }
  }  // the end of the host writes what waits

  std::vector<std::string> kept;
  for (const events::Envelope& envelope : memory->snapshot()) {
    EXPECT_EQ(text_in(envelope, "tenant"), "acme");
    kept.push_back(envelope.type + " " + envelope.scope);
  }
  EXPECT_EQ(kept,
            (std::vector<std::string>{"node step.ready", "node step.start", "node story", "node step.stop"}));
  const std::lock_guard lock(mutex);
  std::sort(called.begin(), called.end());
  EXPECT_EQ(called, (std::vector<std::string>{"acme workflow.stop", "blue workflow.stop"}));
}

}  // namespace
}  // namespace pirn::api
