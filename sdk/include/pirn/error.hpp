// Errors of a step: what fail() returns and what may be thrown; either way the step's retry policy decides.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <utility>

#include "pirn/abi.h"

namespace pirn::inline sdk {

enum class ErrorClass : uint32_t {
  retryable = PIRN_CLASS_RETRYABLE,
  transient = PIRN_CLASS_TRANSIENT,
  terminal = PIRN_CLASS_TERMINAL,
};
inline constexpr ErrorClass retryable = ErrorClass::retryable;
inline constexpr ErrorClass transient = ErrorClass::transient;
inline constexpr ErrorClass terminal = ErrorClass::terminal;

// Thrown out of a step it becomes that step's error. Any other exception becomes the error `exception`.
class Error : public std::exception {
 public:
  Error(std::string code, std::string message, ErrorClass error_class = retryable)
      : code_(std::move(code)), message_(std::move(message)), class_(error_class) {}

  const std::string& code() const noexcept { return code_; }
  const std::string& message() const noexcept { return message_; }
  ErrorClass error_class() const noexcept { return class_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string code_, message_;
  ErrorClass class_;
};

}  // namespace pirn::inline sdk
