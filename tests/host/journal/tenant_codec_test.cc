#include "host/journal/tenant_codec.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "host/journal/codec.h"
#include "tests/host/journal/generate.h"

namespace pirn::journal {
namespace {

ScheduleName any_schedule() { return {any_text(), any_text()}; }
ExecutionId any_execution() { return {*rc::gen::inRange<uint64_t>(kTenantStreams, uint64_t(1) << 62)}; }
int64_t any_next() { return coin() ? kNever : any_ns(); }
std::string any_terms() {
  std::string text = "{\"cron\":[";
  append_json_string(text, any_text());
  return text + "]}";
}

std::vector<ExecutionId> any_executions() {
  std::vector<ExecutionId> ids;
  for (int n = *rc::gen::inRange(0, 3); n > 0; --n) ids.push_back(any_execution());
  return ids;
}
DeadLetter any_letter() {
  return {any_text(), any_text(), any_text(), any_text(), any_text(), *rc::gen::inRange<uint32_t>(0, 9),
          any_ns(),   any_next()};
}
Circuit any_circuit() { return static_cast<Circuit>(*rc::gen::inRange(0, 3)); }
uint32_t any_count() { return *rc::gen::inRange<uint32_t>(0, 4); }

std::vector<TenantRecord> one_of_each() {
  return {
      TenantOpened{any_text()},
      ScheduleSet{any_schedule(), any_terms(), any_ns(), any_next()},
      ScheduleRemoved{any_schedule()},
      ScheduleFired{any_schedule(), static_cast<Firing>(*rc::gen::inRange(0, 3)), any_ns(), any_execution(),
                    any_next()},
      ScheduleSkipped{any_schedule(), static_cast<ScheduleSkip>(*rc::gen::inRange(0, 5)), any_ns(), any_ns(),
                      any_next()},
      SchedulePaused{any_schedule()},
      ScheduleResumed{any_schedule(), any_next()},
      EventEmitted{any_text(), any_text(), any_executions(), {}, {}},
      EventEmitted{
          any_text(), any_text(), {}, {{any_schedule(), any_text()}, {any_schedule(), "x"}}, any_digest()},
      DeadLetterInserted{any_execution(), any_letter()},
      DeadLetterRetried{any_execution(), any_execution()},
      DeadLetterDeleted{any_execution()},
      DeadLettersPruned{static_cast<DeadLetterPrune>(*rc::gen::inRange(0, 3)), any_executions()},
      CircuitCounted{any_text(), any_count(), any_count()},
      CircuitTripped{any_text(), any_count(), any_execution(), any_text(), any_text()},
      CircuitReset{any_text(), any_text()},
      CircuitChanged{any_text(), any_circuit(), any_circuit(), any_ns()},
      ScheduleRewound{any_schedule(), any_ns()},
      ClockStarted{any_ns(), any_ns(), any_ns(), any_text()},
      ClockJumped{any_ns(), any_ns()},
      TenantShifted{any_ns(), {}},
      TenantShifted{any_ns(), {any_schedule(), any_schedule()}}};
}

TEST(TenantCodec, TheGeneratorKnowsEveryRecord) {
  EXPECT_TRUE(rc::check("one of each alternative, in order", [] {
    const auto records = one_of_each();
    std::vector<size_t> alternatives;
    for (const TenantRecord& record : records)
      if (alternatives.empty() || alternatives.back() != record.index())
        alternatives.push_back(record.index());
    RC_ASSERT(alternatives.size() == std::variant_size_v<TenantRecord>);
    for (size_t i = 0; i < alternatives.size(); ++i) RC_ASSERT(alternatives[i] == i);
  }));
}

std::string encode(const std::vector<TenantRecord>& records, int64_t at, uint64_t first_seq) {
  TextWriter body;
  begin_body(body, at);
  for (size_t i = 0; i < records.size(); ++i) append_tenant_event(body, i == 0, first_seq + i, records[i]);
  end_body(body);
  return std::string(body.view());
}

// What is written again of what was read is the same text: no member is lost and none is mistaken.
RC_GTEST_PROP(TenantCodec, EveryRecordIsReadAsItWasWritten, ()) {
  const auto records = one_of_each();
  const int64_t at = any_ns();
  const std::string body = encode(records, at, 17);
  const auto commit = decode_tenant_commit(body, kTenantSchema);
  if (!commit) RC_FAIL(describe(commit.error()));
  RC_ASSERT(commit->at == at);
  RC_ASSERT(commit->first_seq == 17u);
  RC_ASSERT(encode(commit->records, at, 17) == body);
}

TEST(TenantCodec, ABodyIsWhatClientsSee) {
  const ScheduleName daily{"etl", "daily"};
  EXPECT_EQ(
      encode({TenantOpened{"acme"}, ScheduleSet{daily, R"({"cron":["@daily"]})", 5, 6},
              ScheduleFired{daily, Firing::regular, 6, {kTenantStreams}, kNever},
              ScheduleSkipped{daily, ScheduleSkip::max_running, 6, 7, 8}},
             9, 1),
      R"({"at":9,"events":[{"seq":1,"type":"tenant.open","tenant":"acme"},)"
      R"({"seq":2,"type":"schedule.set","package":"etl","workflow":"daily","terms":{"cron":["@daily"]},)"
      R"("registered_at":5,"next":6},)"
      R"({"seq":3,"type":"schedule.fire","package":"etl","workflow":"daily","firing":"regular","instant":6,)"
      R"("execution":"0000000020000"},)"
      R"({"seq":4,"type":"schedule.skip","package":"etl","workflow":"daily","reason":"max_running","from":6,)"
      R"("until":7,"next":8}]})");
}

RC_GTEST_PROP(TenantCodec, AStateIsReadAsItWasWritten, ()) {
  TenantState state;
  state.stream = {*rc::gen::inRange<uint64_t>(1, kTenantStreams)};
  state.tenant = any_text();
  state.next_seq = *rc::gen::inRange<uint64_t>(1, 1'000'000);
  state.next_commit = *rc::gen::inRange<uint32_t>(1, 1'000'000);
  for (int n = *rc::gen::inRange(0, 4); n > 0; --n) {
    ScheduleState schedule{any_terms(), any_ns(), any_next(),         coin(), 3, 0, any_ns(), {},
                           0,           {},       coin() ? kNever : 0};
    if (coin()) schedule.last_execution = any_execution();
    if (coin()) {
      schedule.last_skip = 1 + std::abs(any_ns() / 2);
      schedule.skips = 2;
      schedule.skip_reason = ScheduleSkip::resources_insufficient;
    }
    state.schedules.emplace(any_schedule(), schedule);
  }
  for (int n = *rc::gen::inRange(0, 4); n > 0; --n) state.letters.emplace(any_execution(), any_letter());
  for (int n = *rc::gen::inRange(0, 4); n > 0; --n)
    state.breakers.emplace(any_text(),
                           BreakerState{any_circuit(), any_count(), any_count(), any_ns(), any_ns(),
                                        coin() ? any_execution() : ExecutionId(), any_text(), any_text()});
  if (coin()) state.clock = {any_ns(), any_ns(), any_text(), 3, any_ns(), any_ns()};
  TextWriter text;
  append_tenant_state(text, state);
  const auto read = decode_tenant_state(text.view());
  if (!read) RC_FAIL(describe(read.error()));
  RC_ASSERT(*read == state);
}

TEST(TenantCodec, AnEventIsKeptWithWhatItStarted) {
  TextWriter text;
  append_event_row(text, {"user.created", "e-1", {{kTenantStreams}, {kTenantStreams + 1}}});
  EXPECT_EQ(text.view(), R"({"event":"user.created","executions":["0000000020000","0000000020001"]})");
  const auto read = decode_event_row(text.view());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->event, "user.created");
  EXPECT_EQ(read->executions, (std::vector<ExecutionId>{{kTenantStreams}, {kTenantStreams + 1}}));
  EXPECT_FALSE(decode_event_row("[]"));
}

TEST(TenantCodec, WhatDoesNotFitIsNamed) {
  const auto why = [](std::string_view body, uint32_t schema = kTenantSchema) {
    const auto commit = decode_tenant_commit(body, schema);
    if (commit) return std::string("no error");
    EXPECT_EQ(commit.error().code, Code::journal_corrupt);
    return commit.error().message;
  };
  const auto has = [&](const std::string& message, std::string_view part) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  has(why(R"({"at":1,"events":[{"seq":1,"type":"schedule.dance"}]})"), "'schedule.dance'");
  has(why(R"({"at":1,"events":[{"seq":1,"type":"schedule.pause","package":"p"}]})"), "'workflow' is missing");
  has(why(R"({"at":1,"events":[{"seq":1,"type":"tenant.open","tenant":"t"},{"seq":3,"type":"tenant.open"}]})"),
      "sequence");
  has(why(R"({"at":1,"events":[{"seq":1,"type":"schedule.skip","package":"p","workflow":"w","reason":"x"}]})"),
      "'x' is no known name");
  has(why(R"({"events":[]})"), "'at' is missing");
  has(why(R"({"at":1,"events":[]})", kTenantSchema + 1), "schema 2");
  has(why(R"({"at":1,"events":[{"seq":1,"type":"dead_letter.insert","execution":"0000000020000"}]})"),
      "'package' is missing");
  has(why(R"({"at":1,"events":[{"seq":1,"type":"circuit.state_change","breaker":"b","from":"closed","to":"ajar"}]})"),
      "'ajar' is no known name");
  EXPECT_FALSE(decode_tenant_state(R"({"stream":"0000000000001"})"));
}

// As it was written before there were dead letters and breakers.
TEST(TenantCodec, AStateWithoutLettersAndBreakersHasNone) {
  const auto state = decode_tenant_state(
      R"({"stream":"0000000000001","tenant":"t","next_seq":2,"next_commit":2,"schedules":[]})");
  ASSERT_TRUE(state);
  EXPECT_TRUE(state->letters.empty() && state->breakers.empty());
}

TEST(TenantCodec, LettersAndBreakersAreWhatClientsSee) {
  const ExecutionId failed{kTenantStreams}, again{kTenantStreams + 1};
  EXPECT_EQ(
      encode({DeadLetterInserted{failed, {"shop", "1.0.0", "order", "declined", "charge", 2, 5, kNever}},
              DeadLetterRetried{failed, again}, DeadLetterDeleted{failed},
              DeadLettersPruned{DeadLetterPrune::expired, {failed}}, CircuitCounted{"bank", 4, 0},
              CircuitTripped{"bank", 5, failed, "charge", "timeout"},
              CircuitChanged{"bank", Circuit::closed, Circuit::open, 30}, CircuitReset{"bank", "ada"}},
             9, 1),
      R"({"at":9,"events":[{"seq":1,"type":"dead_letter.insert","execution":"0000000020000","package":"shop",)"
      R"("version":"1.0.0","workflow":"order","code":"declined","step":"charge","attempts":2,"failed_at":5},)"
      R"({"seq":2,"type":"dead_letter.retry","execution":"0000000020000","started":"0000000020001"},)"
      R"({"seq":3,"type":"dead_letter.delete","execution":"0000000020000"},)"
      R"({"seq":4,"type":"dead_letter.prune","reason":"expired","executions":["0000000020000"]},)"
      R"({"seq":5,"type":"circuit.count","breaker":"bank","failures":4},)"
      R"({"seq":6,"type":"circuit.trip","breaker":"bank","failures":5,"execution":"0000000020000",)"
      R"("step":"charge","code":"timeout"},)"
      R"({"seq":7,"type":"circuit.state_change","breaker":"bank","from":"closed","to":"open","until":30},)"
      R"({"seq":8,"type":"circuit.reset","breaker":"bank","by":"ada"}]})");
}

}  // namespace

TEST(TenantState, AScheduleAdvancesByItsRegularFiresAndSkips) {
  const ScheduleName daily{"etl", "daily"};
  TenantState state;
  const auto apply_at = [&](int64_t at, const TenantRecord& record) { apply(state, record, at); };
  apply_at(1, TenantOpened{"acme"});
  apply_at(1, ScheduleSet{daily, "{}", 1, 10});
  const ScheduleState& schedule = state.schedules.at(daily);
  EXPECT_EQ(state.tenant, "acme");
  EXPECT_EQ(schedule.next, 10);

  apply_at(11, ScheduleFired{daily, Firing::regular, 10, {kTenantStreams + 1}, 20});
  EXPECT_EQ(schedule.next, 20);
  EXPECT_EQ(schedule.last_fire, 10);
  apply_at(15, ScheduleFired{daily, Firing::trigger, 15, {kTenantStreams + 2}, 99});
  apply_at(15, ScheduleFired{daily, Firing::backfill, 3, {kTenantStreams + 3}, 99});
  EXPECT_EQ(schedule.next, 20) << "what somebody asks for leaves the timetable alone";
  EXPECT_EQ(schedule.last_fire, 10);
  EXPECT_EQ(schedule.last_execution, ExecutionId{kTenantStreams + 3});
  EXPECT_EQ(schedule.fires, 3u);

  apply_at(41, ScheduleSkipped{daily, ScheduleSkip::max_running, 20, 21, 30});
  EXPECT_EQ(schedule.next, 30);
  EXPECT_EQ(schedule.skips, 1u);
  EXPECT_EQ(schedule.last_skip, 41);
  EXPECT_EQ(schedule.skip_reason, ScheduleSkip::max_running);

  apply_at(42, SchedulePaused{daily});
  apply_at(43, ScheduleSet{daily, R"({"every":"1h"})", 43, 50});
  EXPECT_TRUE(schedule.paused) << "a deployment does not undo what an operator did";
  EXPECT_EQ(schedule.fires, 0u);
  apply_at(60, ScheduleResumed{daily, 70});
  EXPECT_FALSE(schedule.paused);
  EXPECT_EQ(schedule.next, 70);
  apply_at(61, EventEmitted{"e", "", {}, {}, {}});
  apply_at(62, ScheduleRemoved{daily});
  EXPECT_TRUE(state.schedules.empty());
  EXPECT_EQ(state.next_seq, 12u);
}

TEST(TenantState, AScheduleThatKeepsItsRegistrationKeepsItsCount) {
  TenantState state;
  const auto apply_at = [&](int64_t at, const TenantRecord& record) { apply(state, record, at); };
  const ScheduleName daily{"etl", "daily"};
  apply_at(1, TenantOpened{"acme"});
  apply_at(1, ScheduleSet{daily, R"({"every":"1h"})", 1, 10});
  apply_at(11, ScheduleFired{daily, Firing::regular, 10, {kTenantStreams + 1}, 20});
  apply_at(12, ScheduleSet{daily, R"({"every":"1h","misfire":"all"})", 1, 20});
  EXPECT_EQ(state.schedules.at(daily).fires, 1u);
  EXPECT_EQ(state.schedules.at(daily).last_fire, 10);
  apply_at(13, ScheduleRewound{daily, 15});
  EXPECT_EQ(state.schedules.at(daily).next, 15);
  EXPECT_EQ(state.schedules.at(daily).reached, 20) << "what lies before has had its turn";
  EXPECT_FALSE(replay(state, ScheduleRewound{daily, 15}, 13)) << "that is no way back";
  apply_at(14, SchedulePaused{daily});
  apply_at(15, ScheduleResumed{daily, 14});
  EXPECT_EQ(state.schedules.at(daily).reached, 20);
  apply_at(16, ScheduleSet{daily, R"({"every":"1h"})", 1, 14});
  EXPECT_EQ(state.schedules.at(daily).reached, 0) << "with other bounds others may come before";
}

TEST(TenantState, TheHostsOwnStreamKnowsTheClock) {
  TenantState host;
  apply(host, TenantOpened{std::string(kHostStream)}, 1);
  apply(host, ClockStarted{100, 7, 0, "boot"}, 1);
  apply(host, ClockJumped{50, 57}, 20);
  EXPECT_EQ(host.clock, (ClockState{100, 57, "boot", 1, 50, 20}));
  TenantState tenant;
  apply(tenant, TenantOpened{"acme"}, 1);
  EXPECT_FALSE(replay(tenant, ClockJumped{50, 57}, 20));
}

TEST(TenantState, AShiftMovesWhatIsPendingInEngineTime) {
  TenantState state;
  const auto apply_at = [&](int64_t at, const TenantRecord& record) { apply(state, record, at); };
  const ScheduleName delay{"etl", "delay"}, daily{"etl", "daily"};
  apply_at(1, TenantOpened{"acme"});
  apply_at(1, ScheduleSet{delay, R"({"in":"1h"})", 1, 10});
  apply_at(1, ScheduleSet{daily, R"({"every":"1h"})", 1, 10});
  DeadLetter letter;
  letter.expires_at = 90;
  apply_at(2, DeadLetterInserted{{kTenantStreams + 1}, letter});
  apply_at(3, CircuitChanged{"bank", Circuit::closed, Circuit::open, 80});
  apply_at(4, TenantShifted{5, {delay}});
  EXPECT_EQ(state.schedules.at(delay).registered_at, 6);
  EXPECT_EQ(state.schedules.at(delay).next, 15);
  EXPECT_EQ(state.schedules.at(daily).next, 10);
  EXPECT_EQ(state.letters.begin()->second.expires_at, 95);
  EXPECT_EQ(state.breakers.at("bank").since, 8);
  EXPECT_EQ(state.breakers.at("bank").until, 85);
}

TEST(TenantState, ALetterIsThereUntilSomebodyDecides) {
  TenantState state;
  const auto apply_at = [&](int64_t at, const TenantRecord& record) { apply(state, record, at); };
  const auto id = [](uint64_t n) { return ExecutionId{kTenantStreams + n}; };
  apply_at(1, TenantOpened{"acme"});
  DeadLetter letter;
  letter.code = "declined";
  for (uint64_t n = 1; n <= 5; ++n) apply_at(5, DeadLetterInserted{id(n), letter});
  EXPECT_EQ(state.letters.at(id(3)), letter);
  apply_at(6, DeadLetterRetried{id(1), id(9)});
  apply_at(6, DeadLetterDeleted{id(2)});
  apply_at(6, DeadLettersPruned{DeadLetterPrune::expired, {id(3), id(5)}});
  ASSERT_EQ(state.letters.size(), 1u);
  EXPECT_TRUE(state.letters.contains(id(4)));
}

TEST(TenantState, ABreakerCountsAnewInEachState) {
  TenantState state;
  const auto apply_at = [&](int64_t at, const TenantRecord& record) { apply(state, record, at); };
  apply_at(1, TenantOpened{"acme"});
  apply_at(2, CircuitCounted{"bank", 1, 0});
  EXPECT_EQ(state.breakers.at("bank").failures, 1u);
  apply_at(3, CircuitCounted{"bank", 0, 0});
  EXPECT_TRUE(state.breakers.empty()) << "one without failures needs no state";
  apply_at(4, CircuitCounted{"bank", 2, 0});
  apply_at(5, CircuitTripped{"bank", 3, {kTenantStreams}, "charge", "timeout"});
  apply_at(5, CircuitChanged{"bank", Circuit::closed, Circuit::open, 35});
  const BreakerState open{Circuit::open, 0, 0, 5, 35, {kTenantStreams}, "charge", "timeout"};
  EXPECT_EQ(state.breakers.at("bank"), open);
  apply_at(36, CircuitChanged{"bank", Circuit::open, Circuit::half_open, 0});
  apply_at(37, CircuitCounted{"bank", 0, 1});
  EXPECT_EQ(state.breakers.at("bank").successes, 1u);
  apply_at(38, CircuitReset{"bank", ""});
  apply_at(38, CircuitChanged{"bank", Circuit::half_open, Circuit::closed, 0});
  EXPECT_TRUE(state.breakers.empty());
}

// What a disk tells may be nonsense: that is found out, and nothing ends.
TEST(TenantState, WhatCannotFollowIsRefused) {
  const ScheduleName daily{"etl", "daily"};
  const ExecutionId id{kTenantStreams};
  TenantState whole;
  apply(whole, TenantOpened{"acme"}, 1);
  apply(whole, ScheduleSet{daily, "{}", 1, 10}, 1);
  apply(whole, DeadLetterInserted{id, {}}, 1);
  apply(whole, CircuitTripped{"open", 1, id, "s", "e"}, 1);
  apply(whole, CircuitChanged{"open", Circuit::closed, Circuit::open, 9}, 1);
  const std::vector<TenantRecord> impossible = {
      TenantOpened{"acme"},
      ScheduleRemoved{{"etl", "weekly"}},
      ScheduleFired{daily, Firing::regular, 10, id, 10},
      ScheduleFired{{"etl", "weekly"}, Firing::trigger, 1, id, 2},
      ScheduleSkipped{daily, ScheduleSkip::misfire, 10, 10, 20},
      ScheduleSkipped{daily, ScheduleSkip::misfire, 10, 20, 15},
      ScheduleResumed{daily, 20},
      SchedulePaused{{"etl", "weekly"}},
      DeadLetterInserted{id, {}},
      DeadLetterRetried{{id.value + 1}, id},
      DeadLetterDeleted{{id.value + 1}},
      DeadLettersPruned{DeadLetterPrune::asked, {id, id}},
      CircuitCounted{"open", 1, 0},
      CircuitCounted{"closed", 0, 1},
      CircuitTripped{"open", 1, id, "s", "e"},
      CircuitChanged{"open", Circuit::closed, Circuit::open, 9},
      CircuitChanged{"open", Circuit::open, Circuit::open, 9},
  };
  for (size_t i = 0; i < impossible.size(); ++i) {
    TenantState state = whole;
    EXPECT_FALSE(replay(state, impossible[i], 2)) << i;
  }
  TenantState fresh;
  EXPECT_FALSE(replay(fresh, CircuitCounted{"b", 1, 0}, 1)) << "a stream begins by saying whose it is";
  EXPECT_TRUE(replay(whole, SchedulePaused{daily}, 2));
  EXPECT_FALSE(replay(whole, SchedulePaused{daily}, 3));
  EXPECT_FALSE(replay(whole, ScheduleFired{daily, Firing::regular, 10, id, 20}, 3)) << "it is paused";
}

}  // namespace pirn::journal
