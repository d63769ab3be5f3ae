#include "host/api/head.h"

#include <gtest/gtest.h>

namespace pirn::api {
namespace {

// What comes of a head: "431", the code's name, "none", "chunked" or the length; "more" when there is no end.
std::string framing_of(const std::string& head) {
  HeadScan scan;
  const Result<size_t> size = scan.look(head);
  if (!size) return std::string(size.error().name());
  if (*size == 0) return "more";
  const Result<Framing> framing = check_head(std::string_view(head).substr(0, *size));
  if (!framing) return std::string(framing.error().name());
  return framing->chunked ? "chunked" : std::to_string(framing->length);
}

std::string with(const std::string& fields, const std::string& version = "1.1") {
  return "POST /v1/x HTTP/" + version + "\r\nHost: localhost\r\n" + fields + "\r\n";
}

TEST(Head, ThereIsOneStatementAboutTheBodyOrNone) {
  const std::string bad = "malformed_request", coding = "transfer_coding_unsupported";
  const struct {
    std::string head, framing;
  } kCases[] = {
      {with(""), "0"},
      {with("Content-Length: 5\r\n"), "5"},
      {with("CONTENT-LENGTH:\t 007 \r\n"), "7"},
      {with("Content-Length: 18446744073709551615\r\n"), "18446744073709551615"},
      {with("Content-Length: 5\r\nContent-Length: 5\r\n"), bad},
      {with("Content-Length: 5\r\nContent-Length: 6\r\n"), bad},
      {with("Content-Length: 5, 5\r\n"), bad},
      {with("Content-Length: +5\r\n"), bad},
      {with("Content-Length: -5\r\n"), bad},
      {with("Content-Length: 0x5\r\n"), bad},
      {with("Content-Length: 5 5\r\n"), bad},
      {with("Content-Length: 5;\r\n"), bad},
      {with("Content-Length: \r\n"), bad},
      {with("Content-Length: five\r\n"), bad},
      {with("Content-Length: 18446744073709551616\r\n"), bad},
      {with("Transfer-Encoding: chunked\r\n"), "chunked"},
      {with("transfer-encoding:  Chunked \r\n"), "chunked"},
      {with("Transfer-Encoding: xchunked\r\n"), coding},
      {with("Transfer-Encoding: chunkedx\r\n"), coding},
      {with("Transfer-Encoding: identity\r\n"), coding},
      {with("Transfer-Encoding: gzip, chunked\r\n"), coding},
      {with("Transfer-Encoding: chunked, identity\r\n"), coding},
      {with("Transfer-Encoding: chunked, chunked\r\n"), coding},
      {with("Transfer-Encoding: ,chunked\r\n"), coding},
      {with("Transfer-Encoding: chunked;q=1\r\n"), coding},
      {with("Transfer-Encoding: \"chunked\"\r\n"), coding},
      {with("Transfer-Encoding: \r\n"), coding},
      {with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), coding},
      {with("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"), coding},
      {with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), bad},
      {with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), bad},
      {with("Content-Length: 0\r\nTransfer-Encoding: xchunked\r\n"), bad},
      {with("Transfer-Encoding: chunked\r\n", "1.0"), bad},
      {with("Transfer-Encoding: xchunked\r\n", "1.0"), bad},
      {with("Content-Length: 5\r\n", "1.0"), "5"},
  };
  for (const auto& each : kCases) EXPECT_EQ(framing_of(each.head), each.framing) << each.head;
}

TEST(Head, WhatTwoReadersCouldReadDifferentlyIsRefused) {
  const std::string kCases[] = {
      with("X: a\r\n b\r\n"),                    // folded
      with("X: a\r\n\tb\r\n"),                   // folded
      "GET / HTTP/1.1\r\n X: folded\r\n\r\n",    // folded into the request line
      with("X: a\n"),                            // LF alone
      with("X: a\rY: b\r\n"),                    // CR alone
      with("X: a\r\r\n"),                        // two of them
      "GET / HTTP/1.1\nHost: a\n\n",             // LF alone, everywhere
      with(std::string("X: a\0b\r\n", 8)),       // NUL
      with("X: a\x0b\r\n"),                      // a vertical tab is no blank
      with("X: a\x7f\r\n"),                      // DEL
      with("X : a\r\n"),                         // a blank before the colon
      with("Content-Length : 5\r\n"),            //
      with("Transfer-Encoding\t: chunked\r\n"),  //
      with(": a\r\n"),                           // no name
      with("X\r\n"),                             // no colon
      with("X(y): a\r\n"),                       // no token
      with("X\xc3\xa4: a\r\n"),                  // no token
      "\r\nGET / HTTP/1.1\r\n\r\n",              // an empty line first
      " GET / HTTP/1.1\r\n\r\n",                 //
      "GET / HTTP/1.1\r\nX: a\r\n b",            // refused at once, without the end of the head
      "\x16\x03\x01\x02",                        // TLS: refused at once, without the end of a line
  };
  for (const std::string& each : kCases) EXPECT_EQ(framing_of(each), "malformed_request") << each;
  EXPECT_EQ(framing_of(with("X: \xff obs-text \t\r\n")), "0");
}

TEST(Head, IsBounded) {
  const auto fields = [](size_t count) {
    std::string out;
    for (size_t i = 0; i < count; ++i) out += "X: a\r\n";
    return out;
  };
  EXPECT_EQ(framing_of(with(fields(kFieldLimit - 1))), "0") << "Host is one of them";
  EXPECT_EQ(framing_of(with(fields(kFieldLimit))), "headers_too_large");
  const std::string empty = with("X: \r\n");
  EXPECT_EQ(framing_of(with("X: " + std::string(kHeadLimit - empty.size(), 'a') + "\r\n")), "0");
  EXPECT_EQ(framing_of(with("X: " + std::string(kHeadLimit - empty.size() + 1, 'a') + "\r\n")),
            "headers_too_large");
  EXPECT_EQ(framing_of(std::string(kHeadLimit, 'A')), "more");
  EXPECT_EQ(framing_of(std::string(kHeadLimit + 1, 'A')), "headers_too_large") << "no line ever ends";
  const auto target = [](size_t size) { return "GET " + std::string(size, '/') + " HTTP/1.1\r\n\r\n"; };
  EXPECT_EQ(framing_of(target(kTargetLimit)), "0");
  EXPECT_EQ(framing_of(target(kTargetLimit + 1)), "headers_too_large");
}

TEST(Head, IsTheSameInPieces) {
  const std::string kHeads[] = {with("Content-Length: 5\r\n") + "12345", with("X: a\r\n b\r\n"),
                                with("X: a\rb\r\n"), with("Y: 1\r\n\r\n")};
  for (const std::string& head : kHeads) {
    HeadScan whole, pieces;
    const Result<size_t> at_once = whole.look(head);
    Result<size_t> in_steps = size_t(0);
    for (size_t size = 0; size <= head.size() && in_steps && *in_steps == 0; ++size)
      in_steps = pieces.look(std::string_view(head).substr(0, size));
    ASSERT_EQ(bool(at_once), bool(in_steps)) << head;
    if (!at_once) continue;
    EXPECT_EQ(*at_once, *in_steps) << head;
  }
}

}  // namespace
}  // namespace pirn::api
