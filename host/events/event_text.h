// From the text of commits to what clients read. A commit's body is
//   {"at":<ns>,"events":[{"seq":1,"type":"workflow.create",…},…]}
// (host/journal/codec.h), and each of its events is shown verbatim, with the commit's number and instant put
// in front: {"at":<ns>,"commit":<n>,"seq":1,"type":…}. Finding them takes one pass over the text and no tree.
//
// Pure functions: any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "packager/error/error.h"
#include "registry/ids.h"

namespace pirn::events {

struct EventView {
  uint64_t seq = 0;
  std::string_view type;
  std::string_view text;  // the whole object as the journal has it
  int64_t at = 0;         // of its commit
};
// Calls `visit` for each event in order. An error (internal) means that the text is not a commit's body.
Status for_each_event(std::string_view body, const std::function<void(const EventView&)>& visit);

// The JSON of a member of a JSON object; empty when it is absent or null.
std::string member(std::string_view object, std::string_view key);

// Appends the event as clients see it.
void append_event(std::string& out, const EventView& event, uint32_t commit_no);

// How far a client has read: the id of an event in a stream, "SEQ" or "SEQ.LINE".
struct Position {
  uint64_t seq = 0;   // of the journal's last event
  uint64_t line = 0;  // the number of the logbook's last line
};
void append_position(std::string& out, Position position);
// invalid_argument: the text is no position.
Result<Position> parse_position(std::string_view text);

// Writes the frames of a server-sent event stream, one execution's. It remembers what it has written, so that
// commits may be offered twice (once from the store, once live) and are written once.
class EventStream {
 public:
  // `after`: what the client has (Last-Event-ID).
  EventStream(ExecutionId id, Position after) : id_(id), at_(after) {}

  // Behind the last event of an execution stands the sentinel `end`.
  Status commit(std::string& out, uint32_t commit_no, std::string_view body);
  // A message that the logbook keeps under the number `line` moves the position and is written once; others
  // (0) have no id, and are not repeated after a reconnection.
  void live(std::string& out, std::string_view name, std::string_view object, uint64_t line = 0);
  // Tells that `lost` items were dropped: reconnecting with the last id reads them from the journal.
  void gap(std::string& out, uint64_t lost) const;

  uint32_t last_commit() const { return commit_; }
  Position position() const { return at_; }
  bool ended() const { return ended_; }

 private:
  void end(std::string& out, std::string_view stop_event, uint32_t commit_no);

  const ExecutionId id_;
  Position at_;          // of what was written last
  uint32_t commit_ = 0;  // the last one seen
  std::string error_;    // JSON of workflow.fail's error; empty: none
  bool ended_ = false;
};

}  // namespace pirn::events
