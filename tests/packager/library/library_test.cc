#include "packager/library/library.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <thread>

#include "packager/library/sealed_file.h"
#include "tests/packager/library/zoo.h"

namespace pirn::library {
namespace {

Result<Library> load(const std::string& name) {
  const std::string bytes = animal(name);
  return Library::load(bytes, sha256(bytes));
}

Library loaded(const std::string& name) {
  Result<Library> library = load(name);
  EXPECT_TRUE(library) << (library ? "" : describe(library.error()));
  return std::move(library).value();
}

int32_t count(const Library& library) {
  return library.descriptor().find("work")->call(nullptr, nullptr, nullptr, nullptr);
}

TEST(Library, CopiesTheDescriptor) {
  Library library = loaded("good");
  const Descriptor& descriptor = library.descriptor();
  EXPECT_EQ(descriptor.id, "zoo");
  EXPECT_EQ(descriptor.version, "1.0.0");
  EXPECT_EQ(descriptor.sdk, "zoo/1");
  EXPECT_EQ(descriptor.abi_major, 1u);
  ASSERT_EQ(descriptor.functions.size(), 2u);
  EXPECT_EQ(descriptor.functions[1].id, "ask");
  EXPECT_EQ(descriptor.functions[1].kind, PIRN_KIND_CONDITION);
  EXPECT_EQ(descriptor.find("nothing"), nullptr);
  const Result<std::string> definition = library.definition();
  ASSERT_TRUE(definition);
  const std::vector<definition::Function> functions = functions_of(descriptor);
  EXPECT_TRUE(definition::parse(*definition, "zoo", &functions));
  EXPECT_EQ(*loaded("no_definition").definition(), "");
}

// What another process has sealed and handed over.
TEST(Library, IsLoadedFromSealedMemory) {
  const std::string bytes = animal("good");
  Result<SealedFile> made = SealedFile::make(bytes);
  ASSERT_TRUE(made);
  Result<SealedFile> adopted = SealedFile::adopt(dup(made->fd()));
  ASSERT_TRUE(adopted) << describe(adopted.error());
  EXPECT_EQ(adopted->bytes(), bytes);
  EXPECT_EQ(adopted->digest(), sha256(bytes));
  const Result<Library> library = Library::load(std::move(*adopted), sha256(bytes));
  ASSERT_TRUE(library) << describe(library.error());
  EXPECT_EQ(library->descriptor().id, "zoo");
}

TEST(Library, MemoryThatCanStillChangeIsNotTakenOver) {
  const int open_file = memfd_create("zoo", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  ASSERT_EQ(write(open_file, "x", 1), 1);
  EXPECT_EQ(SealedFile::adopt(dup(open_file)).error().code, Code::io_failed);
  ASSERT_EQ(fcntl(open_file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0);
  EXPECT_EQ(SealedFile::adopt(dup(open_file)).error().code, Code::io_failed) << "more seals can be added";
  ASSERT_EQ(fcntl(open_file, F_ADD_SEALS, F_SEAL_SEAL), 0);
  EXPECT_TRUE(SealedFile::adopt(dup(open_file)));
  close(open_file);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  EXPECT_EQ(SealedFile::adopt(ends[0]).error().code, Code::io_failed);
  close(ends[1]);
}

TEST(Library, EachLoadHasItsOwnVariables) {
  Library first = loaded("good");
  Library same = loaded("good");
  Library second = loaded("second");
  EXPECT_EQ(count(first), 1);
  EXPECT_EQ(count(first), 2);
  EXPECT_EQ(count(same), 1);
  EXPECT_EQ(count(second), 1);
  EXPECT_EQ(second.descriptor().version, "2.0.0");
  EXPECT_EQ(count(first), 3);
}

TEST(Library, IsGoneAfterUnloading) {
  const char* const names[] = {"good", "second", "cpp"};
  const char* const versions[] = {"1.0.0", "2.0.0", "3.0.0"};
  for (int cycle = 0; cycle < 300; ++cycle) {
    Library library = loaded(names[cycle % 3]);
    EXPECT_EQ(count(library), 1);
    EXPECT_EQ(count(library), 2);
    EXPECT_EQ(library.descriptor().version, versions[cycle % 3]);
    EXPECT_EQ(library.unload(), Unloaded::gone);
  }
  EXPECT_EQ(read_file("/proc/self/maps").find("pirn-library"), std::string::npos);
}

// A destructor of a thread-local variable pins the library; the descriptor's number is then never used again,
// so that the next load cannot get the old image.
TEST(Library, TellsThatItIsResidentAndTheNextLoadIsFresh) {
  const uint64_t before = resident_libraries();
  std::atomic<bool> pinned = false, done = false;
  Library library = loaded("resident");
  std::thread thread([&] {
    pirn_state* state = nullptr;
    EXPECT_EQ(library.plugin().init(nullptr, &state), PIRN_OK);
    pinned = true;
    pinned.notify_one();
    done.wait(false);
  });
  pinned.wait(false);
  EXPECT_EQ(count(library), 1);
  EXPECT_EQ(library.unload(), Unloaded::resident);
  EXPECT_EQ(resident_libraries(), before + 1);
  for (int i = 0; i < 3; ++i) {
    Library next = loaded("second");
    EXPECT_EQ(next.descriptor().version, "2.0.0");
    EXPECT_EQ(count(next), 1);
  }
  done = true;
  done.notify_one();
  thread.join();
}

TEST(Library, LoadsOnlyTheExpectedBytes) {
  const std::string bytes = animal("good");
  const Result<Library> library = Library::load(bytes, sha256(animal("second")));
  ASSERT_FALSE(library);
  EXPECT_EQ(library.error().code, Code::library_digest_mismatch);
}

TEST(Library, RefusesBadDescriptors) {
  const std::map<std::string, Code> animals = {
      {"refuses_host", Code::library_refuses_host},
      {"small_descriptor", Code::library_descriptor_invalid},
      {"huge_descriptor", Code::library_descriptor_invalid},
      {"unknown_flags", Code::library_descriptor_invalid},
      {"note_differs", Code::library_descriptor_invalid},
      {"bad_package_id", Code::library_descriptor_invalid},
      {"no_package_id", Code::library_descriptor_invalid},
      {"bad_version", Code::library_descriptor_invalid},
      {"long_text", Code::library_descriptor_invalid},
      {"duplicate_ids", Code::library_descriptor_invalid},
      {"bad_id", Code::library_descriptor_invalid},
      {"bad_kind", Code::library_descriptor_invalid},
      {"no_code", Code::library_descriptor_invalid},
      {"small_function", Code::library_descriptor_invalid},
      {"null_function", Code::library_descriptor_invalid},
      {"too_many_functions", Code::library_descriptor_invalid},
      {"extra_export", Code::library_exports_more},
  };
  for (const auto& [name, code] : animals) {
    const Result<Library> library = load(name);
    ASSERT_FALSE(library) << name;
    EXPECT_EQ(library.error().code, code) << name << "\n" << describe(library.error());
  }
  EXPECT_EQ(load("duplicate_ids").error().message,
            "the package's descriptor breaks the contract: two functions have the id 'work'");
}

TEST(Library, TellsWhyThereIsNoDefinition) {
  Library library = loaded("definition_fails");
  const Result<std::string> definition = library.definition();
  ASSERT_FALSE(definition);
  EXPECT_EQ(definition.error().code, Code::library_definition_failed);
  EXPECT_NE(definition.error().message.find("the sloth?is asleep"), std::string::npos);
}

TEST(SealedFile, CannotBeChanged) {
  Result<SealedFile> file = SealedFile::make("abc");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->bytes(), "abc");
  EXPECT_EQ(file->digest(), sha256("abc"));
  EXPECT_EQ(pwrite(file->fd(), "x", 1, 0), -1);
  EXPECT_EQ(ftruncate(file->fd(), 1), -1);
  EXPECT_FALSE(SealedFile::make(""));
}

}  // namespace
}  // namespace pirn::library
