#include <algorithm>

#include "packager/archive/envelope.h"
#include "packager/definition/definition.h"
#include "packager/pack/pack.h"

namespace pirn::pack {

namespace {

std::vector<definition::Function> functions_of(const Content& content) {
  std::vector<definition::Function> functions;
  for (const archive::Function& function : content.functions)
    functions.push_back({function.id, function.kind});
  return functions;
}

// The library's descriptor and its definition speak of one package.
Status check_identity(const Content& content, const definition::Definition& definition) {
  if (definition.package != content.package || definition.version != content.version)
    return Error{.code = Code::definition_invalid,
                 .message = "the library is " + content.package + " " + content.version +
                            ", but its definition is " + definition.package + " " + definition.version,
                 .hint = "Give both the same name and version.",
                 .blame = Blame::package};
  return {};
}

Result<int64_t> serial_for(const Content& content) {
  if (content.description.serial) return *content.description.serial;
  PIRN_TRY(const archive::Version version, archive::parse_version(content.version));
  return archive::serial_of(version);
}

std::string library_path(const Content& content, const std::string& platform) {
  return "lib/" + platform + "/" + content.package + ".so";
}

std::string first_of(const std::string& chosen, const std::string& otherwise) {
  return chosen.empty() ? otherwise : chosen;
}

// Files of the payload, with the manifest's lists that name them.
void add_definitions(const definition::Definition& definition, archive::Manifest& manifest,
                     std::vector<archive::InputFile>& files) {
  for (const definition::Workflow& workflow : definition.workflows) {
    manifest.workflows.push_back({workflow.name, sha256(workflow.canonical)});
    files.push_back({manifest.workflows.back().path(), workflow.canonical});
  }
  std::sort(manifest.workflows.begin(), manifest.workflows.end());
}

void add_libraries(Content& content, archive::Manifest& manifest, std::vector<archive::InputFile>& files) {
  for (Content::PlatformLibrary& library : content.libraries) {
    std::sort(library.needed.begin(), library.needed.end());
    library.needed.erase(std::unique(library.needed.begin(), library.needed.end()), library.needed.end());
    manifest.libraries.push_back({library.platform, library_path(content, library.platform),
                                  sha256(library.bytes), library.bytes.size(), std::move(library.needed)});
    files.push_back({manifest.libraries.back().path, std::move(library.bytes)});
  }
  std::sort(manifest.libraries.begin(), manifest.libraries.end(),
            [](const auto& a, const auto& b) { return a.platform < b.platform; });
}

}  // namespace

Result<Assembled> assemble(Content content) {
  const std::vector<definition::Function> functions = functions_of(content);
  const std::string name = first_of(content.definition_file, "the definition of " + content.package);
  PIRN_TRY(const definition::Definition definition,
           definition::parse(content.definition_json, name, &functions));
  PIRN_DO(check_identity(content, definition));

  Assembled assembled;
  assembled.warnings = definition::warnings(definition);
  archive::Manifest& m = assembled.manifest;
  m.package = content.package;
  m.version = content.version;
  PIRN_TRY(m.serial, serial_for(content));
  PIRN_TRY(const archive::Version version, archive::parse_version(content.version));
  if (const std::string why = archive::why_serial_blocks(m.serial, 0, version); !why.empty())
    assembled.warnings.push_back({why,
                                  "Remove 'serial', or lower it. If you mean it, the first push needs "
                                  "--accept-serial " +
                                      std::to_string(m.serial) + ".",
                                  {.file = "package.toml"}});
  m.publisher = content.description.publisher;
  m.audience = content.description.audience;
  m.signers = content.signers;
  std::sort(m.signers.begin(), m.signers.end());
  m.signers.erase(std::unique(m.signers.begin(), m.signers.end()), m.signers.end());
  m.created_unix_s = content.created_unix_s;
  m.not_after_unix_s = content.description.not_after_unix_s;
  m.abi = content.abi;
  m.sdk = content.sdk;
  m.functions = content.functions;
  std::sort(m.functions.begin(), m.functions.end());
  m.permissions = content.description.permissions;
  m.dependencies = content.description.dependencies;
  m.resources = content.description.resources;
  PIRN_DO(archive::check_requires(m, definition));
  m.description = first_of(content.description.description, definition.description);
  m.author = first_of(content.description.author, definition.author);
  m.licence = first_of(content.description.licence, definition.licence);
  m.readme = content.description.readme;

  std::vector<archive::InputFile> files = std::move(content.files);
  add_definitions(definition, m, files);
  add_libraries(content, m, files);
  PIRN_TRY(archive::PackedPayload payload, archive::pack_payload(std::move(files)));
  m.payload = payload.payload;
  m.files = std::move(payload.files);
  const std::string text = archive::print(m);
  PIRN_DO(archive::parse_manifest(text));  // what we write is what we read, or nothing is written
  PIRN_TRY(assembled.bytes, archive::write_package(text, {}, payload.compressed));
  return assembled;
}

}  // namespace pirn::pack
