#include "packager/archive/unpacker.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zstd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "packager/file/descriptor.h"
#include "packager/file/whole_file.h"
#include "packager/process/program.h"

namespace pirn::archive {

namespace {

Error corrupt(std::string message) {
  return Error{.code = Code::payload_corrupt, .message = std::move(message), .blame = Blame::package};
}

Error failed(const std::string& what) {
  return Error{.code = Code::unpacker_failed,
               .message = "cannot unpack in a separate process: " + what + ": " + std::strerror(errno),
               .blame = Blame::world};
}

// Anonymous memory that another process can map.
class Memory {
 public:
  explicit Memory(const char* name) : fd_(::memfd_create(name, MFD_CLOEXEC)) {}

  int fd() const { return fd_.get(); }
  bool resize(uint64_t size) { return fd_ && ::ftruncate(fd_.get(), static_cast<off_t>(size)) == 0; }
  bool write(std::string_view bytes) { return file::write_all(fd_.get(), bytes); }
  bool read(std::string& into) {
    for (size_t done = 0; done < into.size();) {
      const ssize_t n = ::pread(fd_.get(), into.data() + done, into.size() - done, static_cast<off_t>(done));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      done += static_cast<size_t>(n);
    }
    return true;
  }

 private:
  const file::FileDescriptor fd_;
};

std::string beside_this_program() {
  if (const char* told = ::secure_getenv("PIRN_UNPACK")) return told;
  char path[PATH_MAX];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
  const std::string program(path, size < 0 ? 0 : static_cast<size_t>(size));
  const std::string directory = program.substr(0, program.rfind('/') + 1);
  const std::string beside = directory + "pirn-unpack";
  // In a build directory beside `pirn`; installed where programs stand that nobody calls by hand.
  return ::access(beside.c_str(), X_OK) == 0 ? beside : directory + "../libexec/pirn/pirn-unpack";
}

Result<std::string> run(const std::string& program, std::string_view compressed, uint64_t unpacked) {
  Memory input("pirn-packed"), output("pirn-unpacked");
  if (!input.write(compressed) || !output.resize(unpacked)) return failed("memory");
  using process::Handed;
  const Result<pid_t> child =
      process::start({.words = {program, std::to_string(compressed.size()), std::to_string(unpacked)},
                      .environment = {},
                      .descriptors = {{Handed::kNothing, 2}, {input.fd(), 3}, {output.fd(), 4}}});
  if (!child)
    return Error{.code = Code::unpacker_failed,
                 .message = "cannot unpack in a separate process: " + child.error().message,
                 .blame = Blame::world};
  int status = 0;
  while (::waitpid(*child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status))
    return Error{.code = Code::unpacker_failed,
                 .message = "the process that unpacks the payload was killed by signal " +
                            std::to_string(WTERMSIG(status)),
                 .blame = Blame::package};
  if (WEXITSTATUS(status) == 1) return corrupt("the payload cannot be decompressed");
  if (WEXITSTATUS(status) != 0)
    return Error{.code = Code::unpacker_failed,
                 .message = "the process that unpacks the payload could not be confined",
                 .blame = Blame::world};
  std::string bytes(unpacked, '\0');
  if (!output.read(bytes)) return failed("memory");
  return bytes;
}

}  // namespace

Result<std::string> decompress_here(std::string_view compressed, uint64_t unpacked) {
  std::string bytes(unpacked, '\0');
  const size_t size = ZSTD_decompress(bytes.data(), bytes.size(), compressed.data(), compressed.size());
  if (ZSTD_isError(size))
    return corrupt(std::string("the payload cannot be decompressed: ") + ZSTD_getErrorName(size));
  if (size != unpacked) return corrupt("the payload's frame ends too early");
  return bytes;
}

Decompress decompress_apart(std::string program) {
  if (program.empty()) program = beside_this_program();
  return [program = std::move(program)](std::string_view compressed, uint64_t unpacked) {
    return run(program, compressed, unpacked);
  };
}

}  // namespace pirn::archive
