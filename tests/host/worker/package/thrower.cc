// A package that throws.
#include <pirn/pirn.hpp>
#include <stdexcept>

namespace {

// Not inlined, so that the stack has a frame for each.
[[gnu::noinline]] void inner(int n) {
  if (n > 0) throw std::runtime_error("thrown by inner");
}
[[gnu::noinline]] int outer(int n) {
  inner(n);
  return n + 1;
}

struct ThrowsAtItsEnd {
  ~ThrowsAtItsEnd() {
    try {
      outer(1);
    } catch (const std::exception&) {
    }
  }
};

PIRN_STEP(throws) { return pirn::ok({{"n", outer(1)}}); }
PIRN_STEP(throws_while_unwinding) {
  const ThrowsAtItsEnd at_end;
  throw pirn::Error("typed", "with details", pirn::terminal, pirn::json::object({{"order", 7}}));
}
PIRN_STEP(throws_list) { throw pirn::Error("typed", "", pirn::terminal, pirn::json::array({1})); }
PIRN_STEP(fails) {
  try {
    outer(1);
  } catch (const std::exception&) {
  }
  return pirn::fail("plain", "an answer, no exception");
}

PIRN_WORKFLOW(throwing, throws, throws_while_unwinding, throws_list, fails)

}  // namespace

PIRN_PACKAGE("thrower", "1.0.0", throwing)
