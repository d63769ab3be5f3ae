#include "host/cli/input.h"

#include <boost/filesystem/operations.hpp>
#include <boost/json.hpp>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>

#include "packager/definition/definition.h"
#include "packager/json/json.h"

namespace pirn::cli {

Result<std::string> read_file(const std::string& file) {
  const auto failed = [&](int reason) {
    return Error{reason == ENOENT ? Code::not_found : Code::io_failed,
                 "cannot read '" + file + "': " + std::strerror(reason),
                 reason == ENOENT ? "Check the path." : "", Blame::world};
  };
  boost::system::error_code ignored;
  if (boost::filesystem::is_directory(file, ignored)) return failed(EISDIR);  // opens, and reads as nothing
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  if (!stream) return failed(errno == 0 ? EIO : errno);
  if (stream.peek() != std::ifstream::traits_type::eof()) text << stream.rdbuf();
  if (stream.bad() || text.bad()) return failed(errno == 0 ? EIO : errno);
  return std::move(text).str();
}

std::string absolute_path(const std::string& path) {
  boost::system::error_code ignored;
  return boost::filesystem::absolute(path, ignored).lexically_normal().string();
}

Result<int64_t> duration_of(const Arguments& arguments, std::string_view option) {
  auto duration = definition::parse_duration(arguments.get(option));
  if (duration) return duration;
  Error error = duration.error();
  error.code = Code::usage;
  error.message = "--" + std::string(option) + ": " + error.message;
  if (error.hint.empty()) error.hint = catalogue_entry(duration.error().code).fix;
  return error;
}

Result<uint64_t> parse_bytes(std::string_view text) {
  constexpr std::pair<std::string_view, int> kUnits[] = {
      {"", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}};
  uint64_t number = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  for (const auto& [name, bits] : kUnits)
    if (wrong == std::errc() && unit == name && number <= (UINT64_MAX >> 1) >> bits) return number << bits;
  return Error{Code::invalid_argument, "'" + std::string(text) + "' is not a number of bytes",
               "Write for example 1048576, 256MiB or 1GiB."};
}

Result<int64_t> number_of(const Arguments& arguments, std::string_view option) {
  const std::string text = arguments.get(option);
  int64_t number = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (wrong == std::errc() && end == text.data() + text.size() && number >= 1) return number;
  return Error{Code::usage,
               "--" + std::string(option) + " needs a whole number of at least 1, not '" + text + "'"};
}

Result<std::string> read_input(const Arguments& arguments, std::string_view option) {
  const std::string text = arguments.get(option, "{}");
  std::string json = text, name = "--" + std::string(option);
  if (text == "-") {
    std::ostringstream all;
    all << std::cin.rdbuf();
    json = std::move(all).str();
    name = "standard input";
  } else if (text.starts_with('@')) {
    name = text.substr(1);
    auto read = read_file(name);
    if (!read) {
      Error error = read.error();
      error.code = Code::usage;
      error.hint = "--" + std::string(option) + " takes JSON, @FILE or - for standard input.";
      return error;
    }
    json = std::move(*read);
  }
  PIRN_TRY(const boost::json::value value, parse_json(json, name));
  if (!value.is_object())
    return Error{Code::invalid_argument, name + " is not a JSON object", "Write {\"name\": value, …}."};
  return json;
}

}  // namespace pirn::cli
