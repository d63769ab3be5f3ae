// JSON text of commits and of whole states.
//
// Encoding is on the hot path and writes by hand; decoding happens at recovery and uses Boost.JSON. A body is
//   {"at":<ns>,"events":[{"seq":1,"type":"workflow.create",…},…]}
// Its events are what clients of the API see, verbatim: one format, written once. Rejected: a binary body,
// smaller and faster, but opaque to the operator's SQL.
//
// Any thread; no state.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/journal/record.h"
#include "host/journal/state.h"
#include "host/journal/text_writer.h"

namespace pirn::journal {

// A body grows by begin, any number of events, end.
void begin_body(TextWriter& out, int64_t at);
// `names` are the step names by index. `first`: no event stands before it. One: a kind of record; the engine,
// which knows which it emits, does without the variant.
template <class One>
void append_event(TextWriter& out, bool first, uint64_t seq, const One& record,
                  std::span<const std::string> names);
inline void append_event(TextWriter& out, bool first, uint64_t seq, const Record& record,
                         std::span<const std::string> names) {
  std::visit([&](const auto& one) { append_event(out, first, seq, one, names); }, record);
}
void end_body(TextWriter& out);

struct Commit {
  int64_t at = 0;
  uint64_t first_seq = 0;
  std::vector<Record> records;  // record i has seq first_seq + i
};
// Decodes a body of any schema up to kSchema.
Result<Commit> decode_commit(std::string_view body, uint32_t schema);

// What the row of a state has in columns of its own (host/store/store.h); its text does not repeat it, for
// what an execution leaves on the disk is what its commits cost. Views of the state and of its origin.
struct StateColumns {
  ExecutionId id;
  uint32_t commit_no = 0;  // the last commit that the state includes
  std::string_view state;  // as clients see it
  std::string_view tenant, package, version, workflow;
  Digest release;        // the first pin
  std::string_view key;  // start key, unique within the tenant; empty: none
  Digest input_digest;
  int64_t created_at = 0, started_at = 0, ended_at = 0;  // ns since 1970; 0: not yet
};
StateColumns columns_of(const ExecutionState& state);

// The rest of a whole state as one JSON object: everything that the engine continues from, the step names,
// and, when given, the folded context.
void append_state(TextWriter& out, const ExecutionState& state, std::span<const std::string> names,
                  std::string_view context_json);

struct DecodedState {
  ExecutionState state;
  std::vector<std::string> step_names;
  std::string context;  // JSON object; empty: not stored
};
// `known`: an origin that it probably has, too, and then shares; may be null. Text that repeats what the
// columns say is read like text that does not.
Result<DecodedState> decode_state(const StateColumns& columns, std::string_view text,
                                  const OriginPtr& known = nullptr);

void append_error(std::string& out, const StepError& error);
// An object counts as its members, anything else is one value. The text must be valid JSON.
ResultPtr result_of_json(std::string_view json);
// The keys as an object, or the value.
void append_result(std::string& out, const StepResult& result);

}  // namespace pirn::journal
