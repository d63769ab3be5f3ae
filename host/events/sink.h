// Where events go beside the journal: the built-in sinks. A sink is written to by one thread at a time, that
// of its outlet (outlets.h); what it holds may be read from any thread. Its failure is counted and matters to
// nobody else. A reader that does not read makes a sink wait for at most kSinkPatience, then the envelope is
// lost.
#pragma once

#include <chrono>
#include <cstdio>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host/events/envelope.h"
#include "host/log/line_writer.h"
#include "packager/file/descriptor.h"
#include "packager/mutex/mutex.h"

namespace pirn::events {

inline constexpr std::chrono::milliseconds kSinkPatience{1000};

class Sink {
 public:
  virtual ~Sink() = default;
  virtual Status write(const Envelope& envelope) = 0;
  // Any thread; the host ends: no write may wait beyond this instant. For sinks that wait for somebody.
  virtual void finish_by(std::chrono::steady_clock::time_point) {}
};

// Lines for people on standard output, "[fetch@12] fetch: step.stop", coloured on a terminal unless NO_COLOR
// is set. `to`: another stream than standard output; lent.
class StdoutSink final : public Sink {
 public:
  explicit StdoutSink(std::FILE* to = stdout);
  Status write(const Envelope& envelope) override;
  void finish_by(std::chrono::steady_clock::time_point instant) override { writer_.finish_by(instant); }

 private:
  const bool coloured_;
  log::LineWriter writer_;
};

// Keeps all of them, for tests and small programs.
class MemorySink final : public Sink {
 public:
  Status write(const Envelope& envelope) override;
  std::vector<Envelope> snapshot() const;
  void clear();

 private:
  mutable Mutex mutex_;
  std::vector<Envelope> envelopes_ PIRN_GUARDED_BY(mutex_);
};

// Hands them to a receiver on another thread. When the receiver has gone, writing is an error.
class ChannelSink final : public Sink {
 public:
  class Receiver {
   public:
    explicit Receiver(std::shared_ptr<ChannelSink> sink) : sink_(std::move(sink)) {}
    ~Receiver();
    Receiver(const Receiver&) = delete;
    // Waits for the next one; nullopt: the channel was closed and is empty.
    std::optional<Envelope> receive();

   private:
    const std::shared_ptr<ChannelSink> sink_;
  };

  Status write(const Envelope& envelope) override;
  // Nothing more comes.
  void close();

 private:
  Mutex mutex_;
  ConditionVariable changed_;
  std::deque<Envelope> envelopes_ PIRN_GUARDED_BY(mutex_);
  bool closed_ PIRN_GUARDED_BY(mutex_) = false;
  bool deserted_ PIRN_GUARDED_BY(mutex_) = false;
};

// One JSON object a line, appended, flushed after each. The file is made for its owner alone, and opened anew
// when it has been moved away, so that it can be rotated. A FIFO need not have a reader yet.
class JsonLinesSink final : public Sink {
 public:
  // io_failed.
  static Result<std::unique_ptr<JsonLinesSink>> open(const std::string& path);
  ~JsonLinesSink() override;
  Status write(const Envelope& envelope) override;
  void finish_by(std::chrono::steady_clock::time_point instant) override { writer_.finish_by(instant); }

 private:
  explicit JsonLinesSink(std::string path) : path_(std::move(path)), writer_(-1, kSinkPatience) {}
  Status reopen();
  Status append(std::string_view line);
  Error failed(const std::string& doing, int reason) const;

  const std::string path_;
  file::FileDescriptor file_;
  bool is_regular_ = false;  // else something with a reader, such as a FIFO
  log::LineWriter writer_;
};

// Calls a function of the program that embeds the host.
class CallbackSink final : public Sink {
 public:
  using Function = std::function<Status(const Envelope&)>;
  explicit CallbackSink(Function function) : function_(std::move(function)) {}
  Status write(const Envelope& envelope) override { return function_(envelope); }

 private:
  const Function function_;
};

}  // namespace pirn::events
