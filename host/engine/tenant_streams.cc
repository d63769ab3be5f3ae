#include "host/engine/tenant_streams.h"

#include <algorithm>
#include <cassert>

#include "host/journal/codec.h"
#include "host/journal/tenant_codec.h"

namespace pirn::engine {

namespace {

// Nobody knows what else of the tenant is gone: the host does not start.
Error corrupt(ExecutionId stream, const std::string& what) {
  return Error{Code::journal_corrupt, "the tenant's stream " + stream.text() + " " + what, "", Blame::world};
}

}  // namespace

Status TenantStreams::restore(const store::Store& store) {
  PIRN_TRY(const std::vector<store::StoredTenant> rows, store.tenants());
  for (const store::StoredTenant& row : rows) {
    auto state = journal::decode_tenant_state(row.body);
    if (!state)
      return corrupt(row.stream, "of '" + row.tenant + "' has a damaged row: " + state.error().message);
    last_number_ = std::max(last_number_, row.stream.value);
    Stream& stream = streams_[row.tenant];
    stream.state = std::move(state).value();
    stream.projected_bytes = row.body.size();
  }
  return {};
}

Status TenantStreams::restore(const store::StoredCommit& row, int64_t& newest) {
  last_number_ = std::max(last_number_, row.stream.value);
  const std::string number = std::to_string(row.commit_no);
  const auto commit = journal::decode_tenant_commit(row.body, row.schema);
  if (!commit) return corrupt(row.stream, "has a damaged commit " + number + ": " + commit.error().message);
  Stream* stream = nullptr;
  for (auto& [tenant, known] : streams_)
    if (known.state.stream == row.stream) stream = &known;
  if (!stream) {  // its first commit names the tenant
    const auto* opened =
        commit->records.empty() ? nullptr : std::get_if<journal::TenantOpened>(&commit->records.front());
    if (opened) {
      const auto [at, fresh] = streams_.try_emplace(opened->tenant);
      if (!fresh) return corrupt(row.stream, "of '" + opened->tenant + "' is a second one");
      stream = &at->second;
      stream->state.stream = row.stream;
    }
  }
  if (!stream || row.commit_no > stream->state.next_commit ||
      (row.commit_no == stream->state.next_commit && commit->first_seq != stream->state.next_seq))
    return corrupt(row.stream, "misses a commit before number " + number);
  // A row that the projection has already: the watermark is a lower bound.
  if (row.commit_no < stream->state.next_commit) return {};
  for (const journal::TenantRecord& record : commit->records) {
    const uint64_t seq = stream->state.next_seq;
    if (!journal::replay(stream->state, record, commit->at))
      return corrupt(row.stream, "of '" + stream->state.tenant + "' has in its commit " + number +
                                     " the event with seq " + std::to_string(seq) +
                                     ", which cannot follow the events before it");
  }
  ++stream->state.next_commit;
  journaled(*stream, row.body.size());
  newest = std::max(newest, commit->at);
  return {};
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
