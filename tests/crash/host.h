// A real host as a child process, to be killed. Not a test kit: it starts the program that users start.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

namespace pirn::crash {

// Runs a program to its end, with no standard input; what it wrote to both outputs. Aborts the campaign with
// the output when the exit code is not 0.
std::string run(const std::vector<std::string>& arguments);

class Host {
 public:
  // `pirn`: the program. `directory`: holds the data directory and the log of all lives.
  Host(std::string pirn, std::string directory);
  ~Host();  // kills what is left
  Host(const Host&) = delete;

  const std::string& program() const { return pirn_; }
  std::string data() const { return directory_ + "/data"; }
  std::string socket() const { return data() + "/pirn.sock"; }
  std::string log() const { return directory_ + "/host.log"; }

  void start();
  // false: not ready in that time. Aborts the campaign when the process has ended by itself.
  bool wait_ready(std::chrono::milliseconds limit);
  void strike();           // SIGKILL. Any thread, between start() and kill()
  void kill();             // SIGKILL, and waits for its end
  void stop_gracefully();  // SIGTERM; aborts the campaign unless it ends with exit code 0

 private:
  const std::string pirn_, directory_;
  pid_t process_ = -1;
};

// Prints why and exits with 1: whatever a campaign cannot go on with.
[[noreturn]] void give_up(const std::string& why);

}  // namespace pirn::crash
