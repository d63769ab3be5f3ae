#include "registry/ids.h"

namespace pirn {

namespace {
constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kBase32 = "0123456789abcdefghjkmnpqrstvwxyz";
}  // namespace

std::string Digest::hex() const {
  std::string out;
  out.reserve(64);
  for (uint8_t byte : bytes) {
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

Result<Digest> parse_digest(std::string_view hex) {
  Digest digest;
  if (hex.size() != 64)
    return Error{Code::invalid_argument, "'" + std::string(hex) + "' is no digest: 64 hexadecimal digits are expected"};
  for (size_t i = 0; i < 64; ++i) {
    const size_t nibble = kHex.find(hex[i]);
    if (nibble == std::string_view::npos)
      return Error{Code::invalid_argument, "'" + std::string(hex) + "' is no digest: '" + hex[i] + "' is no lower-case hexadecimal digit"};
    digest.bytes[i / 2] = static_cast<uint8_t>(digest.bytes[i / 2] << 4 | nibble);
  }
  return digest;
}

std::string ExecutionId::text() const {
  std::string out(13, '0');
  uint64_t rest = value;
  for (size_t i = 13; i-- > 0; rest >>= 5) out[i] = kBase32[rest & 31];
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
