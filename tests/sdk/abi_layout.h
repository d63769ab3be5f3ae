/* The layout of minor 0, frozen: what is asserted here never changes again. A later minor adds its own file;
 * it may append members, and nothing else. Included by abi_layout.c and abi_layout.cc. PIRN_CHECK(condition)
 * is the language's static assertion. */
#include "pirn/abi.h"

#define PIRN_AT(type, member, offset, bytes) \
  PIRN_CHECK(offsetof(type, member) == (offset) && sizeof(((type*)0)->member) == (bytes))

PIRN_AT(pirn_str, data, 0, 8);
PIRN_AT(pirn_str, len, 8, 8);
PIRN_CHECK(sizeof(pirn_str) == 16);

PIRN_AT(pirn_value, type, 0, 4);
PIRN_AT(pirn_value, flags, 4, 4);
PIRN_AT(pirn_value, as, 8, 8);
PIRN_AT(pirn_value, as.i64, 8, 8);
PIRN_AT(pirn_value, as.u64, 8, 8);
PIRN_AT(pirn_value, as.f64, 8, 8);
PIRN_AT(pirn_value, as.ptr, 8, 8);
PIRN_AT(pirn_value, len, 16, 8);
PIRN_CHECK(sizeof(pirn_value) == 24);

PIRN_AT(pirn_outcome, size, 0, 4);
PIRN_AT(pirn_outcome, truth, 4, 4);
PIRN_AT(pirn_outcome, duration_ns, 8, 8);
PIRN_CHECK(PIRN_END(pirn_outcome, duration_ns) == 16);

PIRN_AT(pirn_invocation, size, 0, 4);
PIRN_AT(pirn_invocation, kind, 4, 4);
PIRN_AT(pirn_invocation, attempt, 8, 4);
PIRN_AT(pirn_invocation, workflow_attempt, 12, 4);
PIRN_AT(pirn_invocation, id, 16, 8);
PIRN_AT(pirn_invocation, deadline_unix_ns, 24, 8);
PIRN_AT(pirn_invocation, tenant, 32, 16);
PIRN_AT(pirn_invocation, package, 48, 16);
PIRN_AT(pirn_invocation, version, 64, 16);
PIRN_AT(pirn_invocation, workflow, 80, 16);
PIRN_AT(pirn_invocation, execution, 96, 16);
PIRN_AT(pirn_invocation, step, 112, 16);
PIRN_AT(pirn_invocation, idempotency_key, 128, 16);
PIRN_AT(pirn_invocation, input, 144, 16);
PIRN_CHECK(PIRN_END(pirn_invocation, input) == 160);

PIRN_AT(pirn_call_api, size, 0, 4);
PIRN_AT(pirn_call_api, reserved0, 4, 4);
PIRN_AT(pirn_call_api, get, 8, 8);
PIRN_AT(pirn_call_api, result, 16, 8);
PIRN_AT(pirn_call_api, param, 24, 8);
PIRN_AT(pirn_call_api, key_at, 32, 8);
PIRN_AT(pirn_call_api, put, 40, 8);
PIRN_AT(pirn_call_api, unset, 48, 8);
PIRN_AT(pirn_call_api, set_result, 56, 8);
PIRN_AT(pirn_call_api, set_reason, 64, 8);
PIRN_AT(pirn_call_api, set_await, 72, 8);
PIRN_AT(pirn_call_api, expand, 80, 8);
PIRN_AT(pirn_call_api, set_error, 88, 8);
PIRN_AT(pirn_call_api, emit, 96, 8);
PIRN_AT(pirn_call_api, stream, 104, 8);
PIRN_AT(pirn_call_api, heartbeat, 112, 8);
PIRN_AT(pirn_call_api, signals, 120, 8);
PIRN_AT(pirn_call_api, log, 128, 8);
PIRN_AT(pirn_call_api, secret, 136, 8);
PIRN_AT(pirn_call_api, blob_new, 144, 8);
PIRN_AT(pirn_call_api, blob_seal, 152, 8);
PIRN_AT(pirn_call_api, blob_map, 160, 8);
PIRN_AT(pirn_call_api, now_ns, 168, 8);
PIRN_CHECK(PIRN_END(pirn_call_api, now_ns) == 176);

PIRN_AT(pirn_call, api, 0, 8);
PIRN_CHECK(sizeof(pirn_call) == 8);

PIRN_AT(pirn_function, size, 0, 4);
PIRN_AT(pirn_function, kind, 4, 4);
PIRN_AT(pirn_function, id, 8, 8);
PIRN_AT(pirn_function, call, 16, 8);
PIRN_CHECK(PIRN_END(pirn_function, call) == 24);

PIRN_AT(pirn_host, size, 0, 4);
PIRN_AT(pirn_host, abi_minor, 4, 4);
PIRN_AT(pirn_host, name, 8, 8);
PIRN_AT(pirn_host, version, 16, 8);
PIRN_AT(pirn_host, extension, 24, 8);
PIRN_AT(pirn_host, log, 32, 8);
PIRN_CHECK(PIRN_END(pirn_host, log) == 40);

PIRN_AT(pirn_plugin, size, 0, 4);
PIRN_AT(pirn_plugin, flags, 4, 4);
PIRN_AT(pirn_plugin, abi_major, 8, 4);
PIRN_AT(pirn_plugin, abi_minor, 12, 4);
PIRN_AT(pirn_plugin, min_host_minor, 16, 4);
PIRN_AT(pirn_plugin, n_functions, 20, 4);
PIRN_AT(pirn_plugin, id, 24, 8);
PIRN_AT(pirn_plugin, version, 32, 8);
PIRN_AT(pirn_plugin, sdk, 40, 8);
PIRN_AT(pirn_plugin, functions, 48, 8);
PIRN_AT(pirn_plugin, definition, 56, 8);
PIRN_AT(pirn_plugin, init, 64, 8);
PIRN_AT(pirn_plugin, deinit, 72, 8);
PIRN_AT(pirn_plugin, thread_detach, 80, 8);
PIRN_AT(pirn_plugin, migrate, 88, 8);
PIRN_AT(pirn_plugin, extension, 96, 8);
PIRN_CHECK(PIRN_END(pirn_plugin, extension) == 104);

PIRN_CHECK(PIRN_ABI_MAJOR == 1u && PIRN_ABI_MINOR == 0u);
PIRN_CHECK(PIRN_OK == 0 && PIRN_E_INVALID == -1 && PIRN_E_TYPE == -2 && PIRN_E_ABSENT == -3);
PIRN_CHECK(PIRN_E_UNSUPPORTED == -4 && PIRN_E_LIMIT == -5 && PIRN_E_STATE == -6 && PIRN_E_DENIED == -7);
PIRN_CHECK(PIRN_T_NULL == 0u && PIRN_T_BOOL == 1u && PIRN_T_I64 == 2u && PIRN_T_F64 == 3u);
PIRN_CHECK(PIRN_T_STR == 4u && PIRN_T_BYTES == 5u && PIRN_T_JSON == 6u && PIRN_T_BLOB == 7u);
PIRN_CHECK(PIRN_DONE == 0 && PIRN_FAILED == 1 && PIRN_SKIP == 2 && PIRN_SNOOZE == 3);
PIRN_CHECK(PIRN_AWAIT == 4 && PIRN_EXPAND == 5 && PIRN_CANCELLED == 6);
PIRN_CHECK(PIRN_CLASS_RETRYABLE == 0u && PIRN_CLASS_TRANSIENT == 1u && PIRN_CLASS_TERMINAL == 2u);
PIRN_CHECK(PIRN_SIG_CANCEL == 1u && PIRN_SIG_DRAIN == 2u && PIRN_SIG_DEADLINE == 4u);
PIRN_CHECK(PIRN_LOG_TRACE == 0u && PIRN_LOG_DEBUG == 1u && PIRN_LOG_INFO == 2u);
PIRN_CHECK(PIRN_LOG_WARN == 3u && PIRN_LOG_ERROR == 4u);
PIRN_CHECK(PIRN_KIND_TASK == 1u && PIRN_KIND_ROLLBACK == 2u && PIRN_KIND_FALLBACK == 3u &&
           PIRN_KIND_HANDLER == 4u);
PIRN_CHECK(PIRN_KIND_HOOK == 5u && PIRN_KIND_CONDITION == 6u && PIRN_KIND_DURATION == 7u);
PIRN_CHECK(PIRN_KIND_BACKOFF == 8u && PIRN_KIND_INPUT == 9u && PIRN_KIND_RESULT == 10u &&
           PIRN_KIND_MIGRATE == 11u);
