#include "packager/pack/package_toml.h"

#include <toml++/toml.h>

#include <algorithm>
#include <chrono>

namespace pirn::pack {

namespace {

// Collects all problems, each at its place in the text.
class Reader {
 public:
  Reader(std::string_view text, std::string_view file) : text_(text), file_(file) {}

  std::vector<Error> problems;

  void problem(const toml::source_region& at, std::string message, std::string hint = "",
               Code code = Code::package_toml_invalid) {
    Where where{std::string(file_), at.begin.line, at.begin.column, line(at.begin.line)};
    problems.push_back(
        {.code = code, .message = std::move(message), .hint = std::move(hint), .where = std::move(where)});
  }
  void check_keys(const toml::table& table, const std::string& name, const std::vector<std::string>& known) {
    for (const auto& [key, value] : table) {
      const std::string word(key.str());
      if (std::find(known.begin(), known.end(), word) != known.end()) continue;
      const std::string meant = nearest(word, known);
      problem(key.source(), "unknown key '" + word + "' in " + name,
              meant.empty() ? "" : "Did you mean '" + meant + "'?");
    }
  }
  std::string string(const toml::table& table, const char* key) {
    const toml::node* node = table.get(key);
    if (!node) return "";
    if (const auto* value = node->as_string()) return value->get();
    problem(node->source(), "'" + std::string(key) + "' must be a string");
    return "";
  }
  bool boolean(const toml::table& table, const char* key) {
    const toml::node* node = table.get(key);
    if (!node) return false;
    if (const auto* value = node->as_boolean()) return value->get();
    problem(node->source(), "'" + std::string(key) + "' must be true or false");
    return false;
  }
  std::optional<int64_t> integer(const toml::table& table, const char* key) {
    const toml::node* node = table.get(key);
    if (!node) return std::nullopt;
    if (const auto* value = node->as_integer(); value && value->get() >= 0) return value->get();
    problem(node->source(), "'" + std::string(key) + "' must be an integer of at least 0");
    return std::nullopt;
  }
  // Each string of a list with its place.
  template <class Visit>
  void strings(const toml::table& table, const char* key, Visit visit) {
    const toml::node* node = table.get(key);
    if (!node) return;
    if (const auto* list = node->as_array()) {
      for (const toml::node& element : *list) {
        if (const auto* value = element.as_string())
          visit(value->get(), element.source());
        else
          problem(element.source(), "each entry of '" + std::string(key) + "' must be a string");
      }
    } else {
      problem(node->source(), "'" + std::string(key) + "' must be a list of strings");
    }
  }

 private:
  std::string line(uint32_t number) const {
    std::string_view rest = text_;
    for (uint32_t i = 1; i < number && !rest.empty(); ++i)
      rest.remove_prefix(std::min(rest.find('\n'), rest.size() - 1) + 1);
    return std::string(rest.substr(0, rest.find('\n')));
  }

  std::string_view text_, file_;
};

// Seconds since 1970 of a date and time with an offset.
int64_t unix_seconds(const toml::date_time& when) {
  const std::chrono::year_month_day date{std::chrono::year{when.date.year},
                                         std::chrono::month{when.date.month},
                                         std::chrono::day{when.date.day}};
  const int64_t days = std::chrono::sys_days{date}.time_since_epoch().count();
  return days * 86'400 + when.time.hour * 3'600 + when.time.minute * 60 + when.time.second -
         when.offset->minutes * 60;
}

template <class T>
void sort_and_refuse_twins(std::vector<T>& list, const toml::table& table, const char* key, Reader& reader) {
  std::sort(list.begin(), list.end());
  if (std::adjacent_find(list.begin(), list.end()) != list.end())
    reader.problem(table.get(key)->source(), "'" + std::string(key) + "' names something twice");
}

void read_audience(const toml::table& root, Reader& reader, PackageToml& out) {
  if (!root.contains("audience")) return;
  out.audience.clear();
  reader.strings(root, "audience", [&](const std::string& tenant, const toml::source_region& at) {
    if (tenant != "*" && !archive::is_name(tenant))
      reader.problem(at, "'" + tenant + "' is no name of a tenant",
                     "Name tenants, or write audience = [\"*\"] for everybody.");
    out.audience.push_back(tenant);
  });
  sort_and_refuse_twins(out.audience, root, "audience", reader);
  if (out.audience.empty() && root.get("audience")->is_array() && root.get("audience")->as_array()->empty())
    reader.problem(root.get("audience")->source(), "'audience' names nobody",
                   "Name tenants, or write audience = [\"*\"] for everybody.");
  if (out.audience.size() > 1 && out.audience.front() == "*")
    reader.problem(root.get("audience")->source(), "'audience' names everybody (\"*\") and somebody");
}

void read_times(const toml::table& root, Reader& reader, PackageToml& out) {
  const toml::node* node = root.get("not_after");
  if (!node) return;
  const auto* value = node->as_date_time();
  if (!value || !value->get().offset)
    return reader.problem(node->source(), "'not_after' must be a date and time with an offset",
                          "Write not_after = 2027-12-31T00:00:00Z");
  out.not_after_unix_s = unix_seconds(value->get());
}

void read_filesystem(const toml::table& permissions, Reader& reader, PackageToml& out) {
  const toml::node* node = permissions.get("filesystem");
  if (!node) return;
  const auto* list = node->as_array();
  if (!list)
    return reader.problem(node->source(), "'filesystem' must be a list",
                          "Write filesystem = [{path = \"/srv/data\", mode = \"read\"}]");
  for (const toml::node& element : *list) {
    const auto* entry = element.as_table();
    if (!entry) {
      reader.problem(element.source(), "each entry of 'filesystem' must be a table",
                     "Write {path = \"/srv/data\", mode = \"read\"}");
      continue;
    }
    reader.check_keys(*entry, "an entry of 'filesystem'", {"path", "mode"});
    const std::string path = reader.string(*entry, "path"), mode = reader.string(*entry, "mode");
    if (!path.starts_with('/')) reader.problem(entry->source(), "'path' must be absolute");
    if (mode != "read" && mode != "write")
      reader.problem(entry->source(), "'mode' must be \"read\" or \"write\"");
    out.permissions.filesystem.push_back({path, mode == "write"});
  }
  sort_and_refuse_twins(out.permissions.filesystem, permissions, "filesystem", reader);
}

void read_permissions(const toml::table& root, Reader& reader, PackageToml& out) {
  const toml::node* node = root.get("permissions");
  if (!node) return;
  const auto* permissions = node->as_table();
  if (!permissions) return reader.problem(node->source(), "'permissions' must be a table");
  reader.check_keys(*permissions, "[permissions]", {"network", "exec", "env", "filesystem"});
  out.permissions.network = reader.boolean(*permissions, "network");
  out.permissions.exec = reader.boolean(*permissions, "exec");
  reader.strings(*permissions, "env", [&](const std::string& name, const toml::source_region&) {
    out.permissions.env.push_back(name);
  });
  sort_and_refuse_twins(out.permissions.env, *permissions, "env", reader);
  read_filesystem(*permissions, reader, out);
}

void read_libraries(const toml::table& root, Reader& reader, PackageToml& out) {
  const toml::node* node = root.get("libraries");
  if (!node) return;
  const auto* libraries = node->as_table();
  if (!libraries) return reader.problem(node->source(), "'libraries' must be a table of platforms");
  for (const auto& [platform, path] : *libraries) {
    const auto* value = path.as_string();
    if (!value)
      reader.problem(path.source(), "the library for '" + std::string(platform.str()) + "' must be a path");
    else if (std::string(platform.str()) == archive::host_platform())
      reader.problem(platform.source(), "the library for this platform is named by 'library'",
                     "Write library = \"" + value->get() + "\" at the top.");
    else
      out.libraries.emplace(platform.str(), value->get());
  }
}

void refuse_unsupported(const toml::table& root, Reader& reader) {
  for (const char* key : {"requires", "resources"})
    if (const toml::node* node = root.get(key))
      reader.problem(node->source(), "'" + std::string(key) + "' is not supported by this version", "",
                     Code::unsupported);
}

void read_root(const toml::table& root, Reader& reader, PackageToml& out) {
  reader.check_keys(root, "package.toml",
                    {"publisher", "audience", "description", "authors", "licence", "readme", "serial",
                     "not_after", "library", "files", "libraries", "permissions", "requires", "resources"});
  out.publisher = reader.string(root, "publisher");
  if (!archive::is_name(out.publisher)) {
    const toml::node* node = root.get("publisher");
    reader.problem(node ? node->source() : root.source(),
                   node ? "'" + out.publisher + "' is no name of a publisher" : "'publisher' is missing",
                   "Write publisher = \"acme\": [a-z0-9][a-z0-9_-]{0,62}");
  }
  read_audience(root, reader, out);
  out.description = reader.string(root, "description");
  reader.strings(root, "authors", [&](const std::string& author, const toml::source_region&) {
    out.author += (out.author.empty() ? "" : ", ") + author;
  });
  out.licence = reader.string(root, "licence");
  out.readme = reader.string(root, "readme");
  out.library = reader.string(root, "library");
  out.serial = reader.integer(root, "serial");
  reader.strings(root, "files",
                 [&](const std::string& path, const toml::source_region&) { out.files.push_back(path); });
  read_times(root, reader, out);
  read_permissions(root, reader, out);
  read_libraries(root, reader, out);
  refuse_unsupported(root, reader);
}

}  // namespace

Result<PackageToml> parse_package_toml(std::string_view text, std::string_view file) {
  Reader reader(text, file);
  PackageToml out;
  try {
    read_root(toml::parse(text, file), reader, out);
  } catch (const toml::parse_error& error) {
    reader.problem(error.source(), std::string(error.description()));
  }
  if (reader.problems.empty()) return out;
  const size_t count = reader.problems.size();
  return Error{.code = Code::package_toml_invalid,
               .message = std::string(file) + " has " + std::to_string(count) +
                          (count == 1 ? " problem" : " problems"),
               .causes = std::move(reader.problems)};
}

}  // namespace pirn::pack
