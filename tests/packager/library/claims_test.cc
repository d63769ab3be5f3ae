#include "packager/library/claims.h"

#include <gtest/gtest.h>

#include <functional>

namespace pirn::library {
namespace {

Claims claims() {
  return {"zoo",
          "1.0.0",
          AbiNote{1, 0, 0},
          {{"work", 1}, {"ask", 6}},
          WorkflowDigests{{"feeding", sha256("feeding")}, {"cleaning", sha256("cleaning")}}};
}

std::string differences(const std::function<void(Claims&)>& change) {
  Claims library = claims();
  change(library);
  const Status compared = compare_claims(claims(), library);
  if (compared) return "";
  EXPECT_EQ(compared.error().code, Code::library_misdescribed);
  std::string out;
  for (const Error& cause : compared.error().causes) out += cause.message + "\n";
  return out;
}

TEST(Claims, EqualOnesAreEqualInAnyOrder) {
  EXPECT_EQ(differences([](Claims&) {}), "");
  EXPECT_EQ(differences([](Claims& c) { std::swap(c.functions[0], c.functions[1]); }), "");
}

TEST(Claims, EveryDifferenceIsNamed) {
  EXPECT_EQ(differences([](Claims& c) { c.package = "park"; }),
            "the package is 'zoo' in the manifest and 'park' in the library\n");
  EXPECT_EQ(differences([](Claims& c) { c.version = "1.0.1"; }),
            "the version is '1.0.0' in the manifest and '1.0.1' in the library\n");
  EXPECT_EQ(differences([](Claims& c) { c.abi->min_host_minor = 1; }),
            "the ABI is '1.0, at least 1.0' in the manifest and '1.0, at least 1.1' in the library\n");
  EXPECT_EQ(differences([](Claims& c) { c.functions.erase(c.functions.begin()); }),
            "the function 'work' is in the manifest but not in the library\n");
  EXPECT_EQ(differences([](Claims& c) {
              c.functions.push_back({"more", 1});
            }),
            "the function 'more' is in the library but not in the manifest\n");
  EXPECT_EQ(differences([](Claims& c) { c.functions[0].kind = 2; }),
            "the function 'work' has the kind 1 in the manifest and 2 in the library\n");
  EXPECT_EQ(differences([](Claims& c) { c.workflows->at("feeding") = sha256("other"); }),
            "the workflow 'feeding' has different definitions in the library and in the manifest\n");
  EXPECT_EQ(differences([](Claims& c) { c.workflows->erase("feeding"); }),
            "the workflow 'feeding' is in the manifest but not in the library\n");
  EXPECT_EQ(differences([](Claims& c) { c.workflows->emplace("more", Digest()); }),
            "the workflow 'more' is in the library but not in the manifest\n");
}

TEST(Claims, AllDifferencesAreToldAtOnceUpToALimit) {
  Claims library = claims();
  library.package = "park";
  for (int i = 0; i < 100; ++i) library.functions.push_back({"f" + std::to_string(i), 1});
  const Error error = compare_claims(claims(), library).error();
  EXPECT_EQ(error.message, "the library of zoo@1.0.0 differs from the signed manifest in 101 places");
  EXPECT_EQ(error.causes.size(), 20u);
}

TEST(Claims, WhatIsNotToldIsNotCompared) {
  EXPECT_EQ(differences([](Claims& c) { c.workflows.reset(), c.abi.reset(); }), "");
}

TEST(Claims, WorkflowsAreReadFromTheDocument) {
  const std::vector<definition::Function> functions = {{"work", 1}};
  const char* document = R"({"schema":1,"package":{"name":"zoo","version":"1.0.0"},
    "workflows":[{"name":"feeding","steps":[{"name":"work"}]}]})";
  const auto workflows = read_workflows(document, functions);
  ASSERT_TRUE(workflows) << describe(workflows.error());
  ASSERT_TRUE(*workflows);
  EXPECT_EQ((*workflows)->at("feeding"),
            sha256(definition::parse(document, "zoo", &functions)->workflows[0].canonical));
  EXPECT_FALSE(*read_workflows("", functions));
  EXPECT_EQ(read_workflows(document, {}).error().code, Code::definition_invalid);
}

TEST(Claims, AdmissionIsComparedToo) {
  const Admitted admitted{AbiNote{1, 2, 1}, {"libm.so.6", "libc.so.6", "libc.so.6"}};
  EXPECT_TRUE(compare_admitted({"libc.so.6", "libm.so.6"}, {1, 2, 1}, admitted));
  EXPECT_EQ(compare_admitted({"libc.so.6"}, {1, 2, 1}, admitted).error().code, Code::library_misdescribed);
  EXPECT_EQ(compare_admitted({"libc.so.6", "libm.so.6"}, {1, 2, 0}, admitted).error().code,
            Code::library_misdescribed);
}

}  // namespace
}  // namespace pirn::library
