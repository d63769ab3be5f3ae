// The package of the end-to-end tests. One of its steps waits at a gate: it writes a line into a FIFO that the
// test reads ("I am here"), then reads a line from another FIFO ("go on"), so that no test has to guess how
// long anything takes.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <pirn/pirn.hpp>
#include <string>

using namespace pirn::literals;

namespace {

// A static variable of this library: each loaded release has its own.
int calls_of_this_release = 0;

// Opens a FIFO without blocking for ever: the other side comes when the test is ready, or the step is
// cancelled.
int open_fifo(pirn::Context& ctx, const std::string& path, int flags) {
  while (!ctx.cancelled()) {
    const int fifo = open(path.c_str(), flags | O_NONBLOCK | O_CLOEXEC);
    if (fifo >= 0) return fifo;
    poll(nullptr, 0, 5);
  }
  return -1;
}

// Rings at `arrived` and waits for `go`, both of the input; at once without them.
void stand_at_gate(pirn::Context& ctx) {
  const std::string arrived = ctx.get_or<std::string>("arrived", ""), go = ctx.get_or<std::string>("go", "");
  if (arrived.empty()) return;
  const int bell = open_fifo(ctx, arrived, O_WRONLY);
  if (bell >= 0) {
    (void)!write(bell, "here\n", 5);
    close(bell);
  }
  const int fifo = open_fifo(ctx, go, O_RDONLY);
  char byte = 0;
  while (fifo >= 0 && !ctx.cancelled() && read(fifo, &byte, 1) <= 0) poll(nullptr, 0, 5);
  if (fifo >= 0) close(fifo);
}

}  // namespace

PIRN_STEP(hello) {
  ctx.info("hello from " PIRN_PACKAGE_VERSION);
  return pirn::ok(
      {{"first", std::string(PIRN_PACKAGE_VERSION)}, {"calls", int64_t{++calls_of_this_release}}});
}
PIRN_STEP(wait_at_gate, {.after = hello}) {
  stand_at_gate(ctx);
  if (ctx.cancelled()) return pirn::cancelled("asked to");
  return pirn::ok({});
}
PIRN_STEP(goodbye, {.after = wait_at_gate}) {
  return pirn::ok({{"last", std::string(PIRN_PACKAGE_VERSION)}});
}
PIRN_WORKFLOW(gate, hello, wait_at_gate, goodbye)

// Fires on Christmas Eve, so that no test meets it by accident; tests trigger it, or fill in earlier years.
PIRN_WORKFLOW(nightly,
              {.schedule = pirn::Schedule{.cron = {"0 6 24 12 *"}, .timezone = "Europe/Berlin"},
               .on_event = {"gate.opened", "gate.closed"}},
              hello)

PIRN_STEP(break_down, {.max_retries = 0}) { return pirn::fail("broken", "it was made to break"); }
PIRN_STEP(never, {.after = break_down}) { return pirn::ok({}); }
PIRN_WORKFLOW(broken, break_down, never)

// Speaks before the gate and behind it. It fails once, so that there are two attempts.
PIRN_STEP(narrate, {.max_retries = 1, .retry_delay = 1_ms}) {
  ctx.debug("attempt " + std::to_string(ctx.attempt()));
  if (ctx.attempt() == 1) return pirn::fail("stage_fright", "the words are gone");
  ctx.stream("Once ");
  ctx.stream("upon ");
  stand_at_gate(ctx);
  ctx.stream("a time", true);
  ctx.warn("that was all");
  ctx.emit("chapter", "the first", {{"words", int64_t{4}}});
  return pirn::ok({});
}
PIRN_WORKFLOW(story, narrate)

// Says more than anybody can read at once.
PIRN_STEP(babble) {
  stand_at_gate(ctx);
  for (int i = 1; i <= 5000; ++i) ctx.stream(std::to_string(i) + std::string(1000, '.'), i == 5000);
  return pirn::ok({});
}
PIRN_WORKFLOW(flood, babble)

// Logs more than anybody can read at once, and what no terminal should get.
PIRN_STEP(chat) {
  stand_at_gate(ctx);
  for (int i = 1; i <= 20'000; ++i) ctx.info("line " + std::to_string(i) + std::string(200, '.'));
  ctx.warn("evil \x1b[2J \x7f\xc2\x9b\xe2\x80\xae");
  return pirn::ok({{"ev\x1bil\x7f", std::string("\x1b]0;x\x07\xc2\x9b\xe2\x80\xae")}});
}
PIRN_WORKFLOW(chatter, chat)

// Neither returns nor listens: its thread is lost.
PIRN_STEP(hang, {.timeout = 20_ms, .max_retries = 0}) {
  while (ctx.attempt() > 0) poll(nullptr, 0, -1);
  return pirn::ok({});
}
PIRN_WORKFLOW(stuck, hang)

PIRN_STEP(ask) { return pirn::await({.notify = "the boss", .approvers = {"ada"}, .timeout = 48_h}); }
PIRN_STEP(act, {.after = ask}) { return pirn::ok({{"decided_by", ctx.get<std::string>("approver")}}); }
PIRN_WORKFLOW(review, ask, act)

// Takes its process along.
PIRN_STEP(explode, {.max_retries = 5}) {
  volatile int* volatile nowhere = nullptr;
  *nowhere = 1;
  return pirn::ok({});
}
PIRN_WORKFLOW(bomb, explode)

PIRN_PACKAGE("gate", PIRN_PACKAGE_VERSION, gate, nightly, broken, story, flood, chatter, stuck, review, bomb)
