// A small good package, and its parts made one by one, so that a test can make exactly one of them bad and
// still sign the result with a trusted key.
#pragma once

#include <string>
#include <vector>

#include "packager/archive/verify.h"

namespace pirn::archive {

inline constexpr int64_t kNow = 1'800'000'000;

// Two keys for all tests of a process; making one is cheap, scrypt is not involved.
const signature::PrivateKey& publisher_key();
const signature::PrivateKey& approver_key();
const signature::PrivateKey& stranger_key();

std::vector<InputFile> sample_files();
// The manifest of these files; everything else is at a plain good value.
Manifest sample_manifest(const std::vector<InputFile>& files = sample_files());

std::string tar_of(const std::vector<InputFile>& files);
// A tar header of any type with a right checksum, and `size` as its size.
std::string any_header(const std::string& path, uint64_t size, char type, const std::string& link = "");
std::string zstd_of(const std::string& bytes, int window_log = 23);

// Signs `manifest` after naming `compressed` in it (digest and size, not the unpacked size).
std::string package_of(Manifest manifest, const std::string& compressed,
                       const std::vector<const signature::PrivateKey*>& keys = {&publisher_key()});
// Signs this text as it is, whatever it says.
std::string package_of_text(const std::string& manifest_text, const std::string& compressed,
                            const std::vector<const signature::PrivateKey*>& keys = {&publisher_key()});
// A package with this archive as its payload, with a right digest and unpacked size.
std::string package_with_tar(const std::string& tar,
                             const std::vector<InputFile>& manifest_files = sample_files());
std::string sample_package(const Manifest& manifest = sample_manifest(),
                           const std::vector<const signature::PrivateKey*>& keys = {&publisher_key()});

TrustedKey trust(const signature::PrivateKey& key, Role role = Role::sign);
Policy sample_policy();

// Verifies with trust in the publisher's key and the sample's policy, unless given.
Result<VerifiedPackage> verify_bytes(std::string_view bytes,
                                     const std::vector<TrustedKey>& trusted = {trust(publisher_key())},
                                     const Policy& policy = sample_policy());
// The name of the error, or "ok".
std::string outcome(std::string_view bytes, const std::vector<TrustedKey>& trusted = {trust(publisher_key())},
                    const Policy& policy = sample_policy());

}  // namespace pirn::archive
