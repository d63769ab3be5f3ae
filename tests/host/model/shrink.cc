// The smallest scenario that still fails.
#include <algorithm>
#include <set>

#include "tests/host/model/scenario.h"

namespace pirn::model {

namespace bj = boost::json;

namespace {

// Commands about runs that nothing begins any more go, too.
void erase_orphans(Scenario& of) {
  std::set<std::string> begun = {"w"};
  std::erase_if(of.commands, [&](const Command& command) {
    const bool starts = command.what == Command::What::start;
    if (!starts && !begun.contains(command.run.substr(0, command.run.find('/')))) return true;
    if (!command.as.empty()) begun.insert(command.as);
    return false;
  });
}

Scenario without_command(Scenario less, size_t index) {
  less.commands.erase(less.commands.begin() + static_cast<ptrdiff_t>(index));
  erase_orphans(less);
  return less;
}

Scenario without_workflow(Scenario less, size_t index) {
  const std::string name(less.workflows[index].at("name").as_string());
  less.workflows.erase(less.workflows.begin() + static_cast<ptrdiff_t>(index));
  std::erase_if(less.commands, [&](const Command& command) { return command.workflow == name; });
  erase_orphans(less);
  return less;
}

void add_smaller_workflows(const Scenario& of, size_t w, std::vector<Scenario>& out) {
  const auto without = [&](const std::function<void(Scenario&, bj::object&)>& remove) {
    out.push_back(of);
    remove(out.back(), out.back().workflows[w]);
  };
  if (w > 0) out.push_back(without_workflow(of, w));
  const bj::array& steps = of.workflows[w].at("steps").as_array();
  for (size_t i = 0; i < steps.size(); ++i)
    without([&](Scenario& less, bj::object& workflow) {
      bj::array& rest = workflow["steps"].as_array();
      const bj::string name = rest[i].at("name").as_string();
      rest.erase(rest.begin() + static_cast<ptrdiff_t>(i));
      for (bj::value& other : rest)
        for (const char* key : {"after", "after_any", "after_graft"})
          if (bj::value* names = other.as_object().if_contains(key)) {
            bj::array& list = names->as_array();
            list.erase(std::remove(list.begin(), list.end(), bj::value(name)), list.end());
            if (list.empty()) other.as_object().erase(key);
          }
      less.deeds.erase({std::string(name), Kind::task});
    });
  for (size_t i = 0; i < steps.size(); ++i)
    for (const auto& member : steps[i].as_object()) {
      // Without max_snoozes the last deed, when it is a snooze, repeats for ever.
      if (member.key() == "name" || member.key() == "max_snoozes") continue;
      without([&](Scenario&, bj::object& workflow) {
        workflow["steps"].as_array()[i].as_object().erase(member.key());
      });
    }
  for (const auto& member : of.workflows[w])
    if (member.key() != "name" && member.key() != "steps")
      without([&](Scenario&, bj::object& workflow) { workflow.erase(member.key()); });
}

// Every scenario that lacks one thing of this one.
std::vector<Scenario> smaller(const Scenario& of) {
  std::vector<Scenario> out;
  for (size_t w = 0; w < of.workflows.size(); ++w) add_smaller_workflows(of, w, out);
  for (size_t i = 0; i < of.commands.size(); ++i) out.push_back(without_command(of, i));
  for (const auto& [key, deeds] : of.deeds) {
    Scenario less = of;
    less.deeds.erase(key);
    out.push_back(std::move(less));
    if (deeds.size() < 2) continue;
    out.push_back(of);
    out.back().deeds[key].pop_back();
  }
  return out;
}

}  // namespace

Scenario shrunk(Scenario scenario, const std::function<bool(const Scenario&)>& fails) {
  for (bool more = true; more;) {
    more = false;
    for (Scenario& less : smaller(scenario)) {
      if (!definition::parse(definition_of(less), "shrunk", nullptr) || !fails(less)) continue;
      scenario = std::move(less);
      more = true;
      break;
    }
  }
  return scenario;
}

}  // namespace pirn::model
