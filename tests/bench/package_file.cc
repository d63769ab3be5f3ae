#include "tests/bench/package_file.h"

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "tests/bench/bench_host.h"

namespace pirn::bench {

void pirn(const Scratch& scratch, const std::string& arguments) {
  const std::string command =
      "cd '" + scratch.path() +
      "' && PIRN_KEY_PASSPHRASE=only-for-benchmarks PIRN_DATA=data PIRN_TENANT=bench '" PIRN_BENCH_PIRN "' " +
      arguments + " >>log 2>&1";
  if (std::system(command.c_str()) != 0)
    throw std::runtime_error("`pirn " + arguments + "` failed:\n" + package_bytes(scratch.path() + "/log"));
}

void make_package(const Scratch& scratch, size_t ballast) {
  boost::filesystem::create_directory(scratch.path() + "/package");
  boost::filesystem::copy_file(PIRN_BENCH_PACKAGE_DIR "/package.toml",
                               scratch.path() + "/package/package.toml");
  boost::filesystem::copy_file(PIRN_BENCH_PACKAGE_1, scratch.path() + "/package/bench.so");
  std::ofstream file(scratch.path() + "/package/ballast", std::ios::binary);
  uint64_t state = 88172645463325252u;  // xorshift
  for (size_t i = 0; i < ballast / sizeof state; ++i) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    file.write(reinterpret_cast<const char*>(&state), sizeof state);
  }
  file.close();
  pirn(scratch, "key generate key");
  pirn(scratch, "pack package -o bench.pirn");
  pirn(scratch, "sign bench.pirn --key key.pem");
}

}  // namespace pirn::bench
