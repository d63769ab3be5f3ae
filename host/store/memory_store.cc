#include "host/store/memory_store.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>

namespace pirn::store {

namespace {

constexpr uint32_t kNone = UINT32_MAX;

// Text that is appended and never changes or moves. Chunks are small at first, for the many small stores of a
// simulation, and then as large as a huge page of memory, which the system hands out with one fault instead
// of 512: a busy store fills hundreds of megabytes a second.
class TextChunks {
 public:
  // Memory for a text of this size.
  char* add(size_t size) {
    if (size > left_) new_chunk(size);
    char* const place = current_;
    current_ += size;
    left_ -= size;
    bytes_ += size;
    return place;
  }
  std::string_view append(std::string_view text) {
    char* const place = add(text.size());
    text.copy(place, text.size());
    return {place, text.size()};
  }
  uint64_t bytes() const { return bytes_; }
  // Before the first text. The system clears memory when it is first written to, so that is done here.
  void reserve(size_t size) {
    if (size == 0) return;
    new_chunk(size);
    for (size_t page = 0; page < left_; page += 4096) current_[page] = 0;
  }

 private:
  static constexpr size_t kFirstBytes = 64u << 10, kHugePage = 2u << 20;

  struct Free {
    void operator()(char* chunk) const { std::free(chunk); }
  };

  void new_chunk(size_t text_bytes) {
    const size_t wanted = std::max(text_bytes, chunks_.empty() ? kFirstBytes : kHugePage);
    const bool huge = wanted >= kHugePage;
    const size_t size = huge ? (wanted + kHugePage - 1) / kHugePage * kHugePage : wanted;
    void* const memory = huge ? std::aligned_alloc(kHugePage, size) : std::malloc(size);
    if (memory == nullptr) throw std::bad_alloc();
    chunks_.emplace_back(static_cast<char*>(memory));
    if (huge) (void)madvise(memory, size, MADV_HUGEPAGE);  // where there are none, small ones do
    current_ = chunks_.back().get();
    left_ = size;
  }

  std::vector<std::unique_ptr<char, Free>> chunks_;
  char* current_ = nullptr;
  size_t left_ = 0;
  uint64_t bytes_ = 0;
};

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
  void remove_last() { (*this)[--size_] = T(); }

 private:
  static constexpr size_t kInBlock = std::max<size_t>(1, (16u << 10) / sizeof(T));
  std::vector<std::unique_ptr<T[]>> blocks_;
  size_t size_ = 0;
};

struct JournalEntry {
  ExecutionId stream;
  uint32_t commit_no = 0;
  uint32_t schema = 1;
  uint32_t previous = kNone;  // the stream's entry before this one
  std::string_view body;
};

// One execution. Its texts lie behind each other, in the order of `Field`: of an open one in memory of its
// own, for they will change, of a closed one with the other texts that never do.
struct Row {
  enum Field { kState, kTenant, kPackage, kVersion, kWorkflow, kKey, kBody, kFields };

  ExecutionId id;
  uint32_t commit_no = 0;
  bool open = true;
  Digest release, input_digest;
  int64_t created_at = 0, started_at = 0, ended_at = 0;
  std::array<uint32_t, kFields> ends{};
  std::string_view text;
  std::unique_ptr<char[]> own;

  std::string_view field(Field field) const {
    const uint32_t begin = field == 0 ? 0 : ends[field - 1];
    return text.substr(begin, ends[field] - begin);
  }

  void assign(const ExecutionRow& row, TextChunks& for_ever) {
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
    own = open ? std::make_unique_for_overwrite<char[]>(size) : nullptr;
    char* const begin = open ? own.get() : for_ever.add(size);
    char* to = begin;
    for (size_t i = 0; i < kFields; ++i) {
      to += fields[i].copy(to, fields[i].size());
      ends[i] = static_cast<uint32_t>(to - begin);
    }
    text = {begin, size};
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
// allocates for it except when the table doubles. Nothing is ever taken out.
class StreamTable {
 public:
  struct Slot {
    ExecutionId id;  // zero: free
    uint32_t last = kNone;
    uint32_t row = kNone;
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

 private:
  size_t place(ExecutionId id) const {
    const size_t mask = slots_.size() - 1;
    size_t at = (std::hash<ExecutionId>{}(id) >> 20) & mask;
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

// A name holds no zero byte, so that two parts cannot be taken for two others.
std::string key_of(std::string_view tenant, std::string_view key) {
  std::string joined;
  joined.reserve(tenant.size() + 1 + key.size());
  joined.append(tenant).append(1, '\0').append(key);
  return joined;
}

bool matches(const Row& row, const ExecutionFilter& filter) {
  if (row.field(Row::kTenant) != filter.tenant || row.created_at < filter.since) return false;
  if (filter.before && row.id >= filter.before) return false;
  if (!filter.package.empty() && row.field(Row::kPackage) != filter.package) return false;
  if (!filter.workflow.empty() && row.field(Row::kWorkflow) != filter.workflow) return false;
  return filter.states.empty() ||
         std::find(filter.states.begin(), filter.states.end(), row.field(Row::kState)) != filter.states.end();
}

Error bug(std::string message) { return {Code::store_failed, std::move(message), "", Blame::pirn}; }

Status within_limits(const Change& change, size_t limit) {
  const auto too_large = [&](std::string_view body, ExecutionId id) {
    return Error{Code::too_large, "a body of stream " + id.text() + " has " + std::to_string(body.size()) +
                                      " bytes; the limit is " + std::to_string(limit)};
  };
  for (const JournalRow& row : change.journal)
    if (row.body.size() > limit) return too_large(row.body, row.stream);
  for (const ExecutionRow& row : change.executions)
    if (row.body.size() > limit) return too_large(row.body, row.id);
  for (const TenantRow& row : change.tenants)
    if (row.body.size() > limit) return too_large(row.body, row.stream);
  return {};
}

}  // namespace

class MemoryStoreContents {
 public:
  // Guards everything below; held for a whole commit, so that readers see whole commits only.
  mutable std::mutex mutex;
  Lease lease;
  ExecutionId last_id;   // the greatest stream
  size_t watermark = 0;  // the projection is complete up to this entry, exclusive
  TextChunks texts;
  size_t body_limit = kBodyLimit;
  Blocks<JournalEntry> journal;
  Blocks<Row> rows;
  StreamTable streams;
  std::unordered_map<std::string, ExecutionId> keys;
  std::map<ExecutionId, StoredTenant> tenants;
  std::unordered_map<std::string, StoredEvent> events;  // by tenant and id

  Status apply(const Change& change) {
    const size_t before = journal.size();
    PIRN_DO(within_limits(change, body_limit));
    PIRN_DO(check_events(change.events));
    PIRN_DO(append(change.journal));
    if (Status taken = take_keys(change.executions); !taken) {
      forget(before);
      return taken;
    }
    for (const JournalRow& row : change.journal) last_id = std::max(last_id, row.stream);
    for (const ExecutionRow& row : change.executions) replace(row);
    for (const TenantRow& row : change.tenants)
      tenants[row.stream] = {row.stream, row.commit_no, std::string(row.tenant), std::string(row.body)};
    for (const EventRow& row : change.events)
      events.emplace(key_of(row.tenant, row.id), StoredEvent{row.at, std::string(row.body)});
    if (change.complete) watermark = journal.size();
    return {};
  }

  const Row* row(std::string_view tenant, ExecutionId id) const {
    const StreamTable::Slot* slot = streams.find(id);
    if (slot == nullptr || slot->row == kNone) return nullptr;
    const Row& found = rows[slot->row];
    return found.field(Row::kTenant) == tenant ? &found : nullptr;
  }

 private:
  Status check_events(std::span<const EventRow> added) const {
    std::set<std::string> names;
    for (const EventRow& row : added) {
      std::string name = key_of(row.tenant, row.id);
      if (events.contains(name) || !names.insert(std::move(name)).second)
        return bug("the event '" + std::string(row.id) + "' exists");
    }
    return {};
  }

  // Either all of them or none.
  Status take_keys(std::span<const ExecutionRow> changed) {
    std::vector<std::string> taken;
    for (const ExecutionRow& row : changed) {
      if (row.key.empty()) continue;
      std::string key = key_of(row.tenant, row.key);
      const auto [place, is_new] = keys.try_emplace(key, row.id);
      if (is_new) {
        taken.push_back(std::move(key));
      } else if (place->second != row.id) {
        const ExecutionId owner = place->second;  // perhaps of this very change
        for (const std::string& ours : taken) keys.erase(ours);
        return bug("the start key '" + std::string(row.key) + "' belongs to execution " + owner.text());
      }
    }
    return {};
  }

  Status append(std::span<const JournalRow> added) {
    const size_t before = journal.size();
    for (const JournalRow& row : added) {
      StreamTable::Slot& slot = streams.at(row.stream);
      if (slot.last != kNone && journal[slot.last].commit_no >= row.commit_no) {
        forget(before);
        return bug("commit " + std::to_string(row.commit_no) + " of execution " + row.stream.text() +
                   " exists");
      }
      const auto index = static_cast<uint32_t>(journal.size());
      journal.add() = {row.stream, row.commit_no, row.schema, slot.last, texts.append(row.body)};
      slot.last = index;
    }
    return {};
  }

  // Takes back the entries from `size` on.
  void forget(size_t size) {
    for (; journal.size() > size; journal.remove_last()) {
      const JournalEntry& entry = journal[journal.size() - 1];
      streams.at(entry.stream).last = entry.previous;
    }
  }

  void replace(const ExecutionRow& row) {
    StreamTable::Slot& slot = streams.at(row.id);
    if (slot.row == kNone) {
      slot.row = static_cast<uint32_t>(rows.size());
      rows.add();
    }
    rows[slot.row].assign(row, texts);
  }
};

std::shared_ptr<MemoryStoreContents> make_memory_store_contents(size_t text_bytes, size_t body_limit) {
  auto contents = std::make_shared<MemoryStoreContents>();
  contents->texts.reserve(text_bytes);
  contents->body_limit = body_limit;
  return contents;
}

MemoryStore::MemoryStore(std::shared_ptr<MemoryStoreContents> contents) : contents_(std::move(contents)) {
  const std::lock_guard lock(contents_->mutex);
  // An owner that is specified, so that a simulation is the same each time.
  const Epoch epoch = contents_->lease.epoch + 1;
  lease_ = contents_->lease = {epoch * 0x9E3779B97F4A7C15u, epoch};
}

void MemoryStore::fail_commit(uint64_t n, Failure failure) {
  fail_at_ = n;
  failure_ = failure;
}

// The callbacks run without the lock: they may read. Only the caller's own thread writes.
Result<ExecutionId> MemoryStore::last_id() const {
  std::lock_guard lock(contents_->mutex);
  return contents_->last_id;
}

Status MemoryStore::recover(const std::function<Status(StoredExecution)>& on_execution,
                            const std::function<Status(StoredCommit)>& on_commit) {
  for (size_t i = 0; i < contents_->rows.size(); ++i)
    if (contents_->rows[i].open) PIRN_DO(on_execution(contents_->rows[i].stored()));
  for (size_t i = contents_->watermark; i < contents_->journal.size(); ++i) {
    const JournalEntry& entry = contents_->journal[i];
    const StreamTable::Slot* slot = contents_->streams.find(entry.stream);
    if (slot->row != kNone && contents_->rows[slot->row].commit_no >= entry.commit_no) continue;
    const auto tenant = contents_->tenants.find(entry.stream);
    if (tenant != contents_->tenants.end() && tenant->second.commit_no >= entry.commit_no) continue;
    PIRN_DO(on_commit({entry.stream, entry.commit_no, entry.schema, std::string(entry.body)}));
  }
  return {};
}

Status MemoryStore::commit(const Change& change) {
  if (failed_) return *failed_;
  const std::lock_guard lock(contents_->mutex);
  if (change.lease != contents_->lease)
    return failed_.emplace(Error{Code::store_fenced,
                                 "a commit of epoch " + std::to_string(change.lease.epoch) +
                                     " was refused; the store is at epoch " +
                                     std::to_string(contents_->lease.epoch) + ", of another opening",
                                 "", Blame::world});
  const bool fails = fail_at_ != 0 && --fail_at_ == 0;
  const auto injected = [] {
    return Error{Code::store_failed, "a failure that was asked for", "", Blame::world};
  };
  if (fails && failure_ == Failure::nothing_written) return failed_.emplace(injected());
  if (Status status = contents_->apply(change); !status) return failed_.emplace(std::move(status).error());
  if (fails) return failed_.emplace(injected());
  ++commits_;
  return {};
}

Result<std::optional<StoredExecution>> MemoryStore::find(std::string_view tenant, ExecutionId id) const {
  const std::lock_guard lock(contents_->mutex);
  const Row* row = contents_->row(tenant, id);
  return row == nullptr ? std::nullopt : std::optional(row->stored());
}

Result<std::optional<StoredExecution>> MemoryStore::find_by_key(std::string_view tenant,
                                                                std::string_view key) const {
  const std::lock_guard lock(contents_->mutex);
  const auto found = contents_->keys.find(key_of(tenant, key));
  if (key.empty() || found == contents_->keys.end()) return std::optional<StoredExecution>();
  return std::optional(contents_->row(tenant, found->second)->stored());
}

Result<std::vector<StoredExecution>> MemoryStore::list(const ExecutionFilter& filter) const {
  const std::lock_guard lock(contents_->mutex);
  std::vector<const Row*> found;
  for (size_t i = 0; i < contents_->rows.size(); ++i)
    if (matches(contents_->rows[i], filter)) found.push_back(&contents_->rows[i]);
  const size_t count = std::min<size_t>(filter.limit, found.size());
  std::partial_sort(found.begin(), found.begin() + static_cast<ptrdiff_t>(count), found.end(),
                    [](const Row* a, const Row* b) { return a->id > b->id; });
  std::vector<StoredExecution> out;
  out.reserve(count);
  for (size_t i = 0; i < count; ++i) out.push_back(found[i]->stored());
  return out;
}

Result<std::vector<StoredCommit>> MemoryStore::journal(ExecutionId id, uint32_t after_commit,
                                                       uint32_t limit) const {
  const std::lock_guard lock(contents_->mutex);
  std::vector<uint32_t> chain;  // newest first
  if (const StreamTable::Slot* slot = contents_->streams.find(id))
    for (uint32_t i = slot->last; i != kNone && contents_->journal[i].commit_no > after_commit;
         i = contents_->journal[i].previous)
      chain.push_back(i);
  std::vector<StoredCommit> out;
  for (auto i = chain.rbegin(); i != chain.rend() && out.size() < limit; ++i) {
    const JournalEntry& entry = contents_->journal[*i];
    out.push_back({entry.stream, entry.commit_no, entry.schema, std::string(entry.body)});
  }
  return out;
}

Result<std::vector<StoredTenant>> MemoryStore::tenants() const {
  const std::lock_guard lock(contents_->mutex);
  std::vector<StoredTenant> out;
  for (const auto& [stream, tenant] : contents_->tenants) out.push_back(tenant);
  return out;
}

Result<std::optional<StoredTenant>> MemoryStore::find_tenant(std::string_view tenant) const {
  const std::lock_guard lock(contents_->mutex);
  for (const auto& [stream, stored] : contents_->tenants)
    if (stored.tenant == tenant) return std::optional(stored);
  return std::optional<StoredTenant>();
}

Result<std::optional<StoredEvent>> MemoryStore::find_event(std::string_view tenant,
                                                           std::string_view id) const {
  const std::lock_guard lock(contents_->mutex);
  const auto found = contents_->events.find(key_of(tenant, id));
  return found == contents_->events.end() ? std::optional<StoredEvent>() : std::optional(found->second);
}

Result<StoreStats> MemoryStore::stats() const {
  const std::lock_guard lock(contents_->mutex);
  StoreStats stats;
  stats.journal_rows = contents_->journal.size();
  stats.executions = contents_->rows.size();
  for (size_t i = 0; i < contents_->rows.size(); ++i) {
    const Row& row = contents_->rows[i];
    stats.open_executions += row.open ? 1 : 0;
    stats.size_bytes += row.open ? row.text.size() : 0;
  }
  stats.size_bytes += contents_->texts.bytes();
  stats.commits = commits_;
  return stats;
}

}  // namespace pirn::store
