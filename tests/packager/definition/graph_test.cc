#include "packager/definition/graph.h"

#include <gtest/gtest.h>

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
      summary(workflow_of(kOrders)),
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
  const std::string text = report(definition, workflow);
  EXPECT_NE(text.find(R"("execution_order":["x","z","y","end","late"])"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("critical_path":["y","end"])"), std::string::npos);
  EXPECT_NE(text.find(R"("estimated_timeout":13000)"), std::string::npos);
  EXPECT_NE(text.find(R"("total_timeout":25000)"), std::string::npos);
  EXPECT_TRUE(critical_path(Workflow()).steps.empty());
}

TEST(Graph, NamesBecomeLabels) {
  EXPECT_EQ(humanised("create_account"), "Create Account");
  EXPECT_EQ(humanised("load-config"), "Load Config");
  EXPECT_EQ(humanised("2nd_try"), "2nd Try");
}

}  // namespace
}  // namespace pirn::definition
