// Errors of a step: what fail() returns and what may be thrown; either way the step's retry policy decides.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "pirn/abi.h"
#include "pirn/text.hpp"

namespace pirn::inline sdk {

enum class ErrorClass : uint32_t {
  retryable = PIRN_CLASS_RETRYABLE,
  transient = PIRN_CLASS_TRANSIENT,
  terminal = PIRN_CLASS_TERMINAL,
};
inline constexpr ErrorClass retryable = ErrorClass::retryable;
inline constexpr ErrorClass transient = ErrorClass::transient;
inline constexpr ErrorClass terminal = ErrorClass::terminal;

namespace detail {
// The class as definitions and details of errors name it. `c`: one of the three.
constexpr const char* name_of(ErrorClass c) {
  return c == transient ? "transient" : c == terminal ? "terminal" : "retryable";
}

// Not constexpr, so that the compiler stops at the code and names this function.
inline void an_error_code_is_1_to_64_characters_of_a_to_z_0_to_9_underscore_dot_and_hyphen() {}
}  // namespace detail

// The code of an error: [a-z0-9_.-]{1,64}. A literal is checked by the compiler. A text that is only known at
// run time is taken as it is, and the host repairs it (text.hpp). `busy ? "refused" : "timeout"` is known
// only at run time, yet looks like a literal where both have the same length: write std::string(busy ? … :
// …).
//
// Refers to the text and does not own it: use it as a parameter only.
class ErrorCode {
 public:
  template <size_t N>
  consteval ErrorCode(const char (&literal)[N]) : text_(literal, N - 1) {
    if (!text::is_error_code(text_))
      detail::an_error_code_is_1_to_64_characters_of_a_to_z_0_to_9_underscore_dot_and_hyphen();
  }
  template <size_t N>
  ErrorCode(char (&buffer)[N]) : text_(static_cast<const char*>(buffer)) {}
  template <class T>
  requires(std::convertible_to<const T&, std::string_view> && !std::is_array_v<T>) ErrorCode(const T& text)
      : text_(text) {}

  constexpr std::string_view view() const { return text_; }

 private:
  std::string_view text_;
};

class Value;
namespace json {
class View;
}

// Thrown out of a step it becomes that step's error. Any other exception becomes the error `exception`.
//
// The step's error keeps the causes: those given by caused_by(), then what std::throw_with_nested() nested
// in the exception, outermost first, at most kMaxCauses. They are the member `causes` of the error's details,
// [{"code","message","class","details"}], where an exception that is not a pirn::Error has a message only.
// The host adds the member `stacktrace`, which says where the exception was thrown. Both need details that
// are an object, or none at all; other details arrive as they are, without them.
class Error : public std::exception {
 public:
  Error(ErrorCode code, std::string message, ErrorClass error_class = retryable)
      : code_(code.view()), message_(std::move(message)), class_(error_class) {}
  // `details`: any value but bytes, as in fail(). Retry lists and recovery rules can match it.
  Error(ErrorCode code, std::string message, ErrorClass error_class, const Value& details);

  // Keeps what led to this error, with its own causes: throw pirn::Error(code, "…").caused_by(e).
  Error&& caused_by(const Error& cause) &&;

  const std::string& code() const noexcept { return code_; }
  const std::string& message() const noexcept { return message_; }
  ErrorClass error_class() const noexcept { return class_; }
  // null: none. Borrowed from this error.
  json::View details() const;
  // An array, as in the details of the step's error. Borrowed from this error.
  json::View causes() const;
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string code_, message_;
  ErrorClass class_;
  std::string details_ = "null",
              causes_ = "[]";  // JSON: <memory> would declare alarm() and its kind to authors
};

inline constexpr int kMaxCauses = 8;

}  // namespace pirn::inline sdk
