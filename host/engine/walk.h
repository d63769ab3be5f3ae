// Commands that go over many executions or dead letters. In a turn they look at so many executions together
// and no more; what is left is done in the next turns, tenants by turns, and between them the engine does
// what others ask.
#pragma once

#include <variant>
#include <vector>

#include "host/engine/command.h"

namespace pirn::engine {

struct Listing {
  ListOpen command;
  std::vector<ExecutionSummary> found;
};
struct AwaitedListing {
  ListAwaiting command;
  std::vector<AwaitingStep> found;
};
struct Cancelling {
  CancelAll command;
  ExecutionId newest;  // when it began: what is started meanwhile is left alone
  std::vector<ExecutionId> found;
};

struct Retrying {
  RetryDeadLetters command;
  std::vector<ExecutionId> letters;  // that fitted when it began, oldest first
  std::vector<RetryResult> found;    // of the first of them
};

struct Walk {
  std::variant<Listing, AwaitedListing, Cancelling, Retrying> what;
  uint32_t tenant;
  ExecutionId at;  // what it has looked at last; zero: nothing yet
};

}  // namespace pirn::engine
