// JSON text of commits and of whole states.
//
// Encoding is on the hot path and writes by hand; decoding happens at recovery and uses Boost.JSON. A body is
//   {"at":<ns>,"events":[{"seq":1,"type":"workflow.create",…},…]}
// Its events are what clients of the API see, verbatim: one format, written once. Rejected: a binary body, smaller
// and faster, but opaque to the operator's SQL.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "host/journal/record.h"
#include "host/journal/state.h"

namespace pirn::journal {

// Appends one event. `names` are the step names by index.
void append_event(std::string& out, uint64_t seq, const Record& record, std::span<const std::string> names);

struct Commit {
  int64_t at = 0;
  uint64_t first_seq = 0;
  std::vector<Record> records;
};
// Decodes a body of any schema up to kSchema.
Result<Commit> decode_commit(std::string_view body, uint32_t schema);

// The whole state as one JSON object, for the projection row; decode(encode(s)) == s for everything that the
// engine continues from.
void append_state(std::string& out, const ExecutionState& state, std::span<const std::string> names);
Result<ExecutionState> decode_state(std::string_view text);

void append_error(std::string& out, const StepError& error);
// A slot: the map as an object, or {"value":v}.
void append_result(std::string& out, const StepResult& result);

}  // namespace pirn::journal
