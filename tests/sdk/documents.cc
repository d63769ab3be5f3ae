#include "tests/sdk/documents.h"

#include <chrono>
#include <pirn/pirn.hpp>

using namespace pirn::literals;

namespace declared {

pirn::Outcome fetch(pirn::Context&) { return pirn::ok(); }
pirn::Outcome upload(pirn::Context&, std::string, int) { return pirn::ok(); }
struct Resize {
  pirn::Outcome perform(pirn::Context&) { return pirn::ok(); }
};
struct Reversible {
  pirn::Outcome perform(pirn::Context&) { return pirn::ok(); }
  pirn::Outcome rollback(pirn::Context&) { return pirn::ok(); }
};
PIRN_CONDITION(is_large) { return true; }
PIRN_HOOK(note) {}
PIRN_BACKOFF(patient) { return in.base_delay(); }
PIRN_TASK(finish) { return pirn::ok(); }
PIRN_TASK(undo) { return pirn::ok(); }
PIRN_DURATION(by_size) { return pirn::Duration(1_s); }
PIRN_HANDLER(handle) { return pirn::ok(); }
PIRN_INPUT(child_input) { return pirn::ok(); }
PIRN_RESULT(child_result) { return pirn::ok(); }

namespace macros {
// clang-format off
#line 1 "data_export.cc"
PIRN_STEP_FROM(fetch, pirn::call<declared::fetch>(), {.label = "Fetch", .description = "Gets \"all\" rows", .timeout = 30_s, .max_retries = 5, .retry_delay = 1_s, .retry_backoff = pirn::backoff::exponential_by(3), .retry_max_delay = 5_min, .retry_jitter = pirn::jitter::additive, .retry_on = {"timeout", pirn::transient}, .no_retry_on = {{"http", pirn::json::object({{"status", 404}})}}})
PIRN_STEP_FROM(to_s3, pirn::call<upload>("s3", 3), {.after = fetch, .retry_backoff = patient, .params = {{"region", "eu"}}})
PIRN_STEP_FROM(to_gcs, pirn::call<upload>("gcs", 1), {.after = fetch, .retry_backoff = pirn::backoff::table({1_s, 90_s})})
PIRN_STEP_FROM(resize, pirn::use<Resize>(), {.after = {to_s3, to_gcs}, .when = is_large, .on_error = pirn::on_error::keep_going, .cancellable = false, .context_key = "sizes"})
PIRN_STEP(done, {.name = "all-done", .task = finish, .after = resize, .when = pirn::path("a.0") == 1 || pirn::path("b").in({1, "x"}), .metadata = {{"owner", "ada"}}, .hooks = {.on_finish = note}}) { return pirn::ok(); }
PIRN_WORKFLOW(data_export, {.label = "Export", .version = 3, .timeout = std::chrono::hours(1), .failure_mode = pirn::failure_mode::keep_going, .step_concurrency = 4, .tags = {"daily", "x"}, .metadata = {{"owner", "growth"}}, .hooks = {.on_start = note}, .step_defaults = {.timeout = 5_min, .max_retries = 2}}, fetch, to_s3, to_gcs, resize, done)
// clang-format on
#line 52 "tests/sdk/documents.cc"
}  // namespace macros

auto built() {
  // clang-format off
#line 6 "data_export.cc"
  auto begun = pirn::workflow("data_export", {.label = "Export", .version = 3, .timeout = 1_h, .failure_mode = pirn::failure_mode::keep_going, .step_concurrency = 4, .tags = {"daily", "x"}, .metadata = {{"owner", "growth"}}, .hooks = {.on_start = note}, .step_defaults = {.timeout = 5_min, .max_retries = 2}});
#line 1 "data_export.cc"
  auto one = std::move(begun).step<"fetch", fetch>().label("Fetch").description("Gets \"all\" rows").timeout(30_s).max_retries(5).retry_delay(1_s).retry_backoff(pirn::backoff::exponential_by(3)).retry_max_delay(5_min).retry_jitter(pirn::jitter::additive).retry_on({"timeout", pirn::transient}).no_retry_on({{"http", pirn::json::object({{"status", 404}})}});
  auto to_s3 = pirn::named<"to_s3">(pirn::call<upload>("s3", 3), {.retry_backoff = patient, .params = {{"region", "eu"}}});
  auto to_gcs = pirn::named<"to_gcs">(pirn::call<upload>("gcs", 1), {.retry_backoff = pirn::backoff::table({1_s, 90_s})});
  auto two = std::move(one).fan_out("fetch", std::move(to_s3), std::move(to_gcs)).then<"resize">(pirn::use<Resize>()).when(is_large).on_error(pirn::on_error::keep_going).cancellable(false).context_key("sizes");
  return std::move(two).step<"all-done">(finish).after("resize").when(pirn::path("a.0") == 1 || pirn::path("b").in({1, "x"})).metadata({{"owner", "ada"}}).hooks({.on_finish = note});
  // clang-format on
#line 67 "tests/sdk/documents.cc"
}

template <class... Entries>
std::string print(Entries... entries) {
  return pirn::detail::document(
      "export", "1.0.0",
      pirn::detail::list({.description = "d", .author = "a", .licence = "MIT"}, entries...));
}

}  // namespace declared

namespace documents {

using namespace declared;

std::string by_macro() { return print(macros::data_export, finish, is_large, note, patient); }
std::string by_builder() { return print(built, finish, is_large, note, patient); }

std::string loop() {
  auto workflow = [] {
    auto built = pirn::workflow("chunks").step<"fetch", fetch>();
    for (int i = 0; i < 3; ++i) built.add_step("chunk_" + std::to_string(i), finish, {.after = "fetch"});
    return built;
  };
  return print(+workflow, finish);
}

std::string whole_language() {
  auto workflow = [] {
    return pirn::workflow("everything", {.max_retries = 1,
                                         .retry_delay = 1_s,
                                         .retry_backoff = pirn::backoff::fixed,
                                         .retry_max_delay = 1_min,
                                         .compensate = pirn::compensate::always,
                                         .on_success = handle,
                                         .on_failure = handle,
                                         .on_cancel = handle,
                                         .on_step_error = handle,
                                         .dead_letter = true,
                                         .dead_letter_ttl = 30_d,
                                         .max_running = 1,
                                         .recovery = pirn::json::array({}),
                                         .schedule = pirn::Schedule{.cron = {"0 6 * * *"},
                                                                    .timezone = "UTC",
                                                                    .misfire = pirn::misfire::once},
                                         .on_event = {"order.created"}})
        .step<"a", fetch>()
        .timeout(by_size)
        .rollback(undo)
        .fallback(undo)
        .await_approval()
        .on_timeout(handle)
        .circuit_breaker("api", {.failure_threshold = 5, .reset_timeout = 30_s})
        .priority(3)
        .resources({{"cpu", 2}})
        .group("g")
        .step<"b", fetch>(
            {.recovery = pirn::json::array({}), .max_snoozes = 3, .max_crashes = 2, .estimate = 10_s})
        .after_any("a")
        .graft()
        .step<"c", fetch>()
        .after_group("g")
        .after_graft("b")
        .step<"reversible">(pirn::use<Reversible>())
        .nested<"d">("other", {.input = child_input, .result = child_result})
        .after("c");
  };
  return print(+workflow, undo, handle, by_size, child_input, child_result);
}

}  // namespace documents
