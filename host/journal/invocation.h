// Ids of invocations: those of one life of a host stand together, above those of the lives before.
#pragma once

#include <cstdint>

namespace pirn::journal {

inline constexpr int kBitsOfALife = 40;

inline uint64_t first_invocation(uint64_t epoch) { return (epoch << kBitsOfALife) + 1; }
// Both were made by the same host, between a start and an end of it.
inline bool of_one_life(uint64_t a, uint64_t b) { return a >> kBitsOfALife == b >> kBitsOfALife; }

}  // namespace pirn::journal
