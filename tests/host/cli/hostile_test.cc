// Every command of the table, with a host, files and arguments that try to steer the terminal.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "host/cli/command.h"
#include "packager/error/printable.h"
#include "packager/json/json.h"
#include "packager/process/program.h"
#include "tests/host/cli/fake_host.h"
#include "tests/packager/archive/sample.h"

namespace pirn::cli {
namespace {

namespace bj = boost::json;
using Words = std::vector<std::string>;

struct Said {
  std::string out, err;
  int code = 0;
};

std::string contents(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// What the command needs beside the words of its arguments, each of which is hostile.
const std::map<std::string_view, Words>& more_words() {
  static const std::map<std::string_view, Words> kMore = {
      {"trust add", {"--key", archive::publisher_key().public_key().text(), "--publisher", kHostile}},
      {"run rerun", {"--from", kHostile}},
      {"run signal", {"--step", kHostile}},
      {"run approve", {"--step", kHostile}},
      {"run reject", {"--step", kHostile}},
      {"run cancel-all", {"--all"}},
      {"schedule backfill", {"--from", kHostile}},
      {"store prune", {"--older-than", "30d"}},
      {"dlq prune", {"--older-than", "30d"}},
      {"tenant set", {"--isolation", "in-process"}},
      {"verify", {"--trust", archive::publisher_key().public_key().text()}},
      {"sign", {"--key", "no\x1b.pem"}},
      {"serve", {"--config", "bad.toml"}},
      {"run local", {"--package", "no\x1b.pirn"}},
      {"new", {"--language", kHostile}},
      {"key generate", {"--passphrase-file", "no\x1b-file"}}};
  return kMore;
}
// The argument of these is a file that is there.
const std::map<std::string_view, std::string>& files() {
  static const std::map<std::string_view, std::string> kFiles = {
      {"push", "hostile.pirn"},  {"inspect", "hostile.pirn"}, {"verify", "hostile.pirn"},
      {"simulate", "case.json"}, {"package show", "evil@1"},  {"pack", "project"}};
  return kFiles;
}
// Has nothing to show that others wrote.
bool shows_nothing(std::string_view path) {
  static const std::set<std::string_view> kPlain = {"version", "verify", "store prune", "dlq prune"};
  return kPlain.contains(path);
}

class Hostile : public ::testing::TestWithParam<size_t> {
 protected:
  Hostile() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pirn-cli-XXXXXX").string();
    home_ = mkdtemp(pattern.data());
    std::filesystem::create_directories(home_ + "/data");
    std::filesystem::create_directories(home_ + "/project");
    write("bad.toml", "\"evil\\u001b\\u202e\" = 7\n");
    write("project/package.toml", "publisher = \"x\"\n\"evil\\u001b\" = 7\n");
    write("case.json", R"({"schema":1,"evil\u001b\u202e)"
                       "\x7f"
                       R"(":1})");
    write("hostile.pirn", hostile_package());
  }
  ~Hostile() override { std::filesystem::remove_all(home_); }

  void write(const std::string& name, const std::string& text) { std::ofstream(home_ + "/" + name) << text; }

  // Unsigned by anybody whom one trusts, and described by its author.
  static std::string hostile_package() {
    std::vector<archive::InputFile> files = archive::sample_files();
    files[0].bytes = canonical(bj::object{
        {"name", "greet"},
        {"description", kHostile},
        {"steps", bj::array{bj::object{{"name", "hello"},
                                       {"label", kHostile},
                                       {"when", bj::object{{"path", "x"}, {"equals", kHostile}}}}}}});
    archive::Manifest manifest = archive::sample_manifest(files);
    manifest.description = manifest.author = manifest.licence = kHostile;
    return archive::package_of_text(archive::print(manifest), archive::pack_payload(files)->compressed);
  }

  const Command& command() const { return commands()[GetParam()]; }

  // The command with an argument for each of its places.
  Words words() const {
    Words all;
    std::istringstream path{std::string(command().path)};
    for (std::string word; path >> word;) all.push_back(word);
    std::istringstream places{std::string(command().arguments)};
    const auto file = files().find(command().path);
    for (std::string place; places >> place;) {
      if (place == "[DIRECTORY]" && file == files().end()) continue;
      all.push_back(file == files().end() ? kHostile : file->second);
    }
    if (const auto more = more_words().find(command().path); more != more_words().end())
      all.insert(all.end(), more->second.begin(), more->second.end());
    return all;
  }

  Said run(const Words& arguments, FakeHost::Mood mood = FakeHost::Mood::answers) {
    std::filesystem::remove(home_ + "/data/pirn.sock");
    const FakeHost host(home_ + "/data/pirn.sock", mood);
    Words program{"sh", "-c", "cd \"$0\" && exec \"$@\"", home_, PIRN_PROGRAM};
    program.insert(program.end(), arguments.begin(), arguments.end());
    const int out = ::open((home_ + "/out").c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const int err = ::open((home_ + "/err").c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const auto child = process::start({program,
                                       {"PATH=" + std::string(std::getenv("PATH")), "HOME=" + home_,
                                        "PIRN_DATA=" + home_ + "/data", "PIRN_TENANT=acme", "TERM=dumb"},
                                       {{out, 1}, {err, 2}},
                                       true});
    ::close(out);
    ::close(err);
    EXPECT_TRUE(child);
    int status = 0;
    if (child) ::waitpid(*child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status));
    Said said{contents(home_ + "/out"), contents(home_ + "/err"), WEXITSTATUS(status)};
    check(said);
    return said;
  }

  // Nothing that a terminal obeys, and no line that a stranger wrote.
  void check(const Said& said) const {
    for (const std::string& text : {said.out, said.err}) {
      EXPECT_EQ(printable(text, Lines::many), text) << command().path;
      EXPECT_EQ(("\n" + text).find("\nfake:"), std::string::npos) << command().path << "\n" << text;
    }
  }

  const Option* option(std::string_view name) const {
    for (const Option& each : command().options)
      if (each.name.ends_with(name)) return &each;
    return nullptr;
  }

  std::string home_;
};

std::vector<std::string> choices(std::string_view value) {
  std::vector<std::string> all;
  std::istringstream stream{std::string(value)};
  for (std::string each; std::getline(stream, each, '|');) all.push_back(each);
  return all;
}

TEST_P(Hostile, ShowsItAsTextInEveryFormat) {
  const Option* const output = option("--output");
  const bool formats = output != nullptr && output->value.find("json") != std::string_view::npos;
  for (const std::string& format : formats ? choices(output->value) : Words{""}) {
    Words all = words();
    if (!format.empty()) all.insert(all.end(), {"-o", format});
    const Said said = run(all);
    EXPECT_EQ(said.err.find("bad_answer"), std::string::npos) << said.err;
    if (command().remote) {
      EXPECT_EQ(said.err.find("(usage)"), std::string::npos) << said.err;
    }
    const bool is_json = format.starts_with("json");
    if (is_json && !said.out.empty()) {
      std::istringstream lines(said.out);
      for (std::string line; std::getline(lines, line);) {
        boost::system::error_code malformed;
        const bj::value value = bj::parse(line, malformed);
        EXPECT_FALSE(malformed) << command().path << " " << format << "\n" << line;
      }
    }
    if (shows_nothing(command().path) || format == "id" || format == "dot" || format == "mermaid") continue;
    const std::string both = said.out + said.err;
    const bool escaped = both.find("\\x1b") != std::string::npos || both.find("\\u001b") != std::string::npos;
    EXPECT_TRUE(escaped) << command().path << " " << format << " shows nothing of it:\n" << both;
  }
}

TEST_P(Hostile, ShowsRefusalsAndBabbleAsText) {
  if (!command().remote) return;
  const Said refused = run(words(), FakeHost::Mood::refuses);
  EXPECT_NE(refused.err.find("evil\\x1b]0;x\\x07"), std::string::npos) << command().path << refused.err;
  run(words(), FakeHost::Mood::babbles);
}

TEST_P(Hostile, ShowsArgumentsAsText) {
  if (command().path == "serve") return;  // some of them would let it serve
  for (const Option& each : command().options) {
    if (each.value.empty()) continue;
    Words all = words();
    all.insert(all.end(), {std::string(each.name.substr(each.name.rfind("--"))), kHostile});
    run(all);
  }
  Words unknown = words();
  unknown.push_back("--evil\x1b\u202e");
  EXPECT_NE(run(unknown).err.find("--evil\\x1b\\u202e"), std::string::npos);
}

TEST_P(Hostile, ShowsWhatItFollowsAsText) {
  for (const char* flag : {"--watch", "--wait", "--follow", "--dry-run", "--all"}) {
    if (option(flag) == nullptr) continue;
    Words all = words();
    if (command().path == "dlq retry" && std::string_view(flag) == "--all") all.pop_back();
    all.emplace_back(flag);
    const Said said = run(all);
    EXPECT_EQ(said.err.find("bad_answer"), std::string::npos) << said.err;
  }
}

std::vector<size_t> indices() {
  std::vector<size_t> all;
  for (size_t i = 0; i < commands().size(); ++i) all.push_back(i);
  return all;
}
std::string name_of(const ::testing::TestParamInfo<size_t>& info) {
  std::string name;
  bool upper = true;
  for (const char c : commands()[info.param].path) {
    const bool letter = std::isalpha(static_cast<unsigned char>(c)) != 0;
    if (letter) name += upper ? static_cast<char>(std::toupper(c)) : c;
    upper = !letter;
  }
  return name;
}
INSTANTIATE_TEST_SUITE_P(Commands, Hostile, ::testing::ValuesIn(indices()), name_of);

}  // namespace
}  // namespace pirn::cli
