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
// `names` are the step names by index. `first`: no event stands before it.
void append_event(TextWriter& out, bool first, uint64_t seq, const Record& record,
                  std::span<const std::string> names);
void end_body(TextWriter& out);

struct Commit {
  int64_t at = 0;
  uint64_t first_seq = 0;
  std::vector<Record> records;  // record i has seq first_seq + i
};
// Decodes a body of any schema up to kSchema.
Result<Commit> decode_commit(std::string_view body, uint32_t schema);

// A whole state as one JSON object, for the projection row: everything that the engine continues from, the
// step names, and, when given, the folded context.
void append_state(TextWriter& out, const ExecutionState& state, std::span<const std::string> names,
                  std::string_view context_json);

struct DecodedState {
  ExecutionState state;
  std::vector<std::string> step_names;
  std::string context;  // JSON object; empty: not stored
};
// `known`: an origin that it probably has, too, and then shares; may be null.
Result<DecodedState> decode_state(std::string_view text, const OriginPtr& known = nullptr);

void append_error(std::string& out, const StepError& error);
// An object counts as its members, anything else is one value. The text must be valid JSON.
ResultPtr result_of_json(std::string_view json);
// The keys as an object, or the value.
void append_result(std::string& out, const StepResult& result);

}  // namespace pirn::journal
