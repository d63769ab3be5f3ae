// SHA-256, so that anybody can check a data set of the report with `sha256sum`. Its own, because a package
// should need nothing from the machine but the C++ library.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace operations {

class Sha256 {
 public:
  void add(std::string_view bytes);
  std::string hex();  // ends the digest; once

 private:
  void block(const unsigned char* bytes);

  std::array<uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<unsigned char, 64> rest_{};
  uint64_t length_ = 0;  // bytes
};

std::string sha256(std::string_view bytes);

}  // namespace operations
