// A host whose every answer is made of what an attacker would write: for the tests of what commands print.
#pragma once

#include <atomic>
#include <string>
#include <thread>

namespace pirn::cli {

// Obeyed by terminals, hidden, turned around, and a line that must not be taken for one of ours.
inline const std::string kHostile =
    "evil\x1b]0;x\x07\r\x7f\xc2\x9b\xe2\x80\xae\xe2\x81\xa6\xe2\x80\x8b\nfake: line";

class FakeHost {
 public:
  enum class Mood : unsigned char { answers, refuses, babbles };

  // Listens on a Unix socket until it is destroyed. Answers the routes that commands use, whatever they ask.
  FakeHost(const std::string& socket, Mood mood);
  ~FakeHost();
  FakeHost(const FakeHost&) = delete;

 private:
  void serve();
  void converse(int connection) const;

  const Mood mood_;
  const int listening_;
  std::thread thread_;
};

}  // namespace pirn::cli
