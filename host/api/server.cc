#include "host/api/server.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <charconv>
#include <cstring>
#include <thread>

#include "host/api/connection.h"
#include "host/api/document.h"
#include "host/api/listener.h"
#include "host/api/request_pool.h"
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
  const Error wrong{Code::invalid_argument, "'" + text + "' is not an address to listen on",
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

// One peer, for limits and for wrong keys: an IPv4 address, or the /64 of an IPv6 one, of which a customer
// has all.
std::string peer_of(const asio::ip::address& address) {
  if (!address.is_v6()) return address.to_string();
  const asio::ip::address_v6 v6 = address.to_v6();
  if (v6.is_v4_mapped()) return asio::ip::make_address_v4(asio::ip::v4_mapped, v6).to_string();
  if (v6.is_loopback()) return v6.to_string();
  asio::ip::address_v6::bytes_type bytes = v6.to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), 0);
  return asio::ip::address_v6(bytes).to_string() + "/64";
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
        shared_{services, io_, options.timeouts, lower(options.allow_hosts),
                BodyBudget(options.max_body_bytes, options.max_body_bytes / 2)},
        tcp_(io_, calls<tcp>([this](tcp::socket socket) { welcome(std::move(socket)); })),
        local_(io_, calls<local>([this](local::socket socket) { welcome(std::move(socket)); })),
        summaries_(io_) {}

  Status open() {
    if (!options_.socket_path.empty()) PIRN_DO(open_local());
    if (!options_.listen.empty()) PIRN_DO(open_tcp());
    if (local_.acceptor().is_open()) local_.start(options_.socket_path);
    if (tcp_.acceptor().is_open()) tcp_.start(address());
    record_summaries_later();
    // Before the first request: a key that is revoked from now on must not be missed.
    shared_.services.registry.watch_keys(
        [this](const std::string& key) { asio::post(io_, [this, key] { end_key(key); }); });
    thread_ = std::thread([this] { io_.run(); });
    return {};
  }

  void stop() {
    if (!thread_.joinable()) return;
    // While it is bound no other file can have its inode.
    remove_own_socket();
    shared_.services.registry.watch_keys(nullptr);
    asio::post(io_, [this] {
      error_code ignored;
      summaries_.cancel(ignored);
      local_.stop();
      tcp_.stop();
      shared_.services.connections.close_all();
      work_.reset();
    });
    // Closed connections may still be named by answers under way; the thread does not wait for those.
    thread_.join();
  }

  std::string address() const {
    if (!tcp_.acceptor().is_open()) return {};
    error_code ignored;
    const tcp::endpoint endpoint = tcp_.acceptor().local_endpoint(ignored);
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
    auto& acceptor = local_.acceptor();
    acceptor.open(local(), error);
    if (!error) close_on_exec(acceptor);
    const mode_t mask = ::umask(0177);
    if (!error) acceptor.bind(local::endpoint(path), error);
    ::umask(mask);
    if (!error && ::lstat(path.c_str(), &own_socket_) != 0)
      error.assign(errno, boost::system::system_category());
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    return error ? Status(cannot_listen(path, error.message())) : Status();
  }

  // Where the lock of the data directory was removed, another host may have put its own socket there.
  void remove_own_socket() const {
    const std::string& path = options_.socket_path;
    struct stat found {};
    if (!path.empty() && ::lstat(path.c_str(), &found) == 0 && found.st_dev == own_socket_.st_dev &&
        found.st_ino == own_socket_.st_ino)
      ::unlink(path.c_str());
  }

  Status open_tcp() {
    PIRN_TRY(const tcp::endpoint endpoint, parse_endpoint(options_.listen));
    error_code error;
    auto& acceptor = tcp_.acceptor();
    acceptor.open(endpoint.protocol(), error);
    if (!error) close_on_exec(acceptor);
    if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) return cannot_listen(options_.listen, error.message());
    for (const char* name : {"localhost", "127.0.0.1", "[::1]"}) shared_.hosts.emplace_back(name);
    if (!endpoint.address().is_unspecified()) shared_.hosts.push_back(host_of(endpoint));
    return {};
  }

  template <class Protocol, class Welcome>
  typename Listener<Protocol>::Calls calls(Welcome welcome) {
    return {std::move(welcome), [this] { return shared_.services.connections.make_room(); },
            [this](const std::string& what) {
              if (options_.note) options_.note(what);
            }};
  }

  void welcome(tcp::socket socket) {
    close_on_exec(socket);
    error_code gone;
    socket.set_option(tcp::no_delay(true), gone);
    const tcp::endpoint peer = socket.remote_endpoint(gone);
    if (gone) return;
    begin(Connection::Socket(std::move(socket)), Door::network, peer_of(peer.address()));
  }
  void welcome(local::socket socket) {
    close_on_exec(socket);
    if (!is_operator(socket.native_handle())) return;
    begin(Connection::Socket(std::move(socket)), Door::local, {});
  }
  void begin(Connection::Socket socket, Door door, const std::string& peer) {
    const auto connection = std::make_shared<Connection>(shared_, std::move(socket), door);
    remember(connection);
    connection->run(peer);
  }

  // Refusals that were only counted become records when their window is over.
  void record_summaries_later() {
    summaries_.expires_after(std::chrono::seconds(10));
    summaries_.async_wait([this](error_code cancelled) {
      if (cancelled) return;
      registry::Registry& registry = shared_.services.registry;
      const int64_t now = now_ms();
      // What fails, or finds the pool full, is done by the next refusal that is recorded.
      if (registry.refusals_due_ms() <= now)
        shared_.services.pool.offer({Lane::refusals, std::string(kNobody)},
                                    [&registry, now] { (void)registry.record_counted(now); });
      record_summaries_later();
    });
  }

  // What is under way with a key that was revoked.
  void end_key(const std::string& key) {
    for (const auto& weak : open_)
      if (const auto connection = weak.lock(); connection && connection->key_in_use() == key)
        connection->end_key();
  }

  // Those that are gone are swept when as many may be gone as are there.
  void remember(const std::shared_ptr<Connection>& connection) {
    if (open_.size() >= sweep_at_) {
      std::erase_if(open_, [](const auto& weak) { return weak.expired(); });
      sweep_at_ = 2 * open_.size() + 16;
    }
    open_.push_back(connection);
  }

  const ServerOptions options_;
  struct stat own_socket_ {};  // the file of the Unix socket, once it is bound
  Shared shared_;              // outlives io_, whose end destroys the connections that unsent answers name
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  Listener<tcp> tcp_;
  Listener<local> local_;
  asio::steady_timer summaries_;
  std::vector<std::weak_ptr<Connection>> open_;  // with some that are gone
  size_t sweep_at_ = 16;
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
