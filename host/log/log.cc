#include "host/log/log.h"

#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <map>
#include <string>
#include <vector>

#include "host/log/backlog.h"
#include "packager/error/printable.h"

namespace pirn::log {

namespace {

// Level has the numbers of spdlog's levels up to error; its off is one more (critical lies between).
const std::vector<std::string> kLevels = {"trace", "debug", "info", "warn", "error", "off"};

struct Settings {
  Level level = Level::info;
  std::map<std::string, Level, std::less<>> components;
  bool json = false;
  std::shared_ptr<Backlog> backlog;
};

// Set once by configure(); never changed after, so that reading needs no lock. Never destroyed: calls of
// packages that never return may log while the process ends.
Settings& settings() {
  static Settings& the_settings = *new Settings;
  return the_settings;
}

Result<Level> parse_level(std::string_view text) {
  for (size_t i = 0; i < kLevels.size(); ++i)
    if (kLevels[i] == text) return static_cast<Level>(i);
  const std::string near = nearest(text, kLevels);
  return Error{Code::invalid_argument, "there is no log level '" + std::string(text) + "'",
               near.empty() ? "The levels are trace, debug, info, warn, error and off."
                            : "Did you mean '" + near + "'?"};
}

std::string now_text() {
  const int64_t us = std::chrono::duration_cast<std::chrono::microseconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
  const std::time_t seconds = us / 1'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[48];
  const size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + size, sizeof text - size, ".%06dZ", static_cast<int>(us % 1'000'000));
  return text;
}

void append_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      out += escape;
    } else {
      out += c;
    }
  }
  out += '"';
}

std::string json_line(Level level, std::string_view component, std::string_view message,
                      std::initializer_list<Field> fields) {
  std::string line = "{\"time\":\"" + now_text() + "\",\"level\":\"" + kLevels[static_cast<size_t>(level)] +
                     "\",\"component\":";
  append_string(line, component);
  line += ",\"message\":";
  append_string(line, message);
  for (const Field& field : fields) {
    if (field.value.empty()) continue;
    line += ',';
    append_string(line, field.name);
    line += ':';
    append_string(line, field.value);
  }
  return printable_json(std::move(line) + "}") + "\n";
}

std::string text_line(Level level, std::string_view component, std::string_view message,
                      std::initializer_list<Field> fields) {
  std::string line = now_text().substr(11, 12) + " " + kLevels[static_cast<size_t>(level)] + " " +
                     printable(component) + ": " + printable(message);
  for (const Field& field : fields)
    if (!field.value.empty()) line += "  " + printable(field.name) + "=" + printable(field.value);
  return line + "\n";
}

std::string line_of(bool json, Level level, std::string_view component, std::string_view message,
                    std::initializer_list<Field> fields) {
  return json ? json_line(level, component, message, fields) : text_line(level, component, message, fields);
}

// What libraries write to spdlog's default logger goes the same way, in the same form.
class LibrarySink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  LibrarySink(std::shared_ptr<Backlog> backlog, bool json) : backlog_(std::move(backlog)), json_(json) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const auto level = static_cast<Level>(std::min<int>(message.level, static_cast<int>(Level::error)));
    backlog_->push(line_of(json_, level, "worker", {message.payload.data(), message.payload.size()}, {}));
  }
  void flush_() override {}

  const std::shared_ptr<Backlog> backlog_;
  const bool json_;
};

}  // namespace

Status configure(std::string_view specification, bool json) {
  Settings& all = settings();
  while (!specification.empty()) {
    const size_t end = std::min(specification.find(','), specification.size());
    const std::string_view part = specification.substr(0, end);
    specification.remove_prefix(std::min(end + 1, specification.size()));
    const size_t equals = part.find('=');
    PIRN_TRY(const Level level,
             parse_level(equals == std::string_view::npos ? part : part.substr(equals + 1)));
    if (equals == std::string_view::npos)
      all.level = level;
    else
      all.components[std::string(part.substr(0, equals))] = level;
  }
  all.json = json;
  all.backlog = std::make_shared<Backlog>(STDERR_FILENO, Backlog::Limits(), [json](uint64_t lost) {
    return line_of(json, Level::warn, "log",
                   "lines were lost here because the reader of the log was too slow",
                   {{"lost", std::to_string(lost)}});
  });
  auto libraries = std::make_shared<spdlog::logger>("", std::make_shared<LibrarySink>(all.backlog, json));
  const auto worker = all.components.find("worker");
  libraries->set_level(
      static_cast<spdlog::level::level_enum>(worker == all.components.end() ? all.level : worker->second));
  spdlog::set_default_logger(std::move(libraries));
  return {};
}

bool enabled(std::string_view component, Level level) {
  const Settings& all = settings();
  if (!all.backlog) return false;
  const auto found = all.components.find(component);
  return level >= (found == all.components.end() ? all.level : found->second);
}

void write(Level level, std::string_view component, std::string_view message,
           std::initializer_list<Field> fields) {
  if (!enabled(component, level)) return;
  const Settings& all = settings();
  all.backlog->push(line_of(all.json, level, component, message, fields));
}

void say(std::string_view line) {
  const std::string text = printable(line, Lines::many) + "\n";
  if (const Settings& all = settings(); all.backlog) return all.backlog->push(text);
  (void)!::write(STDERR_FILENO, text.data(), text.size());
}

void flush() {
  if (const Settings& all = settings(); all.backlog) all.backlog->flush();
}

uint64_t lines_lost() {
  const Settings& all = settings();
  return all.backlog ? all.backlog->lost() : 0;
}

}  // namespace pirn::log
