#include "packager/archive/manifest.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <set>

#include "packager/archive/ustar.h"
#include "packager/json/json.h"

namespace pirn::archive {

namespace json = boost::json;

namespace {

constexpr std::string_view kMessagePrefix("PIRN1-PACKAGE\0", 14);

// One object of the manifest. Collects every problem; what is missing or of another type reads as empty.
class Fields {
 public:
  Fields(const json::value& value, std::string path, std::vector<Error>& problems)
      : object_(value.if_object()), path_(std::move(path)), problems_(problems) {
    if (!object_) problem("", "must be an object");
  }

  std::string string(const char* key) {
    const json::value* value = take(key);
    if (value && value->is_string()) return std::string(value->get_string());
    return problem(key, "must be a string"), std::string();
  }
  int64_t integer(const char* key, int64_t least = 0, int64_t most = INT64_MAX) {
    const json::value* value = take(key);
    if (value && value->is_int64() && value->get_int64() >= least && value->get_int64() <= most)
      return value->get_int64();
    return problem(key, "must be an integer of at least " + std::to_string(least) + ", within its range"),
           least;
  }
  std::optional<int64_t> optional_integer(const char* key) {
    if (!object_ || !object_->contains(key)) return std::nullopt;
    return integer(key);
  }
  bool boolean(const char* key) {
    const json::value* value = take(key);
    if (value && value->is_bool()) return value->get_bool();
    return problem(key, "must be true or false"), false;
  }
  Digest digest(const char* key) {
    const auto digest = parse_digest(string(key));
    if (digest) return *digest;
    return problem(key, "must be 64 lower-case hexadecimal digits"), Digest{};
  }
  Fields object(const char* key) {
    static const json::value nothing;
    const json::value* value = take(key);
    return Fields(value ? *value : nothing, name(key), problems_);
  }
  std::vector<std::string> strings(const char* key) {
    std::vector<std::string> out;
    each(key, [&](const json::value& value, const std::string& at) {
      if (value.is_string())
        out.emplace_back(value.get_string());
      else
        tell(invalid(at + " must be a string"));
    });
    if (out.size() > kMaxListed) problem(key, "must have at most " + std::to_string(kMaxListed) + " entries");
    return out;
  }
  template <class Visit>  // visit(Fields&) for each object of an array
  void objects(const char* key, Visit visit) {
    each(key, [&](const json::value& value, const std::string& at) {
      Fields fields(value, at, problems_);
      visit(fields);
      fields.finish();
    });
  }
  template <class Visit>  // visit(key, value) for each member of an object with free keys
  void members(const char* key, Visit visit) {
    const json::value* value = take(key);
    if (!value || !value->is_object()) return problem(key, "must be an object");
    if (value->get_object().size() > kMaxListed)
      return problem(key, "must have at most " + std::to_string(kMaxListed) + " members");
    for (const auto& member : value->get_object()) visit(std::string(member.key()), member.value());
  }
  // Every key must have been asked for.
  void finish() {
    if (!object_) return;
    for (const auto& member : *object_)
      if (!known_.contains(std::string(member.key())))
        problem(std::string(member.key()).c_str(), "is unknown");
  }
  void problem(const char* key, const std::string& what) { tell(invalid(name(key) + " " + what)); }

 private:
  void tell(Error problem) {
    if (problems_.size() < kMaxProblems) problems_.push_back(std::move(problem));
  }
  static Error invalid(std::string message) {
    return Error{.code = Code::manifest_invalid, .message = std::move(message), .blame = Blame::package};
  }
  std::string name(const char* key) const { return path_.empty() ? key : *key ? path_ + "." + key : path_; }
  const json::value* take(const char* key) {
    known_.insert(key);
    return object_ ? object_->if_contains(key) : nullptr;
  }
  template <class Visit>
  void each(const char* key, Visit visit) {
    const json::value* value = take(key);
    if (!value || !value->is_array()) return problem(key, "must be an array");
    size_t i = 0;
    for (const json::value& element : value->get_array())
      visit(element, name(key) + "[" + std::to_string(i++) + "]");
  }

  const json::object* object_;
  std::string path_;
  std::vector<Error>& problems_;
  std::set<std::string> known_;
};

template <class T, class Key>
bool ascending(const std::vector<T>& list, Key key) {
  return std::adjacent_find(list.begin(), list.end(),
                            [&](const T& a, const T& b) { return !(key(a) < key(b)); }) == list.end();
}
template <class T>
bool ascending(const std::vector<T>& list) {
  return ascending(list, [](const T& element) -> const T& { return element; });
}

uint64_t unsigned_integer(Fields& fields, const char* key) {
  return static_cast<uint64_t>(fields.integer(key));
}

void read_identity(Fields& fields, Manifest& m) {
  if (fields.integer("schema") != kManifestSchema) fields.problem("schema", "must be 1");
  m.package = fields.string("package");
  if (!is_name(m.package)) fields.problem("package", "must be a name: [a-z0-9][a-z0-9_-]{0,62}");
  m.version = fields.string("version");
  if (!parse_version(m.version)) fields.problem("version", "must be a semantic version");
  m.serial = fields.integer("serial");
  m.publisher = fields.string("publisher");
  if (!is_name(m.publisher)) fields.problem("publisher", "must be a name: [a-z0-9][a-z0-9_-]{0,62}");
  m.audience = fields.strings("audience");
  const bool everybody = m.audience == std::vector<std::string>{"*"};
  if (m.audience.empty() || !ascending(m.audience) ||
      (!everybody && !std::all_of(m.audience.begin(), m.audience.end(), is_name)))
    fields.problem("audience", "must be [\"*\"] or names of tenants, ascending");
  for (const std::string& id : fields.strings("signers")) {
    const auto digest = parse_digest(id);
    if (digest)
      m.signers.push_back(*digest);
    else
      fields.problem("signers", "must be key ids of 64 hexadecimal digits");
  }
  if (!ascending(m.signers) || m.signers.size() > kMaxSignatures)
    fields.problem("signers", "must have at most 16 entries, strictly ascending");
  m.created_unix_s = fields.optional_integer("created");
  m.not_after_unix_s = fields.optional_integer("not_after");
  m.description = fields.string("description");
  m.author = fields.string("author");
  m.licence = fields.string("licence");
  m.readme = fields.string("readme");
  m.sdk = fields.string("sdk");
}

void read_content(Fields& fields, Manifest& m) {
  Fields abi = fields.object("abi");
  m.abi = {abi.integer("major", 1), abi.integer("built_for"), abi.integer("minimum")};
  abi.finish();
  Fields payload = fields.object("payload");
  m.payload = {payload.digest("sha256"), unsigned_integer(payload, "size"),
               unsigned_integer(payload, "unpacked")};
  payload.finish();
  fields.objects("libraries", [&](Fields& library) {
    m.libraries.push_back({library.string("platform"), library.string("path"), library.digest("sha256"),
                           unsigned_integer(library, "size"), library.strings("needed")});
    if (!ascending(m.libraries.back().needed)) library.problem("needed", "must be strictly ascending");
  });
  if (!ascending(m.libraries, [](const Library& l) { return l.platform; }) || m.libraries.size() > kMaxListed)
    fields.problem("libraries", "must have at most 256 entries, strictly ascending by platform");
  fields.objects("files", [&](Fields& file) {
    m.files.push_back({file.string("path"), file.digest("sha256"), unsigned_integer(file, "size")});
  });
  fields.objects("functions", [&](Fields& function) {
    m.functions.push_back(
        {function.string("id"), static_cast<uint32_t>(function.integer("kind", 1, UINT32_MAX))});
    if (!is_name(m.functions.back().id)) function.problem("id", "must be a name: [a-z0-9][a-z0-9_-]{0,62}");
  });
  if (!ascending(m.functions, [](const Function& f) { return f.id; }) || m.functions.size() > kMaxFunctions)
    fields.problem("functions", "must have at most 1024 entries, strictly ascending by id");
  fields.objects("workflows", [&](Fields& workflow) {
    m.workflows.push_back({workflow.string("name"), workflow.digest("sha256")});
    if (!is_name(m.workflows.back().name))
      workflow.problem("name", "must be a name: [a-z0-9][a-z0-9_-]{0,62}");
  });
  if (!ascending(m.workflows, [](const WorkflowEntry& w) { return w.name; }) ||
      m.workflows.size() > kMaxWorkflows)
    fields.problem("workflows", "must have at most 256 entries, strictly ascending by name");
}

void read_wishes(Fields& fields, Manifest& m) {
  Fields permissions = fields.object("permissions");
  m.permissions.network = permissions.boolean("network");
  m.permissions.exec = permissions.boolean("exec");
  m.permissions.env = permissions.strings("env");
  permissions.objects("filesystem", [&](Fields& entry) {
    const std::string mode = entry.string("mode");
    if (mode != "read" && mode != "write") entry.problem("mode", "must be \"read\" or \"write\"");
    m.permissions.filesystem.push_back({entry.string("path"), mode == "write"});
    if (!m.permissions.filesystem.back().path.starts_with('/')) entry.problem("path", "must be absolute");
  });
  if (!ascending(m.permissions.env) || !ascending(m.permissions.filesystem) ||
      m.permissions.filesystem.size() > kMaxListed)
    permissions.problem("", "must list env and filesystem strictly ascending, at most 256 of each");
  permissions.finish();
  fields.members("requires", [&](const std::string& package, const json::value& range) {
    if (!is_name(package) || !range.is_string() ||
        !parse_range(std::string_view(range.get_string().data(), range.get_string().size())))
      return fields.problem("requires", "must map names of packages to version ranges");
    m.dependencies.emplace(package, range.get_string());
  });
  fields.members("resources", [&](const std::string& pool, const json::value& amount) {
    if (!is_name(pool) || !amount.is_int64() || amount.get_int64() < 1)
      return fields.problem("resources", "must map names of pools to integers of at least 1");
    m.resources.emplace(pool, amount.get_int64());
  });
}

// What the lists say of each other. The limits come first, so that hostile sizes are never added up.
Status check_files(const Manifest& m) {
  const auto invalid = [](std::string message) {
    return Error{.code = Code::manifest_invalid, .message = std::move(message), .blame = Blame::package};
  };
  if (m.files.size() > kMaxFiles || m.payload.size > kMaxPackage)
    return Error{.code = Code::package_too_large,
                 .message = "the manifest lists more than " + std::to_string(kMaxFiles) + " files or " +
                            std::to_string(kMaxPackage) + " bytes",
                 .blame = Blame::package};
  for (const File& file : m.files) {
    PIRN_DO(check_path(file.path));
    if (file.size > kMaxUnpacked)
      return Error{.code = Code::payload_bomb,
                   .message = "'" + file.path + "' has more than " + std::to_string(kMaxUnpacked) + " bytes",
                   .blame = Blame::package};
  }
  if (!ascending(m.files, [](const File& file) { return file.path; }))
    return Error{.code = Code::path_duplicate,
                 .message = "the manifest's files are not strictly ascending by path",
                 .blame = Blame::package};
  for (const Library& library : m.libraries) {
    const File* file = m.find_file(library.path);
    if (!file || file->sha256 != library.sha256 || file->size != library.size)
      return invalid("the library for " + library.platform + " is not among the files");
  }
  for (const WorkflowEntry& workflow : m.workflows) {
    const File* file = m.find_file(workflow.path());
    if (!file || file->sha256 != workflow.sha256)
      return invalid("the definition of " + workflow.name + " is not among the files");
  }
  if (!m.readme.empty() && !m.find_file(m.readme))
    return invalid("the readme '" + m.readme + "' is not among the files");
  return {};
}

json::array array_of(const std::vector<std::string>& list) {
  json::array out;
  for (const std::string& text : list) out.emplace_back(text);
  return out;
}

json::object print_file(const File& file) {
  return {{"path", file.path}, {"sha256", file.sha256.hex()}, {"size", static_cast<int64_t>(file.size)}};
}

json::object print_library(const Library& library) {
  return {{"platform", library.platform},
          {"path", library.path},
          {"sha256", library.sha256.hex()},
          {"size", static_cast<int64_t>(library.size)},
          {"needed", array_of(library.needed)}};
}

json::object print_permissions(const Permissions& permissions) {
  json::array filesystem;
  for (const auto& entry : permissions.filesystem)
    filesystem.push_back(json::object{{"path", entry.path}, {"mode", entry.write ? "write" : "read"}});
  return {{"network", permissions.network},
          {"exec", permissions.exec},
          {"env", array_of(permissions.env)},
          {"filesystem", std::move(filesystem)}};
}

}  // namespace

const File* Manifest::find_file(std::string_view path) const {
  const auto file = std::lower_bound(files.begin(), files.end(), path,
                                     [](const File& f, std::string_view wanted) { return f.path < wanted; });
  return file != files.end() && file->path == path ? &*file : nullptr;
}

const Library* Manifest::find_library(std::string_view platform) const {
  for (const Library& library : libraries)
    if (library.platform == platform) return &library;
  return nullptr;
}

std::string print(const Manifest& m) {
  json::object out;
  out["schema"] = kManifestSchema;
  out["package"] = m.package;
  out["version"] = m.version;
  out["serial"] = m.serial;
  out["publisher"] = m.publisher;
  out["audience"] = array_of(m.audience);
  json::array& signers = out["signers"].emplace_array();
  for (const Digest& id : m.signers) signers.emplace_back(id.hex());
  if (m.created_unix_s) out["created"] = *m.created_unix_s;
  if (m.not_after_unix_s) out["not_after"] = *m.not_after_unix_s;
  out["abi"] = {{"major", m.abi.major}, {"built_for", m.abi.built_for}, {"minimum", m.abi.minimum}};
  out["sdk"] = m.sdk;
  out["payload"] = {{"sha256", m.payload.sha256.hex()},
                    {"size", static_cast<int64_t>(m.payload.size)},
                    {"unpacked", static_cast<int64_t>(m.payload.unpacked)}};
  json::array& libraries = out["libraries"].emplace_array();
  for (const Library& library : m.libraries) libraries.push_back(print_library(library));
  json::array& files = out["files"].emplace_array();
  for (const File& file : m.files) files.push_back(print_file(file));
  json::array& functions = out["functions"].emplace_array();
  for (const Function& function : m.functions)
    functions.push_back(json::object{{"id", function.id}, {"kind", static_cast<int64_t>(function.kind)}});
  json::array& workflows = out["workflows"].emplace_array();
  for (const WorkflowEntry& workflow : m.workflows)
    workflows.push_back(json::object{{"name", workflow.name}, {"sha256", workflow.sha256.hex()}});
  out["permissions"] = print_permissions(m.permissions);
  json::object& dependencies = out["requires"].emplace_object();
  for (const auto& [package, range] : m.dependencies) dependencies[package] = range;
  json::object& resources = out["resources"].emplace_object();
  for (const auto& [pool, amount] : m.resources) resources[pool] = amount;
  out["description"] = m.description;
  out["author"] = m.author;
  out["licence"] = m.licence;
  out["readme"] = m.readme;
  return canonical(out);
}

Result<Manifest> parse_manifest(std::string_view text) {
  if (text.size() > kMaxManifest)
    return Error{.code = Code::package_too_large,
                 .message = "the manifest has more than " + std::to_string(kMaxManifest) + " bytes",
                 .blame = Blame::package};
  PIRN_TRY(const json::value value, parse_canonical(text, "manifest.json"));
  Manifest manifest;
  std::vector<Error> problems;
  Fields fields(value, "", problems);
  read_identity(fields, manifest);
  read_content(fields, manifest);
  read_wishes(fields, manifest);
  fields.finish();
  if (!problems.empty())
    return Error{.code = Code::manifest_invalid,
                 .message = "manifest.json has " + std::to_string(problems.size()) +
                            (problems.size() == 1 ? " problem" : " problems"),
                 .blame = Blame::package,
                 .causes = std::move(problems)};
  PIRN_DO(check_files(manifest));
  if (print(manifest) != text)  // one value, one text: else two manifests could share a meaning
    return Error{.code = Code::json_not_canonical,
                 .message = "manifest.json is not canonical: Pirn writes the same content differently",
                 .blame = Blame::package};
  return manifest;
}

std::string signed_message(std::string_view manifest_text) {
  std::string message(kMessagePrefix);
  for (int i = 0; i < 8; ++i)
    message += static_cast<char>(static_cast<uint64_t>(manifest_text.size()) >> (8 * i));
  return message.append(manifest_text);
}

Digest package_id(std::string_view manifest_text) { return sha256(signed_message(manifest_text)); }

Status check_path(std::string_view path) {
  const auto refuse = [&](std::string_view why) {
    return Error{
        .code = Code::path_refused,
        .message = "the path '" + std::string(path.substr(0, 2 * kMaxPath)) + "' " + std::string(why),
        .blame = Blame::package};
  };
  if (path.empty() || path.size() > kMaxPath)
    return refuse("is empty or longer than " + std::to_string(kMaxPath) + " bytes");
  if (path.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-/") != std::string_view::npos)
    return refuse("has characters other than [a-z0-9._-] and '/'");
  size_t depth = 0;
  for (size_t start = 0; start <= path.size(); ++depth) {
    const size_t end = std::min(path.find('/', start), path.size());
    const std::string_view part = path.substr(start, end - start);
    if (part.empty() || part == "." || part == "..")
      return refuse("is not plain: it is absolute, ends in '/', or has an empty, '.' or '..' component");
    start = end + 1;
  }
  if (depth > kMaxDepth) return refuse("has more than " + std::to_string(kMaxDepth) + " levels");
  if (!predict_header(path, 0)) return refuse("has a component of more than 100 bytes");
  return {};
}

std::string_view host_platform() {
#if defined(__linux__) && defined(__x86_64__)
  return "linux-x86_64";
#elif defined(__linux__) && defined(__aarch64__)
  return "linux-aarch64";
#else
#error "Pirn knows no name for this platform"
#endif
}

Status check_requires(const Manifest& manifest, const definition::Definition& definition) {
  for (const definition::Workflow& workflow : definition.workflows)
    for (const definition::Step& step : workflow.steps) {
      const std::string package = step.nested.substr(0, step.nested.find("::"));
      if (package.size() == step.nested.size() || package == manifest.package ||
          manifest.dependencies.contains(package))
        continue;
      return Error{Code::requirement_unmet,
                   "the step '" + step.name + "' of the workflow '" + workflow.name + "' contains '" +
                       step.nested + "', but the package does not require '" + package + "'",
                   "Add to package.toml, under [requires]: " + package + " = \"^1.0\"", Blame::package};
    }
  return {};
}

}  // namespace pirn::archive
