// Tar headers as a function of a name and a size: mode 0644, owner 0, time 0, regular files, nothing else.
// The bytes are those that libarchive's ustar writer makes for such an entry (a test holds the two together).
// A reader that predicts and compares has no parser to attack: what is not predicted is refused, whatever it
// means.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "packager/error/error.h"

namespace pirn::archive {

inline constexpr size_t kBlock = 512;
inline constexpr size_t kTarEnd = 2 * kBlock;  // two blocks of zeros close an archive

using TarHeader = std::array<char, kBlock>;

// Empty when ustar cannot hold the path: more than 100 bytes that no '/' splits, or a size of 8 GiB and
// above.
std::optional<TarHeader> predict_header(std::string_view path, uint64_t size);
// The size in a header, unless that field is not a canonical number. Everything else is left to
// prediction.
std::optional<uint64_t> size_in_header(const TarHeader& header);

constexpr uint64_t padding_of(uint64_t size) { return (kBlock - size % kBlock) % kBlock; }
bool all_zero(std::string_view bytes);

// Writes an archive with libarchive: `add` is called once and gives each member, in order, to the function it
// gets.
using AddMember = std::function<Status(std::string_view path, std::string_view bytes)>;
Result<std::string> write_tar(const std::function<Status(const AddMember&)>& add);

}  // namespace pirn::archive
