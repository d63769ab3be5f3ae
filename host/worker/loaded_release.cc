#include "host/worker/loaded_release.h"

#include <pirn/version.h>
#include <spdlog/spdlog.h>

#include <pirn/text.hpp>

#include "host/worker/call_scope.h"
#include "registry/claims.h"

namespace pirn::worker {

namespace {

const void* no_extension(const pirn_host*, const char*) { return nullptr; }

void log_of_package(const pirn_host* host, uint32_t level, const pirn_str* message) {
  static constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::trace, spdlog::level::debug,
                                                          spdlog::level::info, spdlog::level::warn,
                                                          spdlog::level::err};
  if (!host || !message || !message->data) return;
  const std::string_view given(message->data, message->len);
  const std::string words = text::repaired(given, text::kMaxMessage);
  const char* const repaired = words == given ? ""
                               : given.size() > text::kMaxMessage && given.starts_with(words)
                                   ? " [cut]"
                                   : " [was not UTF-8]";
  spdlog::log(kLevels[level > PIRN_LOG_ERROR ? PIRN_LOG_ERROR : level], "package {}: {}{}", host->name, words,
              repaired);
}

}  // namespace

LoadedRelease::LoadedRelease(library::Library library, std::string name)
    : library_(std::move(library)), name_(std::move(name)) {
  for (const library::ExportedFunction& function : library_.descriptor().functions)
    functions_.emplace(function.id, function.call);
  host_ =
      pirn_host{sizeof host_, PIRN_ABI_MINOR, name_.c_str(), PIRN_SDK_VERSION, no_extension, log_of_package};
}

Result<std::unique_ptr<LoadedRelease>> LoadedRelease::load(const registry::Release& release,
                                                           std::string_view bytes) {
  const std::string name = release.tenant + "::" + release.package + "@" + release.version;
  const CallScope scope(name);
  PIRN_TRY(library::Library library, library::Library::load(bytes, release.library));
  std::unique_ptr<LoadedRelease> loaded(new LoadedRelease(std::move(library), name));
  PIRN_DO(loaded->compare_with(release));
  const pirn_plugin& plugin = loaded->library_.plugin();
  if (PIRN_HAS(&plugin, pirn_plugin, init) && plugin.init) {
    const pirn_status status = plugin.init(&loaded->host_, &loaded->state_);
    if (status != PIRN_OK)
      return Error{Code::in_process_load_failed,
                   "init of " + name + " failed with status " + std::to_string(status), "", Blame::package};
  }
  loaded->open_ = true;
  return loaded;
}

// The push and the deployment have compared it, too; but what they compared was said by another process.
Status LoadedRelease::compare_with(const registry::Release& release) const {
  const library::Descriptor& descriptor = library_.descriptor();
  library::Claims claims{descriptor.id, descriptor.version, std::nullopt, library::functions_of(descriptor),
                         std::nullopt};
  PIRN_TRY(const std::string document, library_.definition());
  PIRN_TRY(claims.workflows, library::read_workflows(document, claims.functions));
  const Status compared = library::compare_claims(registry::claims_of(release), claims);
  if (compared) return {};
  Error error{Code::in_process_load_failed, name_ + ": " + compared.error().message, "", Blame::package};
  for (const Error& cause : compared.error().causes) error.message += "; " + cause.message;
  return error;
}

LoadedRelease::~LoadedRelease() {
  if (open_) unload();
}

library::Unloaded LoadedRelease::unload() {
  open_ = false;
  const CallScope scope(name_);
  const pirn_plugin& plugin = library_.plugin();
  if (PIRN_HAS(&plugin, pirn_plugin, deinit) && plugin.deinit) plugin.deinit(state_);
  functions_.clear();
  return library_.unload();
}

pirn_fn LoadedRelease::find(std::string_view id) const {
  const auto found = functions_.find(id);
  return found == functions_.end() ? nullptr : found->second;
}

void LoadedRelease::detach_thread() const {
  const CallScope scope(name_);
  const pirn_plugin& plugin = library_.plugin();
  if (PIRN_HAS(&plugin, pirn_plugin, thread_detach) && plugin.thread_detach) plugin.thread_detach(state_);
}

}  // namespace pirn::worker
