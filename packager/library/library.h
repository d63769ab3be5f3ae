// A package's library in this process. The only place in Pirn that loads one.
//
// What is loaded is a sealed copy in memory, never a path: the digest, the admission and the code that runs
// are about the same bytes. Each load is its own copy with its own static variables, also of the same
// release.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "packager/digest/digest.h"
#include "packager/error/error.h"
#include "packager/library/admission.h"
#include "packager/library/descriptor.h"

namespace pirn::library {

class SealedFile;

// What became of a library that was closed. dlclose() does not tell; the list of loaded objects does.
enum class Unloaded : uint8_t {
  gone,      // its memory is unmapped
  resident,  // something pins it (a thread-local destructor, for example); it stays loaded, without harm
};

// Owns the loaded image and the descriptor of its memory. load(), definition() and unload() on one thread at
// a time ("loader-thread" of pirn/abi.h); what the accessors return may be used from any thread until
// unload().
class Library {
 public:
  // Seals `bytes`, compares their digest with `expected`, admits them, loads them with all symbols bound, and
  // copies the descriptor. Neither init nor any function of the package is called. Errors: every
  // library_… code, io_failed.
  static Result<Library> load(std::string_view bytes, const Digest& expected);
  // The same, of bytes that are sealed already.
  static Result<Library> load(SealedFile file, const Digest& expected);

  Library(Library&&) noexcept;
  Library& operator=(Library&&) noexcept;
  ~Library();  // as unload()

  const Descriptor& descriptor() const;
  const Digest& digest() const;
  // For init, deinit, thread_detach, migrate and extension; of the package's memory.
  const pirn_plugin& plugin() const;
  // The definition document, copied; empty: the package's workflow.json counts. Before init.
  Result<std::string> definition() const;

  // Closes the image. The caller has called deinit(), if init() was called, and no thread is in the package.
  // The Library is empty afterwards and may only be destroyed.
  Unloaded unload();

 private:
  struct Image;
  explicit Library(std::unique_ptr<Image> image);

  std::unique_ptr<Image> image_;
};

// How many libraries were closed and are still resident in this process. Any thread.
uint64_t resident_libraries();

}  // namespace pirn::library
