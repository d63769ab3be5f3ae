// The steps themselves, called through the C ABI as a host calls them, in an order that the graph allows.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <pirn/testkit.hpp>

namespace {

using pirn::json::View;
using pirn::testkit::Ran;
using pirn::testkit::TaskRun;

constexpr const char* kSteps[] = {
    "load-config",       "fetch-orders",         "fetch-returns",       "fetch-inventory",
    "clean-orders",      "reconcile-financials", "compute-return-rate", "detect-anomalies",
    "stock-alerts",      "generate-dashboard",   "publish-dashboard",   "refresh-cache",
    "sync-search-index", "archive-datasets",     "publish-metrics",     "notify-ops"};

// The example: five orders of 420, 180, 980, 220 and 140, two returns, one product below its reorder
// level.
constexpr const char* kOrders =
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\r\n"
    "1001,SKU-AA1,\"LAMP, RED\",10,12/1/10 8:26,42.00,17850,United Kingdom\r\n"
    "1002,SKU-BB1,MUG,4,12/1/10 9:00,45.00,,France\r\n"
    "1003,SKU-AA1,\"LAMP, RED\",20,12/1/10 9:30,49.00,17851,United Kingdom\r\n"
    "1004,SKU-CC1,BOWL,11,12/1/10 10:00,20.00,17852,Germany\r\n"
    "1005,SKU-BB1,MUG,4,12/1/10 11:00,35.00,17853,United Kingdom\r\n"
    "C2001,SKU-BB1,MUG,-1,12/1/10 12:00,45.00,17853,United Kingdom\r\n"
    "C2002,SKU-CC1,BOWL,-2,12/1/10 12:30,20.00,17852,Germany\r\n"
    "not a line\r\n";
constexpr const char* kInventory =
    "StockCode,OnHand,ReorderLevel\nSKU-AA1,40,10\nSKU-BB1,3,5\nSKU-CC1,12,5\n";

class Steps : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/operations-steps-XXXXXX";
    directory_ = mkdtemp(path);
    write("orders.csv", kOrders);
    write("inventory.csv", kInventory);
    context_ = {{"orders", directory_ + "/orders.csv"},
                {"inventory", directory_ + "/inventory.csv"},
                {"output", directory_ + "/report"}};
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(directory_ + "/" + name, std::ios::binary) << text;
  }
  static std::string read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  TaskRun prepare(const std::string& step) {
    std::string function = step;
    std::ranges::replace(function, '-', '_');
    TaskRun task(function);
    task.step(step);
    for (const auto& [key, value] : context_) task.set(key, value);
    for (const auto& [ancestor, fields] : results_) task.result_of(ancestor, fields);
    return task;
  }

  // Runs a step and keeps what it returned for those after it.
  Ran run(const std::string& step) {
    Ran ran = prepare(step).run();
    EXPECT_TRUE(ran.violations.empty()) << step << ": " << ran.text();
    pirn::Fields fields;
    for (const auto& [key, value] : ran.delta) fields.add(key, value);
    results_[step] = fields;
    if (step == "load-config") {
      for (const auto& [key, value] : ran.delta) context_[key] = value;
    }
    return ran;
  }
  std::map<std::string, Ran> run_all() {
    std::map<std::string, Ran> all;
    for (const char* step : kSteps) {
      if (std::string_view(step) == "notify-ops" && all["detect-anomalies"].failed()) continue;
      all[step] = run(step);
    }
    return all;
  }

  std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_ + "/report")) {
      if (entry.is_regular_file()) found[entry.path().string()] = read(entry.path());
    }
    return found;
  }

  std::string directory_;
  std::map<std::string, pirn::Value> context_;
  std::map<std::string, pirn::Fields> results_;
};

TEST_F(Steps, AnAnomalousDay) {
  auto all = run_all();
  for (const auto& [step, ran] : all) {
    if (step != "detect-anomalies") {
      EXPECT_TRUE(ran.done()) << step << ": " << ran.text();
    }
  }
  const Ran& detected = all["detect-anomalies"];
  ASSERT_TRUE(detected.failed());
  EXPECT_EQ(detected.error.code, "anomaly");
  EXPECT_EQ(detected.error.error_class, pirn::terminal);
  EXPECT_EQ(detected.error.message, "revenue 1940.00 is below 2000.00; return rate 0.4000 is above 0.2500");

  const Ran& report = all["generate-dashboard"];
  EXPECT_EQ(report.get<std::string>("revenue"), "1940.00");
  EXPECT_EQ(report.get<std::string>("refunds"), "85.00");
  EXPECT_EQ(report.get<int64_t>("orders"), 5);
  EXPECT_EQ(report.get<int64_t>("returns"), 2);
  EXPECT_EQ(report.get<double>("return_rate"), 0.4);
  EXPECT_EQ(report.get<std::string>("average_order"), "388.00");
  EXPECT_EQ(report.get<int64_t>("lines"), 8);
  EXPECT_EQ(report.get<int64_t>("bad_lines"), 1);
  EXPECT_EQ(report.get<std::vector<std::string>>("low_stock"), std::vector<std::string>{"SKU-BB1"});
  EXPECT_FALSE(report.has("items"));
  EXPECT_TRUE(all["archive-datasets"].logged("archived 5 orders and 2 returns"));
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/report/notification.json"));
  EXPECT_NE(read(directory_ + "/report/metrics.prom").find("\noperations_revenue 1940.00\n"),
            std::string::npos);
}

TEST_F(Steps, AHealthyDayNotifies) {
  context_["min_revenue"] = 1940;
  context_["max_return_rate"] = "0.4";
  const auto all = run_all();
  for (const auto& [step, ran] : all) EXPECT_TRUE(ran.done()) << step << ": " << ran.text();
  EXPECT_EQ(all.size(), 16u);
  EXPECT_NE(read(directory_ + "/report/notification.json").find("revenue 1940.00 in 5 orders"),
            std::string::npos);
}

TEST_F(Steps, RunAgainTheyWriteTheSameFiles) {
  run_all();
  const auto first = files();
  EXPECT_GT(first.size(), 15u);
  for (const char* step : kSteps) {
    if (std::string_view(step) != "notify-ops") run(step);
  }
  EXPECT_EQ(files(), first);
}

TEST_F(Steps, WhatTheInputLacksIsSaid) {
  context_.erase("output");
  EXPECT_EQ(run("load-config").error.message,
            "the input has no \"output\": give the directory for the report");
  context_["output"] = directory_ + "/report";
  context_["orders"] = directory_ + "/nothing.csv";
  EXPECT_EQ(run("load-config").error.message, "orders: there is no file " + directory_ + "/nothing.csv");
  context_["orders"] = directory_;
  EXPECT_EQ(run("load-config").error.code, "config_invalid");
  context_["orders"] = directory_ + "/orders.csv";
  context_["min_revenue"] = "plenty";
  const Ran ran = run("load-config");
  EXPECT_EQ(ran.error.code, "config_invalid");
  EXPECT_EQ(ran.error.error_class, pirn::terminal);
}

TEST_F(Steps, AStepThatIsHeldListensToCancellation) {
  ASSERT_TRUE(run("load-config").done());
  write("gate", "");
  context_["hold_step"] = "fetch-orders";
  context_["hold_file"] = directory_ + "/gate";
  EXPECT_TRUE(prepare("fetch-orders").cancelled_at_heartbeat(2).run().was_cancelled());
  EXPECT_TRUE(prepare("fetch-returns").run().done());
  std::filesystem::remove(directory_ + "/gate");
  EXPECT_TRUE(prepare("fetch-orders").run().done());
}

TEST_F(Steps, EachEventIsLoggedAndCounted) {
  const auto hook = [&](const char* event, const char* state) {
    TaskRun task("log_event");
    task.set("output", directory_ + "/report").now(1'000'000'000).step("load-config");
    task.input(
        {{"event", event}, {"step", "load-config"}, {"state", state}, {"attempt", 1}, {"duration_ms", 7.25}});
    EXPECT_TRUE(task.run().done());
  };
  hook("on_start", "running");
  hook("on_success", "completed");
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/report/runs/test/steps.json"));
  hook("on_finish", "completed");
  const std::string log = read(directory_ + "/report/runs/test/hooks.jsonl");
  EXPECT_EQ(std::ranges::count(log, '\n'), 3);
  const std::string text = read(directory_ + "/report/runs/test/steps.json");
  EXPECT_EQ(View(text)["totals"].get<int64_t>("succeeded"), 1);
  EXPECT_EQ(View(text)["totals"].get<double>("busy_ms"), 7.25);
}

// The sixteen steps and their edges, exactly as requirements/1 draws them.
TEST_F(Steps, TheGraphIsTheDocuments) {
  const char* error = nullptr;
  const pirn_plugin* plugin = pirn_plugin_v1(0);
  ASSERT_NE(plugin, nullptr);
  const View definition{plugin->definition(&error)};
  const View workflow = definition["workflows"].items().at(0);
  EXPECT_EQ(workflow.get<int64_t>("step_concurrency"), 4);
  EXPECT_EQ(workflow.get<std::string>("failure_mode"), "continue");
  EXPECT_EQ(workflow["hooks"].size(), 5u);
  std::vector<std::string> edges;
  for (const View& step : workflow["steps"].items()) {
    for (const View& after : step["after"].items()) {
      edges.push_back(after.as<std::string>() + " > " + step.get<std::string>("name"));
    }
  }
  std::ranges::sort(edges);
  std::vector<std::string> drawn = {"load-config > fetch-orders",
                                    "fetch-orders > clean-orders",
                                    "clean-orders > reconcile-financials",
                                    "reconcile-financials > compute-return-rate",
                                    "compute-return-rate > detect-anomalies",
                                    "detect-anomalies > notify-ops",
                                    "load-config > fetch-returns",
                                    "fetch-returns > reconcile-financials",
                                    "load-config > fetch-inventory",
                                    "fetch-inventory > stock-alerts",
                                    "stock-alerts > generate-dashboard",
                                    "load-config > generate-dashboard",
                                    "reconcile-financials > generate-dashboard",
                                    "compute-return-rate > generate-dashboard",
                                    "generate-dashboard > publish-dashboard",
                                    "publish-dashboard > refresh-cache",
                                    "publish-dashboard > sync-search-index",
                                    "clean-orders > archive-datasets",
                                    "fetch-returns > archive-datasets",
                                    "reconcile-financials > publish-metrics",
                                    "compute-return-rate > publish-metrics"};
  std::ranges::sort(drawn);
  EXPECT_EQ(edges, drawn);
  EXPECT_EQ(workflow["steps"].size(), 16u);
}

}  // namespace
