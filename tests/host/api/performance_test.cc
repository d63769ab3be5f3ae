#include "host/api/performance.h"

#include <gtest/gtest.h>

#include "host/journal/codec.h"

namespace pirn::api {
namespace {

using journal::Record;

constexpr int64_t kSecond = 1'000'000'000;

std::vector<StepFigures> busy(const std::vector<int64_t>& seconds) {
  std::vector<StepFigures> steps;
  for (size_t i = 0; i < seconds.size(); ++i) {
    StepFigures step;
    step.name = std::string(1, static_cast<char>('a' + i));
    step.invocations = 1;
    step.busy_ns = seconds[i] * kSecond;
    steps.push_back(step);
  }
  return steps;
}

TEST(Grade, FollowsItsFormula) {
  EXPECT_DOUBLE_EQ(grade_of(1, 0, std::nullopt).score, 100);
  EXPECT_EQ(grade_of(1, 0, std::nullopt).letter, 'A');
  EXPECT_DOUBLE_EQ(grade_of(1, 100, 0.75).score, 90);
  EXPECT_EQ(grade_of(1, 100, 0.75).letter, 'A');
  EXPECT_DOUBLE_EQ(grade_of(1, 0, 0.25).score, 90) << "50 points from 75 are 10 less";
  EXPECT_DOUBLE_EQ(grade_of(0.5, 1000, 0.75).score, 50) << "time counts from 0 to 30";
  EXPECT_EQ(grade_of(0.5, 1000, 0.75).letter, 'F');
  EXPECT_EQ(grade_of(1, 200, 0.75).letter, 'B');
  EXPECT_EQ(grade_of(1, 300, 0.75).letter, 'C');
  EXPECT_EQ(grade_of(0.75, 300, 0.75).letter, 'D');
}

TEST(Bottlenecks, AreFarAboveTheAverage) {
  const auto one = bottlenecks_of(busy({1, 10, 1, 1, 1, 1}));
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0].step, "b");
  EXPECT_DOUBLE_EQ(one[0].ratio, 4);
  EXPECT_TRUE(one[0].high);
  EXPECT_TRUE(bottlenecks_of(busy({5, 4, 1})).empty());
  EXPECT_TRUE(bottlenecks_of(busy({7})).empty()) << "one step alone";
  EXPECT_TRUE(bottlenecks_of(busy({0, 0})).empty());
  const auto medium = bottlenecks_of(busy({5, 1, 1, 1}));
  ASSERT_EQ(medium.size(), 1u);
  EXPECT_FALSE(medium[0].high);
}

TEST(Recommendations, NameWhatIsWrongOrNothing) {
  EXPECT_EQ(recommendations_for(1, 'A', {}).front(), "Everything is within the acceptable range.");
  EXPECT_NE(recommendations_for(0.9, 'B', {}).front().find("95 %"), std::string::npos);
  const auto all = recommendations_for(0.5, 'F', bottlenecks_of(busy({1, 10, 1, 1, 1, 1})));
  ASSERT_EQ(all.size(), 3u);
  EXPECT_NE(all[0].find("80 %"), std::string::npos);
  EXPECT_NE(all[1].find("The grade is F"), std::string::npos);
  EXPECT_NE(all[2].find("1 step takes"), std::string::npos);
}

class Journal {
 public:
  void at(int64_t seconds, const std::vector<Record>& records) {
    static const std::vector<std::string> kNames = {"fetch", "load", "never"};
    journal::TextWriter out;
    journal::begin_body(out, seconds * kSecond);
    for (size_t i = 0; i < records.size(); ++i)
      journal::append_event(out, i == 0, seq_++, records[i], kNames);
    journal::end_body(out);
    EXPECT_TRUE(events::for_each_event(out.view(), [this](const auto& event) { figures.event(event); }));
  }
  Figures figures;

 private:
  uint64_t seq_ = 1;
};

TEST(Figures, ComeFromTheJournal) {
  Journal journal;
  journal.at(10, {journal::Begun{}, journal::StepReady{0}, journal::StepReady{1}});
  journal.at(11, {journal::StepStarted{0, 1, 1}, journal::StepStarted{1, 1, 2}});
  journal::StepFailed failed;
  failed.step = 0;
  failed.error = std::make_shared<journal::StepError>();
  failed.then = journal::AfterFailure::retry;
  failed.duration = kSecond;
  journal.at(12, {failed, journal::StepRetry{0, kSecond, 13 * kSecond}});
  journal.at(13, {journal::StepReady{0}});
  journal.at(15, {journal::StepStarted{0, 2, 3}});
  journal.at(18, {journal::StepCompleted{0, nullptr, 3 * kSecond}});
  failed.step = 1;
  failed.then = journal::AfterFailure::fail;
  failed.duration = 8 * kSecond;
  journal.at(19, {failed, journal::StepSkipped{2, journal::SkipKind::upstream_failed, ""}});
  EXPECT_EQ(journal.figures.total_ns(20 * kSecond), 10 * kSecond) << "still open";
  journal::Stopped stopped;
  stopped.state = journal::FinalState::failed;
  journal.at(21, {stopped});

  const Figures& figures = journal.figures;
  ASSERT_EQ(figures.steps.size(), 3u);
  const StepFigures& fetch = figures.steps[0];
  EXPECT_EQ(fetch.state, "completed");
  EXPECT_EQ(fetch.invocations, 2u);
  EXPECT_EQ(fetch.failures, 1u);
  EXPECT_EQ(fetch.busy_ns, 4 * kSecond);
  EXPECT_EQ(fetch.queued_ns, 3 * kSecond) << "1 s before the first call, 2 s before the second";
  EXPECT_EQ(figures.steps[1].state, "failed");
  EXPECT_EQ(figures.steps[2].state, "skipped");
  EXPECT_EQ(figures.state, "failed");
  EXPECT_EQ(figures.max_concurrency, 2u);
  EXPECT_EQ(figures.total_ns(INT64_MAX), 11 * kSecond);
  EXPECT_DOUBLE_EQ(figures.success_rate(), 0.5) << "what never started is not counted";
  EXPECT_FALSE(figures.cpu_ns());
  EXPECT_FALSE(figures.utilisation());
  journal.figures.cpu("fetch", kSecond);
  journal.figures.cpu("load", 2 * kSecond);
  journal.figures.cpu("", kSecond / 2);
  EXPECT_EQ(figures.cpu_ns(), 3 * kSecond + kSecond / 2) << "the handlers' with it";
  EXPECT_EQ(figures.steps.size(), 3u) << "the handlers are no step";
  EXPECT_DOUBLE_EQ(*figures.utilisation(), 0.25);
}

}  // namespace
}  // namespace pirn::api
