#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "packager/definition/definition.h"
#include "packager/definition/graph.h"
#include "packager/json/json.h"
#include "tests/hostile_locale.h"
#include "tests/packager/definition/random_definition.h"

namespace pirn::definition {
namespace {

void expect_equal(const Step& a, const Step& b) {
  RC_ASSERT(a.name == b.name && a.task == b.task && a.label == b.label && a.description == b.description);
  RC_ASSERT(a.after == b.after && a.after_any == b.after_any && a.after_graft == b.after_graft);
  RC_ASSERT(a.group == b.group && a.after_group == b.after_group && a.graft == b.graft);
  RC_ASSERT(a.when == b.when && a.timeout_ns == b.timeout_ns && a.timeout_function == b.timeout_function);
  RC_ASSERT(a.retry == b.retry && a.recovery == b.recovery && a.fallback == b.fallback);
  RC_ASSERT(a.on_error == b.on_error && a.rollback == b.rollback && a.cancellable == b.cancellable);
  RC_ASSERT(a.await_approval == b.await_approval && a.await_inherits == b.await_inherits);
  RC_ASSERT(a.on_timeout == b.on_timeout && a.breaker == b.breaker && a.priority == b.priority);
  RC_ASSERT(a.resources == b.resources && a.estimate_ns == b.estimate_ns);
  RC_ASSERT(a.max_snoozes == b.max_snoozes && a.max_crashes == b.max_crashes);
  RC_ASSERT(a.nested == b.nested && a.input == b.input && a.result == b.result);
  RC_ASSERT(a.context_key == b.context_key && a.params == b.params && a.metadata == b.metadata);
  RC_ASSERT(a.hooks == b.hooks && a.at == b.at);
}

void expect_equal(const Workflow& a, const Workflow& b) {
  RC_ASSERT(a.name == b.name && a.label == b.label && a.description == b.description);
  RC_ASSERT(a.version == b.version && a.timeout_ns == b.timeout_ns && a.failure_mode == b.failure_mode);
  RC_ASSERT(a.step_concurrency == b.step_concurrency && a.max_running == b.max_running);
  RC_ASSERT(a.strategy == b.strategy && a.order == b.order && a.retry == b.retry &&
            a.compensate == b.compensate);
  RC_ASSERT(a.handlers == b.handlers && a.recovery == b.recovery && a.schedule == b.schedule);
  RC_ASSERT(a.dead_letter == b.dead_letter && a.dead_letter_ttl_ns == b.dead_letter_ttl_ns);
  RC_ASSERT(a.on_event == b.on_event && a.tags == b.tags && a.metadata == b.metadata && a.hooks == b.hooks);
  RC_ASSERT(a.steps.size() == b.steps.size());
  for (size_t i = 0; i < a.steps.size(); ++i) expect_equal(a.steps[i], b.steps[i]);
}

TEST(Print, WritesAndReadsTheSameInEveryLocale) {
  const std::string document =
      R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[{"name":"w","timeout":"1h30m",)"
      R"("schedule":{"cron":["0 9 * * 1"],"timezone":"Europe/Berlin"},"steps":[)"
      R"({"name":"a","task":"a","retry_backoff":{"exponential":2.5},"resources":{"memory":12345.25},)"
      R"("params":{"n":1234567,"x":0.125},"when":{"path":"total","greater":1234.5}}]}]})";
  const auto canonical_of = [&] { return parse(document, "a file", nullptr)->workflows.at(0).canonical; };
  const std::string before = canonical_of();
  const HostileLocale hostile;
  EXPECT_EQ(canonical_of(), before);
  EXPECT_NE(before.find("12345.25"), std::string::npos) << before;
  const auto parsed = parse(document, "a file", nullptr);
  for (const std::string& text :
       {to_table(parsed->workflows[0], {}), to_tree(parsed->workflows[0]), to_json(parsed->workflows[0], {}),
        canonical(summary(parsed->workflows[0]))}) {
    EXPECT_EQ(text.find("1.2.3"), std::string::npos) << text;
    EXPECT_EQ(text.find("0,1"), std::string::npos) << text;
  }
}

TEST(Print, ReadsBackAsTheSameDefinition) {
  EXPECT_TRUE(rc::check([] {
    const Definition definition = random_definition();
    const std::string text = print(definition);
    const Result<Definition> back = parse(text, "printed", nullptr);
    if (!back) RC_FAIL(describe(back.error()));
    RC_ASSERT(print(*back) == text);
    RC_ASSERT(back->description == definition.description);
    RC_ASSERT(back->workflows.size() == definition.workflows.size());
    for (size_t i = 0; i < definition.workflows.size(); ++i) {
      expect_equal(back->workflows[i], definition.workflows[i]);
      RC_ASSERT(back->workflows[i].canonical == canonical_text(definition.workflows[i]));
    }
  }));
}

struct Frozen {
  const char* workflow;
  const char* canonical;
  const char* digest;
};

// Executions are pinned to these digests. They never change within schema 1: when one does, the defaults or
// the form of the canonical text have changed, and that is the mistake.
constexpr Frozen kFrozen[] = {
    {R"({"name":"w"})", R"({"name":"w","steps":[]})",
     "52f264cc0d0b3457139d4c5c51626f10320680bb342069374ae0fa5859ae9e43"},
    {R"({"name":"w","steps":[{"name":"a","task":"t"},{"name":"b","after":["a"],"timeout":"5m","max_attempts":4,"retry_jitter":false}]})",
     R"({"name":"w","steps":[{"name":"a","task":"t"},{"after":["a"],"name":"b"}]})",
     "feb0ec35cba56286f650626951454e818c590f7badef5497dec5dd5441c779d3"},
    {R"({"name":"export","label":"Export","description":"d","version":3,"at":"src/w.cc:1","timeout":"1h","failure_mode":"continue",
 "step_concurrency":4,"tags":["daily","x"],"metadata":{"z":1,"a":null},"hooks":{"on_start":"note","on_finish":"note"},
 "step_defaults":{"timeout":"1m","max_retries":2},
 "steps":[{"name":"fetch","label":"Fetch","description":"D","at":"src/w.cc:2","when":{"all":[{"path":"a.0","equals":1},{"not":{"path":"b","in":[1,"x"]}},{"any":[{"path":"c","exists":true},{"path":"d","less":2.5}]}]},
  "max_retries":5,"retry_delay":"250ms","retry_backoff":{"exponential":3},"retry_max_delay":"5m","retry_jitter":true,
  "retry_on":["timeout",{"code":"http","details":{"status":404}}],"no_retry_on":[{"class":"terminal"}],
  "on_error":"continue","cancellable":false,"context_key":"rows","params":{"args":["s3",3]},"metadata":{"m":1.0},"hooks":{"on_skip":"note"}},
  {"name":"done","task":"finish","after":["fetch"],"when":{"function":"ask"},"retry_backoff":{"table":["1s","90s"]}},
  {"name":"other","after":["fetch"],"retry_backoff":"linear","retry_jitter":"full","on_error":"skip","timeout":"infinity"}]})",
     R"({"description":"d","failure_mode":"continue","hooks":{"on_finish":"note","on_start":"note"},"label":"Export","metadata":{"a":null,"z":1},"name":"export","step_concurrency":4,"steps":[{"cancellable":false,"context_key":"rows","description":"D","hooks":{"on_skip":"note"},"label":"Fetch","max_retries":5,"metadata":{"m":1.0},"name":"fetch","no_retry_on":[{"class":"terminal"}],"on_error":"continue","params":{"args":["s3",3]},"retry_backoff":{"exponential":3.0},"retry_delay":"250ms","retry_jitter":"additive","retry_max_delay":"5m","retry_on":["timeout",{"code":"http","details":{"status":404}}],"timeout":"1m","when":{"all":[{"equals":1,"path":"a.0"},{"not":{"in":[1,"x"],"path":"b"}},{"any":[{"exists":true,"path":"c"},{"less":2.5,"path":"d"}]}]}},{"after":["fetch"],"max_retries":2,"name":"done","retry_backoff":{"table":["1s","1m30s"]},"task":"finish","timeout":"1m","when":{"function":"ask"}},{"after":["fetch"],"max_retries":2,"name":"other","on_error":"skip","retry_backoff":"linear","retry_jitter":"full","timeout":"infinity"}],"tags":["daily","x"],"timeout":"1h","version":3})",
     "30124a42721d6fb340c553a1eafd69ee44dac1668a38cc460e6a004181d1fc49"},
    {R"({"name":"shop","strategy":"hybrid","max_running":1,"max_retries":2,"retry_delay":"10s","compensate":"always",
 "on_success":"a","on_failure":"b","on_cancel":"c","on_step_error":"d","dead_letter":true,"dead_letter_ttl":"90d",
 "schedule":{"cron":"0 6 * * *","timezone":"UTC","misfire":"skip"},"on_event":"order.created",
 "recovery":[{"on":["oom"],"action":"abort"}],
 "steps":[{"name":"split","graft":true,"group":"g","rollback":"undo","priority":3,"resources":{"memory":512,"cpu":0.5},"estimate":"10s"},
  {"name":"ask","group":"g","await_approval":true,"timeout":"5m","on_timeout":"late","max_snoozes":3,"max_crashes":0},
  {"name":"call","after_any":["split","ask"],"circuit_breaker":"api","circuit_breaker_opts":{"failure_threshold":7,"reset_timeout":"30s"},
   "fallback":{"value":{"n":0}},"timeout":{"function":"by_size"},
   "recovery":[{"on":["x"],"when":{"function":"f"},"action":"retry","max_retries":1},{"action":"fallback","fallback":{"skip":true}}]},
  {"name":"child","after_group":"g","after_graft":["split"],"workflow":"other::sub","input":"to","result":"back","fallback":"plan_b"}]})",
     R"({"compensate":"always","dead_letter":true,"dead_letter_ttl":"90d","max_retries":2,"max_running":1,"name":"shop","on_cancel":"c","on_event":["order.created"],"on_failure":"b","on_step_error":"d","on_success":"a","recovery":[{"action":"abort","on":["oom"]}],"retry_delay":"10s","schedule":{"cron":["0 6 * * *"],"misfire":"skip","timezone":"UTC"},"steps":[{"estimate":"10s","graft":true,"group":"g","name":"split","priority":3,"resources":{"cpu":0.5,"memory":512},"rollback":"undo"},{"await_approval":true,"group":"g","max_crashes":0,"max_snoozes":3,"name":"ask","on_timeout":"late","timeout":"5m"},{"after_any":["split","ask"],"circuit_breaker":"api","circuit_breaker_opts":{"failure_threshold":7},"fallback":{"value":{"n":0}},"name":"call","recovery":[{"action":"retry","max_retries":1,"on":["x"],"when":{"function":"f"}},{"action":"fallback","fallback":{"skip":true}}],"timeout":{"function":"by_size"}},{"after_graft":["split"],"after_group":"g","fallback":"plan_b","input":"to","name":"child","result":"back","workflow":"other::sub"}],"strategy":"hybrid"})",
     "8c09f0ae789a19ed1c5087b5ae264ad5d320786eae2ad2ef7065349a1e6f07f6"},
    {R"({"name":"usual","strategy":"parallel","max_running":0,"max_retries":0,"retry_delay":"5s","compensate":"auto","dead_letter":false,"recovery":[],
 "steps":[{"name":"a","graft":false,"after_any":[],"after_graft":[],"await_approval":false,"cancellable":true,"priority":0,"max_crashes":3,"resources":{},
 "recovery":[],"timeout":"5m","circuit_breaker":"api","circuit_breaker_opts":{"failure_threshold":5,"success_threshold":2,"half_open_limit":3,"reset_timeout":"30s"}}]})",
     R"({"name":"usual","steps":[{"circuit_breaker":"api","name":"a"}]})",
     "4309fee7870a553d7bef9556fe20d5bdafd66f2e7d01fd1f64fab09e52e11d47"},
};

TEST(Digest, IsFrozen) {
  for (const Frozen& frozen : kFrozen) {
    const Result<Definition> definition =
        parse(std::string(R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[)") +
                  frozen.workflow + "]}",
              "frozen", nullptr);
    ASSERT_TRUE(definition) << describe(definition.error());
    EXPECT_EQ(definition->workflows.at(0).canonical, frozen.canonical);
    EXPECT_EQ(digest(definition->workflows[0]).hex(), frozen.digest);
  }
}

}  // namespace
}  // namespace pirn::definition
