#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "packager/definition/definition.h"
#include "packager/definition/graph.h"
#include "packager/error/printable.h"
#include "packager/json/json.h"
#include "packager/pack/package_file.h"

namespace pirn::pack {

namespace json = boost::json;

namespace {

// For people: 2027-12-31T00:00:00Z
std::string instant(int64_t unix_s) {
  const time_t seconds = static_cast<time_t>(unix_s);
  tm parts{};
  char text[64];
  if (!::gmtime_r(&seconds, &parts) || std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
    return std::to_string(unix_s) + " s";
  return text;
}

class Page {
 public:
  void line(std::string_view label, std::string_view value) {
    out_.append(label)
        .append(label.size() < kWidth ? kWidth - label.size() : 1, ' ')
        .append(printable(value)) += '\n';
  }
  void line_if(std::string_view label, std::string_view value) {
    if (!value.empty()) line(label, value);
  }
  void head(std::string_view title) { out_.append("\n").append(title) += '\n'; }
  void raw(std::string_view text) { out_.append(text); }
  std::string take() { return std::move(out_); }

 private:
  static constexpr size_t kWidth = 14;
  std::string out_;
};

std::string joined(const std::vector<std::string>& list) {
  std::string out;
  for (const std::string& text : list) out += (out.empty() ? "" : ", ") + text;
  return out;
}

void show_signers(const archive::UnverifiedPackage& package, Page& page) {
  page.head("signers (not verified here; use pirn verify --trust KEY.pub)");
  if (package.signatures.empty()) page.line("  none", "sign it: pirn sign PACKAGE --key KEY.pem");
  for (const archive::SignatureRecord& record : package.signatures)
    page.line("  signed by", record.key.hex());
  for (const Digest& wanted : package.manifest.signers) page.line("  required", wanted.hex());
}

void show_fingerprint(const archive::Manifest& m, Page& page) {
  page.head("fingerprint (SHA-256)");
  for (const archive::Library& library : m.libraries)
    page.raw("  " + library.sha256.hex() + "  library " + printable(library.platform) + "\n");
  for (const archive::WorkflowEntry& workflow : m.workflows)
    page.raw("  " + workflow.sha256.hex() + "  workflow " + printable(workflow.name) + "\n");
}

void show_permissions(const archive::Permissions& permissions, Page& page) {
  page.head("permissions requested");
  if (!permissions.any()) page.raw("  none\n");
  if (permissions.network) page.raw("  network\n");
  if (permissions.exec) page.raw("  exec\n");
  for (const auto& entry : permissions.filesystem)
    page.raw(std::string("  filesystem ") + (entry.write ? "write " : "read ") + printable(entry.path) +
             "\n");
  for (const std::string& name : permissions.env) page.raw("  env " + printable(name) + "\n");
}

void show_workflows(const archive::UnverifiedPackage& package, Page& page) {
  const std::string document = archive::definition_document(package.manifest, package.payload);
  const auto definition = definition::parse(document, "the package's definition", nullptr);
  if (!definition) return page.raw("\n" + describe(definition.error()) + "\n");
  page.head("workflows");
  for (const definition::Workflow& workflow : definition->workflows)
    page.raw("\n" + printable(definition::to_tree(workflow), Lines::many));
}

}  // namespace

std::string inspect_text(const archive::UnverifiedPackage& package) {
  const archive::Manifest& m = package.manifest;
  Page page;
  page.line("package", m.package + " " + m.version);
  page.line("serial", std::to_string(m.serial));
  page.line("package id", package.package_id.hex());
  page.line("publisher", m.publisher);
  page.line("audience", m.audience.front() == "*" ? "every tenant" : joined(m.audience));
  page.line_if("description", m.description);
  page.line_if("author", m.author);
  page.line_if("licence", m.licence);
  page.line_if("readme", m.readme);
  if (m.created_unix_s) page.line("created", instant(*m.created_unix_s));
  if (m.not_after_unix_s) page.line("not after", instant(*m.not_after_unix_s));
  page.line("ABI", std::to_string(m.abi.major) + "." + std::to_string(m.abi.built_for) +
                       ", needs a host of at least " + std::to_string(m.abi.major) + "." +
                       std::to_string(m.abi.minimum));
  page.line_if("built with", m.sdk);
  page.line("payload", std::to_string(m.files.size()) + " files, " + std::to_string(m.payload.size) +
                           " bytes, " + std::to_string(m.payload.unpacked) + " unpacked");
  show_signers(package, page);
  show_fingerprint(m, page);
  show_permissions(m.permissions, page);
  if (!m.dependencies.empty()) page.head("requires");
  for (const auto& [package, range] : m.dependencies) page.line("  " + printable(package), range);
  if (!m.resources.empty()) page.head("resources required of a host");
  for (const auto& [pool, amount] : m.resources) page.line("  " + printable(pool), std::to_string(amount));
  page.head("functions");
  for (const archive::Function& function : m.functions) page.raw("  " + printable(function.id) + "\n");
  show_workflows(package, page);
  return page.take();
}

std::string inspect_json(const archive::UnverifiedPackage& package) {
  json::object out;
  out["package_id"] = package.package_id.hex();
  json::array& signers = out["signers"].emplace_array();
  for (const archive::SignatureRecord& record : package.signatures)
    signers.push_back(json::object{{"key", record.key.hex()}});
  json::object& fingerprint = out["fingerprint"].emplace_object();
  json::object& libraries = fingerprint["libraries"].emplace_object();
  for (const archive::Library& library : package.manifest.libraries)
    libraries[library.platform] = library.sha256.hex();
  json::object& definitions = fingerprint["definitions"].emplace_object();
  for (const archive::WorkflowEntry& workflow : package.manifest.workflows)
    definitions[workflow.name] = workflow.sha256.hex();
  // Both were read as canonical JSON when the package was opened.
  if (auto manifest = parse_json(package.manifest_text, "manifest.json"))
    out["manifest"] = std::move(*manifest);
  auto definition = parse_json(archive::definition_document(package.manifest, package.payload), "definition");
  out["definition"] = definition ? std::move(*definition) : json::value();
  return canonical(out);
}

}  // namespace pirn::pack
