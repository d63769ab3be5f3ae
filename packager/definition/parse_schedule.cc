// Reads when a workflow starts by itself.
#include "packager/definition/draft.h"
#include "packager/schedule/cron.h"
#include "packager/schedule/instant.h"
#include "packager/schedule/zone.h"

namespace pirn::definition {
namespace {

using Zero = ValueReader::Zero;
using Infinity = ValueReader::Infinity;

constexpr size_t kMaxCrons = 64;

// Passes on what packager/schedule says of a text.
template <class T>
std::optional<T> understood(ValueReader& in, const Node& node, const Result<T>& result) {
  if (result) return *result;
  in.problem(result.error().code, node, "the schedule of " + in.subject() + ": " + result.error().message,
             result.error().hint);
  return {};
}

void read_expression(ValueReader& in, const Node& node, Schedule& schedule) {
  std::string& cron = schedule.cron.emplace_back();
  in.read_text(node, cron, kMaxLabel);
  if (node.value->is_string()) understood(in, node, schedule::parse_cron(cron));
}
void read_cron(ValueReader& in, const Node& node, Schedule& schedule) {
  if (node.value->is_string()) return read_expression(in, node, schedule);
  if (!node.value->is_array()) return void(in.wrong_type(node, "an expression or a list of expressions"));
  if (!in.is_list(node, kMaxCrons)) return;
  for (const Node& element : node.children) read_expression(in, element, schedule);
  if (node.value->is_array() && node.children.empty())
    in.bad_value(node, "is empty", "Write at least one expression, for example \"0 6 * * *\".");
}
void read_every(ValueReader& in, const Node& node, Schedule& schedule) {
  in.read_duration(node, schedule.every_ns, Zero::refused, Infinity::refused);
}
void read_in(ValueReader& in, const Node& node, Schedule& schedule) {
  in.read_duration(node, schedule.in_ns, Zero::refused, Infinity::refused);
}
template <std::string Schedule::*Member>
void read_instant(ValueReader& in, const Node& node, Schedule& schedule) {
  std::string& instant = schedule.*Member;
  in.read_text(node, instant, kMaxLabel);
  if (node.value->is_string()) understood(in, node, schedule::parse_instant(instant));
}
void read_timezone(ValueReader& in, const Node& node, Schedule& schedule) {
  in.read_some_text(node, schedule.timezone, kMaxLabel);
  if (!schedule.timezone.empty()) understood(in, node, schedule::find_zone(schedule.timezone));
}
void read_misfire(ValueReader& in, const Node& node, Schedule& schedule) {
  in.read_choice(node, kMisfire, schedule.misfire);
}
constexpr Field<Schedule> kScheduleFields[] = {{"cron", read_cron},
                                               {"every", read_every},
                                               {"at", read_instant<&Schedule::at>},
                                               {"in", read_in},
                                               {"start_at", read_instant<&Schedule::start_at>},
                                               {"end_at", read_instant<&Schedule::end_at>},
                                               {"timezone", read_timezone},
                                               {"misfire", read_misfire}};

// The keys of which a schedule has exactly one.
constexpr std::string_view kWhens[] = {"cron", "every", "at", "in"};

void check_span(ValueReader& in, const Node& node, const Schedule& schedule) {
  const Result<int64_t> start = schedule::parse_instant(schedule.start_at);
  const Result<int64_t> end = schedule::parse_instant(schedule.end_at);
  if (start && end && *end < *start)
    in.problem(Code::invalid_schedule, *node.find("end_at"),
               "the schedule of " + in.subject() + " ends before it starts",
               "Swap \"start_at\" and \"end_at\".");
}

void check_terms(ValueReader& in, const Node& node) {
  const Node* when = nullptr;
  for (const std::string_view key : kWhens) {
    const Node* found = node.find(key);
    if (found == nullptr) continue;
    if (when != nullptr)
      return in.problem(
          Code::invalid_schedule, *found,
          "\"schedule\" of " + in.subject() + " has both \"" + when->key + "\" and \"" + found->key + "\"",
          "Keep one of them.");
    when = found;
  }
  if (when == nullptr)
    return in.problem(Code::invalid_schedule, node,
                      "\"schedule\" of " + in.subject() + " does not say when to start",
                      "Add \"cron\", \"every\", \"at\" or \"in\".");
  const auto belongs = [&](std::string_view key, bool fits, std::string_view wanted) {
    const Node* found = node.find(key);
    if (found != nullptr && !fits)
      in.problem(Code::invalid_schedule, *found,
                 "\"" + found->key + "\" is not allowed with \"" + when->key + "\" in the schedule of " +
                     in.subject(),
                 "Remove it; it is allowed only with " + std::string(wanted) + ".");
  };
  const bool repeats = when->key == "cron" || when->key == "every";
  belongs("start_at", repeats, "\"cron\" and \"every\"");
  belongs("end_at", repeats, "\"cron\" and \"every\"");
  belongs("timezone", when->key == "cron", "\"cron\"");
}

}  // namespace

void read_schedule(ValueReader& in, const Node& node, Schedule& out) {
  if (in.read_fields(node, Level::schedule, part(kScheduleFields, out))) {
    check_terms(in, node);
    check_span(in, node, out);
  }
}

}  // namespace pirn::definition
