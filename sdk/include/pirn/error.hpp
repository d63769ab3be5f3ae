// Errors of a step: what fail() of outcome.hpp is given, and what may be thrown. Both mean the same, and the
// step's retry policy decides what follows.
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

// Whether an error may be retried (docs/semantics.md, 2.2). A pattern in retry_on matches exactly one class.
enum class ErrorClass : uint32_t {
  retryable = PIRN_CLASS_RETRYABLE,  // the step's retry policy decides
  transient = PIRN_CLASS_TRANSIENT,  // the same; the cause is expected to go away without intervention
  terminal = PIRN_CLASS_TERMINAL,    // never retried
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

// The code of an error, [a-z0-9_.-]{1,64}. The compiler checks literals. Text that is known only at run time
// is taken as it is, and the host repairs it (text::repaired_error_code). A conditional expression looks like
// a literal when both of its texts have the same length, and then does not compile: write
// std::string(busy ? "refused" : "timeout").
//
// Refers to the text and does not own it: use it as a parameter only.
class ErrorCode {
 public:
  // A literal, which must be a code.
  template <size_t N>
  consteval ErrorCode(const char (&literal)[N]) : text_(literal, N - 1) {
    if (!text::is_error_code(text_))
      detail::an_error_code_is_1_to_64_characters_of_a_to_z_0_to_9_underscore_dot_and_hyphen();
  }
  // A NUL-terminated text in a buffer.
  template <size_t N>
  ErrorCode(char (&buffer)[N]) : text_(static_cast<const char*>(buffer)) {}
  // Text that is known only at run time. A `const char*` must not be NULL.
  template <class T>
  requires(std::convertible_to<const T&, std::string_view> && !std::is_array_v<T>) ErrorCode(const T& text)
      : text_(text) {}

  // The code as it was given. Lent: valid as long as the text that it was made from.
  constexpr std::string_view view() const { return text_; }

 private:
  std::string_view text_;
};

class Value;
namespace json {
class View;
}

// An exception that becomes the error of the step that throws it. Any other exception becomes the error
// `exception`, of class retryable, with what() as its message. Owns its data.
//
// The error of the step keeps the causes: first those given to caused_by(), then those that
// std::throw_with_nested() has nested in the exception, outermost first, at most kMaxCauses. They are the
// member `causes` of the error's details, [{"code","message","class","details"}]; an exception that is not a
// pirn::Error has only a message. The host adds the member `stacktrace`, which shows where the exception was
// thrown. Both are added only if the details are an object or absent, and the details have no such member.
class Error : public std::exception {
 public:
  // An error without details. `message` is for people: at most 4 KiB of UTF-8; the host repairs other text.
  Error(ErrorCode code, std::string message, ErrorClass error_class = retryable)
      : code_(code.view()), message_(std::move(message)), class_(error_class) {}
  // An error with details: any value but bytes, at most 16 KiB as JSON; a host keeps the beginning of longer
  // details as a string. Retry lists and recovery rules can match them. Errors: invalid_value for bytes,
  // infinity and NaN.
  Error(ErrorCode code, std::string message, ErrorClass error_class, const Value& details);

  // Adds `cause` and its causes to this error, in place of those set before:
  // throw pirn::Error("upload_failed", "…").caused_by(e).
  Error&& caused_by(const Error& cause) &&;

  // What the constructor was given. References are valid as long as this error.
  const std::string& code() const noexcept { return code_; }
  const std::string& message() const noexcept { return message_; }
  ErrorClass error_class() const noexcept { return class_; }
  // The details; null if there are none. Lent: valid as long as this error.
  json::View details() const;
  // What caused_by() has set: an array, in the form described above; [] if it was not called. Lent: valid as
  // long as this error.
  json::View causes() const;
  // The message, as message().
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string code_, message_;
  ErrorClass class_;
  // JSON text instead of Values: <memory> would declare alarm() and its like to authors.
  std::string details_ = "null", causes_ = "[]";
};

// How many causes an error keeps: the outermost ones.
inline constexpr int kMaxCauses = 8;

}  // namespace pirn::inline sdk
