// API tokens:  pirn_<id>_<secret>_<checksum>
//
//   id        10 characters, public: what lists and audit records name
//   secret    32 random bytes, 64 hexadecimal digits
//   checksum  8 hexadecimal digits of a SHA-256 over what is before: a mistyped token is told from a wrong
//   one without
//             a look-up, and a scanner can find leaked ones
//
// Kept of it is HMAC-SHA256(pepper, "<id>_<secret>"); the pepper is a file beside the database, so that a
// copy of the database alone is worth nothing. A slow password hash was rejected: the secret has 256 bits,
// there is nothing to guess.
//
// Thread: any; values.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "registry/ids.h"

namespace pirn::registry {

using Pepper = std::array<uint8_t, 32>;

// Reads `path`, or creates it (0600, random) when it is not there and `may_create`; else pepper_lost.
Result<Pepper> open_pepper(const std::string& path, bool may_create);
Result<Pepper> random_pepper();

struct Token {
  std::string id;
  std::string secret;
  std::string text() const;
};
Result<Token> mint_token();
// unauthenticated when it is not a token at all.
Result<Token> parse_token(std::string_view text);

Digest mac(const Pepper& pepper, std::string_view message);
Digest mac(const Pepper& pepper, const Token& token);
// Takes as long for equal as for different ones.
bool equal_in_constant_time(const Digest& a, const Digest& b);

}  // namespace pirn::registry
