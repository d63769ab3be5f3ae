#include "host/log/backlog.h"

#include <climits>
#include <deque>
#include <thread>

#include "host/log/line_writer.h"
#include "packager/mutex/mutex.h"

namespace pirn::log {

struct Backlog::State {
  State(int fd, Limits limits, std::function<std::string(uint64_t)> notice)
      : limits(limits), notice(std::move(notice)), writer(fd, std::chrono::milliseconds::max()) {}

  const Limits limits;
  const std::function<std::string(uint64_t)> notice;
  LineWriter writer;

  Mutex mutex;
  ConditionVariable arrived, gone;
  std::deque<std::string> lines PIRN_GUARDED_BY(mutex);
  size_t bytes PIRN_GUARDED_BY(mutex) = 0;
  uint64_t pushed PIRN_GUARDED_BY(mutex) = 0;    // lines so far
  uint64_t finished PIRN_GUARDED_BY(mutex) = 0;  // of these, written or lost
  uint64_t lost PIRN_GUARDED_BY(mutex) = 0;
  uint64_t told PIRN_GUARDED_BY(mutex) = 0;                        // of these, written as a notice
  uint64_t writes PIRN_GUARDED_BY(mutex) = 0;                      // that succeeded
  uint64_t writes_at_failure PIRN_GUARDED_BY(mutex) = UINT64_MAX;  // when a flush failed last
  bool stopping PIRN_GUARDED_BY(mutex) = false;
  bool ended PIRN_GUARDED_BY(mutex) = false;

  void drop_oldest() PIRN_REQUIRES(mutex) {
    bytes -= lines.front().size();
    lines.pop_front();
    ++lost;
    ++finished;
  }

  void work();
  size_t take(std::string& text) PIRN_REQUIRES(mutex);
};

// As many lines as one write of the writer has room for, and at least one. Returns how many.
size_t Backlog::State::take(std::string& text) {
  size_t count = 0;
  while (!lines.empty() && (count == 0 || text.size() + lines.front().size() <= PIPE_BUF)) {
    text += lines.front();
    bytes -= lines.front().size();
    lines.pop_front();
    ++count;
  }
  return count;
}

void Backlog::State::work() {
  MutexLock lock(mutex);
  for (;;) {
    while (!stopping && lines.empty()) arrived.wait(mutex);
    if (lines.empty()) break;
    const uint64_t untold = lost - told;
    std::string text = untold == 0 ? std::string() : notice(untold);
    const size_t count = take(text);
    lock.unlock();
    const LineWriter::Outcome outcome = writer.write(text);
    lock.lock();
    finished += count;
    if (outcome == LineWriter::Outcome::written) {
      told += untold;
      ++writes;
    } else {
      lost += count;
      if (outcome == LineWriter::Outcome::late)  // the end has come
        while (!lines.empty()) drop_oldest();
    }
    gone.notify_all();
  }
  ended = true;
  gone.notify_all();
}

Backlog::Backlog(int fd, Limits limits, std::function<std::string(uint64_t lost)> notice)
    : state_(std::make_shared<State>(fd, limits, std::move(notice))) {
  std::thread([state = state_] { state->work(); }).detach();
}

Backlog::~Backlog() {
  State& state = *state_;
  const auto until =
      std::chrono::steady_clock::now() + (flush() ? kFlushLimit : std::chrono::milliseconds(0));
  state.writer.finish_by(until);
  MutexLock lock(state.mutex);
  state.stopping = true;
  state.arrived.notify_one();
  // A write that blocks all the same, since others write to the same pipe, keeps its thread.
  const auto gone_by = std::chrono::steady_clock::now() + kFlushLimit;
  while (!state.ended && state.gone.wait_until(state.mutex, gone_by)) {
  }
}

void Backlog::push(std::string line) {
  State& state = *state_;
  {
    const MutexLock lock(state.mutex);
    ++state.pushed;
    state.bytes += line.size();
    state.lines.push_back(std::move(line));
    while (state.bytes > state.limits.bytes || state.lines.size() > state.limits.lines) state.drop_oldest();
  }
  state.arrived.notify_one();
}

bool Backlog::flush(std::chrono::milliseconds limit) {
  State& state = *state_;
  MutexLock lock(state.mutex);
  const uint64_t wanted = state.pushed;
  if (state.finished >= wanted) return true;
  if (state.writes == state.writes_at_failure) return false;
  const auto until = std::chrono::steady_clock::now() + limit;
  while (state.finished < wanted && state.gone.wait_until(state.mutex, until)) {
  }
  if (state.finished >= wanted) return true;
  state.writes_at_failure = state.writes;
  return false;
}

uint64_t Backlog::lost() const {
  const MutexLock lock(state_->mutex);
  return state_->lost;
}

}  // namespace pirn::log
