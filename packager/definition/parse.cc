// Reads the definition document. Each level of the language has a table of its keys, in the file that reads
// it.
#include <algorithm>
#include <unordered_map>

#include "packager/definition/draft.h"

namespace pirn::definition {
namespace {

struct Reading {
  Definition& definition;
  std::vector<Draft>& drafts;
};

void read_schema(ValueReader& in, const Node& node, Reading& to) {
  const std::optional<int64_t> schema = in.read_integer(node, 1, kMaxUint32);
  if (!schema) return;
  to.definition.schema = static_cast<uint32_t>(*schema);
  if (to.definition.schema != kSchema)
    in.problem(Code::unsupported, node,
               "the definition has schema " + std::to_string(*schema) +
                   ", but this version of Pirn reads schema " + std::to_string(kSchema),
               "Use a newer Pirn, or build the package with an older SDK.");
}

void read_package_name(ValueReader& in, const Node& node, Definition& definition) {
  in.read_name(node, definition.package);
}
void read_version(ValueReader& in, const Node& node, Definition& definition) {
  const std::optional<std::string_view> version = in.text_of(node);
  if (!version) return;
  if (is_semantic_version(*version))
    definition.version = *version;
  else
    in.bad_value(node, "is not a semantic version", "Write MAJOR.MINOR.PATCH, for example \"1.0.0\".");
}
void read_description(ValueReader& in, const Node& node, Definition& definition) {
  in.read_text(node, definition.description, kMaxDescription);
}
void read_author(ValueReader& in, const Node& node, Definition& definition) {
  in.read_text(node, definition.author, kMaxLabel);
}
void read_licence(ValueReader& in, const Node& node, Definition& definition) {
  in.read_text(node, definition.licence, kMaxLabel);
}
constexpr Field<Definition> kPackageFields[] = {{"name", read_package_name},
                                                {"version", read_version},
                                                {"description", read_description},
                                                {"author", read_author},
                                                {"licence", read_licence}};

void read_package(ValueReader& in, const Node& node, Reading& to) {
  in.about("the package");
  in.read_fields(node, Level::package, part(kPackageFields, to.definition));
  in.require(node, Level::package, {"name", "version"});
  in.about("the document");
}

void read_workflows(ValueReader& in, const Node& node, Reading& to) {
  if (!in.is_list(node, kMaxWorkflows)) return;
  std::unordered_map<std::string, const Node*> names;
  for (const Node& element : node.children) {
    Draft draft = read_workflow(in, element);
    in.about("the document");
    const Workflow& workflow = draft.workflow;
    if (!workflow.name.empty() && !names.emplace(workflow.name, &element).second)
      in.problems().add(Code::duplicate_name, "the package has two workflows named '" + workflow.name + "'",
                        "Rename one of them.", workflow.where, element.offset);
    to.drafts.push_back(std::move(draft));
  }
}

constexpr Field<Reading> kDocumentFields[] = {
    {"schema", read_schema}, {"package", read_package}, {"workflows", read_workflows}};

// From the inside out: nesting has no circles, and is kMaxNesting deep at most.
void note_resources(Definition& definition) {
  for (size_t depth = 0; depth <= kMaxNesting; ++depth)
    for (Workflow& workflow : definition.workflows)
      workflow.takes_resources =
          workflow.takes_resources ||
          std::any_of(workflow.steps.begin(), workflow.steps.end(), [&](const Step& step) {
            const Workflow* nested = definition.find(definition.local_name(step.nested));
            return !step.resources.empty() || (nested != nullptr && nested->takes_resources);
          });
}

Result<Definition> read_document(ValueReader& in) {
  Definition definition;
  std::vector<Draft> drafts;
  Reading reading{definition, drafts};
  in.read_fields(in.source().root(), Level::document, part(kDocumentFields, reading));
  in.require(in.source().root(), Level::document, {"schema", "package"});
  check_package(definition.package, drafts, in.source(), in.problems());
  if (!in.problems().empty())
    return std::move(in.problems())
        .error(definition.package.empty() ? "the definition"
                                          : "the definition of the package '" + definition.package + "'");
  for (Draft& draft : drafts) {
    draft.workflow.canonical = canonical_text(draft.workflow);
    definition.workflows.push_back(std::move(draft.workflow));
  }
  note_resources(definition);
  return definition;
}

Error unreadable(const std::string& what, Error cause) {
  Error error{Code::definition_invalid, what + " cannot be read", "", Blame::package};
  error.causes.push_back(std::move(cause));
  return error;
}

}  // namespace

Result<Step> parse_child(std::string_view options_json, std::string_view child,
                         const std::vector<Function>* functions) {
  const std::string what = "the child '" + std::string(child) + "'";
  Result<std::unique_ptr<Source>> source = Source::read(options_json, what);
  if (!source) return unreadable(what, std::move(source).error());
  ValueReader in(**source, functions);
  in.about(what);
  Step step = read_child(in, (*source)->root());
  if (!in.problems().empty()) return std::move(in.problems()).error(what);
  return step;
}

Result<Definition> parse(std::string_view json, std::string_view file,
                         const std::vector<Function>* functions) {
  Result<std::unique_ptr<Source>> source = Source::read(json, file);
  if (!source) return unreadable("the definition", std::move(source).error());
  ValueReader in(**source, functions);
  return read_document(in);
}

const Step* Workflow::find(std::string_view step) const {
  const auto found = std::find_if(steps.begin(), steps.end(), [&](const Step& s) { return s.name == step; });
  return found == steps.end() ? nullptr : &*found;
}

std::string_view Definition::local_name(std::string_view workflow) const {
  const size_t colons = workflow.find("::");
  if (colons == workflow.npos) return workflow;
  return workflow.substr(0, colons) == package ? workflow.substr(colons + 2) : std::string_view();
}

const Workflow* Definition::find(std::string_view workflow) const {
  const auto found =
      std::find_if(workflows.begin(), workflows.end(), [&](const Workflow& w) { return w.name == workflow; });
  return found == workflows.end() ? nullptr : &*found;
}

}  // namespace pirn::definition
