#define _POSIX_C_SOURCE 200809L
/* Tasks that do nothing, for figures about everything else. `tick` tells when it ran. */
#include <fcntl.h>
#include <pirn/abi.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int32_t noop(pirn_state* state, pirn_call* call, const pirn_invocation* invocation,
                    pirn_outcome* outcome) {
  (void)state, (void)call, (void)invocation, (void)outcome;
  return PIRN_DONE;
}

static int32_t tick(pirn_state* state, pirn_call* call, const pirn_invocation* invocation,
                    pirn_outcome* outcome) {
  (void)state, (void)invocation, (void)outcome;
  call->api->heartbeat(call, 0, 0);
  return PIRN_DONE;
}

/* Fails, and so sleeps until its retry: a parked execution. */
static int32_t doze(pirn_state* state, pirn_call* call, const pirn_invocation* invocation,
                    pirn_outcome* outcome) {
  (void)state, (void)invocation, (void)outcome;
  const pirn_str code = {"later", 5};
  call->api->set_error(call, &code, 0, PIRN_CLASS_RETRYABLE, 0);
  return PIRN_FAILED;
}

/* Writes the instant at which it runs into the pipe whose path is the context key "pipe". */
static int32_t stamp(pirn_state* state, pirn_call* call, const pirn_invocation* invocation,
                     pirn_outcome* outcome) {
  (void)state, (void)invocation, (void)outcome;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  const int64_t ns = now.tv_sec * 1000000000ll + now.tv_nsec;
  const pirn_str key = {"pipe", 4};
  pirn_value value;
  char path[256];
  if (call->api->get(call, &key, &value) != PIRN_OK || value.type != PIRN_T_STR || value.len >= sizeof path)
    return PIRN_FAILED;
  memcpy(path, value.as.ptr, value.len);
  path[value.len] = 0;
  const int pipe = open(path, O_WRONLY | O_CLOEXEC);
  const int written = pipe >= 0 && write(pipe, &ns, sizeof ns) == sizeof ns;
  if (pipe >= 0) close(pipe);
  return written ? PIRN_DONE : PIRN_FAILED;
}

/* Writes eight values of 1,000 KiB, named by the step: of eight such steps one execution can have the results. */
static int32_t fill(pirn_state* state, pirn_call* call, const pirn_invocation* invocation,
                    pirn_outcome* outcome) {
  (void)state, (void)outcome;
  const size_t size = 1000 << 10;
  char key[16] = {0};
  if (invocation->step.len + 1 > sizeof key) return PIRN_FAILED;
  memcpy(key, invocation->step.data, invocation->step.len);
  char* const text = malloc(size);
  if (!text) return PIRN_FAILED;
  memset(text, 'x', size);
  pirn_value value = {.type = PIRN_T_STR, .len = size};
  value.as.ptr = text;
  pirn_status put = PIRN_OK;
  for (char number = '1'; number <= '8' && put == PIRN_OK; ++number) {
    key[invocation->step.len] = number;
    const pirn_str name = {key, invocation->step.len + 1};
    put = call->api->put(call, &name, &value);
  }
  free(text);
  return put == PIRN_OK ? PIRN_DONE : PIRN_FAILED;
}

static const pirn_function f_noop = {sizeof f_noop, PIRN_KIND_TASK, "noop", noop};
static const pirn_function f_tick = {sizeof f_tick, PIRN_KIND_TASK, "tick", tick};
static const pirn_function f_doze = {sizeof f_doze, PIRN_KIND_TASK, "doze", doze};
static const pirn_function f_stamp = {sizeof f_stamp, PIRN_KIND_TASK, "stamp", stamp};
static const pirn_function f_fill = {sizeof f_fill, PIRN_KIND_TASK, "fill", fill};
static const pirn_function* const functions[] = {&f_noop, &f_tick, &f_doze, &f_stamp, &f_fill};

#define STEP(name, task, after) "{\"name\":\"" name "\",\"task\":\"" task "\",\"after\":[" after "]}"

static const char* definition(const char** error) {
  (void)error;
  return "{\"schema\":1,\"package\":{\"name\":\"bench\",\"version\":\"" PIRN_PACKAGE_VERSION "\"},\"workflows\":["
         "{\"name\":\"three\",\"steps\":[" STEP("a", "noop", "") "," STEP("b", "noop", "\"a\"") "," STEP("c", "noop", "\"b\"") "]},"
         "{\"name\":\"chain\",\"steps\":[" STEP("t1", "tick", "") "," STEP("t2", "tick", "\"t1\"") "," STEP("t3", "tick", "\"t2\"") ","
         STEP("t4", "tick", "\"t3\"") "," STEP("t5", "tick", "\"t4\"") "," STEP("t6", "tick", "\"t5\"") "]},"
         "{\"name\":\"stamped\",\"steps\":[" STEP("a", "stamp", "") "]},"
         "{\"name\":\"large\",\"steps\":["
         STEP("f1", "fill", "") "," STEP("f2", "fill", "\"f1\"") "," STEP("f3", "fill", "\"f2\"") ","
         STEP("f4", "fill", "\"f3\"") "," STEP("f5", "fill", "\"f4\"") "," STEP("f6", "fill", "\"f5\"") ","
         STEP("f7", "fill", "\"f6\"") "," STEP("f8", "fill", "\"f7\"") ","
         "{\"name\":\"a\",\"task\":\"doze\",\"retry_delay\":\"7d\",\"after\":[\"f8\"]}]},"
         "{\"name\":\"parked\",\"steps\":[{\"name\":\"a\",\"task\":\"doze\",\"retry_delay\":\"7d\"},"
         STEP("b", "noop", "\"a\"") "," STEP("c", "noop", "\"b\"") "]}]}";
}

PIRN_ABI_NOTE();

static const pirn_plugin plugin = {.size = sizeof plugin,
                                   .abi_major = PIRN_ABI_MAJOR,
                                   .abi_minor = PIRN_ABI_MINOR,
                                   .min_host_minor = PIRN_TARGET_MINOR,
                                   .n_functions = sizeof functions / sizeof *functions,
                                   .id = "bench",
                                   .version = PIRN_PACKAGE_VERSION,
                                   .sdk = "c",
                                   .functions = functions,
                                   .definition = definition};

PIRN_EXPORT const pirn_plugin* pirn_plugin_v1(uint32_t host_minor) {
  (void)host_minor;
  return &plugin;
}
