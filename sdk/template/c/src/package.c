#include <pirn/pirn.h>
#include <string.h>

static int32_t compose(pirn_state* state, pirn_call* call, const pirn_invocation* invocation,
                       pirn_outcome* outcome) {
  (void)state, (void)invocation, (void)outcome;
  pirn_str name;
  if (pirn_get_str(call, "name", &name) != PIRN_OK || name.len == 0 || name.len > 200)
    return pirn_fail(call, "no_name", "\"name\" is missing, empty or too long", PIRN_CLASS_TERMINAL);
  char greeting[256] = "Hello, ";
  memcpy(greeting + 7, name.data, name.len);
  greeting[7 + name.len] = '!';
  return pirn_put_str(call, "greeting", greeting, 8 + name.len) == PIRN_OK ? PIRN_DONE : PIRN_FAILED;
}

static int32_t deliver(pirn_state* state, pirn_call* call, const pirn_invocation* invocation,
                       pirn_outcome* outcome) {
  (void)state, (void)invocation, (void)outcome;
  pirn_str greeting;
  if (pirn_get_str(call, "greeting", &greeting) != PIRN_OK)
    return pirn_fail(call, "no_greeting", "there is nothing to deliver", PIRN_CLASS_TERMINAL);
  call->api->log(call, PIRN_LOG_INFO, &greeting);
  return pirn_put_bool(call, "delivered", 1) == PIRN_OK ? PIRN_DONE : PIRN_FAILED;
}

static const char* definition(const char** error) {
  (void)error;
  return "{\"schema\":1,"
         "\"package\":{\"name\":\"@NAME@\",\"version\":\"0.1.0\"},"
         "\"workflows\":[{\"name\":\"greet\",\"description\":\"Composes a greeting and delivers "
         "it\",\"steps\":["
         "{\"name\":\"compose\"},"
         "{\"name\":\"deliver\",\"after\":[\"compose\"],\"timeout\":\"10s\",\"max_retries\":2}]}]}";
}

PIRN_FUNCTION(compose, PIRN_KIND_TASK);
PIRN_FUNCTION(deliver, PIRN_KIND_TASK);
PIRN_C_PACKAGE("@NAME@", "0.1.0", definition, &compose_function, &deliver_function)
