#include "tests/crash/client.h"

#include <curl/curl.h>

#include "tests/crash/host.h"

namespace pirn::crash {
namespace json = boost::json;
namespace {

size_t append(char* data, size_t size, size_t count, void* out) {
  static_cast<std::string*>(out)->append(data, size * count);
  return size * count;
}

std::string text_of(const json::object& object, const char* key) {
  const auto* value = object.if_contains(key);
  return value && value->is_string() ? std::string(value->as_string()) : std::string();
}

int64_t number_of(const json::object& object, const char* key) {
  const auto* value = object.if_contains(key);
  return value && value->is_number() ? value->to_number<int64_t>() : 0;
}

Event event_of(const json::object& object) {
  Event event;
  event.seq = static_cast<uint64_t>(number_of(object, "seq"));
  event.at_ns = number_of(object, "at");
  event.type = text_of(object, "type");
  event.step = text_of(object, "step");
  event.state = text_of(object, "state");
  event.attempt = static_cast<uint32_t>(number_of(object, "attempt"));
  event.invocation = static_cast<uint64_t>(number_of(object, "invocation"));
  event.wake_at = number_of(object, "wake_at");
  return event;
}

}  // namespace

Client::Client(std::string socket, std::string tenant)
    : socket_(std::move(socket)), tenant_(std::move(tenant)), handle_(curl_easy_init()) {}

Client::~Client() { curl_easy_cleanup(handle_); }

std::optional<Answer> Client::get(const std::string& path) { return request(path, nullptr, ""); }

std::optional<Answer> Client::post(const std::string& path, const std::string& body, const std::string& key) {
  return request(path, &body, key);
}

std::optional<Answer> Client::request(const std::string& path, const std::string* body,
                                      const std::string& key) {
  std::string text;
  curl_slist* headers = nullptr;
  curl_easy_reset(handle_);
  curl_easy_setopt(handle_, CURLOPT_UNIX_SOCKET_PATH, socket_.c_str());
  curl_easy_setopt(handle_, CURLOPT_URL, ("http://localhost" + path).c_str());
  curl_easy_setopt(handle_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle_, CURLOPT_TIMEOUT_MS, 30'000L);
  curl_easy_setopt(handle_, CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(handle_, CURLOPT_WRITEDATA, &text);
  if (!tenant_.empty()) headers = curl_slist_append(headers, ("Pirn-Tenant: " + tenant_).c_str());
  if (!key.empty()) headers = curl_slist_append(headers, ("Idempotency-Key: " + key).c_str());
  if (body) {
    headers = curl_slist_append(headers, "Content-Type: application/json");
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDS, body->c_str());
  }
  curl_easy_setopt(handle_, CURLOPT_HTTPHEADER, headers);
  const CURLcode result = curl_easy_perform(handle_);
  Answer answer;
  curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &answer.status);
  curl_slist_free_all(headers);
  if (result != CURLE_OK) return std::nullopt;
  json::error_code error;
  answer.body = json::parse(text, error);
  if (error) answer.body = nullptr;
  return answer;
}

std::optional<std::string> Client::start_execution(const std::string& workflow, const std::string& input,
                                                   const std::string& key) {
  const auto answer =
      post("/v1/executions", R"({"workflow":")" + workflow + R"(","input":)" + input + "}", key);
  if (!answer || answer->status == 503) return std::nullopt;  // 503: it has said that it did not take it
  if (answer->status / 100 != 2 || !answer->body.is_object())
    give_up("a start answered " + std::to_string(answer->status) + ": " + json::serialize(answer->body));
  return text_of(answer->body.as_object(), "id");
}

std::optional<Shown> Client::show(const std::string& id) {
  const auto answer = get("/v1/executions/" + id);
  if (!answer || answer->status == 503) return std::nullopt;
  if (answer->status != 200)
    give_up("execution " + id + " was acknowledged, and showing it answers " +
            std::to_string(answer->status));
  const auto& object = answer->body.as_object();
  Shown shown{text_of(object, "id"), text_of(object, "state"), text_of(object, "version"), {}, 0};
  for (const auto& step : object.at("steps").as_array())
    if (text_of(step.as_object(), "state") == "completed")
      shown.completed_steps.push_back(text_of(step.as_object(), "name"));
  shown.total = number_of(object.at("context").as_object(), "total");
  return shown;
}

std::optional<std::vector<Event>> Client::events(const std::string& id) {
  std::vector<Event> events;
  while (true) {
    const uint64_t after = events.empty() ? 0 : events.back().seq;
    const auto answer = get("/v1/executions/" + id + "/events?limit=1000&after=" + std::to_string(after));
    if (!answer || answer->status == 503) return std::nullopt;
    if (answer->status != 200) give_up("the journal of " + id + " answers " + std::to_string(answer->status));
    const auto& page = answer->body.as_object().at("events").as_array();
    for (const auto& event : page) events.push_back(event_of(event.as_object()));
    if (page.size() < 1000) return events;
  }
}

std::optional<std::vector<std::string>> Client::list() {
  std::vector<std::string> ids;
  std::string cursor;
  while (true) {
    const auto answer = get("/v1/executions?limit=1000" + (cursor.empty() ? "" : "&cursor=" + cursor));
    if (!answer || answer->status == 503) return std::nullopt;
    if (answer->status != 200) give_up("the list of executions answers " + std::to_string(answer->status));
    const auto& object = answer->body.as_object();
    for (const auto& line : object.at("executions").as_array())
      ids.push_back(text_of(line.as_object(), "id"));
    cursor = text_of(object, "cursor");
    if (cursor.empty()) return ids;
  }
}

}  // namespace pirn::crash
