// Reads when a workflow starts by itself.
#include "packager/definition/draft.h"

namespace pirn::definition {
namespace {

using Zero = ValueReader::Zero;
using Infinity = ValueReader::Infinity;

constexpr size_t kMaxCrons = 64;

void read_cron(ValueReader& in, const Node& node, Schedule& schedule) {
  in.read_texts(node, schedule.cron, kMaxCrons);
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
void read_word(ValueReader& in, const Node& node, Schedule& schedule) {
  in.read_some_text(node, schedule.*Member, kMaxLabel);
}
void read_misfire(ValueReader& in, const Node& node, Schedule& schedule) {
  in.read_choice(node, kMisfire, schedule.misfire);
}
constexpr Field<Schedule> kScheduleFields[] = {{"cron", read_cron},
                                               {"every", read_every},
                                               {"at", read_word<&Schedule::at>},
                                               {"in", read_in},
                                               {"start_at", read_word<&Schedule::start_at>},
                                               {"end_at", read_word<&Schedule::end_at>},
                                               {"timezone", read_word<&Schedule::timezone>},
                                               {"misfire", read_misfire}};

// The keys of which a schedule has exactly one.
constexpr std::string_view kWhens[] = {"cron", "every", "at", "in"};

void check_terms(ValueReader& in, const Node& node) {
  const Node* when = nullptr;
  for (const std::string_view key : kWhens) {
    const Node* found = node.find(key);
    if (found == nullptr) continue;
    if (when != nullptr)
      return in.problem(
          Code::invalid_value, *found,
          "\"schedule\" of " + in.subject() + " has both \"" + when->key + "\" and \"" + found->key + "\"",
          "Keep one of them.");
    when = found;
  }
  if (when == nullptr)
    return in.problem(Code::missing_key, node, "\"schedule\" of " + in.subject() + " does not say when",
                      "Add \"cron\", \"every\", \"at\" or \"in\".");
  const auto belongs = [&](std::string_view key, bool fits, std::string_view wanted) {
    const Node* found = node.find(key);
    if (found != nullptr && !fits)
      in.problem(
          Code::invalid_value, *found,
          "\"" + found->key + "\" does not go with \"" + when->key + "\" in the schedule of " + in.subject(),
          "Remove it; it goes with " + std::string(wanted) + ".");
  };
  const bool repeats = when->key == "cron" || when->key == "every";
  belongs("start_at", repeats, "\"cron\" and \"every\"");
  belongs("end_at", repeats, "\"cron\" and \"every\"");
  belongs("timezone", when->key == "cron", "\"cron\"");
}

}  // namespace

void read_schedule(ValueReader& in, const Node& node, Schedule& out) {
  if (in.read_fields(node, Level::schedule, part(kScheduleFields, out))) check_terms(in, node);
}

}  // namespace pirn::definition
