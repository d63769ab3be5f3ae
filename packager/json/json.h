// Canonical JSON: one text for one value, so that digests and signatures of documents mean something.
//
//   - object keys sorted by their UTF-8 bytes, each once; no white space
//   - integers of 64 bits with sign as digits; every other number as the shortest text that reads back as the
//     same double, with ".0" when it would look like an integer
//   - strings escape only what they must: \" \\ \b \f \n \r \t and \u00xx below 0x20; all else is raw UTF-8
//
// Reading back is the check: a text is canonical when writing what was read gives the same bytes. RFC 8785
// was rejected because it turns integers above 2^53 into doubles and sorts keys by UTF-16.
//
// Header of pure functions: any thread, no I/O.
#pragma once

#include <boost/json/fwd.hpp>
#include <boost/json/storage_ptr.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "packager/error/error.h"
#include "packager/json/json.h"

namespace pirn {

// Nothing that others wrote nests deeper; what Pirn writes has it inside of its own documents.
inline constexpr uint32_t kJsonDepth = 32;
inline constexpr uint32_t kOwnJsonDepth = kJsonDepth + 32;

// The canonical text. Every double must be finite, every string valid UTF-8.
std::string canonical(const boost::json::value& value);

// Strict JSON in UTF-8 with exact doubles. Refused as malformed_json, with line and column: anything RFC 8259
// forbids, a key that occurs twice in an object, an integer beyond 64 bits with sign, a double out of range,
// nesting below `depth`. `file` names the text in messages.
Result<boost::json::value> parse_json(std::string_view text, std::string_view file,
                                      uint32_t depth = kJsonDepth);

// What Pirn itself wrote and kept, as exact as parse_json: unsigned integers of 64 bits and nesting down to
// `kOwnJsonDepth` are read, and duplicate keys are not detected. The value's memory is `storage`'s.
Result<boost::json::value> parse_own_json(std::string_view text, std::string_view file,
                                          boost::json::storage_ptr storage);

// As parse_json, and refuses (json_not_canonical) a text that canonical() would not have written.
Result<boost::json::value> parse_canonical(std::string_view text, std::string_view file);

}  // namespace pirn
