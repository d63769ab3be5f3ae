// What the headers of the SDK cost the compiler of an author: time in its front end, without code generation.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>

#include "tests/bench/figures.h"
#include "tests/bench/scratch.h"

namespace pirn::bench {

namespace {

constexpr int kRuns = 7;

// Processor time of one compiler, which does not depend on what else the machine does as elapsed time would.
double compile_s(const std::string& source) {
  const pid_t child = fork();
  if (child == 0) {
    execl(PIRN_BENCH_CXX, PIRN_BENCH_CXX, "-std=c++20", "-fsyntax-only", "-I" PIRN_BENCH_SDK, source.c_str(),
          nullptr);
    _exit(127);
  }
  int status = 0;
  rusage used{};
  if (child < 0 || wait4(child, &status, 0, &used) != child || status != 0)
    throw std::runtime_error(PIRN_BENCH_CXX " does not compile " + source);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double including_s(const Scratch& scratch, const std::string& includes) {
  const std::string source = scratch.path() + "/includes.cc";
  std::ofstream(source) << includes;
  std::vector<double> times;
  for (int i = 0; i < kRuns; ++i) times.push_back(compile_s(source));
  return percentile(times, 0.5);
}

}  // namespace

std::vector<Figure> sdk_headers(const Settings&) {
  const Scratch scratch;
  const double base = including_s(scratch, "#include <optional>\n#include <string>\n#include <vector>\n");
  const double sdk = including_s(scratch, "#include <pirn/pirn.hpp>\n");
  const double testkit = including_s(scratch, "#include <pirn/testkit.hpp>\n");
  return {{"include_pirn_hpp_s", sdk - base, "s", 0.6, false, std::nullopt, 0},
          {"include_testkit_hpp_s", testkit, "s", 1.5, false, std::nullopt, 0}};
}

}  // namespace pirn::bench
