// A committer whose changes are under way for as long as somebody says, all in the engine's thread.
#pragma once

#include <functional>
#include <utility>

#include "host/store/committer.h"

namespace pirn::sim {

class SlowCommitter final : public store::Committer {
 public:
  // `finished`: asked at every look. `lost`: the host is gone, and what is under way with it.
  SlowCommitter(store::Store& store, std::function<bool()> finished, std::function<bool()> lost)
      : store_(store), finished_(std::move(finished)), lost_(std::move(lost)) {}

  void begin(const store::Change& change, std::function<void()> prepare) override {
    change_ = change;
    prepare_ = std::move(prepare);
  }
  bool finished() const override { return finished_(); }
  Status finish() override {
    if (lost_()) return Error{Code::store_failed, "the host was lost"};
    if (prepare_) prepare_();
    return store_.commit(change_);
  }

 private:
  store::Store& store_;
  const std::function<bool()> finished_, lost_;
  store::Change change_;
  std::function<void()> prepare_;
};

}  // namespace pirn::sim
