// The tenants' own streams of the journal, as the engine holds them: the state of each, the commit that this
// turn writes to it, and what its projection lacks.
//
// Thread: the engine's.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "host/journal/tenant_state.h"
#include "host/journal/text_writer.h"
#include "host/store/store.h"

namespace pirn::engine {

class TenantStreams {
 public:
  // Recovery: the rows first, then the commits behind them, in their order. `newest` becomes the instant of
  // the commit, when that is later.
  Status restore(const store::Store& store);
  Status restore(const store::StoredCommit& commit, int64_t& newest);

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
  };

  void write(Stream& stream, const journal::TenantRecord& record, int64_t now);
  void journaled(Stream& stream, size_t bytes);

  std::map<std::string, Stream, std::less<>> streams_;  // by tenant
  std::vector<Stream*> drafted_;                        // with a commit in this turn
  std::vector<Stream*> dirty_;                          // whose projection lags
  std::vector<Stream*> projected_;                      // in this turn
  uint64_t last_number_ = 0;
};

}  // namespace pirn::engine
