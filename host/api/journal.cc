// The journal of one execution: as pages, and as a stream that goes over from the store to what is committed now.
#include <memory>

#include "host/api/document.h"
#include "host/api/pool.h"
#include "host/api/routes.h"
#include "host/engine/inbox.h"
#include "host/events/event_text.h"
#include "host/events/feed.h"
#include "host/journal/value.h"
#include "host/store/store.h"

namespace pirn::api {

namespace {

constexpr uint32_t kCommitsPerRead = 256;

Response no_execution(std::string_view id) {
  return problem(Error{Code::not_found, "there is no execution '" + std::string(id) + "'"});
}

// Whether this tenant has this execution is asked of the engine first, then of the store: in this order an execution
// that ends in between is found. `then` runs on the pool.
void with_execution(const Services& services, const Request& request, const Respond& respond,
                    std::function<void(ExecutionId)> then) {
  const Result<ExecutionId> id = parse_execution_id(request.params[0]);
  if (!id) return respond(no_execution(request.params[0]));
  engine::Show show;
  show.tenant = request.tenant;
  show.id = *id;
  show.reply = [&services, id = *id, tenant = request.tenant, respond, then = std::move(then)](
                   Result<std::optional<engine::View>> view) mutable {
    if (!view) return respond(problem(view.error()));
    services.pool.post([&services, id, tenant = std::move(tenant), open = view->has_value(), respond, then = std::move(then)] {
      if (open) return then(id);
      const auto row = services.store.find(tenant, id);
      if (!row) return respond(problem(row.error()));
      if (!*row) return respond(no_execution(id.text()));
      then(id);
    });
  };
  engine::Command command = std::move(show);
  if (services.inbox.push(command)) return;
  respond(problem(services.inbox.closed() ? Error{Code::shutting_down, "the host is shutting down"}
                                          : Error{Code::busy, "the engine's inbox is full"}));
}

// The subscription is older than the first read of the store, so nothing falls between the two; what comes twice
// has a commit number that was written already.
class ExecutionStream : public Stream, public std::enable_shared_from_this<ExecutionStream> {
 public:
  ExecutionStream(const Services& services, ExecutionId id, uint64_t after_seq)
      : services_(services), id_(id), text_(id, after_seq), subscription_(services.feed.subscribe(id)) {}

  void next(std::function<void(std::string)> sink) override {
    if (text_.ended() || failed_) return sink({});
    if (live_) return wait(std::move(sink));
    services_.pool.post([self = shared_from_this(), sink = std::move(sink)]() mutable { self->read(std::move(sink)); });
  }

 private:
  using Sink = std::function<void(std::string)>;

  void read(Sink sink) {
    const auto commits = services_.store.journal(id_, text_.last_commit(), kCommitsPerRead);
    if (!commits) return fail(std::move(sink));
    std::string out;
    for (const store::StoredCommit& commit : *commits)
      if (!text_.commit(out, commit.commit_no, commit.body)) return fail(std::move(sink));
    live_ = commits->size() < kCommitsPerRead;
    if (!out.empty()) return sink(std::move(out));
    next(std::move(sink));
  }

  void wait(Sink sink) {
    subscription_->when_ready([weak = weak_from_this(), sink = std::move(sink)]() mutable {
      const auto self = weak.lock();
      if (!self) return;
      self->services_.pool.post([self, sink = std::move(sink)]() mutable { self->take(std::move(sink)); });
    });
  }

  void take(Sink sink) {
    events::Subscription::Batch batch = subscription_->take();
    std::string out;
    if (batch.lost != 0) text_.gap(out, batch.lost);
    for (const events::Item& item : batch.items) {
      if (item.commit_no == 0) text_.live(out, item.name, *item.text);
      else if (!text_.commit(out, item.commit_no, *item.text)) return fail(std::move(sink));
    }
    if (!out.empty()) return sink(std::move(out));
    next(std::move(sink));
  }

  // The client reconnects and gets what is wrong as the answer to that.
  void fail(Sink sink) {
    failed_ = true;
    sink({});
  }

  const Services& services_;
  const ExecutionId id_;
  events::EventStream text_;
  std::shared_ptr<events::Subscription> subscription_;
  bool live_ = false, failed_ = false;
};

Response page(const Services& services, ExecutionId id, uint32_t after, uint32_t limit) {
  const auto commits = services.store.journal(id, after, limit);
  if (!commits) return problem(commits.error());
  std::string out = "{\"events\":[";
  bool first = true;
  for (const store::StoredCommit& commit : *commits) {
    const Status status = events::for_each_event(commit.body, [&](const events::EventView& event) {
      if (!first) out += ',';
      first = false;
      events::append_event(out, event, commit.commit_no);
    });
    if (!status) return problem(status.error());
    after = commit.commit_no;
  }
  out += "],\"cursor\":";
  journal::append_unsigned(out, after);
  out += commits->size() == limit ? ",\"more\":true}" : ",\"more\":false}";
  return json(200, std::move(out));
}

}  // namespace

void list_events(const Services& services, RequestPtr request, Respond respond) {
  const Result<int64_t> after = number_parameter(*request, "after", 0, 0, UINT32_MAX);
  if (!after) return respond(problem(after.error()));
  const Result<int64_t> limit = number_parameter(*request, "limit", 100, 1, 1000);
  if (!limit) return respond(problem(limit.error()));
  with_execution(services, *request, respond, [&services, after = *after, limit = *limit, respond](ExecutionId id) {
    respond(page(services, id, static_cast<uint32_t>(after), static_cast<uint32_t>(limit)));
  });
}

void stream_events(const Services& services, RequestPtr request, Respond respond) {
  uint64_t after_seq = 0;
  if (const std::string_view last = request->header("last-event-id"); !last.empty()) {
    if (last.size() > 19 || last.find_first_not_of("0123456789") != std::string_view::npos)
      return respond(problem(Error{Code::invalid_argument, "the header Last-Event-ID is no number"}));
    after_seq = std::stoull(std::string(last));
  }
  with_execution(services, *request, respond, [&services, after_seq, respond](ExecutionId id) {
    Response response;
    response.content_type = "text/event-stream";
    response.headers.emplace_back("Cache-Control", "no-store");
    response.stream = std::make_shared<ExecutionStream>(services, id, after_seq);
    respond(std::move(response));
  });
}

}  // namespace pirn::api
