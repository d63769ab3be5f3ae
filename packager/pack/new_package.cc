#include <algorithm>
#include <boost/filesystem/operations.hpp>
#include <boost/filesystem/path.hpp>

#include "packager/pack/package_file.h"

#include "packager/file/whole_file.h"

namespace pirn::pack {

namespace {

namespace fs = boost::filesystem;

constexpr std::string_view kPlaceholder = "@NAME@";
constexpr uint64_t kMaxTemplateFile = 1 << 20;

std::string named(std::string text, const std::string& name) {
  for (size_t at = 0; (at = text.find(kPlaceholder, at)) != std::string::npos; at += name.size())
    text.replace(at, kPlaceholder.size(), name);
  return text;
}

// Paths of the template's files, ascending, relative to it.
Result<std::vector<std::string>> list_template(const fs::path& root) {
  boost::system::error_code failure;
  std::vector<std::string> files;
  for (fs::recursive_directory_iterator i(root, failure), end; !failure && i != end; i.increment(failure))
    if (boost::system::error_code ignored; fs::is_regular_file(i->path(), ignored))
      files.push_back(i->path().lexically_relative(root).generic_string());
  if (failure || files.empty())
    return Error{.code = Code::template_missing,
                 .message = "there is no template in " + root.string(),
                 .blame = Blame::world};
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

Result<std::vector<std::string>> new_package(const std::string& name, const std::string& directory,
                                             std::string_view language, const std::string& templates) {
  if (!archive::is_name(name))
    return Error{Code::invalid_argument, "'" + name + "' is not a valid package name",
                 "Use [a-z0-9][a-z0-9_-]{0,62}, such as daily-report."};
  if (language != "cpp" && language != "c")
    return Error{Code::invalid_argument,
                 "there is no template for the language '" + std::string(language) + "'", "Write cpp or c."};
  const fs::path root = fs::path(templates) / std::string(language);
  PIRN_TRY(const std::vector<std::string> files, list_template(root));
  boost::system::error_code failure;
  if (!fs::create_directory(directory, failure))
    return failure
               ? Error{.code = Code::io_failed,
                       .message = "cannot create " + directory + ": " + failure.message(),
                       .blame = Blame::world}
               : Error{Code::conflict, directory + " already exists", "Choose another name, or remove it."};
  std::vector<std::string> written;
  for (const std::string& file : files) {
    const fs::path target = fs::path(directory) / named(file, name);
    fs::create_directories(target.parent_path(), failure);
    auto text = file::read((root / file).string(), file::Links::follow, kMaxTemplateFile);
    const Status done =
        text ? file::write(target.string(), named(std::move(*text), name), 0644, file::Existing::refuse)
             : Status(std::move(text).error());
    if (!done) {
      fs::remove_all(directory, failure);
      return done.error();
    }
    written.push_back(target.generic_string());
  }
  return written;
}

}  // namespace pirn::pack
