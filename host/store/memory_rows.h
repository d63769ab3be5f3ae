// What the memory store keeps executions and their journals in. Private to host/store; the store's mutex guards
// all of it.
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "host/store/store.h"

namespace pirn::store::memory {

inline constexpr uint32_t kNone = UINT32_MAX;

// A list that grows by blocks: what is there never moves, and no commit pays for a copy of everything.
template <class T>
class Blocks {
 public:
  size_t size() const { return size_; }
  T& operator[](size_t at) { return blocks_[at / kInBlock][at % kInBlock]; }
  const T& operator[](size_t at) const { return blocks_[at / kInBlock][at % kInBlock]; }
  T& add() {
    if (size_ == blocks_.size() * kInBlock) blocks_.push_back(std::make_unique<T[]>(kInBlock));
    return (*this)[size_++];
  }

 private:
  static constexpr size_t kInBlock = std::max<size_t>(1, (16u << 10) / sizeof(T));
  std::vector<std::unique_ptr<T[]>> blocks_;
  size_t size_ = 0;
};

// One commit. The body follows it in the same piece of memory, which is freed with its stream.
struct JournalEntry {
  JournalEntry* previous = nullptr;  // of the same stream
  uint64_t pos = 0;                  // in the order of all commits
  uint32_t commit_no = 0;
  uint32_t schema = 1;
  size_t size = 0;

  static JournalEntry* make(const JournalRow& row, uint64_t pos, JournalEntry* previous) {
    void* const memory = std::malloc(sizeof(JournalEntry) + row.body.size());
    if (memory == nullptr) throw std::bad_alloc();
    auto* const entry = new (memory) JournalEntry{previous, pos, row.commit_no, row.schema, row.body.size()};
    row.body.copy(reinterpret_cast<char*>(entry + 1), row.body.size());
    return entry;
  }
  std::string_view body() const { return {reinterpret_cast<const char*>(this + 1), size}; }
};

// One execution; the id zero: a row that is free. Its texts lie behind each other, in the order of `Field`.
struct Row {
  enum Field { kState, kTenant, kPackage, kVersion, kWorkflow, kKey, kBody, kFields };

  ExecutionId id;
  uint32_t commit_no = 0;
  bool open = true;
  Digest release, input_digest;
  int64_t created_at = 0, started_at = 0, ended_at = 0;
  std::array<uint32_t, kFields> ends{};
  std::unique_ptr<char[]> text;

  std::string_view field(Field field) const {
    const uint32_t begin = field == 0 ? 0 : ends[field - 1];
    return {text.get() + begin, ends[field] - begin};
  }
  size_t bytes() const { return ends[kBody]; }

  void assign(const ExecutionRow& row) {
    id = row.id;
    commit_no = row.commit_no;
    open = row.open;
    release = row.release;
    input_digest = row.input_digest;
    created_at = row.created_at;
    started_at = row.started_at;
    ended_at = row.ended_at;
    const std::array<std::string_view, kFields> fields = {row.state,    row.tenant, row.package, row.version,
                                                          row.workflow, row.key,    row.body};
    size_t size = 0;
    for (const std::string_view field : fields) size += field.size();
    text = std::make_unique_for_overwrite<char[]>(size);
    char* to = text.get();
    for (size_t i = 0; i < kFields; ++i) {
      to += fields[i].copy(to, fields[i].size());
      ends[i] = static_cast<uint32_t>(to - text.get());
    }
  }

  StoredExecution stored() const {
    return {id,
            commit_no,
            open,
            std::string(field(kState)),
            std::string(field(kTenant)),
            std::string(field(kPackage)),
            std::string(field(kVersion)),
            std::string(field(kWorkflow)),
            release,
            std::string(field(kKey)),
            input_digest,
            created_at,
            started_at,
            ended_at,
            std::string(field(kBody))};
  }
};

// Where an execution's last journal entry and its row are, by id: open addressing, so that no commit
// allocates for it except when the table doubles.
class StreamTable {
 public:
  struct Slot {
    ExecutionId id;  // zero: free
    uint32_t row = kNone;
    JournalEntry* last = nullptr;
  };

  Slot& at(ExecutionId id) {
    assert(id && "an execution's id is never zero");
    if (used_ * 2 >= slots_.size()) grow();
    Slot& slot = slots_[place(id)];
    if (!slot.id) {
      slot.id = id;
      ++used_;
    }
    return slot;
  }
  const Slot* find(ExecutionId id) const {
    if (slots_.empty() || !id) return nullptr;
    const Slot& slot = slots_[place(id)];
    return slot.id ? &slot : nullptr;
  }
  // The slots after it that would not be found across the gap move up.
  void remove(ExecutionId id) {
    const size_t mask = slots_.size() - 1;
    size_t gap = place(id);
    if (!slots_[gap].id) return;
    --used_;
    for (size_t next = (gap + 1) & mask; slots_[next].id; next = (next + 1) & mask) {
      const size_t home = home_of(slots_[next].id);
      if (((next - home) & mask) < ((next - gap) & mask)) continue;
      slots_[gap] = slots_[next];
      gap = next;
    }
    slots_[gap] = Slot{};
  }
  template <class Visit>
  void each(Visit visit) const {
    for (const Slot& slot : slots_)
      if (slot.id) visit(slot);
  }

 private:
  size_t home_of(ExecutionId id) const { return (std::hash<ExecutionId>{}(id) >> 20) & (slots_.size() - 1); }
  size_t place(ExecutionId id) const {
    const size_t mask = slots_.size() - 1;
    size_t at = home_of(id);
    while (slots_[at].id && slots_[at].id != id) at = (at + 1) & mask;
    return at;
  }
  void grow() {
    std::vector<Slot> old = std::move(slots_);
    slots_.assign(std::max<size_t>(1024, old.size() * 2), Slot{});
    for (const Slot& slot : old)
      if (slot.id) slots_[place(slot.id)] = slot;
  }

  std::vector<Slot> slots_;
  size_t used_ = 0;
};

}  // namespace pirn::store::memory
