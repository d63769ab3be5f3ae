// Accepts connections at one address, for as long as the server runs. Each listener has a timer of its own:
// one whose accept fails tries again by itself, whatever happens to the other one.
//
// When the process has no descriptor left, a connection that only waits is closed for the new one; if there
// is none, the new one stays in the kernel's queue until a descriptor is free. Private to host/api.
//
// Thread: the network thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <string>

namespace pirn::api {

template <class Protocol>
class Listener {
 public:
  using Socket = typename Protocol::socket;
  struct Calls {
    std::function<void(Socket)> welcome;
    std::function<bool()> make_room;        // closes something; false: there is nothing to close
    std::function<void(std::string)> note;  // for the operator
  };
  static constexpr std::chrono::milliseconds kRetry{100};
  // Failures are noted at most so often.
  static constexpr std::chrono::seconds kNoteEvery{60};

  Listener(boost::asio::io_context& io, Calls calls) : acceptor_(io), retry_(io), calls_(std::move(calls)) {}

  // Opened, bound and listening before start().
  typename Protocol::acceptor& acceptor() { return acceptor_; }
  const typename Protocol::acceptor& acceptor() const { return acceptor_; }

  // `where`: the address, for notes.
  void start(std::string where) {
    where_ = std::move(where);
    accept();
  }
  void stop() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    retry_.cancel(ignored);
  }

 private:
  using Clock = std::chrono::steady_clock;

  void accept() {
    acceptor_.async_accept([this](boost::system::error_code error, Socket socket) {
      if (error == boost::asio::error::operation_aborted || !acceptor_.is_open()) return;
      if (error) return failed(error);
      if (std::exchange(noted_, false)) calls_.note("accepting connections on " + where_ + " again");
      calls_.welcome(std::move(socket));
      accept();
    });
  }

  void failed(const boost::system::error_code& error) {
    const auto now = Clock::now();
    if (!noted_ && now >= next_note_) {
      noted_ = true;
      next_note_ = now + kNoteEvery;
      calls_.note("cannot accept connections on " + where_ + ": " + error.message() +
                  "; trying again every 100 ms");
    }
    const bool no_descriptors = error == boost::asio::error::no_descriptors ||
                                error == boost::system::errc::too_many_files_open_in_system;
    if (no_descriptors && calls_.make_room()) return accept();
    retry_.expires_after(kRetry);
    retry_.async_wait([this](boost::system::error_code cancelled) {
      if (!cancelled) accept();
    });
  }

  typename Protocol::acceptor acceptor_;
  boost::asio::steady_timer retry_;
  const Calls calls_;
  std::string where_;
  bool noted_ = false;  // that it fails, and not yet that it works again
  Clock::time_point next_note_;
};

}  // namespace pirn::api
