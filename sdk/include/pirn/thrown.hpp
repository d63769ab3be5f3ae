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

// what() of an author's class may return NULL.
inline std::string_view what_of(const std::exception& e) noexcept {
  const char* what = e.what();
  return what != nullptr ? what : "";
}

// The causes of an exception, without the exception itself, outermost first. Each is a JSON object.
class Causes {
 public:
  explicit Causes(const std::exception& thrown) { visit(thrown); }
  Causes() = default;

  void add(const std::exception& cause) {
    if (const auto* error = dynamic_cast<const Error*>(&cause))
      push(object_of(*error));
    else
      push(json::object({{"message", text::repaired(what_of(cause), 4096)}}).str());
    visit(cause);
  }

  bool empty() const { return causes_.empty(); }
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

  static std::string object_of(const Error& e) {
    Fields fields{{"code", text::repaired(e.code(), 64)},
                  {"message", text::repaired(e.message(), 4096)},
                  {"class", name_of(e.error_class())}};
    if (!e.details().is_null()) fields.add("details", json::raw(std::string(e.details().text())));
    return json::object(fields).str();
  }

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

// The details of the author with the causes added, if the details are an object without `causes` or are null.
// nullopt: there are neither.
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

inline Error&& Error::caused_by(const Error& cause) && {
  detail::Causes causes;
  causes.add(cause);
  causes_ = causes.json();
  return std::move(*this);
}

}  // namespace pirn::inline sdk
