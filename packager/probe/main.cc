// pirn-probe: loads ONE library in a process that is thrown away, and says what it is. Started by probe(),
// which gives it the library, sealed, as descriptor 3 and a socket for the answer as descriptor 4. The
// library is loaded from descriptor 3, on a thread that cannot write to that socket
// (packager/sandbox/cell.h).
#include <fcntl.h>
#include <pirn/version.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <pirn/text.hpp>

#include "packager/library/library.h"
#include "packager/library/sealed_file.h"
#include "packager/probe/answer.h"
#include "packager/sandbox/cell.h"

namespace pirn::probe {
namespace {

constexpr int kLibrary = 3;

void enter(Stage stage, sandbox::Voice& voice) {
  const char letter = static_cast<char>(stage);
  voice.say({&letter, 1});
}

// What the package said last, as the reason of a failed init.
std::string g_last_log;

const pirn_host kHost = {
    .size = sizeof(pirn_host),
    .abi_minor = PIRN_ABI_MINOR,
    .name = "pirn-probe",
    .version = PIRN_SDK_VERSION,
    .extension = [](const pirn_host*, const char*) -> const void* { return nullptr; },
    .log =
        [](const pirn_host*, uint32_t, const pirn_str* message) {
          constexpr size_t kMax = 500;
          if (message == nullptr || message->data == nullptr) return;
          const std::string_view said(message->data, message->len);
          g_last_log = text::repaired(said, kMax);
          if (!said.starts_with(g_last_log)) g_last_log += " (the package logged text that is not UTF-8)";
        },
};

Status run_init(const library::Library& library, sandbox::Voice& voice) {
  const pirn_plugin& plugin = library.plugin();
  pirn_state* state = nullptr;
  if (plugin.init != nullptr) {
    enter(Stage::init, voice);
    const pirn_status status = plugin.init(&kHost, &state);
    if (status != PIRN_OK)
      return Error{Code::probe_init_failed,
                   "the package's init failed with status " + std::to_string(status) +
                       (g_last_log.empty() ? "" : ": " + g_last_log),
                   "", Blame::package};
  }
  if (plugin.deinit != nullptr) {
    enter(Stage::deinit, voice);
    plugin.deinit(state);
  }
  return {};
}

Result<LibraryDescription> describe_library(library::SealedFile file, const Digest& digest, bool with_init,
                                            sandbox::Voice& voice) {
  enter(Stage::load, voice);
  PIRN_TRY(library::Library library, library::Library::load(std::move(file), digest));
  const library::Descriptor& descriptor = library.descriptor();
  LibraryDescription out;
  out.id = descriptor.id;
  out.version = descriptor.version;
  out.sdk = descriptor.sdk;
  out.abi_major = descriptor.abi_major;
  out.abi_minor = descriptor.abi_minor;
  out.min_host_minor = descriptor.min_host_minor;
  out.functions = library::functions_of(descriptor);
  enter(Stage::definition, voice);
  PIRN_TRY(out.definition, library.definition());
  if (with_init) PIRN_DO(run_init(library, voice));
  enter(Stage::unload, voice);
  out.unloads = library.unload() == library::Unloaded::gone;
  return out;
}

struct Task {
  Digest digest;
  library::SealedFile file;
  bool with_init = false;
};

Result<Task> read_task(const char* digest_text, bool with_init) {
  PIRN_TRY(const Digest digest, parse_digest(digest_text));
  PIRN_TRY(library::SealedFile file, library::SealedFile::adopt(kLibrary));
  const Result<library::Runtime>& runtime = library::host_runtime();  // while files can be read
  if (!runtime) return runtime.error();
  return Task{digest, std::move(file), with_init};
}

std::string look(Result<Task>& task, const Result<sandbox::Confinement>& confinement, sandbox::Voice& voice) {
  if (!task) return print_answer(task.error());
  if (!confinement) return print_answer(confinement.error());
  return print_answer(describe_library(std::move(task->file), task->digest, task->with_init, voice));
}

}  // namespace
}  // namespace pirn::probe

int main(int argc, char** argv) {
  if (argc != 3 || fcntl(3, F_GETFD) == -1 || fcntl(4, F_GETFD) == -1) {
    std::fputs("pirn-probe is started by pirn, to look at a library in a process of its own.\n", stderr);
    return 2;
  }
  auto task = pirn::probe::read_task(argv[1], std::strcmp(argv[2], "init") == 0);
  pirn::sandbox::run_in_cell(
      [&](const auto& confinement, auto& voice) { return pirn::probe::look(task, confinement, voice); });
}
