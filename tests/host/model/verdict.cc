// Sections 2.3 (classes), 2.4 (verdicts) and 2.7 (context): functions of the states and of nothing else.
#include <algorithm>
#include <boost/json.hpp>

#include "packager/definition/condition.h"
#include "packager/json/json.h"
#include "tests/host/model/model.h"

namespace pirn::model {

Json text_of(const Slot& slot) {
  if (!slot.is_map) return slot.value;
  Json out = "{";
  for (const auto& [key, value] : slot.map) {
    if (out.size() > 1) out += ',';
    out += canonical(boost::json::string(key)) + ":" + value;
  }
  return out + "}";
}

// ---- 2.3 ----

Class Run::class_of(const Step& step) const {
  switch (step.state) {
    case State::completed:
      return Class::ok;
    case State::failed:
      return step.tolerated ? Class::soft : Class::bad;
    case State::cancelled:
      return Class::bad;
    case State::skipped:
      switch (step.skip) {
        case Skip::requested:
        case Skip::on_error:
        case Skip::recovery:
          return Class::soft;
        case Skip::condition:
        case Skip::not_taken:
          return Class::untaken;
        default:
          return Class::bad;
      }
    default:
      return Class::open;
  }
}

// ---- 2.4 ----

// A = after(s) ∪ members(after_group(s)) ∪ ({g} ∪ children(g)); a graft in a group brings its children; a
// child has its graft.
std::set<size_t> Run::all_set(size_t step) const {
  const Step& s = e_.steps[step];
  if (s.graft != kNoStep) return {s.graft};
  std::set<size_t> all(s.def.after.begin(), s.def.after.end());
  std::set<size_t> grafts(s.def.after_graft.begin(), s.def.after_graft.end());
  for (size_t member = 0; member < e_.workflow->steps.size(); ++member) {
    if (s.def.after_group.empty() || e_.steps[member].def.group != s.def.after_group) continue;
    all.insert(member);
    if (e_.steps[member].def.graft) grafts.insert(member);
  }
  all.insert(grafts.begin(), grafts.end());
  for (size_t child = 0; child < e_.steps.size(); ++child)
    if (grafts.contains(e_.steps[child].graft)) all.insert(child);
  return all;
}

Verdict Run::verdict_all(const std::set<size_t>& all) const {
  const auto is = [&](Class wanted) {
    return [this, wanted](size_t step) { return class_of(e_.steps[step]) == wanted; };
  };
  if (all.empty()) return Verdict::pass;
  if (std::any_of(all.begin(), all.end(), is(Class::open))) return Verdict::wait;
  if (std::any_of(all.begin(), all.end(), is(Class::bad))) return Verdict::block;     // R1
  if (std::all_of(all.begin(), all.end(), is(Class::untaken))) return Verdict::drop;  // R4
  return Verdict::pass;
}

// R7.
Verdict Run::verdict_any(const std::vector<size_t>& any) const {
  const auto some = [&](Class wanted) {
    return std::any_of(any.begin(), any.end(),
                       [&](size_t step) { return class_of(e_.steps[step]) == wanted; });
  };
  if (any.empty()) return Verdict::pass;
  if (some(Class::ok)) return Verdict::pass;
  if (some(Class::open)) return Verdict::wait;
  if (some(Class::soft)) return Verdict::pass;
  if (some(Class::bad)) return Verdict::block;
  return Verdict::drop;
}

Verdict Run::verdict(size_t step) const {
  const std::vector<uint32_t>& any = e_.steps[step].def.after_any;
  const Verdict a = verdict_all(all_set(step)), y = verdict_any({any.begin(), any.end()});
  for (const Verdict one : {Verdict::wait, Verdict::block, Verdict::drop})
    if (a == one || y == one) return one;
  return Verdict::pass;
}

// S1: the OK members of Y, or if there is none the SOFT ones.
std::vector<size_t> Run::fired_by(size_t step) const {
  for (const Class wanted : {Class::ok, Class::soft}) {
    std::vector<size_t> out;
    for (const uint32_t member : e_.steps[step].def.after_any)
      if (class_of(e_.steps[member]) == wanted) out.push_back(member);
    if (!out.empty()) return out;
  }
  return {};
}

// ---- 2.7 ----

// Kahn's order, always the smallest declaration index, over all kinds of dependencies.
void Run::rank_declared() {
  const size_t n = e_.steps.size();
  std::set<size_t> done;
  for (uint32_t rank = 0; rank < n; ++rank)
    for (size_t step = 0; step < n; ++step) {
      if (done.contains(step)) continue;
      std::set<size_t> before = all_set(step);
      before.insert(e_.steps[step].def.after_any.begin(), e_.steps[step].def.after_any.end());
      if (!std::all_of(before.begin(), before.end(), [&](size_t one) { return done.contains(one); }))
        continue;
      e_.steps[step].rank = {rank, 0};
      e_.steps[step].level = level_of(step);
      done.insert(step);
      break;
    }
}

// A graft's children lie between it and those that wait for them.
uint32_t Run::level_of(size_t step) const {
  const definition::Step& s = e_.steps[step].def;
  uint32_t level = 0;
  const auto behind = [&](size_t one, bool children) {
    level = std::max(level, e_.steps[one].level + (children ? 2 : 1));
  };
  for (const uint32_t one : s.after) behind(one, false);
  for (const uint32_t one : s.after_any) behind(one, false);
  for (const uint32_t one : s.after_graft) behind(one, true);
  for (size_t member = 0; member < e_.steps.size() && !s.after_group.empty(); ++member)
    if (e_.steps[member].def.group == s.after_group) behind(member, e_.steps[member].def.graft);
  return level;
}

// R9: via A, and via Y only those that fired it. What was adopted has seen what was adopted (R65).
std::set<size_t> Run::ancestors(size_t step) const {
  std::set<size_t> out, todo = {step};
  while (!todo.empty()) {
    const size_t one = todo.extract(todo.begin()).value();
    std::set<size_t> before = all_set(one);
    before.insert(e_.steps[one].fired_by.begin(), e_.steps[one].fired_by.end());
    for (const size_t dependency : before) {
      if (e_.steps[one].adopted && !e_.steps[dependency].adopted) continue;
      if (out.insert(dependency).second) todo.insert(dependency);
    }
  }
  return out;
}

// R28: what depends, directly or not, on a step that failed hard.
std::set<size_t> Run::descendants_of_failures() const {
  std::set<size_t> out;
  for (bool more = true; more;) {
    more = false;
    for (size_t step = 0; step < e_.steps.size(); ++step) {
      std::set<size_t> before = all_set(step);
      const std::vector<uint32_t>& any = e_.steps[step].def.after_any;
      const std::vector<size_t>& fired_by = e_.steps[step].fired_by;
      if (fired_by.empty())
        before.insert(any.begin(), any.end());
      else
        before.insert(fired_by.begin(), fired_by.end());
      for (const size_t one : before) {
        const Step& dependency = e_.steps[one];
        const bool failed = dependency.state == State::failed && !dependency.tolerated;
        if ((failed || out.contains(one)) && out.insert(step).second) more = true;
      }
    }
  }
  return out;
}

// R10, R11.
Context Run::delta(const Step& step) const {
  if (step.slot.none) return {};
  if (!step.def.context_key.empty()) return {{step.def.context_key, text_of(step.slot)}};
  Context out;
  if (!step.slot.is_map) return out;
  const bool child = step.graft != kNoStep;
  if (child) out[step.def.name] = text_of(step.slot);
  for (const auto& [key, value] : step.slot.map) {
    if (child)
      out[step.def.name + "_" + key] = value;
    else
      out[key] = value;
  }
  return out;
}

// R8, P15: for each key the write with the largest (patch number, patch before steps, rank).
Context Run::fold(const std::set<size_t>& of) const {
  using Stamp = std::tuple<size_t, int, Rank>;
  std::map<std::string, std::pair<Stamp, Json>> newest;
  const auto write = [&](const Stamp& stamp, const Context& writes) {
    for (const auto& [key, value] : writes) {
      const auto found = newest.find(key);
      if (found == newest.end() || found->second.first < stamp) newest[key] = {stamp, value};
    }
  };
  write({0, 0, {}}, e_.initial);
  for (size_t i = 0; i < e_.patches.size(); ++i) write({i + 1, 0, {}}, e_.patches[i]);
  for (const size_t step : of)
    if (e_.steps[step].state == State::completed)
      write({e_.steps[step].patch, 1, e_.steps[step].rank}, delta(e_.steps[step]));
  Context out;
  for (const auto& [key, entry] : newest) out[key] = entry.second;
  return out;
}

Context Run::visible(size_t step) const { return fold(ancestors(step)); }

std::set<size_t> Run::all_steps() const {
  std::set<size_t> all;
  for (size_t step = 0; step < e_.steps.size(); ++step) all.insert(step);
  return all;
}

Context Run::context() const { return fold(all_steps()); }

// R32: the keys that its steps wrote.
Context Run::written() const {
  std::set<std::string> keys;
  for (const Step& step : e_.steps)
    if (step.state == State::completed)
      for (const auto& [key, value] : delta(step)) keys.insert(key);
  Context out = context();
  std::erase_if(out, [&](const auto& entry) { return !keys.contains(entry.first); });
  return out;
}

bool Run::condition_holds(size_t step) const {
  const Context seen = visible(step);
  std::map<std::string, boost::json::value> values;
  for (const auto& [key, json] : seen) values[key] = boost::json::parse(json);
  return definition::evaluate(e_.steps[step].def.when,
                              [&](std::string_view key) -> std::optional<definition::ContextValue> {
                                const auto found = values.find(std::string(key));
                                if (found == values.end()) return std::nullopt;
                                const boost::json::value& value = found->second;
                                if (value.is_null()) return definition::ContextValue();
                                if (value.is_bool()) return definition::ContextValue(value.get_bool());
                                if (value.is_int64()) return definition::ContextValue(value.get_int64());
                                if (value.is_uint64()) return definition::ContextValue(value.get_uint64());
                                if (value.is_double()) return definition::ContextValue(value.get_double());
                                if (value.is_string())
                                  return definition::ContextValue(std::string_view(value.get_string()));
                                return definition::ContextValue(definition::JsonView{seen.at(found->first)});
                              });
}

}  // namespace pirn::model
