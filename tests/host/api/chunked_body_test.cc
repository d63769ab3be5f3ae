#include "host/api/chunked_body.h"

#include <gtest/gtest.h>

namespace pirn::api {
namespace {

// The decoded body and "|" and what was not taken; "more" behind it when it does not end; or the error's
// name.
std::string decoded(const std::string& bytes, size_t step = 1 << 20, uint64_t limit = 1 << 20) {
  ChunkedBody chunks(limit);
  std::string body;
  size_t at = 0;
  while (at < bytes.size() && !chunks.done()) {
    const std::string_view piece = std::string_view(bytes).substr(at, step);
    const Result<size_t> taken = chunks.take(piece, body);
    if (!taken) return std::string(taken.error().name());
    EXPECT_TRUE(chunks.done() || *taken == piece.size());
    at += *taken;
  }
  return body + "|" + (chunks.done() ? bytes.substr(at) : "more");
}

TEST(ChunkedBody, IsWhatItsChunksHold) {
  const struct {
    std::string bytes, body;
  } kCases[] = {
      {"0\r\n\r\n", "|"},
      {"5\r\nhello\r\n0\r\n\r\n", "hello|"},
      {"5\r\nhello\r\n00A\r\n 0123456\r\n\r\n000\r\n\r\nGET", "hello 0123456\r\n|GET"},
      {"1;a\r\nx\r\n1 \t; a=b;c=\"d;\\\"\"\r\ny\r\n0;e\r\n\r\n", "xy|"},
      {"1\r\nx\r\n0\r\nTrailer: 1\r\nContent-Length: 7\r\n\r\n", "x|"},
      {"1\r\nx\r\n0\r\n", "x|more"},
      {"5\r\nhel", "hel|more"},
  };
  for (const auto& each : kCases)
    for (const size_t step : {1, 2, 3, 7, 1000})
      EXPECT_EQ(decoded(each.bytes, step), each.body) << each.bytes;
}

TEST(ChunkedBody, IsRefusedWhenItCouldBeReadInTwoWays) {
  const std::string kCases[] = {
      "\r\n",                            // no size
      "x\r\n",                           // no digit
      "0x5\r\nhello\r\n0\r\n\r\n",       //
      "+5\r\nhello\r\n0\r\n\r\n",        //
      "-5\r\n",                          //
      " 5\r\nhello\r\n",                 // a blank before
      "5 \r\nhello\r\n",                 // and behind
      "5 5\r\nhello\r\n",                //
      "5,\r\nhello\r\n",                 //
      "5\nhello\n0\n\n",                 // LF alone
      "5;a\nb\r\nhello\r\n",             // within an extension
      "5;a=\"\n\"\r\nhello\r\n",         // and quoted
      "5\rhello",                        // CR alone
      "5\r\nhelloX\r\n0\r\n\r\n",        // longer than its size
      "5\r\nhello\n0\r\n\r\n",           //
      "5\r\nhello\rX0\r\n\r\n",          //
      std::string("5;\0\r\nhello", 11),  // NUL
      "10000000000000000\r\n",           // more than 64 bits
      "00000000000000000\r\n",           // endless digits
      "0\r\n\n",                         //
      "0\r\n\rX",                        //
      "0\r\nX : 1\r\n\r\n",              // a trailer with a blank before its colon
      "0\r\n: 1\r\n\r\n",                // without a name
      "0\r\nX: 1\r\n folded\r\n\r\n",    //
      "0\r\nX\r\n\r\n",                  // without a colon
      "0\r\nX: 1\n\r\n",                 //
  };
  for (const std::string& each : kCases)
    for (const size_t step : {1, 1000}) EXPECT_EQ(decoded(each, step), "malformed_request") << each;
}

TEST(ChunkedBody, HasNoMoreThanItsLimit) {
  EXPECT_EQ(decoded("5\r\nhello\r\n0\r\n\r\n", 1000, 5), "hello|");
  EXPECT_EQ(decoded("6\r\n", 1000, 5), "too_large") << "before a byte of it has come";
  EXPECT_EQ(decoded("3\r\nabc\r\n3\r\n", 1000, 5), "too_large");
  EXPECT_EQ(decoded("ffffffffffffffff\r\n", 1000, 5), "too_large");
  EXPECT_EQ(decoded("3\r\nabc\r\nffffffffffffffff\r\n", 1000, 5), "too_large") << "the sum does not wrap";
}

// Sends `piece` over and over behind `begin`: how many bytes are taken before it is refused.
uint64_t bytes_until_refused(const std::string& begin, const std::string& piece, uint64_t limit,
                             size_t* held) {
  ChunkedBody chunks(limit);
  std::string body;
  uint64_t bytes = begin.size();
  EXPECT_TRUE(chunks.take(begin, body));
  while (bytes < 64 << 20 && chunks.take(piece, body)) bytes += piece.size();
  *held = sizeof chunks + body.capacity();
  return bytes;
}

TEST(ChunkedBody, WithoutEndIsRefusedSoonAndNothingOfItIsKept) {
  constexpr uint64_t kLine = ChunkedBody::kLineLimit + 64, kTrailers = ChunkedBody::kTrailerLimit + 64;
  const struct {
    const char *what, *begin, *piece;
    uint64_t soon;
  } kCases[] = {
      {"the digits of a size", "", "0", 64},         {"one extension", "5;", "a", kLine},
      {"one extension of blanks", "5 ", " ", kLine}, {"extensions", "5", ";a=b", kLine},
      {"a trailer", "0\r\nX: ", "a", kTrailers},     {"the name of a trailer", "0\r\nX", "x", kTrailers},
      {"trailers", "0\r\n", "X: a\r\n", kTrailers},
  };
  for (const auto& each : kCases) {
    size_t held = 0;
    EXPECT_LT(bytes_until_refused(each.begin, each.piece, 1 << 20, &held), each.soon) << each.what;
    EXPECT_LT(held, 256u) << each.what;
  }
  constexpr uint64_t kSoon = ChunkedBody::kFramingLimit + 64;
  // What frames one byte each time is refused long before the limit of the body, and so are their extensions.
  for (const std::string& piece : {std::string("1\r\nx\r\n"), "1;" + std::string(1000, 'a') + "\r\nx\r\n"}) {
    size_t held = 0;
    EXPECT_LT(bytes_until_refused("", piece, 1 << 20, &held), 2 * kSoon);
    EXPECT_LT(held, 2 * kSoon);
  }
}

TEST(ChunkedBody, OfReasonableChunksIsTaken) {
  std::string bytes;
  for (int i = 0; i < 10'000; ++i) bytes += "20\r\n" + std::string(32, 'a') + "\r\n";
  EXPECT_EQ(decoded(bytes + "0\r\n\r\n", 1000).size(), 320'001u);
}

}  // namespace
}  // namespace pirn::api
