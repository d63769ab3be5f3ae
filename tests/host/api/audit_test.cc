// The audit log over the API, what wrong keys come to, and what becomes of streams whose key is gone.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>

#include "host/api/audit_text.h"
#include "tests/host/api/fixture.h"
#include "tests/host/api/teller.h"

namespace pirn::api {
namespace {

namespace bj = boost::json;

bj::object document(const Answer& answer) { return bj::parse(answer.body).as_object(); }
bj::array records(const Answer& answer) { return document(answer).at("records").as_array(); }

TEST(AuditApi, ATenantsNumbersTellNothingOfTheOthers) {
  TestHost host;
  host.make_tenant("red");
  host.make_tenant("blue");
  const std::string auditor = host.make_key("red", "auditor");
  host.make_key("blue", "viewer");
  host.make_key("blue", "viewer");
  host.make_key("red", "viewer");
  const bj::array own = records(host.tcp("GET", "/v1/audit", auditor));
  ASSERT_EQ(own.size(), 2u);
  EXPECT_EQ(own[0].at("seq").as_int64(), 1);
  EXPECT_EQ(own[1].at("seq").as_int64(), 2);
  const bj::array next = records(host.tcp("GET", "/v1/audit?after=1", auditor));
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(next[0].at("seq").as_int64(), 2);
  const bj::array all = records(host.local("GET", "/v1/audit"));
  EXPECT_EQ(all.size(), 6u);
  EXPECT_EQ(all.back().at("seq").as_int64(), 6);
}

TEST(AuditApi, PagesAndFilters) {
  TestHost host;
  host.make_tenant("red");
  for (int i = 0; i < 5; ++i) host.make_key("red", "viewer");
  EXPECT_EQ(host.local("POST", "/v1/keys?tenant=red", R"({"role":"operator"})").status, 400);
  bj::object page = document(host.local("GET", "/v1/audit?tenant=red&limit=4"));
  EXPECT_EQ(page.at("records").as_array().size(), 4u);
  EXPECT_TRUE(page.at("more").as_bool());
  page =
      document(host.local("GET", "/v1/audit?tenant=red&limit=4&after=" + bj::serialize(page.at("cursor"))));
  EXPECT_EQ(page.at("records").as_array().size(), 2u);
  EXPECT_FALSE(page.at("more").as_bool());
  EXPECT_EQ(records(host.local("GET", "/v1/audit?tenant=red&outcome=refused")).size(), 1u);
  EXPECT_EQ(records(host.local("GET", "/v1/audit?tenant=red&outcome=ok&action=key")).size(), 5u);
  EXPECT_EQ(records(host.local("GET", "/v1/audit?tenant=red&action=key.create&outcome=ok")).size(), 5u);
  EXPECT_EQ(host.local("GET", "/v1/audit?tenant=red&action=POST%20/v1/keys").status, 200);
  const auto unknown = host.local("GET", "/v1/audit?tenant=red&action=key.crate");
  EXPECT_EQ(unknown.status, 400);
  EXPECT_NE(unknown.body.find("there is no action 'key.crate'"), std::string::npos) << unknown.body;
  EXPECT_NE(unknown.body.find("Did you mean 'key.create'? There are audit.accept, authenticate, key.create, "
                              "key.revoke, package.deploy, package.push, rollout.undo, tenant.create, "
                              "tenant.set, trust.add, trust.revoke; all of a kind"),
            std::string::npos)
      << unknown.body;
  EXPECT_EQ(host.local("GET", "/v1/audit?action=POST%20/v1/nothing").status, 400);
  const auto mistyped = host.local("GET", "/v1/audit?tenant=red&outcome=refuse");
  EXPECT_EQ(mistyped.status, 400);
  EXPECT_NE(mistyped.body.find("Did you mean 'refused'?"), std::string::npos) << mistyped.body;
  EXPECT_EQ(records(host.local("GET", "/v1/audit?tenant=red&order=newest&limit=1"))[0].at("seq").as_int64(),
            6);
  EXPECT_EQ(records(host.local("GET", "/v1/audit?since=1h")).size(), 7u);
  EXPECT_EQ(records(host.local("GET", "/v1/audit?since=2200-01-01T00:00:00Z")).size(), 0u);
  EXPECT_EQ(host.local("GET", "/v1/audit?since=2999-01-01T00:00:00Z").status, 400)
      << "beyond what a clock counts";
  EXPECT_EQ(host.local("GET", "/v1/audit?order=sideways").status, 400);
}

TEST(AuditApi, IsFollowedForTheOperatorAndForATenant) {
  TestHost host;
  host.make_tenant("red");
  host.make_tenant("blue");
  const std::string auditor = host.make_key("red", "auditor");
  const bj::object whole = document(host.local("GET", "/v1/audit/verification"));
  EXPECT_TRUE(whole.at("intact").as_bool());
  EXPECT_EQ(whole.at("records").as_int64(), 3);
  EXPECT_EQ(whole.at("checked").as_int64(), 3);
  EXPECT_EQ(whole.at("head").at("seq").as_int64(), 3);
  const bj::object own = document(host.tcp("GET", "/v1/audit/verification", auditor));
  EXPECT_TRUE(own.at("intact").as_bool());
  EXPECT_EQ(own.at("records").as_int64(), 1);
  EXPECT_FALSE(own.contains("head") || own.contains("checked")) << "it counts the records of all tenants";
}

TEST(AuditText, ATenantSeesItsOwnBreaksAndOfTheOthersThatThereAreSome) {
  registry::AuditReport report;
  report.records = 900;
  report.numbers = {{"red", 2}, {"blue", 897}};
  report.breaks = {{100, "blue", 90, "it was changed", {}, false},
                   {200, "blue", 190, "it was changed", {}, false},
                   {300, "red", 2, "it was changed", {}, false}};
  const std::string text = audit_report_text(report, "red");
  const bj::object own = bj::parse(text).as_object();
  EXPECT_FALSE(own.at("intact").as_bool());
  EXPECT_EQ(own.at("breaks").as_array().size(), 2u);
  EXPECT_EQ(own.at("breaks").as_array()[1].at("seq").as_int64(), 2);
  for (const char* foreign : {"100", "200", "300", "90", "blue", "897"})
    EXPECT_EQ(text.find(foreign), std::string::npos) << foreign << " in " << text;
  EXPECT_EQ(bj::parse(audit_report_text(report, "")).at("breaks").as_array().size(), 3u);
}

// ---- wrong keys

TEST(WrongKeysApi, AreSlowedDownCountedAndRecordedOnce) {
  TestHost host;
  host.make_tenant("red");
  const std::string right = host.make_key("red", "auditor");
  EXPECT_EQ(host.tcp("GET", "/v1/whoami", right).status, 200);
  std::string wrong = right;
  wrong.replace(wrong.size() - 8, 8, "00000000");
  // However slow this machine is: free ones come back with time, and so it may take a few more.
  const auto figure = [&](const std::string& name) {
    const std::string text = host.local("GET", "/metrics").body;
    const size_t at = text.find("\npirn_" + name + " ");
    EXPECT_NE(at, std::string::npos) << text;
    return at == std::string::npos ? 0 : std::stoul(text.substr(at + name.size() + 7));
  };
  size_t sent = 0;
  while (figure("wrong_keys_held_back_total") == 0 && sent < 200) {
    EXPECT_EQ(host.tcp("GET", "/v1/whoami", wrong).status, 401);
    ++sent;
  }
  EXPECT_GT(sent, 10u) << "some cost nothing";
  EXPECT_LT(sent, 200u);
  EXPECT_EQ(figure("wrong_keys_total"), sent);
  EXPECT_EQ(host.tcp("GET", "/v1/whoami", right).status, 200) << "a right key of the same address";
  EXPECT_NE(host.local("GET", "/v1/health")
                .body.find(std::to_string(sent) + " requests with wrong API keys, 1 held back"),
            std::string::npos);
  // The records are written beside the answers.
  bj::array found;
  for (int i = 0; i < 1000 && found.empty(); ++i)
    found = records(host.local("GET", "/v1/audit?action=authenticate"));
  ASSERT_FALSE(found.empty());
  EXPECT_LE(found.size(), 16u);
  EXPECT_EQ(found[0].at("actor").as_string(), "peer/127.0.0.1");
  EXPECT_EQ(found[0].at("outcome").as_string(), "unauthenticated");
}

// Many people come from one address, and one of them sends nonsense.
TEST(WrongKeysApi, NonsenseDelaysNobodyElseOfItsAddress) {
  TestHost host([](HostOptions& options) { options.free_wrong_keys = 1; });
  host.make_tenant("red");
  const std::string right = host.make_key("red", "auditor");
  const std::string nonsense = " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer nonsense\r\n\r\n";
  std::vector<TestHost::Held> flood;
  for (int i = 0; i < 100; ++i) flood.push_back(host.hold("GET /v1/whoami" + nonsense));
  std::string refused;
  for (auto each = flood.rbegin(); each != flood.rend() && refused.empty(); ++each)
    if (std::string answer = each->read_until("\r\n\r\n"); answer.starts_with("HTTP/1.1 429"))
      refused = std::move(answer);
  EXPECT_EQ(host.tcp("GET", "/v1/whoami", right).status, 200);
  EXPECT_TRUE(host.raw("GET /livez" + nonsense).starts_with("HTTP/1.1 200")) << "it looks at no keys";
  const size_t at = refused.find("Retry-After: ");
  ASSERT_NE(at, std::string::npos) << refused;
  const int seconds = std::stoi(refused.substr(at + 13));
  EXPECT_TRUE(seconds >= 1 && seconds <= 6) << "until the next one is free: " << refused;
  EXPECT_EQ(refused.find("Retry-After: ", at + 1), std::string::npos) << refused;
}

// ---- streams

struct Opened {
  int fd = -1;
  ~Opened() {
    if (fd >= 0) close(fd);
  }
  // Reads until `text` has come; false when the host closes before.
  bool until(const std::string& text) {
    char buffer[4096];
    while (got.find(text) == std::string::npos) {
      const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
      if (n <= 0) return false;
      got.append(buffer, static_cast<size_t>(n));
    }
    return true;
  }
  bool until_closed() {
    char buffer[4096];
    ssize_t n;
    while ((n = recv(fd, buffer, sizeof buffer, 0)) > 0) got.append(buffer, static_cast<size_t>(n));
    return n == 0 || errno == ECONNRESET;  // not the limit of the socket's patience
  }
  std::string got;
};

// A stream of an execution that begins tomorrow: nothing comes, and nothing ends it.
class Streams : public ::testing::Test {
 protected:
  Streams() : host_([](HostOptions& options) { options.probe_program = PIRN_PROBE_PROGRAM; }) {
    Teller().deploy(host_, "red");
    const Answer started =
        host_.local("POST", "/v1/executions?tenant=red", R"({"workflow":"story","in":"1d"})");
    EXPECT_EQ(started.status, 201) << started.body;
    stream_ = "/v1/executions/" + started.member("id") + "/stream";
  }
  // Opens it with a key and reads what there is of the journal.
  void open(Opened& opened, const std::string& key) {
    opened.fd = host_.open_tcp("GET " + stream_ + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " +
                               key + "\r\n\r\n");
    ASSERT_TRUE(opened.until("workflow.create")) << opened.got;
  }
  TestHost host_;
  std::string stream_;
};

TEST_F(Streams, OfARevokedKeyEndAtOnceAndNoOthers) {
  const Answer made = host_.local("POST", "/v1/keys?tenant=red", R"({"role":"viewer"})");
  const std::string key = made.member("token"), other = host_.make_key("red", "viewer");
  Opened first, second, neighbour;
  open(first, key);
  open(second, key);
  open(neighbour, other);
  EXPECT_EQ(host_.local("DELETE", "/v1/keys/" + made.member("id") + "?tenant=red").status, 200);
  EXPECT_TRUE(first.until_closed());
  EXPECT_TRUE(second.until_closed());
  EXPECT_EQ(host_.tcp("GET", stream_, key).member("name"), "key_revoked");
  // The neighbour still hears what happens.
  EXPECT_EQ(
      host_.local("POST", stream_.substr(0, stream_.rfind('/')) + "/cancel?tenant=red", "{}").status / 100,
      2);
  EXPECT_TRUE(neighbour.until("workflow.stop")) << neighbour.got;
}

TEST_F(Streams, AKeyThatRevokesItselfIsAnswered) {
  const Answer made = host_.local("POST", "/v1/keys?tenant=red", R"({"role":"tenant-admin"})");
  const std::string key = made.member("token");
  Opened stream;
  open(stream, key);
  EXPECT_EQ(host_.tcp("DELETE", "/v1/keys/" + made.member("id"), key).status, 200);
  EXPECT_TRUE(stream.until_closed());
}

TEST_F(Streams, EndWhenTheirKeyExpires) {
  // Long enough for the stream to be opened, which is tried again on a machine that is too busy for that.
  for (int64_t seconds = 1; seconds <= 16; seconds *= 2) {
    const std::string key =
        host_
            .local("POST", "/v1/keys?tenant=red",
                   R"({"role":"viewer","expires_in":")" + std::to_string(seconds) + "s\"}")
            .member("token");
    Opened stream;
    stream.fd = host_.open_tcp("GET " + stream_ + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " +
                               key + "\r\n\r\n");
    if (!stream.until("workflow.create")) continue;
    EXPECT_TRUE(stream.until_closed());
    EXPECT_EQ(host_.tcp("GET", stream_, key).member("name"), "key_expired");
    return;
  }
  FAIL() << "no stream could be opened within 16 s";
}

}  // namespace
}  // namespace pirn::api
