/* All of the C side used in a package, for the pedantic compilers. */
#include "pirn/pirn.h"

static int32_t task(pirn_state* state, pirn_call* call, const pirn_invocation* invocation,
                    pirn_outcome* outcome) {
  int64_t number;
  double real;
  int truth;
  (void)state;
  if (pirn_cancelled(call)) return PIRN_CANCELLED;
  if (!PIRN_HAS(invocation, pirn_invocation, input)) return pirn_skip(call, "an old host");
  if (pirn_get_i64(call, "n", &number) == PIRN_OK) return pirn_put_i64(call, "n", number + 1);
  if (pirn_get_f64(call, "x", &real) == PIRN_OK) return pirn_put_f64(call, "x", real / 2);
  if (pirn_get_bool(call, "b", &truth) == PIRN_OK) return pirn_put_json(call, "j", "[1]", 3);
  outcome->duration_ns = 1000;
  return PIRN_SNOOZE;
}
PIRN_FUNCTION(task, PIRN_KIND_TASK);
PIRN_C_PACKAGE("abi-c", "1.0.0", NULL, &task_function)
