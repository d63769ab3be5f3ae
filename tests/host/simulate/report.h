// What tests of cases have in common.
#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "host/simulate/simulate.h"

namespace pirn::sim {

namespace bj = boost::json;

inline std::string text_of_file(const std::string& name) {
  std::ostringstream text;
  text << std::ifstream(std::string(PIRN_SOURCE_DIRECTORY) + "/" + name).rdbuf();
  return text.str();
}

inline Result<Simulated> run(const std::string& text) {
  return simulate(text, "case.json", [](const std::string& path) -> Result<std::string> {
    if (path == "flow.json")
      return std::string(
          R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[{"name":"w","steps":[{"name":"a"}]}]})");
    return Error{Code::not_found, "there is no " + path};
  });
}

// A case of one workflow "w".
inline std::string case_of(const std::string& steps, const std::string& rest) {
  return R"({"definition":{"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[{"name":"w","steps":[)" +
         steps + "]}]}" + rest + "}";
}

inline bj::object report_of(const std::string& text) {
  const auto simulated = run(text);
  if (!simulated) {
    ADD_FAILURE() << describe(simulated.error());
    return {};
  }
  for (const Error& difference : simulated->differences) ADD_FAILURE() << describe(difference);
  return bj::parse(simulated->json).as_object();
}

inline std::vector<std::string> problems_of(const std::string& text) {
  const auto simulated = run(text);
  if (simulated) {
    ADD_FAILURE() << "nothing is wrong with " << text;
    return {};
  }
  EXPECT_EQ(simulated.error().code, Code::case_invalid);
  std::vector<std::string> out;
  for (const Error& cause : simulated.error().causes)
    out.push_back(std::string(cause.name()) + " " + std::to_string(cause.where.line) + ":" +
                  std::to_string(cause.where.column));
  return out;
}

inline std::vector<std::string> fates(const bj::object& report) {
  std::vector<std::string> out;
  for (const bj::value& call : report.at("calls").as_array())
    out.push_back(std::string(call.at("step").as_string()) + " " + std::string(call.at("fate").as_string()) +
                  " " + std::to_string(call.at("nth").to_number<int>()) + " at " +
                  std::string(call.at("t").as_string()));
  return out;
}
using Strings = std::vector<std::string>;

}  // namespace pirn::sim
