/* Workflows of many steps: "graph" has 10,000 of them, 100 layers of 100, each after two of the layer before;
 * "graft" expands into 100,000 children. */
#include <pirn/abi.h>
#include <stdio.h>
#include <string.h>

#define LAYERS 100
#define WIDTH 100
#define CHILDREN 100000

static int32_t noop(pirn_state* state, pirn_call* call, const pirn_invocation* invocation,
                    pirn_outcome* outcome) {
  (void)state, (void)call, (void)invocation, (void)outcome;
  return PIRN_DONE;
}

static int32_t one(pirn_state* state, pirn_call* call, const pirn_invocation* invocation,
                   pirn_outcome* outcome) {
  (void)state, (void)invocation, (void)outcome;
  const pirn_str key = {"n", 1};
  const pirn_value value = {.type = PIRN_T_I64, .as.i64 = 1};
  return call->api->put(call, &key, &value) == PIRN_OK ? PIRN_DONE : PIRN_FAILED;
}

static int32_t split(pirn_state* state, pirn_call* call, const pirn_invocation* invocation,
                     pirn_outcome* outcome) {
  (void)state, (void)invocation, (void)outcome;
  const pirn_str task = {"one", 3}, options = {"{\"max_retries\":1}", 17};
  for (int i = 0; i < CHILDREN; ++i) {
    char text[16];
    const pirn_str name = {text, (size_t)snprintf(text, sizeof text, "c%d", i)};
    if (call->api->expand(call, &name, &task, 0, &options) != PIRN_OK) return PIRN_FAILED;
  }
  return PIRN_EXPAND;
}

static const pirn_function f_noop = {sizeof f_noop, PIRN_KIND_TASK, "noop", noop};
static const pirn_function f_one = {sizeof f_one, PIRN_KIND_TASK, "one", one};
static const pirn_function f_split = {sizeof f_split, PIRN_KIND_TASK, "split", split};
static const pirn_function* const functions[] = {&f_noop, &f_one, &f_split};

static char text[LAYERS * WIDTH * 80 + 1024];

static const char* definition(const char** error) {
  (void)error;
  size_t length =
      (size_t)snprintf(text, sizeof text,
                       "{\"schema\":1,\"package\":{\"name\":\"wide\",\"version\":\"%s\"},\"workflows\":["
                       "{\"name\":\"graft\",\"steps\":[{\"name\":\"split\",\"graft\":true},"
                       "{\"name\":\"noop\",\"after_graft\":[\"split\"]}]},{\"name\":\"graph\",\"steps\":[",
                       PIRN_PACKAGE_VERSION);
  for (int i = 0; i < LAYERS * WIDTH; ++i) {
    length += (size_t)snprintf(text + length, sizeof text - length, "%s{\"name\":\"s%d\",\"task\":\"noop\"",
                               i ? "," : "", i);
    if (i >= WIDTH) /* the one above it, and the one beside that */
      length += (size_t)snprintf(text + length, sizeof text - length, ",\"after\":[\"s%d\",\"s%d\"]",
                                 i - WIDTH, i - i % WIDTH - WIDTH + (i + 1) % WIDTH);
    text[length++] = '}';
  }
  memcpy(text + length, "]}]}", 5);
  return text;
}

PIRN_ABI_NOTE();

static const pirn_plugin plugin = {.size = sizeof plugin,
                                   .abi_major = PIRN_ABI_MAJOR,
                                   .abi_minor = PIRN_ABI_MINOR,
                                   .min_host_minor = PIRN_TARGET_MINOR,
                                   .n_functions = sizeof functions / sizeof *functions,
                                   .id = "wide",
                                   .version = PIRN_PACKAGE_VERSION,
                                   .sdk = "c",
                                   .functions = functions,
                                   .definition = definition};

PIRN_EXPORT const pirn_plugin* pirn_plugin_v1(uint32_t host_minor) {
  (void)host_minor;
  return &plugin;
}
