#include "host/store/memory_store.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstdlib>
#include <deque>
#include <map>
#include <set>
#include <unordered_map>

#include "host/store/memory_rows.h"
#include "packager/mutex/mutex.h"

namespace pirn::store {

using namespace memory;

namespace {

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

// The digits after `"name":` at the first place where it stands; 0: nowhere.
int64_t number_after(std::string_view body, std::string_view name) {
  const size_t at = body.find(name);
  int64_t value = 0;
  if (at != std::string_view::npos)
    std::from_chars(body.data() + at + name.size(), body.data() + body.size(), value);
  return value;
}

// Of which execution a body says this, before what users wrote, which begins with the trigger
// (host/journal/encode.cc); zero: of none. `name`: "root":", with its quotes.
ExecutionId named_in(std::string_view body, std::string_view name) {
  body = body.substr(0, body.find("\"trigger\":"));
  const size_t at = body.find(name);
  if (at == std::string_view::npos) return {};
  const size_t begin = at + name.size();
  const auto id = parse_execution_id(body.substr(begin, body.find('"', begin) - begin));
  return id ? *id : ExecutionId();
}
constexpr std::string_view kRetryOf = "\"retry_of\":\"";
ExecutionId root_of(const Row& row) {
  const ExecutionId root = named_in(row.field(Row::kBody), "\"root\":\"");
  return root ? root : row.id;
}

// A commit begins with its instant.
bool is_past(const JournalEntry& entry, const StoredTenant& tenant, const TenantPast& past) {
  return entry.commit_no <= tenant.commit_no && number_after(entry.body(), "\"at\":") < past.commits_before;
}
bool is_past(const std::string& name, const StoredEvent& event, const TenantPast& past) {
  return event.at < past.events_before &&
         (past.tenant.empty() || (name.size() > past.tenant.size() && name.starts_with(past.tenant) &&
                                  name[past.tenant.size()] == '\0'));
}

}  // namespace

class MemoryStoreContents {
 public:
  explicit MemoryStoreContents(size_t ended_journal_bytes) : ended_limit_(ended_journal_bytes) {}
  ~MemoryStoreContents() {
    streams.each([](const StreamTable::Slot& slot) { free_entries(slot.last, nullptr); });
  }

  // Held for a whole commit, so that readers see whole commits only.
  mutable Mutex mutex;
  Lease lease PIRN_GUARDED_BY(mutex);
  ExecutionId last_id PIRN_GUARDED_BY(mutex);     // the greatest stream
  uint64_t next_pos PIRN_GUARDED_BY(mutex) = 0;   // of the journal's next entry
  uint64_t watermark PIRN_GUARDED_BY(mutex) = 0;  // the projection is complete up to this position, exclusive
  uint64_t n_entries PIRN_GUARDED_BY(mutex) = 0;
  uint64_t n_open PIRN_GUARDED_BY(mutex) = 0;
  uint64_t n_rows PIRN_GUARDED_BY(mutex) = 0;
  uint64_t bytes PIRN_GUARDED_BY(mutex) = 0;
  size_t body_limit PIRN_GUARDED_BY(mutex) = kBodyLimit;
  Blocks<Row> rows PIRN_GUARDED_BY(mutex);
  StreamTable streams PIRN_GUARDED_BY(mutex);
  std::unordered_map<std::string, ExecutionId> keys PIRN_GUARDED_BY(mutex);
  std::map<ExecutionId, StoredTenant> tenants PIRN_GUARDED_BY(mutex);
  std::unordered_map<std::string, StoredEvent> events PIRN_GUARDED_BY(mutex);  // by tenant and id

  Status apply(const Change& change) PIRN_REQUIRES(mutex) {
    PIRN_DO(within_limits(change, body_limit));
    PIRN_DO(check_events(change.events));
    PIRN_DO(append(change.journal));
    if (Status taken = take_keys(change.executions); !taken) {
      take_back(change.journal);
      return taken;
    }
    for (const JournalRow& row : change.journal) last_id = std::max(last_id, row.stream);
    for (const ExecutionRow& row : change.executions) replace(row);
    for (const TenantRow& row : change.tenants)
      tenants[row.stream] = {row.stream, row.commit_no, std::string(row.tenant), std::string(row.body)};
    for (const EventRow& row : change.events)
      events.emplace(key_of(row.tenant, row.id), StoredEvent{row.at, std::string(row.body)});
    if (change.complete) watermark = next_pos;
    return {};
  }

  const Row* row(std::string_view tenant, ExecutionId id) const PIRN_REQUIRES(mutex) {
    const Row* found = row(id);
    return found != nullptr && found->field(Row::kTenant) == tenant ? found : nullptr;
  }
  const Row* row(ExecutionId id) const PIRN_REQUIRES(mutex) {
    const StreamTable::Slot* slot = streams.find(id);
    return slot == nullptr || slot->row == kNone ? nullptr : &rows[slot->row];
  }
  // An execution of which there is something, and nothing says that it has ended.
  bool is_open(ExecutionId id) const PIRN_REQUIRES(mutex) {
    const StreamTable::Slot* slot = streams.find(id);
    return slot != nullptr && (slot->row == kNone || rows[slot->row].open);
  }

  // What open executions were made from (R65): such a one has adopted nested executions of theirs, which it
  // may have to roll back.
  std::set<ExecutionId> adopted_from() const PIRN_REQUIRES(mutex) {
    std::vector<ExecutionId> next;
    streams.each([&](const StreamTable::Slot& slot) {
      mutex.is_held();
      if (slot.row != kNone && !rows[slot.row].open) return;
      const JournalEntry* first = slot.last;
      while (first != nullptr && first->previous != nullptr) first = first->previous;
      if (slot.row != kNone)
        next.push_back(named_in(rows[slot.row].field(Row::kBody), kRetryOf));
      else if (first != nullptr)
        next.push_back(named_in(first->body(), kRetryOf));
    });
    std::set<ExecutionId> all;
    while (!next.empty()) {
      const ExecutionId id = next.back();
      next.pop_back();
      if (!id || !all.insert(id).second) continue;
      if (const Row* const found = row(id)) {
        next.push_back(named_in(found->field(Row::kBody), kRetryOf));
        next.push_back(root_of(*found));
      }
    }
    return all;
  }

  // A closed execution, with its journal and its start key.
  void remove(ExecutionId id) PIRN_REQUIRES(mutex) {
    const Row* const found = row(id);
    if (found == nullptr || found->open) return;
    const StreamTable::Slot slot = *streams.find(id);
    Row& gone = rows[slot.row];
    if (const std::string_view key = gone.field(Row::kKey); !key.empty())
      keys.erase(key_of(gone.field(Row::kTenant), key));
    drop_entries(slot.last);
    bytes -= gone.bytes();
    --n_rows;
    gone = Row();
    free_rows_.push_back(slot.row);
    streams.remove(id);
  }

  // The entries of a tenant's stream that `past` says are over: the oldest ones. Returns how many.
  uint64_t remove_entries(ExecutionId stream, const std::function<bool(const JournalEntry&)>& past)
      PIRN_REQUIRES(mutex) {
    const StreamTable::Slot* slot = streams.find(stream);
    if (slot == nullptr) return 0;
    JournalEntry* newer = nullptr;  // the last that stays
    JournalEntry* entry = slot->last;
    while (entry != nullptr && !past(*entry)) {
      newer = entry;
      entry = entry->previous;
    }
    if (entry == nullptr) return 0;
    const uint64_t removed = drop_entries(entry);
    (newer == nullptr ? streams.at(stream).last : newer->previous) = nullptr;
    return removed;
  }

 private:
  static uint64_t free_entries(JournalEntry* entry, uint64_t* bytes) {
    uint64_t n = 0;
    for (; entry != nullptr; ++n) {
      JournalEntry* const previous = entry->previous;
      if (bytes != nullptr) *bytes += entry->size;
      std::free(entry);
      entry = previous;
    }
    return n;
  }
  // From this entry back to the stream's first.
  uint64_t drop_entries(JournalEntry* entry) PIRN_REQUIRES(mutex) {
    uint64_t freed = 0;
    const uint64_t n = free_entries(entry, &freed);
    bytes -= freed;
    n_entries -= n;
    return n;
  }

  Status check_events(std::span<const EventRow> added) const PIRN_REQUIRES(mutex) {
    std::set<std::string> names;
    for (const EventRow& row : added) {
      std::string name = key_of(row.tenant, row.id);
      if (events.contains(name) || !names.insert(std::move(name)).second)
        return bug("the event '" + std::string(row.id) + "' exists");
    }
    return {};
  }

  // Either all of them or none.
  Status take_keys(std::span<const ExecutionRow> changed) PIRN_REQUIRES(mutex) {
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

  // All of them or none.
  Status append(std::span<const JournalRow> added) PIRN_REQUIRES(mutex) {
    for (size_t i = 0; i < added.size(); ++i) {
      const JournalRow& row = added[i];
      StreamTable::Slot& slot = streams.at(row.stream);
      if (slot.last != nullptr && slot.last->commit_no >= row.commit_no) {
        take_back(added.first(i));
        return bug("commit " + std::to_string(row.commit_no) + " of execution " + row.stream.text() +
                   " exists");
      }
      slot.last = JournalEntry::make(row, next_pos++, slot.last);
      ++n_entries;
      bytes += row.body.size();
    }
    return {};
  }

  void take_back(std::span<const JournalRow> added) PIRN_REQUIRES(mutex) {
    for (size_t i = added.size(); i-- > 0;) {
      StreamTable::Slot& slot = streams.at(added[i].stream);
      JournalEntry* const entry = slot.last;
      slot.last = entry->previous;
      bytes -= entry->size;
      --n_entries;
      --next_pos;
      std::free(entry);
      if (slot.last == nullptr && slot.row == kNone) streams.remove(added[i].stream);
    }
  }

  void replace(const ExecutionRow& row) PIRN_REQUIRES(mutex) {
    StreamTable::Slot& slot = streams.at(row.id);
    if (slot.row == kNone) {
      if (free_rows_.empty()) {
        slot.row = static_cast<uint32_t>(rows.size());
        rows.add();
      } else {
        slot.row = free_rows_.back();
        free_rows_.pop_back();
      }
      ++n_rows;
    } else {
      n_open -= rows[slot.row].open ? 1 : 0;
      bytes -= rows[slot.row].bytes();
    }
    Row& stored = rows[slot.row];
    stored.assign(row);
    n_open += stored.open ? 1 : 0;
    bytes += stored.bytes();
    if (!stored.open && ended_limit_ != SIZE_MAX) keep_few_journals(slot);
  }

  // Of those that ended long ago only the last commit stays: it tells a watcher who comes late how it ended.
  void keep_few_journals(const StreamTable::Slot& ended) PIRN_REQUIRES(mutex) {
    size_t size = 0;
    for (const JournalEntry* entry = ended.last; entry != nullptr; entry = entry->previous)
      size += entry->size;
    ended_.push_back({ended.id, size});
    ended_bytes_ += size;
    for (; ended_bytes_ > ended_limit_ && !ended_.empty(); ended_.pop_front()) {
      ended_bytes_ -= ended_.front().bytes;
      const StreamTable::Slot* slot = streams.find(ended_.front().id);
      if (slot == nullptr || slot->last == nullptr) continue;
      drop_entries(slot->last->previous);
      slot->last->previous = nullptr;
    }
  }

  struct Ended {
    ExecutionId id;
    size_t bytes;  // of its journal
  };
  const size_t ended_limit_;
  std::deque<Ended> ended_ PIRN_GUARDED_BY(mutex);  // whose journals are whole, the oldest first
  size_t ended_bytes_ PIRN_GUARDED_BY(mutex) = 0;
  std::vector<uint32_t> free_rows_ PIRN_GUARDED_BY(mutex);
};

std::shared_ptr<MemoryStoreContents> make_memory_store_contents(size_t ended_journal_bytes,
                                                                size_t body_limit) {
  auto contents = std::make_shared<MemoryStoreContents>(ended_journal_bytes);
  const MutexLock lock(contents->mutex);
  contents->body_limit = body_limit;
  return contents;
}

MemoryStore::MemoryStore(std::shared_ptr<MemoryStoreContents> contents) : contents_(std::move(contents)) {
  const MutexLock lock(contents_->mutex);
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
  const MutexLock lock(contents_->mutex);
  return contents_->last_id;
}

Result<int64_t> MemoryStore::newest_instant() const {
  const MutexLock lock(contents_->mutex);
  const JournalEntry* newest = nullptr;
  contents_->streams.each([&](const StreamTable::Slot& slot) {
    if (slot.last != nullptr && (newest == nullptr || slot.last->pos > newest->pos)) newest = slot.last;
  });
  return newest == nullptr ? 0 : number_after(newest->body(), "\"at\":");
}

Status MemoryStore::recover(const std::function<Status(StoredExecution)>& on_execution,
                            const std::function<Status(StoredCommit)>& on_commit) {
  for (size_t i = 0; i < contents_->rows.size(); ++i)
    if (const Row& row = contents_->rows[i]; row.id && row.open) PIRN_DO(on_execution(row.stored()));
  struct Tail {
    ExecutionId stream;
    const JournalEntry* entry;
  };
  std::vector<Tail> tail;
  contents_->streams.each([&](const StreamTable::Slot& slot) PIRN_NOT_CHECKED {
    const auto tenant = contents_->tenants.find(slot.id);
    const uint32_t projected = slot.row != kNone                    ? contents_->rows[slot.row].commit_no
                               : tenant != contents_->tenants.end() ? tenant->second.commit_no
                                                                    : 0;
    for (const JournalEntry* entry = slot.last; entry != nullptr; entry = entry->previous)
      if (entry->pos >= contents_->watermark && entry->commit_no > projected)
        tail.push_back({slot.id, entry});
  });
  std::sort(tail.begin(), tail.end(),
            [](const Tail& a, const Tail& b) { return a.entry->pos < b.entry->pos; });
  for (const auto& [stream, entry] : tail)
    PIRN_DO(on_commit({stream, entry->commit_no, entry->schema, std::string(entry->body())}));
  return {};
}

Status MemoryStore::commit(const Change& change) {
  if (failed_) return *failed_;
  const MutexLock lock(contents_->mutex);
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
  const MutexLock lock(contents_->mutex);
  const Row* row = contents_->row(tenant, id);
  return row == nullptr ? std::nullopt : std::optional(row->stored());
}

Result<std::optional<StoredExecution>> MemoryStore::find_by_key(std::string_view tenant,
                                                                std::string_view key) const {
  const MutexLock lock(contents_->mutex);
  const auto found = contents_->keys.find(key_of(tenant, key));
  if (key.empty() || found == contents_->keys.end()) return std::optional<StoredExecution>();
  return std::optional(contents_->row(tenant, found->second)->stored());
}

Result<std::vector<StoredExecution>> MemoryStore::list(const ExecutionFilter& filter) const {
  const MutexLock lock(contents_->mutex);
  std::vector<const Row*> found;
  for (size_t i = 0; i < contents_->rows.size(); ++i)
    if (contents_->rows[i].id && matches(contents_->rows[i], filter)) found.push_back(&contents_->rows[i]);
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
  const MutexLock lock(contents_->mutex);
  std::vector<const JournalEntry*> chain;  // newest first
  if (const StreamTable::Slot* slot = contents_->streams.find(id))
    for (const JournalEntry* entry = slot->last; entry != nullptr && entry->commit_no > after_commit;
         entry = entry->previous)
      chain.push_back(entry);
  std::vector<StoredCommit> out;
  for (auto i = chain.rbegin(); i != chain.rend() && out.size() < limit; ++i)
    out.push_back({id, (*i)->commit_no, (*i)->schema, std::string((*i)->body())});
  return out;
}

Result<std::vector<StoredTenant>> MemoryStore::tenants() const {
  const MutexLock lock(contents_->mutex);
  std::vector<StoredTenant> out;
  for (const auto& [stream, tenant] : contents_->tenants) out.push_back(tenant);
  return out;
}

Result<std::optional<StoredTenant>> MemoryStore::find_tenant(std::string_view tenant) const {
  const MutexLock lock(contents_->mutex);
  for (const auto& [stream, stored] : contents_->tenants)
    if (stored.tenant == tenant) return std::optional(stored);
  return std::optional<StoredTenant>();
}

Result<std::optional<StoredEvent>> MemoryStore::find_event(std::string_view tenant,
                                                           std::string_view id) const {
  const MutexLock lock(contents_->mutex);
  const auto found = contents_->events.find(key_of(tenant, id));
  return found == contents_->events.end() ? std::optional<StoredEvent>() : std::optional(found->second);
}

Result<StoreStats> MemoryStore::stats() const {
  const MutexLock lock(contents_->mutex);
  StoreStats stats;
  stats.journal_rows = contents_->n_entries;
  stats.executions = contents_->n_rows;
  stats.open_executions = contents_->n_open;
  stats.size_bytes = contents_->bytes;
  stats.commits = commits_;
  contents_->streams.each([&](const StreamTable::Slot& slot) {
    if (!is_tenant_stream(slot.id)) return;
    for (const JournalEntry* entry = slot.last; entry != nullptr; entry = entry->previous)
      ++stats.tenant_rows;
  });
  stats.event_ids = contents_->events.size();
  return stats;
}

uint64_t MemoryStore::ended() const {
  const MutexLock lock(contents_->mutex);
  return contents_->n_rows - contents_->n_open;
}

Result<std::vector<ExecutionId>> MemoryStore::old(const Old& old, size_t limit) const {
  const MutexLock lock(contents_->mutex);
  const auto fits = [](const std::string& wanted, std::string_view value) {
    return wanted.empty() || wanted == value;
  };
  std::vector<const Row*> closed;
  for (size_t i = 0; i < contents_->rows.size(); ++i)
    if (const Row& row = contents_->rows[i];
        row.id && !row.open && fits(old.tenant, row.field(Row::kTenant)) &&
        fits(old.package, row.field(Row::kPackage)) && fits(old.workflow, row.field(Row::kWorkflow)))
      closed.push_back(&row);
  std::sort(closed.begin(), closed.end(), [](const Row* a, const Row* b) { return a->id > b->id; });
  std::map<std::array<std::string_view, 3>, uint64_t> newer;
  const std::set<ExecutionId> needed = contents_->adopted_from();
  std::vector<ExecutionId> found;
  for (const Row* row : closed) {
    const uint64_t nth =
        newer[{row->field(Row::kTenant), row->field(Row::kPackage), row->field(Row::kWorkflow)}]++;
    if (nth < old.keep_last || row->ended_at >= old.ended_before) continue;
    const ExecutionId root = root_of(*row);
    if (needed.contains(row->id) || needed.contains(root)) continue;
    if (root != row->id && contents_->is_open(root)) continue;
    found.push_back(row->id);
  }
  std::reverse(found.begin(), found.end());
  if (found.size() > limit) found.resize(limit);
  return found;
}

Status MemoryStore::remove(std::span<const ExecutionId> executions) {
  const MutexLock lock(contents_->mutex);
  for (const ExecutionId id : executions) contents_->remove(id);
  return {};
}

Result<TenantPastSize> MemoryStore::tenant_past(const TenantPast& past) const {
  const MutexLock lock(contents_->mutex);
  TenantPastSize size;
  for (const auto& [stream, tenant] : contents_->tenants) {
    if (!past.tenant.empty() && tenant.tenant != past.tenant) continue;
    const StreamTable::Slot* slot = contents_->streams.find(stream);
    for (const JournalEntry* entry = slot == nullptr ? nullptr : slot->last; entry != nullptr;
         entry = entry->previous)
      size.commits += is_past(*entry, tenant, past) ? 1 : 0;
  }
  for (const auto& [name, event] : contents_->events) size.events += is_past(name, event, past) ? 1 : 0;
  return size;
}

// All of it at once: what is removed from memory is removed in no time.
Result<TenantPastSize> MemoryStore::remove_tenant_past(const TenantPast& past, size_t) {
  const MutexLock lock(contents_->mutex);
  TenantPastSize size;
  for (const auto& [stream, tenant] : contents_->tenants)
    if (past.tenant.empty() || tenant.tenant == past.tenant)
      size.commits += contents_->remove_entries(
          stream, [&, &tenant = tenant](const JournalEntry& entry) { return is_past(entry, tenant, past); });
  size.events = std::erase_if(contents_->events,
                              [&](const auto& each) { return is_past(each.first, each.second, past); });
  return size;
}

Result<std::vector<StateCount>> MemoryStore::counts() const {
  const MutexLock lock(contents_->mutex);
  std::map<std::pair<std::string_view, std::string_view>, uint64_t> counted;
  for (size_t i = 0; i < contents_->rows.size(); ++i)
    if (const Row& row = contents_->rows[i]; row.id)
      ++counted[{row.field(Row::kTenant), row.field(Row::kState)}];
  std::vector<StateCount> counts;
  for (const auto& [name, n] : counted)
    counts.push_back({std::string(name.first), std::string(name.second), n});
  return counts;
}

}  // namespace pirn::store
