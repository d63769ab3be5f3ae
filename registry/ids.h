// The names and numbers that everything above the packager is keyed by. Header of values: any thread, no I/O.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "packager/digest/digest.h"
#include "packager/error/error.h"

namespace pirn {

// An execution's key: 43 bits of milliseconds since 1970, 10 shard bits, 11 bits of counter. Keys of one host
// increase, so that the rows and index entries of live executions stay on few warm pages. The public id is
// the printable form: 13 characters of Crockford's base 32, lower case, which sort as the numbers do.
struct ExecutionId {
  uint64_t value = 0;
  auto operator<=>(const ExecutionId&) const = default;
  explicit operator bool() const { return value != 0; }
  std::string text() const;
  static constexpr size_t kDigits = 13;
  void print(char* to) const;  // kDigits characters
};
Result<ExecutionId> parse_execution_id(std::string_view text);

// A tenant's own stream of the journal has a number of the same kind whose milliseconds are zero, so that it
// does not belong to any execution.
inline constexpr uint64_t kTenantStreams = uint64_t(1) << 21;
inline bool is_tenant_stream(ExecutionId id) { return id.value < kTenantStreams; }

// The fencing number of a host: each opening of the data directory takes the next one.
using Epoch = uint64_t;

// Who may write execution state: the host that opened the store, and its epoch. A data directory that was
// copied or restored can give two hosts the same epoch; they never have the same owner.
struct Lease {
  uint64_t owner = 0;  // random, chosen at the opening
  Epoch epoch = 0;
  bool operator==(const Lease&) const = default;
};

}  // namespace pirn

template <>
struct std::hash<pirn::ExecutionId> {
  size_t operator()(const pirn::ExecutionId& id) const noexcept { return id.value * 0x9E3779B97F4A7C15u; }
};
