// JSON text of a tenant's own stream. A body has the form of an execution's commit (codec.h):
// {"at":<ns>,"events":[{"seq":1,"type":"schedule.fire",…},…]}, begun and ended by the same functions.
//
// Any thread; no state.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "host/journal/tenant_state.h"
#include "host/journal/text_writer.h"

namespace pirn::journal {

// Between begin_body() and end_body(). `first`: no event stands before it.
void append_tenant_event(TextWriter& out, bool first, uint64_t seq, const TenantRecord& record);

struct TenantCommit {
  int64_t at = 0;
  uint64_t first_seq = 0;
  std::vector<TenantRecord> records;  // record i has seq first_seq + i
};
// Decodes a body of any schema up to kTenantSchema. Error: journal_corrupt.
Result<TenantCommit> decode_tenant_commit(std::string_view body, uint32_t schema);

// What the store keeps of an event under its id: {"event":…,"executions":[…]}.
void append_event_row(TextWriter& out, const EventEmitted& event);
Result<EventEmitted> decode_event_row(std::string_view text);

// A whole state as one JSON object, for the projection row.
void append_tenant_state(TextWriter& out, const TenantState& state);
Result<TenantState> decode_tenant_state(std::string_view text);

}  // namespace pirn::journal
