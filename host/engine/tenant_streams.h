// The tenants' own streams of the journal, as the engine holds them: the state of each, the commit that this
// turn writes to it, and what its projection lacks.
//
// Thread: the engine's.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/journal/tenant_state.h"
#include "host/journal/text_writer.h"
#include "host/store/store.h"

namespace pirn::engine {

class TenantStreams {
 public:
  // Recovery: the rows first, each with the commits that it does not include, then the commits of streams that have
  // no row yet, in their order. `newest` becomes the instant of the commit, when that is later. A damaged row is folded again from the whole journal of its stream. A stream that
  // cannot be read at all is quarantined: it stays in the store as it is, and its tenant has no stream here. The
  // host's own starts over: only the clock's past is lost with it.
  Status restore(const store::Store& store);
  Status restore(const store::StoredCommit& commit, int64_t& newest);

  // Why the tenant's stream is quarantined; nullptr: it is not. Nothing may be emitted for such a tenant.
  const Error* damage(std::string_view tenant) const;
  // Of all streams that could not be read.
  const std::vector<Error>& damages() const { return damages_; }

  // Nullptr: the tenant has no stream.
  const journal::TenantState* find(std::string_view tenant) const;
  // All of them, by tenant.
  std::vector<const journal::TenantState*> all() const;

  // Says what happened to a tenant: writes the record to this turn's commit of its stream and applies it. Its
  // first record opens the stream.
  void emit(std::string_view tenant, const journal::TenantRecord& record, int64_t now);

  // Appends this turn's commits, and the projections that are due: of a stream as soon as more was journaled
  // than its state is long (so that projecting costs no more than journaling), with `flush` of all that lag.
  // Views are valid until clear().
  void collect(bool flush, std::vector<store::JournalRow>& commits, std::vector<store::TenantRow>& rows);
  // Something was said of a tenant in this turn.
  bool drafted() const { return !drafted_.empty(); }
  // No projection lags.
  bool complete() const { return dirty_.empty(); }
  // The next turn begins.
  void clear();

 private:
  struct Stream {
    journal::TenantState state;
    journal::TextWriter draft;  // this turn's commit; empty: none
    journal::TextWriter body;   // the projection that this turn writes
    size_t journaled_bytes = 0, projected_bytes = 0;
    bool dirty = false;
    bool starts_over = false;  // the journal so far is of no use
  };

  Status restore_row(const store::Store& store, const store::StoredTenant& row);
  static Result<size_t> read_on(const store::Store& store, Stream& stream);
  Stream* stream_of(ExecutionId id);
  // nullopt: nobody knows whose stream it is.
  void quarantine(ExecutionId id, const std::optional<std::string>& tenant, uint32_t last_commit, Error why);

  void write(Stream& stream, const journal::TenantRecord& record, int64_t now);
  void journaled(Stream& stream, size_t bytes);

  std::map<std::string, Stream, std::less<>> streams_;  // by tenant
  std::map<std::string, Error, std::less<>> damaged_;   // by tenant: why it has none
  std::vector<ExecutionId> unreadable_;                 // streams of those
  std::vector<Error> damages_;
  std::vector<Stream*> drafted_;    // with a commit in this turn
  std::vector<Stream*> dirty_;      // whose projection lags
  std::vector<Stream*> projected_;  // in this turn
  uint64_t last_number_ = 0;
};

}  // namespace pirn::engine
