// The bytes of requests, against a whole host: what is answered, how often, and whether the connection ends.
#include <gtest/gtest.h>

#include <regex>

#include "tests/host/api/fixture.h"

namespace pirn::api {
namespace {

// "400" for one answer and the end of the connection, "200 200 open" for two answers on one that stays open.
std::string talk(TestHost& host, const std::string& bytes) {
  const TestHost::Conversation all = host.converse(bytes);
  std::string said;
  const std::regex status("HTTP/1\\.1 (\\d\\d\\d) ");
  for (std::sregex_iterator at(all.answers.begin(), all.answers.end(), status), end; at != end; ++at)
    said += (said.empty() ? "" : " ") + (*at)[1].str();
  return all.closed ? said : said + " open";
}

const std::string kNext = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";

TEST(Wire, WhatCouldBeTwoRequestsIsAnsweredOnceAndEndsTheConnection) {
  TestHost host;
  host.make_tenant("red");
  const std::string key = host.make_key("red", "tenant-admin");
  const auto post = [&](const std::string& fields, const std::string& body,
                        const std::string& version = "1.1") {
    return "POST /v1/executions HTTP/" + version + "\r\nHost: localhost\r\nAuthorization: Bearer " + key +
           "\r\nContent-Type: application/json\r\n" + fields + "\r\n" + body;
  };
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  const struct {
    std::string bytes, answers;
  } kCases[] = {
      // What is fine is answered, and so is what follows it.
      {kNext + kNext, "200 200 open"},
      {post("Content-Length: 2\r\n", "{}") + kNext, "400 200 open"},
      {post(chunked, "2\r\n{}\r\n0\r\n\r\n") + kNext, "400 200 open"},
      {post(chunked, "2;a=b\r\n{}\r\n0\r\nX: y\r\n\r\n") + kNext, "400 200 open"},
      {post(chunked, "0\r\n\r\n") + kNext, "400 200 open"},
      // Another coding, or a second statement about the body.
      {post("Transfer-Encoding: xchunked\r\n", "2\r\n{}\r\n0\r\n\r\n") + kNext, "501"},
      {post("Transfer-Encoding: gzip, chunked\r\n", "2\r\n{}\r\n0\r\n\r\n") + kNext, "501"},
      {post("Transfer-Encoding: chunked, chunked\r\n", "2\r\n{}\r\n0\r\n\r\n") + kNext, "501"},
      {post(chunked + chunked, "2\r\n{}\r\n0\r\n\r\n") + kNext, "501"},
      {post(chunked + "Content-Length: 2\r\n", "{}") + kNext, "400"},
      {post("Content-Length: 2\r\n" + chunked, "{}") + kNext, "400"},
      {post(chunked, "2\r\n{}\r\n0\r\n\r\n", "1.0") + kNext, "400"},
      {post("Content-Length: 2\r\nContent-Length: 2\r\n", "{}") + kNext, "400"},
      {post("Content-Length: 2\r\nContent-Length: 44\r\n", "{}") + kNext, "400"},
      {post("Content-Length: +2\r\n", "{}") + kNext, "400"},
      {post("Content-Length: 0x2\r\n", "{}") + kNext, "400"},
      {post("Content-Length: 2,2\r\n", "{}") + kNext, "400"},
      {post("Content-Length: 2 2\r\n", "{}") + kNext, "400"},
      // Lines that end or begin in other ways.
      {post("Content-Length: 2\r\nX: a\r\n folded\r\n", "{}") + kNext, "400"},
      {post("Content-Length : 2\r\n", "{}") + kNext, "400"},
      {post("X: a\rContent-Length: 2\r\n", "{}") + kNext, "400"},
      {post("X: a\nContent-Length: 2\r\n", "{}") + kNext, "400"},
      {post(std::string("X: \0\r\n", 6), "") + kNext, "400"},
      {"GET /livez HTTP/1.1\nHost: localhost\n\n" + kNext, "400"},
      {"\r\n" + kNext, "400"},
      {"GET  /livez HTTP/1.1\r\nHost: localhost\r\n\r\n" + kNext, "400"},
      {"GET /livez\tHTTP/1.1\r\nHost: localhost\r\n\r\n" + kNext, "400"},
      {"GET /livez HTTP/1.1 \r\nHost: localhost\r\n\r\n" + kNext, "400"},
      {"GET /livez HTTP/2.0\r\nHost: localhost\r\n\r\n" + kNext, "400"},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400"},
      {"GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n" + kNext, "400"},
      // Chunks that are none.
      {post(chunked, "2\n{}\n0\n\n") + kNext, "400"},
      {post(chunked, "0x2\r\n{}\r\n0\r\n\r\n") + kNext, "400"},
      {post(chunked, "+2\r\n{}\r\n0\r\n\r\n") + kNext, "400"},
      {post(chunked, "2;a=\"\n\"\r\n{}\r\n0\r\n\r\n") + kNext, "400"},
      {post(chunked, "2\r\n{}}\r\n0\r\n\r\n") + kNext, "400"},
      {post(chunked, "0\r\nX : y\r\n\r\n") + kNext, "400"},
      {post(chunked, "ffffffffffffffff\r\n{}") + kNext, "413"},
      // A body where there is none: no byte of it is kept, whoever sends it.
      {"GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}" + kNext, "413"},
      {"GET /livez HTTP/1.1\r\nHost: localhost\r\n" + chunked + "\r\n0\r\n\r\n" + kNext, "413"},
      // The path is split before it is decoded.
      {"GET /v1%2fwhoami HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + key + "\r\n\r\n", "404"},
      {"GET /%2e/v1/whoami HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + key + "\r\n\r\n", "404"},
      {"GET /livez%00 HTTP/1.1\r\nHost: localhost\r\n\r\n" + kNext, "400"},
      {"GET /livez%c0%af HTTP/1.1\r\nHost: localhost\r\n\r\n" + kNext, "400"},
      {"GET /livez?a=%ff HTTP/1.1\r\nHost: localhost\r\n\r\n" + kNext, "400"},
  };
  for (const auto& each : kCases) EXPECT_EQ(talk(host, each.bytes), each.answers) << each.bytes;
}

TEST(Wire, TheEndOfAnEmptyChunkedBodyMayComeByteByByte) {
  TestHost host;
  const std::string key = host.make_key("", "operator");
  const std::string head = "POST /v1/tenants HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + key +
                           "\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_NE(host.drip(head, "0\r\n\r\n").find(" 400 "), std::string::npos);
  EXPECT_EQ(host.local("GET", "/livez").status, 200);
}

TEST(Wire, WhatNeverEndsIsAnsweredAndTheConnectionEnds) {
  TestHost host;
  const std::string key = host.make_key("", "operator");
  const std::string post = "POST /v1/tenants HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + key +
                           "\r\nTransfer-Encoding: chunked\r\n\r\n";
  const struct {
    std::string begin, piece, status;
  } kCases[] = {
      {post + "5;", "a", "400"},
      {post + "5", ";a=b", "400"},
      {post, "0", "400"},
      {post, "1;" + std::string(2000, 'a') + "\r\nx\r\n", "400"},
      {post, "1\r\nx\r\n", "400"},
      {post + "0\r\n", "X: y\r\n", "400"},
      {post + "0\r\nX: ", "y", "400"},
      {post, "1000\r\n" + std::string(4096, 'x') + "\r\n", "413"},
      {"GET /livez HTTP/1.1\r\nX: ", "a", "431"},
      {"GET /livez HTTP/1.1\r\n", "X: a\r\n", "431"},
      {"GET /livez HTTP/1.1\r\n", ": a\r\n", "431"},
      {"GET /", "a", "431"},
      {"", "A", "431"},
      {"GET /livez HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5;", "a", "413"},
      {"POST /v1/tenants HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5;", "a", "401"},
  };
  for (const auto& each : kCases) {
    // Far more than any buffer of the host and of the kernel takes.
    const std::string answer = host.flood(each.begin, each.piece, 64 << 20);
    EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 " + each.status)
        << each.begin << "… " << each.piece.substr(0, 20);
    EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos);
  }
  EXPECT_EQ(host.local("GET", "/livez").status, 200);
}

TEST(Wire, AnAnnouncedUploadTakesNothingFromTheOthers) {
  TestHost host([](HostOptions& options) {
    options.clients.body_bytes = 4 << 20;
    options.clients.transfer_ms = 60'000;
  });
  host.make_tenant("red");
  host.make_tenant("blue");
  const std::string red = host.make_key("red", "tenant-admin"), blue = host.make_key("blue", "tenant-admin");
  const auto upload = [](const std::string& key, size_t length) {
    return "POST /v1/packages HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + key +
           "\r\nContent-Type: application/octet-stream\r\nContent-Length: " + std::to_string(length) +
           "\r\nConnection: close\r\n\r\n";
  };
  std::vector<TestHost::Held> held;
  for (int i = 0; i < 8; ++i) held.push_back(host.hold(upload(red, 256 << 20)));
  const std::string body(1 << 20, 'x');
  // Each of them is admitted and read; what is refused is the package.
  EXPECT_NE(host.raw(upload(blue, body.size()) + body).find(" 422 "), std::string::npos);
  EXPECT_NE(host.raw(upload(red, body.size()) + body).find(" 422 "), std::string::npos);
  // What has come counts: a caller holds half of it at most, and the others still have room.
  const std::string half(2 << 20, 'x');
  for (TestHost::Held& each : held) each.send(half.substr(0, 200 << 10));
  const std::string refused = host.raw(upload(red, 3 << 20) + half + body);
  EXPECT_NE(refused.find(" 503 "), std::string::npos) << refused;
  EXPECT_NE(refused.find("share"), std::string::npos) << refused;
  EXPECT_NE(host.raw(upload(blue, body.size()) + body).find(" 422 "), std::string::npos);
}

TEST(Wire, AnAnswerCountsUntilItIsRead) {
  TestHost host([](HostOptions& options) { options.clients.body_bytes = 64 << 10; });
  host.make_tenant("red");
  for (int i = 0; i < 150; ++i) host.make_key("red", "viewer");
  const std::string key = host.make_key("red", "tenant-admin");
  EXPECT_EQ(host.tcp("GET", "/v1/audit?limit=5", key).status, 200);
  const Answer large = host.tcp("GET", "/v1/audit?limit=1000", key);
  EXPECT_EQ(large.member("name"), "busy") << large.body.size() << " bytes are more than the caller's share";
  EXPECT_EQ(host.tcp("GET", "/v1/audit?limit=80", key).status, 200);
  EXPECT_EQ(host.tcp("GET", "/v1/audit?limit=80", key).status, 200) << "what was read is free again";
}

TEST(Wire, AStalledUploadIsEndedThoughItBeganFast) {
  TestHost host([](HostOptions& options) {
    options.clients.transfer_ms = 200;
    options.clients.min_rate = 1 << 20;
  });
  host.make_tenant("red");
  const std::string key = host.make_key("red", "tenant-admin");
  const std::string answer =
      host.stall("POST /v1/packages HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + key +
                     "\r\nContent-Type: application/octet-stream\r\nContent-Length: 268435456\r\n\r\n" +
                     std::string(1 << 20, 'x'),
                 'x');
  EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 408") << answer;
  EXPECT_NE(answer.find("1048576 bytes a second"), std::string::npos) << answer;
}

TEST(Wire, StrangersKeepOutNeitherTheOperatorNorAKey) {
  TestHost host([](HostOptions& options) {
    options.clients.local_connections = 2;
    options.clients.connections = 8;
    options.clients.strangers = 4;
    options.clients.strangers_of_address = 4;
    options.clients.stranger_ms = 60'000;
  });
  const std::string key = host.make_key("", "operator");
  std::vector<TestHost::Held> held;
  for (int i = 0; i < 40; ++i) held.push_back(host.hold("G"));
  EXPECT_EQ(host.local("GET", "/v1/whoami").status, 200);
  EXPECT_EQ(host.tcp("GET", "/v1/whoami", key).status, 200);
  size_t closed = 0;
  for (TestHost::Held& each : held) closed += each.closed_by_now();
  EXPECT_GE(closed, 36u);
}

TEST(Wire, AConnectionThatNeverAuthenticatesHasLessTime) {
  TestHost host([](HostOptions& options) {
    options.clients.stranger_ms = 100;
    options.clients.header_ms = options.clients.idle_ms = 600'000;
  });
  const std::string key = host.make_key("", "operator");
  EXPECT_EQ(host.wait_for_end("GET /livez HTTP/1.1\r\nX: "), "");
  EXPECT_EQ(host.wait_for_end(kNext).substr(0, 12), "HTTP/1.1 200");
  TestHost::Held known =
      host.hold("GET /v1/whoami HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + key + "\r\n\r\n");
  known.read_until("\r\n\r\n");
  EXPECT_EQ(host.wait_for_end("G"), "") << "meanwhile another one's time is over";
  EXPECT_FALSE(known.closed_by_now());
}

}  // namespace
}  // namespace pirn::api
