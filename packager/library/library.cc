// The loader knows libraries by name, and a name that it has seen is the library that it has, whatever the
// file is now. So each load goes through the number of a descriptor that stays open for as long as the image
// is mapped, which is for ever if it turns out to be resident.
#include "packager/library/library.h"

#include <dlfcn.h>
#include <link.h>

#include <atomic>
#include <boost/dll/shared_library.hpp>
#include <cassert>

#include "packager/library/sealed_file.h"

namespace pirn::library {
namespace {

namespace dll = boost::dll;

using Entry = const pirn_plugin*(uint32_t);
constexpr const char* kEntry = "pirn_plugin_v1";

std::atomic<uint64_t> g_resident{0};

bool is_mapped(const std::string& name) {
  struct Search {
    const std::string& name;
    bool found = false;
  } search{name};
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* out) {
        auto& search = *static_cast<Search*>(out);
        search.found = search.found || search.name == info->dlpi_name;
        return 0;
      },
      &search);
  return search.found;
}

std::string loader_reason(const boost::dll::fs::error_code& error) {
  const char* reason = dlerror();
  return reason != nullptr ? reason : error.message();
}

}  // namespace

struct Library::Image {
  explicit Image(SealedFile sealed)
      : file(std::move(sealed)), name("/proc/self/fd/" + std::to_string(file.fd())) {}
  ~Image() { close(); }

  Status open() {
    boost::dll::fs::error_code error;
    code.load(name, dll::load_mode::rtld_now | dll::load_mode::rtld_local, error);
    if (error)
      return Error{Code::library_load_failed, "the library cannot be loaded: " + loader_reason(error), "",
                   Blame::package};
    plugin = code.get<Entry>(kEntry)(PIRN_ABI_MINOR);  // admission has seen it
    PIRN_TRY(descriptor, copy_descriptor(plugin));
    return {};
  }

  Unloaded close() {
    if (!code.is_loaded()) return Unloaded::gone;
    plugin = nullptr;
    descriptor = Descriptor();
    code.unload();
    if (!is_mapped(name)) return Unloaded::gone;
    file.keep_open();
    g_resident.fetch_add(1, std::memory_order_relaxed);
    return Unloaded::resident;
  }

  SealedFile file;
  std::string name;
  dll::shared_library code;
  const pirn_plugin* plugin = nullptr;
  Descriptor descriptor;
};

Library::Library(std::unique_ptr<Image> image) : image_(std::move(image)) {}
Library::Library(Library&&) noexcept = default;
Library& Library::operator=(Library&&) noexcept = default;
Library::~Library() = default;

Result<Library> Library::load(std::string_view bytes, const Digest& expected) {
  PIRN_TRY(SealedFile file, SealedFile::make(bytes));
  return load(std::move(file), expected);
}

Result<Library> Library::load(SealedFile file, const Digest& expected) {
  if (file.digest() != expected)
    return Error{
        Code::library_digest_mismatch,
        "the digest of the library is " + file.digest().hex() + ", but " + expected.hex() + " was expected",
        "", Blame::world};
  const Result<Runtime>& runtime = host_runtime();
  if (!runtime) return runtime.error();
  PIRN_TRY(const Admitted admitted, admit(file.bytes(), *runtime));
  Library library(std::make_unique<Image>(std::move(file)));
  PIRN_DO(library.image_->open());
  const Descriptor& descriptor = library.descriptor();
  const AbiNote told{descriptor.abi_major, descriptor.abi_minor, descriptor.min_host_minor};
  if (!(told == admitted.note))
    return Error{Code::library_descriptor_invalid,
                 "the package's descriptor and its ELF note name different ABI versions", "", Blame::package};
  return library;
}

const Descriptor& Library::descriptor() const { return image_->descriptor; }
const Digest& Library::digest() const { return image_->file.digest(); }
const pirn_plugin& Library::plugin() const {
  assert(image_->plugin != nullptr && "the library is loaded");
  return *image_->plugin;
}
Result<std::string> Library::definition() const { return copy_definition(image_->plugin); }
Unloaded Library::unload() { return image_->close(); }

uint64_t resident_libraries() { return g_resident.load(std::memory_order_relaxed); }

}  // namespace pirn::library
