// One connection: requests one after the other, each let in, routed and answered. Private to host/api; the
// only other file that sees Asio is server.cc.
//
// Thread: the network thread. Answers come from any thread and are posted to it.
#pragma once

#include <array>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "host/api/body_budget.h"
#include "host/api/chunked_body.h"
#include "host/api/client_timeouts.h"
#include "host/api/connection_table.h"
#include "host/api/gate.h"
#include "host/api/head.h"
#include "host/api/request_pool.h"
#include "host/api/route.h"

namespace pirn::api {

// What all connections of a server share.
struct Shared {
  const Services& services;
  boost::asio::io_context& io;
  const ClientTimeouts timeouts;
  std::vector<std::string> hosts;  // names that a Host header may have
  BodyBudget budget;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Socket =
      boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, boost::asio::any_io_executor>;

  Connection(Shared& shared, Socket socket, Door door);
  ~Connection();

  // Reads requests until there are no more. `peer`: the address it comes from, of TCP (connection_table.h);
  // wrong API keys are counted for it.
  void run(const std::string& peer);
  void close();
  // The id of the API key of the request under way; empty: none.
  std::string_view key_in_use() const { return key_id_; }
  // That key is good no longer. What was admitted is still answered, and nothing follows; a stream ends.
  void end_key();

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::empty_body>;

  // Reading.
  void await_request();
  void continue_head();
  void on_head(size_t size);
  Status read_head(std::string_view head);
  bool hold_back();
  void admit_head();
  Status let_in(Request& request);
  Status take_headers(Request& request);
  Status identify_caller(Request& request);
  void note_key(std::string_view token, const Result<registry::Principal>& caller);
  Status check_body() const;
  void record_refusal(const Error& error);
  void admit_upload();
  void begin_body();
  void continue_body();
  Status take_body();
  Status charge_body();
  void watch_body_deadline();
  void read_some(size_t wish, std::function<void()> then);
  bool stranger() const { return door_ == Door::network && !known_; }

  void dispatch();
  // Answers for the request that is under way; any thread. Holds `admission` until its last copy is gone.
  Respond responder(Admission admission);

  // Before the body was read: answers and closes. `retry_after_ms` not 0: what the answer says of it.
  void refuse(const Error& error, int64_t retry_after_ms = 0);
  void send(Response response);
  void send_stream(Response response);
  void pull();
  void send_piece(std::string piece);  // an empty one ends the stream
  void drop_unwanted(size_t limit);
  void keep_alive_later();
  void release_body();
  void linger();
  void end_with_key();

  Shared& shared_;
  boost::beast::basic_stream<boost::asio::generic::stream_protocol> stream_;
  const Door door_;
  std::string peer_;  // the address that wrong API keys are counted for; "local" for the Unix socket
  ConnectionTable::Id id_ = 0;
  bool known_ = false;  // a request of it has authenticated

  // Bytes that were read and not used yet: the only buffer of a request but its body.
  boost::beast::flat_buffer buffer_;
  HeadScan scan_;
  std::optional<Parser> parser_;
  Framing framing_;
  std::shared_ptr<Request> request_;
  const Route* route_ = nullptr;
  bool keep_alive_ = false, head_only_ = false, refused_ = false;
  uint64_t exchange_ = 0;  // an answer of an earlier one is dropped
  bool closed_ = false;

  // The body under way.
  uint64_t body_left_ = 0;  // bytes, when it is not chunked
  std::optional<ChunkedBody> chunks_;
  std::string caller_;    // who authenticated last: a tenant; empty: the operator
  uint64_t charged_ = 0;  // of the budget, for the body under way or for its answer
  BodyDeadline deadline_;
  bool body_late_ = false;
  bool dispatched_ = false;        // the request under way was handed to its route
  std::string key_id_;             // of the request under way; empty: none
  int64_t key_expires_at_ms_ = 0;  // 0: never
  bool key_ended_ = false;

  // While an answer is written.
  std::optional<boost::beast::http::response<boost::beast::http::string_body>> response_;
  std::optional<boost::beast::http::response<boost::beast::http::empty_body>> stream_header_;
  std::optional<boost::beast::http::response_serializer<boost::beast::http::empty_body>> stream_serializer_;
  std::shared_ptr<Stream> body_stream_;
  std::optional<std::string> waiting_piece_;  // came while a keep-alive was written
  bool writing_ = false;
  boost::asio::steady_timer timer_;
  size_t unwanted_bytes_ = 0;  // that a watcher has sent, or somebody who was refused
  std::array<char, 256> unwanted_;
  std::optional<boost::asio::steady_timer> key_timer_;  // of a stream whose key expires
};

}  // namespace pirn::api
