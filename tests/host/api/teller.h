// A tenant with the package `teller`, for tests that need an execution.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "packager/pack/pack.h"
#include "packager/pack/package_file.h"
#include "tests/host/api/fixture.h"

namespace pirn::api {

// The signed archive of the package, and the key that signed it.
struct Teller {
  std::string archive, key;

  Teller() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pirn-teller-XXXXXX").string();
    const std::filesystem::path directory = mkdtemp(pattern.data());
    std::ofstream(directory / "package.toml") << "publisher = \"tests\"\n";
    pack::PackOptions options;
    options.directory = directory.string();
    options.library = PIRN_TELLER;
    options.probe_program = PIRN_PROBE_PROGRAM;
    const auto packed = pack::pack(options);
    EXPECT_TRUE(packed) << (packed ? "" : describe(packed.error()));
    const auto made = signature::PrivateKey::generate();
    if (packed && made) {
      EXPECT_TRUE(pack::sign_file(packed->file, *made));
      std::ostringstream bytes;
      bytes << std::ifstream(packed->file, std::ios::binary).rdbuf();
      archive = bytes.str();
      key = made->public_key().text();
    }
    std::filesystem::remove_all(directory);
  }
  void deploy(TestHost& host, const std::string& tenant) const {
    const std::string of = "?tenant=" + tenant;
    host.make_tenant(tenant);
    EXPECT_EQ(host.local("POST", "/v1/trust" + of, R"({"publisher":"tests","key":")" + key + "\"}").status,
              201);
    EXPECT_EQ(host.local("POST", "/v1/packages" + of, archive, {{"Content-Type", "application/octet-stream"}})
                  .status,
              201);
    const Answer deployed = host.local("POST", "/v1/packages/teller/deployments" + of, "{}");
    EXPECT_EQ(deployed.status / 100, 2) << deployed.body;
  }
};

inline std::string start(TestHost& host, const std::string& tenant) {
  const Answer started = host.local("POST", "/v1/executions?tenant=" + tenant, R"({"workflow":"story"})");
  EXPECT_EQ(started.status, 201) << started.body;
  return started.member("id");
}

}  // namespace pirn::api
