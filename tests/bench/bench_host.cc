#include "tests/bench/bench_host.h"

#include <pthread.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "host/machine.h"
#include "host/store/sqlite_store.h"
#include "packager/library/library.h"

namespace pirn::bench {

namespace {
[[noreturn]] void give_up(const Error& error) {
  std::fprintf(stderr, "%s\n", describe(error).c_str());
  std::exit(1);
}
}  // namespace

int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string package_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

// ---- releases ----

PackageText package_text(const std::string& bytes) {
  auto library = library::Library::load(bytes, sha256(bytes));
  if (!library) give_up(library.error());
  auto text = library->definition();
  if (!text) give_up(text.error());
  return {std::move(text).value(), library::functions_of(library->descriptor())};
}

void BenchReleases::publish(const std::string& bytes, const std::string& tenant) {
  const Digest digest = sha256(bytes);
  PackageText package = package_text(bytes);
  auto release = std::make_shared<registry::Release>();
  release->functions = std::move(package.functions);
  auto parsed = definition::parse(package.definition, "bench", &release->functions);
  if (!parsed) give_up(parsed.error());
  release->definition = std::move(parsed).value();
  release->tenant = tenant;
  release->package = release->definition.package;
  release->version = release->definition.version;
  release->digest = release->library = digest;
  for (const definition::Workflow& workflow : release->definition.workflows)
    release->workflow_digests.push_back(sha256(workflow.canonical));
  releases_.emplace_back(release, bytes);
  std::atomic_store(&catalog_,
                    std::make_shared<const registry::Catalog>(catalog_->with(
                        {tenant, release->package, registry::Active{release, releases_.size(), false}})));
}

Result<registry::ReleasePtr> BenchReleases::load(std::string_view tenant, const Digest& digest) const {
  for (const auto& [release, bytes] : releases_)
    if (release->digest == digest && release->tenant == tenant) return release;
  return Error{Code::not_found, "no such release"};
}

Result<std::string> BenchReleases::library(const registry::Release& wanted) const {
  for (const auto& [release, bytes] : releases_)
    if (release.get() == &wanted) return bytes;
  return Error{Code::not_found, "no such release"};
}

std::unique_ptr<registry::Registry> open_registry(const std::string& directory) {
  const auto held = [](auto result) {
    if (!result) give_up(result.error());
    return std::move(result).value();
  };
  auto registry = held(registry::Registry::open({.directory = directory}));
  if (registry->catalog()->active("bench", "bench")) return registry;
  const registry::Principal me = registry::Principal::local_operator();
  const int64_t now_ms = now_ns() / 1'000'000;
  registry::NewTenant tenant;
  tenant.name = "bench";
  tenant.isolation = registry::Isolation::in_process;
  held(registry->create_tenant(me, tenant, now_ms));
  registry::NewTrust trust;
  trust.tenant = "bench";
  trust.publisher = "bench";
  trust.public_key = held(signature::parse_public_key(package_bytes(directory + "/key.pub")));
  held(registry->add_trust(me, trust, now_ms));
  held(registry->push(me, "bench", package_bytes(directory + "/bench.pirn"), now_ms));
  held(registry->deploy(me, {"bench", "bench"}, {}, now_ms));
  return registry;
}

// ---- the host ----

BenchHost::BenchHost(std::unique_ptr<store::Store> store, BenchReleases& releases)
    : store_(std::move(store)), releases_(releases) {
  open([&releases](const registry::Release& release) { return releases.library(release); });
}

BenchHost::BenchHost(std::unique_ptr<store::Store> store, const registry::Registry& registry)
    : store_(std::move(store)),
      owned_releases_(std::make_unique<RegistryReleases>(registry)),
      releases_(*owned_releases_) {
  open([&registry](const registry::Release& release) { return registry.load_library(release); });
}

void BenchHost::open(worker::LibrarySource library) {
  runner_ = std::make_unique<worker::InProcessRunner>(worker::InProcessRunner::Options{}, std::move(library),
                                                      *this, alarm_);
  // As the host does it: what has no disk to wait for is committed by the loop.
  if (dynamic_cast<store::SqliteStore*>(store_.get()) != nullptr)
    committer_ = std::make_unique<store::CommitThread>(*store_, [this] { alarm_.wake(); });
  engine_ = std::make_unique<engine::Engine>(engine::Options{}, *store_, *runner_, releases_, *this, alarm_,
                                             committer_.get());
}

BenchHost::~BenchHost() { stop(); }

void BenchHost::recover() {
  if (Status recovered = engine_->recover(now_ns()); !recovered) give_up(recovered.error());
}

void BenchHost::run() {
  thread_ = std::thread([this] { loop(); });
}

void BenchHost::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  alarm_.wake();
  thread_.join();
}

void BenchHost::loop() {
  pthread_setname_np(pthread_self(), "pirn-engine");
  int64_t begins[2] = {};  // when the first decision was made of the batches that are not durable
  uint64_t durable = 0;
  while (!stopping_) {
    const int64_t begin = now_ns();
    auto turn = engine_->turn(begin);
    if (!turn) give_up(turn.error());
    if (on_loop) on_loop(now_ns() - begin);
    if (int64_t& first = begins[turn->decided_in % 2]; turn->inputs > 0 && first == 0) first = begin;
    for (; durable < turn->durable; ++durable) {
      int64_t& first = begins[(durable + 1) % 2];
      if (on_turn && first != 0) on_turn(now_ns() - first);
      first = 0;
    }
    if (turn->inputs > 0 || turn->more) continue;
    if (!turn->undurable) {
      const int64_t idle = now_ns();
      const auto more = store_->maintain();
      if (on_loop) on_loop(now_ns() - idle);
      if (!more) give_up(more.error());
      if (*more) continue;
    }
    const int64_t until = turn->next_timer ? *turn->next_timer - now_ns() : INT64_MAX;
    alarm_.wait(std::min<int64_t>(until, 1'000'000'000));
  }
}

void BenchHost::push(engine::Command command) {
  while (!engine_->inbox().push(command)) std::this_thread::yield();
}

void BenchHost::start(std::string_view workflow, engine::Reply<engine::Started> reply,
                      std::string_view tenant) {
  engine::Start start;
  start.tenant = tenant;
  start.workflow = workflow;
  start.reply = std::move(reply);
  push(std::move(start));
}

engine::EngineStats BenchHost::stats() { return ask<engine::EngineStats>(engine::Stats{}).value(); }

void BenchHost::on_commit(ExecutionId id, const journal::Origin& origin, uint32_t, std::string_view body,
                          bool last) {
  commits.fetch_add(1, std::memory_order_relaxed);
  journal_bytes.fetch_add(body.size(), std::memory_order_relaxed);
  if (!last) return;
  ended.fetch_add(1, std::memory_order_relaxed);
  if (on_end) on_end(id, origin.tenant);
}

void BenchHost::on_progress(const worker::Invocation& invocation, double, std::string_view) {
  if (on_tick) on_tick(invocation.frame->execution, now_ns());
}

}  // namespace pirn::bench
