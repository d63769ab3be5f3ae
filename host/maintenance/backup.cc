#include "host/maintenance/backup.h"

#include <fcntl.h>
#include <unistd.h>

#include <boost/filesystem/operations.hpp>
#include <boost/filesystem/path.hpp>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <set>

#include "host/maintenance/files.h"
#include "packager/digest/digest.h"
#include "packager/file/whole_file.h"
#include "packager/json/json.h"

namespace pirn::maintenance {

namespace {

namespace bj = boost::json;
namespace fs = boost::filesystem;

constexpr int64_t kFormat = 1;

Error incomplete(const std::string& directory, const std::string& why) {
  return {Code::backup_incomplete, "'" + directory + "' is a backup that is not complete: " + why, "",
          Blame::world};
}

std::string manifest_of(const std::string& directory) { return directory + "/" + kManifestFile; }

Status write_manifest(const std::string& directory, const bj::object& manifest) {
  return file::write(manifest_of(directory), canonical(manifest) + "\n", 0600);
}

// All files below the directory, by their names within it.
Result<std::set<std::string>> files_in(const std::string& directory) {
  std::set<std::string> names;
  boost::system::error_code error;
  for (fs::recursive_directory_iterator each(directory, error), end; !error && each != end;
       each.increment(error))
    if (fs::is_regular_file(each->path(), error))
      names.insert(each->path().lexically_relative(directory).string());
  if (error) return io_failed("reading", directory, error.message());
  names.erase(kManifestFile);
  return names;
}

Result<bj::value> read_manifest(const std::string& directory) {
  PIRN_TRY(const std::string text, file::read(manifest_of(directory), file::Links::refuse));
  auto manifest = parse_json(text, manifest_of(directory));
  const bj::object* object = manifest && manifest->is_object() ? &manifest->as_object() : nullptr;
  const bj::value* complete = object == nullptr ? nullptr : object->if_contains("complete");
  if (complete == nullptr || !complete->is_bool())
    return incomplete(directory, "its manifest cannot be read");
  if (!complete->as_bool()) return incomplete(directory, "the backup did not come to its end");
  const bj::value* files = object->if_contains("files");
  if (files == nullptr || !files->is_array()) return incomplete(directory, "its manifest lists no files");
  return std::move(manifest).value();
}

}  // namespace

Status begin_manifest(const std::string& directory) {
  return write_manifest(directory, {{"format", kFormat}, {"complete", false}});
}

Status complete_manifest(const std::string& directory, int64_t created_at) {
  PIRN_TRY(const std::set<std::string> names, files_in(directory));
  bj::array files;
  for (const std::string& name : names) {
    PIRN_TRY(const FileDigest file, digest_of_file(directory + "/" + name));
    files.push_back(bj::object{{"name", name}, {"bytes", file.bytes}, {"sha256", file.digest.hex()}});
  }
  return write_manifest(
      directory,
      {{"format", kFormat}, {"complete", true}, {"created_at", created_at}, {"files", std::move(files)}});
}

Result<BackupSize> check_manifest(const std::string& directory) {
  if (::access(manifest_of(directory).c_str(), F_OK) != 0) return BackupSize{};
  PIRN_TRY(const bj::value manifest, read_manifest(directory));
  BackupSize size;
  for (const bj::value& each : manifest.at("files").as_array()) {
    const bj::object* entry = each.if_object();
    const bj::value* name = entry == nullptr ? nullptr : entry->if_contains("name");
    const bj::value* digest = entry == nullptr ? nullptr : entry->if_contains("sha256");
    if (name == nullptr || !name->is_string() || digest == nullptr || !digest->is_string())
      return incomplete(directory, "its manifest cannot be read");
    const std::string file(name->as_string());
    const auto found = digest_of_file(directory + "/" + file);
    if (!found) return incomplete(directory, "'" + file + "' cannot be read: " + found.error().message);
    if (found->digest.hex() != std::string_view(digest->as_string()))
      return incomplete(directory, "'" + file + "' has other contents than the manifest says");
    ++size.files;
    size.bytes += found->bytes;
  }
  if (size.files == 0) return incomplete(directory, "its manifest lists no files");
  return size;
}

Status adopt_backup(const std::string& directory) {
  PIRN_TRY(const BackupSize size, check_manifest(directory));
  if (size.files == 0) return {};
  if (::unlink(manifest_of(directory).c_str()) != 0)
    return io_failed("removing", manifest_of(directory), std::strerror(errno));
  return file::sync_folder(directory);
}

bool is_unnamed_backup(const std::string& directory) {
  return ::access(manifest_of(directory).c_str(), F_OK) == 0 && bool(read_manifest(directory));
}

bool is_unfinished_backup(const std::string& directory) {
  if (::access(manifest_of(directory).c_str(), F_OK) != 0) {
    // It may have ended before its first file had its name.
    boost::system::error_code error;
    if (!fs::is_directory(fs::symlink_status(directory, error))) return false;
    fs::directory_iterator each(directory, error), end;
    while (!error && each != end && each->path().filename() == std::string(kManifestFile) + ".new")
      each.increment(error);
    return !error && each == end;
  }
  const auto manifest = read_manifest(directory);
  return !manifest && manifest.error().code == Code::backup_incomplete;
}

}  // namespace pirn::maintenance
