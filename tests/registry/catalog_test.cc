#include "registry/catalog.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>

namespace pirn::registry {
namespace {

ReleasePtr release(const std::string& tenant, const std::string& package, const std::string& version,
                   const std::vector<std::string>& workflows) {
  Release release;
  release.tenant = tenant;
  release.package = package;
  release.version = version;
  for (const std::string& name : workflows) {
    definition::Workflow workflow;
    workflow.name = name;
    release.definition.workflows.push_back(std::move(workflow));
    release.workflow_digests.emplace_back();
  }
  return std::make_shared<const Release>(std::move(release));
}

CatalogEdit activate(const ReleasePtr& release, uint64_t revision = 1) {
  return {release->tenant, release->package, Active{release, revision}};
}

TEST(Catalog, ResolvesWithAndWithoutThePackage) {
  const auto etl = release("acme", "etl", "1.0.0", {"load", "clean"});
  const Catalog catalog = Catalog().with(activate(etl));
  for (const char* reference : {"load", "etl::load"}) {
    const auto target = catalog.resolve("acme", reference);
    ASSERT_TRUE(target) << reference;
    EXPECT_EQ(target->release, etl);
    EXPECT_EQ(target->workflow->name, "load");
  }
}

TEST(Catalog, AmbiguityListsTheCandidates) {
  const Catalog catalog = Catalog()
                              .with(activate(release("acme", "etl", "1.0.0", {"load"})))
                              .with(activate(release("acme", "web", "1.0.0", {"load"})));
  const auto target = catalog.resolve("acme", "load");
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().code, Code::workflow_ambiguous);
  EXPECT_NE(target.error().message.find("etl::load, web::load"), std::string::npos) << target.error().message;
  EXPECT_TRUE(catalog.resolve("acme", "web::load"));
}

TEST(Catalog, ForeignAnswersAsMissing) {
  const Catalog alone = Catalog().with(activate(release("acme", "etl", "1.0.0", {"load"})));
  const Catalog catalog = alone.with(activate(release("globex", "secret", "1.0.0", {"plan"})));
  for (const char* tenant : {"acme", "no-such-tenant"}) {
    for (const char* reference : {"plan", "secret::plan"}) {
      const auto foreign = catalog.resolve(tenant, reference);
      const auto missing = alone.resolve(tenant, reference);
      ASSERT_FALSE(foreign);
      ASSERT_FALSE(missing);
      EXPECT_EQ(describe(foreign.error()), describe(missing.error()));
      EXPECT_EQ(foreign.error().code, Code::not_found);
    }
  }
  EXPECT_EQ(catalog.active("acme", "secret"), nullptr);
  // A suggestion never names what belongs to somebody else.
  EXPECT_EQ(catalog.resolve("acme", "plam").error().hint, "The workflows are: load.");
  EXPECT_EQ(catalog.resolve("nobody", "plam").error().hint,
            "Nothing is deployed for this tenant yet: pirn deploy PACKAGE.");
  EXPECT_EQ(catalog.resolve("acme", "laod").error().hint, "Did you mean 'load'?");
}

TEST(Catalog, WithdrawnReleaseStartsNothing) {
  auto edit = activate(release("acme", "etl", "1.0.0", {"load"}));
  edit.active->withdrawn = true;
  const auto target = Catalog().with(edit).resolve("acme", "load");
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().code, Code::release_withdrawn);
}

TEST(Catalog, SnapshotKeepsWhatALaterEditReplaces) {
  const auto v1 = release("acme", "etl", "1.0.0", {"load"});
  const auto v2 = release("acme", "etl", "2.0.0", {"load"});
  const Catalog before = Catalog().with(activate(v1, 1));
  const Catalog after = before.with(activate(v2, 2));
  EXPECT_EQ(before.resolve("acme", "load")->release, v1);
  EXPECT_EQ(after.resolve("acme", "load")->release, v2);
  EXPECT_EQ(after.with({"acme", "etl", {}}).active("acme", "etl"), nullptr);
  EXPECT_EQ(after.active("acme", "etl")->revision, 2u);
}

TEST(Catalog, SuggestsNothingForANameBeyond63Bytes) {
  const Catalog catalog = Catalog().with(activate(release("acme", "etl", "1.0.0", {"load"})));
  const auto target = catalog.resolve("acme", std::string(500'000, 'x'));
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().code, Code::not_found);
  EXPECT_EQ(target.error().hint, "The workflows are: load.");
}

TEST(Catalog, SeveralEditsAtOnceAreTheSameOneAfterTheOther) {
  const auto etl = release("acme", "etl", "1.0.0", {"load"}),
             web = release("acme", "web", "1.0.0", {"serve"});
  const std::vector<CatalogEdit> edits = {activate(etl, 1),
                                          activate(web, 2),
                                          activate(release("b", "x", "1.0.0", {"y"})),
                                          {"acme", "etl", {}},
                                          {"b", "x", {}}};
  const Catalog catalog = Catalog().with_all(edits);
  EXPECT_EQ(catalog.packages().size(), 1u);
  EXPECT_EQ(catalog.active("acme", "web")->release, web);
  EXPECT_EQ(catalog.active("acme", "etl"), nullptr);
}

// Any sequence of edits is the map that it describes, tenant by tenant, and no snapshot changes afterwards.
RC_GTEST_PROP(CatalogProperty, IsTheMapOfItsEdits, ()) {
  const std::vector<std::string> names = {"a", "b", "c"};
  std::map<std::pair<std::string, std::string>, std::pair<ReleasePtr, uint64_t>> model;
  Catalog catalog;
  std::vector<std::pair<Catalog, decltype(model)>> snapshots;
  const auto count = *rc::gen::inRange<uint64_t>(0, 30);
  for (uint64_t i = 1; i <= count; ++i) {
    const auto tenant = *rc::gen::elementOf(names), package = *rc::gen::elementOf(names);
    if (*rc::gen::weightedElement<bool>({{4, true}, {1, false}})) {
      const auto next = release(tenant, package, std::to_string(i), {"w"});
      catalog = catalog.with(activate(next, i));
      model[{tenant, package}] = {next, i};
    } else {
      catalog = catalog.with({tenant, package, {}});
      model.erase({tenant, package});
    }
    snapshots.emplace_back(catalog, model);
  }
  for (const auto& [snapshot, expected] : snapshots) {
    RC_ASSERT(snapshot.packages().size() == expected.size());
    for (const auto& tenant : names) {
      size_t of_tenant = 0;
      for (const auto& package : names) {
        const Active* active = snapshot.active(tenant, package);
        const auto found = expected.find({tenant, package});
        RC_ASSERT((active != nullptr) == (found != expected.end()));
        if (!active) continue;
        ++of_tenant;
        RC_ASSERT(active->release == found->second.first);
        RC_ASSERT(active->revision == found->second.second);
        RC_ASSERT(snapshot.resolve(tenant, package + "::w")->release == active->release);
      }
      RC_ASSERT(snapshot.packages(tenant).size() == of_tenant);
      const auto bare = snapshot.resolve(tenant, "w");
      RC_ASSERT(static_cast<bool>(bare) == (of_tenant == 1));
      if (!bare)
        RC_ASSERT(bare.error().code == (of_tenant == 0 ? Code::not_found : Code::workflow_ambiguous));
    }
  }
}

}  // namespace
}  // namespace pirn::registry
