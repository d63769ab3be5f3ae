// What events say of the execution that they belong to, and journals that do not have it yet.
#include <gtest/gtest.h>

#include "host/journal/codec.h"

namespace pirn::journal {
namespace {

std::string text_of(const std::vector<Record>& records) {
  static const std::vector<std::string> kNames = {"first", "second"};
  TextWriter out;
  begin_body(out, 123);
  for (size_t i = 0; i < records.size(); ++i) append_event(out, i == 0, 1 + i, records[i], kNames);
  end_body(out);
  return std::string(out.view());
}

TEST(EventCodec, WhoWatchesOneEventOnlyKnowsOfWhatItIs) {
  const ExecutionId id{77};
  const std::string of = R"("workflow":"order","execution":")" + id.text() + '"';
  EXPECT_EQ(
      text_of({Begun{1, kNever, "order", id, "schedule"}, Compensating{2, "order", id, {"second", "first"}},
               RollbackStarted{1, 1, 9, {}, "order", id}, RollbackDone{1, 5, "order", id},
               RollbackFailed{0, nullptr, kNever, 6, "order", id}}),
      R"({"at":123,"events":[{"seq":1,"type":"workflow.start","attempt":1,)" + of +
          R"(,"trigger":"schedule"},)"
          R"({"seq":2,"type":"workflow.compensate","candidates":2,)" +
          of +
          R"(,"steps":["second","first"]},)"
          R"({"seq":3,"type":"rollback.start","step":"second","i":1,"attempt":1,"invocation":9,)" +
          of +
          R"(,"steps":["second"]},)"
          R"({"seq":4,"type":"rollback.stop","step":"second","i":1,"duration":5,)" +
          of +
          R"(,"steps":["second"]},)"
          R"({"seq":5,"type":"rollback.exception","step":"first","i":0,"duration":6,)" +
          of + R"(,"steps":["first"]}]})");
}

TEST(EventCodec, EventsOfOldJournalsAreRead) {
  const auto commit =
      decode_commit(R"({"at":1,"events":[{"seq":1,"type":"workflow.start","attempt":2,"deadline":9},)"
                    R"({"seq":2,"type":"step.interrupt","step":"first","i":0,"crashed":true},)"
                    R"({"seq":3,"type":"workflow.compensate","candidates":3},)"
                    R"({"seq":4,"type":"rollback.start","step":"first","i":0,"attempt":1,"invocation":7},)"
                    R"({"seq":5,"type":"rollback.exception","step":"first","i":0,"wake_at":5,"duration":4,)"
                    R"("error":{"code":"bad","message":"it is","class":"retryable"}},)"
                    R"({"seq":6,"type":"rollback.stop","step":"first","i":0,"duration":3}]})",
                    1);
  ASSERT_TRUE(commit) << describe(commit.error());
  const std::vector<Record>& records = commit->records;
  ASSERT_EQ(records.size(), 6u);
  const auto& begun = std::get<Begun>(records[0]);
  EXPECT_EQ(begun.attempt, 2u);
  EXPECT_EQ(begun.deadline, 9);
  EXPECT_EQ(begun.workflow + begun.trigger, "");
  EXPECT_FALSE(begun.execution);
  EXPECT_TRUE(std::get<StepInterrupted>(records[1]).crashed);
  EXPECT_EQ(std::get<StepInterrupted>(records[1]).cause, "");
  EXPECT_EQ(std::get<Compensating>(records[2]).candidates, 3u);
  EXPECT_TRUE(std::get<Compensating>(records[2]).steps.empty());
  EXPECT_EQ(std::get<RollbackStarted>(records[3]).invocation, 7u);
  EXPECT_EQ(std::get<RollbackFailed>(records[4]).wake_at, 5);
  EXPECT_FALSE(std::get<RollbackFailed>(records[4]).execution);
  EXPECT_EQ(std::get<RollbackDone>(records[5]).duration, 3);
}

}  // namespace
}  // namespace pirn::journal
