// Errors at boundaries are values. An Error says what happened (code, message), where (a place in a file),
// what to do (hint) and who is to blame; bugs are assertions, and exceptions never cross a thread or a
// library.
//
// Every function of Pirn that can fail for a reason outside its own code returns Result<T>.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace pirn {

// Names of catalogue.inc. The number is stable and printed as PIRN0102.
enum class Code : uint16_t {
#define PIRN_ERROR(number, name, http, exit, title, fix) name = number,
#include "packager/error/catalogue.inc"
#undef PIRN_ERROR
};

// Who has to act: the caller (bad request), the package (its code or its archive), the world (disk, network,
// another process), or Pirn itself.
enum class Blame : uint8_t { caller, package, world, pirn };

struct CatalogueEntry {
  Code code;
  std::string_view name;  // "not_found"
  int http_status;
  int exit_code;
  std::string_view title;
  std::string_view fix;
};

// Any thread. The entry of a code; every code has one.
const CatalogueEntry& catalogue_entry(Code code);
// Any thread. By name ("not_found") or number ("PIRN0102"); nullptr when there is none.
const CatalogueEntry* find_catalogue_entry(std::string_view name_or_number);
const std::vector<CatalogueEntry>& catalogue();
// "PIRN0102"
std::string code_number(Code code);

// A place in a text that a person wrote. line and column count from 1; 0 = unknown. The column counts
// characters when the line is there to be shown, else bytes.
struct Where {
  std::string file;
  uint32_t line = 0;
  uint32_t column = 0;
  std::string text;  // the line itself as it was written, to be shown; may be empty
};

struct Error {
  Code code = Code::internal;
  std::string message;    // one sentence, names the object
  std::string hint = {};  // what to do; empty: the catalogue's
  Blame blame = Blame::caller;
  Where where = {};
  std::vector<Error> causes = {};  // all the problems found, when there are several

  std::string_view name() const { return catalogue_entry(code).name; }
};

// Several lines for a person: number, message, place with the line, hint, causes. No trailing newline. Made
// printable (packager/error/printable.h): an Error may hold whatever a stranger wrote.
std::string describe(const Error& error);

// A value or an Error. Owns both.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state_.index() == 0; }
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  explicit operator bool() const { return !error_; }
  const Error& error() const& { return *error_; }
  Error&& error() && { return std::move(*error_); }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

// PIRN_TRY(auto x, f());  declares x from the value of f(), or returns its error from this function.
#define PIRN_TRY_CAT2(a, b) a##b
#define PIRN_TRY_CAT(a, b) PIRN_TRY_CAT2(a, b)
#define PIRN_TRY_IMPL(temp, declaration, expression) \
  auto temp = (expression);                          \
  if (!temp) return std::move(temp).error();         \
  declaration = std::move(temp).value()
#define PIRN_TRY(declaration, expression) \
  PIRN_TRY_IMPL(PIRN_TRY_CAT(pirn_result_, __LINE__), declaration, expression)
// PIRN_DO(f());  returns the error of f() from this function, if there is one.
#define PIRN_DO(expression)                                                                      \
  do {                                                                                           \
    if (auto pirn_status_ = (expression); !pirn_status_) return std::move(pirn_status_).error(); \
  } while (0)

// The candidate nearest to `word` by edit distance, for "did you mean"; empty when none is near. What others
// send gets no more work than this: words and candidates of at most kLongestSuggestion bytes are compared, at
// most `most` candidates for a word, which takes a few milliseconds at worst.
inline constexpr size_t kLongestSuggestion = 63;
inline constexpr size_t kMostCompared = 1024;
std::string nearest(std::string_view word, const std::vector<std::string>& candidates,
                    size_t most = kMostCompared);

}  // namespace pirn
