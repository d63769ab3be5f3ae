// Prints in every way that there is, before, while and after its steps run.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <iostream>
#include <pirn/pirn.hpp>
#include <string>
#include <thread>

namespace {

void print(const std::string& where) {
  printf("NOISE printf in %s\n", where.c_str());
  fflush(stdout);
  printf("NOISE left in the buffer in %s\n", where.c_str());
  puts("NOISE puts");
  std::cout << "NOISE cout in " << where << std::endl;
  std::cout << "NOISE not flushed";
  [[maybe_unused]] const ssize_t written = write(STDOUT_FILENO, "NOISE write\n", 12);
  [[maybe_unused]] const int status = system("echo NOISE of a child");
  std::thread([&] {
    puts("NOISE of a thread");
    std::cout << "NOISE cout of a thread\n" << std::flush;
  }).join();
}

void begin() { print("init"); }
void end() { print("deinit"); }

}  // namespace

PIRN_STEP(first) {
  print("first");
  ctx.info("a line of the log");
  ctx.stream("a chunk");
  return pirn::ok({{"first", true}});
}
PIRN_STEP(second, {.after = first}) {
  print("second");
  return pirn::ok({{"second", true}});
}
PIRN_WORKFLOW(talk, first, second)

PIRN_PACKAGE("noisy", PIRN_PACKAGE_VERSION, talk, pirn::on_load<begin, end>)
