#include "host/events/sink.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "packager/error/printable.h"
#include "packager/mutex/mutex.h"

namespace pirn::events {

namespace {

Status told(const log::LineWriter& writer, log::LineWriter::Outcome outcome, const std::string& where) {
  if (outcome == log::LineWriter::Outcome::written) return {};
  const std::string why =
      outcome == log::LineWriter::Outcome::late ? "its reader is too slow" : std::strerror(writer.error());
  return Error{Code::io_failed, "writing to " + where + " failed: " + why, {}, Blame::world};
}

}  // namespace

StdoutSink::StdoutSink(std::FILE* to)
    : coloured_(isatty(fileno(to)) == 1 && std::getenv("NO_COLOR") == nullptr),
      writer_(fileno(to), kSinkPatience) {}

Status StdoutSink::write(const Envelope& envelope) {
  const auto member = [&](std::string_view name) {
    const boost::json::value* value = envelope.metadata.if_contains(name);
    return value == nullptr     ? std::string()
           : value->is_string() ? std::string(value->as_string())
                                : boost::json::serialize(*value);
  };
  const std::string node = member("node_id");
  std::string line = "[" + (node.empty() ? envelope.type : node);
  if (const std::string step = member("step"); !step.empty()) line += "@" + step;
  line += "] " + envelope.message;
  line = printable(line);
  if (coloured_) line = (envelope.type == "diagnostic" ? "\x1b[33m" : "\x1b[36m") + line + "\x1b[0m";
  line += '\n';
  return told(writer_, writer_.write(line), "standard output");
}

Status MemorySink::write(const Envelope& envelope) {
  const MutexLock lock(mutex_);
  envelopes_.push_back(envelope);
  return {};
}

std::vector<Envelope> MemorySink::snapshot() const {
  const MutexLock lock(mutex_);
  return envelopes_;
}

void MemorySink::clear() {
  const MutexLock lock(mutex_);
  envelopes_.clear();
}

Status ChannelSink::write(const Envelope& envelope) {
  {
    const MutexLock lock(mutex_);
    if (deserted_ || closed_)
      return Error{Code::io_failed,
                   deserted_ ? "the receiver of the channel has gone" : "the channel is closed",
                   {},
                   Blame::world};
    envelopes_.push_back(envelope);
  }
  changed_.notify_one();
  return {};
}

void ChannelSink::close() {
  {
    const MutexLock lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

ChannelSink::Receiver::~Receiver() {
  const MutexLock lock(sink_->mutex_);
  sink_->deserted_ = true;
}

std::optional<Envelope> ChannelSink::Receiver::receive() {
  MutexLock lock(sink_->mutex_);
  while (!sink_->closed_ && sink_->envelopes_.empty()) sink_->changed_.wait(sink_->mutex_);
  if (sink_->envelopes_.empty()) return std::nullopt;
  Envelope envelope = std::move(sink_->envelopes_.front());
  sink_->envelopes_.pop_front();
  return envelope;
}

Result<std::unique_ptr<JsonLinesSink>> JsonLinesSink::open(const std::string& path) {
  std::unique_ptr<JsonLinesSink> sink(new JsonLinesSink(path));
  const Status opened = sink->reopen();
  struct stat named {};
  const bool is_fifo = ::stat(path.c_str(), &named) == 0 && S_ISFIFO(named.st_mode);
  if (!opened && !is_fifo) return opened.error();  // the reader of a FIFO may come later
  return sink;
}

JsonLinesSink::~JsonLinesSink() = default;

Error JsonLinesSink::failed(const std::string& doing, int reason) const {
  return {Code::io_failed, doing + " '" + path_ + "' failed: " + std::strerror(reason), {}, Blame::world};
}

Status JsonLinesSink::reopen() {
  struct stat named {
  }, held{};
  const bool there = file_ && ::stat(path_.c_str(), &named) == 0 && ::fstat(file_.get(), &held) == 0 &&
                     named.st_dev == held.st_dev && named.st_ino == held.st_ino;
  if (there) return {};
  // Without O_NONBLOCK a FIFO would be waited for until somebody reads it.
  file_.reset(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600));
  const int reason = errno;
  writer_.use(file_.get());
  is_regular_ = file_ && ::fstat(file_.get(), &held) == 0 && S_ISREG(held.st_mode);
  return file_ ? Status() : Status(failed("opening", reason));
}

// A line that is there in part would spoil the next one.
Status JsonLinesSink::append(std::string_view line) {
  const ssize_t written = ::write(file_.get(), line.data(), line.size());
  if (written == static_cast<ssize_t>(line.size())) return {};
  if (written < 0) return failed("writing to", errno);
  struct stat held {};
  if (::fstat(file_.get(), &held) == 0) (void)!::ftruncate(file_.get(), held.st_size - written);
  return failed("writing to", ENOSPC);
}

Status JsonLinesSink::write(const Envelope& envelope) {
  PIRN_DO(reopen());
  const std::string line = envelope.json() + "\n";
  return is_regular_ ? append(line) : told(writer_, writer_.write(line), "'" + path_ + "'");
}

}  // namespace pirn::events
