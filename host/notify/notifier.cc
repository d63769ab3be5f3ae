#include "host/notify/notifier.h"

#include <boost/json.hpp>
#include <cassert>
#include <chrono>
#include <optional>

#include "host/events/event_text.h"
#include "packager/json/json.h"
#include "packager/mutex/mutex.h"
#include "packager/schedule/instant.h"

namespace pirn::notify {

namespace {

namespace bj = boost::json;

constexpr std::string_view kAwait = "step.await";
constexpr uint32_t kCommitsPerRead = 256;

bj::object parsed(std::string_view text) {
  auto value = parse_own_json(text, "an event", {});
  return value && value->is_object() ? std::move(value->as_object()) : bj::object();
}

std::string text_of(const bj::object& object, std::string_view name) {
  const bj::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

// Whether the step waits for a person, and not for something that comes by itself.
bool concerns_people(const bj::object& event) {
  const std::string kind = text_of(event, "kind");
  return kind == "approval" || kind == "intervention" || event.contains("notify");
}

// What the step failed with before it began to wait; null when the journal does not say.
bj::value error_before(const store::Store& store, const Notice& notice) {
  bj::value error;
  for (uint32_t after = 0;;) {
    const auto commits = store.journal(notice.execution, after, kCommitsPerRead);
    if (!commits) return error;
    for (const store::StoredCommit& commit : *commits) {
      after = commit.commit_no;
      (void)events::for_each_event(commit.body, [&](const events::EventView& event) {
        if (event.type != "step.exception" || event.seq > notice.seq) return;
        const bj::object members = parsed(event.text);
        if (const bj::value* of_step = members.if_contains("error");
            of_step != nullptr && text_of(members, "step") == notice.step)
          error = *of_step;
      });
    }
    if (commits->size() < kCommitsPerRead) return error;
  }
}

}  // namespace

Notifier::Notifier(Messengers messengers, engine::Inbox& inbox, const store::Store& store,
                   std::function<int64_t()> clock, RetryLimits limits)
    : messengers_(std::move(messengers)),
      inbox_(inbox),
      store_(store),
      clock_(std::move(clock)),
      schedule_(limits) {
  for (const auto& [tenant, messenger] : messengers_) {
    health_[tenant].tenant = tenant;
    health_[tenant].messenger = messenger->name();
  }
  if (!messengers_.empty()) thread_ = std::thread([this] { work(); });
}

Notifier::~Notifier() {
  if (!thread_.joinable()) return;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  for (const auto& [tenant, messenger] : messengers_) messenger->stop();
  thread_.join();
}

bool Notifier::serves(std::string_view tenant) const {
  return !messengers_.empty() && (messengers_.contains(tenant) || messengers_.contains(""));
}

void Notifier::publish_commit(ExecutionId id, std::string_view tenant, std::string_view body) {
  if (!serves(tenant) || body.find("\"type\":\"step.await\"") == std::string_view::npos) return;
  const Status read = events::for_each_event(body, [&](const events::EventView& event) {
    if (event.type == kAwait) add({std::string(tenant), id, {}, event.seq, std::string(event.text), 0});
  });
  assert(read && "the engine has written it");
}

void Notifier::add(Notice notice) {
  {
    const MutexLock lock(mutex_);
    schedule_.add(std::move(notice), clock_());
  }
  changed_.notify_one();
}

void Notifier::work() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    if (!suspects_.empty()) {
      const Suspect suspect = std::move(suspects_.back());
      suspects_.pop_back();
      lock.unlock();
      (void)find_untold(suspect);  // a store that cannot be read has other consequences
      lock.lock();
      continue;
    }
    if (std::optional<Notice> notice = schedule_.take(clock_())) {
      lock.unlock();
      tell(std::move(*notice));
      lock.lock();
      continue;
    }
    // Whatever wakes it, the loop looks at everything again.
    if (schedule_.next() == INT64_MAX)
      changed_.wait(mutex_);
    else
      changed_.wait_until(
          mutex_, std::chrono::steady_clock::now() + std::chrono::nanoseconds(schedule_.next() - clock_()));
  }
}

void Notifier::tell(Notice notice) {
  const bj::object event = parsed(notice.event);
  if (!concerns_people(event)) return;
  notice.step = text_of(event, "step");
  auto found = messengers_.find(notice.tenant);
  if (found == messengers_.end()) found = messengers_.find("");
  const std::string id = notice.execution.text() + ":" + std::to_string(notice.seq);
  const Status delivered = found->second->deliver(id, document_of(notice));
  const std::string by = found->second->name();
  MutexLock lock(mutex_);
  if (!delivered && stopping_) return;  // broken off: the next host tells it
  NotifierHealth& health = health_[found->first];
  if (delivered) {
    ++health.told;
    lock.unlock();
    return journal(notice, "notified", "told by " + by + ", attempt " + std::to_string(notice.attempts + 1));
  }
  ++health.failures;
  health.last_error = delivered.error().message;
  if (schedule_.failed(notice, clock_())) return;
  ++health.given_up;
  lock.unlock();
  journal(notice, "notify_failed",
          "the notice was not delivered by " + by + ": " + delivered.error().message);
}

// What the receiver needs to decide, and to answer.
std::string Notifier::document_of(const Notice& notice) const {
  const bj::object event = parsed(notice.event);
  bj::object document{{"id", notice.execution.text() + ":" + std::to_string(notice.seq)},
                      {"tenant", notice.tenant},
                      {"execution", notice.execution.text()},
                      {"step", notice.step}};
  for (const char* member : {"kind", "notify", "approvers"}) {
    const bj::value* value = event.if_contains(member);
    document[member] = value == nullptr ? bj::value(nullptr) : *value;
  }
  const bj::value* deadline = event.if_contains("deadline");
  document["deadline"] = deadline != nullptr && deadline->is_int64()
                             ? bj::value(schedule::print_instant(deadline->as_int64()))
                             : bj::value(nullptr);
  document["error"] =
      text_of(event, "kind") == "intervention" ? error_before(store_, notice) : bj::value(nullptr);
  if (const auto first = store_.journal(notice.execution, 0, 1); first && !first->empty())
    (void)events::for_each_event(first->front().body, [&](const events::EventView& created) {
      if (created.type != "workflow.create") return;
      const bj::object members = parsed(created.text);
      for (const char* member : {"package", "workflow"})
        if (const bj::value* value = members.if_contains(member)) document[member] = *value;
    });
  return bj::serialize(document);
}

// The engine refuses when the step waits no longer: then there is nothing to tell any more.
void Notifier::journal(const Notice& notice, const char* code, std::string message) {
  engine::Note note;
  note.tenant = notice.tenant;
  note.id = notice.execution;
  note.step = notice.step;
  note.code = code;
  note.message = std::move(message);
  note.reply = [](Result<std::string_view>) {};
  engine::Command command = std::move(note);
  inbox_.push(command);
}

void Notifier::resume(const std::vector<std::string>& tenants) {
  for (const std::string& tenant : tenants) {
    if (!serves(tenant)) continue;
    engine::ListAwaiting list;
    list.tenant = tenant;
    list.limit = UINT32_MAX;
    list.reply = [this, tenant](Result<std::vector<engine::AwaitingStep>> waiting) {
      if (!waiting) return;
      {
        const MutexLock lock(mutex_);
        for (engine::AwaitingStep& each : *waiting) suspects_.push_back({tenant, std::move(each)});
      }
      changed_.notify_one();
    };
    engine::Command command = std::move(list);
    inbox_.push(command);
  }
}

// The last step.await of the step, unless a word of ours stands behind it.
Status Notifier::find_untold(const Suspect& suspect) {
  const engine::AwaitingStep& waiting = suspect.waiting;
  std::optional<Notice> untold;
  for (uint32_t after = 0;;) {
    PIRN_TRY(const auto commits, store_.journal(waiting.id, after, kCommitsPerRead));
    for (const store::StoredCommit& commit : commits) {
      after = commit.commit_no;
      PIRN_DO(events::for_each_event(commit.body, [&](const events::EventView& event) {
        if (event.type != kAwait && event.type != "diagnostic") return;
        const bj::object members = parsed(event.text);
        if (text_of(members, "step") != waiting.step) return;
        const std::string code = text_of(members, "code");
        if (event.type == kAwait)
          untold = Notice{suspect.tenant, waiting.id, waiting.step, event.seq, std::string(event.text), 0};
        else if (code == "notified" || code == "notify_failed")
          untold.reset();
      }));
    }
    if (commits.size() < kCommitsPerRead) break;
  }
  if (untold) add(std::move(*untold));
  return {};
}

std::vector<NotifierHealth> Notifier::health() const {
  const MutexLock lock(mutex_);
  std::vector<NotifierHealth> all;
  for (const auto& [tenant, health] : health_) all.push_back(health);
  return all;
}

}  // namespace pirn::notify
