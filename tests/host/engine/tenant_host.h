// What the tests of a tenant's own stream share: commands with their answers, and what the stream says.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "host/journal/tenant_codec.h"
#include "host/simulate/world.h"

namespace pirn::sim {

class TenantHost : public World {
 public:
  using World::World;

  // The answer of a command, whose reply is made here. store_failed: the host was lost before it answered.
  template <class Command, class Answer>
  Result<Answer> ask(Command command) {
    std::optional<Result<Answer>> answer;
    command.reply = [&](Result<Answer> result) { answer = std::move(result); };
    engine::Command any = std::move(command);
    EXPECT_TRUE(engine().inbox().push(any));
    turn();
    if (!answer) return Error{Code::store_failed, "the host was lost before it answered"};
    return *answer;
  }

  std::vector<journal::TenantRecord> records(std::string_view tenant = "t") {
    std::vector<journal::TenantRecord> out;
    const auto row = store().find_tenant(tenant).value();
    if (!row) return out;
    const auto commits = store().journal(row->stream, 0, UINT32_MAX).value();
    for (const store::StoredCommit& commit : commits) {
      const auto decoded = journal::decode_tenant_commit(commit.body, commit.schema).value();
      out.insert(out.end(), decoded.records.begin(), decoded.records.end());
    }
    return out;
  }
  template <class Record>
  std::vector<Record> of(std::string_view tenant = "t") {
    std::vector<Record> out;
    const auto all = records(tenant);
    for (const auto& record : all)
      if (const auto* found = std::get_if<Record>(&record)) out.push_back(*found);
    return out;
  }

  size_t executions(std::string tenant = "t") {
    store::ExecutionFilter filter;
    filter.tenant = std::move(tenant);
    filter.limit = 100'000;
    return store().list(filter).value().size();
  }
};

}  // namespace pirn::sim
