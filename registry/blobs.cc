#include "registry/blobs.h"

#include <boost/filesystem/directory.hpp>
#include <boost/filesystem/operations.hpp>
#include <map>

#include "packager/digest/digest.h"
#include "packager/file/whole_file.h"
#include "packager/mutex/mutex.h"

namespace pirn::registry {

namespace fs = boost::filesystem;

namespace {

Error damaged(const Digest& digest, const std::string& reason) {
  return Error{Code::blob_damaged, "the blob " + digest.hex() + " " + reason, {}, Blame::world};
}

class DirectoryBlobs : public Blobs {
 public:
  explicit DirectoryBlobs(std::string directory) : directory_(std::move(directory)) {}

  Result<Digest> put(std::string_view bytes, bool* added) override {
    const Digest digest = sha256(bytes);
    boost::system::error_code ignored;
    *added = !fs::exists(path(digest), ignored);
    if (!*added && get(digest)) return digest;
    PIRN_DO(file::write(path(digest), bytes, 0600));
    return digest;
  }

  Result<std::string> get(const Digest& digest) const override {
    auto bytes = file::read(path(digest), file::Links::refuse);
    if (!bytes) return damaged(digest, "cannot be read: " + bytes.error().message);
    if (sha256(*bytes) != digest) return damaged(digest, "does not match its digest");
    return bytes;
  }

  Status remove(const Digest& digest) override {
    boost::system::error_code error;
    fs::remove(path(digest), error);
    if (error)
      return Error{
          Code::io_failed, "cannot remove " + path(digest) + ": " + error.message(), {}, Blame::world};
    return {};
  }

  Result<std::vector<Digest>> list() const override {
    std::vector<Digest> digests;
    boost::system::error_code error;
    for (fs::directory_iterator it(directory_, error), end; !error && it != end; it.increment(error))
      if (const auto digest = parse_digest(it->path().filename().string())) digests.push_back(*digest);
    if (error)
      return Error{Code::io_failed, "cannot list " + directory_ + ": " + error.message(), {}, Blame::world};
    return digests;
  }

 private:
  std::string path(const Digest& digest) const { return directory_ + "/" + digest.hex(); }

  const std::string directory_;
};

class MemoryBlobs : public Blobs {
 public:
  Result<Digest> put(std::string_view bytes, bool* added) override {
    const Digest digest = sha256(bytes);
    const MutexLock lock(mutex_);
    *added = blobs_.emplace(digest, bytes).second;
    return digest;
  }

  Result<std::string> get(const Digest& digest) const override {
    const MutexLock lock(mutex_);
    const auto found = blobs_.find(digest);
    if (found == blobs_.end()) return damaged(digest, "is missing");
    return found->second;
  }

  Status remove(const Digest& digest) override {
    const MutexLock lock(mutex_);
    blobs_.erase(digest);
    return {};
  }

  Result<std::vector<Digest>> list() const override {
    const MutexLock lock(mutex_);
    std::vector<Digest> digests;
    for (const auto& [digest, bytes] : blobs_) digests.push_back(digest);
    return digests;
  }

 private:
  mutable Mutex mutex_;
  std::map<Digest, std::string> blobs_ PIRN_GUARDED_BY(mutex_);
};

}  // namespace

Result<std::unique_ptr<Blobs>> open_blobs(const std::string& directory) {
  const auto refuse = [&](const boost::system::error_code& error) {
    return Error{Code::io_failed, "cannot use " + directory + ": " + error.message(), {}, Blame::world};
  };
  boost::system::error_code error;
  if (fs::create_directory(directory, error)) fs::permissions(directory, fs::owner_all, error);
  if (error) return refuse(error);
  std::vector<fs::path> unfinished;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error))
    if (it->path().filename().string().starts_with(file::kUnfinished)) unfinished.push_back(it->path());
  for (const fs::path& path : unfinished)
    if (!error) fs::remove(path, error);
  if (error) return refuse(error);
  return std::unique_ptr<Blobs>(std::make_unique<DirectoryBlobs>(directory));
}

std::unique_ptr<Blobs> blobs_in_memory() { return std::make_unique<MemoryBlobs>(); }

}  // namespace pirn::registry
