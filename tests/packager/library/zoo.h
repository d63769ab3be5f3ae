// The libraries of tests/packager/library/zoo.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace pirn::library {

inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

inline std::string animal(const std::string& name) {
  return read_file(std::string(PIRN_ZOO) + "/" + name + ".so");
}

}  // namespace pirn::library
