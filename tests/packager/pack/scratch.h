// A directory of a test's own, removed with everything in it.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/filesystem/operations.hpp>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace pirn::pack {

class Scratch {
 public:
  Scratch() {
    char name[] = "/tmp/pirn-pack-test-XXXXXX";
    EXPECT_NE(::mkdtemp(name), nullptr);
    root_ = name;
  }
  ~Scratch() {
    boost::system::error_code ignored;
    boost::filesystem::remove_all(root_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  std::string path(const std::string& name) const { return root_ + "/" + name; }
  std::string write(const std::string& name, const std::string& bytes) const {
    boost::filesystem::create_directories(boost::filesystem::path(path(name)).parent_path());
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }
  std::string read(const std::string& name) const {
    std::ostringstream out;
    out << std::ifstream(path(name), std::ios::binary).rdbuf();
    return out.str();
  }
  // Everything in the directory, relative to it.
  std::set<std::string> names() const {
    std::set<std::string> out;
    for (const auto& entry : boost::filesystem::recursive_directory_iterator(root_))
      out.insert(entry.path().lexically_relative(root_).generic_string());
    return out;
  }

 private:
  std::string root_;
};

}  // namespace pirn::pack
