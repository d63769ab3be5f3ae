#include "host/api/listener.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <vector>

namespace pirn::api {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using local = asio::local::stream_protocol;

// No descriptor is free while it lives.
class OutOfDescriptors {
 public:
  OutOfDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const int lowest_free = dup(0);
    close(lowest_free);
    rlimit none = before_;
    none.rlim_cur = static_cast<rlim_t>(lowest_free);
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  }
  ~OutOfDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

// Both kinds of listeners in one loop, and a client of each.
struct Both {
  Both() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pirn-listen-XXXXXX").string();
    directory = mkdtemp(pattern.data());
    on_tcp.acceptor().open(tcp::v4());
    on_tcp.acceptor().bind({asio::ip::address_v4::loopback(), 0});
    on_tcp.acceptor().listen();
    on_local.acceptor().open();
    on_local.acceptor().bind(directory + "/sock");
    on_local.acceptor().listen();
    tcp_client.open(tcp::v4());
    local_client.open();
  }
  ~Both() { std::filesystem::remove_all(directory); }

  void start() {
    on_tcp.start("tcp");
    on_local.start("local");
  }
  void connect() {
    tcp_client.connect(on_tcp.acceptor().local_endpoint());
    local_client.connect(on_local.acceptor().local_endpoint());
  }
  template <class Done>
  void run_until(Done done) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!done() && std::chrono::steady_clock::now() < limit) io.run_one_for(std::chrono::seconds(1));
    EXPECT_TRUE(done());
  }
  template <class Protocol>
  typename Listener<Protocol>::Calls calls(std::vector<typename Protocol::socket>& accepted) {
    return {[&](typename Protocol::socket socket) { accepted.push_back(std::move(socket)); },
            [this] { return make_room && make_room(); }, [this](std::string what) { notes.push_back(what); }};
  }

  asio::io_context io;
  std::string directory;
  std::function<bool()> make_room;
  std::vector<std::string> notes;
  std::vector<tcp::socket> tcp_accepted;
  std::vector<local::socket> local_accepted;
  Listener<tcp> on_tcp{io, calls<tcp>(tcp_accepted)};
  Listener<local> on_local{io, calls<local>(local_accepted)};
  tcp::socket tcp_client{io};
  local::socket local_client{io};
};

TEST(Listener, EachAcceptsAgainAfterDescriptorsHaveRunOut) {
  Both both;
  both.start();
  {
    const OutOfDescriptors none;
    both.connect();
    both.run_until([&] { return both.notes.size() == 2; });
    // Each tries again and fails again; it is said once.
    both.io.run_for(3 * Listener<tcp>::kRetry);
    EXPECT_EQ(both.notes.size(), 2u);
    for (const std::string& note : both.notes)
      EXPECT_NE(note.find("Too many open files"), std::string::npos) << note;
    EXPECT_TRUE(both.tcp_accepted.empty() && both.local_accepted.empty());
  }
  both.run_until([&] { return both.tcp_accepted.size() == 1 && both.local_accepted.size() == 1; });
  ASSERT_EQ(both.notes.size(), 4u);
  const std::set<std::string> ends(both.notes.begin() + 2, both.notes.end());
  EXPECT_EQ(ends, (std::set<std::string>{"accepting connections on tcp again",
                                         "accepting connections on local again"}));
}

TEST(Listener, ClosesWhatOnlyWaitsForANewConnection) {
  Both both;
  int spare[2] = {dup(0), dup(0)};
  both.make_room = [&] {
    int& last = spare[1] >= 0 ? spare[1] : spare[0];
    if (last < 0) return false;
    close(std::exchange(last, -1));
    return true;
  };
  both.start();
  const OutOfDescriptors none;
  both.connect();
  both.run_until([&] { return both.tcp_accepted.size() == 1 && both.local_accepted.size() == 1; });
}

}  // namespace
}  // namespace pirn::api
