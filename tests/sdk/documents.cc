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

// Every option of steps, defaults, workflows and schedules.
std::string whole_language() {
  const pirn::RecoveryRules rules = {{.on = {"timeout"},
                                      .when = is_large,
                                      .action = pirn::recover::retry,
                                      .max_retries = 2,
                                      .retry_delay = 1_s,
                                      .retry_backoff = pirn::backoff::linear,
                                      .retry_max_delay = 1_min,
                                      .retry_jitter = pirn::jitter::full},
                                     {.action = pirn::recover::fallback, .fallback = pirn::fallback::skip()}};
  const pirn::CircuitBreaker breaker = {
      .failure_threshold = 5, .success_threshold = 1, .half_open_limit = 2, .reset_timeout = 30_s};
  auto workflow = [&] {
    return pirn::workflow("everything", {.label = "Everything",
                                         .description = "d",
                                         .version = 2,
                                         .timeout = 1_d,
                                         .failure_mode = pirn::failure_mode::keep_going,
                                         .strategy = pirn::strategy::hybrid,
                                         .order = pirn::step_order::critical_path,
                                         .step_concurrency = 4,
                                         .max_running = 1,
                                         .max_retries = 1,
                                         .retry_delay = 1_s,
                                         .retry_backoff = pirn::backoff::fixed,
                                         .retry_max_delay = 1_min,
                                         .retry_jitter = pirn::jitter::additive,
                                         .retry_on = {"timeout"},
                                         .no_retry_on = {pirn::terminal},
                                         .compensate = pirn::compensate::always,
                                         .on_success = handle,
                                         .on_failure = handle,
                                         .on_cancel = handle,
                                         .on_step_error = handle,
                                         .recovery = rules,
                                         .dead_letter = true,
                                         .dead_letter_ttl = 30_d,
                                         .schedule = pirn::Schedule{.cron = {"0 6 * * *"},
                                                                    .start_at = "2026-01-01T00:00:00Z",
                                                                    .end_at = "2026-12-31T00:00:00Z",
                                                                    .timezone = "UTC",
                                                                    .misfire = pirn::misfire::once},
                                         .on_event = {"order.created"},
                                         .tags = {"daily"},
                                         .metadata = {{"owner", "ada"}},
                                         .hooks = {.on_start = note},
                                         .step_defaults = {.timeout = 1_min,
                                                           .max_retries = 2,
                                                           .retry_delay = 1_s,
                                                           .retry_backoff = patient,
                                                           .retry_max_delay = 1_h,
                                                           .retry_jitter = pirn::jitter::symmetric,
                                                           .retry_on = {"timeout"},
                                                           .no_retry_on = {pirn::terminal},
                                                           .on_error = pirn::on_error::skip,
                                                           .fallback = pirn::fallback::value(7),
                                                           .recovery = rules,
                                                           .on_timeout = handle,
                                                           .cancellable = false,
                                                           .circuit_breaker = "api",
                                                           .circuit_breaker_opts = breaker,
                                                           .max_snoozes = 1,
                                                           .max_crashes = 1,
                                                           .priority = 1,
                                                           .resources = {{"gpu", 1}},
                                                           .estimate = 1_s,
                                                           .hooks = {.on_finish = note}}})
        .step<"a", fetch>({.label = "A", .description = "d", .metadata = {{"m", 1}}})
        .timeout(by_size)
        .rollback(undo)
        .fallback(undo)
        .recovery(rules)
        .await_approval()
        .on_timeout(handle)
        .cancellable(false)
        .context_key("key")
        .circuit_breaker("api", breaker)
        .max_snoozes(3)
        .max_crashes(2)
        .priority(3)
        .resources({{"cpu", 2}, {"memory", 1.5}})
        .estimate(10_s)
        .hooks({.on_start = note})
        .group("g")
        .step<"b">(finish, {.max_retries = 1,
                            .retry_delay = 1_s,
                            .retry_backoff = pirn::backoff::linear,
                            .retry_max_delay = 1_min,
                            .retry_jitter = pirn::jitter::none,
                            .retry_on = {"x"},
                            .no_retry_on = {"y"},
                            .on_error = pirn::on_error::keep_going,
                            .params = {{"p", 1}}})
        .after_any("a")
        .when(is_large)
        .graft()
        .step<"c", fetch>()
        .after_group("g")
        .after_graft("b")
        .step<"reversible">(pirn::use<Reversible>())
        .nested<"d">("mail::other", {.input = child_input, .result = child_result})
        .after("c");
  };
  pirn::detail::WorkflowData every =
      pirn::workflow("every", {.schedule = pirn::Schedule{.every = 1_h}}).data();
  pirn::detail::WorkflowData at =
      pirn::workflow("at", {.schedule = pirn::Schedule{.at = "2026-12-24T18:00:00Z"}}).data();
  pirn::detail::WorkflowData in = pirn::workflow("in").schedule({.in = 30_min}).data();
  std::string text;
  pirn::detail::print_document(text, "export", "1.0.0", {}, {workflow().data(), every, at, in});
  return text;
}

// ---- shapes, each by macros and by the builder

namespace shapes {

PIRN_CONDITION(in_stock) { return true; }
PIRN_STEP(begin) { return pirn::ok(); }
PIRN_TASK(work) { return pirn::ok(); }
PIRN_TASK(merge) { return pirn::ok(); }
pirn::Outcome act(pirn::Context&) { return pirn::ok(); }
PIRN_STEP(left, {.after = begin, .group = "parallel_begin"}) { return pirn::ok(); }
PIRN_STEP(right, {.after = begin, .group = "parallel_begin"}) { return pirn::ok(); }
PIRN_STEP(third, {.after = begin, .group = "parallel_begin_2"}) { return pirn::ok(); }
PIRN_STEP(fourth, {.after = begin, .group = "named"}) { return pirn::ok(); }
PIRN_STEP(joined, {.after_group = "parallel_begin"}) { return pirn::ok(); }
PIRN_WORKFLOW(parallel, begin, left, right, third, fourth, joined)

PIRN_STEP(fetch_a, {.after = begin}) { return pirn::ok(); }
PIRN_STEP(fetch_b, {.after = begin}) { return pirn::ok(); }
PIRN_STEP(aggregate, {.after = {fetch_a, fetch_b}, .timeout = 10_s}) { return pirn::ok(); }
PIRN_WORKFLOW(fan, begin, fetch_a, fetch_b, aggregate)

PIRN_STEP(immediate, {.task = work, .after = begin, .when = in_stock}) { return pirn::ok(); }
PIRN_STEP(backorder, {.after = begin, .when = pirn::path("stock") == 0, .max_retries = 1}) {
  return pirn::ok();
}
PIRN_STEP(complete, {.after = {immediate, backorder}}) { return pirn::ok(); }
PIRN_WORKFLOW(branch, begin, immediate, backorder, complete)

PIRN_STEP(one, {.after = begin}) { return pirn::ok(); }
PIRN_STEP(two, {.after = one}) { return pirn::ok(); }
PIRN_NESTED(notify, "mail::send", {.input = child_input, .after = two, .on_error = pirn::on_error::skip})
PIRN_WORKFLOW(chain, begin, one, two, notify)

PIRN_STEP(task_1, {.task = work}) { return pirn::ok(); }
PIRN_STEP(task_2, {.task = merge, .after = task_1}) { return pirn::ok(); }
PIRN_WORKFLOW(linear, {.tags = {"x"}}, task_1, task_2)

PIRN_STEP(beside_1, {.name = "task_1", .task = work}) { return pirn::ok(); }
PIRN_STEP(beside_2, {.name = "task_2", .task = merge}) { return pirn::ok(); }
PIRN_WORKFLOW(beside, beside_1, beside_2)

PIRN_STEP(map_chunk_1, {.task = work, .context_key = "map_chunk_1", .params = {{"data", "a"}}}) {
  return pirn::ok();
}
PIRN_STEP(map_chunk_2, {.task = work, .context_key = "map_chunk_2", .params = {{"data", 7}}}) {
  return pirn::ok();
}
PIRN_STEP(reduce, {.task = merge, .after = {map_chunk_1, map_chunk_2}, .timeout = 1_h}) { return pirn::ok(); }
PIRN_WORKFLOW(map_reduce, {.step_concurrency = 2}, map_chunk_1, map_chunk_2, reduce)

PIRN_STEP(run_1, {.task = work, .context_key = "run_1", .params = {{"rate", 0.1}, {"depth", 3}}}) {
  return pirn::ok();
}
PIRN_STEP(run_2, {.task = work, .context_key = "run_2", .params = {{"rate", 0.1}, {"depth", 5}}}) {
  return pirn::ok();
}
PIRN_STEP(run_3, {.task = work, .context_key = "run_3", .params = {{"rate", 0.2}, {"depth", 3}}}) {
  return pirn::ok();
}
PIRN_STEP(run_4, {.task = work, .context_key = "run_4", .params = {{"rate", 0.2}, {"depth", 5}}}) {
  return pirn::ok();
}
PIRN_STEP(collect, {.task = merge, .after = {run_1, run_2, run_3, run_4}}) { return pirn::ok(); }
PIRN_WORKFLOW(sweep, run_1, run_2, run_3, run_4, collect)

auto built_parallel() {
  return pirn::workflow("parallel")
      .step<"begin", act>()
      .parallel("begin", pirn::named<"left", act>(), pirn::named<"right", act>())
      .parallel("begin", pirn::named<"third">([](pirn::Context&) { return pirn::ok(); }))
      .parallel("begin", pirn::named<"fourth", act>())
      .group("named")
      .step<"joined", act>()
      .after_group("parallel_begin");
}
auto built_fan() {
  return pirn::workflow("fan")
      .step<"begin", act>()
      .fan_out("begin", pirn::named<"fetch_a", act>(), pirn::named<"fetch_b", act>())
      .fan_in<"aggregate", act>({"fetch_a", "fetch_b"})
      .timeout(10_s);
}
auto built_branch() {
  return pirn::workflow("branch")
      .step<"begin", act>()
      .branch("begin", pirn::arm<"immediate">(in_stock, work),
              pirn::arm<"backorder">(pirn::path("stock") == 0, pirn::call<act>(), {.max_retries = 1}))
      .fan_in<"complete">({"immediate", "backorder"}, pirn::call<act>());
}
auto built_chain() {
  return pirn::workflow("chain")
      .step<"begin", act>()
      .chain(pirn::named<"one", act>(), pirn::named<"two", act>())
      .nested<"notify">("mail::send", {.input = child_input})
      .after("two")
      .on_error(pirn::on_error::skip);
}
auto built_linear() { return pirn::linear("linear", {.tags = {"x"}}, work, merge); }
auto built_beside() { return pirn::side_by_side("beside", {}, work, merge); }
auto built_map_reduce() {
  return pirn::map_reduce("map_reduce", {.step_concurrency = 2}, work, {"a", 7}, merge).timeout(1_h);
}
auto built_sweep() {
  return pirn::sweep("sweep", {}, work, {{"rate", {0.1, 0.2}}, {"depth", {3, 5}}}, merge);
}

}  // namespace shapes

std::string shapes_by_macro() {
  using namespace shapes;
  return print(parallel, fan, branch, chain, linear, beside, map_reduce, sweep, work, merge, in_stock,
               child_input);
}
// work and merge are exported with the workflows that are made of them.
std::string shapes_by_builder() {
  using namespace shapes;
  return print(built_parallel, built_fan, built_branch, built_chain, built_linear, built_beside,
               built_map_reduce, built_sweep, in_stock, child_input);
}

}  // namespace documents
