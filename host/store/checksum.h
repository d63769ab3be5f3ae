// The checksum of a stored row: CRC-32C over its columns and its body. It finds what a disk, a cable or a
// stray write changed without the file system noticing; SQLite itself notices only what breaks its own
// structures. It is no protection against people: whoever can write the file can also write the checksum.
//
// Why CRC-32C: processors since 2008 compute it, 8 bytes in 3 cycles, so that a commit of 200 bytes costs
// about 25 ns, a quarter of a percent of its share of a transaction; store_bench shows no difference. It
// finds every single burst of up to 32 changed bits, which is how disks and memory fail, and misses any
// other damage once in 4 billion times. xxHash was rejected: XXH3 takes 10 ns instead, which nothing here
// can notice, guarantees nothing about bursts, and would be one more dependency. SHA-256 costs 20 times as
// much and protects from an enemy who is not there.
//
// Format: each integer as 8 bytes, least significant first; each text as its length (such an integer), then
// its bytes. Kept in the column `sum` as an integer from 0 to 2^32-1; NULL: the row was written before
// schema 3 or edited by hand, and is believed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pirn::store {

// CRC-32C (Castagnoli) of `bytes`, continuing `crc`; 0 begins. By the processor when it can.
uint32_t crc32c(uint32_t crc, std::string_view bytes);
// The same by a table, for processors that cannot, and for tests.
uint32_t crc32c_by_table(uint32_t crc, std::string_view bytes);

class Checksum {
 public:
  Checksum& add(int64_t value) {
    char bytes[8];
    for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(static_cast<uint64_t>(value) >> (8 * i));
    crc_ = crc32c(crc_, {bytes, sizeof bytes});
    return *this;
  }
  Checksum& add(std::string_view text) {
    add(static_cast<int64_t>(text.size()));
    crc_ = crc32c(crc_, text);
    return *this;
  }
  int64_t value() const { return crc_; }

 private:
  uint32_t crc_ = 0;
};

}  // namespace pirn::store
