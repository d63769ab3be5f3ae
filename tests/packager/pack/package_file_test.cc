#include "packager/pack/package_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/value.hpp>

#include "packager/json/json.h"
#include "tests/packager/pack/sample.h"
#include "tests/packager/pack/scratch.h"

namespace pirn::pack {
namespace {

class PackageFile : public ::testing::Test {
 protected:
  PackageFile() { package_ = scratch_.write("hello-1.2.3.pirn", assemble(sample_content())->bytes); }

  signature::PrivateKey make_key(const std::string& name) {
    const auto generated = generate_key(scratch_.path(name), "correct horse");
    EXPECT_TRUE(generated) << describe(generated.error());
    scratch_.write("passphrase", "correct horse\n");
    auto key =
        load_private_key(generated->private_file, {.file = scratch_.path("passphrase"), .prompt = false});
    EXPECT_TRUE(key) << describe(key.error());
    return std::move(key).value();
  }
  std::string outcome(const VerifyOptions& options) {
    const auto verified = verify_file(package_, options);
    return verified ? "ok" : std::string(verified.error().name());
  }

  Scratch scratch_;
  std::string package_;
};

TEST_F(PackageFile, KeysComeInPairsAndAreNeverOverwritten) {
  const auto key = make_key("ada");
  struct stat status;
  ASSERT_EQ(::stat(scratch_.path("ada.pem").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(*load_public_key(scratch_.path("ada.pub")), key.public_key());
  EXPECT_EQ(*load_public_key(key.public_key().text()), key.public_key());
  const std::string before = scratch_.read("ada.pem");
  EXPECT_EQ(generate_key(scratch_.path("ada"), "another passphrase").error().code, Code::conflict);
  EXPECT_EQ(scratch_.read("ada.pem"), before);
  EXPECT_EQ(generate_key(scratch_.path("bob"), "short").error().code, Code::passphrase_missing);
  EXPECT_FALSE(scratch_.names().contains("bob.pem"));
}

TEST_F(PackageFile, SignedPackagesVerifyAndKeepTheirId) {
  const auto ada = make_key("ada"), bob = make_key("bob");
  const Digest id = read_package(package_)->package_id;
  EXPECT_EQ(outcome({.trusted_keys = {scratch_.path("ada.pub")}}), "package_unsigned");

  const auto first = sign_file(package_, ada);
  ASSERT_TRUE(first) << describe(first.error());
  EXPECT_EQ(first->signatures, 1u);
  const std::string once = scratch_.read("hello-1.2.3.pirn");
  EXPECT_EQ(sign_file(package_, ada)->signatures, 1u);  // replaces, does not repeat
  EXPECT_EQ(scratch_.read("hello-1.2.3.pirn"), once);
  EXPECT_EQ(sign_file(package_, bob)->signatures, 2u);
  EXPECT_EQ(read_package(package_)->package_id, id);

  EXPECT_EQ(outcome({.trusted_keys = {scratch_.path("ada.pub")}}), "ok");
  EXPECT_EQ(outcome({.trusted_keys = {scratch_.path("bob.pub")}}), "ok");
  EXPECT_EQ(outcome({.trusted_keys = {scratch_.path("ada.pub"), scratch_.path("bob.pub")},
                     .signatures_required = 2}),
            "ok");
  EXPECT_EQ(outcome({.trusted_keys = {scratch_.path("ada.pub"), scratch_.path("ada.pub")},
                     .signatures_required = 2}),
            "too_few_signatures");
  EXPECT_EQ(outcome({.trusted_keys = {}}), "signer_unknown");
}

TEST_F(PackageFile, SigningLeavesNothingBesideTheFile) {
  const auto ada = make_key("ada");
  const auto before = scratch_.names();
  ASSERT_TRUE(sign_file(package_, ada));
  EXPECT_EQ(scratch_.names(), before);
}

TEST_F(PackageFile, AudienceIsCheckedForATenant) {
  Content content = sample_content();
  content.description.audience = {"alpha"};
  package_ = scratch_.write("alpha.pirn", assemble(content)->bytes);
  const auto ada = make_key("ada");
  ASSERT_TRUE(sign_file(package_, ada));
  const std::string key = scratch_.path("ada.pub");
  EXPECT_EQ(outcome({.trusted_keys = {key}}), "ok");
  EXPECT_EQ(outcome({.trusted_keys = {key}, .tenant = "alpha"}), "ok");
  EXPECT_EQ(outcome({.trusted_keys = {key}, .tenant = "beta"}), "audience_mismatch");
}

TEST_F(PackageFile, InspectShowsWhatIsInside) {
  const auto ada = make_key("ada");
  ASSERT_TRUE(sign_file(package_, ada));
  const auto package = read_package(package_);
  const std::string text = inspect_text(*package);
  for (const std::string& part :
       {std::string("hello 1.2.3"), std::string("1000002000003"), package->package_id.hex(),
        ada.public_key().id().hex(), sha256("\177ELF").hex(), std::string("workflow welcome"),
        std::string("greet"), std::string("every tenant"), std::string("none")})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  const auto json = parse_json(inspect_json(*package), "inspect");
  ASSERT_TRUE(json) << describe(json.error());
  EXPECT_EQ(json->at("manifest").at("package").as_string(), "hello");
  EXPECT_EQ(json->at("signers").at(0).at("key").as_string(), ada.public_key().id().hex());
  EXPECT_EQ(json->at("definition").at("workflows").at(0).at("name").as_string(), "leave");
}

TEST_F(PackageFile, InspectObeysNoControlCharacters) {
  Content content = sample_content();
  content.description.description =
      "nice\x1b[2J\xc2\x9b"
      "1m";
  package_ = scratch_.write("esc.pirn", assemble(content)->bytes);
  EXPECT_NE(inspect_text(*read_package(package_)).find("nice\\x1b[2J\\u009b1m"), std::string::npos);
}

TEST_F(PackageFile, UnpackWritesBelowOneNewDirectory) {
  ASSERT_TRUE(unpack_file(package_, scratch_.path("out/")));
  EXPECT_EQ(scratch_.read("out/payload/assets/a.txt"), "asset");
  EXPECT_EQ(scratch_.read("out/manifest.json"), read_package(package_)->manifest_text);
}

TEST_F(PackageFile, UnpackNeverTouchesWhatIsThere) {
  scratch_.write("out/sentinel", "mine");
  const auto before = scratch_.names();
  EXPECT_EQ(unpack_file(package_, scratch_.path("out")).error().code, Code::unpack_refused);
  EXPECT_EQ(scratch_.names(), before);
  ASSERT_EQ(::symlink(scratch_.path("out").c_str(), scratch_.path("link").c_str()), 0);
  EXPECT_EQ(unpack_file(package_, scratch_.path("link")).error().code, Code::unpack_refused);
  EXPECT_EQ(unpack_file(package_, scratch_.path("absent/out")).error().code, Code::not_found);
  EXPECT_EQ(scratch_.read("out/sentinel"), "mine");
}

TEST_F(PackageFile, DamagedFilesLeaveNothingBehind) {
  const std::string good = scratch_.read("hello-1.2.3.pirn");
  const auto ada = make_key("ada");
  package_ = scratch_.write("bad.pirn", good.substr(0, good.size() - 1));
  const auto before = scratch_.names();
  EXPECT_EQ(unpack_file(package_, scratch_.path("out")).error().code, Code::package_truncated);
  EXPECT_EQ(sign_file(package_, ada).error().code, Code::package_truncated);
  EXPECT_EQ(outcome({.trusted_keys = {scratch_.path("ada.pub")}}), "package_unsigned");
  EXPECT_EQ(scratch_.names(), before);
  EXPECT_EQ(scratch_.read("bad.pirn"), good.substr(0, good.size() - 1));
}

TEST_F(PackageFile, NamesTheFileInItsErrors) {
  EXPECT_EQ(read_package(scratch_.path("absent.pirn")).error().code, Code::not_found);
  EXPECT_EQ(read_package(scratch_.path("")).error().code, Code::io_failed);  // a directory
  const auto text = read_package(scratch_.write("text.pirn", std::string(2000, 'x')));
  EXPECT_EQ(text.error().code, Code::package_member_unexpected);
  EXPECT_NE(text.error().message.find("text.pirn"), std::string::npos);
}

TEST_F(PackageFile, NewPackagesBearTheirName) {
  for (const char* language : {"cpp", "c"}) {
    const std::string name = std::string("my-") + language;
    const auto files = new_package(name, scratch_.path(name), language, PIRN_TEMPLATES);
    ASSERT_TRUE(files) << describe(files.error());
    EXPECT_NE(scratch_.read(name + "/CMakeLists.txt").find("pirn_add_package(" + name), std::string::npos);
    for (const std::string& file : *files) {
      std::ostringstream text;
      text << std::ifstream(file).rdbuf();
      EXPECT_EQ(text.str().find("@NAME@"), std::string::npos) << file;
    }
  }
}

TEST_F(PackageFile, NewPackagesAreRefusedWithAReason) {
  EXPECT_EQ(new_package("Bad Name", scratch_.path("x"), "cpp", PIRN_TEMPLATES).error().code,
            Code::invalid_argument);
  EXPECT_EQ(new_package("fine", scratch_.path("x"), "cobol", PIRN_TEMPLATES).error().code,
            Code::invalid_argument);
  EXPECT_EQ(new_package("fine", scratch_.path("x"), "cpp", scratch_.path("no-templates")).error().code,
            Code::template_missing);
  scratch_.write("taken/file", "mine");
  EXPECT_EQ(new_package("fine", scratch_.path("taken"), "cpp", PIRN_TEMPLATES).error().code, Code::conflict);
  EXPECT_FALSE(scratch_.names().contains("x"));
}

}  // namespace
}  // namespace pirn::pack
