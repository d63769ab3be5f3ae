// kill -9 against the real host, again and again, with a ledger of effects outside of it.
//
//   crash-campaign [--kills N] [--seed S] [--keep]
//
// Clients start executions with keys and go on asking until each start is acknowledged; watchers write into
// the ledger which steps the host said were completed; the packages' steps write there that they ran. The
// host is killed at random instants (also while it starts), versions change in between. After the last
// restart:
//
//   - every acknowledged start exists, under the id that was acknowledged, and completes with the right
//   result;
//   - there is one execution for each key, no more;
//   - no step ran after the host had said that it was completed, and no invocation ran twice;
//   - steps that were under way ran again, and nobody was blamed for it;
//   - a timer of 10 s keeps its instant across all restarts;
//   - every execution ran one version, although versions were exchanged.
//
// The seed fixes the instants as far as the machine lets it; a failure prints it and keeps the directory.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <mutex>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include "tests/crash/client.h"
#include "tests/crash/evidence.h"
#include "tests/crash/host.h"

namespace pirn::crash {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr const char* kLibraries[] = {LEDGER_V1, LEDGER_V2};  // versions 1.0.0 and 2.0.0 of the package
constexpr const char* kTenant = "crash";
constexpr size_t kStartsPerLife = 25;
constexpr size_t kPatient = 3;  // executions that wait for 10 s
constexpr int kStarters = 3, kWatchers = 2;
constexpr milliseconds kReadyLimit{20'000}, kEndLimit{120'000};
constexpr int64_t kPatienceNs = 10'000'000'000;  // retry_delay of the step `patience`

struct Options {
  unsigned kills = 30;
  uint64_t seed = 1;
  bool keep = false;
};

// What a kill waits for.
enum class Trigger : uint8_t { time, acknowledgement, sighting };

struct Started {
  std::string id;
  bool patient = false;
};

class Campaign {
 public:
  Campaign(Options options, std::string directory)
      : options_(std::move(options)),
        directory_(std::move(directory)),
        host_(PIRN_PROGRAM, directory_),
        random_(options_.seed) {
    ledger_ = open(ledger_path().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (ledger_ < 0) give_up("cannot write " + ledger_path());
  }
  ~Campaign() { close(ledger_); }

  Problems run_all() {
    prepare();
    const size_t total = kPatient + kStartsPerLife * (options_.kills + 1);
    std::vector<std::thread> clients;
    for (int i = 0; i < kStarters; ++i) clients.emplace_back([this, total] { start_executions(total); });
    std::vector<std::thread> watchers;
    for (int i = 0; i < kWatchers; ++i)
      watchers.emplace_back([this, i] { watch(options_.seed * 31 + static_cast<uint64_t>(i)); });

    for (unsigned life = 0; life < options_.kills; ++life) live_and_die(life);
    allow(total);
    restart();
    if (!host_.wait_ready(kReadyLimit)) give_up("the host is not ready after the last restart");
    set_ready(true);
    for (auto& client : clients) client.join();
    wait_for_ends();
    set_done();
    for (auto& watcher : watchers) watcher.join();
    auto problems = judge();
    host_.stop_gracefully();
    return problems;
  }

 private:
  std::string ledger_path() const { return directory_ + "/ledger"; }
  std::string command(const std::vector<std::string>& arguments) {
    std::vector<std::string> all{PIRN_PROGRAM};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run(all);
  }

  // A tenant, a key, two versions of the package; the first one deployed.
  void prepare() {
    setenv("PIRN_DATA", host_.data().c_str(), 1);
    setenv("PIRN_TENANT", kTenant, 1);
    setenv("PIRN_KEY_PASSPHRASE", "campaign", 1);
    const auto key = directory_ + "/campaign";
    command({"key", "generate", key});
    for (size_t i = 0; i < std::size(kLibraries); ++i) pack(i, key + ".pem");
    host_.start();
    if (!host_.wait_ready(kReadyLimit)) give_up("the host does not become ready");
    command({"tenant", "create", kTenant, "--isolation", "in-process"});
    command({"trust", "add", "--key", key + ".pub", "--publisher", "campaign"});
    for (const auto& file : archives_) command({"push", file});
    command({"deploy", "ledger@1.0.0"});
    host_.kill();
  }

  void pack(size_t index, const std::string& key) {
    const auto project = directory_ + "/package" + std::to_string(index);
    fs::create_directory(project);
    fs::copy_file(kLibraries[index], project + "/ledger.so");
    std::ofstream(project + "/package.toml") << "publisher = \"campaign\"\nlibrary = \"ledger.so\"\n";
    archives_.push_back(project + "/ledger-" + std::to_string(index + 1) + ".0.0.pirn");
    command({"pack", project});
    command({"sign", archives_.back(), "--key", key});
  }

  // One life of the host: it starts, works for a while, and is killed; now and then before it is ready.
  void live_and_die(unsigned life) {
    allow(kPatient + kStartsPerLife * life + kStartsPerLife / 2);
    restart();
    if (life != 0 && pick(6) == 0) {
      std::this_thread::sleep_for(milliseconds(pick(60)));
    } else {
      if (!host_.wait_ready(kReadyLimit)) give_up("the host is not ready after kill " + std::to_string(life));
      if (life == options_.kills / 3) command({"deploy", "ledger@2.0.0"});
      if (life == 2 * options_.kills / 3) command({"rollout", "undo", "ledger"});
      set_ready(true);
      std::this_thread::sleep_for(milliseconds(pick(300)));
      allow(kPatient + kStartsPerLife * (life + 1));
      wait_for_word();
    }
    host_.kill();
    set_ready(false);
  }

  // A third of the kills come at a random instant. The others follow at once on something that the host has
  // just said, which is when it would show that it speaks before it has written.
  void wait_for_word() {
    std::unique_lock lock(mutex_);
    trigger_ = static_cast<Trigger>(pick(3));
    countdown_ = 1 + pick(kStartsPerLife / 2);
    changed_.wait_for(lock, milliseconds(200), [&] { return trigger_ == Trigger::time || countdown_ == 0; });
    trigger_ = Trigger::time;
  }

  // A client has been told something of this kind.
  void heard(Trigger what) {
    const std::lock_guard lock(mutex_);
    if (trigger_ != what || countdown_ == 0 || --countdown_ != 0) return;
    host_.strike();
    changed_.notify_all();
  }

  void restart() {
    last_restart_ns_ = std::chrono::duration_cast<std::chrono::nanoseconds>(
                           std::chrono::system_clock::now().time_since_epoch())
                           .count();
    host_.start();
  }

  uint64_t pick(uint64_t below) { return random_() % below; }

  // What clients wait for.
  void allow(size_t starts) {
    const std::lock_guard lock(mutex_);
    allowed_ = starts;
    changed_.notify_all();
  }
  void set_ready(bool ready) {
    const std::lock_guard lock(mutex_);
    ready_ = ready;
    changed_.notify_all();
  }
  void set_done() {
    const std::lock_guard lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }

  // Takes the next key and does not rest before its start is acknowledged.
  void start_executions(size_t total) {
    Client client(host_.socket(), kTenant);
    while (true) {
      size_t number;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return next_ < allowed_ || next_ >= total; });
        if (next_ >= total) {
          changed_.notify_all();
          return;
        }
        number = next_++;
      }
      const bool patient = number < kPatient;
      const auto id = acknowledged(client, number, patient);
      // Asked again, as a client does that is not sure: the same execution.
      if (number % 8 == 0 && acknowledged(client, number, patient) != id)
        give_up("key " + std::to_string(number) + " started two executions");
      const std::lock_guard lock(mutex_);
      started_.push_back({id, patient});
    }
  }

  std::string acknowledged(Client& client, size_t number, bool patient) {
    const auto input =
        R"({"ledger":")" + ledger_path() + R"(","work_ms":)" + std::to_string(5 + number % 40) + "}";
    while (true) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return ready_; });
      }
      if (auto id = client.start_execution(patient ? "wait_long" : "tally", input,
                                           "key-" + std::to_string(number))) {
        heard(Trigger::acknowledgement);
        return *id;
      }
    }
  }

  // Writes into the ledger what the host says is completed.
  void watch(uint64_t seed) {
    std::mt19937_64 random(seed);
    std::set<std::pair<std::string, std::string>> written;
    Client client(host_.socket(), kTenant);
    while (true) {
      std::string id;
      {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, milliseconds(1), [&] { return done_; });
        changed_.wait(lock, [&] { return done_ || (ready_ && !started_.empty()); });
        if (done_) return;
        // The newest are the ones in which something goes on.
        const size_t newest = std::min<size_t>(started_.size(), 60);
        id = started_[started_.size() - 1 - random() % newest].id;
      }
      const auto shown = client.show(id);
      if (!shown) continue;
      if (!shown->completed_steps.empty()) heard(Trigger::sighting);
      for (const auto& step : shown->completed_steps) {
        if (!written.insert({id, step}).second) continue;
        const auto line = sighting_line(id, step);
        if (write(ledger_, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
          give_up("the ledger cannot be written");
      }
    }
  }

  void wait_for_ends() {
    const auto until = std::chrono::steady_clock::now() + kEndLimit;
    Client client(host_.socket(), kTenant);
    for (const auto& started : started_) {
      while (true) {
        const auto shown = client.show(started.id);
        if (!shown) give_up("the host went away after the last restart");
        if (shown->state == "completed" || shown->state == "failed" || shown->state == "cancelled") break;
        if (std::chrono::steady_clock::now() > until)
          give_up("execution " + started.id + " does not end: it is " + shown->state);
        std::this_thread::sleep_for(milliseconds(10));
      }
    }
  }

  Problems judge() {
    Problems problems;
    std::ostringstream text;
    text << std::ifstream(ledger_path(), std::ios::binary).rdbuf();
    const Ledger ledger = read_ledger(text.str(), problems);
    for (auto& problem : check_ledger(ledger)) problems.push_back(std::move(problem));
    std::map<std::string, std::vector<Effect>> effects;
    std::set<std::string> versions;
    for (const auto& effect : ledger.effects) {
      effects[effect.execution].push_back(effect);
      versions.insert(effect.version);
    }

    Client client(host_.socket(), kTenant);
    const auto listed = client.list();
    if (!listed) give_up("the host went away");
    std::set<std::string> ids;
    for (const auto& started : started_) ids.insert(started.id);
    if (ids.size() != started_.size()) problems.push_back("two keys share an execution");
    if (std::set<std::string>(listed->begin(), listed->end()) != ids || listed->size() != ids.size())
      problems.push_back("the host lists " + std::to_string(listed->size()) + " executions, and " +
                         std::to_string(ids.size()) + " were acknowledged");

    size_t interruptions = 0;
    for (const auto& started : started_)
      interruptions += judge_execution(client, started, effects[started.id], problems);
    if (interruptions == 0) problems.push_back("no step was ever interrupted: these kills prove nothing");
    if (options_.kills >= 9 && versions.size() < 2)
      problems.push_back("only one version ever ran: the swap was not exercised");
    std::cout << options_.kills << " kills, " << started_.size() << " executions, " << ledger.effects.size()
              << " effects, " << ledger.sightings.size() << " sightings, " << interruptions
              << " interrupted invocations, " << versions.size() << " versions\n";
    return problems;
  }

  // Returns how many invocations the kills interrupted.
  size_t judge_execution(Client& client, const Started& started, const std::vector<Effect>& effects,
                         Problems& problems) {
    const auto shown = client.show(started.id);
    const auto events = client.events(started.id);
    if (!shown || !events) give_up("the host went away");
    const Expectation expectation{{{started.patient ? "patience" : "flaky", 1}}};
    for (auto& problem : check_history(started.id, *events, effects, expectation))
      problems.push_back(std::move(problem));
    if (shown->total != 10)
      problems.push_back(started.id + ": the total is " + std::to_string(shown->total) + ", not 10");
    for (const auto& effect : effects)
      if (effect.version != shown->version)
        problems.push_back(started.id + ": shows version " + shown->version + " and ran " + effect.version);
    if (started.patient) check_timer(started.id, *events, problems);
    return static_cast<size_t>(std::count_if(
        events->begin(), events->end(), [](const Event& event) { return event.type == "step.interrupt"; }));
  }

  // A timer that began anew with each restart would be late by all the time between the failure and the last
  // restart.
  void check_timer(const std::string& id, const std::vector<Event>& events, Problems& problems) {
    int64_t wake_at = 0;
    for (const auto& event : events) {
      if (event.type == "step.retry") wake_at = event.wake_at;
      if (event.type != "step.start" || event.attempt != 2) continue;
      const int64_t late = event.at_ns - wake_at, would_be = last_restart_ns_ - (wake_at - kPatienceNs);
      if (late > would_be / 2)
        problems.push_back(id + ": the timer went off " + std::to_string(late / 1'000'000) + " ms late");
      return;
    }
  }

  const Options options_;
  const std::string directory_;
  Host host_;
  std::mt19937_64 random_;
  int ledger_ = -1;
  std::vector<std::string> archives_;
  int64_t last_restart_ns_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool ready_ = false, done_ = false;  // guarded by mutex_
  Trigger trigger_ = Trigger::time;    // guarded by mutex_
  uint64_t countdown_ = 0;             // guarded by mutex_
  size_t allowed_ = 0, next_ = 0;      // guarded by mutex_
  std::vector<Started> started_;       // guarded by mutex_ while clients run
};

Options parse(int argc, char** argv) {
  Options options;
  std::vector<std::string> words(argv + 1, argv + argc);
  for (size_t i = 0; i < words.size(); ++i) {
    const auto next = [&] {
      if (i + 1 >= words.size()) give_up(words[i] + " needs a value");
      return words[++i];
    };
    if (words[i] == "--kills")
      options.kills = static_cast<unsigned>(std::stoul(next()));
    else if (words[i] == "--seed")
      options.seed = std::stoull(next());
    else if (words[i] == "--keep")
      options.keep = true;
    else
      give_up("there is no option " + words[i]);
  }
  return options;
}

int run_campaign(int argc, char** argv) {
  const Options options = parse(argc, argv);
  std::string directory = (fs::temp_directory_path() / "pirn-crash-XXXXXX").string();
  if (!mkdtemp(directory.data())) give_up("no temporary directory");
  std::cout << "campaign of " << options.kills << " kills, seed " << options.seed << ", in " << directory
            << std::endl;
  Problems problems;
  {
    Campaign campaign(options, directory);
    problems = campaign.run_all();
  }
  if (problems.empty() && !options.keep) fs::remove_all(directory);
  for (size_t i = 0; i < problems.size() && i < 50; ++i) std::cerr << problems[i] << "\n";
  if (!problems.empty())
    std::cerr << problems.size() << " problems; again: ./dev crash " << options.kills << " " << options.seed
              << "; kept: " << directory << "\n";
  return problems.empty() ? 0 : 1;
}

}  // namespace
}  // namespace pirn::crash

int main(int argc, char** argv) { return pirn::crash::run_campaign(argc, argv); }
