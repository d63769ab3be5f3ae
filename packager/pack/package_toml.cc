#include "packager/pack/package_toml.h"

#include <algorithm>
#include <chrono>

#include "packager/pack/toml_reader.h"

namespace pirn::pack {

namespace {

// Seconds since 1970 of a date and time with an offset.
int64_t unix_seconds(const toml::date_time& when) {
  const std::chrono::year_month_day date{std::chrono::year{when.date.year},
                                         std::chrono::month{when.date.month},
                                         std::chrono::day{when.date.day}};
  const int64_t days = std::chrono::sys_days{date}.time_since_epoch().count();
  return days * 86'400 + when.time.hour * 3'600 + when.time.minute * 60 + when.time.second -
         when.offset->minutes * 60;
}

// Packing a directory must not include files from elsewhere on the machine. Links are checked when
// the files are read (pack.cc).
void check_path(const std::string& path, const std::string& key, const toml::source_region& at,
                TomlReader& reader) {
  size_t depth = 0;
  bool leaves = path.starts_with('/');
  std::string_view rest = path;
  while (!rest.empty() && !leaves) {
    const size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (part == "..")
      leaves = depth-- == 0;
    else if (!part.empty() && part != ".")
      ++depth;
  }
  if (leaves)
    reader.problem(at, "the path '" + path + "' of '" + key + "' leads out of the package's directory",
                   "Name a file below the directory of package.toml; copy it there if necessary.");
}

// A string that is a path.
std::string read_path(const toml::table& table, const char* key, TomlReader& reader) {
  std::string path = reader.string(table, key);
  if (!path.empty()) check_path(path, key, table.get(key)->source(), reader);
  return path;
}

template <class T>
void sort_and_refuse_twins(std::vector<T>& list, const toml::table& table, const char* key,
                           TomlReader& reader) {
  std::sort(list.begin(), list.end());
  if (std::adjacent_find(list.begin(), list.end()) != list.end())
    reader.problem(table.get(key)->source(), "'" + std::string(key) + "' lists a value twice");
}

void read_audience(const toml::table& root, TomlReader& reader, PackageToml& out) {
  if (!root.contains("audience")) return;
  out.audience.clear();
  reader.strings(root, "audience", [&](const std::string& tenant, const toml::source_region& at) {
    if (tenant != "*" && !archive::is_name(tenant))
      reader.problem(at, "'" + tenant + "' is not a valid tenant name",
                     "Name tenants, or write audience = [\"*\"] for every tenant.");
    out.audience.push_back(tenant);
  });
  sort_and_refuse_twins(out.audience, root, "audience", reader);
  if (out.audience.empty() && root.get("audience")->is_array() && root.get("audience")->as_array()->empty())
    reader.problem(root.get("audience")->source(), "'audience' is empty",
                   "Name tenants, or write audience = [\"*\"] for every tenant.");
  if (out.audience.size() > 1 && out.audience.front() == "*")
    reader.problem(root.get("audience")->source(), "'audience' lists \"*\" together with names of tenants");
}

void read_times(const toml::table& root, TomlReader& reader, PackageToml& out) {
  const toml::node* node = root.get("not_after");
  if (!node) return;
  const auto* value = node->as_date_time();
  if (!value || !value->get().offset)
    return reader.problem(node->source(), "'not_after' must be a date and time with an offset",
                          "Write not_after = 2027-12-31T00:00:00Z");
  out.not_after_unix_s = unix_seconds(value->get());
}

void read_filesystem(const toml::table& permissions, TomlReader& reader, PackageToml& out) {
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

void read_permissions(const toml::table& root, TomlReader& reader, PackageToml& out) {
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

void read_libraries(const toml::table& root, TomlReader& reader, PackageToml& out) {
  const toml::node* node = root.get("libraries");
  if (!node) return;
  const auto* libraries = node->as_table();
  if (!libraries) return reader.problem(node->source(), "'libraries' must be a table of platforms");
  for (const auto& [platform, path] : *libraries) {
    const auto* value = path.as_string();
    if (!value)
      reader.problem(path.source(), "the library for '" + std::string(platform.str()) + "' must be a path");
    else if (std::string(platform.str()) == archive::host_platform())
      reader.problem(platform.source(), "the library for this platform is set with 'library'",
                     "Write library = \"" + value->get() + "\" at the top.");
    else {
      check_path(value->get(), "libraries", path.source(), reader);
      out.libraries.emplace(platform.str(), value->get());
    }
  }
}

void read_requires(const toml::table& root, TomlReader& reader, PackageToml& out) {
  const toml::node* node = root.get("requires");
  if (!node) return;
  const auto* packages = node->as_table();
  if (!packages) return reader.problem(node->source(), "'requires' must be a table of packages");
  for (const auto& [package, range] : *packages) {
    const std::string name(package.str());
    if (!archive::is_name(name))
      reader.problem(package.source(), "'" + name + "' is not a valid package name",
                     "Write, for example, payments = \"^2.1\"; a name matches [a-z0-9][a-z0-9_-]{0,62}.");
    const auto* text = range.as_string();
    if (!text) {
      reader.problem(range.source(), "the version range of '" + name + "' must be a string",
                     "Write " + name + " = \"^1.0\"");
    } else if (const auto parsed = archive::parse_range(text->get()); !parsed) {
      reader.problem(range.source(), parsed.error().message, parsed.error().hint);
    } else {
      out.dependencies.emplace(name, text->get());
    }
  }
}

void read_resources(const toml::table& root, TomlReader& reader, PackageToml& out) {
  const toml::node* node = root.get("resources");
  if (!node) return;
  const auto* pools = node->as_table();
  if (!pools) return reader.problem(node->source(), "'resources' must be a table of resources");
  for (const auto& [pool, amount] : *pools) {
    const std::string name(pool.str());
    const auto* value = amount.as_integer();
    if (!archive::is_name(name))
      reader.problem(pool.source(), "'" + name + "' is not a valid resource name",
                     "Write, for example, gpu = 1; a name matches [a-z0-9][a-z0-9_-]{0,62}.");
    else if (!value || value->get() < 1)
      reader.problem(amount.source(), "the amount of '" + name + "' must be an integer of at least 1",
                     "Write " + name + " = 1, or remove it.");
    else
      out.resources.emplace(name, value->get());
  }
}

void read_root(const toml::table& root, TomlReader& reader, PackageToml& out) {
  reader.check_keys(root, "package.toml",
                    {"publisher", "audience", "description", "authors", "licence", "readme", "serial",
                     "not_after", "library", "files", "libraries", "permissions", "requires", "resources"});
  out.publisher = reader.string(root, "publisher");
  if (!archive::is_name(out.publisher)) {
    const toml::node* node = root.get("publisher");
    reader.problem(node ? node->source() : root.source(),
                   node ? "'" + out.publisher + "' is not a valid publisher name" : "'publisher' is missing",
                   "Write, for example, publisher = \"acme\"; a name matches [a-z0-9][a-z0-9_-]{0,62}.");
  }
  read_audience(root, reader, out);
  out.description = reader.string(root, "description");
  reader.strings(root, "authors", [&](const std::string& author, const toml::source_region&) {
    out.author += (out.author.empty() ? "" : ", ") + author;
  });
  out.licence = reader.string(root, "licence");
  out.readme = read_path(root, "readme", reader);
  out.library = read_path(root, "library", reader);
  out.serial = reader.integer(root, "serial");
  reader.strings(root, "files", [&](const std::string& path, const toml::source_region& at) {
    check_path(path, "files", at, reader);
    out.files.push_back(path);
  });
  read_times(root, reader, out);
  read_permissions(root, reader, out);
  read_libraries(root, reader, out);
  read_requires(root, reader, out);
  read_resources(root, reader, out);
}

}  // namespace

Result<PackageToml> parse_package_toml(std::string_view text, std::string_view file) {
  TomlReader reader(text, file, Code::package_toml_invalid);
  PackageToml out;
  PIRN_DO(reader.read([&](const toml::table& root) { read_root(root, reader, out); }));
  return out;
}

}  // namespace pirn::pack
