// Reads the definition document. Each level of the language has one table of its keys; a reader that finds
// something wrong adds it to the problems and goes on, so that one pass finds everything.
#include <pirn/abi.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <unordered_map>

#include "packager/definition/condition.h"
#include "packager/definition/reader.h"
#include "packager/definition/values.h"
#include "packager/definition/words.h"
#include "packager/json/json.h"

namespace pirn::definition {
namespace {

namespace json = boost::json;

constexpr size_t kMaxLabel = 256;
constexpr size_t kMaxDescription = 16'384;
constexpr size_t kMaxTags = 64;
constexpr size_t kMaxPath = 512;
constexpr size_t kMaxPatterns = 256;
constexpr size_t kMaxBackoffTable = 256;
constexpr int64_t kMaxRetries = 1'000'000;
constexpr int64_t kMaxConcurrency = 1'000'000;
constexpr double kMaxMultiplier = 1000;
constexpr int64_t kMaxUint32 = 0xFFFF'FFFF;

class Reader : private ValueReader {
 public:
  Reader(const Source& source, const std::vector<Function>* functions) : ValueReader(source, functions) {}

  Result<Definition> read() {
    Definition definition;
    read_fields<Definition>(source_.root(), Level::document, kDocumentFields, definition);
    require(source_.root(), Level::document, {"schema", "package"});
    if (problems_.empty()) return definition;
    return std::move(problems_).error(definition.package.empty()
                                          ? "the definition"
                                          : "the definition of the package '" + definition.package + "'");
  }

 private:
  template <class T>
  struct Field {
    std::string_view key;
    void (Reader::*read)(const Node&, T&);
  };
  static const Field<Definition> kDocumentFields[3];
  static const Field<Definition> kPackageFields[5];
  static const Field<Draft> kWorkflowFields[13];
  static const Field<Step> kDefaultFields[11];
  static const Field<Step> kStepFields[22];
  static const Field<Hooks> kHookFields[5];
  static const Field<ErrorPattern> kPatternFields[3];

  template <class T>
  void read_fields(const Node& object, Level level, std::span<const Field<T>> fields, T& target) {
    if (!object.value->is_object()) return void(wrong_type(object, "an object"));
    for (const Node& node : object.children) {
      const auto field =
          std::find_if(fields.begin(), fields.end(), [&](const auto& f) { return f.key == node.key; });
      if (field != fields.end())
        (this->*field->read)(node, target);
      else if (is_unsupported(level, node.key))
        unsupported_key(node);
      else
        unknown_key(node, level, keys_of(fields));
    }
  }

  template <class T>
  static std::vector<std::string> keys_of(std::span<const Field<T>> fields) {
    std::vector<std::string> keys;
    for (const Field<T>& field : fields) keys.emplace_back(field.key);
    return keys;
  }

  // True if `node` is a list of at most `limit` elements.
  bool is_list(const Node& node, size_t limit) {
    if (!node.value->is_array()) return wrong_type(node, "a list");
    if (node.children.size() <= limit) return true;
    problem(Code::too_large, node,
            "\"" + node.key + "\" of " + subject_ + " has " + std::to_string(node.children.size()) +
                " elements, more than " + std::to_string(limit),
            "Make the list shorter.");
    return false;
  }

  // ---- the document and its package ----

  void read_schema(const Node& node, Definition& definition) {
    const std::optional<int64_t> schema = read_integer(node, 1, kMaxUint32);
    if (!schema) return;
    definition.schema = static_cast<uint32_t>(*schema);
    if (definition.schema != kSchema)
      problem(Code::unsupported, node,
              "the definition has schema " + std::to_string(*schema) +
                  ", and this version of Pirn reads schema " + std::to_string(kSchema),
              "Use a newer Pirn, or build the package with an older SDK.");
  }
  void read_package(const Node& node, Definition& definition) {
    subject_ = "the package";
    read_fields<Definition>(node, Level::package, kPackageFields, definition);
    require(node, Level::package, {"name", "version"});
    subject_ = "the document";
  }
  void read_package_name(const Node& node, Definition& definition) { read_name(node, definition.package); }
  void read_package_version(const Node& node, Definition& definition) {
    const std::optional<std::string_view> version = text_of(node);
    if (!version) return;
    if (is_semantic_version(*version))
      definition.version = *version;
    else
      bad_value(node, "is no semantic version", "Write MAJOR.MINOR.PATCH, for example \"1.0.0\".");
  }
  void read_package_description(const Node& node, Definition& definition) {
    read_text(node, definition.description, kMaxDescription);
  }
  void read_author(const Node& node, Definition& definition) {
    read_text(node, definition.author, kMaxLabel);
  }
  void read_licence(const Node& node, Definition& definition) {
    read_text(node, definition.licence, kMaxLabel);
  }

  void read_workflows(const Node& node, Definition& definition) {
    if (!is_list(node, kMaxWorkflows)) return;
    std::unordered_map<std::string, const Node*> names;
    for (const Node& element : node.children) {
      Workflow workflow = read_workflow(element);
      subject_ = "the document";
      if (!workflow.name.empty() && !names.emplace(workflow.name, &element).second)
        problems_.add(Code::duplicate_name, "the package has two workflows named '" + workflow.name + "'",
                      "Rename one of them.", workflow.where, element.offset);
      definition.workflows.push_back(std::move(workflow));
    }
  }

  // ---- a workflow ----

  Workflow read_workflow(const Node& node) {
    Draft draft;
    Workflow& workflow = draft.workflow;
    defaults_ = Step();
    const Node* name = node.find("name");
    subject_ = name != nullptr && name->value->is_string()
                   ? "the workflow '" + std::string(view(name->value->get_string())).substr(0, 64) + "'"
                   : "a workflow";
    workflow.where = declared_place(node, workflow.at);
    const Where* outer = declared_;
    if (!workflow.at.empty()) declared_ = &workflow.where;
    if (const Node* defaults = node.find("step_defaults"); defaults != nullptr && node.value->is_object())
      read_step_defaults(*defaults);
    read_fields<Draft>(node, Level::workflow, kWorkflowFields, draft);
    require(node, Level::workflow, {"name"});
    declared_ = outer;
    check_graph(draft, source_, problems_);
    if (problems_.empty()) workflow.canonical = canonical_text(workflow);
    return std::move(draft.workflow);
  }

  // The place that the messages about an object show: its `at`, or else where it stands in the text.
  Where declared_place(const Node& object, std::string& at) {
    const Node* node = object.find("at");
    if (node != nullptr)
      if (std::optional<Where> declared = read_place(*node, at)) return *declared;
    return declared_ != nullptr ? *declared_ : source_.where(object.offset);
  }

  template <class T>
  void skip(const Node&, T&) {}  // read before the others

  void read_workflow_name(const Node& node, Draft& draft) { read_name(node, draft.workflow.name); }
  void read_workflow_label(const Node& node, Draft& draft) {
    read_text(node, draft.workflow.label, kMaxLabel);
  }
  void read_workflow_description(const Node& node, Draft& draft) {
    read_text(node, draft.workflow.description, kMaxDescription);
  }
  void read_workflow_version(const Node& node, Draft& draft) {
    if (const std::optional<int64_t> version = read_integer(node, 1, kMaxUint32))
      draft.workflow.version = static_cast<uint32_t>(*version);
  }
  void read_workflow_timeout(const Node& node, Draft& draft) {
    read_duration(node, draft.workflow.timeout_ns, Zero::refused, Infinity::allowed);
  }
  void read_failure_mode(const Node& node, Draft& draft) {
    read_choice(node, kFailureMode, draft.workflow.failure_mode);
  }
  void read_step_concurrency(const Node& node, Draft& draft) {
    if (const std::optional<int64_t> steps = read_integer(node, 0, kMaxConcurrency))
      draft.workflow.step_concurrency = static_cast<uint32_t>(*steps);
  }
  void read_tags(const Node& node, Draft& draft) {
    if (!is_list(node, kMaxTags)) return;
    for (const Node& element : node.children)
      read_text(element, draft.workflow.tags.emplace_back(), kMaxLabel);
  }
  void read_workflow_metadata(const Node& node, Draft& draft) { read_object(node, draft.workflow.metadata); }
  void read_workflow_hooks(const Node& node, Draft& draft) {
    read_fields<Hooks>(node, Level::hooks, kHookFields, draft.workflow.hooks);
  }

  void read_on_start(const Node& node, Hooks& hooks) { read_function(node, hooks.on_start, PIRN_KIND_HOOK); }
  void read_on_success(const Node& node, Hooks& hooks) {
    read_function(node, hooks.on_success, PIRN_KIND_HOOK);
  }
  void read_on_failure(const Node& node, Hooks& hooks) {
    read_function(node, hooks.on_failure, PIRN_KIND_HOOK);
  }
  void read_on_skip(const Node& node, Hooks& hooks) { read_function(node, hooks.on_skip, PIRN_KIND_HOOK); }
  void read_on_finish(const Node& node, Hooks& hooks) {
    read_function(node, hooks.on_finish, PIRN_KIND_HOOK);
  }

  // ---- steps ----

  void read_steps(const Node& node, Draft& draft) {
    if (!is_list(node, kMaxSteps)) return;
    const std::string subject = subject_;
    const Where* outer = declared_;
    draft.workflow.steps.reserve(node.children.size());
    for (const Node& element : node.children) {
      Step& step = draft.workflow.steps.emplace_back(defaults_);
      draft.nodes.push_back(&element);
      mentions_ = &draft.after.emplace_back();
      read_step(element, step);
      declared_ = outer;
      subject_ = subject;
    }
  }

  void read_step(const Node& node, Step& step) {
    const Node* name = node.find("name");
    subject_ = name != nullptr && name->value->is_string()
                   ? "the step '" + std::string(view(name->value->get_string())).substr(0, 64) + "'"
                   : "a step";
    step.where = declared_place(node, step.at);
    if (!step.at.empty()) declared_ = &step.where;
    read_fields<Step>(node, Level::step, kStepFields, step);
    require(node, Level::step, {"name"});
    check_retries(node);
    if (step.task.empty() && node.value->is_object() && node.find("task") == nullptr && !step.name.empty()) {
      step.task = step.name;
      check_function(*name, step.task, PIRN_KIND_TASK);
    }
  }

  void read_step_defaults(const Node& node) {
    const std::string subject = std::exchange(subject_, "step_defaults");
    read_fields<Step>(node, Level::step_defaults, kDefaultFields, defaults_);
    check_retries(node);
    subject_ = subject;
  }

  void check_retries(const Node& object) {
    const Node* attempts = object.find("max_attempts");
    if (attempts != nullptr && object.find("max_retries") != nullptr)
      problem(Code::invalid_value, *attempts, subject_ + " has both \"max_retries\" and \"max_attempts\"",
              "Keep one of them; max_attempts is max_retries + 1.");
  }

  void read_step_name(const Node& node, Step& step) { read_name(node, step.name); }
  void read_task(const Node& node, Step& step) { read_function(node, step.task, PIRN_KIND_TASK); }
  void read_step_label(const Node& node, Step& step) { read_text(node, step.label, kMaxLabel); }
  void read_step_description(const Node& node, Step& step) {
    read_text(node, step.description, kMaxDescription);
  }
  void read_after(const Node& node, Step&) {
    if (!is_list(node, kMaxSteps)) return;
    for (const Node& element : node.children)
      if (const std::optional<std::string_view> name = text_of(element))
        mentions_->push_back({*name, &element});
  }
  void read_timeout(const Node& node, Step& step) {
    read_duration(node, step.timeout_ns, Zero::refused, Infinity::allowed);
  }
  void read_max_retries(const Node& node, Step& step) {
    if (const std::optional<int64_t> retries = read_integer(node, 0, kMaxRetries))
      step.retry.max_retries = static_cast<uint32_t>(*retries);
  }
  void read_max_attempts(const Node& node, Step& step) {
    if (const std::optional<int64_t> attempts = read_integer(node, 1, kMaxRetries + 1))
      step.retry.max_retries = static_cast<uint32_t>(*attempts - 1);
  }
  void read_retry_delay(const Node& node, Step& step) {
    read_duration(node, step.retry.delay_ns, Zero::allowed, Infinity::refused);
  }
  void read_retry_max_delay(const Node& node, Step& step) {
    read_duration(node, step.retry.max_delay_ns, Zero::refused, Infinity::allowed);
  }
  void read_retry_jitter(const Node& node, Step& step) {
    if (const bool* jitter = node.value->if_bool())
      step.retry.jitter = *jitter ? Jitter::additive : Jitter::none;
    else
      read_choice(node, kJitter, step.retry.jitter);
  }
  void read_on_error(const Node& node, Step& step) { read_choice(node, kOnError, step.on_error); }
  void read_cancellable(const Node& node, Step& step) { read_truth(node, step.cancellable); }
  void read_context_key(const Node& node, Step& step) {
    read_text(node, step.context_key, kMaxLabel);
    if (step.context_key.starts_with("__"))
      bad_value(node, "begins with \"__\", which is kept for Pirn", "Choose another key.");
    else if (node.value->is_string() && node.value->get_string().empty())
      bad_value(node, "is empty", "Name a key, or leave it out.");
  }
  void read_params(const Node& node, Step& step) { read_object(node, step.params); }
  void read_step_metadata(const Node& node, Step& step) { read_object(node, step.metadata); }
  void read_step_hooks(const Node& node, Step& step) {
    read_fields<Hooks>(node, Level::hooks, kHookFields, step.hooks);
  }

  // ---- retry policy ----

  void read_retry_backoff(const Node& node, Step& step) {
    Backoff backoff;
    if (!node.value->is_object()) {
      read_choice(node, kBackoff, backoff.kind);
    } else if (node.children.size() != 1) {
      bad_value(node, "needs exactly one of \"exponential\", \"table\" and \"function\"",
                "Write for example {\"exponential\": 3.0}.");
    } else {
      read_backoff_form(node.children[0], backoff);
    }
    step.retry.backoff = std::move(backoff);
  }

  void read_backoff_form(const Node& form, Backoff& backoff) {
    if (form.key == "exponential") return read_multiplier(form, backoff.multiplier);
    if (form.key == "function") {
      backoff.kind = Backoff::Kind::function;
      return read_function(form, backoff.function, PIRN_KIND_BACKOFF);
    }
    if (form.key != "table") return unknown_key(form, Level::backoff, {"exponential", "table", "function"});
    backoff.kind = Backoff::Kind::table;
    if (!is_list(form, kMaxBackoffTable)) return;
    if (form.children.empty()) bad_value(form, "is empty", "Write at least one delay.");
    for (const Node& element : form.children)
      read_duration(element, backoff.table_ns.emplace_back(), Zero::allowed, Infinity::refused);
  }

  void read_multiplier(const Node& node, double& out) {
    double multiplier = 0;
    if (const int64_t* integer = node.value->if_int64())
      multiplier = static_cast<double>(*integer);
    else if (const double* number = node.value->if_double())
      multiplier = *number;
    else
      return void(wrong_type(node, "a number"));
    if (multiplier < 1 || multiplier > kMaxMultiplier)
      return bad_value(node, "is out of range", "Write a multiplier from 1 to 1000.");
    out = multiplier;
  }

  void read_retry_on(const Node& node, Step& step) { read_patterns(node, step.retry.retry_on); }
  void read_no_retry_on(const Node& node, Step& step) { read_patterns(node, step.retry.no_retry_on); }

  void read_patterns(const Node& node, std::vector<ErrorPattern>& out) {
    out.clear();
    if (!is_list(node, kMaxPatterns)) return;
    for (const Node& element : node.children) {
      ErrorPattern& pattern = out.emplace_back();
      if (element.value->is_string())
        read_code(element, pattern);
      else
        read_fields<ErrorPattern>(element, Level::pattern, kPatternFields, pattern);
      if (element.value->is_object() && element.find("code") == nullptr && element.find("class") == nullptr)
        problem(Code::missing_key, element,
                "an error pattern of " + subject_ + " has neither \"code\" nor \"class\"",
                "Add one of them.");
    }
  }

  void read_code(const Node& node, ErrorPattern& pattern) {
    read_text(node, pattern.code, kMaxLabel);
    if (node.value->is_string() && node.value->get_string().empty())
      bad_value(node, "is empty", "Name an error code.");
  }
  void read_details(const Node& node, ErrorPattern& pattern) { pattern.details = canonical(*node.value); }
  void read_class(const Node& node, ErrorPattern& pattern) {
    read_choice(node, kErrorClass, pattern.error_class.emplace());
  }

  // ---- conditions ----

  void read_when(const Node& node, Step& step) {
    read_condition(node, step.when);
    if (step.when.kind != Condition::Kind::function && asks_a_function(step.when))
      problem(Code::unsupported, node,
              "\"when\" of " + subject_ +
                  " combines a function with other conditions; this version of Pirn asks a " +
                  "function only alone",
              "Let the function answer the whole question.");
  }

  void read_condition(const Node& node, Condition& out) {
    if (!node.value->is_object()) return void(wrong_type(node, "a condition, which is an object"));
    const Node* path = nullptr;
    const Node* question = nullptr;
    size_t questions = 0;
    bool understood = true;
    for (const Node& child : node.children) {
      if (child.key == "path") {
        path = &child;
      } else if (choose(kOperators, child.key) != nullptr || choose(kConditions, child.key) != nullptr) {
        question = &child;
        ++questions;
      } else {
        unknown_key(child, Level::condition, condition_keys());
        understood = false;
      }
    }
    if (questions > 1 || (questions == 0 && understood))
      return problem(
          Code::invalid_value, node,
          "a condition of " + subject_ + (questions > 1 ? " asks several things at once" : " asks nothing"),
          questions > 1 ? "Put each into its own object, in a list \"all\" or \"any\"."
                        : "Write for example {\"path\": \"order.total\", \"greater\": 100}.");
    if (questions == 1) read_question(node, path, *question, out);
  }

  static std::vector<std::string> condition_keys() {
    std::vector<std::string> keys = names_of(kOperators);
    for (std::string& key : names_of(kConditions)) keys.push_back(std::move(key));
    keys.emplace_back("path");
    return keys;
  }

  void read_question(const Node& node, const Node* path, const Node& question, Condition& out) {
    const Condition::Op* op = choose(kOperators, question.key);
    out.kind = op != nullptr ? Condition::Kind::compare : *choose(kConditions, question.key);
    const bool about_a_path =
        op != nullptr || out.kind == Condition::Kind::in || out.kind == Condition::Kind::exists;
    if (about_a_path && path == nullptr)
      return problem(Code::missing_key, node, "a condition of " + subject_ + " has no \"path\"",
                     "Add the \"path\" of the context value that \"" + question.key + "\" is about.");
    if (!about_a_path && path != nullptr)
      return problem(Code::invalid_value, *path, "\"path\" does not go with \"" + question.key + "\"",
                     "Remove it.");
    if (about_a_path) read_path(*path, out.path);
    switch (out.kind) {
      case Condition::Kind::compare:
        return read_comparison(question, *op, out);
      case Condition::Kind::in:
        if (is_list(question, kMaxPatterns)) out.value = canonical(*question.value);
        return;
      case Condition::Kind::exists: {
        bool exists = true;
        read_truth(question, exists);
        out.value = exists ? "true" : "false";
        return;
      }
      case Condition::Kind::function:
        return read_function(question, out.function, PIRN_KIND_CONDITION);
      case Condition::Kind::negation:
        return read_condition(question, out.operands.emplace_back());
      default:
        return read_operands(question, out);
    }
  }

  void read_operands(const Node& list, Condition& out) {
    if (!is_list(list, kMaxPatterns)) return;
    if (list.children.empty())
      bad_value(list, "is an empty list of conditions", "Write at least one condition, or leave it out.");
    for (const Node& element : list.children) read_condition(element, out.operands.emplace_back());
  }

  void read_comparison(const Node& node, Condition::Op op, Condition& out) {
    out.op = op;
    out.value = canonical(*node.value);
    const bool orders = op != Condition::Op::equal && op != Condition::Op::not_equal;
    if (orders && !node.value->is_number() && !node.value->is_string())
      wrong_type(node, "a number or a string");
  }

  void read_path(const Node& node, std::string& out) {
    read_text(node, out, kMaxPath);
    if (!node.value->is_string()) return;
    if (out.empty() || out.front() == '.' || out.back() == '.' || out.find("..") != out.npos)
      bad_value(node, "is no path",
                "Write keys and list positions with dots between them, for example \"items.0.price\".");
  }

  Step defaults_;                             // of the workflow that is being read
  std::vector<Mention>* mentions_ = nullptr;  // of the step that is being read
};

const Reader::Field<Definition> Reader::kDocumentFields[] = {{"schema", &Reader::read_schema},
                                                             {"package", &Reader::read_package},
                                                             {"workflows", &Reader::read_workflows}};
const Reader::Field<Definition> Reader::kPackageFields[] = {
    {"name", &Reader::read_package_name},
    {"version", &Reader::read_package_version},
    {"description", &Reader::read_package_description},
    {"author", &Reader::read_author},
    {"licence", &Reader::read_licence}};
const Reader::Field<Draft> Reader::kWorkflowFields[] = {{"name", &Reader::read_workflow_name},
                                                        {"label", &Reader::read_workflow_label},
                                                        {"description", &Reader::read_workflow_description},
                                                        {"version", &Reader::read_workflow_version},
                                                        {"at", &Reader::skip<Draft>},
                                                        {"timeout", &Reader::read_workflow_timeout},
                                                        {"failure_mode", &Reader::read_failure_mode},
                                                        {"step_concurrency", &Reader::read_step_concurrency},
                                                        {"tags", &Reader::read_tags},
                                                        {"metadata", &Reader::read_workflow_metadata},
                                                        {"hooks", &Reader::read_workflow_hooks},
                                                        {"step_defaults", &Reader::skip<Draft>},
                                                        {"steps", &Reader::read_steps}};
const Reader::Field<Step> Reader::kDefaultFields[] = {{"timeout", &Reader::read_timeout},
                                                      {"max_retries", &Reader::read_max_retries},
                                                      {"max_attempts", &Reader::read_max_attempts},
                                                      {"retry_delay", &Reader::read_retry_delay},
                                                      {"retry_backoff", &Reader::read_retry_backoff},
                                                      {"retry_max_delay", &Reader::read_retry_max_delay},
                                                      {"retry_jitter", &Reader::read_retry_jitter},
                                                      {"retry_on", &Reader::read_retry_on},
                                                      {"no_retry_on", &Reader::read_no_retry_on},
                                                      {"on_error", &Reader::read_on_error},
                                                      {"cancellable", &Reader::read_cancellable}};
const Reader::Field<Step> Reader::kStepFields[] = {{"name", &Reader::read_step_name},
                                                   {"task", &Reader::read_task},
                                                   {"label", &Reader::read_step_label},
                                                   {"description", &Reader::read_step_description},
                                                   {"at", &Reader::skip<Step>},
                                                   {"after", &Reader::read_after},
                                                   {"when", &Reader::read_when},
                                                   {"timeout", &Reader::read_timeout},
                                                   {"max_retries", &Reader::read_max_retries},
                                                   {"max_attempts", &Reader::read_max_attempts},
                                                   {"retry_delay", &Reader::read_retry_delay},
                                                   {"retry_backoff", &Reader::read_retry_backoff},
                                                   {"retry_max_delay", &Reader::read_retry_max_delay},
                                                   {"retry_jitter", &Reader::read_retry_jitter},
                                                   {"retry_on", &Reader::read_retry_on},
                                                   {"no_retry_on", &Reader::read_no_retry_on},
                                                   {"on_error", &Reader::read_on_error},
                                                   {"cancellable", &Reader::read_cancellable},
                                                   {"context_key", &Reader::read_context_key},
                                                   {"params", &Reader::read_params},
                                                   {"metadata", &Reader::read_step_metadata},
                                                   {"hooks", &Reader::read_step_hooks}};
const Reader::Field<Hooks> Reader::kHookFields[] = {{"on_start", &Reader::read_on_start},
                                                    {"on_success", &Reader::read_on_success},
                                                    {"on_failure", &Reader::read_on_failure},
                                                    {"on_skip", &Reader::read_on_skip},
                                                    {"on_finish", &Reader::read_on_finish}};
const Reader::Field<ErrorPattern> Reader::kPatternFields[] = {
    {"code", &Reader::read_code}, {"details", &Reader::read_details}, {"class", &Reader::read_class}};

}  // namespace

Result<Definition> parse(std::string_view json, std::string_view file,
                         const std::vector<Function>* functions) {
  Result<std::unique_ptr<Source>> source = Source::read(json, file);
  if (!source) {
    Error error{Code::definition_invalid, "the definition cannot be read", "", Blame::package};
    error.causes.push_back(std::move(source).error());
    return error;
  }
  return Reader(**source, functions).read();
}

const Step* Workflow::find(std::string_view step) const {
  const auto found = std::find_if(steps.begin(), steps.end(), [&](const Step& s) { return s.name == step; });
  return found == steps.end() ? nullptr : &*found;
}

const Workflow* Definition::find(std::string_view workflow) const {
  const auto found =
      std::find_if(workflows.begin(), workflows.end(), [&](const Workflow& w) { return w.name == workflow; });
  return found == workflows.end() ? nullptr : &*found;
}

}  // namespace pirn::definition
