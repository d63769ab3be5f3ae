#include "packager/probe/answer.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <pirn/text.hpp>
#include <unordered_set>

#include "packager/json/json.h"
#include "packager/library/descriptor.h"

namespace pirn::probe {
namespace {

namespace json = boost::json;

constexpr size_t kMaxMessage = 2000;
constexpr size_t kMaxCauses = 32;
constexpr std::string_view kStages = "SLDIXU";

json::string text(std::string_view view) { return json::string(view.data(), view.size()); }

json::object print_error(const Error& error) {
  // It may repeat what the package said, and JSON is UTF-8.
  const std::string message = sdk::text::repaired(error.message, 3 * error.message.size());
  json::object out{{"code", text(error.name())}, {"message", text(message)}};
  json::array causes;
  for (const Error& cause : error.causes) causes.push_back(print_error(cause));
  if (!causes.empty()) out["causes"] = std::move(causes);
  return out;
}

json::object print_description(const LibraryDescription& description) {
  json::array functions;
  for (const definition::Function& function : description.functions)
    functions.push_back(json::object{{"id", text(function.id)}, {"kind", function.kind}});
  return {{"id", text(description.id)},         {"version", text(description.version)},
          {"sdk", text(description.sdk)},       {"abi_major", description.abi_major},
          {"abi_minor", description.abi_minor}, {"min_host_minor", description.min_host_minor},
          {"functions", std::move(functions)},  {"definition", text(description.definition)},
          {"unloads", description.unloads}};
}

Error invalid(std::string why) {
  return Error{Code::probe_answer_invalid,
               "the probe of the library gave an invalid answer: " + std::move(why), "", Blame::package};
}

std::string printable(std::string_view written) {
  std::string out = sdk::text::repaired(written, kMaxMessage);
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return out;
}

// Reads the members of one object; the first that is absent or of another type makes all of it fail.
class Members {
 public:
  explicit Members(const json::value& value) : object_(value.if_object()) { failed_ = object_ == nullptr; }

  std::string string(std::string_view key, size_t limit) {
    const json::value* value = member(key);
    const json::string* text = value == nullptr ? nullptr : value->if_string();
    if (text == nullptr || text->size() > limit) return failed_ = true, std::string();
    return std::string(text->data(), text->size());
  }
  uint32_t number(std::string_view key) {
    const json::value* value = member(key);
    const int64_t* number = value == nullptr ? nullptr : value->if_int64();
    if (number == nullptr || *number < 0 || *number > UINT32_MAX) return failed_ = true, 0;
    return static_cast<uint32_t>(*number);
  }
  bool truth(std::string_view key) {
    const json::value* value = member(key);
    const bool* truth = value == nullptr ? nullptr : value->if_bool();
    if (truth == nullptr) return failed_ = true, false;
    return *truth;
  }
  const json::array* array(std::string_view key) {
    const json::value* value = member(key);
    const json::array* array = value == nullptr ? nullptr : value->if_array();
    if (array == nullptr) failed_ = true;
    return array;
  }
  bool failed() const { return failed_; }

 private:
  const json::value* member(std::string_view key) const {
    return object_ == nullptr ? nullptr : object_->if_contains({key.data(), key.size()});
  }

  const json::object* object_;
  bool failed_;
};

Status parse_functions(const json::array& array, std::vector<definition::Function>& out) {
  if (array.size() > library::kMaxFunctions) return invalid("too many functions");
  out.reserve(array.size());  // the ids must not move
  std::unordered_set<std::string_view> ids;
  for (const json::value& element : array) {
    Members members(element);
    definition::Function function{members.string("id", 64), members.number("kind")};
    if (members.failed() || !definition::is_name(function.id)) return invalid("a function without a name");
    if (function.kind < PIRN_KIND_TASK || function.kind > PIRN_KIND_RESULT)
      return invalid("a function of an unknown kind");
    const definition::Function& kept = out.emplace_back(std::move(function));
    if (!ids.insert(kept.id).second) return invalid("two functions with the same name");
  }
  return {};
}

Result<LibraryDescription> parse_description(const json::value& value) {
  Members members(value);
  LibraryDescription out;
  out.id = members.string("id", 64);
  out.version = members.string("version", 256);
  out.sdk = printable(members.string("sdk", 256));
  out.abi_major = members.number("abi_major");
  out.abi_minor = members.number("abi_minor");
  out.min_host_minor = members.number("min_host_minor");
  out.definition = members.string("definition", 16u << 20);
  out.unloads = members.truth("unloads");
  const json::array* functions = members.array("functions");
  if (members.failed()) return invalid("a member of the description is missing");
  if (!definition::is_name(out.id) || !definition::is_semantic_version(out.version))
    return invalid("a package without name or version");
  PIRN_DO(parse_functions(*functions, out.functions));
  return out;
}

Error parse_error(const json::value& value, int depth) {
  Members members(value);
  const std::string name = members.string("code", 64);
  const std::string message = members.string("message", 1u << 16);
  const CatalogueEntry* entry = find_catalogue_entry(name);
  if (members.failed() || entry == nullptr) return invalid("an error of an unknown kind");
  Error error{entry->code, printable(message), "", Blame::package};
  const json::value* causes = value.as_object().if_contains("causes");
  if (causes == nullptr || !causes->is_array() || depth == 0) return error;
  for (const json::value& cause : causes->get_array())
    if (error.causes.size() < kMaxCauses) error.causes.push_back(parse_error(cause, depth - 1));
  return error;
}

// What is written after the line with the confinement.
std::string_view without_confinement(std::string_view written) {
  if (written.empty() || written.front() < '0' || written.front() > '9') return written;
  return written.substr(std::min(written.find('\n'), written.size() - 1) + 1);
}

}  // namespace

std::string_view stage_name(char letter) {
  switch (static_cast<Stage>(letter)) {
    case Stage::load:
      return "while it was loaded";
    case Stage::definition:
      return "when it was asked for its definition";
    case Stage::init:
      return "in its init";
    case Stage::deinit:
      return "in its deinit";
    case Stage::unload:
      return "while it was unloaded";
    default:
      return "before it was loaded";
  }
}

std::string print_answer(const Result<LibraryDescription>& answer) {
  json::object out;
  if (answer)
    out["description"] = print_description(*answer);
  else
    out["error"] = print_error(answer.error());
  return static_cast<char>(Stage::answer) + canonical(out);
}

std::string_view last_stage(std::string_view written) {
  const std::string_view said = without_confinement(written);
  const std::string_view stages = said.substr(0, said.find_first_not_of(kStages));
  return stage_name(stages.empty() ? static_cast<char>(Stage::start) : stages.back());
}

Result<LibraryDescription> parse_answer(std::string_view whole) {
  const std::string_view written = without_confinement(whole);
  const std::optional<sandbox::Confinement> confinement =
      sandbox::parse_confinement(whole.substr(0, whole.size() - written.size()));
  const size_t end = written.find_first_not_of(kStages);
  if (end == written.npos)
    return Error{Code::probe_no_answer, "the library ended its process " + std::string(last_stage(whole)), "",
                 Blame::package};
  if (written[end] != static_cast<char>(Stage::answer)) return invalid("other data was written into it");
  const Result<json::value> document = parse_json(written.substr(end + 1), "the answer of the probe");
  if (!document) return invalid("it is not JSON");
  const json::object* object = document->if_object();
  if (object == nullptr || object->size() != 1) return invalid("it has an unknown form");
  if (const json::value* description = object->if_contains("description")) {
    if (!confinement) return invalid("it does not start with the confinement of the probe");
    PIRN_TRY(LibraryDescription parsed, parse_description(*description));
    parsed.confinement = *confinement;
    return parsed;
  }
  if (const json::value* error = object->if_contains("error")) return parse_error(*error, 1);
  return invalid("it has an unknown form");
}

}  // namespace pirn::probe
