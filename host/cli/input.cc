#include "host/cli/input.h"

#include <boost/filesystem/operations.hpp>
#include <boost/json.hpp>
#include <fstream>
#include <iostream>
#include <sstream>

#include "packager/json/json.h"

namespace pirn::cli {

Result<std::string> read_file(const std::string& file) {
  boost::system::error_code ignored;
  const bool directory = boost::filesystem::is_directory(file, ignored);  // which opens, and reads as nothing
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  if (stream) text << stream.rdbuf();
  if (!stream || directory) return Error{Code::io_failed, "cannot read '" + file + "'", {}, Blame::world};
  return std::move(text).str();
}

Result<std::string> read_input(const std::string& text) {
  std::string json = text, name = "--input";
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
      error.hint = "--input takes JSON, @FILE or - for standard input.";
      return error;
    }
    json = std::move(*read);
  }
  PIRN_TRY(const boost::json::value value, parse_json(json, name));
  if (!value.is_object())
    return Error{Code::invalid_argument, "the input in " + name + " is no JSON object",
                 "Write {\"name\": value, …}."};
  return json;
}

}  // namespace pirn::cli
