#include "host/cli/client.h"

#include <curl/curl.h>
#include <sys/socket.h>

#include <boost/json.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>

#include "host/cli/input.h"
#include "host/host.h"
#include "packager/definition/definition.h"
#include "packager/definition/workflow_name.h"
#include "packager/json/json.h"
#include "packager/json/plain_text.h"

namespace pirn::cli {

namespace {

namespace bj = boost::json;

volatile std::sig_atomic_t g_interrupted = 0;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

// The first line of a file.
Result<std::string> read_key(const std::string& file) {
  PIRN_TRY(std::string line, read_file(file));
  line.erase(std::min(line.find('\n'), line.size()));
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
  if (line.empty()) return Error{Code::usage, "the key file '" + file + "' has no key on its first line"};
  return line;
}

// "acme" of a workflow that is named in full, acme::etl::load; else empty.
std::string tenant_of_workflow(const Arguments& arguments) {
  if (!arguments.knows("workflow")) return {};
  return definition::split_workflow_name(arguments.get("workflow")).tenant;
}

Error error_of(const bj::object& problem) {
  Error error;
  const bj::value* name = problem.if_contains("name");
  if (name != nullptr && name->is_string())
    if (const CatalogueEntry* entry = find_catalogue_entry(std::string_view(name->as_string())))
      error.code = entry->code;
  const auto text = [&](std::string_view member) {
    const bj::value* value = problem.if_contains(member);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
  };
  error.message = text("detail");
  error.hint = text("hint");
  if (const bj::value* where = problem.if_contains("where"); where != nullptr && where->is_object()) {
    const bj::object& place = where->as_object();
    const auto number = [&](std::string_view member) {
      const bj::value* value = place.if_contains(member);
      return value != nullptr && value->is_int64() ? static_cast<uint32_t>(value->as_int64()) : 0u;
    };
    const auto word = [&](std::string_view member) {
      const bj::value* value = place.if_contains(member);
      return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
    };
    error.where = Where{word("file"), number("line"), number("column"), word("text")};
  }
  if (const bj::value* causes = problem.if_contains("causes"); causes != nullptr && causes->is_array())
    for (const bj::value& cause : causes->as_array())
      if (cause.is_object()) error.causes.push_back(error_of(cause.as_object()));
  return error;
}

size_t append(char* data, size_t size, size_t count, void* out) {
  static_cast<std::string*>(out)->append(data, size * count);
  return size * count;
}

// Cuts a stream of bytes into server-sent events.
class EventReader {
 public:
  explicit EventReader(const std::function<bool(const ServerEvent&)>& on_event) : on_event_(on_event) {}

  void feed(std::string_view bytes) {
    buffer_ += bytes;
    size_t begin = 0;
    for (size_t end; !done_ && (end = buffer_.find('\n', begin)) != std::string::npos; begin = end + 1)
      line(std::string_view(buffer_).substr(begin, end - begin));
    buffer_.erase(0, begin);
  }
  bool done() const { return done_; }

 private:
  void line(std::string_view text) {
    if (text.empty()) {
      if (!event_.name.empty() || !event_.data.empty()) done_ = !on_event_(event_);
      event_ = {};
    } else if (text.starts_with("id: ")) {
      event_.id = text.substr(4);
    } else if (text.starts_with("event: ")) {
      event_.name = text.substr(7);
    } else if (text.starts_with("data: ")) {
      event_.data += text.substr(6);
    }
  }

  const std::function<bool(const ServerEvent&)>& on_event_;
  std::string buffer_;
  ServerEvent event_;
  bool done_ = false;
};

struct EasyDelete {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct MultiDelete {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct ListDelete {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, ListDelete>;

// A line break in a value would begin a header of its own.
Status check_header(std::string_view what, std::string_view value) {
  for (const char c : value)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return Error{Code::usage, std::string(what) + " has a control character", "Write it on one line."};
  return {};
}

// Ctrl-C ends the wait for a host that does not answer.
void catch_progress(CURL* curl) {
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(
      curl, CURLOPT_XFERINFOFUNCTION,
      +[](void*, curl_off_t, curl_off_t, curl_off_t, curl_off_t) -> int { return interrupted() ? 1 : 0; });
}

// --connect-timeout, else PIRN_CONNECT_TIMEOUT; in ms.
Result<long> read_connect_timeout(const Arguments& arguments) {
  const bool given = arguments.has("connect-timeout");
  const std::string text = arguments.get("connect-timeout", environment("PIRN_CONNECT_TIMEOUT"));
  if (text.empty() && !given) return 10'000L;
  const Result<int64_t> duration = definition::parse_duration(text);
  if (duration && *duration >= 1'000'000 && *duration <= 86'400'000'000'000)
    return static_cast<long>(*duration / 1'000'000);
  return Error{Code::usage,
               std::string(given ? "--connect-timeout" : "PIRN_CONNECT_TIMEOUT") + " is '" + text +
                   "', which is not a duration from 1ms to 24h",
               "Write \"500ms\", \"10s\" or \"1m\"."};
}

void add(List& list, const std::string& line) { list.reset(curl_slist_append(list.release(), line.c_str())); }

}  // namespace

struct Client::State {
  std::string base, socket, key, tenant, options;
  long connect_timeout_ms = 10'000;
  bool connected = false;                                    // the host has answered once
  std::unique_ptr<CURL, EasyDelete> easy{curl_easy_init()};  // keeps the connection between calls

  List prepare(std::string_view method, const std::string& path, const Headers& headers) {
    CURL* curl = easy.get();
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, (base + path).c_str());
    if (!socket.empty()) curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket.c_str());
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, std::string(method).c_str());
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(
        curl, CURLOPT_OPENSOCKETFUNCTION, +[](void*, curlsocktype, curl_sockaddr* address) -> curl_socket_t {
          return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
        });
    List list;
    for (const auto& [name, value] : headers) add(list, name + ": " + value);
    if (!key.empty()) add(list, "Authorization: Bearer " + key);
    if (!tenant.empty()) add(list, "Pirn-Tenant: " + tenant);
    return list;
  }

  // The kernel completes connections that the host never accepts, and a call may take as long as it needs. So
  // the first one is preceded by a question that every host answers at once.
  Status connect() {
    if (connected) return {};
    const List list = prepare("GET", "/livez", {});
    curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, list.get());
    curl_easy_setopt(easy.get(), CURLOPT_TIMEOUT_MS, connect_timeout_ms);
    curl_easy_setopt(
        easy.get(), CURLOPT_WRITEFUNCTION,
        +[](char*, size_t size, size_t count, void*) -> size_t { return size * count; });
    catch_progress(easy.get());
    const CURLcode code = curl_easy_perform(easy.get());
    if (code == CURLE_ABORTED_BY_CALLBACK) return Error{Code::unreachable, "interrupted"};
    if (code != CURLE_OK) return unreachable(code);
    connected = true;
    return {};
  }

  Error unreachable(CURLcode code) const {
    const std::string where = socket.empty() ? base : socket;
    const std::string why = code == CURLE_OPERATION_TIMEDOUT && !connected
                                ? "no answer within " + std::to_string(connect_timeout_ms) + " ms"
                                : curl_easy_strerror(code);
    return Error{Code::unreachable, "no host answers at " + where + ": " + why,
                 socket.empty() ? ""
                                : "Start one: pirn serve" + options +
                                      ". Or choose another: --data DIRECTORY, --server URL.",
                 Blame::world};
  }

  Result<bj::value> finish(CURLcode code, const std::string& body) {
    if (code == CURLE_ABORTED_BY_CALLBACK) return Error{Code::unreachable, "interrupted"};
    if (code != CURLE_OK) {
      const Error error = unreachable(code);
      connected = false;
      return error;
    }
    long status = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
    auto value = parse_own_json(body, "the answer", {});
    if (status >= 400 && value && value->is_object() && value->as_object().contains("detail"))
      return error_of(value->as_object());
    if (!value || status >= 400)
      return Error{
          Code::bad_answer,
          "the answer of " + base + " (status " + std::to_string(status) + ") is not from the Pirn API",
          {},
          Blame::world};
    return std::move(value).value();
  }
};

Client::Client(std::unique_ptr<State> state) : state_(std::move(state)) {}
Client::Client(Client&&) noexcept = default;
Client::~Client() = default;

Result<Client> Client::open(const Arguments& arguments) {
  static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  if (!ready) return Error{Code::internal, "libcurl cannot be initialized", {}, Blame::world};
  auto state = std::make_unique<State>();
  state->base = arguments.get("server", environment("PIRN_SERVER"));
  if (state->base.empty()) {
    state->base = "http://localhost";
    state->socket = data_directory(arguments) + "/pirn.sock";
    if (arguments.has("data")) state->options = " --data " + arguments.get("data");
  } else {
    while (state->base.ends_with('/')) state->base.pop_back();
    if (!state->base.starts_with("http://") && !state->base.starts_with("https://"))
      return Error{Code::usage, "--server needs a URL, not '" + state->base + "'",
                   "Write http://ADDRESS:PORT."};
    if (arguments.has("server")) state->options = " --server " + state->base;
  }
  PIRN_TRY(state->connect_timeout_ms, read_connect_timeout(arguments));
  state->key = environment("PIRN_KEY");
  if (const std::string file = arguments.get("key-file", environment("PIRN_KEY_FILE")); !file.empty()) {
    PIRN_TRY(state->key, read_key(file));
  }
  state->tenant = arguments.get("tenant", tenant_of_workflow(arguments));
  if (state->tenant.empty()) state->tenant = environment("PIRN_TENANT");
  PIRN_DO(check_header("the API key", state->key));
  PIRN_DO(check_header("the tenant's name", state->tenant));
  return Client(std::move(state));
}

const std::string& Client::tenant() const { return state_->tenant; }

std::string Client::context_options() const {
  // What comes from the environment comes from there again.
  const bool named = !state_->tenant.empty() && state_->tenant != environment("PIRN_TENANT");
  return state_->options + (named ? " --tenant " + state_->tenant : "");
}

Result<bj::value> Client::call(std::string_view method, const std::string& path, const std::string& body,
                               const Headers& headers) {
  for (const auto& [name, value] : headers) PIRN_DO(check_header("the value of " + name, value));
  PIRN_DO(state_->connect());
  List list = state_->prepare(method, path, headers);
  CURL* curl = state_->easy.get();
  std::string answer;
  if (!body.empty()) {
    add(list, "Content-Type: application/json");
    add(list, "Expect:");
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  } else if (method == "POST") {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
  }
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list.get());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
  return state_->finish(curl_easy_perform(curl), answer);
}

Result<bj::value> Client::upload(const std::string& path, std::string_view bytes,
                                 const std::function<void(uint64_t, uint64_t)>& progress) {
  PIRN_DO(state_->connect());
  List list = state_->prepare("POST", path, {{"Content-Type", "application/octet-stream"}});
  CURL* curl = state_->easy.get();
  std::string answer;
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list.get());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, bytes.data());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(bytes.size()));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &progress);
  curl_easy_setopt(
      curl, CURLOPT_XFERINFOFUNCTION,
      +[](void* data, curl_off_t, curl_off_t, curl_off_t total, curl_off_t sent) -> int {
        (*static_cast<const std::function<void(uint64_t, uint64_t)>*>(data))(static_cast<uint64_t>(sent),
                                                                             static_cast<uint64_t>(total));
        return interrupted() ? 1 : 0;
      });
  return state_->finish(curl_easy_perform(curl), answer);
}

Result<Client::StreamEnd> Client::stream(const std::string& path, const std::string& last_event_id,
                                         int64_t deadline,
                                         const std::function<bool(const ServerEvent&)>& on_event) {
  PIRN_DO(state_->connect());
  Headers headers = {{"Accept", "text/event-stream"}};
  if (!last_event_id.empty()) headers.emplace_back("Last-Event-ID", last_event_id);
  List list = state_->prepare("GET", path, headers);
  CURL* curl = state_->easy.get();
  struct Sink {
    CURL* curl;
    EventReader reader;
    std::string refusal;
  } sink{curl, EventReader(on_event), {}};
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list.get());
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &sink);
  // A host writes to a stream at least every 15 s: one that says nothing for a minute is gone.
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 60L);
  curl_easy_setopt(
      curl, CURLOPT_WRITEFUNCTION, +[](char* data, size_t size, size_t count, void* to) -> size_t {
        auto& out = *static_cast<Sink*>(to);
        long status = 0;
        curl_easy_getinfo(out.curl, CURLINFO_RESPONSE_CODE, &status);
        if (status == 200)
          out.reader.feed({data, size * count});
        else
          out.refusal.append(data, size * count);
        return out.reader.done() ? 0 : size * count;
      });
  const std::unique_ptr<CURLM, MultiDelete> multi(curl_multi_init());
  curl_multi_add_handle(multi.get(), curl);
  std::optional<StreamEnd> end;
  CURLcode code = CURLE_OK;
  while (!end) {
    int running = 0, waiting = 0;
    curl_multi_perform(multi.get(), &running);
    if (sink.reader.done())
      end = StreamEnd::done;
    else if (interrupted())
      end = StreamEnd::interrupted;
    else if (deadline != 0 && steady_ms() >= deadline)
      end = StreamEnd::timed_out;
    else if (running == 0) {
      end = StreamEnd::lost;
      if (const CURLMsg* message = curl_multi_info_read(multi.get(), &waiting)) code = message->data.result;
    } else {
      const int64_t left = deadline == 0 ? 200 : std::min<int64_t>(200, deadline - steady_ms());
      curl_multi_poll(multi.get(), nullptr, 0, static_cast<int>(std::max<int64_t>(1, left)), nullptr);
    }
  }
  curl_multi_remove_handle(multi.get(), curl);
  if (*end == StreamEnd::lost) state_->connected = false;
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (*end == StreamEnd::lost && status == 0) return state_->unreachable(code);
  if (*end == StreamEnd::lost && status != 200) return state_->finish(CURLE_OK, sink.refusal).error();
  return *end;
}

std::string escape(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char byte : text) {
    const auto c = static_cast<unsigned char>(byte);
    if (is_letter(byte) || is_digit(byte) || c == '-' || c == '_' || c == '.' || c == '~') {
      out += static_cast<char>(c);
    } else {
      out += '%';
      out += kHex[c >> 4];
      out += kHex[c & 15];
    }
  }
  return out;
}

std::string path(std::initializer_list<std::string_view> segments) {
  std::string out = "/v1";
  for (const std::string_view segment : segments) out += "/" + escape(segment);
  return out;
}

void add_query(std::string& path, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  path += path.find('?') == std::string::npos ? '?' : '&';
  path += std::string(name) + "=" + escape(value);
}

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { g_interrupted = 1; };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}
bool interrupted() { return g_interrupted != 0; }

int64_t steady_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::string data_directory(const Arguments& arguments) {
  std::string directory = arguments.get("data", environment("PIRN_DATA"));
  return directory.empty() ? default_data_directory() : directory;
}

}  // namespace pirn::cli
