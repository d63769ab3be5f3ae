// A push compares the library with its manifest, through the whole host: what differs is refused and leaves
// nothing.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <functional>

#include "packager/archive/verify.h"
#include "packager/library/admission.h"
#include "packager/pack/pack.h"
#include "packager/signature/key.h"
#include "tests/host/api/fixture.h"
#include "tests/packager/library/zoo.h"

namespace pirn::api {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

constexpr const char* kDefinition =
    R"({"schema":1,"package":{"name":"zoo","version":"1.0.0"},"workflows":[{"name":"feeding","steps":[)"
    R"({"name":"first","task":"work","when":{"function":"ask"}}]}]})";
constexpr const char* kWithoutCondition =
    R"({"schema":1,"package":{"name":"zoo","version":"1.0.0"},"workflows":[{"name":"feeding","steps":[)"
    R"({"name":"first","task":"work"}]}]})";

// What `pirn pack` would make of this library of the zoo.
pack::Content content_of(const std::string& animal) {
  pack::Content content;
  content.description.publisher = "keepers";
  content.package = "zoo";
  content.version = "1.0.0";
  content.sdk = "zoo/1";
  content.functions = {{"work", 1}, {"ask", 6}};
  content.definition_json = kDefinition;
  std::string bytes = library::animal(animal);
  const auto admitted = library::admit(bytes, *library::host_runtime());
  EXPECT_TRUE(admitted) << animal << ": " << describe(admitted.error());
  content.libraries = {{std::string(archive::host_platform()), std::move(bytes), admitted->needed}};
  return content;
}

class Push : public testing::Test {
 protected:
  Push() : key_(signature::PrivateKey::generate().value()) {
    host_.make_tenant("acme");
    EXPECT_EQ(host_
                  .local("POST", "/v1/trust?tenant=acme",
                         R"({"publisher":"keepers","key":")" + key_.public_key().text() + "\"}")
                  .status,
              201);
  }

  // A genuine package, whatever it says: the publisher has signed it.
  std::string sign(pack::Content content) {
    auto assembled = pack::assemble(std::move(content));
    EXPECT_TRUE(assembled) << describe(assembled.error());
    archive::MemorySource source(assembled->bytes);
    const auto package = archive::read_unverified(source);
    EXPECT_TRUE(package) << describe(package.error());
    const auto signed_package = archive::write_package(
        package->manifest_text,
        {{key_.public_key().id(), key_.sign(archive::signed_message(package->manifest_text))}},
        package->compressed);
    EXPECT_TRUE(signed_package);
    return *signed_package;
  }
  Answer push(pack::Content content) {
    return host_.local("POST", "/v1/packages?tenant=acme", sign(std::move(content)),
                       {{"Content-Type", "application/octet-stream"}});
  }
  std::string packages() { return host_.local("GET", "/v1/packages?tenant=acme").body; }

  signature::PrivateKey key_;
  TestHost host_{[](HostOptions& options) { options.probe_program = PIRN_PROBE_PROGRAM; }};
};

TEST_F(Push, TakesWhatIsAsItsManifestSays) {
  const Answer pushed = push(content_of("good"));
  EXPECT_EQ(pushed.status, 201) << pushed.body;
  EXPECT_EQ(push(content_of("good")).status, 200) << "the same again changes nothing";
}

TEST_F(Push, RefusesALibraryThatDiffersFromItsManifest) {
  struct Case {
    const char* animal;
    std::function<void(pack::Content&)> change;
    const char* difference;
  };
  const Case cases[] = {
      {"good",
       [](auto& c) {
         c.functions.push_back({"extra", 1});
       },
       "the function 'extra' is in the manifest but not in the library"},
      {"no_definition", [](auto& c) { c.functions.pop_back(), c.definition_json = kWithoutCondition; },
       "the function 'ask' is in the library but not in the manifest"},
      {"no_definition", [](auto& c) { c.functions[1].kind = 1, c.definition_json = kWithoutCondition; },
       "the function 'ask' has the kind 1 in the manifest and 6 in the library"},
      {"good", [](auto& c) { c.definition_json = kWithoutCondition; },
       "the workflow 'feeding' has different definitions in the library and in the manifest"},
      {"second", [](auto&) {}, "the version is '1.0.0' in the manifest and '2.0.0' in the library"},
  };
  for (const Case& each : cases) {
    pack::Content content = content_of(each.animal);
    each.change(content);
    const Answer refused = push(std::move(content));
    EXPECT_EQ(refused.status, 422) << each.difference << "\n" << refused.body;
    EXPECT_EQ(refused.member("name"), "library_misdescribed") << refused.body;
    EXPECT_NE(refused.body.find(each.difference), std::string::npos) << refused.body;
  }
  EXPECT_EQ(packages().find("zoo"), std::string::npos) << packages();
}

TEST_F(Push, TakesADefinitionFileForALibraryWithoutOne) {
  pack::Content content = content_of("no_definition");
  content.definition_json = kWithoutCondition;
  EXPECT_EQ(push(std::move(content)).status, 201);
}

TEST_F(Push, RefusesALibraryThatAnswersForTheProbe) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer does not fit into the sandbox";
  for (const char* animal : {"constructor_forges", "constructor_forges_by_thread", "entry_forges"}) {
    const Answer refused = push(content_of(animal));
    EXPECT_EQ(refused.status, 422) << refused.body;
    EXPECT_EQ(refused.member("name"), "probe_no_answer") << animal << "\n" << refused.body;
  }
  EXPECT_EQ(packages().find("zoo"), std::string::npos) << packages();
}

TEST_F(Push, OutlivesALibraryThatAttacksTheHost) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer does not fit into the sandbox";
  for (const char* animal : {"constructor_signals_by_input", "constructor_pins_parent",
                             "constructor_kills_parent", "constructor_starts_a_crowd"}) {
    const Answer refused = push(content_of(animal));
    EXPECT_EQ(refused.status, 422) << refused.body;
    EXPECT_EQ(refused.member("name"), "probe_forbidden_call") << animal << "\n" << refused.body;
  }
  EXPECT_EQ(push(content_of("good")).status, 201) << "the host is there";
}

}  // namespace
}  // namespace pirn::api
