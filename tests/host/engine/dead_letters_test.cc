// Dead letters (R34): what is left of executions that failed for good.
#include <gtest/gtest.h>

#include "host/engine/dead_letters.h"
#include "tests/host/engine/tenant_host.h"

namespace pirn::sim {
namespace {

using engine::DeadLetterEntry;
using engine::DeadLetterFilter;
using engine::DiscardDeadLetters;
using engine::ListDeadLetters;
using engine::RetryDeadLetters;
using engine::RetryResult;
using engine::ShowDeadLetter;
using journal::State;

constexpr int64_t kDay = 24 * 60 * kMinute;
constexpr std::string_view kSteps = R"("steps":[{"name":"a","max_retries":0},{"name":"b","after":["a"]}])";

class Host : public TenantHost {
 public:
  explicit Host(engine::Options options = {}) : TenantHost(options) {
    runner().by_function["a"] = [this](const auto&) {
      return broken ? fail("declined") : ok(R"({"done":1})");
    };
    runner().by_function["b"] = [](const auto&) { return ok(); };
  }
  bool broken = true;

  void deploy(const std::string& members = R"("dead_letter":true,)") {
    publish(members + std::string(kSteps));
  }
  ExecutionId failed(std::string_view input = "{}", std::string_view tenant = "t") {
    const ExecutionId id = start(input, "", "w", tenant)->id;
    settle();
    return id;
  }

  std::vector<DeadLetterEntry> letters(std::string tenant = "t", DeadLetterFilter filter = {},
                                       uint32_t limit = 100) {
    ListDeadLetters list;
    list.tenant = std::move(tenant);
    list.filter = std::move(filter);
    list.limit = limit;
    return ask<ListDeadLetters, std::vector<DeadLetterEntry>>(std::move(list)).value();
  }
  Result<DeadLetterEntry> letter(ExecutionId id, std::string tenant = "t") {
    return ask<ShowDeadLetter, DeadLetterEntry>({std::move(tenant), id, {}});
  }
  Result<std::vector<RetryResult>> retry(std::optional<ExecutionId> id, bool on_active = false,
                                         std::string tenant = "t", DeadLetterFilter filter = {}) {
    RetryDeadLetters command;
    command.tenant = std::move(tenant);
    command.id = id;
    command.filter = std::move(filter);
    command.on_active = on_active;
    return ask<RetryDeadLetters, std::vector<RetryResult>>(std::move(command));
  }
  Result<std::vector<DeadLetterEntry>> discard(std::optional<ExecutionId> id, DeadLetterFilter filter = {},
                                               std::string tenant = "t") {
    DiscardDeadLetters command;
    command.tenant = std::move(tenant);
    command.id = id;
    command.filter = std::move(filter);
    return ask<DiscardDeadLetters, std::vector<DeadLetterEntry>>(std::move(command));
  }
  std::vector<ExecutionId> ids(std::string tenant = "t", DeadLetterFilter filter = {}) {
    std::vector<ExecutionId> out;
    for (const DeadLetterEntry& letter : letters(std::move(tenant), std::move(filter)))
      out.push_back(letter.id);
    return out;
  }
};
using Ids = std::vector<ExecutionId>;

TEST(DeadLetters, AFailedExecutionLeavesOneThatSaysWhatItWas) {
  Host host;
  host.deploy();
  const ExecutionId id = host.failed(R"({"order":7})");
  const auto letter = host.letter(id);
  ASSERT_TRUE(letter);
  const journal::DeadLetter expected{"p", "1.0.0", "w",        "declined",
                                     "a", 1,       host.now(), host.now() + 30 * kDay};
  EXPECT_EQ(letter->letter, expected) << "30 days unless the workflow says otherwise";
  EXPECT_EQ(host.of<journal::DeadLetterInserted>().size(), 1u);
  const auto records = host.records_of<journal::DeadLettered>(id);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].expires_at, expected.expires_at);
}

TEST(DeadLetters, ItComesAfterTheHandlerAndBeforeTheEnd) {
  Host host;
  host.deploy(R"("dead_letter":true,"on_failure":"tell",)");
  host.runner().by_function["tell"] = [](const auto&) { return after(kMinute, ok()); };
  const ExecutionId id = host.failed();
  EXPECT_TRUE(host.letters().empty()) << "the handler still runs";
  host.advance(kMinute);
  EXPECT_EQ(host.letters().size(), 1u);
  const std::vector<Event> events = host.events_of(id);
  ASSERT_GE(events.size(), 4u);
  const auto last = events.end();
  EXPECT_TRUE(std::holds_alternative<journal::HandlerDone>((last - 4)->record));
  EXPECT_TRUE(std::holds_alternative<journal::DeadLettered>((last - 3)->record));
  EXPECT_TRUE(std::holds_alternative<journal::Failed>((last - 2)->record));
  EXPECT_TRUE(std::holds_alternative<journal::Stopped>((last - 1)->record));
}

TEST(DeadLetters, OnlyWhatFailedForGoodLeavesOne) {
  Host host;
  host.deploy("");
  host.failed();
  EXPECT_TRUE(host.letters().empty()) << "the workflow does not ask for it";
  host.deploy(R"("dead_letter":true,)");
  host.broken = false;
  host.failed();
  EXPECT_TRUE(host.letters().empty()) << "completed";
  host.runner().by_function["a"] = [](const auto&) { return after(kMinute, ok()); };
  const ExecutionId cancelled = host.start()->id;
  ASSERT_TRUE(host.cancel(cancelled));
  host.settle();
  EXPECT_EQ(host.show(cancelled).state.state, State::cancelled);
  EXPECT_TRUE(host.letters().empty());
  EXPECT_FALSE(host.store().find_tenant("t").value()) << "nothing of this costs the tenant a record";
}

TEST(DeadLetters, AnAttemptThatIsTriedAgainLeavesNone) {
  Host host;
  host.deploy(R"("dead_letter":true,"max_retries":1,"retry_delay":"1m",)");
  const ExecutionId id = host.failed();
  EXPECT_TRUE(host.letters().empty());
  host.advance(kMinute);
  EXPECT_EQ(host.ids(), Ids{id});
  EXPECT_EQ(host.letters().front().letter.attempts, 2u);
}

TEST(DeadLetters, ANestedExecutionLeavesItsFailureToItsParent) {
  Host host;
  host.releases.publish("t", R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[
    {"name":"w","dead_letter":true,"steps":[{"name":"n","workflow":"inner","max_retries":1,"retry_delay":"1s"}]},
    {"name":"inner","dead_letter":true,"steps":[{"name":"a","max_retries":0}]}]})");
  const ExecutionId id = host.failed();
  host.advance(kMinute);
  EXPECT_EQ(host.executions(), 3u);
  EXPECT_EQ(host.ids(), Ids{id});
  EXPECT_EQ(host.letters().front().letter.code, "nested_workflow_failed");
}

TEST(DeadLetters, ARetryStartsAnewFromTheInputAndTakesTheLetterAway) {
  Host host;
  host.publish(
      R"("dead_letter":true,"steps":[{"name":"first"},{"name":"a","after":["first"],"max_retries":0}])");
  host.runner().by_function["first"] = [](const auto&) { return after(kMinute, ok(R"({"n":1})")); };
  const ExecutionId id = host.start(R"({"order":7})", "key")->id;
  ASSERT_TRUE(host.pause(id));
  ASSERT_TRUE(host.resume(id, R"({"patched":true})"));
  host.advance(kMinute);
  ASSERT_EQ(host.ids(), Ids{id});
  const std::string before = host.context(id);
  host.broken = false;
  const auto again = host.retry(id);
  ASSERT_TRUE(again) << describe(again.error());
  ASSERT_EQ(again->size(), 1u);
  const ExecutionId next = again->front().execution;
  EXPECT_EQ(again->front().id, id);
  EXPECT_TRUE(host.letters().empty());
  const auto state = host.show(next).state;
  EXPECT_EQ(state.retry_of, id);
  EXPECT_EQ(state.trigger, "dead_letter");
  EXPECT_EQ(state.key, "") << "the key is the failed one's";
  EXPECT_EQ(host.context(next), "{\"__dead_letter_id__\":\"" + id.text() + "\",\"order\":7}")
      << "the patch is gone, and nothing is adopted";
  host.advance(kMinute);
  EXPECT_EQ(host.show(next).state.state, State::completed);
  EXPECT_EQ(host.show(id).state.state, State::failed) << "what has ended stays as it is";
  EXPECT_EQ(host.context(id), before);
  const auto records = host.of<journal::DeadLetterRetried>();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].execution, next);
  EXPECT_EQ(host.retry(id).error().code, Code::not_found) << "there is one letter, and it was used";
  EXPECT_EQ(host.executions(), 2u);
}

TEST(DeadLetters, WhatFailsAgainLeavesALetterOfItsOwn) {
  Host host;
  host.deploy();
  const ExecutionId first = host.failed();
  const ExecutionId second = host.retry(first)->front().execution;
  host.settle();
  EXPECT_EQ(host.ids(), Ids{second});
  const ExecutionId third = host.retry(second)->front().execution;
  EXPECT_EQ(host.context(third), "{\"__dead_letter_id__\":\"" + second.text() + "\"}");
}

TEST(DeadLetters, ARetryKeepsTheReleaseUnlessItIsToTakeTheActiveOne) {
  Host host;
  host.deploy();
  const ExecutionId one = host.failed(), two = host.failed();
  const Digest old = host.show(one).state.origin->pins.front();
  host.deploy(R"("dead_letter":true,"label":"mended",)");
  EXPECT_EQ(host.show(host.retry(one)->front().execution).state.origin->pins.front(), old);
  EXPECT_NE(host.show(host.retry(two, true)->front().execution).state.origin->pins.front(), old);
}

TEST(DeadLetters, ARetryThatCannotStartLeavesTheLetter) {
  Host host;
  host.deploy();
  const auto release = host.releases.catalog()->active("t", "p")->release;
  const ExecutionId id = host.failed(), other = host.failed();
  host.releases.unreadable = release;
  EXPECT_FALSE(host.retry(id));
  EXPECT_EQ(host.ids().size(), 2u);
  const auto all = host.retry(std::nullopt);
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 2u);
  for (const RetryResult& again : *all) {
    EXPECT_FALSE(again.execution);
    EXPECT_FALSE(again.error.message.empty());
  }
  EXPECT_EQ(host.ids(), (Ids{other, id}));
  host.releases.unreadable = nullptr;
  host.engine().stop_dispatching();
  EXPECT_EQ(host.retry(id).error().code, Code::shutting_down);
  EXPECT_EQ(host.ids().size(), 2u);
}

TEST(DeadLetters, ManyAreRetriedInSlicesOldestFirst) {
  engine::Options options;
  options.looks_per_turn = 256;
  Host host(options);
  host.deploy();
  Ids letters;
  for (int i = 0; i < 9; ++i) {
    letters.push_back(host.failed());
    host.advance(kSecond);
  }
  host.broken = false;
  std::vector<RetryResult> again;
  RetryDeadLetters all;
  all.tenant = "t";
  all.reply = [&](Result<std::vector<RetryResult>> done) { again = std::move(done).value(); };
  engine::Command command = std::move(all);
  ASSERT_TRUE(host.engine().inbox().push(command));
  host.turn();
  EXPECT_TRUE(again.empty());
  EXPECT_EQ(host.ids().back(), letters[2]) << "two in a turn";
  ASSERT_TRUE(host.discard(letters[8]));
  while (again.empty()) host.turn();
  ASSERT_EQ(again.size(), 9u);
  for (size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(again[i].id, letters[i]);
    EXPECT_EQ(host.show(again[i].execution).state.retry_of, letters[i]);
  }
  EXPECT_EQ(again[8].error.code, Code::not_found) << "somebody has discarded it meanwhile";
  EXPECT_TRUE(host.ids().empty());
}

TEST(DeadLetters, ListsAreNewestFirstFilteredAndPaged) {
  Host host;
  host.deploy();
  const ExecutionId a = host.failed();
  host.advance(kMinute);
  const int64_t later = host.now();
  host.runner().by_function["a"] = [](const auto&) { return fail("timeout"); };
  const ExecutionId b = host.failed(), c = host.failed();
  EXPECT_EQ(host.ids(), (Ids{c, b, a}));
  EXPECT_EQ(host.ids("t", {.code = "declined"}), Ids{a});
  EXPECT_EQ(host.ids("t", {.package = "p", .workflow = "w"}).size(), 3u);
  EXPECT_EQ(host.ids("t", {.package = "q"}), Ids{});
  EXPECT_EQ(host.ids("t", {.workflow = "v"}), Ids{});
  EXPECT_EQ(host.ids("t", {.since = later}), (Ids{c, b}));
  EXPECT_EQ(host.ids("t", {.before = later}), Ids{a});
  ListDeadLetters page;
  page.tenant = "t";
  page.limit = 1;
  Ids walked;
  for (;;) {
    const auto letters = host.ask<ListDeadLetters, std::vector<DeadLetterEntry>>(page).value();
    if (letters.empty()) break;
    walked.push_back(letters[0].id);
    page.after = letters[0].letter.failed_at;
    page.after_id = letters[0].id;
  }
  EXPECT_EQ(walked, (Ids{c, b, a}));
}

TEST(DeadLetters, AreDiscardedOneByOneAndTogether) {
  Host host;
  host.deploy();
  const ExecutionId a = host.failed(), b = host.failed();
  host.advance(kMinute);
  const int64_t later = host.now();
  const ExecutionId c = host.failed();
  ASSERT_TRUE(host.discard(b));
  EXPECT_EQ(host.discard(b).error().code, Code::not_found);
  EXPECT_EQ(host.discard(ExecutionId{}).error().code, Code::not_found) << "nothing is not everything";
  EXPECT_EQ(host.letter(b).error().code, Code::not_found);
  EXPECT_EQ(host.letter(ExecutionId{}).error().code, Code::not_found);
  EXPECT_EQ(host.ids(), (Ids{c, a}));
  const auto pruned = host.discard(std::nullopt, {.before = later});
  ASSERT_TRUE(pruned);
  ASSERT_EQ(pruned->size(), 1u);
  EXPECT_EQ(pruned->front().id, a);
  EXPECT_EQ(host.ids(), Ids{c});
  EXPECT_TRUE(host.discard(std::nullopt, {.before = later})->empty());
  EXPECT_EQ(host.of<journal::DeadLettersPruned>().size(), 1u) << "nothing was pruned the second time";
  EXPECT_EQ(host.executions(), 3u) << "the executions stay";
}

TEST(DeadLetters, ExpireAtTheirInstant) {
  Host host;
  host.deploy(R"("dead_letter":true,"dead_letter_ttl":"2d",)");
  const ExecutionId id = host.failed();
  host.advance(2 * kDay - 1);
  EXPECT_EQ(host.ids(), Ids{id});
  host.crash();
  EXPECT_EQ(host.ids(), Ids{id});
  host.advance(1);
  EXPECT_TRUE(host.letters().empty());
  const auto pruned = host.of<journal::DeadLettersPruned>();
  ASSERT_EQ(pruned.size(), 1u);
  EXPECT_EQ(pruned[0].reason, journal::DeadLetterPrune::expired);
  EXPECT_EQ(pruned[0].ids, Ids{id});
  EXPECT_TRUE(host.idle());
}

TEST(DeadLetters, ExpireWhileTheHostIsDownAndNeverWhenTheyAreToStay) {
  Host host;
  host.deploy(R"("dead_letter":true,"dead_letter_ttl":"1d",)");
  host.failed();
  host.deploy(R"("dead_letter":true,"dead_letter_ttl":"infinity",)");
  const ExecutionId kept = host.failed();
  host.lose();
  host.pass_time(1000 * kDay);
  host.come_back();
  host.settle();
  EXPECT_EQ(host.ids(), Ids{kept});
  EXPECT_TRUE(host.idle());
}

TEST(DeadLetters, OfForeignTenantsAreNotThere) {
  Host host;
  host.deploy();
  host.releases.publish("other", R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[
    {"name":"w","dead_letter":true,"steps":[{"name":"a","max_retries":0}]}]})");
  const ExecutionId mine = host.failed(), theirs = host.failed("{}", "other");
  EXPECT_EQ(host.ids(), Ids{mine});
  EXPECT_EQ(host.ids("other"), Ids{theirs});
  EXPECT_EQ(host.letter(theirs).error().code, Code::not_found);
  EXPECT_EQ(host.retry(theirs).error().code, Code::not_found);
  EXPECT_EQ(host.discard(theirs).error().code, Code::not_found);
  EXPECT_EQ(host.discard(std::nullopt)->size(), 1u);
  EXPECT_EQ(host.ids("other"), Ids{theirs}) << "a prune is a tenant's own";
  EXPECT_TRUE(host.retry(std::nullopt)->empty());
  EXPECT_EQ(host.ids("other"), Ids{theirs});
  EXPECT_EQ(host.records("other").size(), 2u);
}

TEST(DeadLetters, SurviveARestartFromTheProjectionAndFromTheJournal) {
  for (const uint64_t flush : {1u, 1000u}) {
    Host host({.flush_after_commits = flush});
    host.deploy();
    Ids expected;
    for (int i = 0; i < 5; ++i) {
      expected.insert(expected.begin(), host.failed());
      if (i == 2) {
        ASSERT_TRUE(host.discard(expected.front()));
        expected.erase(expected.begin());
      }
      host.crash();
      EXPECT_EQ(host.ids(), expected);
    }
  }
}

// Whichever commit is the host's last, known or not: an execution that failed has its letter, or one
// successor, and never both or neither.
TEST(DeadLetters, ACrashBetweenAnyTwoCommitsLosesAndDoublesNone) {
  for (const bool uncertain : {false, true})
    for (uint64_t n = 1; n <= 12; ++n) {
      SCOPED_TRACE(std::to_string(n) + (uncertain ? " uncertain" : ""));
      Host host;
      host.deploy();
      host.fail_commit(n, uncertain);
      auto started = host.start("{}", "key");
      if (!started) started = host.start("{}", "key");
      host.settle();
      const ExecutionId id = started->id;
      for (int tries = 0; tries < 3; ++tries) {
        const auto again = host.retry(id);
        if (again) break;
        ASSERT_TRUE(again.error().code == Code::store_failed || again.error().code == Code::not_found);
      }
      host.settle();
      const Ids left = host.ids();
      ASSERT_EQ(left.size(), 1u) << "the successor's";
      EXPECT_EQ(host.show(left[0]).state.retry_of, id);
      EXPECT_EQ(host.executions(), 2u);
      EXPECT_EQ(host.of<journal::DeadLetterInserted>().size(), 2u);
      EXPECT_EQ(host.of<journal::DeadLetterRetried>().size(), 1u);
    }
}

TEST(DeadLetters, TheOldestMakesRoom) {
  engine::TenantStreams streams;
  engine::DeadLetters letters(streams);
  const uint64_t first = kTenantStreams;
  for (uint64_t n = 0; n < engine::DeadLetters::kMost + 2; ++n) {
    journal::DeadLetter letter;
    letter.failed_at = static_cast<int64_t>(1000 + n);
    letters.insert("t", {first + 50'000 - n}, letter, 1);
  }
  const auto& state = *streams.find("t");
  EXPECT_EQ(state.letters.size(), engine::DeadLetters::kMost);
  EXPECT_FALSE(state.letters.contains({first + 50'000})) << "the oldest failure, not the smallest id";
  EXPECT_FALSE(state.letters.contains({first + 50'000 - 1}));
  EXPECT_TRUE(state.letters.contains({first + 50'000 - 2}));
  letters.insert("other", {first}, {}, 1);
  EXPECT_EQ(streams.find("t")->letters.size(), engine::DeadLetters::kMost)
      << "the limit is each tenant's own";
}

}  // namespace
}  // namespace pirn::sim
