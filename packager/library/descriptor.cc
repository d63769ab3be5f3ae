#include "packager/library/descriptor.h"

#include <algorithm>
#include <cstring>
#include <unordered_set>

namespace pirn::library {
namespace {

constexpr size_t kMaxStruct = 4096;  // a larger `size` is no size
constexpr size_t kMaxText = 256;
constexpr size_t kMaxReason = 1000;
constexpr size_t kMaxDefinition = 16u << 20;

Error invalid(std::string why) {
  return Error{Code::library_descriptor_invalid, "the package's descriptor breaks the contract: " + why, "",
               Blame::package};
}

// Fit for a terminal and a log.
std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = '?';
  return out;
}

Result<std::string> copy_text(const char* text, const char* what) {
  if (text == nullptr) return invalid(std::string(what) + " is NULL");
  const size_t length = strnlen(text, kMaxText + 1);
  if (length > kMaxText) return invalid(std::string(what) + " is longer than 256 bytes");
  return std::string(text, length);
}

Result<ExportedFunction> copy_function(const pirn_function* function, uint32_t index) {
  const std::string which = "function " + std::to_string(index);
  if (function == nullptr) return invalid(which + " is NULL");
  if (!PIRN_HAS(function, pirn_function, call) || function->size > kMaxStruct)
    return invalid(which + " has the invalid size " + std::to_string(function->size));
  ExportedFunction out;
  PIRN_TRY(out.id, copy_text(function->id, (which + "'s id").c_str()));
  if (!definition::is_name(out.id))
    return invalid(which + " has the id '" + printable(out.id) + "', which is not a valid name");
  if (function->kind < PIRN_KIND_TASK || function->kind > PIRN_KIND_RESULT)
    return invalid("the function '" + out.id + "' has the unknown kind " + std::to_string(function->kind));
  if (function->call == nullptr) return invalid("the function '" + out.id + "' has no code");
  out.kind = function->kind;
  out.call = function->call;
  return out;
}

Status copy_functions(const pirn_plugin* plugin, Descriptor& out) {
  if (plugin->n_functions > kMaxFunctions)
    return invalid("it has " + std::to_string(plugin->n_functions) + " functions; the limit is " +
                   std::to_string(kMaxFunctions));
  if (plugin->n_functions != 0 && plugin->functions == nullptr)
    return invalid("its list of functions is NULL");
  std::unordered_set<std::string_view> ids;
  out.functions.reserve(plugin->n_functions);  // the ids must not move
  for (uint32_t i = 0; i < plugin->n_functions; ++i) {
    PIRN_TRY(ExportedFunction function, copy_function(plugin->functions[i], i));
    const ExportedFunction& kept = out.functions.emplace_back(std::move(function));
    if (!ids.insert(kept.id).second) return invalid("two functions have the id '" + kept.id + "'");
  }
  return {};
}

}  // namespace

const ExportedFunction* Descriptor::find(std::string_view id) const {
  const auto found =
      std::find_if(functions.begin(), functions.end(), [&](const auto& f) { return f.id == id; });
  return found == functions.end() ? nullptr : &*found;
}

std::vector<definition::Function> functions_of(const Descriptor& descriptor) {
  std::vector<definition::Function> functions;
  for (const ExportedFunction& function : descriptor.functions)
    functions.push_back({function.id, function.kind});
  return functions;
}

Result<Descriptor> copy_descriptor(const pirn_plugin* plugin) {
  if (plugin == nullptr)
    return Error{Code::library_refuses_host,
                 "the package refuses a host with ABI " + std::to_string(PIRN_ABI_MAJOR) + "." +
                     std::to_string(PIRN_ABI_MINOR),
                 "", Blame::package};
  if (!PIRN_HAS(plugin, pirn_plugin, extension) || plugin->size > kMaxStruct)
    return invalid("it has the invalid size " + std::to_string(plugin->size));
  if (plugin->abi_major != PIRN_ABI_MAJOR || plugin->min_host_minor > PIRN_ABI_MINOR)
    return Error{Code::library_abi_mismatch,
                 "the package needs a host with ABI " + std::to_string(plugin->abi_major) + "." +
                     std::to_string(plugin->min_host_minor) + "; this one has " +
                     std::to_string(PIRN_ABI_MAJOR) + "." + std::to_string(PIRN_ABI_MINOR),
                 "", Blame::package};
  if (plugin->flags != 0) return invalid("it has unknown flags");
  if (plugin->min_host_minor > plugin->abi_minor)
    return invalid("it needs a newer ABI than it was built with");
  Descriptor out;
  out.abi_major = plugin->abi_major;
  out.abi_minor = plugin->abi_minor;
  out.min_host_minor = plugin->min_host_minor;
  PIRN_TRY(out.id, copy_text(plugin->id, "its id"));
  if (!definition::is_name(out.id)) return invalid("its id '" + printable(out.id) + "' is not a valid name");
  PIRN_TRY(out.version, copy_text(plugin->version, "its version"));
  if (!definition::is_semantic_version(out.version))
    return invalid("its version '" + printable(out.version) + "' is not a semantic version");
  PIRN_TRY(const std::string sdk, copy_text(plugin->sdk, "its sdk"));
  out.sdk = printable(sdk);
  PIRN_DO(copy_functions(plugin, out));
  return out;
}

Result<std::string> copy_definition(const pirn_plugin* plugin) {
  if (plugin->definition == nullptr) return std::string();
  const auto failed = [](std::string why) {
    return Error{Code::library_definition_failed,
                 "the package did not return its definition: " + std::move(why), "", Blame::package};
  };
  const char* error = nullptr;
  const char* text = plugin->definition(&error);
  if (text == nullptr)
    return failed(error == nullptr ? "it gave no reason" : printable({error, strnlen(error, kMaxReason)}));
  const size_t length = strnlen(text, kMaxDefinition + 1);
  if (length == 0) return failed("it is empty");
  if (length > kMaxDefinition) return failed("it is longer than 16 MiB");
  return std::string(text, length);
}

}  // namespace pirn::library
