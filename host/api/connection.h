// One connection: requests one after the other, each let in, routed and answered. Private to host/api; the
// only other file that sees Asio is server.cc.
//
// Thread: the network thread. Answers come from any thread and are posted to it.
#pragma once

#include <atomic>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <memory>
#include <optional>
#include <string>

#include "host/api/gate.h"
#include "host/api/patience.h"
#include "host/api/route.h"

namespace pirn::api {

// What all connections of a server share.
struct Shared {
  const Services& services;
  boost::asio::io_context& io;
  const Patience patience;
  std::vector<std::string> hosts;  // names that a Host header may have
  // The last reference to a connection may be dropped on any thread.
  std::atomic<int64_t> upload_budget;  // bytes that may still be taken by uploads
  std::atomic<size_t> connections{0};
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Socket =
      boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, boost::asio::any_io_executor>;

  Connection(Shared& shared, Socket socket, Door door);
  ~Connection();

  void run();
  void close();

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  void read_header();
  void on_header();
  Status let_in(Request& request);
  void record_refusal(const Error& error);
  void admit_body(uint64_t length);
  void read_body();
  void limit_body_time(std::chrono::milliseconds limit);
  void dispatch();
  // Answers for the request that is under way; any thread.
  Respond responder();

  void refuse(const Error& error);  // before the body was read: answers and closes
  void send(Response response);
  void send_stream(Response response);
  void pull();
  void send_piece(std::string piece);  // an empty one ends the stream
  void watch_for_hang_up();
  void keep_alive_later();
  void release_upload();

  Shared& shared_;
  boost::beast::basic_stream<boost::asio::generic::stream_protocol> stream_;
  const Door door_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  std::shared_ptr<Request> request_;
  const Route* route_ = nullptr;
  bool keep_alive_ = false, head_only_ = false;
  int64_t upload_bytes_ = 0;  // of the budget, held by the request under way
  uint64_t exchange_ = 0;     // an answer of an earlier one is dropped
  bool closed_ = false;
  std::chrono::milliseconds body_time_{0};  // for the body of the request under way
  bool body_late_ = false;                  // it did not come within that

  // While an answer is written.
  std::optional<boost::beast::http::response<boost::beast::http::string_body>> response_;
  std::optional<boost::beast::http::response<boost::beast::http::empty_body>> stream_header_;
  std::optional<boost::beast::http::response_serializer<boost::beast::http::empty_body>> stream_serializer_;
  std::shared_ptr<Stream> body_stream_;
  std::optional<std::string> waiting_piece_;  // came while a keep-alive was written
  bool writing_ = false;
  boost::asio::steady_timer timer_;
  char hang_up_byte_ = 0;
};

}  // namespace pirn::api
