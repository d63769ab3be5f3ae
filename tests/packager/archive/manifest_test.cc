#include "packager/archive/manifest.h"

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "packager/json/json.h"
#include "tests/packager/archive/sample.h"

namespace pirn::archive {
namespace {

namespace json = boost::json;

std::string outcome_of_text(const std::string& text) {
  const auto manifest = parse_manifest(text);
  return manifest ? "ok" : std::string(manifest.error().name());
}

// The sample's manifest after a change to its JSON.
template <class Change>
std::string changed(Change change) {
  json::value value = *parse_json(print(sample_manifest()), "sample");
  change(value.as_object());
  return canonical(value);
}

TEST(Manifest, ReadsWhatItPrints) {
  Manifest m = sample_manifest();
  EXPECT_EQ(*parse_manifest(print(m)), m);
  m.audience = {"alpha", "beta"};
  m.signers = {Digest{}, sha256("x")};
  m.created_unix_s = 1;
  m.not_after_unix_s = 2;
  m.permissions = {true, true, {{"/a", false}, {"/a", true}}, {"HOME", "TZ"}};
  m.dependencies = {{"other", "^1.2"}};
  m.resources = {{"gpu", 2}};
  m.author = "Ada \"\\ \n é";
  m.licence = "Apache-2.0";
  m.readme = "definitions/greet.json";
  const auto read = parse_manifest(print(m));
  ASSERT_TRUE(read) << describe(read.error());
  EXPECT_EQ(*read, m);
}

TEST(Manifest, IsCanonical) {
  const std::string good = print(sample_manifest());
  EXPECT_EQ(outcome_of_text(good), "ok");
  EXPECT_EQ(outcome_of_text(good + "\n"), "json_not_canonical");
  EXPECT_EQ(outcome_of_text(" " + good), "json_not_canonical");
  EXPECT_EQ(outcome_of_text("{\"abi\":1," + good.substr(1)), "malformed_json");  // a duplicate key
  EXPECT_EQ(outcome_of_text(""), "malformed_json");
  EXPECT_EQ(outcome_of_text("[]"), "manifest_invalid");
}

TEST(Manifest, RefusesUnknownFieldsAtEveryLevel) {
  EXPECT_EQ(outcome_of_text(changed([](json::object& m) { m["extra"] = 1; })), "manifest_invalid");
  for (const char* field : {"abi", "payload", "permissions"})
    EXPECT_EQ(outcome_of_text(changed([&](json::object& m) { m[field].as_object()["extra"] = 1; })),
              "manifest_invalid")
        << field;
  for (const char* field : {"libraries", "files", "functions", "workflows"})
    EXPECT_EQ(
        outcome_of_text(changed([&](json::object& m) { m[field].as_array()[0].as_object()["extra"] = 1; })),
        "manifest_invalid")
        << field;
}

TEST(Manifest, EveryFieldIsNeeded) {
  const json::value value = *parse_json(print(sample_manifest()), "sample");
  for (const auto& member : value.get_object()) {
    const std::string key(member.key());
    EXPECT_EQ(outcome_of_text(changed([&](json::object& m) { m.erase(key); })), "manifest_invalid") << key;
    EXPECT_EQ(outcome_of_text(changed([&](json::object& m) { m[key] = nullptr; })), "manifest_invalid")
        << key;
  }
}

TEST(Manifest, NamesAllProblemsAtOnce) {
  const auto read = parse_manifest(changed([](json::object& m) {
    m["version"] = "1.0";
    m["serial"] = -1;
    m["libraries"].as_array()[0].as_object()["needed"] = 3;
  }));
  ASSERT_FALSE(read);
  ASSERT_EQ(read.error().causes.size(), 3u) << describe(read.error());
  EXPECT_NE(describe(read.error()).find("libraries[0].needed must be an array"), std::string::npos);
}

TEST(Manifest, RefusesBadValues) {
  using Change = void (*)(json::object&);
  for (const Change change : std::initializer_list<Change>{
           [](json::object& m) { m["schema"] = 2; },
           [](json::object& m) { m["package"] = "Hello"; },
           [](json::object& m) { m["package"] = "../x"; },
           [](json::object& m) { m["publisher"] = ""; },
           [](json::object& m) { m["audience"] = json::array{}; },
           [](json::object& m) {
             m["audience"] = json::array{"*", "alpha"};
           },
           [](json::object& m) {
             m["audience"] = json::array{"beta", "alpha"};
           },
           [](json::object& m) { m["signers"] = json::array{"12"}; },
           [](json::object& m) {
             m["signers"] = json::array{Digest{}.hex(), Digest{}.hex()};
           },
           [](json::object& m) { m["created"] = "yesterday"; },
           [](json::object& m) { m["serial"] = 1.5; },
           [](json::object& m) { m["abi"].as_object()["major"] = 0; },
           [](json::object& m) { m["payload"].as_object()["sha256"] = "XYZ"; },
           [](json::object& m) {
             m["functions"] = json::array{{{"id", "b"}, {"kind", 1}}, {{"id", "a"}, {"kind", 1}}};
           },
           [](json::object& m) {
             m["functions"] = json::array{{{"id", "a"}, {"kind", 1}}, {{"id", "a"}, {"kind", 2}}};
           },
           [](json::object& m) { m["functions"].as_array()[0].as_object()["kind"] = 1ll << 32; },
           [](json::object& m) { m["functions"].as_array()[0].as_object()["id"] = "a b"; },
           [](json::object& m) { m["workflows"].as_array()[0].as_object()["name"] = "../../greet"; },
           [](json::object& m) { m["workflows"].as_array()[0].as_object()["name"] = "absent"; },
           [](json::object& m) { m["libraries"].as_array()[0].as_object()["path"] = "absent.so"; },
           [](json::object& m) { m["libraries"].as_array()[0].as_object()["size"] = 1; },
           [](json::object& m) {
             m["libraries"].as_array().push_back(json::value(m["libraries"].as_array()[0]));
           },
           [](json::object& m) { m["readme"] = "absent.md"; },
           [](json::object& m) {
             m["requires"] = json::object{{"other", "whatever"}};
           },
           [](json::object& m) {
             m["resources"] = json::object{{"gpu", 0}};
           },
           [](json::object& m) {
             m["permissions"].as_object()["env"] = json::array{"B", "A"};
           },
           [](json::object& m) {
             m["permissions"].as_object()["filesystem"] =
                 json::array{{{"path", "relative"}, {"mode", "read"}}};
           },
           [](json::object& m) {
             m["permissions"].as_object()["filesystem"] = json::array{{{"path", "/a"}, {"mode", "rwx"}}};
           }}) {
    const std::string text = changed(change);
    EXPECT_EQ(outcome_of_text(text), "manifest_invalid") << text;
  }
}

TEST(Manifest, RefusesBadPaths) {
  const auto with_path = [](const char* path) {
    return changed([&](json::object& m) { m["files"].as_array()[0].as_object()["path"] = path; });
  };
  for (const char* path : {"../../etc/passwd", "/etc/passwd", "a/../b", "A.json", ""})
    EXPECT_EQ(outcome_of_text(with_path(path)), "path_refused") << path;
  EXPECT_EQ(outcome_of_text(with_path("lib/linux-x86_64/libhello.so")), "path_duplicate");
  EXPECT_EQ(outcome_of_text(with_path("zzz")), "path_duplicate");  // not ascending
}

TEST(Manifest, HoldsTheLimits) {
  EXPECT_EQ(outcome_of_text(std::string(kMaxManifest + 1, ' ')), "package_too_large");
  EXPECT_EQ(outcome_of_text(changed([](json::object& m) {
              m["payload"].as_object()["size"] = static_cast<int64_t>(kMaxPackage + 1);
            })),
            "package_too_large");
  EXPECT_EQ(outcome_of_text(
                changed([](json::object& m) { m["files"].as_array()[0].as_object()["size"] = INT64_MAX; })),
            "payload_bomb");
  EXPECT_EQ(outcome_of_text(changed([](json::object& m) {
              for (int i = 0; i < 1024; ++i)
                m["files"].as_array().push_back(
                    {{"path", "z" + std::to_string(10000 + i)}, {"sha256", Digest{}.hex()}, {"size", 0}});
            })),
            "package_too_large");
  EXPECT_EQ(outcome_of_text(changed([](json::object& m) {
              for (int i = 0; i < 1024; ++i)
                m["functions"].as_array().push_back({{"id", "z" + std::to_string(10000 + i)}, {"kind", 1}});
            })),
            "manifest_invalid");
}

TEST(Manifest, ListsAreBounded) {
  const auto names = [](size_t n) {
    json::array all;
    for (size_t i = 0; i < n; ++i) all.emplace_back("a" + std::to_string(100'000 + i));
    return all;
  };
  const auto amounts = [](size_t n, const json::value& value) {
    json::object all;
    for (size_t i = 0; i < n; ++i) all["a" + std::to_string(100'000 + i)] = value;
    return all;
  };
  for (const size_t n : {kMaxListed, kMaxListed + 1}) {
    const std::string expected = n == kMaxListed ? "ok" : "manifest_invalid";
    EXPECT_EQ(outcome_of_text(changed([&](json::object& m) { m["audience"] = names(n); })), expected);
    EXPECT_EQ(outcome_of_text(changed([&](json::object& m) { m["requires"] = amounts(n, "*"); })), expected);
    EXPECT_EQ(outcome_of_text(changed([&](json::object& m) { m["resources"] = amounts(n, 1); })), expected);
    EXPECT_EQ(
        outcome_of_text(changed([&](json::object& m) { m["permissions"].as_object()["env"] = names(n); })),
        expected);
  }
}

TEST(Manifest, TellsABoundedNumberOfProblems) {
  const auto manifest = parse_manifest(changed([](json::object& m) {
    for (int i = 0; i < 5'000; ++i) m["x" + std::to_string(i)] = 1;
  }));
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().causes.size(), kMaxProblems);
}

TEST(Manifest, PackageIdSaysNothingOfSignatures) {
  const std::string one = sample_package(sample_manifest(), {&publisher_key()});
  const std::string two = sample_package(sample_manifest(), {&publisher_key(), &approver_key()});
  EXPECT_NE(one, two);
  EXPECT_EQ(verify_bytes(one)->package_id, verify_bytes(two)->package_id);
  EXPECT_EQ(verify_bytes(one)->package_id, package_id(print(sample_manifest())));
  EXPECT_NE(package_id("a"), sha256("a"));
}

}  // namespace
}  // namespace pirn::archive
