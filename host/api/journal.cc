// The journal of one execution: as pages, and as a stream that goes over from the store to what is committed
// now.
#include <algorithm>
#include <deque>
#include <memory>

#include "host/api/document.h"
#include "host/api/engine_requests.h"
#include "host/api/journal_pages.h"
#include "host/api/request_pool.h"
#include "host/api/routes.h"
#include "host/events/event_text.h"
#include "host/events/feed.h"
#include "host/journal/value.h"
#include "host/logbook/logbook.h"
#include "host/store/store.h"
#include "packager/error/printable.h"
#include "registry/registry.h"

namespace pirn::api {

namespace {

// Of a stream: a watcher who does not read holds no more than a piece of about this size, and what it was
// made from.
constexpr size_t kPieceBytes = 256 * 1024;
constexpr uint32_t kCommitsPerPiece = 32, kLinesPerPiece = 100;

// A commit number up to which no event is later than `seq`. Each commit has at least one event, so a commit's
// number is at most the seq of its first one; between the two the rows are searched by halves.
Result<uint32_t> commits_up_to(const store::Store& store, ExecutionId id, uint64_t seq) {
  uint64_t low = 0, high = std::min<uint64_t>(
                        seq, UINT32_MAX - 1);  // commits up to `low` are passed; the one after `high` is not
  while (low < high) {
    const uint64_t middle = low + (high - low + 1) / 2;
    PIRN_TRY(const auto commits, store.journal(id, static_cast<uint32_t>(middle - 1), 1));
    uint64_t last = UINT64_MAX;  // beyond the end of the journal
    for (const store::StoredCommit& commit : commits)
      PIRN_DO(events::for_each_event(commit.body, [&](const events::EventView& event) { last = event.seq; }));
    if (last <= seq)
      low = middle;
    else
      high = middle - 1;
  }
  return static_cast<uint32_t>(low);
}

// The whole story of an execution from where the client stands: first what is kept, journal and logbook by
// their instants, then what comes. The subscription is older than the first read, so nothing falls between
// the two; what comes twice has a number that was written already.
class ExecutionStream : public Stream, public std::enable_shared_from_this<ExecutionStream> {
 public:
  ExecutionStream(const Services& services, std::string owner, ExecutionId id, events::Position after)
      : services_(services),
        owner_(std::move(owner)),
        id_(id),
        after_seq_(after.seq),
        last_line_(after.line),
        text_(id, after),
        subscription_(services.feed.subscribe(id)) {}

  void next(std::function<void(std::string)> sink) override {
    if (text_.ended() || failed_) return sink({});
    if (live_) return wait(std::move(sink));
    services_.pool.post(
        {Lane::reports, owner_, "a stream of events"},
        [self = shared_from_this(), sink = std::move(sink)]() mutable { self->read(std::move(sink)); });
  }

 private:
  using Sink = std::function<void(std::string)>;

  void read(Sink sink) {
    std::string out;
    if (!replay(out)) return fail(std::move(sink));
    if (!out.empty()) return sink(printable_json(std::move(out)));
    next(std::move(sink));
  }

  Status replay(std::string& out) {
    if (const uint64_t seq = std::exchange(after_seq_, 0); seq != 0) {
      PIRN_TRY(const uint32_t passed, commits_up_to(services_.store, id_, seq));
      // The last one is read again: an execution that has ended says so once more.
      passed_ = passed == 0 ? 0 : passed - 1;
    }
    PIRN_TRY(const auto commits,
             services_.store.journal(id_, std::max(text_.last_commit(), passed_), kCommitsPerPiece));
    for (const store::StoredCommit& commit : commits) {
      int64_t until = 0;
      PIRN_DO(events::for_each_event(commit.body, [&](const events::EventView& event) {
        // Nothing is said behind the end, and clocks may differ by a little.
        until = event.type == "workflow.stop" ? INT64_MAX : std::max(until, event.at);
      }));
      PIRN_TRY(const bool all_said, say_until(out, until));
      if (!all_said || out.size() >= kPieceBytes) return {};  // from this commit on with the next piece
      PIRN_DO(text_.commit(out, commit.commit_no, commit.body));
    }
    if (commits.size() == kCommitsPerPiece || text_.ended()) return {};
    PIRN_TRY(live_, say_until(out, INT64_MAX));
    return {};
  }

  // Writes what the logbook has of the time before `at`; false: the piece is full before that.
  Result<bool> say_until(std::string& out, int64_t at) {
    for (;; lines_.pop_front()) {
      if (out.size() >= kPieceBytes) return false;
      if (lines_.empty() && !lines_over_) {
        PIRN_TRY(logbook::Page page,
                 services_.logbook.read({.execution = id_, .after = last_line_, .limit = kLinesPerPiece}));
        lines_.assign(std::make_move_iterator(page.lines.begin()), std::make_move_iterator(page.lines.end()));
        lines_over_ = !page.more;
        if (!lines_.empty()) last_line_ = lines_.back().n;
      }
      if (lines_.empty() || lines_.front().at > at) return true;
      const logbook::LogLine& line = lines_.front();
      text_.live(out, line.level == logbook::kNoLevel ? "chunk" : "log", line.text, line.n);
    }
  }

  void wait(Sink sink) {
    subscription_->when_ready([weak = weak_from_this(), sink = std::move(sink)]() mutable {
      const auto self = weak.lock();
      if (!self) return;
      self->services_.pool.post({Lane::reads, self->owner_},
                                [self, sink = std::move(sink)]() mutable { self->take(std::move(sink)); });
    });
  }

  void take(Sink sink) {
    events::Subscription::Batch batch = subscription_->take();
    std::string out;
    if (batch.lost != 0) text_.gap(out, batch.lost);
    for (const events::Item& item : batch.items) {
      if (item.commit_no == 0)
        text_.live(out, item.name, *item.text, item.line);
      else if (!text_.commit(out, item.commit_no, *item.text))
        return fail(std::move(sink));
    }
    if (!out.empty()) return sink(printable_json(std::move(out)));
    next(std::move(sink));
  }

  // The client reconnects and gets what is wrong as the answer to that.
  void fail(Sink sink) {
    failed_ = true;
    sink({});
  }

  const Services& services_;
  const std::string owner_;  // whose turn its reads take
  const ExecutionId id_;
  uint64_t after_seq_;   // what the client has, until the first read
  uint32_t passed_ = 0;  // commits before what it has
  uint64_t last_line_;   // that was read from the logbook, or that the client has
  std::deque<logbook::LogLine> lines_;
  bool lines_over_ = false;
  events::EventStream text_;
  std::shared_ptr<events::Subscription> subscription_;
  bool live_ = false, failed_ = false;
};

// Up to `limit` events behind `after`.
Result<std::string> page(const store::Store& store, ExecutionId id, uint64_t after, size_t limit) {
  PIRN_TRY(const uint32_t passed, commits_up_to(store, id, after));
  std::string out = "{\"events\":[";
  size_t count = 0;
  PIRN_DO(for_each_commit(store, id, passed, [&](const store::StoredCommit& commit) -> Result<bool> {
    PIRN_DO(events::for_each_event(commit.body, [&](const events::EventView& event) {
      if (event.seq <= after || count > limit) return;
      if (++count > limit) return;  // one more is there than was asked for
      if (count > 1) out += ',';
      events::append_event(out, event, commit.commit_no);
      after = event.seq;
    }));
    return count <= limit;
  }));
  out += "],\"cursor\":";
  journal::append_unsigned(out, after);
  out += count > limit ? ",\"more\":true}" : ",\"more\":false}";
  return out;
}

}  // namespace

Response list_tenant_events(const Services& services, const Request& request) {
  const Result<int64_t> after = number_parameter(request, "after", 0, 0, INT64_MAX);
  if (!after) return problem(after.error());
  const Result<int64_t> limit = number_parameter(request, "limit", 100, 1, 1000);
  if (!limit) return problem(limit.error());
  if (const auto tenant = services.registry.tenant(request.tenant); !tenant) return problem(tenant.error());
  const auto own = services.store.find_tenant(request.tenant);
  if (!own) return problem(own.error());
  if (!*own) return json(200, std::string(R"({"events":[],"cursor":0,"more":false})"));
  Result<std::string> text =
      page(services.store, (*own)->stream, static_cast<uint64_t>(*after), static_cast<size_t>(*limit));
  return text ? json(200, std::move(*text)) : problem(text.error());
}

void list_events(const Services& services, RequestPtr request, Respond respond) {
  const Result<int64_t> after = number_parameter(*request, "after", 0, 0, INT64_MAX);
  if (!after) return respond(problem(after.error()));
  const Result<int64_t> limit = number_parameter(*request, "limit", 100, 1, 1000);
  if (!limit) return respond(problem(limit.error()));
  with_execution(services, request, respond,
                 [&services, after = *after, limit = *limit, respond](ExecutionId id) {
                   Result<std::string> text =
                       page(services.store, id, static_cast<uint64_t>(after), static_cast<size_t>(limit));
                   respond(text ? json(200, std::move(*text)) : problem(text.error()));
                 });
}

void stream_events(const Services& services, RequestPtr request, Respond respond) {
  events::Position after;
  if (const std::string_view last = request->header("last-event-id"); !last.empty()) {
    const Result<events::Position> position = events::parse_position(last);
    if (!position) return respond(problem(position.error()));
    after = *position;
  }
  with_execution(services, request, respond, [&services, request, after, respond](ExecutionId id) {
    Response response;
    response.content_type = "text/event-stream";
    response.headers.emplace_back("Cache-Control", "no-store");
    response.stream = std::make_shared<ExecutionStream>(services, request->queue.owner, id, after);
    respond(std::move(response));
  });
}

}  // namespace pirn::api
