// How well an execution went, in figures: grade, bottlenecks, recommendations. Pure functions of what the
// journal and the logbook say: any thread.
//
// The formulas: a grade is 40 * success rate + a score of time (30 minus a tenth of the seconds, 0 to 30) + a
// score of utilisation (30 minus a fifth of its distance from 75 percent, 0 to 30; 30 when it was not
// measured); A from 90, B from 80, C from 70, D from 60, else F. A bottleneck is a step that took at least
// twice the average and at least as long as the step at a fifth of the descending order; one step alone is
// none.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/events/event_text.h"

namespace pirn::api {

struct StepFigures {
  std::string name;
  std::string state = "pending";
  uint64_t invocations = 0, failures = 0;
  int64_t busy_ns = 0;            // in its functions
  int64_t queued_ns = 0;          // ready, and waiting for a slot
  std::optional<int64_t> cpu_ns;  // of it, on a processor; when it was measured
  bool started() const { return invocations > 0; }
};

struct Grade {
  double score = 0;
  char letter = 'F';
};
// `utilisation`: 0 to 1.
Grade grade_of(double success_rate, double total_s, std::optional<double> utilisation);

struct Bottleneck {
  std::string step;
  int64_t busy_ns = 0;
  double ratio = 0;  // to the average
  bool high = false;
  std::string_view advice;
};
// By time, longest first.
std::vector<Bottleneck> bottlenecks_of(const std::vector<StepFigures>& steps);

// An execution as its journal tells it; events in order.
class Figures {
 public:
  void event(const events::EventView& event);
  void cpu(const std::string& step, int64_t cpu_ns);

  std::vector<StepFigures> steps;  // in the order in which they are first spoken of
  std::string state = "pending";
  int64_t started_at = 0, ended_at = 0;  // ns since 1970; 0: not yet
  uint64_t attempts = 0;
  uint64_t max_concurrency = 0;

  uint64_t count(std::string_view state) const;
  // Of the steps that were started and are over, those that completed; 1 when there is none.
  double success_rate() const;
  int64_t total_ns(int64_t now) const;
  std::optional<int64_t> cpu_ns() const;
  // Processor time in the time that functions took.
  std::optional<double> utilisation() const;

 private:
  StepFigures& step(const std::string& name);

  std::map<std::string, size_t> index_;
  std::map<std::string, int64_t> ready_at_;
  std::optional<int64_t> handlers_cpu_ns_;
  uint64_t running_ = 0;
};

std::vector<std::string> recommendations_for(double success_rate, char letter,
                                             const std::vector<Bottleneck>& bottlenecks);

}  // namespace pirn::api
