#include "registry/ids.h"

#include <array>
#include <cstring>

namespace pirn {

namespace {
constexpr std::string_view kBase32 = "0123456789abcdefghjkmnpqrstvwxyz";

// Two digits at a time: ids are printed several times for each execution.
constexpr std::array<char, 2048> kPairs = [] {
  std::array<char, 2048> all{};
  for (size_t i = 0; i < 1024; ++i) {
    all[2 * i] = kBase32[i >> 5];
    all[2 * i + 1] = kBase32[i & 31];
  }
  return all;
}();
}  // namespace

void ExecutionId::print(char* to) const {
  to[0] = kBase32[value >> 60];
  for (size_t i = 1, shift = 50; i < kDigits; i += 2, shift -= 10)
    std::memcpy(to + i, &kPairs[2 * (value >> shift & 1023)], 2);
}

std::string ExecutionId::text() const {
  std::string out(kDigits, '0');
  print(out.data());
  return out;
}

Result<ExecutionId> parse_execution_id(std::string_view text) {
  const auto refuse = [&] {
    return Error{Code::not_found, "there is no execution '" + std::string(text) + "'"};
  };
  if (text.size() != 13 || text[0] > 'f') return refuse();
  uint64_t value = 0;
  for (char c : text) {
    const size_t digit = kBase32.find(c);
    if (digit == std::string_view::npos) return refuse();
    value = value << 5 | digit;
  }
  return ExecutionId{value};
}

}  // namespace pirn
