// The shared context of an execution: a persistent map from key to the newest write of that key.
//
// "Newest" is canonical, never by time (R8): of two writes of a key the one with the larger Stamp wins,
// whatever order they arrive in. So the fold of any set of writes is a join (commutative, associative,
// idempotent), two maps that share history share memory, and a snapshot for an invocation is one pointer. A
// rejected alternative was one flat map for each step: a chain of n steps then holds n² entries.
//
// Immutable; any thread may read a copy.
#pragma once

#include <compare>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "host/journal/value.h"

namespace pirn::journal {

// When a write counts: first by resume patch, then the patch itself before steps, then by the writer's rank.
struct Stamp {
  uint32_t patch = 0;
  uint32_t rank = 0;   // 0: the input or a patch; a step writes with its canonical rank + 1
  uint32_t child = 0;  // among the children of one graft
  auto operator<=>(const Stamp&) const = default;
};

class Context {
 public:
  struct Entry {
    std::string key;
    Value value;
    bool unset = false;  // a deletion is a write, too: it hides older ones
    Stamp stamp;
  };

  Context() = default;

  // nullptr: absent or deleted. Lives as long as this map or any copy of it.
  const Value* get(std::string_view key) const;
  // Also deletions.
  const Entry* find(std::string_view key) const;
  // With this write taken into account; the same map when a newer write is there.
  Context with(Entry entry) const;
  Context with(const Delta& delta, Stamp stamp) const;
  // The fold of both.
  static Context join(const Context& a, const Context& b);

  // In key order, without deletions.
  void for_each(const std::function<void(const Entry&)>& visit) const;
  // The index-th key in key order, without deletions; nullptr past the end. O(index).
  const Entry* at(size_t index) const;
  // The writes whose stamp is above `stamp`, deletions included, in key order.
  Delta written_above(Stamp stamp) const;
  bool empty() const { return root_ == nullptr; }
  bool same_as(const Context& other) const { return root_ == other.root_; }

  // Appends {"key":value,…} in key order.
  void append_json(std::string& out) const;

 private:
  struct Node;
  using NodePtr = std::shared_ptr<const Node>;
  explicit Context(NodePtr root) : root_(std::move(root)) {}

  static NodePtr insert(const NodePtr& node, std::shared_ptr<const Entry> entry, size_t priority);
  static NodePtr unite(const NodePtr& a, const NodePtr& b);
  static void split(const NodePtr& node, std::string_view key, NodePtr& below, NodePtr& at, NodePtr& above);
  static void visit(const Node* node, const std::function<bool(const Entry&)>& visitor, bool& go_on);
  static void collect(const Node* node, Stamp above, Delta& out);

  NodePtr root_;
};

}  // namespace pirn::journal
