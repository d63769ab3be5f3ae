/* pirn/pirn.h: helpers around abi.h for packages in C. Everything is static and inline; there is nothing to
 * link. The C++ SDK is pirn.hpp.
 *
 * `const char *` arguments are NUL-terminated UTF-8. `call` is the pirn_call that the function was called
 * with. Errors, lifetimes and threads are those of the function of abi.h that a comment names; all of these
 * functions are [task-thread], except pirn_cancelled, which is [any-thread], and pirn_text. `out` must not be
 * NULL. Nothing here allocates memory.
 *
 * A whole package, whose workflow.json has a workflow with the step "greet":
 *
 *   #include <pirn/pirn.h>
 *
 *   static int32_t greet(pirn_state* state, pirn_call* call, const pirn_invocation* in, pirn_outcome* out) {
 *     pirn_str name;
 *     (void)state, (void)in, (void)out;
 *     if (pirn_get_str(call, "name", &name) != PIRN_OK)
 *       return pirn_fail(call, "no_name", "the input has no \"name\"", PIRN_CLASS_TERMINAL);
 *     if (pirn_put_str(call, "greeted", name.data, name.len) != PIRN_OK)
 *       return pirn_fail(call, "too_long", "the name is too long", PIRN_CLASS_TERMINAL);
 *     return PIRN_DONE;
 *   }
 *   PIRN_FUNCTION(greet, PIRN_KIND_TASK);
 *   PIRN_C_PACKAGE("greeter", "1.0.0", NULL, &greet_function)
 */
#ifndef PIRN_PIRN_H
#define PIRN_PIRN_H
#include <string.h>

#include "pirn/abi.h"
#include "pirn/version.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The text as a pirn_str, which refers to it: valid as long as the text. NULL is the empty text. */
static inline pirn_str pirn_text(const char* text) {
  pirn_str s;
  s.data = text;
  s.len = text ? strlen(text) : 0;
  return s;
}

/* get: reads a key of the context that must have the type `type` (PIRN_T_). Returns PIRN_E_ABSENT if there is
 * no such key, and PIRN_E_TYPE if the value has another type; *out then still is the value. Lent until the
 * function returns. */
static inline pirn_status pirn_get(pirn_call* call, const char* key, uint32_t type, pirn_value* out) {
  pirn_str k = pirn_text(key);
  pirn_status status = call->api->get(call, &k, out);
  return status == PIRN_OK && out->type != type ? PIRN_E_TYPE : status;
}
/* pirn_get for one type each. On failure *out is "", 0 or false, so that a function that accepts a missing
 * key may ignore the status. */

/* PIRN_T_STR. out->data is not NUL-terminated. */
static inline pirn_status pirn_get_str(pirn_call* call, const char* key, pirn_str* out) {
  pirn_value value;
  pirn_status status = pirn_get(call, key, PIRN_T_STR, &value);
  out->data = status == PIRN_OK ? (const char*)value.as.ptr : "";
  out->len = status == PIRN_OK ? value.len : 0;
  return status;
}
/* PIRN_T_I64. A floating-point number is PIRN_E_TYPE, even without a fraction. */
static inline pirn_status pirn_get_i64(pirn_call* call, const char* key, int64_t* out) {
  pirn_value value;
  pirn_status status = pirn_get(call, key, PIRN_T_I64, &value);
  *out = status == PIRN_OK ? value.as.i64 : 0;
  return status;
}
/* PIRN_T_F64, or PIRN_T_I64, which is converted to the nearest double. */
static inline pirn_status pirn_get_f64(pirn_call* call, const char* key, double* out) {
  pirn_value value;
  pirn_status status = pirn_get(call, key, PIRN_T_F64, &value);
  if (status == PIRN_E_TYPE && value.type == PIRN_T_I64) {
    *out = (double)value.as.i64;
    return PIRN_OK;
  }
  *out = status == PIRN_OK ? value.as.f64 : 0;
  return status;
}
/* PIRN_T_BOOL, as 0 or 1. */
static inline pirn_status pirn_get_bool(pirn_call* call, const char* key, int* out) {
  pirn_value value;
  pirn_status status = pirn_get(call, key, PIRN_T_BOOL, &value);
  *out = status == PIRN_OK && value.as.u64 != 0;
  return status;
}

/* put: adds a key to the step's result, which is merged into the context when the step completes (R10).
 * Copies key and value. Returns the errors of put: PIRN_E_INVALID, PIRN_E_DENIED, PIRN_E_LIMIT,
 * PIRN_E_UNSUPPORTED, PIRN_E_STATE. The functions below do the same for values of one type. */
static inline pirn_status pirn_put(pirn_call* call, const char* key, const pirn_value* value) {
  pirn_str k = pirn_text(key);
  return call->api->put(call, &k, value);
}
/* put of `len` bytes as PIRN_T_STR, PIRN_T_BYTES or PIRN_T_JSON; at most 1 MiB (PIRN_E_LIMIT). `data` may be
 * NULL when `len` is 0. */
static inline pirn_status pirn_put_text_as(pirn_call* call, const char* key, uint32_t type, const void* data,
                                           uint64_t len) {
  pirn_value value;
  memset(&value, 0, sizeof value);
  value.type = type;
  value.as.ptr = data;
  value.len = len;
  return pirn_put(call, key, &value);
}
/* put of text in UTF-8. `text` need not be NUL-terminated; `len` is its length in bytes. */
static inline pirn_status pirn_put_str(pirn_call* call, const char* key, const char* text, uint64_t len) {
  return pirn_put_text_as(call, key, PIRN_T_STR, text, len);
}
/* put of a JSON document, of at most 32 levels; a scalar is stored as that scalar. `len` is in bytes. */
static inline pirn_status pirn_put_json(pirn_call* call, const char* key, const char* text, uint64_t len) {
  return pirn_put_text_as(call, key, PIRN_T_JSON, text, len);
}
/* put of an integer. */
static inline pirn_status pirn_put_i64(pirn_call* call, const char* key, int64_t number) {
  pirn_value value;
  memset(&value, 0, sizeof value);
  value.type = PIRN_T_I64;
  value.as.i64 = number;
  return pirn_put(call, key, &value);
}
/* put of a number; PIRN_E_INVALID if it is not finite. */
static inline pirn_status pirn_put_f64(pirn_call* call, const char* key, double number) {
  pirn_value value;
  memset(&value, 0, sizeof value);
  value.type = PIRN_T_F64;
  value.as.f64 = number;
  return pirn_put(call, key, &value);
}
/* put of false if `truth` is 0, else of true. */
static inline pirn_status pirn_put_bool(pirn_call* call, const char* key, int truth) {
  pirn_value value;
  memset(&value, 0, sizeof value);
  value.type = PIRN_T_BOOL;
  value.as.u64 = truth != 0;
  return pirn_put(call, key, &value);
}

/* set_error, and returns PIRN_FAILED: return pirn_fail(call, "no_disk", "…", PIRN_CLASS_TRANSIENT);
 *   code         [a-z0-9_.-]{1,64}; retry lists and recovery rules match it
 *   message      for people; at most 4 KiB; NULL: none
 *   error_class  PIRN_CLASS_
 * What breaks the rules of set_error is repaired, so the error always arrives. It has no details: call
 * set_error for those. What was put is dropped. */
static inline int32_t pirn_fail(pirn_call* call, const char* code, const char* message,
                                uint32_t error_class) {
  pirn_str c = pirn_text(code), m = pirn_text(message);
  call->api->set_error(call, &c, &m, error_class, NULL);
  return PIRN_FAILED;
}

/* set_reason, and returns PIRN_SKIP: return pirn_skip(call, "nothing to do"); `reason` is for people, at most
 * 4 KiB. What was put is dropped, and dependent steps run (R5). */
static inline int32_t pirn_skip(pirn_call* call, const char* reason) {
  pirn_str r = pirn_text(reason);
  call->api->set_reason(call, &r);
  return PIRN_SKIP;
}

/* signals: whether PIRN_SIG_CANCEL is set, as 1 or 0. Return PIRN_CANCELLED soon if it is. Cheap enough for
 * an inner loop; once set, it stays set. */
static inline int pirn_cancelled(const pirn_call* call) {
  return (call->api->signals(call) & PIRN_SIG_CANCEL) != 0;
}

/* PIRN_FUNCTION(id, kind): declares `id_function`, the pirn_function that exports the C function `id` (a
 * pirn_fn) under the id "id" with this kind (PIRN_KIND_). At file scope, after the function. `id` is
 * [a-z0-9][a-z0-9_-]{0,62}, which the host checks when it loads the package. List it in PIRN_C_PACKAGE. */
#define PIRN_FUNCTION(id_, kind_) \
  static const pirn_function id_##_function = {sizeof(pirn_function), kind_, #id_, id_}

/* PIRN_C_PACKAGE("name", "1.0.0", definition, &f_function, …): the package; once, at file scope.
 *   name        [a-z0-9][a-z0-9_-]{0,62}
 *   version     a semantic version, MAJOR.MINOR.PATCH
 *   definition  the hook of pirn_plugin; NULL: the package's workflow.json is used
 *   then        the addresses of all exported functions, 1 to 1,024, each id once
 * The host and `pirn pack` check all of this when they load the package. For init, deinit or thread_detach
 * write the pirn_plugin by hand. A host older than PIRN_TARGET_MINOR is refused. */
#define PIRN_C_PACKAGE(name_, version_, definition_, ...)                      \
  PIRN_ABI_NOTE();                                                             \
  PIRN_EXPORT const pirn_plugin* pirn_plugin_v1(uint32_t host_minor) {         \
    static const pirn_function* const functions[] = {__VA_ARGS__};             \
    static const pirn_plugin plugin = {sizeof(pirn_plugin),                    \
                                       0,                                      \
                                       PIRN_ABI_MAJOR,                         \
                                       PIRN_ABI_MINOR,                         \
                                       PIRN_TARGET_MINOR,                      \
                                       sizeof functions / sizeof functions[0], \
                                       name_,                                  \
                                       version_,                               \
                                       "pirn-c/" PIRN_SDK_VERSION,             \
                                       functions,                              \
                                       definition_,                            \
                                       NULL,                                   \
                                       NULL,                                   \
                                       NULL,                                   \
                                       NULL,                                   \
                                       NULL};                                  \
    const uint32_t needed = PIRN_TARGET_MINOR;                                 \
    return host_minor >= needed ? &plugin : NULL;                              \
  }

#ifdef __cplusplus
}
#endif
#endif
