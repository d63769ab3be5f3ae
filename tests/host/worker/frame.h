// A frame and a release made by hand, for tests that call functions without an engine.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "host/worker/runner.h"

namespace pirn::worker {

class TestFrame : public Frame {
 public:
  static std::shared_ptr<TestFrame> make(registry::ReleasePtr of_release = nullptr) {
    auto frame = std::make_shared<TestFrame>();
    frame->execution = {77};
    frame->execution_text = frame->execution.text();
    frame->workflow = "checkout";
    frame->workflow_attempt = 2;
    if (!of_release) {
      auto made = std::make_shared<registry::Release>();
      made->tenant = "acme";
      made->package = "orders";
      made->version = "1.2.3";
      of_release = std::move(made);
    }
    frame->release = std::move(of_release);
    return frame;
  }

  Access result_of(uint32_t, std::string_view ancestor, const journal::StepResult*& out) const override {
    if (pending_ancestors.contains(ancestor)) return Access::absent;
    const auto found = ancestors.find(ancestor);
    if (found == ancestors.end()) return Access::not_an_ancestor;
    out = &found->second;
    return Access::ok;
  }

  std::map<std::string, journal::StepResult, std::less<>> ancestors;
  std::set<std::string, std::less<>> pending_ancestors;  // that did not complete
};

}  // namespace pirn::worker
