#include "host/simulate/case.h"

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "host/journal/codec.h"
#include "packager/definition/source.h"
#include "packager/json/json.h"
#include "packager/schedule/instant.h"

namespace pirn::sim {

namespace {

using definition::Node;
using worker::Kind;
using worker::Outcome;

constexpr int64_t kBegin = 1'767'225'600 * kSecond;  // 2026-01-01T00:00:00Z
constexpr int64_t kUntil = 366 * 24 * 60 * kMinute;
constexpr int64_t kMostTimes = 1'000'000;

constexpr std::string_view kNotEnforced = "is not enforced by this version";

constexpr Kind kKinds[] = {Kind::task,      Kind::rollback, Kind::fallback, Kind::handler, Kind::hook,
                           Kind::condition, Kind::duration, Kind::backoff,  Kind::input,   Kind::result};

class CaseReader {
 public:
  CaseReader(const definition::Source& source, std::string_view text, std::string_view file,
             const ReadDefinition& read)
      : source_(source), text_(text), file_(file), read_(read) {}

  Result<Case> read() {
    Case out;
    out.begin = kBegin;
    out.until_ns = kUntil;
    if (!source_.root().value->is_object()) {
      wrong_type(source_.root(), "the case", "an object");
    } else {
      read_case(source_.root(), out);
      check(out);
    }
    if (problems_.empty()) return out;
    const auto place = [](const Error& problem) {
      return std::pair(problem.where.line, problem.where.column);
    };
    std::stable_sort(problems_.begin(), problems_.end(),
                     [&](const Error& a, const Error& b) { return place(a) < place(b); });
    Error error{Code::case_invalid, "the case has " + std::to_string(problems_.size()) +
                                        (problems_.size() == 1 ? " problem" : " problems")};
    error.causes = std::move(problems_);
    return error;
  }

 private:
  // ---- what may be wrong ----

  void problem(Code code, const Node& node, std::string message, std::string hint) {
    problems_.push_back(Error{code, std::move(message), std::move(hint), Blame::caller,
                              source_.where(node.key.empty() ? node.offset : node.key_offset)});
  }
  void wrong_type(const Node& node, const std::string& what, std::string_view wanted) {
    problem(Code::wrong_type, node, what + " must be " + std::string(wanted),
            "Write " + std::string(wanted) + ".");
  }
  void bad(const Node& node, std::string message, std::string hint) {
    problem(Code::invalid_value, node, std::move(message), std::move(hint));
  }

  // Calls `read` for each member whose key is known; `missing` names what the language has and the engine
  // does not enforce.
  template <class Read>
  void members(const Node& object, std::string_view what, std::vector<std::string> known,
               std::initializer_list<std::string_view> not_enforced, Read read) {
    if (!object.value->is_object()) return wrong_type(object, std::string(what), "an object");
    for (const Node& node : object.children) {
      if (std::find(known.begin(), known.end(), node.key) != known.end()) {
        read(node);
      } else if (std::find(not_enforced.begin(), not_enforced.end(), node.key) != not_enforced.end()) {
        problem(Code::unsupported, node, "\"" + node.key + "\" " + std::string(kNotEnforced), "");
      } else {
        const std::string near = nearest(node.key, known);
        std::string all;
        for (const std::string& key : known) all += (all.empty() ? "" : ", ") + key;
        problem(Code::unknown_key, node, std::string(what) + " has no \"" + node.key + "\"",
                near.empty() ? "It has: " + all + "." : "Did you mean \"" + near + "\"?");
      }
    }
  }
  template <class Read>
  void elements(const Node& node, Read read) {
    if (!node.value->is_array()) return wrong_type(node, quoted(node), "a list");
    for (const Node& element : node.children) read(element);
  }

  static std::string quoted(const Node& node) { return node.key.empty() ? "this" : "\"" + node.key + "\""; }

  std::string text_of(const Node& node) {
    if (const auto* text = node.value->if_string()) return {text->data(), text->size()};
    wrong_type(node, quoted(node), "a text");
    return {};
  }
  bool truth_of(const Node& node) {
    if (const bool* truth = node.value->if_bool()) return *truth;
    wrong_type(node, quoted(node), "true or false");
    return false;
  }
  int64_t number_of(const Node& node, int64_t least, int64_t most) {
    const int64_t* number = node.value->if_int64();
    if (number && *number >= least && *number <= most) return *number;
    bad(node,
        quoted(node) + " must be a whole number from " + std::to_string(least) + " to " +
            std::to_string(most),
        "");
    return least;
  }
  int64_t duration_of(const Node& node) {
    if (const int64_t* ms = node.value->if_int64(); ms && *ms >= 0 && *ms <= INT64_MAX / kMillisecond)
      return *ms * kMillisecond;
    if (node.value->is_string()) {
      const auto duration = definition::parse_duration(text_of(node));
      if (duration && *duration != definition::kInfinite) return *duration;
    }
    problem(Code::invalid_duration, node, quoted(node) + " is no duration that ends", "");
    return 0;
  }
  std::string json_of(const Node& node) { return canonical(*node.value); }
  std::string object_of(const Node& node) {
    if (!node.value->is_object()) {
      wrong_type(node, quoted(node), "an object");
      return "{}";
    }
    return json_of(node);
  }

  // ---- the case ----

  void read_case(const Node& object, Case& out) {
    members(object, "a case",
            {"description", "definition", "definitions", "begin", "until", "host", "input", "calls", "do",
             "expect"},
            {}, [&](const Node& node) {
              if (node.key == "description")
                (void)text_of(node);
              else if (node.key == "definition")
                read_document(node, {"t", "", {}, true}, out);
              else if (node.key == "definitions")
                elements(node, [&](const Node& element) { read_published(element, out); });
              else if (node.key == "begin")
                read_begin(node, out);
              else if (node.key == "until")
                out.until_ns = duration_of(node);
              else if (node.key == "host")
                read_host(node, out);
              else if (node.key == "input")
                input_ = object_of(node);
              else if (node.key == "calls")
                elements(node, [&](const Node& element) { read_script(element, out); });
              else if (node.key == "do")
                elements(node, [&](const Node& element) { read_order(element, out); });
              else
                read_expected(node, out);
            });
  }

  void read_begin(const Node& node, Case& out) {
    const auto instant = schedule::parse_instant(text_of(node));
    if (instant)
      out.begin = *instant;
    else
      problem(instant.error().code, node, instant.error().message, instant.error().hint);
  }

  void read_host(const Node& object, Case& out) {
    members(object, "the host", {"slots", "cancel_grace", "consultation_limit"}, {}, [&](const Node& node) {
      if (node.key == "slots")
        out.slots = static_cast<size_t>(number_of(node, 1, kMostTimes));
      else if (node.key == "cancel_grace")
        out.options.cancel_grace_ns = duration_of(node);
      else
        out.options.consultation_limit_ns = duration_of(node);
    });
  }

  // ---- definitions ----

  void read_published(const Node& object, Case& out) {
    Published published{"t", "", {}, true};
    const Node* document = nullptr;
    members(object, "a definition of a case", {"as", "tenant", "document", "deployed"}, {},
            [&](const Node& node) {
              if (node.key == "as")
                published.name = text_of(node);
              else if (node.key == "tenant")
                published.tenant = text_of(node);
              else if (node.key == "deployed")
                published.deployed = truth_of(node);
              else
                document = &node;
            });
    if (document)
      read_document(*document, std::move(published), out);
    else if (object.value->is_object())
      problem(Code::missing_key, object, "a definition of a case needs \"document\"",
              "Write it there, or the path of a file.");
  }

  // A path, or the document itself: then its problems are places of this text.
  void read_document(const Node& node, Published published, Case& out) {
    Result<definition::Definition> parsed = [&]() -> Result<definition::Definition> {
      if (!node.value->is_string()) return definition::parse(alone(node), file_, nullptr);
      const std::string path = text_of(node);
      PIRN_TRY(const std::string document, read_(path));
      return definition::parse(document, path, nullptr);
    }();
    if (!parsed) {
      Error error = parsed.error();
      if (error.where.line == 0) error.where = source_.where(node.key_offset);
      problems_.push_back(std::move(error));
      return;
    }
    published.definition = std::move(*parsed);
    out.published.push_back(std::move(published));
  }

  // This text with everything but one of its objects blanked, so that places stay what they are.
  std::string alone(const Node& node) const {
    size_t end = node.offset;
    for (int depth = 0; end < text_.size(); ++end) {
      const char c = text_[end];
      if (c == '"')
        for (++end; text_[end] != '"'; ++end) end += text_[end] == '\\';
      depth += (c == '{' || c == '[') - (c == '}' || c == ']');
      if (depth == 0) break;
    }
    std::string out(text_.substr(0, end + 1));
    std::replace_if(
        out.begin(), out.begin() + node.offset, [](char c) { return c != '\n'; }, ' ');
    return out;
  }

  // ---- calls ----

  void read_script(const Node& object, Case& out) {
    Script script;
    members(object, "a call", {"run", "workflow", "step", "function", "kind", "does"}, {},
            [&](const Node& node) {
              if (node.key == "run") script.run = text_of(node);
              if (node.key == "workflow") script.workflow = text_of(node);
              if (node.key == "step") script.step = text_of(node);
              if (node.key == "function") script.function = text_of(node);
              if (node.key == "kind") script.kind = kind_of(node);
              if (node.key != "does") return;
              if (node.value->is_array())
                elements(node, [&](const Node& element) { script.deeds.push_back(deed_of(element)); });
              else
                script.deeds.push_back(deed_of(node));
            });
    if (!script.kind && !script.step.empty()) script.kind = Kind::task;
    if (script.deeds.empty() && object.value->is_object())
      problem(Code::missing_key, object, "a call needs \"does\"",
              "Write what it does, or a list of what the first, the second, … call does.");
    out.scripts.push_back(std::move(script));
  }

  std::optional<Kind> kind_of(const Node& node) {
    const std::string word = text_of(node);
    std::vector<std::string> names;
    for (const Kind kind : kKinds) {
      if (word == name_of(kind)) return kind;
      names.emplace_back(name_of(kind));
    }
    const std::string near = nearest(word, names);
    bad(node, "there is no kind of call '" + word + "'",
        near.empty() ? "A call is of a task, a condition, a backoff, a hook, …"
                     : "Did you mean '" + near + "'?");
    return std::nullopt;
  }

  Deed deed_of(const Node& object) {
    Deed deed;
    const Node* outcome = nullptr;
    members(object, "what a call does",
            {"takes", "ignores_cancel", "kills_host", "hangs", "ok", "fail", "skip", "cancelled", "answer"},
            {"snooze", "await", "expand"}, [&](const Node& node) {
              if (node.key == "takes") return void(deed.act.takes = duration_of(node));
              if (node.key == "ignores_cancel") return void(deed.act.ignores_cancel = truth_of(node));
              if (node.key == "kills_host") {
                deed.kills_host = node.value->is_bool()
                                      ? static_cast<uint32_t>(truth_of(node))
                                      : static_cast<uint32_t>(number_of(node, 1, kMostTimes));
                return;
              }
              if (outcome)
                return bad(node, "a call has one outcome: \"" + outcome->key + "\" or \"" + node.key + "\"",
                           "Remove one of them.");
              outcome = &node;
              read_outcome(node, deed.act);
            });
    return deed;
  }

  void read_outcome(const Node& node, Act& act) {
    Outcome& outcome = act.outcome;
    if (node.key == "hangs") {
      act.hangs = truth_of(node);
    } else if (node.key == "ok") {
      outcome.result = result_of(node);
    } else if (node.key == "cancelled") {
      outcome.kind = Outcome::Kind::cancelled;
      outcome.result = result_of(node);
    } else if (node.key == "skip") {
      outcome.kind = Outcome::Kind::skip;
      outcome.reason = text_of(node);
    } else if (node.key == "fail") {
      outcome.kind = Outcome::Kind::failed;
      outcome.error = error_of(node);
    } else if (node.value->is_bool()) {
      outcome.truth = truth_of(node);
    } else {
      outcome.duration = duration_of(node);
    }
  }

  journal::ResultPtr result_of(const Node& node) {
    journal::StepResult result;
    if (node.value->is_object()) {
      result.map = *journal::parse_object(json_of(node));
    } else {
      result.is_map = false;
      result.value = *journal::parse_value(json_of(node));
    }
    return std::make_shared<const journal::StepResult>(std::move(result));
  }

  journal::ErrorPtr error_of(const Node& node) {
    journal::StepError error;
    error.message = "as the case says";
    if (node.value->is_string()) {
      error.code = text_of(node);
    } else {
      members(node, "an error", {"code", "message", "class", "details"}, {}, [&](const Node& member) {
        if (member.key == "code") error.code = text_of(member);
        if (member.key == "message") error.message = text_of(member);
        if (member.key == "details") error.details = json_of(member);
        if (member.key == "class") error.error_class = class_of(member);
      });
      if (error.code.empty() && node.value->is_object())
        problem(Code::missing_key, node, "an error needs \"code\"", "");
    }
    return std::make_shared<const journal::StepError>(std::move(error));
  }

  journal::ErrorClass class_of(const Node& node) {
    const std::string word = text_of(node);
    for (const auto error_class :
         {journal::ErrorClass::retryable, journal::ErrorClass::transient, journal::ErrorClass::terminal})
      if (word == name_of(error_class)) return error_class;
    bad(node, "there is no error class '" + word + "'", "Write retryable, transient or terminal.");
    return journal::ErrorClass::retryable;
  }

  // ---- what is asked of the host ----

  void read_order(const Node& object, Case& out) {
    Order order;
    order.where = source_.where(object.offset);
    const size_t problems = problems_.size();
    const Node* what = nullptr;
    std::map<std::string, const Node*> options;
    members(object, "what is done",
            {"at", "after", "start", "cancel", "deploy", "crash", "down", "fail_commit", "as", "input", "key",
             "tenant", "reason", "rollback", "cleanup"},
            {"pause", "resume", "approve", "reject", "signal", "emit", "retry", "rerun", "context", "step",
             "action", "strategy"},
            [&](const Node& node) {
              if (node.key == "at")
                order.at = duration_of(node);
              else if (node.key == "after")
                order.after = after_of(node);
              else if (is_word(node.key) && what)
                bad(node, "one thing is done at a time: \"" + what->key + "\" or \"" + node.key + "\"",
                    "Make two of them.");
              else if (is_word(node.key))
                what = &node;
              else
                options[node.key] = &node;
            });
    if (!what && problems_.size() > problems) return;  // it says something that cannot be done
    if (!what)
      return problem(Code::missing_key, object, "it does not say what is done",
                     "Write start, cancel, deploy, crash, down or fail_commit.");
    const auto take = [&](std::string_view key) -> const Node* {
      const auto found = options.find(std::string(key));
      if (found == options.end()) return nullptr;
      const Node* node = found->second;
      options.erase(found);
      return node;
    };
    if (what->key == "start") {
      StartRun start{"", "t", text_of(*what), "{}", ""};
      start.run = start.workflow;
      if (const Node* node = take("as")) start.run = text_of(*node);
      if (const Node* node = take("tenant")) start.tenant = text_of(*node);
      if (const Node* node = take("input")) start.input = object_of(*node);
      if (const Node* node = take("key")) start.key = text_of(*node);
      order.what = std::move(start);
    } else if (what->key == "cancel") {
      CancelRun cancel{text_of(*what), "user_requested", false, true};
      if (const Node* node = take("reason")) cancel.reason = text_of(*node);
      if (const Node* node = take("rollback")) cancel.rollback = truth_of(*node);
      if (const Node* node = take("cleanup")) cancel.cleanup = truth_of(*node);
      order.what = std::move(cancel);
    } else if (what->key == "deploy") {
      order.what = Deploy{text_of(*what)};
    } else if (what->key == "crash") {
      if (!truth_of(*what)) bad(*what, "\"crash\" is true or absent", "");
      order.what = LoseHost{0};
    } else if (what->key == "down") {
      order.what = LoseHost{duration_of(*what)};
    } else {
      const std::string word = text_of(*what);
      if (word != "nothing_written" && word != "uncertain")
        bad(*what, "a commit fails \"nothing_written\" or \"uncertain\"", "");
      order.what = FailCommit{word == "uncertain"};
    }
    for (const auto& [key, node] : options)
      bad(*node, "\"" + key + "\" says nothing about \"" + what->key + "\"", "Remove it.");
    out.orders.push_back(std::move(order));
  }

  static bool is_word(std::string_view key) {
    static const std::set<std::string_view> kWords = {"start", "cancel", "deploy",
                                                      "crash", "down",   "fail_commit"};
    return kWords.contains(key);
  }

  After after_of(const Node& object) {
    After after;
    members(object, "a moment", {"run", "event", "step", "times", "commit"}, {}, [&](const Node& node) {
      if (node.key == "run") after.run = text_of(node);
      if (node.key == "event") after.event = text_of(node);
      if (node.key == "step") after.step = text_of(node);
      if (node.key == "times") after.times = static_cast<uint32_t>(number_of(node, 1, kMostTimes));
      if (node.key == "commit") after.commit = static_cast<uint32_t>(number_of(node, 1, kMostTimes));
    });
    if (after.event.empty() && after.commit == 0 && object.value->is_object())
      problem(Code::missing_key, object, "a moment needs \"event\" or \"commit\"",
              "Write {\"event\": \"step.start\", \"step\": NAME}, for example.");
    return after;
  }

  // ---- what must come out ----

  void read_expected(const Node& object, Case& out) {
    if (!object.value->is_object()) return wrong_type(object, quoted(object), "an object of runs");
    for (const Node& run : object.children) {
      Expected expected;
      expected.where = source_.where(run.key_offset);
      expected.run = run.key;
      members(run, "what is expected of a run", {"state", "steps", "results", "context"}, {},
              [&](const Node& node) {
                if (node.key == "state") return void(expected.state = text_of(node));
                if (!node.value->is_object()) return wrong_type(node, quoted(node), "an object");
                if (node.key == "context") return void(expected.context = json_of(node));
                for (const Node& step : node.children)
                  if (node.key == "steps")
                    expected.steps[step.key] = text_of(step);
                  else
                    expected.results[step.key] = json_of(step);
              });
      out.expected.push_back(std::move(expected));
    }
  }

  // ---- the whole ----

  void check(Case& out) {
    const bool starts = std::any_of(out.orders.begin(), out.orders.end(), [](const Order& order) {
      return std::holds_alternative<StartRun>(order.what);
    });
    if (!starts && out.published.size() == 1 && out.published[0].definition.workflows.size() == 1) {
      const std::string& workflow = out.published[0].definition.workflows[0].name;
      Order order;
      order.what = StartRun{workflow, out.published[0].tenant, workflow, input_, ""};
      out.orders.insert(out.orders.begin(), std::move(order));
    } else if (!starts && problems_.empty()) {
      problem(Code::missing_key, source_.root(), "the case starts nothing",
              "Write {\"start\": WORKFLOW} in \"do\"; only a lone workflow starts by itself.");
    }
    if (out.published.empty() && problems_.empty())
      problem(Code::missing_key, source_.root(), "the case has no definition",
              "Write \"definition\": a document, or the path of a file.");
    std::set<std::string> runs, published;
    for (const Published& one : out.published) published.insert(one.name);
    for (const Order& order : out.orders)
      if (const auto* start = std::get_if<StartRun>(&order.what); start && !runs.insert(start->run).second)
        problems_.push_back(Error{Code::duplicate_name, "two runs are named '" + start->run + "'",
                                  "Name them with \"as\".", Blame::caller, order.where});
    const auto known = [&](const std::string& run, const Where& where) {
      if (run.empty() || runs.contains(run)) return;
      const std::string near = nearest(run, {runs.begin(), runs.end()});
      problems_.push_back(Error{Code::invalid_value, "the case starts no run '" + run + "'",
                                near.empty() ? "" : "Did you mean '" + near + "'?", Blame::caller, where});
    };
    for (const Order& order : out.orders) {
      if (order.after) known(order.after->run, order.where);
      if (const auto* cancel = std::get_if<CancelRun>(&order.what)) known(cancel->run, order.where);
      if (const auto* deploy = std::get_if<Deploy>(&order.what); deploy && !published.contains(deploy->name))
        problems_.push_back(Error{Code::invalid_value, "no definition is named '" + deploy->name + "'",
                                  "Name it with \"as\" in \"definitions\".", Blame::caller, order.where});
    }
    for (const Expected& expected : out.expected) known(expected.run, expected.where);
  }

  const definition::Source& source_;
  const std::string_view text_, file_;
  const ReadDefinition& read_;
  std::string input_ = "{}";
  std::vector<Error> problems_;
};

}  // namespace

Result<Case> parse_case(std::string_view text, std::string_view file, const ReadDefinition& read) {
  PIRN_TRY(const auto source, definition::Source::read(text, file));
  return CaseReader(*source, text, file, read).read();
}

}  // namespace pirn::sim
