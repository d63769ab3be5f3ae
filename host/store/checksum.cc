#include "host/store/checksum.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace pirn::store {

namespace {

constexpr std::array<uint32_t, 256> make_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78u : 0u);
    table[i] = crc;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kTable = make_table();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t by_processor(uint32_t start, std::string_view bytes) {
  const char* at = bytes.data();
  size_t left = bytes.size();
  uint64_t crc = ~start;
  for (; left >= 8; left -= 8, at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, at, 8);
    crc = _mm_crc32_u64(crc, word);
  }
  auto rest = static_cast<uint32_t>(crc);
  for (; left > 0; --left, ++at) rest = _mm_crc32_u8(rest, static_cast<unsigned char>(*at));
  return ~rest;
}
#endif

using Function = uint32_t (*)(uint32_t, std::string_view);
Function fastest() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return by_processor;
#endif
  return crc32c_by_table;
}

}  // namespace

uint32_t crc32c_by_table(uint32_t start, std::string_view bytes) {
  uint32_t crc = ~start;
  for (const char byte : bytes) crc = (crc >> 8) ^ kTable[(crc ^ static_cast<unsigned char>(byte)) & 0xFF];
  return ~crc;
}

uint32_t crc32c(uint32_t start, std::string_view bytes) {
  static const Function function = fastest();
  return function(start, bytes);
}

}  // namespace pirn::store
