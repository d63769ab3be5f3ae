#include "host/api/server.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <charconv>
#include <cstring>
#include <thread>

#include "host/api/connection.h"
#include "packager/json/plain_text.h"

namespace pirn::api {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using local = asio::local::stream_protocol;

// Only the host's own user and root speak through the Unix socket.
bool is_operator(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == 0 || peer.uid == geteuid();
}

Result<tcp::endpoint> parse_endpoint(const std::string& text) {
  const Error wrong{Code::invalid_argument, "'" + text + "' is no address to listen on",
                    "Give ADDRESS:PORT, such as 127.0.0.1:8320 or [::1]:8320; port 0 takes any free one."};
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return wrong;
  std::string host = text.substr(0, colon);
  if (host == "localhost") host = "127.0.0.1";
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failed] = std::from_chars(text.data() + colon + 1, end, port);
  error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (error || failed != std::errc() || stop != end) return wrong;
  return tcp::endpoint(address, port);
}

std::string host_of(const tcp::endpoint& endpoint) {
  const std::string text = endpoint.address().to_string();
  return endpoint.address().is_v6() ? "[" + text + "]" : text;
}

// Asio leaves its sockets open to programs that the process starts. A program that is started before this is
// called closes them itself (packager/process).
template <class Socket>
void close_on_exec(Socket& socket) {
  ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
}

std::vector<std::string> lower(std::vector<std::string> names) {
  for (std::string& name : names)
    for (char& c : name) c = lower_letter(c);
  return names;
}

Error cannot_listen(const std::string& where, const std::string& why) {
  return Error{Code::listen_failed, "cannot listen on " + where + ": " + why, {}, Blame::world};
}

}  // namespace

class Server::Core {
 public:
  Core(const Services& services, const ServerOptions& options)
      : options_(options),
        shared_{services,
                io_,
                options.patience,
                lower(options.allow_hosts),
                {static_cast<int64_t>(options.max_upload_bytes)}},
        tcp_(io_),
        local_(io_),
        retry_(io_) {}

  Status open() {
    if (!options_.socket_path.empty()) PIRN_DO(open_local());
    if (!options_.listen.empty()) PIRN_DO(open_tcp());
    if (local_.is_open()) accept(local_, Door::local);
    if (tcp_.is_open()) accept(tcp_, Door::network);
    thread_ = std::thread([this] { io_.run(); });
    return {};
  }

  void stop() {
    if (!thread_.joinable()) return;
    asio::post(io_, [this] {
      error_code ignored;
      local_.close(ignored);
      tcp_.close(ignored);
      retry_.cancel(ignored);
      for (const auto& weak : open_)
        if (const auto connection = weak.lock()) connection->close();
      open_.clear();
      work_.reset();
    });
    // Closed connections may still be named by answers under way; the thread does not wait for those.
    thread_.join();
    if (!options_.socket_path.empty()) ::unlink(options_.socket_path.c_str());
  }

  std::string address() const {
    if (!tcp_.is_open()) return {};
    error_code ignored;
    const tcp::endpoint endpoint = tcp_.local_endpoint(ignored);
    return host_of(endpoint) + ":" + std::to_string(endpoint.port());
  }

 private:
  Status open_local() {
    const std::string& path = options_.socket_path;
    if (path.size() >= sizeof(sockaddr_un{}.sun_path))
      return cannot_listen(path, "the path of a Unix socket has at most " +
                                     std::to_string(sizeof(sockaddr_un{}.sun_path) - 1) + " bytes");
    // The data directory is locked by this process, so a socket that is there is a dead one.
    ::unlink(path.c_str());
    error_code error;
    local_.open(local(), error);
    if (!error) close_on_exec(local_);
    const mode_t mask = ::umask(0177);
    if (!error) local_.bind(local::endpoint(path), error);
    ::umask(mask);
    if (!error) local_.listen(asio::socket_base::max_listen_connections, error);
    return error ? Status(cannot_listen(path, error.message())) : Status();
  }

  Status open_tcp() {
    PIRN_TRY(const tcp::endpoint endpoint, parse_endpoint(options_.listen));
    error_code error;
    tcp_.open(endpoint.protocol(), error);
    if (!error) close_on_exec(tcp_);
    if (!error) tcp_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) tcp_.bind(endpoint, error);
    if (!error) tcp_.listen(asio::socket_base::max_listen_connections, error);
    if (error) return cannot_listen(options_.listen, error.message());
    for (const char* name : {"localhost", "127.0.0.1", "[::1]"}) shared_.hosts.emplace_back(name);
    if (!endpoint.address().is_unspecified()) shared_.hosts.push_back(host_of(endpoint));
    return {};
  }

  template <class Acceptor>
  void accept(Acceptor& acceptor, Door door) {
    acceptor.async_accept([this, &acceptor, door](error_code error, auto socket) {
      if (error == asio::error::operation_aborted || !acceptor.is_open()) return;
      if (error) {
        // Out of descriptors, as a rule: what is open has to end first.
        retry_.expires_after(std::chrono::milliseconds(100));
        retry_.async_wait([this, &acceptor, door](error_code cancelled) {
          if (!cancelled) accept(acceptor, door);
        });
        return;
      }
      close_on_exec(socket);
      if (door == Door::network) {
        error_code ignored;
        asio::ip::tcp::no_delay no_delay(true);
        socket.set_option(no_delay, ignored);
      }
      const bool welcome = shared_.connections < options_.max_connections &&
                           (door == Door::network || is_operator(socket.native_handle()));
      if (welcome) {
        auto connection = std::make_shared<Connection>(shared_, Connection::Socket(std::move(socket)), door);
        remember(connection);
        connection->run();
      }
      accept(acceptor, door);
    });
  }

  void remember(const std::shared_ptr<Connection>& connection) {
    // Those that are gone are swept when there are as many as those that are there.
    if (open_.size() > 2 * shared_.connections + 16)
      std::erase_if(open_, [](const auto& weak) { return weak.expired(); });
    open_.push_back(connection);
  }

  const ServerOptions options_;
  Shared shared_;  // outlives io_, whose end destroys the connections that unsent answers name
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  tcp::acceptor tcp_;
  local::acceptor local_;
  asio::steady_timer retry_;
  std::vector<std::weak_ptr<Connection>> open_;
  std::thread thread_;
};

Server::Server(std::unique_ptr<Core> core) : core_(std::move(core)) {}
Server::~Server() { stop(); }

Result<std::unique_ptr<Server>> Server::start(const Services& services, ServerOptions options) {
  auto core = std::make_unique<Core>(services, options);
  PIRN_DO(core->open());
  return std::unique_ptr<Server>(new Server(std::move(core)));
}

std::string Server::address() const { return core_->address(); }
void Server::stop() { core_->stop(); }

}  // namespace pirn::api
