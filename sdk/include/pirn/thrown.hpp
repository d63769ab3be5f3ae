// How the causes of an exception become details of the step's error (error.hpp). For the SDK; authors need
// nothing from here.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pirn/error.hpp"
#include "pirn/text.hpp"
#include "pirn/value.hpp"

namespace pirn::inline sdk::detail {

// The message of an exception; empty if what(), which may be an author's, returns NULL. Lent as what() lends
// it.
inline std::string_view what_of(const std::exception& e) noexcept {
  const char* what = e.what();
  return what != nullptr ? what : "";
}

// The causes of an exception, without the exception itself, outermost first. Each is a JSON object with texts
// that a host accepts: `code` (64 bytes), `message` (4 KiB), `class`, `details`. At most kMaxCauses; the
// others are left out. Owns copies.
class Causes {
 public:
  // The causes of `thrown`.
  explicit Causes(const std::exception& thrown) { visit(thrown); }
  // None.
  Causes() = default;

  // Appends `cause` and its causes.
  void add(const std::exception& cause) {
    if (const auto* error = dynamic_cast<const Error*>(&cause))
      push(object_of(*error));
    else
      push(json::object({{"message", text::repaired(what_of(cause), 4096)}}).str());
    visit(cause);
  }

  bool empty() const { return causes_.empty(); }
  // All of them as a JSON array.
  std::string json() const {
    std::string out = "[";
    for (const std::string& cause : causes_) {
      if (out.size() > 1) out += ',';
      out += cause;
    }
    return out += ']';
  }

 private:
  void push(std::string cause) {
    if (causes_.size() < static_cast<size_t>(kMaxCauses)) causes_.push_back(std::move(cause));
  }

  // The JSON object of an error of an author.
  static std::string object_of(const Error& e) {
    Fields fields{{"code", text::repaired(e.code(), 64)},
                  {"message", text::repaired(e.message(), 4096)},
                  {"class", name_of(e.error_class())}};
    if (!e.details().is_null()) fields.add("details", json::raw(std::string(e.details().text())));
    return json::object(fields).str();
  }

  // Appends the causes of `e`: those of caused_by() first, then those that std::throw_with_nested() has
  // nested. Recursive: an exception that nests more than kMaxCauses others is not followed further.
  void visit(const std::exception& e) {
    if (const auto* error = dynamic_cast<const Error*>(&e))
      for (const json::View cause : error->causes().items()) push(std::string(cause.text()));
    const auto* nested = dynamic_cast<const std::nested_exception*>(&e);
    if (nested == nullptr || !nested->nested_ptr() || causes_.size() >= static_cast<size_t>(kMaxCauses))
      return;
    try {
      nested->rethrow_nested();
    } catch (const std::exception& cause) {
      add(cause);
    } catch (...) {
      push(json::object({{"message", "an exception that is not a std::exception"}}).str());
    }
  }

  std::vector<std::string> causes_;
};

// The details of the author, with the causes of `thrown` added as the member `causes` if the details are an
// object without such a member or are null. nullopt: there are neither details nor causes. Throws
// std::bad_alloc, and pirn::Error if the details are not JSON.
inline std::optional<Value> details_with_causes(json::View details, const std::exception& thrown) {
  const Causes causes(thrown);
  std::string text(details.text());
  if (!causes.empty() && (details.is_null() || (details.is_object() && !details.find("causes")))) {
    if (details.is_null()) text = "{}";
    const bool first = details.size() == 0;
    text.erase(text.find_last_of('}'));
    text += (first ? "\"causes\":" : ",\"causes\":") + causes.json() + "}";
  }
  if (text == "null") return std::nullopt;
  return Value(json::raw(std::move(text)));
}

}  // namespace pirn::inline sdk::detail

namespace pirn::inline sdk {

// See error.hpp. Throws std::bad_alloc.
inline Error&& Error::caused_by(const Error& cause) && {
  detail::Causes causes;
  causes.add(cause);
  causes_ = causes.json();
  return std::move(*this);
}

}  // namespace pirn::inline sdk
