#include "host/journal/context.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdlib>
#include <map>
#include <new>

#include "host/journal/context_shuffle.h"
#include "tests/host/journal/generate.h"

namespace {
thread_local size_t g_allocations = 0;
}
// Not inlined: GCC would see new become malloc, and delete stay.
[[gnu::noinline]] void* operator new(size_t size) {
  ++g_allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace pirn::journal {
namespace {

using Entry = Context::Entry;

// Writes with the stamps that real ones have: one value for each pair of key and stamp.
std::vector<Entry> any_writes() {
  std::map<std::pair<std::string, Stamp>, Entry> writes;
  for (int n = *rc::gen::inRange(0, 40); n > 0; --n) {
    const std::string key = "k" + std::to_string(*rc::gen::inRange(0, 12));
    const Stamp stamp{*rc::gen::inRange<uint32_t>(0, 3), *rc::gen::inRange<uint32_t>(0, 6),
                      *rc::gen::inRange<uint32_t>(0, 2)};
    writes[{key, stamp}] = Entry{key, Value::of_integer(n), *rc::gen::inRange(0, 5) == 0, stamp};
  }
  std::vector<Entry> out;
  for (auto& [at, entry] : writes) out.push_back(std::move(entry));
  return out;
}

Context fold(const std::vector<Entry>& writes) {
  Context context;
  for (const Entry& write : writes) context = context.with(write);
  return context;
}

std::vector<Entry> some_of(const std::vector<Entry>& writes) {
  std::vector<Entry> out;
  for (const Entry& write : writes)
    if (coin()) out.push_back(write);
  return out;
}

std::vector<Entry> shuffled(std::vector<Entry> writes) {
  for (size_t i = writes.size(); i > 1; --i)
    std::swap(writes[i - 1], writes[*rc::gen::inRange<size_t>(0, i)]);
  return writes;
}

using Naive = std::map<std::string, Entry>;
Naive naive_fold(const std::vector<Entry>& writes) {
  Naive newest;
  for (const Entry& write : writes) {
    const auto [at, fresh] = newest.emplace(write.key, write);
    if (!fresh && write.stamp > at->second.stamp) at->second = write;
  }
  return newest;
}

// Everything that can be seen of the context agrees with the model.
void check(const Context& context, const Naive& model) {
  std::vector<std::string> keys;
  for (int i = 0; i < 12; ++i) {
    const std::string key = "k" + std::to_string(i);
    const auto expected = model.find(key);
    const Entry* found = context.find(key);
    RC_ASSERT((found != nullptr) == (expected != model.end()));
    if (!found) {
      RC_ASSERT(context.get(key) == nullptr);
      continue;
    }
    RC_ASSERT(found->stamp == expected->second.stamp);
    RC_ASSERT(found->unset == expected->second.unset);
    RC_ASSERT((context.get(key) == nullptr) == found->unset);
    if (!found->unset) RC_ASSERT(*context.get(key) == expected->second.value);
  }
  for (const auto& [key, entry] : model)
    if (!entry.unset) keys.push_back(key);
  std::vector<std::string> seen;
  context.for_each([&](const Entry& entry) { seen.push_back(entry.key); });
  RC_ASSERT(seen == keys);
  for (size_t i = 0; i < keys.size(); ++i) RC_ASSERT(context.at(i)->key == keys[i]);
  RC_ASSERT(context.at(keys.size()) == nullptr);
  RC_ASSERT(context.empty() == model.empty());
}

RC_GTEST_PROP(Context, IsTheNewestWriteOfEachKeyInAnyOrder, ()) {
  const std::vector<Entry> writes = any_writes();
  check(fold(shuffled(writes)), naive_fold(writes));
}

RC_GTEST_PROP(Context, JoinIsTheFoldOfBoth, ()) {
  const std::vector<Entry> writes = any_writes(), left = some_of(writes), right = some_of(writes);
  std::vector<Entry> both = left;
  both.insert(both.end(), right.begin(), right.end());
  check(Context::join(fold(left), fold(right)), naive_fold(both));
}

RC_GTEST_PROP(Context, JoinIsCommutativeAssociativeAndIdempotent, ()) {
  const std::vector<Entry> writes = any_writes();
  const Context a = fold(some_of(writes)), b = fold(some_of(writes)), c = fold(some_of(writes));
  const auto text = [](const Context& context) {
    std::string out;
    context.append_json(out);
    return out;
  };
  RC_ASSERT(text(Context::join(a, b)) == text(Context::join(b, a)));
  RC_ASSERT(text(Context::join(Context::join(a, b), c)) == text(Context::join(a, Context::join(b, c))));
  RC_ASSERT(Context::join(a, a).same_as(a));
  RC_ASSERT(Context::join(a, Context()).same_as(a));
  RC_ASSERT(Context::join(Context(), a).same_as(a));
}

RC_GTEST_PROP(Context, WhatAddsNothingSharesEverything, ()) {
  const std::vector<Entry> writes = any_writes();
  const Context all = fold(writes);
  for (const Entry& write : writes) RC_ASSERT(all.with(write).same_as(all));
  // An older snapshot of the same history.
  const size_t part = *rc::gen::inRange<size_t>(0, writes.size() + 1);
  const Context older = fold({writes.begin(), writes.begin() + static_cast<ptrdiff_t>(part)});
  Context newer = older;
  for (size_t i = part; i < writes.size(); ++i) newer = newer.with(writes[i]);
  RC_ASSERT(Context::join(newer, older).same_as(newer));
  RC_ASSERT(Context::join(older, newer).same_as(newer));
}

RC_GTEST_PROP(Context, ASnapshotNeverChanges, ()) {
  const std::vector<Entry> writes = any_writes(), more = any_writes();
  const Context snapshot = fold(writes);
  Context other = snapshot;
  for (const Entry& write : more) other = other.with(write);
  (void)Context::join(snapshot, fold(more));
  check(snapshot, naive_fold(writes));
}

TEST(Context, AWriteCostsAPathAndNotAMap) {
  Context large;
  for (int i = 0; i < 10'000; ++i)
    large = large.with(Entry{"key" + std::to_string(i), Value::of_integer(i), false, {0, 1, 0}});
  const Value* before = large.get("key77");
  size_t most = 0;
  Context chain = large;
  for (uint32_t i = 0; i < 1'000; ++i) {
    const size_t start = g_allocations;
    chain = chain.with(Entry{"key" + std::to_string(i * 7), Value(), false, {0, 2 + i, 0}});
    most = std::max(most, g_allocations - start);
  }
  EXPECT_LT(most, 200u) << "of 10 000 keys";
  EXPECT_EQ(chain.get("key78"), large.get("key78")) << "untouched entries are shared";
  EXPECT_EQ(large.get("key77"), before);
  EXPECT_EQ(large.get("key77")->as_integer(), 77);
  EXPECT_EQ(chain.get("key77")->type(), Value::Type::null);
  const size_t start = g_allocations;
  const Context joined = Context::join(chain, large);
  EXPECT_TRUE(joined.same_as(chain));
  EXPECT_LT(g_allocations - start, 100'000u);
}

TEST(Context, ADeltaIsWrittenWithOneStamp) {
  Delta delta;
  delta.put("b", Value::of_text("x"));
  delta.put("a", Value::of_real(2));
  delta.unset("c");
  const Context context = Context().with(Entry{"c", Value::of_integer(1), false, {}}).with(delta, {0, 3, 0});
  std::string text;
  context.append_json(text);
  EXPECT_EQ(text, R"({"a":2.0,"b":"x"})");
  EXPECT_EQ(context.find("c")->unset, true);
  EXPECT_EQ(context.find("a")->stamp, (Stamp{0, 3, 0}));
}

TEST(Stamp, PatchesGoFirstThenRankThenChild) {
  EXPECT_LT((Stamp{0, 9, 9}), (Stamp{1, 0, 0}));
  EXPECT_LT((Stamp{1, 0, 0}), (Stamp{1, 1, 0})) << "a patch before the steps of its number";
  EXPECT_LT((Stamp{1, 2, 3}), (Stamp{1, 2, 4}));
}

// Keys in ascending order whose hashes ascend, too: without a secret in it the map would be one chain.
std::vector<std::string> chosen_keys(size_t n) {
  std::vector<std::string> keys;
  const size_t stride = SIZE_MAX / n;
  for (size_t i = 0; i < n; ++i)
    for (int suffix = 0;; ++suffix) {
      const std::string key = std::to_string(1'000'000 + i) + "-" + std::to_string(suffix);
      if (std::hash<std::string_view>()(key) / stride != i) continue;
      keys.push_back(key);
      break;
    }
  return keys;
}

TEST(Context, KeysThatSomebodyChoseMakeNoChain) {
  const std::vector<std::string> keys = chosen_keys(1'000);
  const auto filled = [&] {
    Context map;
    for (const std::string& key : keys) map = map.with({key, Value::of_integer(1), false, {}});
    return map;
  };
  const auto text_of = [](const Context& map) {
    std::string text;
    map.append_json(text);
    return text;
  };
  const std::string expected = text_of(filled());
  for (const uint64_t secret : {uint64_t{1}, uint64_t{0x5DEECE66D}, UINT64_MAX, uint64_t{0}}) {
    set_context_shuffle(secret);
    const Context map = filled();
    EXPECT_EQ(text_of(map), expected) << "what it holds does not depend on it";
    const size_t before = g_allocations;
    const Context written = map.with({keys.front(), Value::of_integer(2), false, {1}});
    EXPECT_LT(g_allocations - before, 100u) << "a write copies the path to its key";
  }
}

}  // namespace
}  // namespace pirn::journal
