#include "tests/registry/sample.h"

#include <sqlite3.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

#include "packager/archive/payload.h"
#include "packager/archive/version.h"
#include "packager/definition/definition.h"
#include "packager/digest/digest.h"
#include "packager/library/admission.h"

namespace pirn::registry {

namespace {

const signature::PrivateKey& made_once(int which) {
  static const auto* keys = [] {
    auto* made = new std::vector<signature::PrivateKey>();
    for (int i = 0; i < 3; ++i) made->push_back(take(signature::PrivateKey::generate()));
    return made;
  }();
  return (*keys)[which];
}

std::string document_of(const Sample& sample) {
  std::string workflows;
  for (const std::string& name : sample.workflows)
    workflows += (workflows.empty() ? "" : ",") + ("{\"name\":\"" + name) +
                 "\",\"steps\":[{\"name\":\"only\"," +
                 (sample.nested.empty() ? "\"task\":\"" + sample.task : "\"workflow\":\"" + sample.nested) +
                 "\",\"timeout\":\"" + sample.timeout + "\"" + sample.step_options + "}]" +
                 sample.workflow_options + "}";
  return "{\"schema\":1,\"package\":{\"name\":\"" + sample.package + "\",\"version\":\"" + sample.version +
         "\"},\"workflows\":[" + workflows + "]}";
}

std::vector<std::string> needed_by_good_library() {
  const auto admitted = library::admit(good_library(), take(library::host_runtime()));
  EXPECT_TRUE(admitted) << describe(admitted.error());
  const std::set<std::string> needed(admitted->needed.begin(), admitted->needed.end());
  return {needed.begin(), needed.end()};
}

}  // namespace

const signature::PrivateKey& publisher_key() { return made_once(0); }
const signature::PrivateKey& approver_key() { return made_once(1); }
const signature::PrivateKey& stranger_key() { return made_once(2); }

const std::string& good_library() {
  static const std::string bytes = [] {
    std::ifstream file(PIRN_TEST_LIBRARY, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }();
  return bytes;
}

std::string archive_of(const Sample& sample) {
  const std::string path = "lib/" + std::string(archive::host_platform()) + "/lib" + sample.package + ".so";
  std::vector<archive::InputFile> files = {{path, sample.library.empty() ? good_library() : sample.library}};
  archive::Manifest manifest;
  manifest.package = sample.package;
  manifest.version = sample.version;
  manifest.serial =
      sample.serial ? sample.serial : *archive::serial_of(*archive::parse_version(sample.version));
  manifest.publisher = "tests";
  manifest.audience = {"*"};
  manifest.functions = {{"work", 1}};
  manifest.description = sample.description;
  manifest.dependencies = sample.dependencies;
  const auto definition = definition::parse(document_of(sample), "sample", nullptr);
  EXPECT_TRUE(definition) << describe(definition.error());
  for (const definition::Workflow& workflow : definition->workflows) {
    manifest.workflows.push_back({workflow.name, sha256(workflow.canonical)});
    files.push_back({manifest.workflows.back().path(), workflow.canonical});
  }
  std::ranges::sort(manifest.workflows);
  const auto packed = archive::pack_payload(std::move(files));
  EXPECT_TRUE(packed) << describe(packed.error());
  manifest.payload = packed->payload;
  manifest.files = packed->files;
  const archive::File* library = manifest.find_file(path);
  manifest.libraries = {{std::string(archive::host_platform()), path, library->sha256, library->size,
                         sample.needed.empty() ? needed_by_good_library() : sample.needed}};
  const std::string text = archive::print(manifest);
  std::vector<archive::SignatureRecord> records;
  for (const signature::PrivateKey* key : sample.keys)
    records.push_back({key->public_key().id(), key->sign(archive::signed_message(text))});
  const auto package = archive::write_package(text, records, packed->compressed);
  EXPECT_TRUE(package) << describe(package.error());
  return *package;
}

void RegistryTest::SetUp() {
  reopen();
  for (const char* tenant : {"acme", "globex"}) {
    ASSERT_TRUE(registry().create_tenant(kOperator, {tenant, Isolation::in_process}, kNow));
    ASSERT_TRUE(
        registry().add_trust(as(tenant, Role::tenant_admin), trust_in(tenant, publisher_key()), kNow));
  }
}

void RegistryTest::reopen() {
  registry_.reset();
  auto opened = Registry::open(options_);
  ASSERT_TRUE(opened) << describe(opened.error());
  registry_ = std::move(*opened);
}

std::vector<std::string> RegistryTest::blobs() {
  std::vector<std::string> names;
  for (const auto& entry : boost::filesystem::directory_iterator(scratch_ / "blobs"))
    names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

std::string RegistryTest::left_behind() {
  std::string out;
  sqlite3* connection = nullptr;
  EXPECT_EQ(sqlite3_open_v2((scratch_ / "registry.db").c_str(), &connection, SQLITE_OPEN_READONLY, nullptr),
            SQLITE_OK);
  const auto append = [](void* into, int columns, char** values, char**) {
    for (int i = 0; i < columns; ++i)
      *static_cast<std::string*>(into) += std::string(values[i] ? values[i] : "NULL") + "|";
    *static_cast<std::string*>(into) += "\n";
    return 0;
  };
  for (const char* table : {"tenants", "api_keys", "trust", "releases", "release_signers", "release_blobs",
                            "serial_floors", "revisions"})
    EXPECT_EQ(
        sqlite3_exec(connection, ("SELECT * FROM " + std::string(table)).c_str(), append, &out, nullptr),
        SQLITE_OK);
  sqlite3_close(connection);
  for (const std::string& blob : blobs()) out += blob + "\n";
  const CatalogPtr catalog = registry().catalog();
  for (const Active* active : catalog->packages())
    out += active->release->tenant + "::" + active->release->package + "@" + active->release->version + "\n";
  return out;
}

void RegistryTest::tamper(const std::string& sql) {
  sqlite3* connection = nullptr;
  EXPECT_EQ(sqlite3_open_v2((scratch_ / "registry.db").c_str(), &connection, SQLITE_OPEN_READWRITE, nullptr),
            SQLITE_OK);
  for (const char* trigger :
       {"releases_stay", "revisions_stay", "revisions_keep", "audit_stays", "audit_keeps"})
    sqlite3_exec(connection, ("DROP TRIGGER IF EXISTS " + std::string(trigger)).c_str(), nullptr, nullptr,
                 nullptr);
  char* message = nullptr;
  EXPECT_EQ(sqlite3_exec(connection, sql.c_str(), nullptr, nullptr, &message), SQLITE_OK) << message;
  sqlite3_free(message);
  sqlite3_close(connection);
}

}  // namespace pirn::registry
