#define PIRN_CHECK(condition) _Static_assert(condition, #condition)
#include "abi_layout.h"

/* A change of a signature that leaves the layout alone. */
#define PIRN_SIGNATURE(type, member, ...) \
  PIRN_CHECK(_Generic(((type*)0)->member, __VA_ARGS__ : 1, default : 0))
typedef pirn_status (*get_fn)(pirn_call*, const pirn_str*, pirn_value*);
typedef pirn_status (*result_fn)(pirn_call*, const pirn_str*, const pirn_str*, pirn_value*);
typedef pirn_status (*key_at_fn)(pirn_call*, uint64_t, pirn_str*);
typedef pirn_status (*put_fn)(pirn_call*, const pirn_str*, const pirn_value*);
typedef pirn_status (*text_fn)(pirn_call*, const pirn_str*);
typedef pirn_status (*set_result_fn)(pirn_call*, const pirn_value*);
typedef pirn_status (*expand_fn)(pirn_call*, const pirn_str*, const pirn_str*, const pirn_value*,
                                 const pirn_str*);
typedef pirn_status (*set_error_fn)(pirn_call*, const pirn_str*, const pirn_str*, uint32_t,
                                    const pirn_value*);
typedef pirn_status (*emit_fn)(pirn_call*, const pirn_str*, const pirn_str*, const pirn_value*);
typedef void (*stream_fn)(pirn_call*, const pirn_str*, uint32_t);
typedef uint32_t (*heartbeat_fn)(pirn_call*, double, const pirn_str*);
typedef uint32_t (*signals_fn)(const pirn_call*);
typedef void (*log_fn)(pirn_call*, uint32_t, const pirn_str*);
typedef pirn_status (*blob_new_fn)(pirn_call*, uint64_t, uint64_t*, void**);
typedef pirn_status (*blob_seal_fn)(pirn_call*, uint64_t);
typedef pirn_status (*blob_map_fn)(pirn_call*, uint64_t, const void**, uint64_t*);
typedef uint64_t (*now_fn)(const pirn_call*);
typedef int32_t (*function_fn)(pirn_state*, pirn_call*, const pirn_invocation*, pirn_outcome*);
typedef const void* (*host_extension_fn)(const pirn_host*, const char*);
typedef void (*host_log_fn)(const pirn_host*, uint32_t, const pirn_str*);
typedef const char* (*definition_fn)(const char**);
typedef pirn_status (*init_fn)(const pirn_host*, pirn_state**);
typedef void (*state_fn)(pirn_state*);
typedef const void* (*extension_fn)(pirn_state*, const char*);

PIRN_SIGNATURE(pirn_call_api, get, get_fn);
PIRN_SIGNATURE(pirn_call_api, result, result_fn);
PIRN_SIGNATURE(pirn_call_api, param, get_fn);
PIRN_SIGNATURE(pirn_call_api, key_at, key_at_fn);
PIRN_SIGNATURE(pirn_call_api, put, put_fn);
PIRN_SIGNATURE(pirn_call_api, unset, text_fn);
PIRN_SIGNATURE(pirn_call_api, set_result, set_result_fn);
PIRN_SIGNATURE(pirn_call_api, set_reason, text_fn);
PIRN_SIGNATURE(pirn_call_api, set_await, text_fn);
PIRN_SIGNATURE(pirn_call_api, expand, expand_fn);
PIRN_SIGNATURE(pirn_call_api, set_error, set_error_fn);
PIRN_SIGNATURE(pirn_call_api, emit, emit_fn);
PIRN_SIGNATURE(pirn_call_api, stream, stream_fn);
PIRN_SIGNATURE(pirn_call_api, heartbeat, heartbeat_fn);
PIRN_SIGNATURE(pirn_call_api, signals, signals_fn);
PIRN_SIGNATURE(pirn_call_api, log, log_fn);
PIRN_SIGNATURE(pirn_call_api, secret, get_fn);
PIRN_SIGNATURE(pirn_call_api, blob_new, blob_new_fn);
PIRN_SIGNATURE(pirn_call_api, blob_seal, blob_seal_fn);
PIRN_SIGNATURE(pirn_call_api, blob_map, blob_map_fn);
PIRN_SIGNATURE(pirn_call_api, now_ns, now_fn);
PIRN_SIGNATURE(pirn_function, call, function_fn);
PIRN_SIGNATURE(pirn_host, extension, host_extension_fn);
PIRN_SIGNATURE(pirn_host, log, host_log_fn);
PIRN_SIGNATURE(pirn_plugin, functions, const pirn_function* const*);
PIRN_SIGNATURE(pirn_plugin, definition, definition_fn);
PIRN_SIGNATURE(pirn_plugin, init, init_fn);
PIRN_SIGNATURE(pirn_plugin, deinit, state_fn);
PIRN_SIGNATURE(pirn_plugin, thread_detach, state_fn);
PIRN_SIGNATURE(pirn_plugin, migrate, function_fn);
PIRN_SIGNATURE(pirn_plugin, extension, extension_fn);
PIRN_SIGNATURE(pirn_outcome, duration_ns, uint64_t);
PIRN_SIGNATURE(pirn_invocation, id, uint64_t);
PIRN_CHECK(_Generic(&pirn_plugin_v1, const pirn_plugin* (*)(uint32_t) : 1, default : 0));
