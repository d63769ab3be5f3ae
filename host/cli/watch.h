// Following one execution until it ends: through breaks of the connection and restarts of the host.
#pragma once

#include <boost/json/fwd.hpp>
#include <memory>
#include <string>

#include "host/cli/client.h"
#include "host/cli/terminal.h"

namespace pirn::cli {

// What a watcher shows while it lasts. One thread.
class Display {
 public:
  virtual ~Display() = default;
  // The execution as `run show` has it, at the beginning.
  virtual void begin(const boost::json::object& execution) = 0;
  // Each event of the stream, in order.
  virtual void event(const ServerEvent& event) = 0;
  virtual void end() = 0;
};
std::unique_ptr<Display> show_nothing();
// A table of steps that is rewritten in place; only for a terminal.
std::unique_ptr<Display> show_table();
// One line an event, on standard error.
std::unique_ptr<Display> show_lines();
// One JSON object an event, on standard output.
std::unique_ptr<Display> show_jsonl();

// Follows until the execution has ended: the end of it is in the returned `run show` object. `deadline_ms`:
// of steady_ms(), 0: none. wait_timed_out; on Ctrl-C a value without `ended_at`, after a note on how to come
// back.
Result<boost::json::value> follow(Client& client, const std::string& id, int64_t deadline_ms,
                                  Display& display);

// "12:00:05.123  step.start  fetch  attempt 1"
std::string event_line(const boost::json::object& event, std::string_view name);

// "12:00:05.123  warn   fetch  attempt 2  the server is slow"
// Of the tenant's own journal: day and time, what happened, to what.
std::string tenant_event_line(const boost::json::object& event);
std::string log_line(const boost::json::object& line);

// `run show` for a person: head, steps, error.
void print_execution(const boost::json::object& execution, Format format);

// 0: completed, 7: ended otherwise, 130: not ended (detached).
int exit_code_of(const boost::json::object& execution);

}  // namespace pirn::cli
