// What an exception that leaves a function says of its causes, as details of the step's error (error.hpp).
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

// A class of the author's may answer nothing at all.
inline std::string_view what_of(const std::exception& e) noexcept {
  const char* what = e.what();
  return what != nullptr ? what : "";
}

inline Value one_cause(const Error& e) {
  constexpr const char* names[] = {"retryable", "transient", "terminal"};
  Fields fields{{"code", text::repaired(e.code(), 64)},
                {"message", text::repaired(e.message(), 4096)},
                {"class", names[static_cast<uint32_t>(e.error_class())]}};
  if (e.details() != nullptr && e.details()->type() != PIRN_T_BYTES) fields.add("details", *e.details());
  return json::object(fields);
}

// The causes of an exception, without itself; outermost first.
class Causes {
 public:
  explicit Causes(const std::exception& thrown) { visit(thrown); }

  // A JSON array; empty when there are none.
  std::string json() const {
    std::string out;
    for (const Value& cause : causes_) {
      out += out.empty() ? '[' : ',';
      cause.append_json(out);
    }
    return out.empty() ? out : out + ']';
  }

 private:
  bool full() const { return causes_.size() >= static_cast<size_t>(kMaxCauses); }

  void add(const std::exception& cause) {
    const auto* error = dynamic_cast<const Error*>(&cause);
    causes_.push_back(error != nullptr
                          ? one_cause(*error)
                          : Value(json::object({{"message", text::repaired(what_of(cause), 4096)}})));
    visit(cause);
  }

  void visit(const std::exception& e) {
    if (const auto* error = dynamic_cast<const Error*>(&e))
      if (error->cause() != nullptr && !full()) add(*error->cause());
    const auto* nested = dynamic_cast<const std::nested_exception*>(&e);
    if (nested == nullptr || !nested->nested_ptr() || full()) return;
    try {
      nested->rethrow_nested();
    } catch (const std::exception& cause) {
      add(cause);
    } catch (...) {
      causes_.push_back(json::object({{"message", "an exception that is not a std::exception"}}));
    }
  }

  std::vector<Value> causes_;
};

// nullopt: they stay as they are.
inline std::optional<Value> details_with_causes(const Value* details, const std::exception& thrown) {
  if (details != nullptr && !details->is_object()) return std::nullopt;
  const std::string causes = Causes(thrown).json();
  if (causes.empty()) return std::nullopt;
  std::string object = details != nullptr ? details->to_json() : "{}";
  const json::View members{object};
  if (members.find("causes")) return std::nullopt;
  const bool empty = members.size() == 0;
  object.erase(object.find_last_of('}'));
  object += (empty ? "\"causes\":" : ",\"causes\":") + causes + "}";
  return Value(json::raw(std::move(object)));
}

}  // namespace pirn::inline sdk::detail
