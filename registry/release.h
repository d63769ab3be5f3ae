// One verified, immutable package version in a tenant's registry. It is made once, by the push that admitted
// it or by the load that read it back, and never changes after; the catalog, the engine and the runner share
// it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "packager/definition/definition.h"
#include "registry/ids.h"

namespace pirn::registry {

struct Signer {
  Digest key;
  bool countersigner = false;
};

struct Release {
  Digest digest;  // the package id: SHA-256 of the signed message
  std::string tenant, package, version, publisher;
  int64_t serial = 0;
  std::vector<Signer> signers;  // those that this tenant trusted at the upload, ascending by key
  Digest archive;               // blob of the whole .pirn file
  Digest library;               // blob of the library for this platform: what an execution maps
  uint64_t archive_size = 0, library_size = 0;
  std::map<std::string, std::string> requirements;  // package -> range of versions (requirements.h)
  std::vector<definition::Resource> resources;      // what a host must have to run it, beside what steps say
  std::vector<definition::Function> functions;
  definition::Definition definition;
  std::vector<Digest> workflow_digests;  // parallel to definition.workflows: SHA-256 of the canonical text
  int64_t pushed_at_ms = 0;
  std::string pushed_by;

  const definition::Workflow* find(std::string_view workflow) const { return definition.find(workflow); }
  // The digest of a workflow of this release's definition.
  const Digest& digest_of(const definition::Workflow& workflow) const {
    return workflow_digests[static_cast<size_t>(&workflow - definition.workflows.data())];
  }
};
using ReleasePtr = std::shared_ptr<const Release>;

// Loads a release where it can do no harm (a throw-away process) before it is published. Called without any
// lock of the registry, on the thread that deploys; an error refuses the deployment and is its cause.
using Probe = std::function<Status(const Release&)>;

}  // namespace pirn::registry
