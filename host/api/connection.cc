#include "host/api/connection.h"

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <chrono>

#include "host/api/document.h"
#include "host/api/pool.h"
#include "packager/json/plain_text.h"

namespace pirn::api {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr uint32_t kHeaderLimit = 16 * 1024;
constexpr std::chrono::seconds kKeepAliveTime{15};
// Requests larger than this are parsed on the pool, whatever their route does then.
constexpr size_t kInlineBody = 64 * 1024;

// %41 and +; nullopt for an escape that is none, and for a NUL.
std::optional<std::string> decode(std::string_view text, bool plus_is_space) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] == '%') {
      if (i + 2 >= text.size() || digit(text[i + 1]) < 0 || digit(text[i + 2]) < 0) return std::nullopt;
      const char c = static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      if (c == '\0') return std::nullopt;
      out += c;
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

Status read_query(std::string_view text, Request& request) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    const auto name = decode(pair.substr(0, equals), true);
    const auto value = decode(equals < pair.size() ? pair.substr(equals + 1) : std::string_view(), true);
    if (!name || !value) return Error{Code::malformed_request, "the query has a broken escape"};
    if (!request.query.emplace(*name, *value).second)
      return Error{Code::malformed_request, "the query has '" + *name + "' twice"};
  }
  return {};
}

bool knows(const Route& route, std::string_view parameter) {
  if (parameter == "tenant") return true;
  std::string_view rest = route.query;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(' '), rest.size());
    if (rest.substr(0, end) == parameter) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

Status check_query(const Route& route, const Request& request) {
  for (const auto& [name, value] : request.query)
    if (!knows(route, name))
      return Error{
          Code::invalid_argument, "this route has no query parameter '" + name + "'",
          route.query.empty() ? "It has none but tenant." : "It has: " + std::string(route.query) + "."};
  return {};
}

// "Application/JSON; charset=utf-8" is application/json. A body without a type is taken for what the route
// takes.
Status check_content_type(const Route& route, std::string_view type, bool has_body) {
  if (!has_body || type.empty()) return {};
  const std::string_view expected = route.admit != nullptr ? "application/octet-stream" : "application/json";
  std::string_view media = type.substr(0, type.find(';'));
  while (media.ends_with(' ')) media.remove_suffix(1);
  if (beast::iequals({media.data(), media.size()}, {expected.data(), expected.size()})) return {};
  return Error{Code::unsupported_media_type,
               "the body is '" + std::string(type) + "'; this route takes " + std::string(expected)};
}

Error error_of(const error_code& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return Error{Code::headers_too_large,
                 "the request's headers are larger than " + std::to_string(kHeaderLimit) + " bytes"};
  if (error == http::error::body_limit)
    return Error{Code::too_large, "the request's body is larger than its route takes"};
  return Error{Code::malformed_request, "the request is no valid HTTP: " + error.message()};
}

Error late_body(std::chrono::milliseconds limit) {
  return Error{Code::request_timeout,
               "the request's body did not arrive within " + std::to_string(limit.count()) + " ms"};
}

bool speaks_http(const error_code& error) {
  return error.category() == make_error_code(http::error::end_of_stream).category();
}

}  // namespace

Connection::Connection(Shared& shared, Socket socket, Door door)
    : shared_(shared), stream_(std::move(socket)), door_(door), timer_(shared.io) {
  ++shared_.connections;
}

Connection::~Connection() {
  release_upload();
  --shared_.connections;
}

void Connection::run() {
  stream_.expires_after(shared_.patience.header);
  read_header();
}

void Connection::close() {
  if (closed_) return;
  closed_ = true;
  error_code ignored;
  timer_.cancel(ignored);
  stream_.socket().shutdown(asio::socket_base::shutdown_both, ignored);
  stream_.close();
}

void Connection::release_upload() { shared_.upload_budget += std::exchange(upload_bytes_, 0); }

// ---- reading
// --------------------------------------------------------------------------------------------------

void Connection::read_header() {
  parser_.emplace();
  parser_->header_limit(kHeaderLimit);
  parser_->body_limit(boost::none);  // checked against the declared length once the route is known
  request_.reset();
  route_ = nullptr;
  head_only_ = false;
  ++exchange_;
  http::async_read_header(stream_, buffer_, *parser_, [self = shared_from_this()](error_code error, size_t) {
    if (self->closed_) return;
    if (!error) return self->on_header();
    if (error == http::error::end_of_stream || !speaks_http(error)) return self->close();
    self->refuse(error_of(error));
  });
}

void Connection::on_header() {
  const auto& message = parser_->get();
  keep_alive_ = message.keep_alive();
  head_only_ = message.method() == http::verb::head;
  request_ = std::make_shared<Request>();
  if (const Status status = let_in(*request_); !status) {
    record_refusal(status.error());
    return refuse(status.error());
  }

  const auto declared = parser_->content_length();
  if (message.chunked() && route_->admit != nullptr)
    return refuse(Error{Code::length_required, "an upload needs the header Content-Length"});
  const uint64_t length = declared ? *declared : 0;
  if (length > route_->body_limit)
    return refuse(Error{Code::too_large, "the body has " + std::to_string(length) +
                                             " bytes; the limit of this route is " +
                                             std::to_string(route_->body_limit)});
  const bool has_body = length != 0 || message.chunked();
  if (const Status type = check_content_type(*route_, request_->header("content-type"), has_body); !type)
    return refuse(type.error());
  parser_->body_limit(route_->body_limit);
  stream_.expires_never();  // the time of the body is another timer's, whose end leaves the stream open
  body_time_ = shared_.patience.time_for(length);
  if (route_->admit != nullptr) return admit_body(length);
  read_body();
}

// Everything that is decided before the body: who, for whom, whether, what.
Status Connection::let_in(Request& request) {
  const auto& message = parser_->get();
  request.method = std::string(message.method_string());
  for (const auto& field : message) {
    std::string name(field.name_string());
    for (char& c : name) c = lower_letter(c);
    // Fields that decide something must not be there twice.
    if (!request.headers.emplace(name, std::string(field.value())).second &&
        (name == "authorization" || name == "host" || name == "origin" || name == "pirn-tenant" ||
         name == "idempotency-key"))
      return Error{Code::malformed_request, "the header '" + name + "' is there twice"};
  }
  if (door_ == Door::network) {
    PIRN_DO(check_host(request.header("host"), shared_.hosts));
    PIRN_DO(check_origin(request.header("origin"), request.header("host")));
  }
  const std::string_view target(message.target().data(), message.target().size());
  const size_t question = std::min(target.find('?'), target.size());
  const auto path = decode(target.substr(0, question), false);
  if (!path) return Error{Code::malformed_request, "the path has a broken escape"};
  request.path = *path;
  if (question < target.size()) PIRN_DO(read_query(target.substr(question + 1), request));

  const Result<Match> found = match(request.method, request.path);
  const bool open = found && found->route->scope == Scope::open;
  if (!open) {
    // Who is asking comes before what is there: a stranger learns nothing of the routes.
    PIRN_TRY(request.principal,
             identify(door_, request.header("authorization"), shared_.services.registry, now_ms()));
  }
  if (!found) return found.error();
  route_ = found->route;
  request.params = found->params;
  const std::string_view by_query = request.parameter("tenant"), by_header = request.header("pirn-tenant");
  if (!by_query.empty() && !by_header.empty() && by_query != by_header)
    return Error{Code::invalid_argument, "the query and the header Pirn-Tenant name different tenants"};
  PIRN_TRY(request.tenant, admit(*route_, request.principal, by_query.empty() ? by_header : by_query));
  PIRN_DO(check_query(*route_, request));
  return {};
}

// A change that somebody known may not make leaves a record of it, as those do that the registry refuses.
void Connection::record_refusal(const Error& error) {
  if (route_ == nullptr || route_->method == "GET" || route_->scope == Scope::open) return;
  shared_.services.pool.offer(
      [&registry = shared_.services.registry, request = request_, route = route_, error] {
        const registry::Principal& who = request->principal;
        // Should the record fail, the registry is broken and says so at the next change; the refusal stands.
        (void)registry.record_refusal(who, who.tenant,
                                      std::string(route->method) + " " + std::string(route->path),
                                      request->path, error, now_ms());
      });
}

void Connection::admit_body(uint64_t length) {
  upload_bytes_ = static_cast<int64_t>(length);
  if (shared_.upload_budget.fetch_sub(upload_bytes_) < upload_bytes_)
    return refuse(Error{Code::busy, "too many uploads are under way"});
  const bool offered = shared_.services.pool.offer([self = shared_from_this(), length] {
    Status status = self->route_->admit(self->shared_.services, *self->request_, length);
    asio::post(self->shared_.io, [self, status = std::move(status)] {
      if (self->closed_) return;
      if (!status) return self->refuse(status.error());
      self->read_body();
    });
  });
  if (!offered) refuse(Error{Code::busy, "too much work waits"});
}

void Connection::read_body() {
  limit_body_time(body_time_);
  const auto read = [self = shared_from_this()] {
    http::async_read(self->stream_, self->buffer_, *self->parser_, [self](error_code error, size_t) {
      if (self->closed_) return;
      if (std::exchange(self->body_late_, false)) return self->refuse(late_body(self->body_time_));
      error_code ignored;
      self->timer_.cancel(ignored);
      if (!error) return self->dispatch();
      if (!speaks_http(error)) return self->close();
      self->refuse(error_of(error));
    });
  };
  if (request_->header("expect") != "100-continue" || parser_->is_done()) return read();
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(stream_, asio::buffer(kContinue),
                    [self = shared_from_this(), read](error_code error, size_t) {
                      if (error && !self->body_late_) return self->close();
                      read();
                    });
}

// Who stalls within a body is told so: what ends his reading must leave the connection able to answer.
void Connection::limit_body_time(std::chrono::milliseconds limit) {
  body_late_ = false;
  timer_.expires_after(limit);
  timer_.async_wait([weak = weak_from_this(), exchange = exchange_](error_code error) {
    const auto self = weak.lock();
    if (error || !self || self->closed_ || exchange != self->exchange_ || self->parser_->is_done()) return;
    self->body_late_ = true;
    self->stream_.cancel();
  });
}

// ---- answering
// ------------------------------------------------------------------------------------------------

void Connection::dispatch() {
  request_->body = std::move(parser_->get().body());
  stream_.expires_never();
  RequestPtr request = request_;
  const Services& services = shared_.services;
  const Route* route = route_;
  Respond respond = responder();
  if (route->begin != nullptr && request->body.size() <= kInlineBody)
    return route->begin(services, std::move(request), std::move(respond));
  const bool offered = services.pool.offer([&services, route, request, respond] {
    if (route->begin != nullptr) return route->begin(services, request, respond);
    // The operator may name any tenant; whether there is such a one is asked here, once for all routes.
    if (route->scope == Scope::tenant || (route->scope == Scope::tenant_or_host && !request->tenant.empty()))
      if (const auto tenant = services.registry.tenant(request->tenant); !tenant)
        return respond(problem(tenant.error()));
    respond(route->answer(services, *request));
  });
  if (!offered) respond(problem(Error{Code::busy, "too much work waits"}));
}

Respond Connection::responder() {
  return [self = shared_from_this(), exchange = exchange_](Response response) {
    asio::post(self->shared_.io, [self, exchange, response = std::move(response)]() mutable {
      if (self->closed_ || exchange != self->exchange_) return;
      self->send(std::move(response));
    });
  };
}

void Connection::refuse(const Error& error) {
  // The body that was not read would be taken for the next request.
  keep_alive_ = false;
  Response response = problem(error);
  if (error.code == Code::method_not_allowed)
    response.headers.emplace_back("Allow", methods_of(request_->path));
  send(std::move(response));
}

void Connection::send(Response answer) {
  release_upload();
  if (answer.stream) return send_stream(std::move(answer));
  response_.emplace(static_cast<http::status>(answer.status), 11);
  response_->set(http::field::content_type, answer.content_type);
  response_->set(http::field::server, "pirn");
  response_->set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : answer.headers) response_->set(name, value);
  response_->keep_alive(keep_alive_);
  response_->body() = std::move(answer.body);
  response_->prepare_payload();
  if (head_only_) response_->body().clear();
  stream_.expires_after(shared_.patience.time_for(response_->body().size()));
  http::async_write(stream_, *response_, [self = shared_from_this()](error_code error, size_t) {
    self->response_.reset();
    if (error || !self->keep_alive_) return self->close();
    self->stream_.expires_after(self->shared_.patience.idle);
    self->read_header();
  });
}

// ---- streaming
// ------------------------------------------------------------------------------------------------

void Connection::send_stream(Response answer) {
  body_stream_ = std::move(answer.stream);
  stream_header_.emplace(static_cast<http::status>(answer.status), 11);
  stream_header_->set(http::field::content_type, answer.content_type);
  stream_header_->set(http::field::server, "pirn");
  for (const auto& [name, value] : answer.headers) stream_header_->set(name, value);
  stream_header_->keep_alive(false);
  stream_header_->chunked(true);
  stream_serializer_.emplace(*stream_header_);
  stream_.expires_after(shared_.patience.transfer);
  http::async_write_header(stream_, *stream_serializer_,
                           [self = shared_from_this()](error_code error, size_t) {
                             if (error || self->head_only_) return self->close();
                             self->stream_.expires_never();
                             self->watch_for_hang_up();
                             self->pull();
                             self->keep_alive_later();
                           });
}

void Connection::pull() {
  // The sink may be kept for as long as nothing happens; it must not keep the connection.
  body_stream_->next([weak = weak_from_this(), &io = shared_.io](std::string piece) {
    asio::post(io, [weak, piece = std::move(piece)]() mutable {
      const auto self = weak.lock();
      if (!self || self->closed_) return;
      if (self->writing_) {  // a keep-alive is under way
        self->waiting_piece_ = std::move(piece);
        return;
      }
      self->send_piece(std::move(piece));
    });
  });
}

void Connection::send_piece(std::string piece) {
  writing_ = true;
  if (piece.empty()) {
    stream_.expires_after(shared_.patience.transfer);
    asio::async_write(stream_, http::make_chunk_last(),
                      [self = shared_from_this()](error_code, size_t) { self->close(); });
    return;
  }
  auto owned = std::make_shared<std::string>(std::move(piece));
  stream_.expires_after(shared_.patience.time_for(owned->size()));
  asio::async_write(stream_, http::make_chunk(asio::buffer(*owned)),
                    [self = shared_from_this(), owned](error_code error, size_t) {
                      self->writing_ = false;
                      if (error) return self->close();
                      self->pull();
                    });
}

// A watcher sends nothing; what comes is its hang-up.
void Connection::watch_for_hang_up() {
  stream_.async_read_some(asio::buffer(&hang_up_byte_, 1),
                          [self = shared_from_this()](error_code error, size_t) {
                            if (error) return self->close();
                            self->watch_for_hang_up();
                          });
}

// A comment now and then shows both sides, and what stands between, that the other is there.
void Connection::keep_alive_later() {
  timer_.expires_after(kKeepAliveTime);
  timer_.async_wait([weak = weak_from_this()](error_code error) {
    const auto self = weak.lock();
    if (error || !self || self->closed_) return;
    self->keep_alive_later();
    if (self->writing_) return;
    self->writing_ = true;
    static constexpr std::string_view kComment = ":\n\n";
    self->stream_.expires_after(self->shared_.patience.transfer);
    asio::async_write(self->stream_, http::make_chunk(asio::buffer(kComment)),
                      [self](error_code failed, size_t) {
                        self->writing_ = false;
                        if (failed) return self->close();
                        if (auto piece = std::exchange(self->waiting_piece_, std::nullopt))
                          self->send_piece(std::move(*piece));
                      });
  });
}

}  // namespace pirn::api
