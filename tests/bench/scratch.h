// Where a benchmark writes, and what it makes of many measurements.
#pragma once

#include <algorithm>
#include <boost/filesystem.hpp>
#include <string>
#include <vector>

namespace pirn::bench {

// A directory on the disk that the build is on: figures of a RAM disk would be about something else.
class Scratch {
 public:
  Scratch()
      : path_(
            boost::filesystem::unique_path(boost::filesystem::path(PIRN_BENCH_SCRATCH) / "bench-%%%%%%%%")) {
    boost::filesystem::create_directories(path_);
  }
  ~Scratch() {
    boost::system::error_code ignored;
    boost::filesystem::remove_all(path_, ignored);
  }
  std::string path() const { return path_.string(); }
  std::string file() const { return (path_ / "pirn.db").string(); }

 private:
  boost::filesystem::path path_;
};

inline double percentile(std::vector<double>& values, double p) {
  if (values.empty()) return 0;
  const size_t at = std::min(values.size() - 1, static_cast<size_t>(p * static_cast<double>(values.size())));
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(at), values.end());
  return values[at];
}

}  // namespace pirn::bench
