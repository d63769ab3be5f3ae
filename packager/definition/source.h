// A JSON text with the place of each of its values, for messages that point at the line. parse_json() decides
// what is valid and holds the values; a second pass over the text only finds where they stand.
//
// For packager/definition and for others who read documents that people write. Immutable after read(); any
// thread.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "packager/error/error.h"

namespace pirn::definition {

struct Node {
  const boost::json::value* value = nullptr;  // owned by Source
  std::string key;                            // in an object: its key; else empty
  uint32_t key_offset = 0;
  uint32_t offset = 0;
  std::vector<Node> children;  // of an object or an array, in the text's order

  const Node* find(std::string_view wanted) const;
};

class Source {
 public:
  // `text` is lent for the life of the Source. Errors: malformed_json; too_large, which calls the text `noun`
  // and says what to do with one that is too long.
  static Result<std::unique_ptr<Source>> read(
      std::string_view text, std::string_view file, std::string_view noun = "definition",
      std::string_view if_too_long = "Split it into several packages.");

  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  const Node& root() const { return root_; }
  Where where(uint32_t offset) const;

 private:
  Source(std::string_view text, std::string_view file);

  std::string_view text_;
  std::string file_;
  std::vector<uint32_t> line_starts_;
  boost::json::value value_;
  Node root_;
};

}  // namespace pirn::definition
