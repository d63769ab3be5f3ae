#include "host/engine/tenant_streams.h"

#include <algorithm>
#include <cassert>

#include "host/journal/codec.h"
#include "host/journal/tenant_codec.h"

namespace pirn::engine {

namespace {

constexpr uint32_t kCommitsAtOnce = 64;

// What can be read of a stream from one of its commits. Of a commit that does not match its checksum: nothing.
Result<journal::TenantCommit> decoded(const store::StoredCommit& row) {
  if (row.damaged)
    return Error{Code::journal_corrupt,
                 "its commit " + std::to_string(row.commit_no) + " does not match its checksum"};
  auto commit = journal::decode_tenant_commit(row.body, row.schema);
  if (!commit)
    return Error{Code::journal_corrupt,
                 "its commit " + std::to_string(row.commit_no) + " is damaged: " + commit.error().message};
  return commit;
}

// Why the commit cannot follow what the state has; ok: it has been applied.
Status append(journal::TenantState& state, const journal::TenantCommit& commit, uint32_t number) {
  if (number != state.next_commit || commit.first_seq != state.next_seq)
    return Error{Code::journal_corrupt,
                 "a commit before its commit " + std::to_string(number) + " is missing"};
  for (const journal::TenantRecord& record : commit.records) {
    const uint64_t seq = state.next_seq;
    if (!journal::replay(state, record, commit.at))
      return Error{Code::journal_corrupt,
                   "its event with seq " + std::to_string(seq) + " cannot follow the events before it"};
  }
  ++state.next_commit;
  return {};
}

const journal::TenantOpened* opening_of(const journal::TenantCommit& commit) {
  return commit.records.empty() ? nullptr : std::get_if<journal::TenantOpened>(&commit.records.front());
}

// A row whose checksum is wrong may name another tenant than its own, so that its journal is asked first.
std::string tenant_of(const store::Store& store, const store::StoredTenant& row) {
  const auto commits = store.journal(row.stream, 0, 1);
  const auto first =
      commits && !commits->empty() ? decoded(commits->front()) : Result<journal::TenantCommit>(Error());
  const journal::TenantOpened* const opened = first ? opening_of(*first) : nullptr;
  return opened ? opened->tenant : row.tenant;
}

}  // namespace

Status TenantStreams::restore(const store::Store& store) {
  PIRN_TRY(const std::vector<store::StoredTenant> rows, store.tenants());
  for (const store::StoredTenant& row : rows) PIRN_DO(restore_row(store, row));
  return {};
}

Status TenantStreams::restore_row(const store::Store& store, const store::StoredTenant& row) {
  last_number_ = std::max(last_number_, row.stream.value);
  const auto damage_alone = [](const Error& error) {
    return error.code == Code::journal_corrupt || error.code == Code::store_corrupt;
  };
  Stream stream;
  auto state =
      row.damaged
          ? Result<journal::TenantState>(Error{Code::journal_corrupt, "it does not match its checksum"})
          : journal::decode_tenant_state(row.body);
  if (state) {
    stream.state = std::move(state).value();
    stream.projected_bytes = row.body.size();
  } else {
    stream.state.stream = row.stream;
  }
  auto read = read_on(store, stream);
  // A row that cannot be read was written after these commits: the journal must reach as far.
  if (read && !state && stream.state.next_commit <= row.commit_no)
    read = Error{Code::journal_corrupt,
                 "its commit " + std::to_string(stream.state.next_commit) + " is missing"};
  if (!read && !damage_alone(read.error())) return read.error();
  if (!read) {
    const std::string why = state ? read.error().message
                                  : "its row is damaged (" + state.error().message +
                                        "), and so is its journal: " + read.error().message;
    quarantine(row.stream, tenant_of(store, row), row.commit_no, Error{Code::journal_corrupt, why});
    return {};
  }
  const std::string tenant = state ? row.tenant : stream.state.tenant;
  Stream& kept = streams_[tenant] = std::move(stream);
  if (*read > 0) journaled(kept, *read);  // its row lags, or is to be replaced
  return {};
}

// Folds all commits after those that the state has, also those before the watermark: it passes the commits of a
// tenant that is quarantined. Returns how many bytes they have.
Result<size_t> TenantStreams::read_on(const store::Store& store, Stream& stream) {
  size_t bytes = 0;
  for (;;) {
    PIRN_TRY(const auto commits,
             store.journal(stream.state.stream, stream.state.next_commit - 1, kCommitsAtOnce));
    for (const store::StoredCommit& row : commits) {
      PIRN_TRY(const journal::TenantCommit commit, decoded(row));
      PIRN_DO(append(stream.state, commit, row.commit_no));
      bytes += row.body.size();
    }
    if (commits.size() < kCommitsAtOnce) return bytes;
  }
}

Status TenantStreams::restore(const store::StoredCommit& row, int64_t& newest) {
  last_number_ = std::max(last_number_, row.stream.value);
  if (std::find(unreadable_.begin(), unreadable_.end(), row.stream) != unreadable_.end()) return {};
  Stream* stream = stream_of(row.stream);
  if (stream && stream->starts_over) {
    stream->state.next_commit = std::max(stream->state.next_commit, row.commit_no + 1);
    return {};
  }
  // A row that the projection has already: the watermark is a lower bound.
  if (stream && row.commit_no < stream->state.next_commit) return {};
  std::optional<std::string> tenant;
  if (stream) tenant = stream->state.tenant;
  const auto commit = decoded(row);
  Status appended = commit ? Status() : Status(commit.error());
  if (commit && !stream) {  // its first commit names the tenant
    const journal::TenantOpened* const opened = opening_of(*commit);
    if (opened) tenant = opened->tenant;
    if (!opened) {
      appended = Error{Code::journal_corrupt,
                       "nothing says which tenant it belongs to: a commit before its commit " +
                           std::to_string(row.commit_no) + " is missing"};
    } else if (streams_.contains(opened->tenant) || damaged_.contains(opened->tenant)) {
      appended = Error{Code::journal_corrupt, "it is the tenant's second one"};
    } else {
      stream = &streams_[opened->tenant];
      stream->state.stream = row.stream;
    }
  }
  if (appended) appended = append(stream->state, *commit, row.commit_no);
  if (!appended) {
    quarantine(row.stream, tenant, row.commit_no, std::move(appended).error());
    return {};
  }
  journaled(*stream, row.body.size());
  newest = std::max(newest, commit->at);
  return {};
}

TenantStreams::Stream* TenantStreams::stream_of(ExecutionId id) {
  for (auto& [tenant, stream] : streams_)
    if (stream.state.stream == id) return &stream;
  return nullptr;
}

void TenantStreams::quarantine(ExecutionId id, const std::optional<std::string>& tenant, uint32_t last_commit,
                               Error why) {
  const bool own = tenant == journal::kHostStream;
  const std::string whose = own      ? "the host's own stream"
                            : tenant ? "the stream of tenant '" + *tenant + "'"
                                     : "a tenant's stream";
  why.message = whose + " (" + id.text() + ") cannot be read: " + why.message;
  why.blame = Blame::world;
  why.hint =
      own ? "Earlier corrections of the clock are forgotten. Everything else goes on."
          : "The tenant is quarantined: nothing of it runs, and nothing of it is changed. Restore the data "
            "directory from a backup; 'pirn store verify' lists what is damaged.";
  if (const auto known = tenant ? streams_.find(*tenant) : streams_.end(); known != streams_.end()) {
    unreadable_.push_back(known->second.state.stream);
    std::erase(dirty_, &known->second);
    streams_.erase(known);
  }
  if (own) {
    std::erase(unreadable_, id);
    Stream& fresh = streams_[*tenant];
    fresh.state.stream = id;
    fresh.state.next_commit = last_commit + 1;
    fresh.starts_over = true;
    journaled(fresh, 1);  // so that the row is replaced
  } else {
    unreadable_.push_back(id);
    if (tenant) damaged_.emplace(*tenant, why);
  }
  damages_.push_back(std::move(why));
}

const Error* TenantStreams::damage(std::string_view tenant) const {
  const auto found = damaged_.find(tenant);
  return found == damaged_.end() ? nullptr : &found->second;
}

const journal::TenantState* TenantStreams::find(std::string_view tenant) const {
  const auto found = streams_.find(tenant);
  return found == streams_.end() ? nullptr : &found->second.state;
}

std::vector<const journal::TenantState*> TenantStreams::all() const {
  std::vector<const journal::TenantState*> states;
  for (const auto& [tenant, stream] : streams_) states.push_back(&stream.state);
  return states;
}

void TenantStreams::emit(std::string_view tenant, const journal::TenantRecord& record, int64_t now) {
  assert(!damaged_.contains(tenant) && "nothing happens to a tenant that is quarantined");
  auto found = streams_.find(tenant);
  if (found == streams_.end()) {
    found = streams_.try_emplace(std::string(tenant)).first;
    found->second.state.stream = ExecutionId{++last_number_};
    assert(is_tenant_stream(found->second.state.stream));
    write(found->second, journal::TenantOpened{found->first}, now);
  }
  write(found->second, record, now);
}

void TenantStreams::write(Stream& stream, const journal::TenantRecord& record, int64_t now) {
  const bool first = stream.draft.view().empty();
  if (first) {
    journal::begin_body(stream.draft, now);
    drafted_.push_back(&stream);
  }
  journal::append_tenant_event(stream.draft, first, stream.state.next_seq, record);
  journal::apply(stream.state, record, now);
}

void TenantStreams::collect(bool flush, std::vector<store::JournalRow>& commits,
                            std::vector<store::TenantRow>& rows) {
  for (Stream* stream : drafted_) {
    journal::end_body(stream->draft);
    commits.push_back(
        {stream->state.stream, stream->state.next_commit++, journal::kTenantSchema, stream->draft.view()});
    journaled(*stream, stream->draft.view().size());
  }
  for (Stream* stream : dirty_) {
    if (!flush && stream->journaled_bytes <= stream->projected_bytes) continue;
    journal::append_tenant_state(stream->body, stream->state);
    rows.push_back(
        {stream->state.stream, stream->state.next_commit - 1, stream->state.tenant, stream->body.view()});
    stream->projected_bytes = stream->body.view().size();
    stream->journaled_bytes = 0;
    stream->dirty = false;
    projected_.push_back(stream);
  }
  std::erase_if(dirty_, [](const Stream* stream) { return !stream->dirty; });
}

void TenantStreams::journaled(Stream& stream, size_t bytes) {
  stream.journaled_bytes += bytes;
  if (stream.dirty) return;
  stream.dirty = true;
  dirty_.push_back(&stream);
}

void TenantStreams::clear() {
  for (Stream* stream : drafted_) stream->draft.clear();
  for (Stream* stream : projected_) stream->body.clear();
  drafted_.clear();
  projected_.clear();
}

}  // namespace pirn::engine
