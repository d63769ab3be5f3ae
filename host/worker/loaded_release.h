// A release's library, loaded and initialised in this process.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "packager/library/library.h"
#include "registry/release.h"

namespace pirn::worker {

class LoadedRelease {
 public:
  // Loads the bytes, compares what the library says about itself with the release, calls init. Errors: those
  // of library::Library::load, in_process_load_failed with every difference. One thread.
  static Result<std::unique_ptr<LoadedRelease>> load(const registry::Release& release,
                                                     std::string_view bytes);
  // Calls deinit, unless init was never called or failed. No thread may be in the package any more.
  ~LoadedRelease();
  LoadedRelease(const LoadedRelease&) = delete;

  // nullptr: the package has no such function. Any thread.
  pirn_fn find(std::string_view id) const;
  pirn_state* state() const { return state_; }
  const std::string& name() const { return name_; }  // tenant::package@version
  // A thread that has called functions of the package says that it will call no more. Any thread.
  void detach_thread() const;

  // deinit and unload, and what became of the memory. The object may only be destroyed afterwards.
  library::Unloaded unload();

 private:
  LoadedRelease(library::Library library, std::string name);
  Status compare_with(const registry::Release& release) const;

  library::Library library_;
  std::string name_;
  pirn_host host_;
  pirn_state* state_ = nullptr;
  bool open_ = false;  // init has succeeded, and deinit was not called
  std::unordered_map<std::string_view, pirn_fn> functions_;
};

// The bytes of a release's library, checked against the digest that was signed.
using LibrarySource = std::function<Result<std::string>(const registry::Release&)>;

}  // namespace pirn::worker
