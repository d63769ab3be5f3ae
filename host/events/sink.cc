#include "host/events/sink.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace pirn::events {

StdoutSink::StdoutSink(std::FILE* to)
    : to_(to), coloured_(isatty(fileno(to)) == 1 && std::getenv("NO_COLOR") == nullptr) {}

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
  // What a terminal would take for something else than text is a blank.
  for (char& c : line)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  if (coloured_) line = (envelope.type == "diagnostic" ? "\x1b[33m" : "\x1b[36m") + line + "\x1b[0m";
  line += '\n';
  if (std::fwrite(line.data(), 1, line.size(), to_) == line.size() && std::fflush(to_) == 0) return {};
  return Error{Code::io_failed,
               std::string("writing to standard output failed: ") + std::strerror(errno),
               {},
               Blame::world};
}

Status MemorySink::write(const Envelope& envelope) {
  const std::lock_guard lock(mutex_);
  envelopes_.push_back(envelope);
  return {};
}

std::vector<Envelope> MemorySink::snapshot() const {
  const std::lock_guard lock(mutex_);
  return envelopes_;
}

void MemorySink::clear() {
  const std::lock_guard lock(mutex_);
  envelopes_.clear();
}

Status ChannelSink::write(const Envelope& envelope) {
  {
    const std::lock_guard lock(mutex_);
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
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

ChannelSink::Receiver::~Receiver() {
  const std::lock_guard lock(sink_->mutex_);
  sink_->deserted_ = true;
}

std::optional<Envelope> ChannelSink::Receiver::receive() {
  std::unique_lock lock(sink_->mutex_);
  sink_->changed_.wait(lock, [this] { return sink_->closed_ || !sink_->envelopes_.empty(); });
  if (sink_->envelopes_.empty()) return std::nullopt;
  Envelope envelope = std::move(sink_->envelopes_.front());
  sink_->envelopes_.pop_front();
  return envelope;
}

Result<std::unique_ptr<JsonLinesSink>> JsonLinesSink::open(const std::string& path) {
  std::unique_ptr<JsonLinesSink> sink(new JsonLinesSink(path));
  PIRN_DO(sink->reopen());
  return sink;
}

JsonLinesSink::~JsonLinesSink() {
  if (file_ >= 0) ::close(file_);
}

Error JsonLinesSink::failed(const std::string& doing) const {
  return {Code::io_failed, doing + " '" + path_ + "' failed: " + std::strerror(errno), {}, Blame::world};
}

Status JsonLinesSink::reopen() {
  struct stat named {
  }, held{};
  const bool there = file_ >= 0 && ::stat(path_.c_str(), &named) == 0 && ::fstat(file_, &held) == 0 &&
                     named.st_dev == held.st_dev && named.st_ino == held.st_ino;
  if (there) return {};
  if (file_ >= 0) ::close(file_);
  file_ = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  return file_ >= 0 ? Status() : Status(failed("opening"));
}

Status JsonLinesSink::write(const Envelope& envelope) {
  PIRN_DO(reopen());
  std::string line = envelope.json();
  line += '\n';
  const ssize_t written = ::write(file_, line.data(), line.size());
  if (written == static_cast<ssize_t>(line.size())) return {};
  if (written < 0) return failed("writing to");
  // A line that is there in part would spoil the next one.
  struct stat held {};
  if (::fstat(file_, &held) == 0) (void)!::ftruncate(file_, held.st_size - written);
  errno = ENOSPC;
  return failed("writing to");
}

}  // namespace pirn::events
