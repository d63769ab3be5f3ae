#include "host/api/connection.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <chrono>

#include "host/api/document.h"
#include "host/api/names.h"
#include "host/api/refusal_record.h"
#include "host/api/request_pool.h"
#include "host/api/target.h"
#include "host/api/wrong_keys.h"
#include "host/journal/value.h"
#include "packager/json/plain_text.h"
#include "registry/token.h"

namespace pirn::api {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::chrono::seconds kKeepAliveTime{15};
// Requests larger than this are parsed on the pool, in turn, whatever their route does then: the network
// thread is everybody's.
constexpr size_t kInlineBody = 4 * 1024;
// Of bytes that were read and not used yet: a head, and what a client sends ahead.
constexpr size_t kBufferLimit = 32 * 1024;
static_assert(kBufferLimit > kHeadLimit);
constexpr size_t kReadAtOnce = 512;  // at least; a buffer that has grown is filled
// Bodies up to this size are not charged to the budget: the number of connections bounds them. Larger ones
// are charged in steps.
constexpr uint64_t kFreeBody = 16 * 1024, kChargeStep = 256 * 1024;
// What a refused client still sends is read and dropped for so long, and so much of it.
constexpr std::chrono::seconds kLingerTime{1};
constexpr size_t kLingerBytes = 1024 * 1024;
// A watcher has nothing to say.
constexpr size_t kWatcherBytes = 4096;
constexpr size_t kAuditedPath = 256;

// Fields that decide something must not be there twice.
bool is_single(std::string_view name) {
  static constexpr std::string_view kSingle[] = {"authorization",   "content-type",  "expect", "host",
                                                 "idempotency-key", "last-event-id", "origin", "pirn-tenant"};
  return std::find(std::begin(kSingle), std::end(kSingle), name) != std::end(kSingle);
}

std::string_view view(const beast::flat_buffer& buffer) {
  return {static_cast<const char*>(buffer.data().data()), buffer.size()};
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

std::string owner_text(const QueueKey& queue) {
  if (queue.owner == kNobody) return "callers without a key";
  return queue.owner.empty() ? "the operator" : "the tenant '" + queue.owner + "'";
}

Error too_much_of(const QueueKey& queue) {
  return Error{Code::busy, "too many requests of " + owner_text(queue) + " wait in the lane " +
                               std::string(name(queue.lane))};
}

// The key in a header Authorization; empty when it is of another kind.
std::string_view token_in(std::string_view authorization) {
  const size_t space = std::min(authorization.find(' '), authorization.size());
  authorization.remove_prefix(space);
  while (authorization.starts_with(' ')) authorization.remove_prefix(1);
  return authorization;
}

// The public id of the key that a token names; empty when there is no such key.
std::string key_named_by(std::string_view token, const registry::Registry& registry) {
  const Result<registry::Token> parsed = registry::parse_token(token);
  return parsed && registry.has_key(parsed->id) ? parsed->id : std::string();
}

// Whether a request is for a route that never looks at keys.
bool is_for_everybody(std::string_view method, std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  const auto all = routes();
  if (std::none_of(all.begin(), all.end(),
                   [&](const Route& each) { return each.scope == Scope::open && each.path == path; }))
    return false;
  const Result<Match> found = match(method, path);
  return found && found->route->scope == Scope::open;
}

Error late_body(const ClientTimeouts& timeouts) {
  return Error{Code::request_timeout, "the request's body does not arrive fast enough: at least " +
                                          std::to_string(timeouts.min_rate) +
                                          " bytes a second after the first " +
                                          std::to_string(timeouts.transfer.count()) + " ms"};
}

}  // namespace

Connection::Connection(Shared& shared, Socket socket, Door door)
    : shared_(shared), stream_(std::move(socket)), door_(door), buffer_(kBufferLimit), timer_(shared.io) {}

Connection::~Connection() {
  release_body();
  shared_.services.connections.remove(id_);
}

void Connection::run(const std::string& peer) {
  peer_ = door_ == Door::local ? "local" : peer;
  id_ = shared_.services.connections.open(door_, peer, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->close();
  });
  if (id_ == 0) return close();
  await_request();
}

void Connection::close() {
  if (closed_) return;
  closed_ = true;
  error_code ignored;
  timer_.cancel(ignored);
  if (key_timer_) key_timer_->cancel(ignored);
  stream_.socket().shutdown(asio::socket_base::shutdown_both, ignored);
  stream_.close();
  shared_.services.connections.remove(id_);
}

// The last reference to a connection may be dropped on any thread.
void Connection::release_body() { shared_.budget.give_back(caller_, std::exchange(charged_, 0)); }

// ---- reading
// --------------------------------------------------------------------------------------------------

void Connection::await_request() {
  shared_.services.connections.set(id_, ConnectionTable::Activity::idle);
  parser_.reset();
  scan_ = {};
  chunks_.reset();
  request_.reset();
  route_ = nullptr;
  head_only_ = false;
  dispatched_ = false;
  key_id_.clear();
  key_expires_at_ms_ = 0;
  // A new client has its request at hand.
  const bool may_rest = ++exchange_ > 1 && buffer_.size() == 0;
  if (may_rest) buffer_.shrink_to_fit();
  const ClientTimeouts& timeouts = shared_.timeouts;
  stream_.expires_after(stranger() ? timeouts.stranger : may_rest ? timeouts.idle : timeouts.header);
  continue_head();
}

void Connection::continue_head() {
  const size_t before = buffer_.size();
  const Result<size_t> size = scan_.look(view(buffer_));
  if (!size) return refuse(size.error());
  if (*size != 0) return on_head(*size);
  read_some(kReadAtOnce, [this, before] {
    // What counts from the first byte on is the time of the header, however steadily it drips.
    if (before == 0 && !stranger() && exchange_ > 1) stream_.expires_after(shared_.timeouts.header);
    continue_head();
  });
}

// `then` runs when there is more in the buffer; it may use `this`.
void Connection::read_some(size_t wish, std::function<void()> then) {
  const size_t room = buffer_.max_size() - buffer_.size();
  const size_t size = std::min(room, std::max(wish, buffer_.capacity() - buffer_.size()));
  stream_.async_read_some(buffer_.prepare(size), [self = shared_from_this(), then = std::move(then)](
                                                     error_code error, size_t bytes) {
    if (self->closed_) return;
    self->buffer_.commit(bytes);
    if (std::exchange(self->body_late_, false)) return self->refuse(late_body(self->shared_.timeouts));
    if (error) return self->close();
    then();
  });
}

void Connection::on_head(size_t size) {
  shared_.services.connections.set(id_, ConnectionTable::Activity::request);
  request_ = std::make_shared<Request>();
  const Status read = read_head(view(buffer_).substr(0, size));
  buffer_.consume(size);
  if (!read) return refuse(read.error());
  if (!hold_back()) admit_head();
}

// True when this request has to wait, or was refused, since too many wrong keys came from its address.
bool Connection::hold_back() {
  const auto authorization = parser_->get()[http::field::authorization];
  if (door_ != Door::network || authorization.empty()) return false;
  const auto method = parser_->get().method_string(), target = parser_->get().target();
  if (is_for_everybody({method.data(), method.size()}, {target.data(), target.size()})) return false;
  WrongKeys& wrong_keys = shared_.services.wrong_keys;
  const std::string key =
      key_named_by(token_in({authorization.data(), authorization.size()}), shared_.services.registry);
  const WrongKeys::Advice advice = wrong_keys.ask(peer_, key, now_ms());
  if (advice.retry_after_ms != 0) {
    refuse(Error{Code::too_many_wrong_keys,
                 "too many wrong API keys came from " + peer_ + (key.empty() ? "" : " for the key " + key)},
           advice.retry_after_ms);
    return true;
  }
  if (advice.hold_ms == 0) return false;
  stream_.expires_never();
  timer_.expires_after(std::chrono::milliseconds(advice.hold_ms));
  timer_.async_wait([self = shared_from_this(), key](error_code error) {
    self->shared_.services.wrong_keys.go_on(self->peer_, key);
    if (error || self->closed_) return;
    self->admit_head();
  });
  return true;
}

void Connection::admit_head() {
  if (const Status status = let_in(*request_); !status) {
    record_refusal(status.error());
    return refuse(status.error());
  }
  if (const Status status = check_body(); !status) return refuse(status.error());
  stream_.expires_never();  // the time of the body is another timer's, whose end leaves the stream open
  if (route_->admit != nullptr) return admit_upload();
  begin_body();
}

Status Connection::read_head(std::string_view head) {
  PIRN_TRY(framing_, check_head(head));
  parser_.emplace();
  parser_->header_limit(kHeadLimit);
  parser_->body_limit(boost::none);  // the body is not Beast's
  error_code error;
  parser_->put(asio::buffer(head), error);
  if (error) return Error{Code::malformed_request, "the request is not valid HTTP: " + error.message()};
  keep_alive_ = parser_->get().keep_alive();
  head_only_ = parser_->get().method() == http::verb::head;
  return {};
}

Status Connection::take_headers(Request& request) {
  const auto& message = parser_->get();
  request.method = std::string(message.method_string());
  for (const auto& field : message) {
    std::string name(field.name_string());
    for (char& c : name) c = lower_letter(c);
    const auto [at, fresh] = request.headers.emplace(std::move(name), std::string(field.value()));
    if (!fresh && is_single(at->first))
      return Error{Code::malformed_request, "the header '" + at->first + "' is there twice"};
    if (is_single(at->first) && !journal::valid_utf8(at->second))
      return Error{Code::malformed_request, "the header '" + at->first + "' is not UTF-8"};
  }
  return {};
}

// Everything that is decided before the body: who, for whom, whether, what.
Status Connection::let_in(Request& request) {
  PIRN_DO(take_headers(request));
  if (door_ == Door::network) {
    PIRN_DO(check_host(request.header("host"), shared_.hosts));
    PIRN_DO(check_origin(request.header("origin"), request.header("host")));
  }
  const std::string_view target(parser_->get().target().data(), parser_->get().target().size());
  const size_t question = std::min(target.find('?'), target.size());
  request.path = std::string(target.substr(0, question));
  if (question < target.size()) {
    PIRN_TRY(request.query, read_query(target.substr(question + 1)));
  }

  const Result<Match> found = match(request.method, request.path);
  if (!found && found.error().code == Code::malformed_request) return found.error();
  const bool open = found && found->route->scope == Scope::open;
  // Who is asking comes before what is there: a stranger learns nothing of the routes.
  if (!open) PIRN_DO(identify_caller(request));
  if (!found) return found.error();
  route_ = found->route;
  request.params = found->params;
  request.queue = {route_->lane, open ? std::string(kNobody) : request.principal.tenant, route_->path};
  PIRN_DO(check_query_names(request.query));
  const std::string_view by_header = request.header("pirn-tenant");
  if (!by_header.empty()) PIRN_DO(check_named("tenant", by_header));
  PIRN_DO(check_path_names(route_->path, request.params));
  PIRN_TRY(const std::string tenant, named_tenant(route_->path, request));
  PIRN_TRY(request.tenant, admit(*route_, request.principal, tenant));
  remove_tenants(route_->path, request);
  PIRN_DO(check_query(*route_, request));
  return {};
}

Status Connection::identify_caller(Request& request) {
  const std::string_view authorization = request.header("authorization");
  Result<registry::Principal> caller = identify(door_, authorization, shared_.services.registry, now_ms());
  if (!authorization.empty()) note_key(token_in(authorization), caller);
  PIRN_TRY(request.principal, std::move(caller));
  if (!shared_.services.connections.authenticate(id_, request.principal.tenant))
    return Error{Code::busy, "the caller has too many connections open"};
  known_ = true;
  caller_ = request.principal.tenant;
  key_id_ = request.principal.key_id;
  key_expires_at_ms_ = request.principal.expires_at_ms;
  return {};
}

// A wrong key counts for its address, or for that key from there, and leaves a record.
void Connection::note_key(std::string_view token, const Result<registry::Principal>& caller) {
  if (caller) return;
  const int64_t now = now_ms();
  shared_.services.wrong_keys.was_wrong(peer_, key_named_by(token, shared_.services.registry), now);
  auto record = shared_.services.registry.admit_wrong_key(token, peer_, caller.error(), now);
  if (record)
    write_later(shared_.services.pool, {Lane::refusals, std::string(kNobody)}, shared_.services.registry,
                std::move(*record));
}

// What can be said about the body before any of it is read.
Status Connection::check_body() const {
  if (framing_.chunked && route_->admit != nullptr)
    return Error{Code::length_required, "an upload needs the header Content-Length"};
  const bool has_body = framing_.chunked || framing_.length != 0;
  const uint64_t limit = route_->largest_body();
  if (has_body && limit == 0) return Error{Code::too_large, "this route takes no body"};
  if (framing_.length > limit)
    return Error{Code::too_large, "the body has " + std::to_string(framing_.length) +
                                      " bytes; the limit of this route is " + std::to_string(limit)};
  return check_content_type(*route_, request_->header("content-type"), has_body);
}

// A change that somebody known may not make leaves a record of it, as those do that the registry refuses.
// Whoever is refused faster than that can be written has them counted, and delays nobody.
void Connection::record_refusal(const Error& error) {
  if (route_ == nullptr || route_->method == "GET" || route_->scope == Scope::open) return;
  auto record = shared_.services.registry.admit_refusal(
      request_->principal, std::string(route_->method) + " " + std::string(route_->path),
      request_->path.substr(0, kAuditedPath), error, now_ms());
  if (record)
    write_later(shared_.services.pool, {Lane::refusals, request_->principal.tenant},
                shared_.services.registry, std::move(*record));
}

void Connection::admit_upload() {
  const QueueKey queue{Lane::reads, request_->principal.tenant};
  const bool offered =
      shared_.services.pool.offer(queue, [self = shared_from_this(), length = framing_.length] {
        Status status = self->route_->admit(self->shared_.services, *self->request_, length);
        asio::post(self->shared_.io, [self, status = std::move(status)] {
          if (self->closed_) return;
          if (!status) return self->refuse(status.error());
          self->begin_body();
        });
      });
  if (!offered) refuse(too_much_of(queue));
}

void Connection::begin_body() {
  body_left_ = framing_.length;
  if (framing_.chunked) chunks_.emplace(route_->largest_body());
  body_late_ = false;
  deadline_ = BodyDeadline(shared_.timeouts, BodyDeadline::Clock::now());
  const bool has_body = framing_.chunked || framing_.length != 0;
  if (!has_body) return dispatch();
  watch_body_deadline();
  const std::string_view expected = request_->header("expect");
  const bool asks = beast::iequals({expected.data(), expected.size()}, "100-continue");
  if (!asks || buffer_.size() != 0 || parser_->get().version() < 11) return continue_body();
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(stream_, asio::buffer(kContinue), [self = shared_from_this()](error_code error, size_t) {
    if (self->closed_) return;
    if (std::exchange(self->body_late_, false)) return self->close();  // a part of an answer is on its way
    if (error) return self->close();
    self->continue_body();
  });
}

void Connection::continue_body() {
  if (const Status status = take_body(); !status) return refuse(status.error());
  if (chunks_ ? !chunks_->done() : body_left_ != 0) {
    const uint64_t wish =
        chunks_ ? kReadAtOnce * 8 : std::clamp<uint64_t>(body_left_, kReadAtOnce, kBufferLimit);
    return read_some(static_cast<size_t>(wish), [this] { continue_body(); });
  }
  error_code ignored;
  timer_.cancel(ignored);
  dispatch();
}

// What has come of the body, from the buffer into the request.
Status Connection::take_body() {
  const std::string_view bytes = view(buffer_);
  std::string& body = request_->body;
  // Room for more than has come, so that a large body is not copied often; it is not touched until it comes.
  const uint64_t most = chunks_ ? route_->largest_body() : framing_.length;
  if (body.capacity() < body.size() + bytes.size())
    body.reserve(static_cast<size_t>(std::min<uint64_t>(most, 4 * (body.size() + bytes.size()))));
  size_t used = 0;
  if (chunks_) {
    PIRN_TRY(used, chunks_->take(bytes, body));
  } else {
    used = static_cast<size_t>(std::min<uint64_t>(body_left_, bytes.size()));
    body.append(bytes.substr(0, used));
    body_left_ -= used;
  }
  buffer_.consume(used);
  deadline_.arrived(used, BodyDeadline::Clock::now());
  return charge_body();
}

Status Connection::charge_body() {
  const uint64_t size = request_->body.size();
  if (size <= std::max(charged_, kFreeBody)) return {};
  const uint64_t charge = (size + kChargeStep - 1) / kChargeStep * kChargeStep;
  PIRN_DO(shared_.budget.take(caller_, charge - charged_));
  charged_ = charge;
  return {};
}

// Who stalls within a body is told so: what ends his reading must leave the connection able to answer.
void Connection::watch_body_deadline() {
  timer_.expires_at(deadline_.at());
  timer_.async_wait([weak = weak_from_this(), exchange = exchange_](error_code error) {
    const auto self = weak.lock();
    if (error || !self || self->closed_ || exchange != self->exchange_) return;
    // It was queued already when the timer was cancelled.
    if (self->dispatched_ || self->refused_) return;
    if (self->deadline_.at() > BodyDeadline::Clock::now()) return self->watch_body_deadline();
    self->body_late_ = true;
    self->stream_.cancel();
  });
}

// ---- answering
// ------------------------------------------------------------------------------------------------

void Connection::dispatch() {
  // The body may have taken its time.
  if (const Status good = shared_.services.registry.check_in_force(request_->principal, now_ms()); !good)
    return refuse(good.error());
  dispatched_ = true;
  parser_.reset();
  stream_.expires_never();
  RequestPtr request = request_;
  const Services& services = shared_.services;
  const Route* route = route_;
  Admission admission;
  if (route->scope != Scope::open && !(admission = services.pool.admit(request->queue.owner)))
    return responder(nullptr)(problem(Error{Code::busy, "as many requests of " + owner_text(request->queue) +
                                                            " are under way as may be at once"}));
  Respond respond = responder(std::move(admission));
  if (route->begin != nullptr && request->body.size() <= kInlineBody)
    return route->begin(services, std::move(request), std::move(respond));
  const bool offered = services.pool.offer(request->queue, [&services, route, request, respond] {
    if (route->begin != nullptr) return route->begin(services, request, respond);
    // The operator may name any tenant; whether there is such a one is asked here, once for all routes.
    if (route->scope == Scope::tenant || (route->scope == Scope::tenant_or_host && !request->tenant.empty()))
      if (const auto tenant = services.registry.tenant(request->tenant); !tenant)
        return respond(problem(tenant.error()));
    respond(route->answer(services, *request));
  });
  if (!offered) respond(problem(too_much_of(request->queue)));
}

Respond Connection::responder(Admission admission) {
  return
      [self = shared_from_this(), exchange = exchange_, admission = std::move(admission)](Response response) {
        asio::post(self->shared_.io, [self, exchange, response = std::move(response)]() mutable {
          if (self->closed_ || exchange != self->exchange_) return;
          self->send(std::move(response));
        });
      };
}

void Connection::refuse(const Error& error, int64_t retry_after_ms) {
  // What was not read of the body would be taken for the next request.
  keep_alive_ = false;
  refused_ = true;
  error_code ignored;
  timer_.cancel(ignored);
  Response response = problem(error);
  if (retry_after_ms != 0) {
    std::erase_if(response.headers, [](const auto& header) { return header.first == "Retry-After"; });
    response.headers.emplace_back("Retry-After", std::to_string((retry_after_ms + 999) / 1000));
  }
  if (error.code == Code::method_not_allowed)
    response.headers.emplace_back("Allow", methods_of(request_->path));
  send(std::move(response));
}

void Connection::send(Response answer) {
  request_.reset();
  release_body();
  if (answer.stream) return send_stream(std::move(answer));
  // A client that does not read holds its answer.
  if (answer.body.size() > kFreeBody) {
    if (const Status room = shared_.budget.take(caller_, answer.body.size()); room)
      charged_ = answer.body.size();
    else
      answer = problem(room.error());
  }
  response_.emplace(static_cast<http::status>(answer.status), 11);
  response_->set(http::field::content_type, answer.content_type);
  response_->set(http::field::server, "pirn");
  response_->set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : answer.headers) response_->set(name, value);
  response_->keep_alive(keep_alive_);
  response_->body() = std::move(answer.body);
  response_->prepare_payload();
  if (head_only_) response_->body().clear();
  const ClientTimeouts& timeouts = shared_.timeouts;
  stream_.expires_after(stranger() ? timeouts.stranger : timeouts.time_for(response_->body().size()));
  http::async_write(stream_, *response_, [self = shared_from_this()](error_code error, size_t) {
    if (self->closed_) return;
    self->response_.reset();
    self->release_body();
    if (error) return self->close();
    if (self->refused_) return self->linger();
    if (!self->keep_alive_) return self->close();
    self->await_request();
  });
}

// Closing a connection with bytes that were not read resets it, and the reset may overtake the answer.
void Connection::linger() {
  error_code error;
  stream_.socket().shutdown(asio::socket_base::shutdown_send, error);
  if (error) return close();
  shared_.services.connections.set(id_, ConnectionTable::Activity::idle);
  buffer_.clear();
  buffer_.shrink_to_fit();
  stream_.expires_after(kLingerTime);
  drop_unwanted(kLingerBytes);
}

// Reads what nobody asked for, until the other side closes, has sent `limit` bytes, or its time is over.
void Connection::drop_unwanted(size_t limit) {
  stream_.async_read_some(asio::buffer(unwanted_),
                          [self = shared_from_this(), limit](error_code error, size_t bytes) {
                            if (error || (self->unwanted_bytes_ += bytes) > limit) return self->close();
                            self->drop_unwanted(limit);
                          });
}

// ---- streaming
// ------------------------------------------------------------------------------------------------

void Connection::end_key() {
  if (closed_) return;
  if (body_stream_ || !dispatched_) return close();
  key_ended_ = true;
  keep_alive_ = false;
}

// A stream lasts no longer than the key that it was opened with.
void Connection::end_with_key() {
  const int64_t expires = key_expires_at_ms_;
  if (expires == 0) return;
  if (!key_timer_) key_timer_.emplace(shared_.io);
  key_timer_->expires_after(std::chrono::milliseconds(std::max<int64_t>(0, expires - now_ms())));
  key_timer_->async_wait([weak = weak_from_this(), expires](error_code error) {
    const auto self = weak.lock();
    if (error || !self || self->closed_) return;
    if (now_ms() >= expires) return self->close();
    self->end_with_key();  // the system's clock was set back
  });
}

void Connection::send_stream(Response answer) {
  if (key_ended_) return close();
  end_with_key();
  shared_.services.connections.set(id_, ConnectionTable::Activity::stream);
  buffer_.clear();
  buffer_.shrink_to_fit();
  body_stream_ = std::move(answer.stream);
  stream_header_.emplace(static_cast<http::status>(answer.status), 11);
  stream_header_->set(http::field::content_type, answer.content_type);
  stream_header_->set(http::field::server, "pirn");
  for (const auto& [name, value] : answer.headers) stream_header_->set(name, value);
  stream_header_->keep_alive(false);
  stream_header_->chunked(true);
  stream_serializer_.emplace(*stream_header_);
  stream_.expires_after(shared_.timeouts.transfer);
  http::async_write_header(stream_, *stream_serializer_,
                           [self = shared_from_this()](error_code error, size_t) {
                             if (error || self->head_only_) return self->close();
                             self->stream_.expires_never();
                             self->drop_unwanted(kWatcherBytes);  // its hang-up is what comes, as a rule
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
    stream_.expires_after(shared_.timeouts.transfer);
    asio::async_write(stream_, http::make_chunk_last(),
                      [self = shared_from_this()](error_code, size_t) { self->close(); });
    return;
  }
  auto owned = std::make_shared<std::string>(std::move(piece));
  stream_.expires_after(shared_.timeouts.time_for(owned->size()));
  asio::async_write(stream_, http::make_chunk(asio::buffer(*owned)),
                    [self = shared_from_this(), owned](error_code error, size_t) {
                      self->writing_ = false;
                      if (error) return self->close();
                      self->pull();
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
    self->stream_.expires_after(self->shared_.timeouts.transfer);
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
