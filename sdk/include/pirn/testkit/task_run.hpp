// TaskRun calls one function of the package that is linked into this program, alone, without a host: no
// retries, no timeouts, no init of the package. What a host would check, fake_call.hpp checks. Use it on one
// thread; the function may use the [any thread] methods of its Context on others.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "pirn/pirn.hpp"
#include "pirn/testkit/fake_call.hpp"

namespace pirn::testkit {

// One call of one function of the package: set what the function sees, then call run(), once.
//
//   auto ran = TaskRun("charge").set("amount", 70).attempt(2).cancelled_at_heartbeat(3).run();
//   EXPECT_TRUE(ran.was_cancelled()) << ran.text();
//   EXPECT_TRUE(ran.violations.empty());
//
// Setters return the object, for chains; where one is called twice with the same key, the last call wins.
// What is not set is absent or empty. Values are copied.
class TaskRun {
 public:
  // `function` is its id; it is also the name of the step until step() sets another one. It is called as the
  // kind that it is declared as until as() sets another one. Throws pirn::Error no_function if the package
  // does not export it.
  explicit TaskRun(std::string_view function) : step_(function) {
    const pirn_plugin* plugin = pirn_plugin_v1(PIRN_ABI_MINOR);
    for (uint32_t i = 0; plugin != nullptr && i < plugin->n_functions; ++i)
      if (plugin->functions[i]->id == function) function_ = plugin->functions[i];
    if (function_ == nullptr)
      throw Error("no_function", "the package exports no function \"" + std::string(function) + "\"");
    call_->kind = function_->kind;
    package_ = plugin->id;
    version_ = plugin->version;
  }

  // A key of the context, or several; any key, those that begin with "__" included. Default: an empty
  // context.
  TaskRun& set(std::string key, Value value) { return put(call_->context, std::move(key), std::move(value)); }
  TaskRun& context(const Fields& fields) { return put_all(call_->context, fields); }
  // A parameter of the step, or several. The arguments of call<f>(…) are the parameter `args`, a list. The
  // parameters of the definition are not read: set what the function needs.
  TaskRun& param(std::string key, Value value) {
    return put(call_->params, std::move(key), std::move(value));
  }
  TaskRun& params(const Fields& fields) { return put_all(call_->params, fields); }
  // What Context::secret() returns: text or bytes. Hosts grant no secrets yet.
  TaskRun& secret(std::string name, Value value) {
    return put(call_->secrets, std::move(name), std::move(value));
  }
  // An ancestor that completed with this result, for Context::result(). Does not add to the context. Steps
  // that are named in none of these three are not ancestors: reading them is the error not_dependency. Throws
  // pirn::Error invalid_value for bytes.
  TaskRun& result_of(std::string step, const Fields& result) {
    call_->ancestors[std::move(step)] = Value(json::object(result));
    return *this;
  }
  // An ancestor that completed with a result of any type; null: without a result.
  TaskRun& result_value_of(std::string step, Value result) {
    call_->ancestors[std::move(step)] = std::move(result);
    return *this;
  }
  // An ancestor that did not complete: it was skipped, or failed and was tolerated.
  TaskRun& not_completed(std::string step) {
    call_->ancestors[std::move(step)] = std::nullopt;
    return *this;
  }
  // The document of pirn::Input, as the table of kinds in abi.h describes it: {"resources": …, "gpus": …} for
  // a step that holds some. Not checked against the table. Default: {}. Throws pirn::Error invalid_value for
  // bytes.
  TaskRun& input(const Fields& fields) {
    input_ = fields.to_json();
    return *this;
  }
  // Calls a task as another kind that it may serve as: PIRN_KIND_ROLLBACK, PIRN_KIND_FALLBACK,
  // PIRN_KIND_HANDLER or PIRN_KIND_HOOK. Default: the kind of the function. Not checked.
  TaskRun& as(uint32_t kind) {
    call_->kind = kind;
    return *this;
  }
  // The name of the step. Default: the id of the function.
  TaskRun& step(std::string name) {
    step_ = std::move(name);
    return *this;
  }
  // What Context::attempt() returns. Default: 1.
  TaskRun& attempt(uint32_t number) {
    attempt_ = number;
    return *this;
  }
  // What Context::now_ns() returns, in nanoseconds since 1970. The call has no deadline. Default: 0.
  TaskRun& now(uint64_t unix_ns) {
    call_->now_ns = unix_ns;
    return *this;
  }
  // Raises the cancel signal from the start of the call.
  TaskRun& cancelled() { return signals(PIRN_SIG_CANCEL); }
  // Raises these signals (PIRN_SIG_) from the start of the call, in addition to those that are set already.
  // Default: none.
  TaskRun& signals(uint32_t bits) {
    call_->signals |= bits;
    return *this;
  }
  // Raises the cancel signal with the n-th heartbeat, for a function that works in a loop; 0 is the first,
  // which returns false already. Default: never.
  TaskRun& cancelled_at_heartbeat(int n) {
    call_->cancel_at_heartbeat = n;
    return *this;
  }

  // Calls the function, once: do not use the object afterwards. Exceptions of a function of the C++ SDK
  // become its error, as in a host; those of a function in C++ without the SDK leave run(). The tenant, the
  // workflow and the execution are named "test", and the workflow is in its first attempt.
  Ran run() {
    pirn_invocation invocation{};
    invocation.size = sizeof invocation;
    invocation.kind = call_->kind;
    invocation.attempt = attempt_;
    invocation.workflow_attempt = 1;
    invocation.id = 1;
    invocation.tenant = detail::str("test");
    invocation.package = detail::str(package_);
    invocation.version = detail::str(version_);
    invocation.workflow = detail::str("test");
    invocation.execution = detail::str("test");
    invocation.step = detail::str(step_);
    std::string key = "test/1/" + step_ + "/" + std::to_string(call_->kind);
    invocation.idempotency_key = detail::str(key);
    invocation.input = detail::str(input_);
    pirn_outcome outcome{};
    outcome.size = sizeof outcome;
    int32_t answer = function_->call(nullptr, call_.get(), &invocation, &outcome);
    return finish(answer, outcome);
  }

 private:
  using Values = std::map<std::string, Value>;
  TaskRun& put(Values& values, std::string key, Value value) {
    values[std::move(key)] = std::move(value);
    return *this;
  }
  TaskRun& put_all(Values& values, const Fields& fields) {
    for (const Field& field : fields) values[field.key] = field.value;
    return *this;
  }

  Ran finish(int32_t answer, const pirn_outcome& outcome) {
    Ran ran = std::move(call_->ran);
    for (std::string& what : call_->repaired_live) ran.violations.push_back(std::move(what));
    if (answer == PIRN_AWAIT && !call_->await_refused.empty()) {
      ran.error = {"invalid_await", call_->await_refused, terminal, {}};
      answer = PIRN_FAILED;
    }
    ran.outcome = answer;
    ran.truth = outcome.truth != 0;
    ran.duration = outcome.duration_ns >= static_cast<uint64_t>(infinity.ns())
                       ? infinity
                       : Duration::nanoseconds(static_cast<int64_t>(outcome.duration_ns));
    if (answer < PIRN_DONE || answer > PIRN_CANCELLED)
      ran.violations.push_back("returned " + std::to_string(answer));
    if (answer == PIRN_FAILED && ran.error.code.empty()) ran.violations.push_back("failed without set_error");
    if (answer != PIRN_DONE && answer != PIRN_EXPAND && answer != PIRN_CANCELLED) {
      ran.delta.clear();
      ran.removed.clear();
      ran.result.reset();
    }
    return ran;
  }

  const pirn_function* function_ = nullptr;
  std::unique_ptr<detail::FakeCall> call_ = std::make_unique<detail::FakeCall>();
  std::string step_, package_, version_, input_ = "{}";
  uint32_t attempt_ = 1;
};

}  // namespace pirn::testkit
