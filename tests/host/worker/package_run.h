// Calls functions of a package's library through a runner with one thread, without an engine.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "host/worker/alarm.h"
#include "host/worker/in_process_runner.h"
#include "packager/digest/digest.h"
#include "packager/library/library.h"
#include "tests/host/worker/frame.h"

namespace pirn::worker {

class PackageRun {
 public:
  // `tasks`: the functions of the library, all of which its manifest would list.
  PackageRun(std::string library, const std::string& package, std::initializer_list<const char*> tasks)
      : library_(std::move(library)) {
    auto made = std::make_shared<registry::Release>();
    made->tenant = "acme";
    made->package = package;
    made->version = "1.0.0";
    made->digest = sha256(package);
    made->library = sha256(bytes());
    for (const char* id : tasks) made->functions.push_back({id, PIRN_KIND_TASK});
    // What the package's manifest would say of its workflows.
    auto loaded = library::Library::load(bytes(), made->library);
    EXPECT_TRUE(loaded);
    made->definition = *definition::parse(*loaded->definition(), package, &made->functions);
    for (const definition::Workflow& workflow : made->definition.workflows)
      made->workflow_digests.push_back(sha256(workflow.canonical));
    release_ = made;
  }

  Completion run(const char* function, Listener& listener) {
    InProcessRunner runner(
        {.capacity = 1, .threads = 1, .measure = true},
        [this](const registry::Release&) -> Result<std::string> { return bytes(); }, listener, alarm_);
    std::vector<Invocation> batch(1);
    batch[0].id = 1;
    batch[0].frame = TestFrame::make(release_);
    batch[0].step_name = "step";
    batch[0].function = function;
    runner.start(batch);
    std::vector<Completion> out;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    for (runner.take_completions(out); out.empty() && std::chrono::steady_clock::now() < end;
         runner.take_completions(out))
      alarm_.wait(1'000'000'000);
    EXPECT_EQ(out.size(), 1u);
    return out.empty() ? Completion() : std::move(out[0]);
  }

 private:
  std::string bytes() const {
    std::ifstream file(library_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  const std::string library_;
  registry::ReleasePtr release_;
  Alarm alarm_;
};

}  // namespace pirn::worker
