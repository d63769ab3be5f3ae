#include "host/events/event_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <variant>
#include <vector>

#include "host/events/envelope.h"
#include "host/journal/codec.h"

namespace pirn::events {
namespace {

using journal::Record;

// A body as the engine writes it.
std::string body(int64_t at, uint64_t first_seq, const std::vector<Record>& records) {
  static const std::vector<std::string> kNames = {"fetch", "report"};
  journal::TextWriter out;
  journal::begin_body(out, at);
  for (size_t i = 0; i < records.size(); ++i)
    journal::append_event(out, i == 0, first_seq + i, records[i], kNames);
  journal::end_body(out);
  return std::string(out.view());
}

journal::ErrorPtr error() {
  return std::make_shared<journal::StepError>(
      journal::StepError{"broken", "a \"}]\\ b", journal::ErrorClass::terminal, "{\"a\":[1]}"});
}

template <class Kind>
Record example_of() {
  Kind record{};
  if constexpr (requires { record.origin; }) record.origin = journal::make_origin({});
  if constexpr (requires { record.await; }) record.await = std::make_shared<journal::Await>();
  if constexpr (requires { record.children; })
    record.children = std::make_shared<std::vector<journal::Child>>();
  return record;
}

// The type of the record of each kind, as the journal writes it.
template <size_t... kKinds>
std::vector<std::string> types_of_records(std::index_sequence<kKinds...>) {
  std::vector<std::string> types;
  const auto add = [&](const Record& record) {
    const std::string text = body(1, 1, {record});
    const size_t begin = text.find("\"type\":\"") + 8;
    types.push_back(text.substr(begin, text.find('"', begin) - begin));
  };
  (add(example_of<std::variant_alternative_t<kKinds, Record>>()), ...);
  return types;
}

TEST(EventNames, HaveWhatTheJournalWrites) {
  const auto types = types_of_records(std::make_index_sequence<std::variant_size_v<Record>>());
  const std::vector<std::string>& names = event_names();
  for (const std::string& type : types)
    EXPECT_NE(std::find(names.begin(), names.end(), type), names.end()) << type;
  EXPECT_GT(types.size(), 30u);
}

TEST(EventText, FindsEachEventOfWhatTheJournalWrites) {
  journal::StepFailed failed;
  failed.error = error();
  const std::string text =
      body(77, 5, {journal::StepStarted{}, failed, journal::Diagnostic{"c", "odd: ]}\"", 1}});
  std::vector<std::string> types;
  std::string out;
  ASSERT_TRUE(for_each_event(text, [&](const EventView& event) {
    EXPECT_EQ(event.at, 77);
    EXPECT_EQ(event.seq, 5 + types.size());
    types.emplace_back(event.type);
    append_event(out, event, 3);
    out += '\n';
  }));
  EXPECT_EQ(types, (std::vector<std::string>{"step.start", "step.exception", "diagnostic"}));
  EXPECT_EQ(out.substr(0, out.find(",\"step\"")),
            "{\"at\":77,\"commit\":3,\"seq\":5,\"type\":\"step.start\"");
}

TEST(EventText, RefusesWhatIsNoBody) {
  const std::string whole = body(1, 1, {journal::StepReady{0}, journal::StepReady{1}});
  ASSERT_TRUE(for_each_event(whole, [](const EventView&) {}));
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(for_each_event(whole.substr(0, size), [](const EventView&) {})) << size;
  EXPECT_FALSE(for_each_event(whole + " ", [](const EventView&) {}));
}

TEST(EventStream, WritesACommitOnceHoweverOftenItIsOffered) {
  EventStream stream(ExecutionId{9}, {});
  std::string out;
  ASSERT_TRUE(stream.commit(out, 1, body(1, 1, {journal::StepReady{0}})));
  const std::string once = out;
  EXPECT_EQ(once.substr(0, 6), "id: 1\n");
  ASSERT_TRUE(stream.commit(out, 1, body(1, 1, {journal::StepReady{0}})));
  EXPECT_EQ(out, once);
  EXPECT_EQ(stream.last_commit(), 1u);
}

TEST(EventStream, GoesOnBehindWhatTheClientHas) {
  EventStream stream(ExecutionId{9}, {2, 0});
  std::string out;
  ASSERT_TRUE(stream.commit(
      out, 1, body(1, 1, {journal::StepReady{0}, journal::StepStarted{}, journal::StepReady{1}})));
  EXPECT_EQ(out.find("id: 1\n"), std::string::npos);
  EXPECT_EQ(out.find("id: 2\n"), std::string::npos);
  EXPECT_EQ(out.find("id: 3\n"), 0u);
}

TEST(EventStream, EndsWithTheSentinelAndItsError) {
  EventStream stream(ExecutionId{9}, {});
  std::string out;
  journal::Failed failed;
  failed.error = error();
  journal::Stopped stopped;
  stopped.state = journal::FinalState::failed;
  ASSERT_TRUE(stream.commit(out, 4, body(1, 1, {failed, stopped})));
  const std::string end = out.substr(out.find("event: end"));
  EXPECT_NE(end.find("\"status\":\"error\",\"state\":\"failed\",\"step\":4,\"error\":{"), std::string::npos)
      << end;
  EXPECT_NE(end.find("\"code\":\"broken\""), std::string::npos) << end;
  EXPECT_NE(end.find(ExecutionId{9}.text()), std::string::npos);
  EXPECT_TRUE(stream.ended());
  ASSERT_TRUE(stream.commit(out, 5, body(1, 3, {journal::StepReady{0}})));
  EXPECT_EQ(out.find("id: 3\n"), std::string::npos);
}

TEST(EventStream, TellsOfAGap) {
  EventStream stream(ExecutionId{9}, {7, 0});
  std::string out;
  stream.gap(out, 12);
  EXPECT_EQ(out, "event: gap\ndata: {\"lost\":12,\"after\":7}\n\n");
  out.clear();
  stream.live(out, "log", "{\"message\":\"x\"}");
  EXPECT_EQ(out, "event: log\ndata: {\"message\":\"x\"}\n\n");
}

TEST(EventStream, GivesWhatIsKeptAPositionAndWritesItOnce) {
  EventStream stream(ExecutionId{9}, {1, 20});
  std::string out;
  stream.live(out, "chunk", "{}", 20);
  EXPECT_EQ(out, "") << "the client has it";
  stream.live(out, "chunk", "{}", 21);
  stream.live(out, "chunk", "{}", 21);
  EXPECT_EQ(out, "id: 1.21\nevent: chunk\ndata: {}\n\n");
  out.clear();
  ASSERT_TRUE(stream.commit(out, 2, body(1, 2, {journal::StepReady{0}})));
  EXPECT_EQ(out.rfind("id: 2.21\n", 0), 0u) << out;
}

TEST(Position, IsReadAsItIsWritten) {
  for (const Position position :
       {Position{}, Position{7, 0}, Position{7, 9}, Position{UINT64_MAX, UINT64_MAX}}) {
    std::string text;
    append_position(text, position);
    const auto back = parse_position(text);
    ASSERT_TRUE(back) << text;
    EXPECT_EQ(back->seq, position.seq);
    EXPECT_EQ(back->line, position.line);
  }
  for (const char* wrong : {"", "x", "-1", "1.", ".1", "1.2.3", "1 ", "18446744073709551616"})
    EXPECT_FALSE(parse_position(wrong)) << wrong;
}

}  // namespace
}  // namespace pirn::events
