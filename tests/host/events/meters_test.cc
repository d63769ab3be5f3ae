#include "host/events/meters.h"

#include <gtest/gtest.h>

#include "tests/hostile_locale.h"

namespace pirn::events {
namespace {

Envelope event(const std::string& type, const std::string& run, boost::json::object details = {},
               const std::string& step = "") {
  Envelope envelope;
  envelope.metadata = {
      {"tenant", "acme"}, {"execution_id", run}, {"package", "etl"}, {"workflow", "daily"}, {"event", type}};
  if (!step.empty()) envelope.metadata["node_id"] = step;
  envelope.metadata["details"] = std::move(details);
  return envelope;
}

std::string text(const MeterSink& meter) {
  std::string out;
  meter.append_text(out);
  return out;
}

TEST(MeterSink, CountsChosenEventsByTheirLabels) {
  MeterSink meter({"steps", {"step.stop"}, {"tenant", "workflow", "step"}, true});
  for (int i = 0; i < 2; ++i)
    ASSERT_TRUE(meter.write(event("step.stop", "r1", {{"duration", 1'500'000'000}}, "fetch")));
  ASSERT_TRUE(meter.write(event("step.exception", "r1", {{"duration", 9}}, "fetch")));
  EXPECT_EQ(text(meter),
            "# TYPE pirn_custom_steps_total counter\n"
            "pirn_custom_steps_total{tenant=\"acme\",workflow=\"etl::daily\",step=\"fetch\"} 2\n"
            "# TYPE pirn_custom_steps_seconds_total counter\n"
            "pirn_custom_steps_seconds_total{tenant=\"acme\",workflow=\"etl::daily\",step=\"fetch\"} 3\n");
}

TEST(MeterSink, WritesNumbersTheSameInEveryLocale) {
  MeterSink meter({"steps", {"step.stop"}, {}, true});
  ASSERT_TRUE(meter.write(event("step.stop", "r1", {{"duration", 1'234'567'250'000'000}}, "fetch")));
  const HostileLocale hostile;
  EXPECT_NE(text(meter).find("seconds_total 1234567.25\n"), std::string::npos) << text(meter);
}

TEST(MeterSink, WithoutLabelsItIsOneNumber) {
  MeterSink meter({"ends", {"workflow.stop"}, {}, false});
  ASSERT_TRUE(meter.write(event("workflow.stop", "r1", {{"state", "failed"}})));
  EXPECT_EQ(text(meter), "# TYPE pirn_custom_ends_total counter\npirn_custom_ends_total 1\n");
}

TEST(MeterSink, NamesOfTenantsCannotFillTheMemory) {
  MeterSink meter({"steps", {}, {"step"}, false});
  for (size_t i = 0; i < MeterSink::kSeries + 50; ++i)
    ASSERT_TRUE(meter.write(event("step.stop", "r", {}, "s" + std::to_string(i))));
  const std::string all = text(meter);
  EXPECT_NE(all.find("{step=\"other\"} 50\n"), std::string::npos);
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), static_cast<long>(MeterSink::kSeries) + 2);
}

TEST(MeterSink, LabelsAreEscaped) {
  MeterSink meter({"ends", {}, {"state"}, false});
  ASSERT_TRUE(meter.write(event("workflow.stop", "r", {{"state", "a\"b\\c\nd"}})));
  EXPECT_NE(text(meter).find("{state=\"a\\\"b\\\\c\\nd\"}"), std::string::npos) << text(meter);
}

}  // namespace
}  // namespace pirn::events
