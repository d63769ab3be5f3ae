// What sinks get: one envelope for everything that is told of an execution,
//   {"type":"node|diagnostic|llm","scope":…,"message":…,"timestamp":RFC 3339,"metadata":{…}}
// node: of a step, and what task code emitted; llm: pieces of streams; diagnostic: all else, and last of all
// the sentinel that ends a run. The timestamp is that of the event, not that of its writing.
//
// Pure functions and values: any thread.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "host/events/event_text.h"

namespace pirn::events {

// The scope of what ends a stream: of a run's sentinel, and of the last piece of a step's stream.
inline constexpr std::string_view kStreamEnd = "__pirn_stream_end__";

struct Envelope {
  std::string type, scope, message;
  int64_t at = 0;  // ns since 1970
  boost::json::object metadata;

  std::string json() const;
};

// Of which execution, whose, and of what.
struct Source {
  ExecutionId execution;
  std::string tenant, package, workflow;
};

// An event of the journal. `event`: as the journal has it.
Envelope envelope_of(const Source& source, const EventView& event, uint32_t commit_no);
// A piece of a stream, or another live message, as watchers get it.
Envelope envelope_of_live(const Source& source, std::string_view name, std::string_view object);
// The sentinel behind workflow.stop. `error`: the JSON of workflow.fail's error; empty: none.
Envelope end_of_stream(const Source& source, const EventView& stop, uint32_t commit_no,
                       std::string_view error);

// Whether a list of wishes holds this name: "step.*", "workflow.stop", "node", "*"; an empty list wants all.
bool wanted(const std::vector<std::string>& wishes, std::string_view name);

// All that there is to be wished for: the types of an execution's events, its live messages, its end.
const std::vector<std::string>& event_names();
// invalid_argument: no event fits the wish.
Status check_wish(const std::string& wish);

}  // namespace pirn::events
