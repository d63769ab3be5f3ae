// Errors that explain themselves: they are matched by code, class and details, keep their causes, and are
// printed for people.
//
// From document 3 (the operations guide): "Error Handling", examples/errors_pretty. The input says what the
// bank answers: {"answers": [503, 200]} has one HTTP status for each attempt.
//
// To run it, pack it as README.md shows, then:
//   input='{"order": "7", "answers": [503, 200]}'
//   pirn run errors_pretty --local --package errors_pretty.pirn --input "$input"
#include <algorithm>
#include <pirn/pirn.hpp>
#include <stdexcept>
#include <string>

using namespace pirn::literals;

namespace {

// ---- throwing

// The lowest layer knows the status and nothing of payments.
void call_bank(int64_t status) {
  if (status == 200) return;
  if (status == 0) throw std::runtime_error("connection reset by peer");
  throw pirn::Error("http_error", "the bank answered " + std::to_string(status),
                    status >= 500 ? pirn::transient : pirn::terminal,
                    pirn::json::object({{"status", status}}));
}

// A layer that adds what it knows, in the ways of C++ (std::throw_with_nested) and of the SDK (caused_by).
void charge(const std::string& order, int64_t status) {
  try {
    call_bank(status);
  } catch (const pirn::Error& e) {
    throw pirn::Error("charge_failed", "order " + order + " was not charged", e.error_class(),
                      pirn::json::raw(std::string(e.details().text())))
        .caused_by(e);
  } catch (const std::exception&) {
    std::throw_with_nested(
        pirn::Error("charge_failed", "order " + order + " was not charged", pirn::transient));
  }
}

// ---- rendering

// One line for an error, one for each cause, and where it was thrown:
//   charge_failed (transient): order 7 was not charged
//     caused by http_error (transient): the bank answered 503
//     at errors_pretty+0x1f3a
std::string render(const pirn::json::View& error) {
  const auto line = [](const pirn::json::View& one) {
    const auto code = one.get_or<std::string>("code", "");
    const auto message = one.get_or<std::string>("message", "");
    if (code.empty()) return message;  // of an exception that is not a pirn::Error
    return code + " (" + one.get_or<std::string>("class", "?") + "): " + message;
  };
  std::string text = line(error);
  const pirn::json::View details = error["details"];
  for (const pirn::json::View& cause : details["causes"].items()) text += "\n  caused by " + line(cause);
  for (const pirn::json::View& frame : details["stacktrace"].items())
    text += "\n  at " + frame.as<std::string>();
  return text;
}

}  // namespace

// ---- matching

PIRN_FALLBACK(pay_later) { return pirn::ok({{"charged", false}}); }

PIRN_STEP(charge_order,
          {.max_retries = 3,
           .retry_delay = 1_s,
           .recovery = {
               // By code and details: the card is unknown, and asking again will not help.
               {.on = {pirn::ErrorPattern("charge_failed", pirn::json::object({{"status", 404}}))},
                .action = pirn::recover::skip},
               // By class: this bank will not take it, so it is paid by invoice.
               {.on = {pirn::terminal}, .action = pirn::recover::fallback, .fallback = pay_later}}}) {
  const auto answers = ctx.get<pirn::json::View>("answers").items();
  const size_t turn = std::min<size_t>(ctx.attempt(), answers.size()) - 1;
  charge(ctx.get<std::string>("order"), answers[turn].as<int64_t>());
  return pirn::ok({{"charged", true}});
}

PIRN_HANDLER(print_failure) {
  ctx.error(render(ctx.get<pirn::json::View>("__error__")));
  return pirn::ok();
}

PIRN_WORKFLOW(errors_pretty, {.on_failure = print_failure}, charge_order)

PIRN_PACKAGE("errors_pretty", PIRN_PACKAGE_VERSION, {.description = "Errors that say what happened"},
             errors_pretty, pay_later, print_failure)
