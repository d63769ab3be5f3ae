#include <pirn/pirn.hpp>

using namespace pirn::literals;

PIRN_STEP(compose) {
  auto name = ctx.get<std::string>("name");
  if (name.empty()) return pirn::fail("no_name", "\"name\" is empty", pirn::terminal);
  return pirn::ok({{"greeting", "Hello, " + name + "!"}});
}

PIRN_STEP(deliver, {.after = compose, .timeout = 10_s, .max_retries = 2}) {
  ctx.info(ctx.get<std::string_view>("greeting"));
  return pirn::ok({{"delivered", true}});
}

PIRN_WORKFLOW(greet, {.description = "Composes a greeting and delivers it"}, compose, deliver)

PIRN_PACKAGE("@NAME@", "0.1.0", greet)
