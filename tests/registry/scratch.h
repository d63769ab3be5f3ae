// A directory that is there for one test.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/filesystem/operations.hpp>
#include <string>
#include <utility>

#include "packager/error/error.h"

namespace pirn::registry {

// The value; a test that has none ends here.
template <class T>
T take(Result<T> result) {
  if (!result) {
    ADD_FAILURE() << describe(result.error());
    std::abort();
  }
  return std::move(result).value();
}

class Scratch {
 public:
  Scratch() {
    std::string path = (boost::filesystem::temp_directory_path() / "pirn-registry-XXXXXX").string();
    if (!mkdtemp(path.data())) ADD_FAILURE() << "mkdtemp";
    path_ = path;
  }
  ~Scratch() {
    boost::system::error_code ignored;
    boost::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace pirn::registry
