#include "packager/archive/payload.h"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "packager/archive/ustar.h"
#include "tests/packager/archive/sample.h"

namespace pirn::archive {
namespace {

// libarchive as the second opinion: what it reads from a tar, perhaps compressed.
std::vector<std::pair<std::string, std::string>> read_by_libarchive(const std::string& bytes) {
  std::vector<std::pair<std::string, std::string>> out;
  ::archive* reader = archive_read_new();
  archive_read_support_format_tar(reader);
  archive_read_support_filter_zstd(reader);
  EXPECT_EQ(archive_read_open_memory(reader, bytes.data(), bytes.size()), ARCHIVE_OK);
  for (archive_entry* entry; archive_read_next_header(reader, &entry) == ARCHIVE_OK;) {
    EXPECT_EQ(archive_entry_filetype(entry), static_cast<unsigned>(AE_IFREG));
    EXPECT_EQ(archive_entry_perm(entry), 0644u);
    EXPECT_EQ(archive_entry_uid(entry), 0);
    EXPECT_EQ(archive_entry_mtime(entry), 0);
    std::string content(static_cast<size_t>(archive_entry_size(entry)), '\0');
    EXPECT_EQ(archive_read_data(reader, content.data(), content.size()),
              static_cast<la_ssize_t>(content.size()));
    out.emplace_back(archive_entry_pathname(entry), content);
  }
  EXPECT_EQ(archive_errno(reader), 0) << archive_error_string(reader);
  archive_read_free(reader);
  return out;
}

TEST(Payload, IsTheSameInWhateverOrderTheFilesCome) {
  std::vector<InputFile> files = sample_files();
  const auto one = pack_payload(files);
  std::reverse(files.begin(), files.end());
  const auto two = pack_payload(files);
  ASSERT_TRUE(one && two);
  EXPECT_EQ(one->compressed, two->compressed);
  EXPECT_EQ(one->files, two->files);
}

TEST(Payload, RoundTripsAndLibarchiveReadsTheSame) {
  EXPECT_TRUE(rc::check([] {
    const auto contents = *rc::gen::container<std::vector<std::string>>(rc::gen::arbitrary<std::string>());
    std::vector<InputFile> files;
    for (size_t i = 0; i < contents.size(); ++i) files.push_back({"dir/f" + std::to_string(i), contents[i]});
    const auto packed = pack_payload(files);
    RC_ASSERT(bool(packed));
    Manifest manifest;
    manifest.payload = packed->payload;
    manifest.files = packed->files;
    const auto unpacked = unpack_payload(packed->compressed, manifest);
    RC_ASSERT(bool(unpacked));
    for (const InputFile& file : files) RC_ASSERT(unpacked->bytes(file.path) == file.bytes);
    const auto second = read_by_libarchive(packed->compressed);
    RC_ASSERT(second.size() == files.size());
    for (size_t i = 0; i < second.size(); ++i) {
      RC_ASSERT(second[i].first == packed->files[i].path);
      RC_ASSERT(second[i].second == unpacked->bytes(second[i].first));
    }
  }));
}

TEST(Payload, LibarchiveReadsTheWholePackage) {
  const std::string package = sample_package();
  const auto members = read_by_libarchive(package);
  ASSERT_EQ(members.size(), 3u);
  EXPECT_EQ(members[0].first, "manifest.json");
  EXPECT_EQ(members[0].second, print(sample_manifest()));
  EXPECT_EQ(members[1].first, "signatures");
  EXPECT_EQ(members[1].second.size(), 104u);
  EXPECT_EQ(members[2].first, "payload.tar.zst");
  EXPECT_EQ(read_by_libarchive(members[2].second).size(), sample_files().size());
}

TEST(Payload, RefusesFilesThatNoHostWouldTake) {
  EXPECT_EQ(pack_payload({{"../a", ""}}).error().code, Code::path_refused);
  EXPECT_EQ(pack_payload({{"a", "1"}, {"a", "2"}}).error().code, Code::path_duplicate);
  EXPECT_EQ(pack_payload({{"zeros", std::string(8 << 20, '\0')}}).error().code, Code::payload_bomb);
  std::vector<InputFile> many;
  for (int i = 0; i < 1025; ++i) many.push_back({"f" + std::to_string(i), ""});
  EXPECT_EQ(pack_payload(many).error().code, Code::package_too_large);
}

// Everything below is signed by a trusted key: the unpacker holds alone.

TEST(HostilePayload, GoodOneFirst) { EXPECT_EQ(outcome(package_with_tar(tar_of(sample_files()))), "ok"); }

std::string tar_with(const std::string& extra, bool instead_of_first = false) {
  const std::string good = tar_of(sample_files());
  const std::string body = good.substr(0, good.size() - kTarEnd);
  return (instead_of_first ? extra : body + extra) + std::string(kTarEnd, '\0');
}

TEST(HostilePayload, Links) {
  for (const bool instead : {false, true}) {
    EXPECT_EQ(outcome(package_with_tar(tar_with(any_header("lib/x", 0, '2', "/etc/passwd"), instead))),
              "payload_link");
    EXPECT_EQ(
        outcome(package_with_tar(tar_with(any_header("lib/x", 0, '1', "definitions/greet.json"), instead))),
        "payload_link");
    // A link under the very name that is expected.
    EXPECT_EQ(outcome(package_with_tar(
                  tar_with(any_header("definitions/greet.json", 0, '2', "/etc/passwd"), instead))),
              "payload_link");
  }
}

TEST(HostilePayload, DevicesFifosDirectories) {
  for (const char type : {'3', '4', '5', '6'})
    for (const bool instead : {false, true})
      EXPECT_EQ(outcome(package_with_tar(tar_with(any_header("definitions/greet.json", 0, type), instead))),
                "payload_device")
          << type;
}

TEST(HostilePayload, ExtendedHeaders) {
  for (const char type : {'x', 'g', 'L', 'K', 'S', '7', '\0'})
    EXPECT_EQ(outcome(package_with_tar(tar_with(any_header("definitions/greet.json", 0, type), true))),
              "payload_member_unexpected")
        << type;
}

TEST(HostilePayload, DuplicatesAndTraversal) {
  const std::string content = sample_files()[0].bytes;
  const std::string again = any_header(sample_files()[0].path, content.size(), '0') + content +
                            std::string(padding_of(content.size()), '\0');
  EXPECT_EQ(outcome(package_with_tar(tar_with(again))), "payload_member_duplicate");
  for (const char* path : {"../../../tmp/evil", "/etc/cron.d/evil", "definitions/../../x", "more"})
    EXPECT_EQ(outcome(package_with_tar(tar_with(any_header(path, 0, '0')))), "payload_member_unexpected")
        << path;
}

TEST(HostilePayload, BytesInHiddenPlaces) {
  const std::string good = tar_of(sample_files());
  EXPECT_EQ(outcome(package_with_tar(good + std::string(512, '\0'))),
            "payload_member_unexpected");  // more zeros
  EXPECT_EQ(outcome(package_with_tar(good.substr(0, good.size() - 512))), "payload_member_unexpected");
  EXPECT_EQ(outcome(package_with_tar(good + good)),
            "payload_member_unexpected");  // a second archive behind the first
  std::string padded = good;
  padded[kBlock + sample_files()[0].bytes.size()] = 'x';
  EXPECT_EQ(outcome(package_with_tar(padded)), "payload_member_unexpected");
  std::string reversed = tar_of({sample_files()[1], sample_files()[0]});
  EXPECT_EQ(outcome(package_with_tar(reversed)), "payload_member_unexpected");
  EXPECT_EQ(outcome(package_with_tar("")), "payload_member_unexpected");
}

TEST(HostilePayload, AnotherFileUnderTheName) {
  std::vector<InputFile> files = sample_files();
  files[0].bytes[3] ^= 1;
  EXPECT_EQ(outcome(package_with_tar(tar_of(files))), "payload_file_mismatch");
}

TEST(HostilePayload, NotOneFrame) {
  const std::string tar = tar_of(sample_files());
  Manifest manifest = sample_manifest();
  manifest.payload.unpacked = tar.size();
  const std::string frame = zstd_of(tar);
  const std::string skippable("\x50\x2a\x4d\x18\x04\x00\x00\x00none", 12);
  EXPECT_EQ(outcome(package_of(manifest, frame)), "ok");
  EXPECT_EQ(outcome(package_of(manifest, frame + frame)), "payload_not_one_frame");
  EXPECT_EQ(outcome(package_of(manifest, frame + skippable)), "payload_not_one_frame");
  EXPECT_EQ(outcome(package_of(manifest, skippable + frame)), "payload_not_one_frame");
  EXPECT_EQ(outcome(package_of(manifest, frame + "x")), "payload_not_one_frame");
  EXPECT_EQ(outcome(package_of(manifest, tar)), "payload_not_one_frame");
  EXPECT_EQ(outcome(package_of(manifest, "")), "payload_not_one_frame");
  EXPECT_EQ(outcome(package_of(manifest, frame.substr(0, frame.size() - 1))), "payload_corrupt");
  EXPECT_EQ(outcome(package_of(manifest, "\x1f\x8b\x08" + frame)),
            "payload_not_one_frame");  // gzip, by its magic
}

TEST(HostilePayload, Windows) {
  // Not compressible, so that the ratio is no matter.
  std::string noise(9 << 20, '\0');
  uint64_t state = 1;
  for (char& c : noise)
    c = static_cast<char>((state = state * 6364136223846793005u + 1442695040888963407u) >> 56);
  noise[156] = '0';  // else, read as a header, it may happen to be a device
  Manifest manifest = sample_manifest();
  manifest.payload.unpacked = noise.size();
  EXPECT_EQ(outcome(package_of(manifest, zstd_of(noise, 24))), "payload_window_too_large");
  EXPECT_EQ(outcome(package_of(manifest, zstd_of(noise, 23))),
            "payload_member_unexpected");  // the window is fine
}

TEST(HostilePayload, Bombs) {
  const std::string zeros(64 << 20, '\0');
  const std::string frame = zstd_of(zeros);
  Manifest manifest = sample_manifest();
  manifest.payload.unpacked = zeros.size();
  EXPECT_EQ(outcome(package_of(manifest, frame)), "payload_bomb");  // says what it is: refused by the ratio
  manifest.payload.unpacked = 4096;
  EXPECT_EQ(outcome(package_of(manifest, frame)), "payload_bomb");  // lies: the frame says more
  manifest.payload.unpacked = kMaxUnpacked + 1;
  EXPECT_EQ(outcome(package_of(manifest, frame)), "payload_bomb");
}

TEST(HostilePayload, FrameThatHoldsMoreThanItSays) {
  std::string content(70'000, 'a');
  std::string frame = zstd_of(content);
  // Single segment with a content size of 4 bytes, little endian, behind magic and descriptor.
  ASSERT_EQ(static_cast<unsigned char>(frame[4]) & 0xe0, 0xa0);
  frame[5] = 0x00, frame[6] = 0x06, frame[7] = 0, frame[8] = 0;  // 1,536 bytes
  Manifest manifest = sample_manifest();
  manifest.payload.unpacked = 1536;
  EXPECT_EQ(outcome(package_of(manifest, frame)), "payload_corrupt");
}

}  // namespace
}  // namespace pirn::archive
