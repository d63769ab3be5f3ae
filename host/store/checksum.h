// The checksum of a stored row: CRC-32C over its columns and its body. It finds what a disk, a cable or a
// stray write changed without the file system noticing; SQLite itself notices only what breaks its own
// structures. It is no protection against people: whoever can write the file can also write the checksum.
//
// Why CRC-32C: processors since 2008 compute it, 8 bytes at a time. With the column that holds it, it costs
// 8 % of the instructions of a commit in SQLite (docs/performance.md). It finds every single burst of up to
// 32 changed bits, which is how disks and memory fail, and misses any other damage once in 4 billion times.
// xxHash was rejected: computing the sum is only half of that cost, XXH3 guarantees nothing about bursts, and
// would be one more dependency. SHA-256 costs many times as much and protects from an attacker, who could
// write the checksum as well.
//
// Format: each integer as 8 bytes, least significant first; each text as its length (such an integer), then
// its bytes. Kept in the column `sum` as an integer from 0 to 2^32-1; NULL: the row was written before
// schema 3 or edited by hand, and is believed.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace pirn::store {

// CRC-32C (Castagnoli) of `bytes`, continuing `crc`; 0 begins. By the processor when it can.
uint32_t crc32c(uint32_t crc, std::string_view bytes);
// The same by a table, for processors that cannot, and for tests.
uint32_t crc32c_by_table(uint32_t crc, std::string_view bytes);

class Checksum {
 public:
  Checksum& add(int64_t value) {
    if (sizeof buffer_ - used_ < sizeof value) flush();
    auto word = static_cast<uint64_t>(value);
    if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
    std::memcpy(buffer_ + used_, &word, sizeof word);
    used_ += sizeof value;
    return *this;
  }
  Checksum& add(std::string_view text) {
    add(static_cast<int64_t>(text.size()));
    if (sizeof buffer_ - used_ < text.size()) {
      flush();
      crc_ = crc32c(crc_, text);
    } else if (!text.empty()) {
      std::memcpy(buffer_ + used_, text.data(), text.size());
      used_ += text.size();
    }
    return *this;
  }
  int64_t value() const { return crc32c(crc_, {buffer_, used_}); }

 private:
  void flush() {
    crc_ = crc32c(crc_, {buffer_, used_});
    used_ = 0;
  }

  uint32_t crc_ = 0;
  size_t used_ = 0;
  char buffer_[256];  // short columns together: one call for each would cost more than their bytes
};

}  // namespace pirn::store
