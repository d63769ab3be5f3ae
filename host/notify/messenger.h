// How a notice leaves the host: a webhook or a command of the operator. Blocks its caller, with a limit,
// until stop(). A command inherits no descriptors of the host and none of its secrets (packager/process).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "packager/error/error.h"

namespace pirn::notify {

class Messenger {
 public:
  virtual ~Messenger() = default;
  // Delivers a JSON document. `id` is the same for each attempt at one notice.
  virtual Status deliver(const std::string& id, const std::string& json) = 0;
  virtual std::string name() const = 0;
  // Any thread: the host ends. A delivery that is under way is broken off and fails, as do all later ones.
  virtual void stop() = 0;
};

// POST as application/json with the header Idempotency-Key; any 2xx is a success. No redirects.
std::unique_ptr<Messenger> webhook(std::string url, int64_t limit_ms = 10'000);
// The document on the standard input of a program, its id in PIRN_NOTICE_ID; exit code 0 is a success. A
// program that takes too long is killed with its process group.
std::unique_ptr<Messenger> command(std::vector<std::string> words, int64_t limit_ms = 30'000);

}  // namespace pirn::notify
