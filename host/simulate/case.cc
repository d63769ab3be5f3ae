#include "host/simulate/case.h"

#include <set>

#include "host/simulate/case_nodes.h"

namespace pirn::sim {

namespace {

using definition::Node;

constexpr int64_t kBegin = 1'767'225'600 * kSecond;  // 2026-01-01T00:00:00Z
constexpr int64_t kUntil = 366 * 24 * 60 * kMinute;

class CaseReader : NodeReader {
 public:
  CaseReader(const definition::Source& source, std::string_view text, std::string_view file,
             const ReadDefinition& read)
      : NodeReader(source), root_(source.root()), text_(text), file_(file), read_(read) {}

  Result<Case> read() {
    Case out;
    out.begin = kBegin;
    out.until_ns = kUntil;
    if (!root_.value->is_object()) {
      wrong_type(root_, "the case", "an object");
    } else {
      read_case(root_, out);
      check(out);
    }
    if (problems().empty()) return out;
    Error error{Code::case_invalid, "the case has " + std::to_string(problems().size()) +
                                        (problems().size() == 1 ? " problem" : " problems")};
    error.causes = take_sorted();
    return error;
  }

 private:
  // ---- the case ----

  void read_case(const Node& object, Case& out) {
    members(object, "a case",
            {"description", "definition", "definitions", "begin", "until", "host", "input", "calls", "do",
             "expect"},
            [&](const Node& node) {
              if (node.key == "description")
                (void)text_of(node);
              else if (node.key == "definition")
                read_document(node, {"t", "", {}, true}, out);
              else if (node.key == "definitions")
                elements(node, [&](const Node& element) { read_published(element, out); });
              else if (node.key == "begin")
                out.begin = instant_of(node);
              else if (node.key == "until")
                out.until_ns = duration_of(node);
              else if (node.key == "host")
                read_host(node, out);
              else if (node.key == "input")
                input_ = object_of(node);
              else if (node.key == "calls")
                elements(node,
                         [&](const Node& element) { out.scripts.push_back(read_script(*this, element)); });
              else if (node.key == "do")
                elements(node, [&](const Node& element) {
                  if (auto order = read_order(*this, element)) out.orders.push_back(std::move(*order));
                });
              else
                read_expected(*this, node, out.expected);
            });
  }

  void read_host(const Node& object, Case& out) {
    members(object, "the host", {"slots", "resources", "cancel_grace", "consultation_limit", "handler_limit"},
            [&](const Node& node) {
              if (node.key == "slots")
                out.slots = static_cast<size_t>(number_of(node, 1, kMostTimes));
              else if (node.key == "resources")
                out.options.capacity = capacity_of(node);
              else if (node.key == "cancel_grace")
                out.options.cancel_grace_ns = duration_of(node);
              else if (node.key == "handler_limit")
                out.options.handler_limit_ns = duration_of(node);
              else
                out.options.consultation_limit_ns = duration_of(node);
            });
  }

  // ---- definitions ----

  void read_published(const Node& object, Case& out) {
    Published published{"t", "", {}, true};
    const Node* document = nullptr;
    members(object, "a definition of a case", {"as", "tenant", "document", "deployed"},
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
      if (error.where.line == 0) error.where = where(node);
      add(std::move(error));
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

  // ---- the whole ----

  // What children of grafts name, exists, as what they name it. What is wrong about options the engine says.
  static void add_functions(Case& out) {
    using worker::Kind;
    std::set<std::pair<std::string, Kind>> named;
    const auto add_child = [&](const journal::Child& child) {
      named.emplace(child.task, Kind::task);
      const auto options =
          definition::parse_child(child.options.empty() ? "{}" : child.options, child.name, nullptr);
      if (!options) return;
      named.emplace(options->when.function, Kind::condition);
      named.emplace(options->timeout_function, Kind::duration);
      named.emplace(options->retry.backoff.function, Kind::backoff);
      named.emplace(options->rollback, Kind::rollback);
      named.emplace(options->on_timeout, Kind::handler);
      named.emplace(options->fallback.function, Kind::fallback);
      for (const definition::RecoveryRule& rule : options->recovery) {
        named.emplace(rule.when, Kind::condition);
        named.emplace(rule.retry.backoff.function, Kind::backoff);
        named.emplace(rule.fallback.function, Kind::fallback);
      }
      const definition::Hooks& hooks = options->hooks;
      for (const std::string& hook :
           {hooks.on_start, hooks.on_success, hooks.on_failure, hooks.on_skip, hooks.on_finish})
        named.emplace(hook, Kind::hook);
    };
    for (const Script& script : out.scripts)
      for (const Deed& deed : script.deeds)
        for (const journal::Child& child : deed.act.outcome.children) add_child(child);
    for (const auto& [name, kind] : named)
      if (!name.empty()) out.functions.push_back({name, static_cast<uint32_t>(kind)});
  }

  // Something starts, by an order or by itself.
  static bool starts(const Case& out) {
    const bool ordered = std::any_of(out.orders.begin(), out.orders.end(), [](const Order& order) {
      return std::holds_alternative<StartRun>(order.what) || std::holds_alternative<EmitEvent>(order.what);
    });
    return ordered || std::any_of(out.published.begin(), out.published.end(), [](const Published& one) {
             return std::any_of(one.definition.workflows.begin(), one.definition.workflows.end(),
                                [](const definition::Workflow& workflow) { return workflow.schedule; });
           });
  }

  void check(Case& out) {
    add_functions(out);
    if (!starts(out) && out.published.size() == 1 && out.published[0].definition.workflows.size() == 1) {
      const std::string& workflow = out.published[0].definition.workflows[0].name;
      Order order;
      order.what = StartRun{workflow, out.published[0].tenant, workflow, input_, ""};
      out.orders.insert(out.orders.begin(), std::move(order));
    } else if (!starts(out) && problems().empty()) {
      problem(Code::missing_key, root_, "the case starts nothing",
              "Write {\"start\": WORKFLOW} in \"do\"; only a lone workflow starts by itself.");
    }
    if (out.published.empty() && problems().empty())
      problem(Code::missing_key, root_, "the case has no definition",
              "Write \"definition\": a document, or the path of a file.");
    check_names(out);
  }

  // Runs and definitions that are named must be there. The host names those that it starts by itself; of
  // them nothing is known yet but the form of their names.
  void check_names(const Case& out) {
    std::set<std::string> runs, published;
    for (const Published& one : out.published) published.insert(one.name);
    const auto begins = [&](const std::string& run, const Where& where) {
      if (runs.insert(run).second) return;
      add(Error{Code::duplicate_name, "two runs are named '" + run + "'", "Name them with \"as\".",
                Blame::caller, where});
    };
    for (const Order& order : out.orders) {
      if (const auto* start = std::get_if<StartRun>(&order.what)) begins(start->run, order.where);
      if (const auto* again = std::get_if<RunAgain>(&order.what)) begins(again->as, order.where);
      if (const auto* again = std::get_if<RetryDeadLetter>(&order.what); again && !again->as.empty())
        begins(again->as, order.where);
    }
    const auto known = [&](const std::string& run, const Where& where) {
      if (run.empty() || runs.contains(run) || run.find_first_of("/#") != std::string::npos) return;
      const std::string near = nearest(run, {runs.begin(), runs.end()});
      add(Error{Code::invalid_value, "the case starts no run '" + run + "'",
                near.empty() ? "" : "Did you mean '" + near + "'?", Blame::caller, where});
    };
    for (const Order& order : out.orders) {
      if (order.after) known(order.after->run, order.where);
      if (const auto* of = std::get_if<CancelRun>(&order.what)) known(of->run, order.where);
      if (const auto* of = std::get_if<PauseRun>(&order.what)) known(of->run, order.where);
      if (const auto* of = std::get_if<ResumeRun>(&order.what)) known(of->run, order.where);
      if (const auto* of = std::get_if<ApproveRun>(&order.what)) known(of->run, order.where);
      if (const auto* of = std::get_if<RunAgain>(&order.what)) known(of->run, order.where);
      if (const auto* of = std::get_if<RetryDeadLetter>(&order.what)) known(of->run, order.where);
      if (const auto* of = std::get_if<DiscardDeadLetter>(&order.what)) known(of->run, order.where);
      if (const auto* deploy = std::get_if<Deploy>(&order.what); deploy && !published.contains(deploy->name))
        add(Error{Code::invalid_value, "no definition is named '" + deploy->name + "'",
                  "Name it with \"as\" in \"definitions\".", Blame::caller, order.where});
    }
    // These choose among what there is: a name that is misspelt would choose nothing.
    for (const Order& order : out.orders) {
      if (const auto* of = std::get_if<CancelRuns>(&order.what))
        check_choice(out, of->which.tenant, of->which.package, of->which.workflow, order.where);
      if (const auto* of = std::get_if<RetryDeadLetters>(&order.what))
        check_choice(out, of->tenant, of->which.package, of->which.workflow, order.where);
      if (const auto* of = std::get_if<PruneDeadLetters>(&order.what))
        check_choice(out, of->tenant, of->which.package, of->which.workflow, order.where);
    }
    for (const Expected& expected : out.expected) known(expected.run, expected.where);
  }

  // A definition of the tenant must have this package and this workflow; an empty name asks for nothing.
  void check_choice(const Case& out, const std::string& tenant, const std::string& package,
                    const std::string& workflow, const Where& where) {
    std::vector<std::string> workflows, packages;
    for (const Published& one : out.published) {
      if (one.tenant != tenant) continue;
      packages.push_back(one.definition.package);
      if (!package.empty() && one.definition.package != package) continue;
      for (const definition::Workflow& each : one.definition.workflows) workflows.push_back(each.name);
    }
    const bool has_package =
        package.empty() || std::find(packages.begin(), packages.end(), package) != packages.end();
    const bool has_workflow =
        workflow.empty() || std::find(workflows.begin(), workflows.end(), workflow) != workflows.end();
    if (has_package && has_workflow) return;
    const std::string near = has_package ? nearest(workflow, workflows) : nearest(package, packages);
    add(Error{Code::invalid_value,
              "tenant '" + tenant + "' has no " +
                  (has_package ? "workflow '" + workflow : "package '" + package) + "' in this case",
              near.empty() ? "" : "Did you mean '" + near + "'?", Blame::caller, where});
  }

  const Node& root_;
  const std::string_view text_, file_;
  const ReadDefinition& read_;
  std::string input_ = "{}";
};

}  // namespace

Result<Case> parse_case(std::string_view text, std::string_view file, const ReadDefinition& read) {
  PIRN_TRY(const auto source,
           definition::Source::read(text, file, "case", "Write long inputs and results as shorter ones."));
  return CaseReader(*source, text, file, read).read();
}

}  // namespace pirn::sim
