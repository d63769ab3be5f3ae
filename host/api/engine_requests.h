// Commands for the engine, as routes give them. Private to host/api; any thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/api/exchange.h"
#include "host/api/services.h"
#include "host/engine/command.h"

namespace pirn::api {

// Leaves a command for the engine, or answers why not: shutting_down once the inbox is closed, busy while it is
// full.
void send(engine::Inbox& inbox, engine::Command command, const Respond& respond);

// Answers with the engine's error. When there is no such workflow, the tenant may not exist, which the engine
// does not know: then that is the answer.
void refuse(const Services& services, const RequestPtr& request, const Respond& respond, const Error& error);

Error no_execution(std::string_view id);
// The same, once it is known that this tenant has none. One that is quarantined may have lost even its tenant:
// the operator hears why, whatever tenant the request names (R81).
Error no_execution(const Services& services, const Request& request, ExecutionId id);

// Calls `then` on the pool with the execution that the path's first hole names, if this tenant has it;
// answers otherwise.
void with_execution(const Services& services, const RequestPtr& request, const Respond& respond,
                    std::function<void(ExecutionId)> then);

// The execution that the path names: of an open one the engine answers, of a closed one the store. `answer`
// is called on the pool.
void with_view(const Services& services, const RequestPtr& request, const Respond& respond,
               std::function<Response(const engine::View&)> answer);

// As with_execution, if it has steps of these names; empty ones name nothing.
void with_steps(const Services& services, const RequestPtr& request, const Respond& respond,
                std::vector<std::string> steps, std::function<Response(ExecutionId)> answer);

// Whether the definition that an execution of this release runs has a tag. Remembers what it has read. May
// block.
class Tags {
 public:
  Tags(const Services& services, std::string tenant, std::string tag)
      : services_(services), tenant_(std::move(tenant)), tag_(std::move(tag)) {}
  bool wanted(const Digest& release, const std::string& workflow);

 private:
  const Services& services_;
  const std::string tenant_, tag_;  // no tag: all are wanted
  std::map<std::pair<std::string, std::string>, bool> known_;
};

}  // namespace pirn::api
