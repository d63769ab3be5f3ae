/* A package whose life can be watched. WORKSHOP_VERSION is its major version; WORKSHOP_ID its name;
 * WORKSHOP_INIT what init answers. */
#include "tests/host/worker/package/workshop.h"

#include <pirn/pirn.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

static workshop* shop;
static int counted;

static void say(const char* what) {
  workshop* present = __atomic_load_n(&shop, __ATOMIC_ACQUIRE);
  if (present) present->heard(present, WORKSHOP_VERSION, what);
}

static void enter(pirn_call* call) {
  pirn_str key = pirn_text("workshop");
  pirn_value value;
  if (call->api->param(call, &key, &value) == PIRN_OK && value.type == PIRN_T_I64)
    __atomic_store_n(&shop, (workshop*)(intptr_t)value.as.i64, __ATOMIC_RELEASE);
}

static int32_t count(pirn_state* state, pirn_call* call, const pirn_invocation* invocation,
                     pirn_outcome* outcome) {
  (void)state, (void)invocation, (void)outcome;
  enter(call);
  pirn_value value = {PIRN_T_I64, 0, {__atomic_add_fetch(&counted, 1, __ATOMIC_RELAXED)}, 0};
  pirn_put(call, "count", &value);
  value.as.i64 = WORKSHOP_VERSION;
  pirn_put(call, "version", &value);
  return PIRN_DONE;
}

static int32_t block(pirn_state* state, pirn_call* call, const pirn_invocation* invocation,
                     pirn_outcome* outcome) {
  (void)state, (void)invocation, (void)outcome;
  enter(call);
  say("entered");
  workshop* present = __atomic_load_n(&shop, __ATOMIC_ACQUIRE);
  present->wait_for_gate(present);
  say("left");
  return PIRN_DONE;
}

static int32_t obey(pirn_state* state, pirn_call* call, const pirn_invocation* invocation,
                    pirn_outcome* outcome) {
  (void)state, (void)invocation, (void)outcome;
  enter(call);
  say("entered");
  while (!pirn_cancelled(call)) sched_yield();
  return PIRN_CANCELLED;
}

/* Returns the signals as soon as there is one. */
static int32_t watch(pirn_state* state, pirn_call* call, const pirn_invocation* invocation,
                     pirn_outcome* outcome) {
  (void)state, (void)invocation, (void)outcome;
  enter(call);
  say("entered");
  uint32_t signals = 0;
  while ((signals = call->api->signals(call)) == 0) sched_yield();
  pirn_put_i64(call, "signals", signals);
  return PIRN_DONE;
}

/* As a thread_local variable of C++ has it: it keeps the library mapped, too. */
extern int __cxa_thread_atexit_impl(void (*destroy)(void*), void* object, void* library);
extern void* __dso_handle;
static void linger_on(void* present) {
  say("lingers");
  ((workshop*)present)->wait_for_gate(present);
  say("gone");
}

/* Obeys, but its thread does not end before the gate opens. */
static int32_t linger(pirn_state* state, pirn_call* call, const pirn_invocation* invocation,
                      pirn_outcome* outcome) {
  enter(call);
  __cxa_thread_atexit_impl(linger_on, __atomic_load_n(&shop, __ATOMIC_ACQUIRE), &__dso_handle);
  return obey(state, call, invocation, outcome);
}

/* A graft with as many children as its parameter says. */
static int32_t split(pirn_state* state, pirn_call* call, const pirn_invocation* invocation,
                     pirn_outcome* outcome) {
  (void)state, (void)invocation, (void)outcome;
  pirn_str key = pirn_text("parts"), task = pirn_text("count"), options = pirn_text("{\"max_retries\":0}");
  pirn_value parts;
  if (call->api->param(call, &key, &parts) != PIRN_OK || parts.type != PIRN_T_I64) return PIRN_FAILED;
  for (int64_t i = 0; i < parts.as.i64; ++i) {
    char name[24];
    pirn_str child = {name, (size_t)snprintf(name, sizeof name, "part-%d", (int)i)};
    if (call->api->expand(call, &child, &task, NULL, &options) != PIRN_OK) return PIRN_FAILED;
  }
  return PIRN_EXPAND;
}

static int begun;
static pirn_status begin(const pirn_host* host, pirn_state** state) {
  (void)host, (void)state;
  begun = WORKSHOP_INIT == PIRN_OK;
  return WORKSHOP_INIT;
}
static void end(pirn_state* state) {
  (void)state;
  if (!begun) abort(); /* only after a successful init */
  begun = 0;           /* and once */
  say("deinit");
}
static void detach(pirn_state* state) {
  (void)state;
  say("detach");
}

PIRN_FUNCTION(count, PIRN_KIND_TASK);
PIRN_FUNCTION(block, PIRN_KIND_TASK);
PIRN_FUNCTION(linger, PIRN_KIND_TASK);
PIRN_FUNCTION(obey, PIRN_KIND_TASK);
PIRN_FUNCTION(split, PIRN_KIND_TASK);
PIRN_FUNCTION(watch, PIRN_KIND_TASK);

PIRN_ABI_NOTE();
PIRN_EXPORT const pirn_plugin* pirn_plugin_v1(uint32_t host_minor) {
  static const pirn_function* const functions[] = {&count_function, &block_function,  &obey_function,
                                                   &split_function, &linger_function, &watch_function};
  static const pirn_plugin plugin = {.size = sizeof(pirn_plugin),
                                     .abi_major = PIRN_ABI_MAJOR,
                                     .abi_minor = PIRN_ABI_MINOR,
                                     .min_host_minor = PIRN_TARGET_MINOR,
                                     .n_functions = 6,
                                     .id = WORKSHOP_ID,
                                     .version = "1.0.0",
                                     .sdk = "test",
                                     .functions = functions,
                                     .init = begin,
                                     .deinit = end,
                                     .thread_detach = detach};
  (void)host_minor;
  return &plugin;
}
