#include "host/events/outlets.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <latch>
#include <stdexcept>
#include <thread>

#include "host/journal/codec.h"

namespace pirn::events {
namespace {

using journal::Record;

std::string body(int64_t at, uint64_t first_seq, const std::vector<Record>& records) {
  static const std::vector<std::string> kNames = {"fetch", "report"};
  journal::TextWriter out;
  journal::begin_body(out, at);
  for (size_t i = 0; i < records.size(); ++i)
    journal::append_event(out, i == 0, first_seq + i, records[i], kNames);
  journal::end_body(out);
  return std::string(out.view());
}

constexpr int64_t kAt = 1'780'000'000'000'000'000;  // 2026-05-28T20:26:40Z
const ExecutionId kRun{77};

journal::Origin origin_of(const std::string& tenant) {
  journal::Origin origin;
  origin.tenant = tenant;
  origin.package = "etl";
  origin.workflow = "daily";
  return origin;
}

class Bench {
 public:
  explicit Bench(std::vector<OutletOptions> options, size_t limit = 1024)
      : outlets_(std::make_unique<Outlets>(
            std::move(options), [] { return kAt; },
            [this](const OutletFailure& failure) { failures.push_back(failure); }, limit)) {}
  Outlets* operator->() { return outlets_.get(); }
  // What waits is written, and all that was counted is final.
  std::vector<OutletHealth> finish() {
    auto health = outlets_->health("");
    outlets_.reset();
    return health;
  }

  std::vector<OutletFailure> failures;  // read after finish()

 private:
  std::unique_ptr<Outlets> outlets_;
};

std::string messages(const MemorySink& sink) {
  std::string all;
  for (const Envelope& each : sink.snapshot())
    all += each.type + " " + each.scope + " | " + each.message + "\n";
  return all;
}

TEST(Outlets, PutEveryEventIntoTheEnvelope) {
  const auto sink = std::make_shared<MemorySink>();
  Bench bench({{"memory", "", {}, sink}});
  journal::Failed failed;
  failed.error = std::make_shared<journal::StepError>(
      journal::StepError{"broken", "it broke", journal::ErrorClass::terminal, ""});
  journal::Stopped stopped;
  stopped.state = journal::FinalState::failed;
  bench->publish_commit(kRun, origin_of("acme"), 1, body(kAt, 1, {journal::StepStarted{0, 2, 9}}));
  bench->publish_commit(kRun, origin_of("acme"), 2,
                        body(kAt, 2, {journal::Emitted{1, "chapter", "the first", "{\"words\":4}"}}));
  bench->publish_live({kRun, "acme", "etl", "daily"}, "chunk",
                      R"({"at":5,"step":"report","attempt":1,"chunk":"Once","final":false})");
  bench->publish_live({kRun, "acme", "etl", "daily"}, "chunk",
                      R"({"at":6,"step":"report","attempt":1,"chunk":".","final":true})");
  bench->publish_commit(kRun, origin_of("acme"), 3, body(kAt, 3, {failed, stopped}));
  bench.finish();
  EXPECT_EQ(messages(*sink),
            "node step.start | fetch: step.start (attempt 2)\n"
            "node chapter | the first\n"
            "llm chunk | Once\n"
            "llm __pirn_stream_end__ | .\n"
            "diagnostic workflow.fail | workflow.fail: broken: it broke\n"
            "diagnostic workflow.stop | workflow.stop: failed\n"
            "diagnostic __pirn_stream_end__ | session=" +
                kRun.text() + " status=error step=3 error=broken\n");
  const auto all = sink->snapshot();
  const std::string json = all[1].json();
  const boost::json::object object = boost::json::parse(json).as_object();
  EXPECT_EQ(object.at("timestamp"), "2026-05-28T20:26:40Z");
  const boost::json::object& metadata = object.at("metadata").as_object();
  EXPECT_EQ(metadata.at("node_id"), "report");
  EXPECT_EQ(metadata.at("step"), 2);
  EXPECT_EQ(metadata.at("seq"), 2);
  EXPECT_EQ(metadata.at("tenant"), "acme");
  EXPECT_EQ(metadata.at("execution_id"), boost::json::string(kRun.text()));
  // Whatever the event, whoever watches a sink knows of what it is.
  for (const Envelope& each : all) {
    EXPECT_EQ(each.metadata.at("execution_id"), boost::json::string(kRun.text())) << each.scope;
    EXPECT_EQ(each.metadata.at("package"), "etl") << each.scope;
    EXPECT_EQ(each.metadata.at("workflow"), "daily") << each.scope;
  }
  EXPECT_EQ(metadata.at("details").at("words"), 4);
  EXPECT_EQ(all[0].metadata.at("attempt"), 2);
  EXPECT_EQ(all[2].metadata.at("is_final"), false);
  EXPECT_EQ(all[3].metadata.at("is_final"), true);
}

TEST(Outlets, GiveEachSinkWhatItIsFor) {
  const auto acme = std::make_shared<MemorySink>(), all = std::make_shared<MemorySink>(),
             stops = std::make_shared<MemorySink>();
  Bench bench(
      {{"acme", "acme", {"step.*"}, acme}, {"all", "", {}, all}, {"stops", "", {"end", "node"}, stops}});
  bench->publish_commit(kRun, origin_of("acme"), 1,
                        body(kAt, 1, {journal::StepReady{0}, journal::StepStarted{}}));
  bench->publish_commit(kRun, origin_of("blue"), 1,
                        body(kAt, 1, {journal::StepReady{0}, journal::Stopped{}}));
  bench.finish();
  EXPECT_EQ(acme->snapshot().size(), 2u);
  EXPECT_EQ(all->snapshot().size(), 5u);
  EXPECT_EQ(messages(*stops),
            "diagnostic __pirn_stream_end__ | session=" + kRun.text() + " status=completed step=1\n");
}

TEST(Outlets, ASinkThatFailsOrThrowsIsCountedAndItsNeighbourHearsAll) {
  const auto healthy = std::make_shared<MemorySink>();
  int calls = 0;
  const auto broken = std::make_shared<CallbackSink>([&](const Envelope&) -> Status {
    if (++calls == 1) throw std::runtime_error("it fell over");
    if (calls == 2) return Error{Code::io_failed, "no space"};
    return {};
  });
  Bench bench({{"broken", "", {}, broken}, {"healthy", "", {}, healthy}});
  for (uint32_t i = 1; i <= 3; ++i)
    bench->publish_commit(kRun, origin_of("acme"), i, body(kAt, i, {journal::StepReady{0}}));
  bench.finish();
  EXPECT_EQ(healthy->snapshot().size(), 3u);
  EXPECT_EQ(calls, 3);
  ASSERT_EQ(bench.failures.size(), 2u);
  EXPECT_EQ(bench.failures[0].error, "it fell over");
  EXPECT_EQ(bench.failures[1].error, "no space");
  EXPECT_EQ(bench.failures[1].occurrence, 2u);
  EXPECT_EQ(bench.failures[1].name, "broken");
}

TEST(Outlets, ASlowSinkLosesTheOldestAndTheLossIsCounted) {
  std::latch begun(1), go_on(1);
  std::vector<uint64_t> seen;
  const auto slow = std::make_shared<CallbackSink>([&](const Envelope& envelope) -> Status {
    if (seen.empty()) {
      begun.count_down();
      go_on.wait();
    }
    seen.push_back(envelope.metadata.at("seq").to_number<uint64_t>());
    return {};
  });
  Bench bench({{"slow", "acme", {}, slow}}, 4);
  bench->publish_commit(kRun, origin_of("acme"), 1, body(kAt, 1, {journal::StepReady{0}}));
  begun.wait();  // the first one is in its hands; the rest waits
  for (uint32_t i = 2; i <= 9; ++i)
    bench->publish_commit(kRun, origin_of("acme"), i, body(kAt, i, {journal::StepReady{0}}));
  const auto health = bench->health("acme");
  go_on.count_down();
  bench.finish();
  ASSERT_EQ(health.size(), 1u);
  EXPECT_EQ(health[0].lost, 4u);
  EXPECT_EQ(seen, (std::vector<uint64_t>{1, 6, 7, 8, 9}));
}

TEST(Outlets, CountWhatAFailingSinkLost) {
  int n = 0;
  std::latch over(1);
  const auto failing = std::make_shared<CallbackSink>([&](const Envelope&) -> Status {
    if (++n == 4) over.count_down();
    if (n % 2 == 0) throw std::runtime_error("broken");
    return n == 1 ? Status(Error{Code::io_failed, "no room"}) : Status();
  });
  Bench bench({{"failing", "acme", {}, failing}});
  for (uint32_t i = 1; i <= 4; ++i)
    bench->publish_commit(kRun, origin_of("acme"), i, body(kAt, i, {journal::StepReady{0}}));
  over.wait();
  while (bench->health("acme")[0].errors < 3) std::this_thread::yield();
  const auto health = bench.finish();
  EXPECT_EQ(health[0].written, 1u);
  EXPECT_EQ(health[0].errors, 3u);
  EXPECT_EQ(health[0].lost, 3u) << "an event whose writing failed is not written again";
}

TEST(Outlets, TenantsSeeTheirOwnHealthOnly) {
  Bench bench(
      {{"a", "acme", {}, std::make_shared<MemorySink>()}, {"b", "", {}, std::make_shared<MemorySink>()}});
  EXPECT_EQ(bench->health("acme").size(), 1u);
  EXPECT_EQ(bench->health("blue").size(), 0u);
  EXPECT_EQ(bench->health("").size(), 2u);
}

TEST(ChannelSink, HandsOverAndFailsWhenTheReceiverHasGone) {
  const auto sink = std::make_shared<ChannelSink>();
  {
    ChannelSink::Receiver receiver(sink);
    Envelope envelope;
    envelope.message = "a";
    ASSERT_TRUE(sink->write(envelope));
    EXPECT_EQ(receiver.receive()->message, "a");
    std::thread writer([&] { EXPECT_TRUE(sink->write(envelope)); });
    EXPECT_TRUE(receiver.receive());
    writer.join();
    sink->close();
    EXPECT_FALSE(receiver.receive());
    EXPECT_FALSE(sink->write(envelope));
  }
  const auto deserted = std::make_shared<ChannelSink>();
  { const ChannelSink::Receiver receiver(deserted); }
  const Status status = deserted->write({});
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("receiver"), std::string::npos);
}

TEST(MemorySink, ForgetsWhenAsked) {
  MemorySink sink;
  ASSERT_TRUE(sink.write({}));
  EXPECT_EQ(sink.snapshot().size(), 1u);
  sink.clear();
  EXPECT_TRUE(sink.snapshot().empty());
}

class Files : public ::testing::Test {
 protected:
  Files() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pirn-sinks-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~Files() override { std::filesystem::remove_all(directory_); }
  static std::string text(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string directory_;
};

Envelope said(const std::string& message) {
  Envelope envelope;
  envelope.type = "node";
  envelope.scope = "s";
  envelope.message = message;
  return envelope;
}

TEST_F(Files, JsonLinesAreAppendedAndTheFileMayBeMovedAway) {
  const std::string path = directory_ + "/events.jsonl";
  std::ofstream(path) << "{}\n";
  auto sink = JsonLinesSink::open(path);
  ASSERT_TRUE(sink);
  ASSERT_TRUE((*sink)->write(said("a\nb")));
  EXPECT_EQ(
      text(path),
      "{}\n{\"type\":\"node\",\"scope\":\"s\",\"message\":\"a\\nb\",\"timestamp\":\"1970-01-01T00:00:00Z\","
      "\"metadata\":{}}\n");
  std::filesystem::rename(path, path + ".1");
  ASSERT_TRUE((*sink)->write(said("c")));
  EXPECT_NE(text(path).find("\"c\""), std::string::npos);
  EXPECT_EQ(text(path + ".1").find("\"c\""), std::string::npos);
  EXPECT_EQ(std::filesystem::status(path).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_FALSE(JsonLinesSink::open(directory_ + "/none/events.jsonl"));
}

TEST_F(Files, StandardOutputGetsALineForPeople) {
  const std::string path = directory_ + "/out";
  std::FILE* file = std::fopen(path.c_str(), "w");
  StdoutSink sink(file);
  Envelope envelope = said("fetch: \x1b[2J step.stop");
  envelope.metadata["node_id"] = "fetch";
  envelope.metadata["step"] = 12;
  ASSERT_TRUE(sink.write(envelope));
  std::fclose(file);
  EXPECT_EQ(text(path), "[fetch@12] fetch: \\x1b[2J step.stop\n");
  std::FILE* full = std::fopen("/dev/full", "w");
  StdoutSink failing(full);
  EXPECT_FALSE(failing.write(envelope));
  std::fclose(full);
}

TEST(Wishes, AreNamesOrTheirBeginnings) {
  EXPECT_TRUE(wanted({}, "step.stop"));
  EXPECT_TRUE(wanted({"step.*"}, "step.stop"));
  EXPECT_TRUE(wanted({"x", "step.stop"}, "step.stop"));
  EXPECT_TRUE(wanted({"*"}, "chunk"));
  EXPECT_FALSE(wanted({"step.*"}, "workflow.stop"));
  EXPECT_FALSE(wanted({"step"}, "step.stop"));
}

}  // namespace
}  // namespace pirn::events
