#include "host/events/event_text.h"

#include <boost/json.hpp>
#include <charconv>

#include "host/journal/value.h"
#include "packager/json/json.h"

namespace pirn::events {

namespace {

// Reads a text from its front.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  bool literal(std::string_view expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }
  template <class Integer>
  bool integer(Integer& value) {
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc()) return false;
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    return true;
  }
  // A string without escapes.
  bool word(std::string_view& value) {
    if (!literal("\"")) return false;
    const size_t end = rest_.find('"');
    if (end == std::string_view::npos) return false;
    value = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return true;
  }
  // An object, up to its closing brace.
  bool object(std::string_view& value) {
    if (!rest_.starts_with('{')) return false;
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < rest_.size(); ++i) {
      const char c = rest_[i];
      if (in_string) {
        if (c == '\\')
          ++i;
        else if (c == '"')
          in_string = false;
      } else if (c == '"') {
        in_string = true;
      } else if (c == '{' || c == '[') {
        ++depth;
      } else if ((c == '}' || c == ']') && --depth == 0) {
        value = rest_.substr(0, i + 1);
        rest_.remove_prefix(i + 1);
        return true;
      }
    }
    return false;
  }
  bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

Error not_a_body() { return Error{Code::internal, "a row of the journal is not a commit", {}, Blame::pirn}; }

}  // namespace

std::string member(std::string_view object, std::string_view key) {
  const auto value = parse_own_json(object, "an event", {});
  if (!value || !value->is_object()) return {};
  const boost::json::value* found = value->as_object().if_contains(key);
  return found == nullptr || found->is_null() ? std::string() : canonical(*found);
}

Status for_each_event(std::string_view body, const std::function<void(const EventView&)>& visit) {
  Cursor cursor(body);
  EventView event;
  if (!cursor.literal("{\"at\":") || !cursor.integer(event.at) || !cursor.literal(",\"events\":["))
    return not_a_body();
  for (bool first = true; !cursor.literal("]"); first = false) {
    if (!first && !cursor.literal(",")) return not_a_body();
    if (!cursor.object(event.text)) return not_a_body();
    Cursor head(event.text);
    if (!head.literal("{\"seq\":") || !head.integer(event.seq) || !head.literal(",\"type\":") ||
        !head.word(event.type))
      return not_a_body();
    visit(event);
  }
  return cursor.literal("}") && cursor.done() ? Status() : not_a_body();
}

void append_event(std::string& out, const EventView& event, uint32_t commit_no) {
  out += "{\"at\":";
  journal::append_integer(out, event.at);
  out += ",\"commit\":";
  journal::append_unsigned(out, commit_no);
  out += ',';
  out += event.text.substr(1);
}

void append_position(std::string& out, Position position) {
  journal::append_unsigned(out, position.seq);
  if (position.line == 0) return;
  out += '.';
  journal::append_unsigned(out, position.line);
}

Result<Position> parse_position(std::string_view text) {
  Position position;
  Cursor cursor(text);
  const bool well = text.size() <= 41 && cursor.integer(position.seq) &&
                    (!cursor.literal(".") || cursor.integer(position.line)) && cursor.done();
  if (well) return position;
  return Error{Code::invalid_argument,
               "'" + std::string(text.substr(0, 64)) + "' is not the id of an event of a stream",
               "It is the id of the last event that was received, as it stood there."};
}

Status EventStream::commit(std::string& out, uint32_t commit_no, std::string_view body) {
  if (commit_no <= commit_ || ended_) return {};
  PIRN_DO(for_each_event(body, [&](const EventView& event) {
    if (event.type == "workflow.fail") error_ = member(event.text, "error");
    if (event.seq > at_.seq) {
      at_.seq = event.seq;
      out += "id: ";
      append_position(out, at_);
      out += "\nevent: ";
      out += event.type;
      out += "\ndata: ";
      append_event(out, event, commit_no);
      out += "\n\n";
    }
    if (event.type == "workflow.stop") end(out, event.text, commit_no);
  }));
  commit_ = commit_no;
  return {};
}

void EventStream::end(std::string& out, std::string_view stop_event, uint32_t commit_no) {
  const std::string state = member(stop_event, "state");
  out += "event: end\ndata: {\"session\":\"" + id_.text() + "\",\"status\":";
  out += state == "\"completed\"" ? "\"completed\"" : "\"error\"";
  out += ",\"state\":" + (state.empty() ? "null" : state) + ",\"step\":";
  journal::append_unsigned(out, commit_no);
  if (!error_.empty()) out += ",\"error\":" + error_;
  out += "}\n\n";
  ended_ = true;
}

void EventStream::live(std::string& out, std::string_view name, std::string_view object, uint64_t line) {
  if (line != 0) {
    if (line <= at_.line) return;  // once from the logbook, once from the feed
    at_.line = line;
    out += "id: ";
    append_position(out, at_);
    out += '\n';
  }
  out += "event: ";
  out += name;
  out += "\ndata: ";
  out += object;
  out += "\n\n";
}

void EventStream::gap(std::string& out, uint64_t lost) const {
  out += "event: gap\ndata: {\"lost\":";
  journal::append_unsigned(out, lost);
  out += ",\"after\":";
  journal::append_unsigned(out, at_.seq);
  out += "}\n\n";
}

}  // namespace pirn::events
