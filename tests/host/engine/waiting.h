// What the tests of waiting share: a workflow whose first step awaits, and how refusals look.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "host/simulate/world.h"

namespace pirn::sim {

inline constexpr int64_t kHour = 60 * kMinute;
inline constexpr int64_t kDay = 24 * kHour;

inline worker::AwaitRequest until(int64_t timeout, std::string on_timeout = "") {
  worker::AwaitRequest request;
  request.timeout = timeout;
  request.await.on_timeout = std::move(on_timeout);
  return request;
}

inline worker::AwaitRequest of_kind(std::string kind, std::vector<std::string> approvers = {}) {
  worker::AwaitRequest request;
  request.await.kind = std::move(kind);
  request.await.approvers = std::move(approvers);
  return request;
}

// A workflow whose first step "ask" awaits with this request; "use" comes after it.
inline ExecutionId start_awaiting(World& world, worker::AwaitRequest request = {},
                                  const std::string& options = "", const std::string& workflow = "") {
  world.publish(workflow + R"("steps":[{"name":"ask")" + options + R"(},{"name":"use","after":["ask"]}])");
  world.runner().by_function["ask"] = [request](const auto&) { return await(request); };
  const ExecutionId id = world.start()->id;
  world.settle();
  return id;
}

inline size_t calls_of(World& world, std::string_view function) {
  size_t calls = 0;
  for (const Called& call : world.runner().calls) calls += call.function == function;
  return calls;
}

template <class T>
void expect_refused(const Result<T>& result, Code code, std::string_view part) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, code) << describe(result.error());
  EXPECT_NE(result.error().message.find(part), std::string::npos) << result.error().message;
}

inline std::vector<std::string> diagnostics_of(World& world, ExecutionId id) {
  std::vector<std::string> codes;
  for (const auto& record : world.records_of<journal::Diagnostic>(id)) codes.push_back(record.code);
  return codes;
}

}  // namespace pirn::sim
