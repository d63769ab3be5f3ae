// The host's side of one pirn_call: the table that a package's function talks to while it runs. Snapshot in,
// delta out: reads come from the invocation's immutable context, writes are checked, copied and buffered
// here, and become an Outcome when the function has returned.
//
// The package is not trusted: every pointer it passes may be NULL, every text bad UTF-8, every number out of
// range; a refusal changes nothing and is a status, never a crash. Errors, reasons and what is said to people
// are repaired rather than refused (repair.h), so that they arrive. (In-process a package can still scribble
// over memory; that is what worker processes are for.)
//
// Thread: made, run and finished on the task's thread; log(), stream() and signals() come from any thread.
#pragma once

#include <pirn/abi.h>

#include <array>
#include <atomic>
#include <forward_list>
#include <functional>
#include <optional>
#include <pirn/text.hpp>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "host/worker/repair.h"
#include "host/worker/runner.h"

namespace pirn::worker {

struct CallLimits {
  size_t key_bytes = text::kMaxKey;
  size_t value_bytes = text::kMaxChunk;
  size_t result_bytes = 8 << 20;
  size_t message_bytes = text::kMaxMessage;  // of errors, reasons, logs
  size_t details_bytes = text::kMaxDetails;  // of errors, of what an await asks for
  size_t emitted = 1000;
  size_t children = 100'000;         // of one graft
  size_t children_bytes = 32 << 20;  // their names, tasks, params and options
};

class Call {
 public:
  using Now = std::function<int64_t()>;
  // All are lent until finish() has returned. `signals` holds PIRN_SIG_ bits. `now` is engine time, asked on
  // any thread for PIRN_SIG_DEADLINE; null: that bit is never set.
  Call(const Invocation& invocation, Listener& listener, const std::atomic<uint32_t>& signals, int64_t now_ns,
       const CallLimits& limits = {}, const Now* now = nullptr);
  Call(const Call&) = delete;

  pirn_call* handle() { return &handle_; }
  const pirn_invocation* invocation() const { return &described_; }

  // Calls the function and turns what it did into an Outcome. An exception that leaves it is the error
  // `exception`.
  Outcome run(pirn_fn function, pirn_state* state);

 private:
  struct Handle : pirn_call {
    Call* self = nullptr;
  };
  struct Table;  // the entries of the ABI's table
  friend struct Table;

  static Call& of(pirn_call* call) { return *static_cast<Handle*>(call)->self; }
  static Call& of(const pirn_call* call) { return *static_cast<const Handle*>(call)->self; }

  bool on_task_thread() const { return std::this_thread::get_id() == thread_; }
  uint32_t current_signals() const;  // any thread
  bool has_result() const;
  bool as_task() const;
  pirn_status lend(const journal::Value& value, pirn_value* out);
  pirn_status lend_json(std::string json, pirn_value* out);
  pirn_status take(const pirn_value* value, journal::Value& out) const;
  pirn_status take_key(const pirn_str* key, std::string_view& out);
  pirn_status take_object(const pirn_value* value, std::string& out) const;
  pirn_status may_write();
  void note(std::string code, std::string_view message);
  void note_repairs(std::string_view of, const Repairs& repairs);
  // What is said live, repaired in `scratch` if need be; any thread.
  enum class Live : uint8_t { log, stream, note };
  std::string_view live(std::string_view words, size_t limit, Live what, std::string& scratch);
  Outcome finish(int32_t returned, const pirn_outcome& answer);
  Outcome failed(std::string code, std::string message,
                 journal::ErrorClass error_class = journal::ErrorClass::retryable) const;
  Outcome thrown(std::string_view what);
  Outcome said_failed();

  const Invocation& invocation_;
  Listener& listener_;
  const std::atomic<uint32_t>& signals_;
  const int64_t now_ns_;
  const CallLimits limits_;
  const Now* const now_;
  const int64_t deadline_signal_at_;  // journal::kNever: the deadline is not signalled
  mutable std::atomic<bool> deadline_is_near_{false};
  const std::thread::id thread_ = std::this_thread::get_id();
  Handle handle_;
  pirn_invocation described_{};
  std::string idempotency_key_;

  // Lent memory: a list never moves its elements, and costs nothing until there is one.
  std::forward_list<std::string> lent_texts_;
  std::optional<journal::Delta> params_;
  std::vector<const journal::Context::Entry*> keys_;
  bool keys_listed_ = false;

  // Buffered writes.
  enum class Writes : uint8_t { none, puts, whole } writes_ = Writes::none;
  journal::StepResult result_;
  size_t result_bytes_ = 0;
  std::string reason_;
  Repairs reason_repairs_;
  std::optional<journal::StepError> error_;
  Repairs error_repairs_;
  std::shared_ptr<const AwaitRequest> await_;
  std::string await_refused_;  // why the last set_await was; empty: it was not
  std::vector<journal::Emitted> emitted_;
  size_t emitted_bytes_ = 0;
  std::vector<journal::Child> children_;
  std::unordered_set<std::string> child_names_;
  size_t children_bytes_ = 0;
  std::vector<journal::Diagnostic> diagnostics_;
  std::array<std::atomic<bool>, 3> live_repaired_{};  // by Live
};

}  // namespace pirn::worker
