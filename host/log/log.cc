#include "host/log/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <map>
#include <string>
#include <vector>

namespace pirn::log {

namespace {

// Level has the numbers of spdlog's levels up to error; its off is one more (critical lies between).
const std::vector<std::string> kLevels = {"trace", "debug", "info", "warn", "error", "off"};

struct Settings {
  Level level = Level::info;
  std::map<std::string, Level, std::less<>> components;
  bool json = false;
  std::shared_ptr<spdlog::logger> logger;
};

// Set once by configure(); never changed after, so that reading needs no lock.
Settings& settings() {
  static Settings the_settings;
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
  return line + "}";
}

std::string text_line(Level level, std::string_view component, std::string_view message,
                      std::initializer_list<Field> fields) {
  std::string line = now_text().substr(11, 12) + " " + kLevels[static_cast<size_t>(level)] + " " +
                     std::string(component) + ": ";
  for (const char c : message) line += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  for (const Field& field : fields) {
    if (field.value.empty()) continue;
    line += "  ";
    line += field.name;
    line += '=';
    line += field.value;
  }
  return line;
}

// What libraries write to spdlog's default logger, in the same form.
class Formatter final : public spdlog::formatter {
 public:
  explicit Formatter(bool json) : json_(json) {}
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const auto level = static_cast<Level>(std::min<int>(message.level, static_cast<int>(Level::error)));
    const std::string_view text(message.payload.data(), message.payload.size());
    const std::string line =
        json_ ? json_line(level, "worker", text, {}) : text_line(level, "worker", text, {});
    out.append(line.data(), line.data() + line.size());
    out.push_back('\n');
  }
  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<Formatter>(json_); }

 private:
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
  all.logger = std::make_shared<spdlog::logger>("pirn", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  all.logger->set_pattern("%v");
  all.logger->set_level(spdlog::level::trace);
  all.logger->flush_on(spdlog::level::trace);
  auto libraries = std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  libraries->set_formatter(std::make_unique<Formatter>(json));
  const auto worker = all.components.find("worker");
  libraries->set_level(
      static_cast<spdlog::level::level_enum>(worker == all.components.end() ? all.level : worker->second));
  libraries->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(libraries));
  return {};
}

bool enabled(std::string_view component, Level level) {
  const Settings& all = settings();
  if (!all.logger) return false;
  const auto found = all.components.find(component);
  return level >= (found == all.components.end() ? all.level : found->second);
}

void write(Level level, std::string_view component, std::string_view message,
           std::initializer_list<Field> fields) {
  if (!enabled(component, level)) return;
  const Settings& all = settings();
  all.logger->log(spdlog::level::info,
                  spdlog::string_view_t(all.json ? json_line(level, component, message, fields)
                                                 : text_line(level, component, message, fields)));
}

}  // namespace pirn::log
