#include "registry/ids.h"

namespace pirn {

namespace {
constexpr std::string_view kBase32 = "0123456789abcdefghjkmnpqrstvwxyz";
}  // namespace

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
