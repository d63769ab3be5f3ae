#include "host/store/data_directory.h"

#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "host/store/location.h"
#include "host/store/private_files.h"

namespace pirn::store {
namespace {

class DataDirectoryTest : public ::testing::Test {
 protected:
  DataDirectoryTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pirn-data-XXXXXX").string();
    scratch_ = mkdtemp(pattern.data());
  }
  ~DataDirectoryTest() override { std::filesystem::remove_all(scratch_); }
  std::string scratch_;
};

TEST_F(DataDirectoryTest, IsMadeForItsOwnerAloneWithItsParents) {
  const auto directory = DataDirectory::open(scratch_ + "/a/b/../c/");
  ASSERT_TRUE(directory) << describe(directory.error());
  EXPECT_EQ(directory->path(), scratch_ + "/a/c");
  EXPECT_EQ(directory->file("pirn.db"), scratch_ + "/a/c/pirn.db");
  struct stat found;
  ASSERT_EQ(stat(directory->path().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0700u);
}

TEST_F(DataDirectoryTest, NoticesThatItsLockWasRemovedOrReplaced) {
  const auto first = DataDirectory::open(scratch_);
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->holds_lock());
  std::filesystem::remove(first->file("lock"));
  EXPECT_FALSE(first->holds_lock());
  // Nothing keeps a second one from opening it now, and that one holds its own.
  const auto second = DataDirectory::open(scratch_);
  ASSERT_TRUE(second) << describe(second.error());
  EXPECT_TRUE(second->holds_lock());
  EXPECT_FALSE(first->holds_lock());
}

TEST_F(DataDirectoryTest, OneProcessAtATimeAndTheMessageNamesIt) {
  int ready[2], release[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(release), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    char byte = DataDirectory::open(scratch_) ? 'y' : 'n';  // dropped at once: the lock ends with its object
    const auto held = DataDirectory::open(scratch_);
    if (!held) byte = 'n';
    (void)!write(ready[1], &byte, 1);
    (void)!read(release[0], &byte, 1);
    _exit(0);  // no destructor: the kernel takes the lock back
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'y');
  const auto refused = DataDirectory::open(scratch_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::store_locked);
  EXPECT_NE(refused.error().message.find("process " + std::to_string(child)), std::string::npos)
      << refused.error().message;
  ASSERT_EQ(write(release[1], "x", 1), 1);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(DataDirectory::open(scratch_)) << "what a dead process leaves behind means nothing";
  for (const int end : {ready[0], ready[1], release[0], release[1]}) close(end);
}

TEST_F(DataDirectoryTest, AFileInItsPlaceIsAnError) {
  std::ofstream(scratch_ + "/file") << "x";
  const auto on_file = DataDirectory::open(scratch_ + "/file");
  ASSERT_FALSE(on_file);
  EXPECT_EQ(on_file.error().code, Code::io_failed);
  EXPECT_FALSE(DataDirectory::open(scratch_ + "/file/below"));
}

// ---- what is not the host's alone

// A data directory as a host leaves it.
void furnish(const std::string& directory) {
  const auto write = [&](const std::string& name) {
    std::ofstream(directory + "/" + name) << "x";
    ASSERT_EQ(chmod((directory + "/" + name).c_str(), 0600), 0);
  };
  ASSERT_EQ(mkdir(directory.c_str(), 0700), 0);
  ASSERT_EQ(mkdir((directory + "/blobs").c_str(), 0700), 0);
  for (const char* name : {"lock", "crashes", "pirn.db", "pirn.db-wal", "pirn.db-shm", "registry.db",
                           "logbook.db", "registry.pepper", "blobs/0123"})
    write(name);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (directory + "/pirn.sock").copy(address.sun_path, sizeof address.sun_path - 1);
  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  close(listener);
  ASSERT_EQ(chmod((directory + "/pirn.sock").c_str(), 0600), 0);
}

struct Planted {
  std::string what;                               // for the trace
  std::function<void(const std::string&)> plant;  // into the directory
  std::string path, found, repair;                // that the refusal names, `path` below the directory
};

void set_mode(const std::string& path, mode_t mode) { ASSERT_EQ(chmod(path.c_str(), mode), 0) << path; }

std::vector<Planted> all_planted() {
  std::vector<Planted> all;
  const auto mode = [&](const std::string& name, mode_t bits, const std::string& found,
                        const std::string& repair) {
    all.push_back(
        {name + " mode", [=](const std::string& d) { set_mode(d + name, bits); }, name, found, repair});
  };
  mode("", 0755, "can be read by other users (mode 0755)", "chmod 700 ");
  mode("", 0710, "can be read by other users (mode 0710)", "chmod 700 ");
  mode("", 0770, "can be changed by other users (mode 0770)", "chmod 700 ");
  mode("", 0702, "can be changed by other users (mode 0702)", "chmod 700 ");
  mode("/registry.pepper", 0640, "can be read by other users (mode 0640)", "chmod 600 ");
  mode("/registry.pepper", 0604, "can be read by other users (mode 0604)", "chmod 600 ");
  for (const std::string name :
       {"/pirn.db", "/pirn.db-wal", "/pirn.db-shm", "/registry.db", "/logbook.db", "/crashes"}) {
    mode(name, 0644, "can be read by other users", "chmod 600 ");
    mode(name, 0620, "can be changed by other users", "chmod 600 ");
  }
  for (const std::string name : {"/lock", "/pirn.sock"})
    mode(name, 0602, "can be changed by other users", "chmod go-w ");
  mode("/blobs", 0755, "can be read by other users", "chmod 700 ");
  mode("/blobs/0123", 0666, "can be changed by other users", "chmod 600 ");
  for (const std::string name :
       {"/pirn.db", "/pirn.db-wal", "/pirn.db-shm", "/registry.db", "/registry.pepper", "/logbook.db",
        "/lock", "/pirn.sock", "/crashes", "/blobs", "/blobs/0123", "/new"})
    all.push_back({name + " is a link",
                   [=](const std::string& d) {
                     std::filesystem::remove_all(d + name);
                     std::filesystem::create_symlink("/etc/passwd", d + name);
                   },
                   name, "is a symbolic link to '/etc/passwd'", "rm "});
  for (const std::string name : {"/pirn.db", "/registry.pepper", "/blobs/0123", "/lock"})
    all.push_back({name + " has a second name",
                   [=](const std::string& d) { std::filesystem::create_hard_link(d + name, d + ".second"); },
                   name, "has a second name", "cp -p "});
  all.push_back({"a FIFO",
                 [](const std::string& d) {
                   std::filesystem::remove(d + "/crashes");
                   ASSERT_EQ(mkfifo((d + "/crashes").c_str(), 0600), 0);
                 },
                 "/crashes", "neither a file nor a directory", "rm "});
  return all;
}

void expect_unsafe(const std::string& directory, const Planted& planted) {
  SCOPED_TRACE(planted.what);
  const auto opened = DataDirectory::open(directory);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::data_directory_unsafe) << describe(opened.error());
  const std::string said = opened.error().message + "\n" + opened.error().hint;
  EXPECT_NE(said.find("'" + directory + planted.path + "'"), std::string::npos) << said;
  EXPECT_NE(said.find(planted.found), std::string::npos) << said;
  EXPECT_NE(said.find(planted.repair), std::string::npos) << said;
}

void refuse_all_planted(const std::string& scratch) {
  for (const Planted& planted : all_planted()) {
    const std::string directory = scratch + "/data";
    furnish(directory);
    ASSERT_TRUE(DataDirectory::open(directory)) << "as a host leaves it";
    planted.plant(directory);
    expect_unsafe(directory, planted);
    std::filesystem::remove_all(directory);
    std::filesystem::remove(directory + ".second");
  }
}

TEST_F(DataDirectoryTest, RefusesWhatOthersCanReadOrChangeOrCouldHavePlanted) {
  refuse_all_planted(scratch_);
}

TEST_F(DataDirectoryTest, ListsSeveralPathsBelowOneAnother) {
  const std::string directory = scratch_ + "/data";
  furnish(directory);
  ASSERT_EQ(chmod((directory + "/pirn.db").c_str(), 0666), 0);
  ASSERT_EQ(chmod((directory + "/registry.pepper").c_str(), 0644), 0);
  const auto opened = DataDirectory::open(directory);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message, "2 paths are not safe from other users");
  ASSERT_EQ(opened.error().causes.size(), 2u);
  for (const Error& each : opened.error().causes)
    EXPECT_EQ(each.hint.rfind("Run: chmod 600 " + directory, 0), 0u) << describe(each);
}

// Runs `body` in a child as a user without rights; true when it passed.
bool as_nobody(const std::string& scratch, const std::function<void()>& body) {
  if (geteuid() == 0) {
    const passwd* nobody = getpwnam("nobody");
    if (nobody == nullptr || chown(scratch.c_str(), nobody->pw_uid, nobody->pw_gid) != 0) return false;
  }
  const pid_t child = fork();
  if (child == 0) {
    if (geteuid() == 0) {
      const passwd* nobody = getpwnam("nobody");
      if (setgid(nobody->pw_gid) != 0 || setuid(nobody->pw_uid) != 0) _exit(2);
    }
    body();
    _exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_F(DataDirectoryTest, RefusesTheSameAsAnOrdinaryUser) {
  EXPECT_TRUE(as_nobody(scratch_, [this] { refuse_all_planted(scratch_); }));
}

TEST_F(DataDirectoryTest, RefusesWhatBelongsToAnotherUser) {
  furnish(scratch_ + "/data");
  if (geteuid() == 0) {
    for (const std::string name :
         {"/data/registry.pepper", "/data/pirn.db-wal", "/data/blobs/0123", "/data/blobs", "/data"}) {
      ASSERT_EQ(lchown((scratch_ + name).c_str(), 65534, 65534), 0);
      expect_unsafe(
          scratch_ + "/data",
          {name, {}, name.substr(5), "belongs to the user nobody, and the host runs as root", "chown root "});
      ASSERT_EQ(lchown((scratch_ + name).c_str(), 0, 0), 0);
    }
    EXPECT_TRUE(DataDirectory::open(scratch_ + "/data"));
    EXPECT_TRUE(as_nobody(scratch_, [this] {
      expect_unsafe(
          scratch_ + "/data",
          {"root's", {}, "", "belongs to the user root, and the host runs as nobody", "chown nobody "});
    }));
  } else {
    expect_unsafe("/usr", {"root's", {}, "", "belongs to the user root", "chown "});
  }
}

TEST_F(DataDirectoryTest, NamesEverythingThatIsWrongAtOnce) {
  furnish(scratch_ + "/data");
  set_mode(scratch_ + "/data/registry.pepper", 0644);
  set_mode(scratch_ + "/data/pirn.db", 0644);
  set_mode(scratch_ + "/data/registry.db", 0644);
  const auto opened = DataDirectory::open(scratch_ + "/data");
  ASSERT_FALSE(opened);
  const std::string said = describe(opened.error());
  for (const char* name : {"registry.pepper", "pirn.db", "registry.db"})
    EXPECT_NE(said.find("chmod 600 " + scratch_ + "/data/" + name), std::string::npos) << said;
}

TEST_F(DataDirectoryTest, ALinkInItsPlaceIsNotFollowed) {
  furnish(scratch_ + "/real");
  std::filesystem::create_symlink(scratch_ + "/real", scratch_ + "/data");
  expect_unsafe(scratch_ + "/data", {"link", {}, "", "is a symbolic link to '" + scratch_ + "/real'", "rm "});
}

TEST_F(DataDirectoryTest, AParentThatEveryUserCanChangeIsRefusedUnlessItIsSticky) {
  const std::string parent = scratch_ + "/parent";
  ASSERT_EQ(mkdir(parent.c_str(), 0700), 0);
  furnish(parent + "/data");
  set_mode(parent, 0777);
  expect_unsafe(parent + "/data",
                {"parent", {}, "", "can be changed by every user (mode 0777)", "chmod o-w " + parent});
  // The same seen through a link elsewhere.
  std::filesystem::create_symlink(parent, scratch_ + "/link");
  expect_unsafe(scratch_ + "/link/data",
                {"linked parent", {}, "", "can be changed by every user", "chmod o-w "});
  set_mode(parent, 01777);
  EXPECT_TRUE(DataDirectory::open(parent + "/data"));
}

TEST_F(DataDirectoryTest, AParentThatItsGroupCanChangeIsReported) {
  const std::string parent = scratch_ + "/parent";
  ASSERT_EQ(mkdir(parent.c_str(), 0700), 0);
  if (geteuid() == 0) {
    ASSERT_EQ(chown(parent.c_str(), 0, 65534), 0);
  }
  set_mode(parent, 0770);
  const auto opened = DataDirectory::open(parent + "/data");
  ASSERT_TRUE(opened) << describe(opened.error());
  ASSERT_FALSE(opened->warnings().empty());
  EXPECT_NE(opened->warnings().back().find("'" + parent + "' can be changed by its group (mode 0770)"),
            std::string::npos);
}

TEST_F(DataDirectoryTest, MakesParentsThatOthersCannotChangeWhateverTheUmask) {
  const mode_t before = umask(0);
  const auto opened = DataDirectory::open(scratch_ + "/a/b/data");
  umask(before);
  ASSERT_TRUE(opened) << describe(opened.error());
  struct stat found {};
  ASSERT_EQ(stat((scratch_ + "/a/b").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777, 0755u);
}

TEST_F(DataDirectoryTest, AStoreElsewhereIsCheckedToo) {
  const std::string file = scratch_ + "/elsewhere.db";
  ASSERT_TRUE(open_store({false, file})) << "a new one";
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    std::ofstream(file + suffix, std::ios::app).flush();
    set_mode(file + suffix, 0604);
    const auto opened = open_store({false, file});
    ASSERT_FALSE(opened) << suffix;
    EXPECT_EQ(opened.error().code, Code::data_directory_unsafe) << describe(opened.error());
    std::filesystem::remove(file + suffix);
  }
}

}  // namespace
}  // namespace pirn::store
