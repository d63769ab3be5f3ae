#include "packager/definition/graph.h"

#include <gtest/gtest.h>

#include <regex>
#include <sstream>

#include "packager/json/json.h"

namespace pirn::definition {
namespace {

Definition definition_of(const std::string& workflow) {
  const Result<Definition> definition =
      parse(R"({"schema":1,"package":{"name":"shop","version":"1.0.0"},"workflows":[)" + workflow + "]}",
            "test", nullptr);
  EXPECT_TRUE(definition) << (definition ? "" : describe(definition.error()));
  return definition ? *definition : Definition();
}
Workflow workflow_of(const std::string& workflow) { return definition_of(workflow).workflows.at(0); }

const char* const kOrders = R"({"name":"order_processing","tags":["shop"],"steps":[
  {"name":"validate","label":"Validate Order"},
  {"name":"check_stock","after":["validate"]},
  {"name":"reserve","after":["check_stock"],"label":"Reserve Inventory","timeout":"90s"},
  {"name":"charge","after":["validate"],"label":"Charge \"Payment\"","max_retries":5,
   "when":{"all":[{"path":"order.total","greater":100},{"any":[{"path":"vip","exists":false},{"not":{"path":"a","in":[1]}}]}]}},
  {"name":"ship","after":["reserve","charge"],"timeout":"infinity","task":"send"}]})";

TEST(Graph, Table) {
  EXPECT_EQ(to_table(workflow_of(R"({"name":"user_onboarding","steps":[{"name":"create_account"},
              {"name":"setup_profile","after":["create_account"]},{"name":"send_welcome","after":["setup_profile"]}]})")),
            "├────────────────────┼────────────────────┼──────────┼─────────┼──────────┤\n"
            "│ Step               │ Depends On         │ Timeout  │ Retries │ Rollback │\n"
            "├────────────────────┼────────────────────┼──────────┼─────────┼──────────┤\n"
            "│ create_account     │ -                  │ 5m       │ 3       │ ✗        │\n"
            "│ setup_profile      │ create_account     │ 5m       │ 3       │ ✗        │\n"
            "│ send_welcome       │ setup_profile      │ 5m       │ 3       │ ✗        │\n"
            "├────────────────────┼────────────────────┼──────────┼─────────┼──────────┤\n");
}

TEST(Graph, TableWithConditionsAndStates) {
  EXPECT_EQ(to_table(workflow_of(kOrders), {{"validate", "completed"}, {"check_stock", "retry_wait"}}),
            "├────────────────────┼────────────────────┼──────────┼─────────┼──────────┼─────────────────────"
            "──────────────────────────────────┼────────────┤\n"
            "│ Step               │ Depends On         │ Timeout  │ Retries │ Rollback │ Condition           "
            "                                  │ State      │\n"
            "├────────────────────┼────────────────────┼──────────┼─────────┼──────────┼─────────────────────"
            "──────────────────────────────────┼────────────┤\n"
            "│ validate           │ -                  │ 5m       │ 3       │ ✗        │ -                   "
            "                                  │ completed  │\n"
            "│ check_stock        │ validate           │ 5m       │ 3       │ ✗        │ -                   "
            "                                  │ retry_wait │\n"
            "│ reserve            │ check_stock        │ 1m30s    │ 3       │ ✗        │ -                   "
            "                                  │ pending    │\n"
            "│ charge             │ validate           │ 5m       │ 5       │ ✗        │ order.total > 100 "
            "and (vip is absent or not a in [1]) │ pending    │\n"
            "│ ship               │ reserve, charge    │ ∞        │ 3       │ ✗        │ -                   "
            "                                  │ pending    │\n"
            "├────────────────────┼────────────────────┼──────────┼─────────┼──────────┼─────────────────────"
            "──────────────────────────────────┼────────────┤\n");
}

TEST(Graph, Tree) {
  EXPECT_EQ(to_tree(workflow_of(kOrders)),
            "order_processing (version 1, 5 steps)\n"
            "└─ validate\n"
            "   ├─ check_stock\n"
            "   │  └─ reserve\n"
            "   └─ charge  ? order.total > 100 and (vip is absent or not a in [1])\n"
            "      └─ ship = send  (also after reserve)\n");
  EXPECT_EQ(to_tree(workflow_of(R"({"name":"w","steps":[{"name":"a"},{"name":"b"}]})"), {{"a", "failed"}}),
            "w (version 1, 2 steps)\n"
            "├─ a  [failed]\n"
            "└─ b  [pending]\n");
}

TEST(Graph, ALongChainKeepsTheTreeNarrow) {
  std::string steps = R"({"name":"s0"})";
  for (int i = 1; i < 5000; ++i)
    steps += R"(,{"name":"s)" + std::to_string(i) + R"(","after":["s)" + std::to_string(i - 1) + "\"]}";
  const std::string tree = to_tree(workflow_of(R"({"name":"w","steps":[)" + steps + "]}"));
  EXPECT_LT(tree.size(), 20'000u);
  EXPECT_NE(tree.find("… and"), std::string::npos);
}

TEST(Graph, Mermaid) {
  EXPECT_EQ(to_mermaid(workflow_of(kOrders)),
            "graph TD\n"
            "  validate[Validate Order]\n"
            "  check_stock[Check Stock]\n"
            "  reserve[Reserve Inventory]\n"
            "  charge[\"Charge #quot;Payment#quot; ?\"]\n"
            "  ship[Ship]\n"
            "  validate --> check_stock\n"
            "  check_stock --> reserve\n"
            "  validate --> charge\n"
            "  reserve --> ship\n"
            "  charge --> ship\n");
}

TEST(Graph, MermaidWithStates) {
  EXPECT_EQ(
      to_mermaid(workflow_of(
                     R"({"name":"w","steps":[{"name":"end"},{"name":"a--b","after":["end"]},{"name":"c"}]})"),
                 {{"end", "completed"}, {"a--b", "snoozed"}}),
      "graph TD\n"
      "  S0[End]:::completed\n"
      "  S1[A  B]:::awaiting\n"
      "  c[C]:::pending\n"
      "  S0 --> S1\n"
      "  classDef completed fill:#90EE90\n"
      "  classDef running fill:#FFD700\n"
      "  classDef pending fill:#D3D3D3\n"
      "  classDef failed fill:#FF6B6B\n"
      "  classDef skipped fill:#E6E6FA\n"
      "  classDef awaiting fill:#87CEEB\n");
}

TEST(Graph, Dot) {
  EXPECT_EQ(
      to_dot(workflow_of(
          R"({"name":"daily-report","steps":[{"name":"load-config"},{"name":"node","after":["load-config"],
              "label":"a \"b\" \\","when":{"path":"x","equals":1}},{"name":"plain","after":["node"]}]})")),
      "digraph \"daily-report\" {\n"
      "  rankdir=TB;\n"
      "  node [shape=box, style=rounded];\n"
      "  \"load-config\" [label=\"Load Config\"];\n"
      "  \"node\" [label=\"a \\\"b\\\" \\\\\", shape=diamond];\n"
      "  plain [label=\"Plain\"];\n"
      "  \"load-config\" -> \"node\";\n"
      "  \"node\" -> plain;\n"
      "}\n");
  EXPECT_NE(to_dot(workflow_of(R"({"name":"w","steps":[{"name":"a"}]})"), {{"a", "failed"}})
                .find("style=\"rounded,filled\", fillcolor=\"#FF6B6B\""),
            std::string::npos);
}

TEST(Graph, Json) {
  EXPECT_EQ(
      to_json(
          workflow_of(
              R"({"name":"w","steps":[{"name":"a","task":"t"},{"name":"b","after":["a"],"when":{"function":"ask"}}]})"),
          {{"a", "running"}}),
      R"({"edges":[{"from":"a","to":"b"}],"name":"w","nodes":[{"label":"A","name":"a","state":"running","task":"t"},)"
      R"json({"condition":"ask()","label":"B","name":"b","state":"pending","task":"b"}]})json");
}

TEST(Graph, Summary) {
  EXPECT_EQ(
      canonical(summary(workflow_of(kOrders))),
      R"({"estimated_timeout":null,"grafts":0,"has_rollback":false,"name":"order_processing","nested_workflows":0,)"
      R"("parallel_groups":0,"schedule":null,"steps":5,"tags":["shop"],"trigger":"manual","version":1})");
}

// Forward order, and the longest path includes its last step.
TEST(Graph, OrderAndCriticalPath) {
  const Definition definition = definition_of(R"({"name":"w","steps":[
    {"name":"z","after":["x"],"timeout":"1s"},{"name":"x","timeout":"2s"},{"name":"y","timeout":"3s"},
    {"name":"end","after":["x","y"],"timeout":"10s"},{"name":"late","after":["z"],"timeout":"9s"}]})");
  const Workflow& workflow = definition.workflows[0];
  EXPECT_EQ(execution_order(workflow), (std::vector<uint32_t>{1, 0, 2, 3, 4}));
  const CriticalPath path = critical_path(workflow);
  EXPECT_EQ(path.steps, (std::vector<uint32_t>{2, 3}));
  EXPECT_EQ(path.timeout_ns, 13'000'000'000);
  const std::string text = canonical(report(definition, workflow));
  EXPECT_NE(text.find(R"("execution_order":["x","z","y","end","late"])"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("critical_path":["y","end"])"), std::string::npos);
  EXPECT_NE(text.find(R"("estimated_timeout":13000)"), std::string::npos);
  EXPECT_NE(text.find(R"("total_timeout":25000)"), std::string::npos);
  EXPECT_TRUE(critical_path(Workflow()).steps.empty());
}

const char* const kImport =
    R"({"name":"import","on_event":"file.arrived","schedule":{"cron":"@daily"},"on_failure":"alarm","steps":[
  {"name":"split","graft":true,"group":"load"},
  {"name":"prices","group":"load","rollback":"undo","when":{"path":"x","exists":true}},
  {"name":"report","after_group":"load","timeout":{"function":"by_size"}},
  {"name":"sum","after_graft":["split"],"await_approval":true},
  {"name":"first","after":["sum"],"after_any":["prices","sum"]},
  {"name":"mail","workflow":"other::mail","after":["first"],"estimate":"10s"}]})";

// Groups are taken apart, and two steps have one edge whatever the ways in which one names the other.
TEST(Graph, Edges) {
  const Workflow workflow = workflow_of(kImport);
  std::string shown;
  for (const Edge& edge : edges(workflow))
    shown += std::to_string(edge.from) + ">" + std::to_string(edge.to) + " " +
             std::to_string(static_cast<int>(edge.kind)) + ", ";
  EXPECT_EQ(shown, "0>2 2, 1>2 2, 0>3 1, 1>4 3, 3>4 0, 4>5 0, ");
  EXPECT_EQ(execution_order(workflow), (std::vector<uint32_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(dependencies(workflow)[2], (std::vector<uint32_t>{0, 1}));
}

TEST(Graph, OrderFollowsGroupsAndGrafts) {
  EXPECT_EQ(execution_order(workflow_of(R"({"name":"w","steps":[{"name":"a","after_group":"g"},
              {"name":"b","after_graft":["d"]},{"name":"c","after_any":["b"],"group":"g"},{"name":"d","graft":true}]})")),
            (std::vector<uint32_t>{3, 1, 2, 0}));
}

TEST(Graph, EveryDrawingShowsTheWholeLanguage) {
  const Workflow workflow = workflow_of(kImport);
  EXPECT_EQ(to_mermaid(workflow, {}, ShowGroups::yes),
            "graph TD\n"
            "  subgraph G0[Load]\n"
            "    split[Split]\n"
            "    prices[\"Prices ↩\"]\n"
            "  end\n"
            "  report[Report]\n"
            "  sum[\"Sum ⏸\"]\n"
            "  first[First]\n"
            "  mail[[Mail]]\n"
            "  split --> report\n"
            "  prices --> report\n"
            "  split --> sum\n"
            "  prices --> first\n"
            "  sum --> first\n"
            "  first --> mail\n");
  EXPECT_EQ(to_mermaid(workflow).find("subgraph"), std::string::npos);
  EXPECT_EQ(to_dot(workflow),
            "digraph import {\n"
            "  rankdir=TB;\n"
            "  node [shape=box, style=rounded];\n"
            "  split [label=\"Split\"];\n"
            "  prices [label=\"Prices\", shape=diamond, peripheries=2];\n"
            "  report [label=\"Report\"];\n"
            "  sum [label=\"Sum\"];\n"
            "  first [label=\"First\"];\n"
            "  mail [label=\"Mail\", shape=component];\n"
            "  subgraph cluster_0 {\n"
            "    label=\"Load\";\n"
            "    style=dashed;\n"
            "    split; prices;\n"
            "  }\n"
            "  split -> report;\n"
            "  prices -> report;\n"
            "  split -> sum;\n"
            "  prices -> first;\n"
            "  sum -> first;\n"
            "  first -> mail;\n"
            "}\n");
  EXPECT_EQ(to_tree(workflow),
            "import (version 1, 6 steps)\n"
            "├─ split  (graft)  (group load)\n"
            "│  └─ sum\n"
            "│     └─ first  (also after prices)\n"
            "│        └─ mail = workflow other::mail\n"
            "└─ prices  (group load)  ? x exists\n"
            "   └─ report  (also after split)\n");
  const std::string table = to_table(workflow);
  for (const char* cell :
       {"│ group load", "│ graft split", "│ sum, any of (prices, sum)", "│ by_size()", "│ ✓ "})
    EXPECT_NE(table.find(cell), std::string::npos) << cell << "\n" << table;
  EXPECT_EQ(to_json(workflow_of(R"({"name":"w","steps":[{"name":"a","graft":true,"group":"g","rollback":"u"},
              {"name":"b","workflow":"o::x","await_approval":true,"after_any":["a"]}]})")),
            R"({"edges":[{"from":"a","kind":"any","to":"b"}],"name":"w","nodes":[)"
            R"({"graft":true,"group":"g","label":"A","name":"a","rollback":"u","task":"a"},)"
            R"({"await_approval":true,"label":"B","name":"b","workflow":"o::x"}]})");
}

TEST(Graph, ChildrenOfAGraftAreDrawnBelowIt) {
  const Workflow workflow = with_children(
      workflow_of(R"({"name":"w","steps":[{"name":"g","graft":true},{"name":"end","after_graft":["g"]}]})"),
      {{"g", "item_1", "resize", ""}, {"g", "item_2", "resize", "Second"}, {"gone", "x", "y", ""}});
  EXPECT_EQ(to_mermaid(workflow, {{"item_1", "running"}}).substr(0, 148),
            "graph TD\n"
            "  g[G]:::pending\n"
            "  S1[End]:::pending\n"
            "  item_1[Item 1]:::running\n"
            "  item_2[Second]:::pending\n"
            "  g --> S1\n"
            "  g --> item_1\n"
            "  g --> item_2\n"
            "  class");
}

TEST(Graph, SummaryAndReportOfTheWholeLanguage) {
  const Definition definition = definition_of(kImport);
  const Workflow& workflow = definition.workflows[0];
  EXPECT_EQ(
      canonical(summary(workflow)),
      R"({"estimated_timeout":910000,"grafts":1,"has_rollback":true,"name":"import","nested_workflows":1,)"
      R"("parallel_groups":1,"schedule":{"cron":["@daily"]},"steps":6,"tags":[],"trigger":"event","version":1})");
  const std::string text = canonical(report(definition, workflow));
  for (const char* part :
       {R"("parallel_groups":{"load":["split","prices"]})", R"("grafts":["split"])",
        R"("nested_workflows":{"mail":"other::mail"})", R"("handlers":{"on_failure":"alarm"})",
        R"("on_event":["file.arrived"])", R"("critical_path":["split","sum","first","mail"])",
        R"("depends_on_any":["prices","sum"])", R"("depends_on_group":"load")", R"("total_timeout":null)",
        R"("depends_on_grafts":["split"])", R"("strategy":"parallel")"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  EXPECT_NE(canonical(summary(workflow_of(R"({"name":"w","schedule":{"every":"1h"}})")))
                .find(R"("trigger":"scheduled")"),
            std::string::npos);
}

// ---- the execution plan

const char* const kPlanned = R"({"name":"w","step_concurrency":2,"steps":[
  {"name":"a","estimate":"10s"},
  {"name":"b","after":["a"],"estimate":"5s","resources":{"gpu":1}},
  {"name":"c","after":["a"],"estimate":"20s","resources":{"gpu":2,"cpu":1}},
  {"name":"d","after":["a"],"estimate":"1s","priority":9,"resources":{"gpu":1}},
  {"name":"e","after":["b","c","d"],"timeout":"30s"}]})";

TEST(Graph, APlanHasLevelsBatchesAndWhatIsNeeded) {
  const Workflow workflow = workflow_of(kPlanned);
  EXPECT_EQ(
      plan(workflow),
      R"({"batch_count":4,"critical_path":["a","c","e"],"duration_by_order":{"canonical":61000,"critical_path":60000},)"
      R"("estimated_duration":61000,"levels":[)"
      R"({"batches":[["a"]],"level":0},{"batches":[["d","b"],["c"]],"level":1},{"batches":[["e"]],"level":2}],)"
      R"("max_parallelism":2,"order":"canonical","resources":{"cpu":{"at_once":1,"largest":1},"gpu":{"at_once":2,"largest":2}}})");
  EXPECT_EQ(to_plan_text(workflow),
            "level 0     a\n"
            "level 1     d, b\n"
            "  then      c\n"
            "level 2     e\n"
            "at once     2 of 5 steps\n"
            "likely path a, c, e\n"
            "takes about 1m1s\n"
            "by order    critical_path 1m, 1s less than canonical, the current order\n"
            "needs       1 cpu; with 1, no step waits\n"
            "needs       2 gpu; with 2, no step waits\n");
}

// Two at a time: the canonical order leaves the long lane to the end.
const char* const kTwoLanes = R"({"name":"w","step_concurrency":2,ORDER"steps":[
  {"name":"a","estimate":"10s"},{"name":"b","estimate":"10s"},{"name":"c","estimate":"10s"},
  {"name":"d","after":["c"],"estimate":"20s"}]})";

Workflow two_lanes(const std::string& options) {
  std::string text = kTwoLanes;
  return workflow_of(text.replace(text.find("ORDER"), 5, options));
}

TEST(Graph, APlanSaysWhatTheOrderOfTheCriticalPathGains) {
  const ExecutionPlan canonical = execution_plan(two_lanes(""));
  EXPECT_EQ(canonical.by_order.canonical_ns, 40'000'000'000);
  EXPECT_EQ(canonical.by_order.critical_path_ns, 30'000'000'000);
  EXPECT_EQ(canonical.levels[0], (std::vector<std::vector<uint32_t>>{{0, 1}, {2}}));
  EXPECT_NE(to_plan_text(two_lanes(""))
                .find("by order    critical_path 30s, 10s less than canonical, the current order\n"),
            std::string::npos)
      << to_plan_text(two_lanes(""));
  const Workflow critical = two_lanes(R"("order":"critical_path",)");
  EXPECT_EQ(execution_plan(critical).levels[0], (std::vector<std::vector<uint32_t>>{{2, 0}, {1}}));
  EXPECT_NE(to_plan_text(critical).find("by order    critical_path 30s, 10s less than canonical\n"),
            std::string::npos);
  EXPECT_NE(plan(critical).find(R"("duration_by_order":{"canonical":40000,"critical_path":30000})"),
            std::string::npos);
  EXPECT_NE(plan(critical).find(R"("order":"critical_path")"), std::string::npos);
}

TEST(Graph, APlanSaysNothingOfTheOrderWhereItChangesNothing) {
  const std::string unlimited = R"("steps":[{"name":"a","estimate":"10s"},{"name":"b","estimate":"20s"}]})";
  EXPECT_EQ(to_plan_text(workflow_of(R"({"name":"w",)" + unlimited)).find("in order"), std::string::npos);
  EXPECT_EQ(to_plan_text(two_lanes(R"("strategy":"sequential",)")).find("in order"), std::string::npos);
  // Level by level all of the first one comes before the second, whatever goes first.
  const ExecutionPlan hybrid = execution_plan(two_lanes(R"("strategy":"hybrid",)"));
  EXPECT_EQ(hybrid.by_order.canonical_ns, 40'000'000'000);
  EXPECT_EQ(hybrid.by_order.critical_path_ns, 40'000'000'000);
  const ExecutionPlan endless =
      execution_plan(workflow_of(R"({"name":"w","steps":[{"name":"a","timeout":"infinity"}]})"));
  EXPECT_EQ(endless.by_order.canonical_ns, kInfinite);
}

TEST(Graph, ASequentialPlanIsOneAfterTheOtherInCanonicalOrder) {
  Workflow workflow = workflow_of(kPlanned);
  workflow.strategy = Strategy::sequential;
  const ExecutionPlan sequential = execution_plan(workflow);
  EXPECT_EQ(sequential.max_parallelism, 1u);
  EXPECT_EQ(sequential.levels[1], (std::vector<std::vector<uint32_t>>{{1}, {2}, {3}}));
}

TEST(Graph, APlanOfNothingAndOneWithoutEnd) {
  const ExecutionPlan nothing = execution_plan(workflow_of(R"({"name":"w","steps":[]})"));
  EXPECT_EQ(nothing.max_parallelism, 0u);
  EXPECT_EQ(nothing.duration_ns, 0);
  const Workflow endless = workflow_of(R"({"name":"w","steps":[{"name":"a","timeout":"infinity"}]})");
  EXPECT_NE(plan(endless).find(R"("estimated_duration":null)"), std::string::npos);
}

TEST(Graph, AReportHasThePlanAndOfAnExecutionTheStates) {
  const Definition definition = definition_of(kPlanned);
  const std::string text =
      canonical(report(definition, definition.workflows[0], {{"a", "completed"}, {"b", "running"}}));
  for (const char* part :
       {R"("execution_order":["a","b","c","d","e"])", R"("execution_plan":{"batch_count":4)",
        R"("resources":{"cpu":1,"gpu":2})", R"("estimate":10000)", R"("priority":9)", R"("state":"running")",
        R"("state":"pending")"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

// ---- what people write into labels

// Whatever stands in a label, each line is what its tool can read.
TEST(Graph, NoLabelBreaksADrawing) {
  for (const char* label : {R"(say \"hi\")", "a [b] (c) {d}", "x|y --> z", "end", "a; b", "#1 <b>bold</b>",
                            "`code`", "back\\\\slash", "tab\\tand\\nline", "Überweisung → Ø", "%%comment"}) {
    const Workflow workflow = workflow_of(std::string(R"({"name":"w","steps":[{"name":"a","label":")") +
                                          label + R"(","group":"end"},{"name":"b","after":["a"]}]})");
    const std::string mermaid = to_mermaid(workflow, {{"a", "running"}}, ShowGroups::yes);
    static const std::regex kMermaid(
        "graph TD|  subgraph G[0-9]+\\[(\"[^\"]*\"|[A-Za-z0-9_ ]+)\\]|  end|"
        " *[a-zA-Z0-9_-]+\\[(\"[^\"`<>\\n]*\"|[A-Za-z0-9_ ]+)\\](:::[a-z]+)?|  [a-zA-Z0-9_-]+ --> "
        "[a-zA-Z0-9_-]+|"
        "  classDef [a-z]+ fill:#[0-9A-F]{6}");
    static const std::regex kDot(
        "digraph [a-z_0-9]+ \\{|\\}|  rankdir=TB;|  node \\[shape=box, style=rounded\\];|  \\}|"
        "  [a-z_0-9]+ \\[label=\"([^\"\\\\]|\\\\.)*\"(, [a-z]+=(\"[^\"]*\"|[a-z0-9]+))*\\];|"
        "  subgraph cluster_[0-9]+ \\{|    label=\"([^\"\\\\]|\\\\.)*\";|    style=dashed;|   ( "
        "[a-z_0-9]+;)+|"
        "  [a-z_0-9]+ -> [a-z_0-9]+;");
    const std::string dot = to_dot(workflow, {{"a", "running"}});
    const std::pair<const std::string*, const std::regex*> drawings[] = {{&mermaid, &kMermaid},
                                                                         {&dot, &kDot}};
    for (const auto& [text, form] : drawings) {
      std::istringstream lines(*text);
      for (std::string line; std::getline(lines, line);)
        EXPECT_TRUE(std::regex_match(line, *form)) << label << ": " << line;
    }
  }
}

TEST(Graph, AWordThatEndsASubgraphIsQuoted) {
  const std::string text = to_mermaid(
      workflow_of(R"({"name":"w","steps":[{"name":"a","label":"the end"},{"name":"b","label":"send"}]})"));
  EXPECT_NE(text.find("a[\"the end\"]"), std::string::npos) << text;
  EXPECT_NE(text.find("b[send]"), std::string::npos) << text;
}

TEST(Graph, NamesBecomeLabels) {
  EXPECT_EQ(humanised("create_account"), "Create Account");
  EXPECT_EQ(humanised("load-config"), "Load Config");
  EXPECT_EQ(humanised("2nd_try"), "2nd Try");
}

}  // namespace
}  // namespace pirn::definition
