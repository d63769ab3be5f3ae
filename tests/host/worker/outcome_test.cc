// What a function returns, and what becomes of it.
#include "tests/host/worker/call_fixture.h"

namespace pirn::worker {
namespace {

// ---- outcomes

TEST_F(CallTest, EveryReturnOfATask) {
  const auto returned = [&](int32_t value) {
    return run([&](Api& api, const pirn_invocation&, pirn_outcome& outcome) {
      api.put("k", of_integer(1));
      api.set_reason("because");
      outcome.duration_ns = 77;
      return value;
    });
  };
  EXPECT_EQ(returned(PIRN_DONE).kind, Outcome::Kind::done);
  EXPECT_EQ(print(returned(PIRN_DONE).result), "k=1;");
  EXPECT_EQ(returned(PIRN_SKIP).kind, Outcome::Kind::skip);
  EXPECT_EQ(returned(PIRN_SKIP).reason, "because");
  EXPECT_EQ(print(returned(PIRN_SKIP).result), "none");
  EXPECT_EQ(returned(PIRN_SNOOZE).kind, Outcome::Kind::snooze);
  EXPECT_EQ(returned(PIRN_SNOOZE).duration, 77);
  EXPECT_EQ(print(returned(PIRN_SNOOZE).result), "none");
  EXPECT_EQ(returned(PIRN_AWAIT).kind, Outcome::Kind::await);
  EXPECT_EQ(print(returned(PIRN_AWAIT).result), "none");
  EXPECT_EQ(returned(PIRN_EXPAND).kind, Outcome::Kind::expand);
  EXPECT_EQ(print(returned(PIRN_EXPAND).result), "k=1;");
  EXPECT_TRUE(returned(PIRN_EXPAND).children.empty()) << "an empty expansion is legal";
  EXPECT_EQ(returned(PIRN_CANCELLED).kind, Outcome::Kind::cancelled);
  EXPECT_EQ(print(returned(PIRN_CANCELLED).result), "k=1;") << "the partial result";
  EXPECT_EQ(returned(PIRN_CANCELLED).reason, "because");
  for (const int32_t value : {-1, 7, INT32_MAX, INT32_MIN}) {
    const Outcome outcome = returned(value);
    ASSERT_EQ(outcome.kind, Outcome::Kind::failed) << value;
    EXPECT_EQ(outcome.error->code, "invalid_return");
    EXPECT_EQ(outcome.error->error_class, journal::ErrorClass::retryable);
    EXPECT_NE(outcome.error->message.find(std::to_string(value)), std::string::npos);
  }
}

// ---- await

TEST_F(CallTest, AnAwaitTakesItsOptionsOrNone) {
  const auto await = [&](const char* options, pirn_status expected) {
    return run([&](Api& api, const pirn_invocation&, pirn_outcome&) {
      const pirn_str json = str(options ? options : "");
      EXPECT_EQ(api.table().set_await(api.call(), options ? &json : nullptr), expected);
      return PIRN_AWAIT;
    });
  };
  EXPECT_TRUE(await(nullptr, PIRN_OK).await);
  EXPECT_EQ(await(R"({"approvers":["ada"]})", PIRN_OK).await->await.approvers,
            std::vector<std::string>{"ada"});
  const Outcome refused = await(R"({"unknown":1})", PIRN_E_INVALID);
  EXPECT_FALSE(refused.await);
  ASSERT_EQ(refused.diagnostics.size(), 1u) << "the journal tells the author";
  EXPECT_EQ(refused.diagnostics[0].code, "invalid_await");
  EXPECT_FALSE(await(("{\"notify\":\"" + std::string(20'000, 'x') + "\"}").c_str(), PIRN_E_LIMIT).await);
}

TEST_F(CallTest, AHandlerThatAnswersForItsStepAnswersAsATask) {
  const auto skips = [](Api&, const pirn_invocation&, pirn_outcome&) { return PIRN_SKIP; };
  invocation_.kind = Kind::handler;
  EXPECT_EQ(run(skips).kind, Outcome::Kind::failed);
  invocation_.for_step = true;
  EXPECT_EQ(run(skips).kind, Outcome::Kind::skip);
}

TEST_F(CallTest, OtherKindsReturnDoneOrFailed) {
  for (const Kind kind : {Kind::rollback, Kind::handler, Kind::hook, Kind::condition, Kind::duration,
                          Kind::backoff, Kind::input, Kind::result}) {
    invocation_.kind = kind;
    for (int32_t value = PIRN_SKIP; value <= PIRN_CANCELLED; ++value) {
      const Outcome outcome = run([&](Api&, const pirn_invocation&, pirn_outcome&) { return value; });
      ASSERT_EQ(outcome.kind, Outcome::Kind::failed) << journal::name_of(kind) << " " << value;
      EXPECT_EQ(outcome.error->code, "invalid_return");
    }
    EXPECT_EQ(done([](Api&) {}).kind, Outcome::Kind::done);
  }
  invocation_.kind = Kind::fallback;
  EXPECT_EQ(run([](Api&, const pirn_invocation&, pirn_outcome&) { return PIRN_SKIP; }).kind,
            Outcome::Kind::skip)
      << "as a task";
}

TEST_F(CallTest, AnswersOfConditionsAndDelays) {
  invocation_.kind = Kind::condition;
  const auto truth = [&](uint32_t value) {
    return run([&](Api&, const pirn_invocation&, pirn_outcome& outcome) {
      return outcome.truth = value, PIRN_DONE;
    });
  };
  EXPECT_FALSE(truth(0).truth);
  EXPECT_TRUE(truth(1).truth);
  EXPECT_EQ(truth(2).error->code, "invalid_return");
  invocation_.kind = Kind::backoff;
  const auto duration = [&](uint64_t value) {
    return run([&](Api&, const pirn_invocation&, pirn_outcome& outcome) {
             return outcome.duration_ns = value, PIRN_DONE;
           })
        .duration;
  };
  EXPECT_EQ(duration(5), 5);
  EXPECT_EQ(duration(INT64_MAX), INT64_MAX);
  EXPECT_EQ(duration(static_cast<uint64_t>(INT64_MAX) + 1), journal::kNever) << "never negative";
  EXPECT_EQ(duration(UINT64_MAX), journal::kNever) << "no limit";
}

TEST_F(CallTest, AFailureSaysWhy) {
  const pirn_value details = of_json(R"({"disk": "sda"})");
  const Outcome outcome = run([&](Api& api, const pirn_invocation&, pirn_outcome&) {
    EXPECT_EQ(api.set_error("first", "overwritten"), PIRN_OK);
    EXPECT_EQ(api.set_error("no_disk-1.x", "the disk is full", PIRN_CLASS_TERMINAL, &details), PIRN_OK);
    EXPECT_EQ(api.set_error("", "m"), PIRN_E_INVALID);
    EXPECT_EQ(api.set_error("Upper", "m"), PIRN_E_INVALID);
    EXPECT_EQ(api.set_error("a b", "m"), PIRN_E_INVALID);
    EXPECT_EQ(api.set_error(std::string(65, 'a'), "m"), PIRN_E_INVALID);
    EXPECT_EQ(api.set_error("e", "\xff"), PIRN_E_INVALID);
    EXPECT_EQ(api.set_error("e", "m", 3), PIRN_E_INVALID);
    EXPECT_EQ(api.set_error("e", std::string((64 << 10) + 1, 'x')), PIRN_E_LIMIT);
    const pirn_value bad = of_json("{");
    EXPECT_EQ(api.set_error("e", "m", 0, &bad), PIRN_E_INVALID);
    return PIRN_FAILED;
  });
  ASSERT_EQ(outcome.kind, Outcome::Kind::failed);
  EXPECT_EQ(outcome.error->code, "no_disk-1.x") << "refused calls change nothing";
  EXPECT_EQ(outcome.error->message, "the disk is full");
  EXPECT_EQ(outcome.error->error_class, journal::ErrorClass::terminal);
  EXPECT_EQ(outcome.error->details, R"({"disk":"sda"})");

  const Outcome mute = run([](Api&, const pirn_invocation&, pirn_outcome&) { return PIRN_FAILED; });
  EXPECT_EQ(mute.error->code, "failed");
  EXPECT_EQ(mute.error->error_class, journal::ErrorClass::retryable);
  EXPECT_EQ(done([](Api& api) { api.set_error("e", "m"); }).error, nullptr) << "DONE after all";
  EXPECT_EQ(run([](Api& api, const pirn_invocation&, pirn_outcome&) {
              const pirn_str code = str("e");
              EXPECT_EQ(api.table().set_error(api.call(), &code, nullptr, 0, nullptr), PIRN_OK)
                  << "no message";
              EXPECT_EQ(api.table().set_error(api.call(), nullptr, nullptr, 0, nullptr), PIRN_E_INVALID);
              return PIRN_FAILED;
            }).error->code,
            "e");
}

TEST_F(CallTest, ReasonsAreChecked) {
  const Outcome outcome = run([](Api& api, const pirn_invocation&, pirn_outcome&) {
    EXPECT_EQ(api.set_reason("fine"), PIRN_OK);
    EXPECT_EQ(api.set_reason("\xff"), PIRN_E_INVALID);
    EXPECT_EQ(api.set_reason(std::string((64 << 10) + 1, 'x')), PIRN_E_LIMIT);
    EXPECT_EQ(api.table().set_reason(api.call(), nullptr), PIRN_E_INVALID);
    return PIRN_SKIP;
  });
  EXPECT_EQ(outcome.reason, "fine");
}

TEST_F(CallTest, AnExceptionIsAnErrorAndItsWordsAreMadeReadable) {
  const auto thrown = [&](auto what) {
    return run([&](Api& api, const pirn_invocation&, pirn_outcome&) -> int32_t {
      api.put("k", of_integer(1));
      throw what;
    });
  };
  const Outcome outcome = thrown(std::runtime_error("went wrong"));
  ASSERT_EQ(outcome.kind, Outcome::Kind::failed);
  EXPECT_EQ(outcome.error->code, "exception");
  EXPECT_EQ(outcome.error->message, "went wrong");
  EXPECT_EQ(print(outcome.result), "none");
  EXPECT_EQ(thrown(3).error->code, "exception");
  // What goes into the journal must be text.
  EXPECT_TRUE(journal::valid_utf8(thrown(std::runtime_error("caf\xe9 \xff")).error->message));
  EXPECT_NE(thrown(std::runtime_error("caf\xe9 x")).error->message.find("caf"), std::string::npos);
  EXPECT_LE(thrown(std::runtime_error(std::string(1 << 20, 'x'))).error->message.size(),
            limits_.message_bytes);
}

}  // namespace
}  // namespace pirn::worker
