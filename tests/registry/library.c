/* The library of the packages that the tests of the registry push. */
#include <pirn/abi.h>

PIRN_ABI_NOTE();

static int32_t work(pirn_state* state, pirn_call* call, const pirn_invocation* run, pirn_outcome* outcome) {
  (void)state, (void)call, (void)run, (void)outcome;
  return PIRN_DONE;
}

static const pirn_function kWork = {sizeof kWork, PIRN_KIND_TASK, "work", work};
static const pirn_function* const kFunctions[] = {&kWork};

static const char* definition(const char** error) {
  (void)error;
  return "{\"schema\":1,\"package\":{\"name\":\"etl\",\"version\":\"1.0.0\"},\"workflows\":[]}";
}

static pirn_status start(const pirn_host* host, pirn_state** state) {
  (void)host;
  *state = 0;
  return PIRN_OK;
}

static void stop(pirn_state* state) { (void)state; }

static const pirn_plugin kPlugin = {.size = sizeof kPlugin,
                                    .abi_major = PIRN_ABI_MAJOR,
                                    .abi_minor = PIRN_ABI_MINOR,
                                    .n_functions = 1,
                                    .id = "etl",
                                    .version = "1.0.0",
                                    .sdk = "none",
                                    .functions = kFunctions,
                                    .definition = definition,
                                    .init = start,
                                    .deinit = stop};

PIRN_EXPORT const pirn_plugin* pirn_plugin_v1(uint32_t host_minor) {
  (void)host_minor;
  return &kPlugin;
}
