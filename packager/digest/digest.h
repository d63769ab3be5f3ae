// SHA-256: what packages, blobs, definitions and inputs are known by. Values: any thread.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "packager/error/error.h"

namespace pirn {

// A SHA-256. Printed as 64 lower-case hexadecimal digits.
struct Digest {
  std::array<uint8_t, 32> bytes{};
  auto operator<=>(const Digest&) const = default;
  std::string hex() const;
  bool is_zero() const { return *this == Digest{}; }
};
Result<Digest> parse_digest(std::string_view hex);

// The digest of all that was added. One thread at a time; finish() ends it.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  Sha256& add(std::string_view bytes);
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Digest sha256(std::string_view bytes);

}  // namespace pirn

template <>
struct std::hash<pirn::Digest> {
  size_t operator()(const pirn::Digest& digest) const noexcept {
    size_t value;
    std::memcpy(&value, digest.bytes.data(), sizeof value);
    return value;
  }
};
