// A treap: the heap priority of a node is the hash of its key, so the shape depends on the set of keys alone
// and equal histories stay shared.
#include "host/journal/context.h"

#include "host/journal/context_shuffle.h"

namespace pirn::journal {

struct Context::Node {
  std::shared_ptr<const Entry> entry;
  size_t priority;
  NodePtr left, right;
};

namespace {
uint64_t g_shuffle = 0;  // written before there are threads

// The last step of SplitMix64 spreads what the secret has changed over all bits.
size_t priority_of(std::string_view key) {
  uint64_t mixed = std::hash<std::string_view>()(key) ^ g_shuffle;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
  return mixed ^ (mixed >> 31);
}
}  // namespace

void set_context_shuffle(uint64_t secret) { g_shuffle = secret; }

const Context::Entry* Context::find(std::string_view key) const {
  const Node* node = root_.get();
  while (node) {
    const int order = key.compare(node->entry->key);
    if (order == 0) return node->entry.get();
    node = (order < 0 ? node->left : node->right).get();
  }
  return nullptr;
}

const Value* Context::get(std::string_view key) const {
  const Entry* entry = find(key);
  return entry && !entry->unset ? &entry->value : nullptr;
}

void Context::split(const NodePtr& node, std::string_view key, NodePtr& below, NodePtr& at, NodePtr& above) {
  if (!node) {
    below = at = above = nullptr;
    return;
  }
  const int order = key.compare(node->entry->key);
  if (order == 0) {
    below = node->left;
    at = node;
    above = node->right;
  } else if (order < 0) {
    NodePtr middle;
    split(node->left, key, below, at, middle);
    above = middle == node->left
                ? node
                : std::make_shared<const Node>(Node{node->entry, node->priority, middle, node->right});
  } else {
    NodePtr middle;
    split(node->right, key, middle, at, above);
    below = middle == node->right
                ? node
                : std::make_shared<const Node>(Node{node->entry, node->priority, node->left, middle});
  }
}

Context::NodePtr Context::insert(const NodePtr& node, std::shared_ptr<const Entry> entry, size_t priority) {
  if (!node || priority > node->priority) {
    NodePtr below, at, above;
    split(node, entry->key, below, at, above);
    return std::make_shared<const Node>(Node{std::move(entry), priority, below, above});
  }
  const int order = entry->key.compare(node->entry->key);
  if (order == 0)
    return std::make_shared<const Node>(Node{std::move(entry), priority, node->left, node->right});
  if (order < 0)
    return std::make_shared<const Node>(
        Node{node->entry, node->priority, insert(node->left, std::move(entry), priority), node->right});
  return std::make_shared<const Node>(
      Node{node->entry, node->priority, node->left, insert(node->right, std::move(entry), priority)});
}

Context Context::with(Entry entry) const {
  const Entry* present = find(entry.key);
  if (present && present->stamp >= entry.stamp) return *this;
  const size_t priority = priority_of(entry.key);
  return Context(insert(root_, std::make_shared<const Entry>(std::move(entry)), priority));
}

Context Context::with(const Delta& delta, Stamp stamp) const {
  Context out = *this;
  for (const Delta::Entry& entry : delta.entries)
    out = out.with(Entry{entry.key, entry.value, entry.unset, stamp});
  return out;
}

Context::NodePtr Context::unite(const NodePtr& a, const NodePtr& b) {
  if (a == b || !b) return a;
  if (!a) return b;
  // The root of the union is the root with the larger priority; equal keys have equal priorities.
  const bool a_on_top =
      a->priority > b->priority || (a->priority == b->priority && a->entry->key <= b->entry->key);
  const NodePtr& top = a_on_top ? a : b;
  const NodePtr& other = a_on_top ? b : a;
  NodePtr below, at, above;
  split(other, top->entry->key, below, at, above);
  NodePtr left = unite(top->left, below);
  NodePtr right = unite(top->right, above);
  const bool other_wins = at && at->entry->stamp > top->entry->stamp;
  if (!other_wins && left == top->left && right == top->right) return top;
  if (at && (other_wins || at->entry == top->entry) && left == at->left && right == at->right) return at;
  return std::make_shared<const Node>(Node{other_wins ? at->entry : top->entry, top->priority, left, right});
}

Context Context::join(const Context& a, const Context& b) { return Context(unite(a.root_, b.root_)); }

void Context::visit(const Node* node, const std::function<bool(const Entry&)>& visitor, bool& go_on) {
  if (!node || !go_on) return;
  visit(node->left.get(), visitor, go_on);
  if (go_on && !node->entry->unset) go_on = visitor(*node->entry);
  visit(node->right.get(), visitor, go_on);
}

void Context::for_each(const std::function<void(const Entry&)>& visitor) const {
  bool go_on = true;
  visit(
      root_.get(), [&](const Entry& entry) { return visitor(entry), true; }, go_on);
}

void Context::collect(const Node* node, Stamp above, Delta& out) {
  if (!node) return;
  collect(node->left.get(), above, out);
  const Entry& entry = *node->entry;
  if (entry.stamp > above) out.entries.push_back({entry.key, entry.value, entry.unset});
  collect(node->right.get(), above, out);
}

Delta Context::written_above(Stamp stamp) const {
  Delta out;
  collect(root_.get(), stamp, out);
  return out;
}

const Context::Entry* Context::at(size_t index) const {
  const Entry* found = nullptr;
  bool go_on = true;
  visit(
      root_.get(), [&](const Entry& entry) { return index-- != 0 || (found = &entry, false); }, go_on);
  return found;
}

void Context::append_json(std::string& out) const {
  out += '{';
  bool first = true;
  for_each([&](const Entry& entry) {
    if (!first) out += ',';
    first = false;
    append_json_string(out, entry.key);
    out += ':';
    journal::append_json(out, entry.value);
  });
  out += '}';
}

}  // namespace pirn::journal
