// A package that uses every part of the SDK, for task_run_test.cc.
#include "tests/sdk/package_under_test.h"

#include <pirn/pirn.hpp>
#include <stdexcept>
#include <thread>

using namespace pirn::literals;

bool g_loaded = false;

namespace {

PIRN_STEP(echo) {
  ctx.put("bool", ctx.get<bool>("b"));
  ctx.put("int", ctx.get<int>("i"));
  ctx.put("double", ctx.get<double>("i") / 2);
  ctx.put("text", ctx.get<std::string_view>("s"));
  ctx.put("list", ctx.get<std::vector<int>>("list"));
  ctx.put("street", ctx.get<pirn::json::View>("address")["street"].as<std::string>());
  ctx.put("missing", ctx.find<std::string>("nothing").value_or("absent"));
  ctx.put("fallback", ctx.get_or<int>("nothing", 7));
  ctx.put("keys", static_cast<int>(ctx.keys().size()));
  ctx.put("all", ctx.all().size());
  return pirn::ok({{"nested", pirn::json::object({{"a", pirn::json::array({1, 2.5, "x", nullptr})}})}});
}
// Names that the macros use themselves are free for authors.
int body() { return 1; }
int options() { return 2; }
PIRN_STEP(names) { return pirn::ok({{"sum", body() + options()}}); }
PIRN_STEP(read_int) { return pirn::ok({{"n", ctx.get<int32_t>("n")}}); }
PIRN_STEP(read_ancestor) {
  if (!ctx.completed("fetch")) return pirn::skip("nothing was fetched");
  return pirn::ok(
      {{"rows", ctx.result<int>("fetch", "rows")}, {"whole", ctx.result<pirn::json::View>("fetch").size()}});
}
PIRN_STEP(read_param) {
  return pirn::ok({{"region", ctx.param<std::string>("region")}, {"n", ctx.param_or<int>("n", 3)}});
}
PIRN_STEP(fails) {
  return pirn::fail("no_disk", "the disk is full", pirn::transient, pirn::Value(pirn::json::array({28})));
}
PIRN_STEP(fails_badly) {
  ctx.info("caf\xe9");
  ctx.heartbeat(0.5, "\xff");
  return pirn::fail(ctx.param<std::string>("code"), "\xff" + std::string(1 << 13, 'x'), pirn::terminal);
}
PIRN_STEP(skips_badly) { return pirn::skip("\xff"); }
PIRN_STEP(throws) { throw std::runtime_error("went wrong"); }
PIRN_STEP(throws_error) {
  ctx.put("half", 1);
  throw pirn::Error("quota", "no more", pirn::terminal);
}
PIRN_STEP(throws_int) { throw 3; }
PIRN_STEP(throws_nested) {
  try {
    try {
      throw std::runtime_error("connection reset");
    } catch (...) {
      std::throw_with_nested(pirn::Error("bank_down", "no answer", pirn::transient, 503));
    }
  } catch (...) {
    std::throw_with_nested(std::logic_error("charge failed"));
  }
  return pirn::ok();
}
PIRN_STEP(throws_caused) {
  throw pirn::Error("charge_failed", "the card was not charged", pirn::terminal,
                    pirn::json::object({{"card", 7}}))
      .caused_by(pirn::Error("bank_down", "no answer"));
}
PIRN_STEP(throws_list) {
  throw pirn::Error("two_failed", "", pirn::terminal, pirn::json::array({1, 2}))
      .caused_by(pirn::Error("lost", "no room for it"));
}
PIRN_STEP(throws_deep) {
  pirn::Error error("level_0", "");
  for (int i = 1; i <= 20; ++i) error = pirn::Error("level_" + std::to_string(i), "").caused_by(error);
  throw error;
}
PIRN_STEP(snoozes) { return pirn::snooze(250_ms); }
PIRN_STEP(awaits) {
  return pirn::await(
      {.notify = "ops", .approvers = {"ada", "bob"}, .timeout = 48_h, .on_timeout = "give_up"});
}
PIRN_STEP(expands, {.graft = true}) {
  return pirn::expand(
      {pirn::child("resize_1", "resize", {{"file", "a.png"}}, {.timeout = 10_s, .max_retries = 2}),
       pirn::child("resize_2", "resize")},
      {{"count", 2}});
}
PIRN_STEP(works) {
  for (int i = 0; i < 10; ++i)
    if (!ctx.heartbeat(i / 10.0, "part " + std::to_string(i)))
      return pirn::cancelled("asked to", {{"parts", i}});
  return pirn::ok();
}
PIRN_STEP(looks) {
  return pirn::ok(
      {{"cancelled", ctx.cancelled()}, {"draining", ctx.draining()}, {"deadline_near", ctx.deadline_near()}});
}
PIRN_STEP(speaks) {
  ctx.info("one");
  std::thread([&ctx] {
    ctx.warn("two");
    ctx.stream("chunk");
  }).join();
  ctx.emit("orders", "fetched", {{"rows", 3}});
  return pirn::ok();
}
PIRN_STEP(puts_badly) {
  ctx.put("__mine", 1);
  ctx.put("kept", 2);
  ctx.unset("old");
  ctx.put("bad", std::string("\xff\xfe"));
  return pirn::ok();
}
PIRN_STEP(puts_large) {
  ctx.put(std::string(ctx.get<size_t>("key"), 'k'), std::string(ctx.get<size_t>("value"), 'v'));
  return pirn::ok();
}
PIRN_STEP(puts_blob) {
  uint64_t blob = 7;
  void* bytes = &blob;
  return pirn::ok({{"status", ctx.call()->api->blob_new(ctx.call(), 1, &blob, &bytes)}, {"blob", blob}});
}
PIRN_STEP(answers_list) { return pirn::ok_value(std::vector<std::string>{"a", "b"}); }
PIRN_STEP(answers_object) { return pirn::ok_value(pirn::json::object({{"a", 1}})); }
PIRN_STEP(keeps_secret) { return pirn::ok({{"length", ctx.secret("token").size()}}); }

pirn::Outcome upload(pirn::Context& ctx, std::string where, int tries, bool fast) {
  ctx.put("uploaded", where + "/" + std::to_string(tries) + (fast ? "/fast" : ""));
  return pirn::ok();
}
PIRN_STEP_FROM(upload_s3, pirn::call<upload>("s3", 3, true))

class Resize {
 public:
  pirn::Outcome perform(pirn::Context& ctx) {
    return pirn::ok({{"calls", ++calls_}, {"file", ctx.get<std::string>("file")}});
  }
  pirn::Outcome rollback(pirn::Context& ctx, const pirn::Input& in) {
    ctx.info("undo " + in.result()["file"].as<std::string>() + " because of " + in.error_code());
    return pirn::ok();
  }

 private:
  int calls_ = 0;
};
PIRN_STEP_FROM(resize, pirn::use<Resize>())
PIRN_STEP_FROM(quiet, [](pirn::Context& ctx) { ctx.put("quiet", true); })

PIRN_CONDITION(is_large) { return ctx.get<int>("n") > 100; }
PIRN_DURATION(by_size) { return ctx.get<int>("n") > 100 ? pirn::Duration(30_min) : pirn::infinity; }
PIRN_BACKOFF(patient) { return in.base_delay() * (in.error_code() == "busy" ? 10.0 : 1.0) * in.attempt(); }
PIRN_HOOK(note) { ctx.info(in.event() + " " + in.step() + " " + in.state() + " " + in.duration().text()); }
PIRN_HANDLER(give_up) { return pirn::fail("gave_up", in.reason()); }
PIRN_CONDITION(badly_typed) { return ctx.get<bool>("n"); }

PIRN_WORKFLOW(everything, echo, names, read_int, read_ancestor, read_param, fails, fails_badly, skips_badly,
              throws, throws_error, throws_int, throws_nested, throws_caused, throws_list, throws_deep,
              snoozes, awaits, expands, works, looks, speaks, puts_badly, puts_large, puts_blob, answers_list,
              answers_object, keeps_secret, upload_s3, resize, quiet)

void load() { g_loaded = true; }

}  // namespace

PIRN_PACKAGE("under-test", "1.2.3", everything, is_large, by_size, patient, note, give_up, badly_typed,
             pirn::on_load<load>)
