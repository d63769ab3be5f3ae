// What the compiler refuses; run by misuse_test.sh, one case at a time.
#include <pirn/pirn.hpp>
using namespace pirn::literals;

PIRN_STEP(fetch) { return pirn::ok(); }
PIRN_STEP(clean, {.after = fetch, .timeout = 10_s}) { return pirn::ok(); }
PIRN_TASK(undo) { return pirn::ok(); }
PIRN_HOOK(note) {}
PIRN_CONDITION(is_large) { return ctx.get<int>("n") > 3; }
pirn::Outcome upload(pirn::Context&, std::string, int) { return pirn::ok(); }
PIRN_WORKFLOW(nightly, {.timeout = 1_h}, fetch, clean)

// Codes that are known only at run time compile; a host repairs them.
pirn::Outcome run_time_codes(const std::string& text, const char* pointer, std::string_view view) {
  char buffer[16] = "Buffer";
  if (text.empty()) return pirn::fail(text);
  if (pointer != nullptr) throw pirn::Error(pointer, "gone");
  return view.empty() ? pirn::fail(view, "gone") : pirn::fail(buffer, "gone", pirn::terminal);
}

// case unknown_option: afetr
#ifdef case_unknown_option
PIRN_STEP(bad, {.afetr = fetch}) { return pirn::ok(); }
#endif

// case wrong_option_type: max_retries
#ifdef case_wrong_option_type
PIRN_STEP(bad, {.max_retries = "three"}) { return pirn::ok(); }
#endif

// case duration_without_unit: timeout
#ifdef case_duration_without_unit
PIRN_STEP(bad, {.timeout = 30}) { return pirn::ok(); }
#endif

// case unknown_identifier: fetsh
#ifdef case_unknown_identifier
PIRN_STEP(bad, {.after = fetsh}) { return pirn::ok(); }
#endif

// case bad_id: a function's id is [a-z0-9]
#ifdef case_bad_id
PIRN_STEP(BadName) { return pirn::ok(); }
#endif

// case hook_as_rollback: this function is declared for another purpose
#ifdef case_hook_as_rollback
PIRN_STEP(bad, {.rollback = note}) { return pirn::ok(); }
#endif

// case step_as_condition: this function is declared for another purpose
#ifdef case_step_as_condition
PIRN_STEP(bad, {.when = fetch}) { return pirn::ok(); }
#endif

// case wrong_return: int
#ifdef case_wrong_return
PIRN_STEP(bad) { return 3; }
#endif

// case condition_returns_text: a condition returns bool
#ifdef case_condition_returns_text
struct Odd : pirn::detail::FunctionTag {
  static constexpr pirn::detail::FixedString kId{"odd"};
  static constexpr uint32_t kKind = PIRN_KIND_CONDITION;
  static const char* body(pirn::Context&, const pirn::Input&) { return "yes"; }
};
PIRN_PACKAGE("bad", "1.0.0", Odd{})
#endif

// case read_as_pointer: a context value is read as bool
#ifdef case_read_as_pointer
PIRN_STEP(bad) {
  ctx.get<const char*>("x");
  return pirn::ok();
}
#endif

// case put_pointer: deleted
#ifdef case_put_pointer
PIRN_STEP(bad) {
  ctx.put("x", &ctx);
  return pirn::ok();
}
#endif

// case task_in_workflow: PIRN_WORKFLOW lists steps
#ifdef case_task_in_workflow
PIRN_WORKFLOW(bad, {}, undo)
PIRN_PACKAGE("bad", "1.0.0", bad)
#endif

// case step_twice: a workflow lists each step once
#ifdef case_step_twice
PIRN_WORKFLOW(bad, fetch, fetch)
PIRN_PACKAGE("bad", "1.0.0", bad)
#endif

// case bad_package_name: a package's name is
#ifdef case_bad_package_name
PIRN_PACKAGE("Bad Name", "1.0.0", nightly)
#endif

// case bad_package_version: semantic version
#ifdef case_bad_package_version
PIRN_PACKAGE("bad", "1.0", nightly)
#endif

// case not_a_package_entry: PIRN_PACKAGE lists workflows
#ifdef case_not_a_package_entry
PIRN_PACKAGE("bad", "1.0.0", nightly, 42)
#endif

// case same_id_twice: two functions of the package have the same id
#ifdef case_same_id_twice
namespace other {
PIRN_TASK(fetch) { return pirn::ok(); }
}  // namespace other
PIRN_PACKAGE("bad", "1.0.0", nightly, other::fetch)
#endif

// case builder_unknown_after: no_step_of_this_name_is_declared_above_here
#ifdef case_builder_unknown_after
auto bad() { return pirn::workflow("bad").step<"a", upload>().step<"b", upload>().after("aa"); }
#endif

// case builder_duplicate: this workflow has a step of this name already
#ifdef case_builder_duplicate
auto bad() { return pirn::workflow("bad").step<"a">(undo).step<"a">(undo); }
#endif

// case builder_bad_name: a step's name is [a-z0-9]
#ifdef case_builder_bad_name
auto bad() { return pirn::workflow("bad").step<"Load Config">(undo); }
#endif

// case too_few_arguments: as many arguments as the function takes
#ifdef case_too_few_arguments
auto bad() { return pirn::workflow("bad").step<"a">(pirn::call<upload>("s3")); }
#endif

// case capturing_lambda: a lambda of a step captures nothing
#ifdef case_capturing_lambda
auto bad() {
  int n = 3;
  return pirn::workflow("bad").step<"a">([n](pirn::Context& ctx) { ctx.put("n", n); });
}
PIRN_PACKAGE("bad", "1.0.0", bad)
#endif

// case forgotten_outcome: discard
#ifdef case_forgotten_outcome
#pragma GCC diagnostic error "-Wunused-result"
PIRN_STEP(bad) {
  pirn::fail("lost", "this failure is forgotten");
  return pirn::ok();
}
#endif

// case branch_without_condition: branch
#ifdef case_branch_without_condition
auto bad() {
  return pirn::workflow("bad").step<"a">(undo).branch("a", pirn::named<"b">(pirn::call<upload>("s3", 1)));
}
#endif

// case fan_in_unknown: no_step_of_this_name_is_declared_above_here
#ifdef case_fan_in_unknown
auto bad() { return pirn::workflow("bad").step<"a">(undo).fan_in<"b">({"a", "aa"}, undo); }
#endif

// case dynamic_workflow_timeout: timeout
#ifdef case_dynamic_workflow_timeout
PIRN_DURATION(by_size) { return pirn::Duration(1_s); }
PIRN_WORKFLOW(bad, {.timeout = by_size}, fetch)
#endif

// case nested_as_rollback: kKind
#ifdef case_nested_as_rollback
PIRN_NESTED(child, "other")
PIRN_STEP(bad, {.rollback = child}) { return pirn::ok(); }
#endif

// case bad_error_code: an_error_code_is
#ifdef case_bad_error_code
PIRN_STEP(bad) { return pirn::fail("HTTP 500", "gone"); }
#endif

// case empty_error_code: an_error_code_is
#ifdef case_empty_error_code
PIRN_STEP(bad) { return pirn::fail("", "gone"); }
#endif

// case bad_thrown_code: an_error_code_is
#ifdef case_bad_thrown_code
PIRN_STEP(bad) { throw pirn::Error("NotFound", "gone", pirn::terminal); }
#endif
