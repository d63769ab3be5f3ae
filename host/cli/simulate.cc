// Simulates a case in this process, without a host and without package code: what calls do is scripted in the
// case.
#include <boost/filesystem/path.hpp>
#include <iostream>

#include "host/cli/input.h"
#include "host/cli/install.h"
#include "host/cli/verbs.h"
#include "host/simulate/simulate.h"
#include "packager/error/printable.h"
#include "packager/pack/package_file.h"
#include "packager/probe/probe.h"

namespace pirn::cli {

namespace {

// Of a definition, a package or a library; a path is meant beside the case.
Result<std::string> definition_of(const boost::filesystem::path& path) {
  const std::string file = path.string();
  if (path.extension() == ".pirn") {
    PIRN_TRY(const archive::UnverifiedPackage package, pack::read_package(file));
    return archive::definition_document(package.manifest, package.payload);
  }
  PIRN_TRY(std::string bytes, read_file(file));
  if (path.extension() != ".so") return bytes;
  PIRN_TRY(probe::LibraryDescription library, probe::probe(bytes, {.probe_path = probe_program()}));
  if (!library.definition.empty()) return std::move(library.definition);
  return Error{Code::library_definition_failed, "'" + file + "' contains no definition",
               "Name the package's workflow.json instead."};
}

}  // namespace

Outcome simulate(const Arguments& arguments) {
  const std::string file = arguments.get("file");
  PIRN_TRY(const std::string text, read_file(file));
  const boost::filesystem::path folder = boost::filesystem::path(file).parent_path();
  PIRN_TRY(sim::Simulated simulated,
           sim::simulate(text, file, [&](const std::string& path) { return definition_of(folder / path); }));
  std::cout << printable_json(simulated.json) << std::flush;
  if (simulated.differences.empty()) return 0;
  Error error{Code::expectation_failed, "the result differs from what the case expects"};
  error.causes = std::move(simulated.differences);
  return error;
}

}  // namespace pirn::cli
