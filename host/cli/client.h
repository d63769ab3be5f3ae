// The HTTP API as the commands call it: through the Unix socket of a data directory, or through --server with
// a key.
//
// One thread. Ctrl-C during a call ends the call (interrupted); what a run does is not touched by it.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/cli/command.h"

namespace pirn::cli {

// One server-sent event.
struct ServerEvent {
  std::string id, name, data;
};

class Client {
 public:
  // From --server / PIRN_SERVER, else the socket of --data / PIRN_DATA / the default directory. The key comes
  // from
  // --key-file, PIRN_KEY_FILE or PIRN_KEY; the tenant from --tenant or PIRN_TENANT. Connects with the first
  // call, which is unreachable when the host does not answer within --connect-timeout, PIRN_CONNECT_TIMEOUT
  // or 10 s. What the call itself may take has no limit here.
  static Result<Client> open(const Arguments& arguments);
  Client(Client&&) noexcept;
  ~Client();

  using Headers = std::vector<std::pair<std::string, std::string>>;
  // Path and query, escaped (see path()). The answer's JSON; a problem becomes its Error. unreachable,
  // bad_answer.
  Result<boost::json::value> call(std::string_view method, const std::string& path,
                                  const std::string& body = {}, const Headers& headers = {});
  // A body of bytes, with progress (sent, total).
  Result<boost::json::value> upload(const std::string& path, std::string_view bytes,
                                    const std::function<void(uint64_t, uint64_t)>& progress);

  enum class StreamEnd : uint8_t { done, lost, timed_out, interrupted };
  // Reads events until `on_event` returns false (done), the connection ends (lost), `deadline_ms` of the
  // steady clock (0: none) has come, or Ctrl-C.
  Result<StreamEnd> stream(const std::string& path, const std::string& last_event_id, int64_t deadline_ms,
                           const std::function<bool(const ServerEvent&)>& on_event);

  const std::string& tenant() const;
  // What a person adds to a suggested command so that it reaches the same host and tenant: " --tenant acme".
  std::string context_options() const;

 private:
  struct State;
  explicit Client(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// "/v1/executions/" + escaped segments, in turn.
std::string path(std::initializer_list<std::string_view> segments);
std::string escape(std::string_view text);
// Appends "?name=value" or "&name=value"; nothing for an empty value.
void add_query(std::string& path, std::string_view name, std::string_view value);

// Ctrl-C and SIGTERM, from the first call on, only set a flag.
void catch_interrupts();
bool interrupted();
int64_t steady_ms();

// --data, PIRN_DATA, or the default: $XDG_STATE_HOME/pirn, ~/.local/state/pirn, for root /var/lib/pirn.
std::string data_directory(const Arguments& arguments);

}  // namespace pirn::cli
