// Where events go beside the journal: the built-in sinks. A sink is written to by one thread at a time, that
// of its outlet (outlets.h); what it holds may be read from any thread. Its failure is counted and matters to
// nobody else.
#pragma once

#include <condition_variable>
#include <cstdio>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "host/events/envelope.h"

namespace pirn::events {

class Sink {
 public:
  virtual ~Sink() = default;
  virtual Status write(const Envelope& envelope) = 0;
};

// Lines for people on standard output, "[fetch@12] fetch: step.stop", coloured on a terminal unless NO_COLOR
// is set. `to`: another stream than standard output; lent.
class StdoutSink final : public Sink {
 public:
  explicit StdoutSink(std::FILE* to = stdout);
  Status write(const Envelope& envelope) override;

 private:
  std::FILE* const to_;
  const bool coloured_;
};

// Keeps all of them, for tests and small programs.
class MemorySink final : public Sink {
 public:
  Status write(const Envelope& envelope) override;
  std::vector<Envelope> snapshot() const;
  void clear();

 private:
  mutable std::mutex mutex_;
  std::vector<Envelope> envelopes_;  // guarded by mutex_
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
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_:
  std::deque<Envelope> envelopes_;
  bool closed_ = false, deserted_ = false;
};

// One JSON object a line, appended, flushed after each. The file is made for its owner alone, and opened anew
// when it has been moved away, so that it can be rotated.
class JsonLinesSink final : public Sink {
 public:
  // io_failed.
  static Result<std::unique_ptr<JsonLinesSink>> open(const std::string& path);
  ~JsonLinesSink() override;
  Status write(const Envelope& envelope) override;

 private:
  explicit JsonLinesSink(std::string path) : path_(std::move(path)) {}
  Status reopen();
  Error failed(const std::string& doing) const;

  const std::string path_;
  int file_ = -1;
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
