// docs/reference/definition.schema.json and the parser are one language, except for what only a whole
// document shows.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <valijson/adapters/boost_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "packager/definition/definition.h"
#include "packager/json/json.h"
#include "tests/packager/definition/random_definition.h"

namespace pirn::definition {
namespace {

namespace json = boost::json;
using Adapter = valijson::adapters::BoostJsonAdapter;

std::string read(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

bool schema_accepts(const json::value& document) {
  static const valijson::Schema& schema = *[] {
    static const json::value text = json::parse(read(PIRN_DEFINITION_SCHEMA));
    auto* out = new valijson::Schema;
    valijson::SchemaParser(valijson::SchemaParser::kDraft7).populateSchema(Adapter(text), *out);
    return out;
  }();
  return valijson::Validator().validate(schema, Adapter(document), nullptr);
}

Result<Definition> parsed(const std::string& text) { return parse(text, "f", nullptr); }

std::string in_document(const std::string& workflows) {
  return R"({"schema":1,"package":{"name":"p","version":"1.0.0"},"workflows":[)" + workflows + "]}";
}
std::string in_workflow(const std::string& members) { return in_document(R"({"name":"w",)" + members + "}"); }
std::string in_step(const std::string& members) {
  return in_workflow(R"("steps":[{"name":"t","graft":true},{"name":"s",)" + members + "}]");
}

TEST(Schema, AcceptsWhateverIsPrinted) {
  EXPECT_TRUE(rc::check([] {
    const std::string text = print(random_definition());
    if (!schema_accepts(json::parse(text))) RC_FAIL(text);
  }));
}

// What people write and print() does not.
TEST(Schema, AcceptsEveryWayOfWriting) {
  for (const std::string& text : {
           std::string(R"({"schema":1,"package":{"name":"p","version":"0.1.0"}})"),
           in_workflow(R"("schedule":{"cron":"@daily"},"on_event":"x","max_attempts":3)"),
           in_workflow(
               R"("on_event":["order.created","Bestellung \u00fcbernommen"],"tags":["x","night shift"])"),
           in_workflow(
               R"("step_defaults":{"timeout":90000,"max_attempts":2,"retry_jitter":true,"hooks":{}})"),
           in_step(R"("timeout":"1500","retry_backoff":"exponential","after":["t","t"],"at":"a.cc:1")"),
           in_step(R"("retry_backoff":{"table":[1,"2s"]},"retry_jitter":false,"recovery":[],"resources":{})"),
           in_step(R"("when":{"path":"a b.0","not_equals":null},"graft":false,"context_key":"_x")"),
           in_step(R"("recovery":[{"action":"retry","max_attempts":2}],"graft":false,"workflow":"o::x")"),
       }) {
    const Result<Definition> definition = parsed(text);
    EXPECT_TRUE(definition) << describe(definition.error());
    EXPECT_TRUE(schema_accepts(json::parse(text))) << text;
  }
}

TEST(Schema, RefusesWhatIsMalformed) {
  for (const std::string& text : {
           std::string("[]"),
           std::string("{}"),
           std::string(R"({"schema":2,"package":{"name":"p","version":"1.0.0"}})"),
           in_document(R"({})"),
           in_document(R"({"name":"W"})"),
           in_workflow(R"("timeout":-1)"),
           in_workflow(R"("timeout":"5 m")"),
           in_workflow(R"("timeout":"")"),
           in_workflow(R"("timeout":{"function":"f"})"),
           in_workflow(R"("steps":{})"),
           in_workflow(R"("schedule":{})"),
           in_workflow(R"("strategy":"fast")"),
           in_workflow(R"("order":"longest")"),
           in_workflow(R"("schedule":{"cron":"@daily","every":"1h"})"),
           in_workflow(R"("schedule":{"at":"2026-01-01T00:00:00Z","timezone":"UTC"})"),
           in_workflow(R"("schedule":{"in":"1h","end_at":"2026-01-01T00:00:00Z"})"),
           in_workflow(R"("on_event":[])"),
           in_workflow(R"("on_event":"a\u001b")"),
           in_workflow(R"("on_event":[" a"])"),
           in_workflow(R"("tags":["a\nb"])"),
           in_workflow(R"("tags":[""])"),
           in_workflow(R"("dead_letter_ttl":"1d")"),
           in_workflow(R"("max_retries":1,"max_attempts":2)"),
           in_workflow(R"("step_defaults":{"task":"x"})"),
           in_workflow(R"("step_defaults":{"max_retries":1,"max_attempts":2})"),
           in_step(R"("depends_on":["t"])"),
           in_step(R"("after":"t")"),
           in_step(R"("max_retries":1,"max_attempts":2)"),
           in_step(R"("workflow":"o::x","task":"y")"),
           in_step(R"("workflow":"o::x","graft":true)"),
           in_step(R"("workflow":"o::x","rollback":"y")"),
           in_step(R"("input":"x")"),
           in_step(R"("result":"x")"),
           in_step(R"("workflow":"a::b::c")"),
           in_step(R"("fallback":{"skip":false})"),
           in_step(R"("fallback":{})"),
           in_step(R"("fallback":{"value":1,"skip":true})"),
           in_step(R"("recovery":[{}])"),
           in_step(R"("recovery":[{"action":"fallback"}])"),
           in_step(R"("recovery":[{"action":"skip","max_retries":1}])"),
           in_step(R"("recovery":[{"action":"retry","max_retries":1,"max_attempts":2}])"),
           in_step(R"("resources":{"cpu":0})"),
           in_step(R"("resources":{"gpu":0.5})"),
           in_step(R"("resources":{"gpu":1025})"),
           in_step(R"("workflow":"o::x","resources":{"cpu":1})"),
           in_step(R"("resources":{"CPU":1})"),
           in_step(R"("resources":{"memory_mb":1})"),
           in_step(R"("circuit_breaker":"a","circuit_breaker_opts":{"failure_threshold":0})"),
           in_step(R"("context_key":"__x")"),
           in_step(R"("context_key":"")"),
           in_step(R"("when":{})"),
           in_step(R"("when":{"all":[]})"),
           in_step(R"("when":{"path":"a..b","equals":1})"),
           in_step(R"("when":{"path":"a","less":null})"),
           in_step(R"("when":{"not":{"function":"f"}})"),
           in_step(R"("retry_backoff":{"exponential":0.5})"),
           in_step(R"("retry_backoff":{"table":[]})"),
           in_step(R"("retry_on":[{}])"),
           in_step(R"("retry_on":[{"details":1}])"),
       }) {
    EXPECT_FALSE(parsed(text)) << text;
    EXPECT_FALSE(schema_accepts(json::parse(text))) << text;
  }
}

// ---- documents that somebody has spoilt

void collect(json::value& value, std::vector<json::value*>& out) {
  out.push_back(&value);
  if (json::object* object = value.if_object())
    for (auto& member : *object) collect(member.value(), out);
  if (json::array* array = value.if_array())
    for (json::value& element : *array) collect(element, out);
}

template <class T>
T one_of(std::initializer_list<T> values) {
  return *rc::gen::elementOf(std::vector<T>(values));
}

json::value any_value() {
  return json::parse(
      one_of<const char*>({"null", "true", "7", "-1", "1.5", "\"x\"", "\"\"", "\"fail\"", "\"5s\"", "[]",
                           "{}", "[\"x\"]", "{\"function\":\"f\"}", "{\"x\":1}"}));
}

void spoil(json::value& document) {
  std::vector<json::value*> places;
  collect(document, places);
  json::value& place = *places[*rc::gen::inRange<size_t>(0, places.size())];
  json::object* object = place.if_object();
  if (object == nullptr || *rc::gen::arbitrary<bool>()) {
    place = any_value();
  } else if (object->empty() || *rc::gen::arbitrary<bool>()) {
    (*object)[one_of<const char*>({"nonsense", "timeout", "name", "max_attempts", "workflow", "at"})] =
        any_value();
  } else {
    auto member = object->begin();
    std::advance(member, *rc::gen::inRange<size_t>(0, object->size()));
    object->erase(member);
  }
}

bool is_of_the_form(Code code) {
  return code == Code::unknown_key || code == Code::wrong_type || code == Code::missing_key;
}

TEST(Schema, AgreesWithTheParserAboutSpoiltDocuments) {
  EXPECT_TRUE(rc::check([] {
    json::value document = json::parse(print(random_definition()));
    spoil(document);
    const std::string text = canonical(document);
    const Result<Definition> definition = parsed(text);
    const bool accepted = schema_accepts(document);
    if (definition && !accepted) RC_FAIL("the schema refuses what the parser reads: " + text);
    if (definition) return;
    for (const Error& problem : definition.error().causes)
      if (is_of_the_form(problem.code) && accepted)
        RC_FAIL("the schema accepts " + text + "\n" + describe(problem));
  }));
}

}  // namespace
}  // namespace pirn::definition
