#include "run.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>
#include <vector>

namespace operations {
namespace {

// An invocation that was given up for late may still write its draft: each draft has a name of its own.
std::string draft_tag() {
  static std::atomic<uint64_t> count{0};
  return std::to_string(::getpid()) + "." + std::to_string(++count);
}

AtomicFile create(const pirn::Context& ctx, const std::string& directory, std::string_view name) {
  return AtomicFile(directory + "/" + std::string(name), run_directory(ctx) + "/drafts", draft_tag());
}

std::string write(AtomicFile file, std::string_view content) {
  file.write(content);
  return file.publish();
}

}  // namespace

std::string output_directory(const pirn::Context& ctx) {
  return std::filesystem::absolute(ctx.get<std::string>("output")).lexically_normal().string();
}

std::string run_directory(const pirn::Context& ctx) {
  return output_directory(ctx) + "/runs/" + std::string(ctx.execution());
}

std::string run_file(const pirn::Context& ctx, std::string_view name) {
  return run_directory(ctx) + "/" + std::string(name);
}

AtomicFile create_run_file(const pirn::Context& ctx, std::string_view name) {
  return create(ctx, run_directory(ctx), name);
}

AtomicFile create_output_file(const pirn::Context& ctx, std::string_view name) {
  return create(ctx, output_directory(ctx), name);
}

std::string write_run_file(const pirn::Context& ctx, std::string_view name, std::string_view content) {
  return write(create_run_file(ctx, name), content);
}

std::string write_output_file(const pirn::Context& ctx, std::string_view name, std::string_view content) {
  return write(create_output_file(ctx, name), content);
}

std::string copy_to_output(const pirn::Context& ctx, const std::string& from, std::string_view name) {
  std::ifstream source = open_to_read(from);
  AtomicFile file = create_output_file(ctx, name);
  std::vector<char> buffer(size_t{64} * 1024);
  while (source.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || source.gcount() > 0) {
    file.write({buffer.data(), static_cast<size_t>(source.gcount())});
  }
  return file.publish();
}

Poll heartbeat(pirn::Context& ctx) {
  return [&ctx](uint64_t lines) {
    return lines == 0 ? !ctx.cancelled() : ctx.heartbeat(-1, std::to_string(lines) + " lines");
  };
}

bool pace(pirn::Context& ctx) {
  using Clock = std::chrono::steady_clock;
  constexpr auto kSlice = std::chrono::milliseconds(10);       // how soon a cancellation is seen
  constexpr auto kHeartbeat = std::chrono::milliseconds(250);  // how often whoever watches sees progress
  const auto paced = std::chrono::milliseconds(ctx.get_or<int64_t>("pace_ms", 0));
  const bool held = ctx.step() == ctx.get_or<std::string>("hold_step", "");
  const std::string gate = held ? ctx.get_or<std::string>("hold_file", "") : std::string();

  const auto begin = Clock::now();
  auto next = begin + kHeartbeat;
  for (auto now = begin; now - begin < paced || (!gate.empty() && exists(gate)); now = Clock::now()) {
    if (ctx.cancelled()) return false;
    if (now >= next) {
      const double share = std::chrono::duration<double>(now - begin) / std::max(paced, kSlice);
      ctx.heartbeat(gate.empty() ? std::min(share, 1.0) : -1, gate.empty() ? "" : "held");
      next = now + kHeartbeat;
    }
    std::this_thread::sleep_for(kSlice);
  }
  return !ctx.cancelled();
}

}  // namespace operations
