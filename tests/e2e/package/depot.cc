// The package of the story about packages that require others: its workflow contains one of the package
// `gate`.
#include <pirn/pirn.hpp>
#include <string>

PIRN_STEP(load) { return pirn::ok({{"loaded", true}}); }
PIRN_NESTED(pass, "gate::gate", {.after = load})
PIRN_STEP(unload, {.after = pass}) { return pirn::ok({{"passed", ctx.get<std::string>("last")}}); }
PIRN_WORKFLOW(deliver, load, pass, unload)

PIRN_STEP(sweep) { return pirn::ok({}); }
PIRN_WORKFLOW(clean, sweep)

PIRN_PACKAGE("depot", PIRN_PACKAGE_VERSION, deliver, clean)
