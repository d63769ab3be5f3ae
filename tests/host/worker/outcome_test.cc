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
  ASSERT_EQ(refused.kind, Outcome::Kind::failed) << "nobody waits for what anybody could answer";
  EXPECT_EQ(refused.error->code, "invalid_await");
  EXPECT_EQ(refused.error->error_class, journal::ErrorClass::terminal);
  EXPECT_NE(refused.error->message.find("unknown"), std::string::npos) << refused.error->message;
  ASSERT_EQ(refused.diagnostics.size(), 1u) << "the journal tells the author";
  EXPECT_EQ(refused.diagnostics[0].code, "invalid_await");
  EXPECT_EQ(await(R"({"approvers":["ada\xff"]})", PIRN_E_INVALID).error->code, "invalid_await")
      << "a name that had to be repaired is nobody's";
  limits_.value_bytes = 100;
  EXPECT_EQ(await(("{\"notify\":\"" + std::string(200, 'x') + "\"}").c_str(), PIRN_E_LIMIT).error->code,
            "invalid_await");
}

TEST_F(CallTest, TheTextsOfAnAwaitAreRepaired) {
  const Outcome outcome = run([&](Api& api, const pirn_invocation&, pirn_outcome&) {
    const std::string words = "{\"notify\":\"caf\xe9 " + std::string(20'000, 'x') + "\"}";
    const pirn_str bad = str("{"), long_one = str(words);
    EXPECT_EQ(api.table().set_await(api.call(), &bad), PIRN_E_INVALID);
    EXPECT_EQ(api.table().set_await(api.call(), &long_one), PIRN_OK) << "the last call counts";
    return PIRN_AWAIT;
  });
  ASSERT_EQ(outcome.kind, Outcome::Kind::await);
  const std::string& notify = outcome.await->await.notify;
  EXPECT_TRUE(journal::parse_value(notify)) << notify;
  EXPECT_LE(notify.size(), limits_.details_bytes);
  EXPECT_GE(notify.size(), limits_.details_bytes - 4);
  EXPECT_NE(notify.find("caf\xef\xbf\xbd xxx"), std::string::npos);
  EXPECT_EQ(outcome.diagnostics.back().code, "text_repaired");
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
    return PIRN_FAILED;
  });
  ASSERT_EQ(outcome.kind, Outcome::Kind::failed);
  EXPECT_TRUE(outcome.diagnostics.empty());
  EXPECT_EQ(outcome.error->code, "no_disk-1.x");
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
              return PIRN_FAILED;
            }).error->code,
            "e");
}

// An error arrives with its code and its class, whatever is wrong with its words.
struct BadError {
  std::string code, message;
  uint32_t error_class;
  pirn_value details;
  std::string kept_code, kept_message, kept_details;
};
void PrintTo(const BadError& bad, std::ostream* out) { *out << ::testing::PrintToString(bad.code); }
class RepairedErrors : public CallTest, public ::testing::WithParamInterface<BadError> {};
TEST_P(RepairedErrors, KeepTheirClassAndSayWhatWasRepaired) {
  const BadError& bad = GetParam();
  const Outcome outcome = run([&](Api& api, const pirn_invocation&, pirn_outcome&) {
    EXPECT_EQ(api.set_error(bad.code, bad.message, bad.error_class, &bad.details), PIRN_OK);
    return PIRN_FAILED;
  });
  ASSERT_EQ(outcome.kind, Outcome::Kind::failed);
  EXPECT_EQ(outcome.error->code, bad.kept_code);
  EXPECT_EQ(outcome.error->message, bad.kept_message);
  EXPECT_EQ(outcome.error->details, bad.kept_details);
  EXPECT_EQ(outcome.error->error_class, bad.error_class > PIRN_CLASS_TERMINAL
                                            ? journal::ErrorClass::retryable
                                            : static_cast<journal::ErrorClass>(bad.error_class));
  ASSERT_EQ(outcome.diagnostics.size(), 1u) << "one for all of it";
  EXPECT_EQ(outcome.diagnostics[0].code, "text_repaired");
  EXPECT_EQ(outcome.diagnostics[0].step, 1u);
  EXPECT_TRUE(journal::valid_utf8(outcome.diagnostics[0].message));
}
const std::string kLong(5'000, 'x'), kFourKib(4'096, 'x'), kManyUmlauts = [] {
  std::string out;
  while (out.size() < 5'000) out += "\xc3\xbc";
  return "x" + out;  // the limit falls into the middle of a character
}();
const std::string kQuotes(12'000, '"'), kOpenList(20'000, '[');
INSTANTIATE_TEST_SUITE_P(
    Texts, RepairedErrors,
    ::testing::Values(
        BadError{"HTTP 500: Gone", "m", PIRN_CLASS_TERMINAL, {}, "http_500__gone", "m", ""},
        BadError{"\xc3\x9c\xff!", "m", PIRN_CLASS_TRANSIENT, {}, "___", "m", ""},
        BadError{"", "why", PIRN_CLASS_TERMINAL, {}, "failed", "why", ""},
        BadError{std::string("a\0b", 3), "m", PIRN_CLASS_TERMINAL, {}, "a_b", "m", ""},
        BadError{std::string(65, 'a'), "m", PIRN_CLASS_TERMINAL, {}, std::string(64, 'a'), "m", ""},
        BadError{
            "e", "caf\xe9 \xf0\x9f\x98", PIRN_CLASS_TERMINAL, {}, "e", "caf\xef\xbf\xbd \xef\xbf\xbd", ""},
        BadError{"e", kLong, PIRN_CLASS_TERMINAL, {}, "e", kFourKib, ""},
        BadError{"e", kManyUmlauts, PIRN_CLASS_TERMINAL, {}, "e", kManyUmlauts.substr(0, 4'095), ""},
        BadError{"e", "m", 3, {}, "e", "m", ""},
        BadError{"BAD", "\xff", 99, of_json("{"), "bad", "\xef\xbf\xbd", "\"{\""},
        BadError{"e", "m", PIRN_CLASS_TERMINAL, of_text("\xff"), "e", "m", "\"\xef\xbf\xbd\""},
        BadError{"e", "m", PIRN_CLASS_TERMINAL, of_json("{\"a\":\"\xff\"}"), "e", "m",
                 "{\"a\":\"\xef\xbf\xbd\"}"},
        BadError{"e", "m", PIRN_CLASS_TERMINAL, of_real(std::nan("")), "e", "m", ""},
        BadError{"e", "m", PIRN_CLASS_TERMINAL, of_json(kOpenList), "e", "m",
                 "\"" + kOpenList.substr(0, (16 << 10) - 2) + "\""},
        BadError{"e", "m", PIRN_CLASS_TERMINAL, of_text(kQuotes), "e", "m", [] {
                   std::string json = "\"";
                   for (int i = 0; i < (16 << 9) - 1; ++i) json += "\\\"";
                   return json + "\"";
                 }()}));

TEST_F(CallTest, AnErrorWithoutReadableTextsArrives) {
  const Outcome outcome = run([](Api& api, const pirn_invocation&, pirn_outcome&) {
    const pirn_str lost{nullptr, 3};
    pirn_value flagged = of_integer(1);
    flagged.flags = 1;
    EXPECT_EQ(api.table().set_error(api.call(), nullptr, &lost, PIRN_CLASS_TERMINAL, &flagged), PIRN_OK);
    return PIRN_FAILED;
  });
  EXPECT_EQ(outcome.error->code, "failed");
  EXPECT_EQ(outcome.error->error_class, journal::ErrorClass::terminal);
  EXPECT_EQ(outcome.diagnostics.size(), 1u);
  EXPECT_TRUE(done([](Api& api) { api.set_error("BAD", ""); }).diagnostics.empty()) << "nobody asks for it";
}

TEST_F(CallTest, ReasonsAreRepaired) {
  const Outcome outcome = run([](Api& api, const pirn_invocation&, pirn_outcome&) {
    EXPECT_EQ(api.set_reason("fine"), PIRN_OK);
    EXPECT_EQ(api.table().set_reason(api.call(), nullptr), PIRN_E_INVALID);
    EXPECT_EQ(api.set_reason("caf\xe9 " + kLong), PIRN_OK);
    return PIRN_SKIP;
  });
  EXPECT_EQ(outcome.reason.substr(0, 8), "caf\xef\xbf\xbd x");
  EXPECT_EQ(outcome.reason.size(), limits_.message_bytes);
  ASSERT_EQ(outcome.diagnostics.size(), 1u);
  EXPECT_EQ(outcome.diagnostics[0].code, "text_repaired");
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
  const Outcome latin = thrown(std::runtime_error("caf\xe9 x"));
  EXPECT_EQ(latin.error->message, "caf\xef\xbf\xbd x");
  ASSERT_EQ(latin.diagnostics.size(), 1u);
  EXPECT_EQ(latin.diagnostics[0].code, "text_repaired");
  struct Mute : std::exception {
    const char* what() const noexcept override { return nullptr; }
  };
  EXPECT_EQ(thrown(Mute()).error->code, "exception");
  EXPECT_LE(thrown(std::runtime_error(std::string(1 << 20, 'x'))).error->message.size(),
            limits_.message_bytes);
}

}  // namespace
}  // namespace pirn::worker
