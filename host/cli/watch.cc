#include "host/cli/watch.h"

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <iostream>
#include <sstream>
#include <thread>

#include "host/cli/runs.h"
#include "packager/json/json.h"

namespace pirn::cli {

namespace {

namespace bj = boost::json;

constexpr int64_t kReconnectFor_ms = 30'000;

std::string member(const bj::object& object, std::string_view name) {
  const bj::value* value = object.if_contains(name);
  if (value == nullptr || value->is_null()) return {};
  return value->is_string() ? std::string(value->as_string()) : bj::serialize(*value);
}

std::string error_words(const bj::object& object) {
  const bj::value* error = object.if_contains("error");
  if (error == nullptr || !error->is_object()) return {};
  return member(error->as_object(), "code") + ": " + member(error->as_object(), "message");
}

// "waits for 2 gpu, more than the host has" or "has 1 cpu, gpu 0".
std::string claim_words(const bj::object& claim) {
  std::string words = claim.at("waiting").as_bool() ? "waits for " : "has ";
  bool first = true;
  for (const auto& need : claim.at("needs").as_object()) {
    words += std::string(first ? "" : ", ") + number_words(need.value().to_number<double>()) + " " +
             std::string(need.key());
    first = false;
  }
  for (const bj::value& gpu : claim.at("gpus").as_array()) words += ", gpu #" + bj::serialize(gpu);
  if (claim.at("hopeless").as_bool()) words += ": more than the host has";
  return words;
}

// "waits for a slot: the tenant runs 2 steps, its cap is 2", or how many are in use and what its share is.
std::string slot_words(const bj::object& slot) {
  const std::string running = member(slot, "running_steps"), cap = member(slot, "max_running_steps");
  std::string words = "waits for a slot: the tenant runs " + running + (running == "1" ? " step" : " steps");
  if (cap == running) return words + ", its cap is " + cap;
  return words + ", its share is " + number_words(slot.at("share").to_number<double>()) + "; " +
         member(slot, "in_use") + " of the host's " + member(slot, "total") + " slots are in use";
}

// "2026-01-31 12:00:05", in UTC as all times here.
std::string day_words(int64_t ns) {
  const std::time_t seconds = ns / 1'000'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
  return text;
}

std::string instant_words(const bj::object& event, std::string_view name) {
  const bj::value* at = event.if_contains(name);
  return at != nullptr && at->is_int64() ? day_words(at->as_int64()) : std::string();
}

// What an awaiting step waits for: "approval by ada, grace, until 2026-01-31 12:00:00". Events have the
// deadline in nanoseconds, executions as text.
std::string await_words(const bj::object& await) {
  std::string words = member(await, "kind");
  if (const bj::value* approvers = await.if_contains("approvers");
      approvers != nullptr && approvers->is_array())
    if (const std::string names = names_in(approvers->as_array()); !names.empty()) words += " by " + names;
  const bj::value* deadline = await.if_contains("deadline");
  if (deadline == nullptr || deadline->is_null()) return words;
  return words + ", until " +
         (deadline->is_int64() ? day_words(deadline->as_int64()) : time_words(*deadline));
}

// What became of the rollback of a step; empty: it has none, or it was not called.
std::string undone_words(const std::string& compensation) {
  if (compensation == "done") return "rolled back";
  if (compensation == "failed") return "its rollback failed";
  return compensation.empty() ? "" : "to be rolled back";
}

// "12:00:05.123  ", of its instant, in UTC as well; empty when it has none.
std::string clock_words(const bj::object& event) {
  const bj::value* at = event.if_contains("at");
  if (at == nullptr || !at->is_int64()) return {};
  const std::time_t seconds = at->as_int64() / 1'000'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::snprintf(text, sizeof text, "%02d:%02d:%02d.%03d  ", parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<int>(at->as_int64() % 1'000'000'000 / 1'000'000));
  return text;
}

// The beginning of a long text, which does not end within a character.
std::string cut(std::string text, size_t shown_bytes = 100) {
  if (text.size() <= shown_bytes) return text;
  text.resize(whole_characters(std::string_view(text).substr(0, shown_bytes)));
  return text + "…";
}

// How far a step is, as it says: a share from 0 to 1, or a negative number when it does not know.
std::string share_words(const bj::object& event) {
  const bj::value* share = event.if_contains("progress");
  if (share == nullptr || !share->is_number() || share->to_number<double>() < 0) return {};
  return std::to_string(static_cast<int>(share->to_number<double>() * 100)) + " %";
}

bj::object parsed(const std::string& data) {
  auto value = parse_own_json(data, "an event", {});
  return !value || !value->is_object() ? bj::object() : std::move(value->as_object());
}

class Nothing : public Display {
 public:
  void begin(const bj::object&) override {}
  void event(const ServerEvent&) override {}
  void end() override {}
};

class Lines : public Display {
 public:
  void begin(const bj::object&) override {}
  void event(const ServerEvent& event) override {
    if (event.name != "end") note(event_line(parsed(event.data), event.name));
  }
  void end() override {}
};

class JsonLines : public Display {
 public:
  void begin(const bj::object&) override {}
  void event(const ServerEvent& event) override {
    // Live messages have no type of their own; the name of the event says it.
    bj::object object = parsed(event.data);
    if (!object.contains("type")) object["type"] = event.name;
    std::cout << json_text(object) << std::endl;
  }
  void end() override {}
};

class Table : public Display {
 public:
  void begin(const bj::object& execution) override {
    title_ = printable(member(execution, "workflow") + "  " + member(execution, "id"));
    for (const bj::value& step : execution.at("steps").as_array()) {
      const bj::object& object = step.as_object();
      steps_.push_back({member(object, "name"), member(object, "state"), member(object, "skip_kind"), 0, 0});
    }
    draw();
  }
  void event(const ServerEvent& event) override {
    const bj::object object = parsed(event.data);
    apply(event.name, object);
    if (event.name == "log") last_ = cut(printable(member(object, "message")));
    draw();
  }
  void end() override {
    draw();
    std::cerr << std::flush;
  }

 private:
  struct Row {
    std::string name, state, remark;
    int64_t started_at, ended_at;
  };

  void apply(const std::string& name, const bj::object& event) {
    const std::string step = member(event, "step");
    for (Row& row : steps_) {
      if (row.name != step) continue;
      const int64_t at = event.contains("at") ? event.at("at").to_number<int64_t>() : 0;
      if (name == "step.ready") row.state = "ready";
      if (name == "step.ask") row.state = "asking";
      if (name == "step.interrupt") row.state = "ready";
      if (name == "step.start") {
        row.state = "running";
        if (row.started_at == 0) row.started_at = at;
        row.remark = member(event, "attempt") == "1" ? "" : "attempt " + member(event, "attempt");
      }
      if (name == "step.snooze") row.state = "snoozed";
      if (name == "step.await") {
        row.state = "awaiting";
        row.remark = await_words(event);
      }
      if (name == "step.stop") finish(row, "completed", "", at);
      if (name == "step.skip") finish(row, "skipped", member(event, "kind"), at);
      if (name == "step.cancel") finish(row, "cancelled", member(event, "reason"), at);
      if (name == "step.exception") {
        const std::string then = member(event, "then");
        if (then == "retry" || then == "ask" || then == "await")
          row.state = "retry_wait";
        else
          finish(row, then == "skip" ? "skipped" : "failed", error_words(event), at);
      }
      if (name == "progress") row.remark = share_words(event) + " " + member(event, "note");
    }
  }
  static bool has_ended(std::string_view state) {
    return state == "completed" || state == "failed" || state == "skipped" || state == "cancelled";
  }
  static void finish(Row& row, std::string state, std::string remark, int64_t at) {
    row.state = std::move(state);
    row.remark = std::move(remark);
    row.ended_at = at;
  }

  // What is redrawn must fit on the screen: of a long workflow those steps are shown that something is going
  // on with, or wrong with, and then the first of the others.
  std::vector<const Row*> shown() const {
    const size_t room = std::max<size_t>(terminal_lines(), 8) - 5;
    std::vector<const Row*> rows;
    const auto add = [&](bool interesting) {
      for (const Row& row : steps_) {
        const bool quiet = row.state == "pending" || row.state == "completed" || row.state == "skipped";
        if (rows.size() < room && quiet != interesting) rows.push_back(&row);
      }
    };
    add(true);
    add(false);
    std::sort(rows.begin(), rows.end());  // as the workflow has them
    return rows;
  }

  void draw() {
    std::vector<std::vector<Cell>> rows;
    size_t done = 0;
    for (const Row& row : steps_) done += has_ended(row.state) ? 1 : 0;
    const std::vector<const Row*> visible = shown();
    for (const Row* each : visible) {
      const Row& row = *each;
      const double ms = static_cast<double>(row.ended_at - row.started_at) / 1e6;
      rows.push_back({row.name, state_word(row.state),
                      row.started_at != 0 && row.ended_at != 0 ? duration_words(ms) : "", row.remark});
    }
    std::ostringstream frame;  // written at once, so that nothing flickers
    {
      const SafeStream safe(frame);
      if (drawn_lines_ != 0) frame << Control{"\x1b["} << drawn_lines_ << Control{"F"} << Control{"\x1b[J"};
      frame << title_ << "  " << std::to_string(done) << "/" << std::to_string(steps_.size()) << '\n';
      write_table(frame, {"STEP", "STATE", "TOOK", ""}, rows);
      if (visible.size() < steps_.size())
        frame << "and " << std::to_string(steps_.size() - visible.size()) << " more steps\n";
      if (!last_.empty()) frame << last_ << '\n';
    }
    const std::string text = frame.str();
    drawn_lines_ = static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
    std::cerr << Control{text} << std::flush;
  }

  std::string title_, last_;
  std::vector<Row> steps_;
  size_t drawn_lines_ = 0;
};

Result<bj::value> show(Client& client, const std::string& id) {
  return client.call("GET", path({"executions", id}));
}

}  // namespace

std::unique_ptr<Display> show_nothing() { return std::make_unique<Nothing>(); }
std::unique_ptr<Display> show_table() { return std::make_unique<Table>(); }
std::unique_ptr<Display> show_lines() { return std::make_unique<Lines>(); }
std::unique_ptr<Display> show_jsonl() { return std::make_unique<JsonLines>(); }

std::string event_line(const bj::object& event, std::string_view name) {
  std::string line = clock_words(event);
  line += name;
  if (name.size() < 17) line.append(17 - name.size(), ' ');
  const auto append = [&](std::string_view prefix, const std::string& text) {
    if (!text.empty()) line += "  " + std::string(prefix) + text;
  };
  append("", member(event, "handler"));
  append("", member(event, "step"));
  append("breaker ", member(event, "breaker"));
  if (name == "step.start") append("attempt ", member(event, "attempt"));
  if (name == "step.skip") append("", member(event, "kind"));
  if (name == "workflow.stop" || name == "end") append("", member(event, "state"));
  if (name == "step.exception") append("then ", member(event, "then"));
  if (name == "step.await") append("", await_words(event));
  if (name == "workflow.resume") append("by ", member(event, "by"));
  if (const bj::value* duration = event.if_contains("duration"); duration != nullptr && duration->is_int64())
    append("", duration_words(static_cast<double>(duration->as_int64()) / 1e6));
  append("", error_words(event));
  append("", member(event, "reason"));
  if (name == "gap") append("events lost: ", member(event, "lost"));
  append("", member(event, "message"));
  append("", share_words(event));
  append("", member(event, "note"));
  append("", member(event, "chunk"));
  line.erase(line.find_last_not_of(' ') + 1);
  return printable(line);
}

std::string tenant_event_line(const bj::object& event) {
  std::string line = day_words(event.at("at").to_number<int64_t>()) + "  " + member(event, "type");
  line.resize(std::max<size_t>(line.size(), 42), ' ');
  const auto append = [&](std::string_view prefix, const std::string& text) {
    if (!text.empty()) line += "  " + std::string(prefix) + text;
  };
  if (event.contains("workflow")) append("", member(event, "package") + "::" + member(event, "workflow"));
  append("", member(event, "event"));
  append("id ", member(event, "id"));
  append("", member(event, "breaker"));
  append("", member(event, "firing"));
  append("for ", instant_words(event, "instant"));
  append("from ", event.contains("to") ? member(event, "from") : instant_words(event, "from"));
  append("to ", member(event, "to"));
  append("until ", instant_words(event, "until"));
  append("", member(event, "reason"));
  append("failures ", member(event, "failures"));
  append("successes ", member(event, "successes"));
  append("run ", member(event, "execution"));
  append("step ", member(event, "step"));
  append("", member(event, "code"));
  append("started ", member(event, "started"));
  if (const bj::value* runs = event.if_contains("executions"); runs != nullptr && runs->is_array())
    append("runs ", runs->as_array().empty() ? "none" : names_in(runs->as_array()));
  append("by ", member(event, "by"));
  append("next ", instant_words(event, "next"));
  line.erase(line.find_last_not_of(' ') + 1);
  return printable(line);
}

std::string log_line(const bj::object& line) {
  std::string level = member(line, "level");
  level.resize(std::max<size_t>(level.size(), 5), ' ');
  const std::string step = member(line, "step");
  return printable(clock_words(line) + level + "  " +
                   (step.empty() ? "(workflow)" : step + "  attempt " + member(line, "attempt")) + "  " +
                   member(line, "message"));
}

Result<bj::value> follow(Client& client, const std::string& id, int64_t deadline, Display& display) {
  catch_interrupts();
  PIRN_TRY(bj::value execution, show(client, id));
  display.begin(execution.as_object());
  std::string last_id;
  bool ended = false;
  int64_t lost_since = 0;
  while (!ended) {
    const auto end =
        client.stream(path({"executions", id, "stream"}), last_id, deadline, [&](const ServerEvent& event) {
          lost_since = 0;
          if (!event.id.empty()) last_id = event.id;
          ended = event.name == "end";
          // What was dropped is in the journal: reading on from the last event known brings it.
          if (event.name == "gap") return false;
          display.event(event);
          return !ended;
        });
    if (ended) break;
    if (end && *end == Client::StreamEnd::done) continue;
    if (end && *end == Client::StreamEnd::interrupted) {
      display.end();
      note("detached; the run continues. Watch it again with: pirn run watch " +
           printable(id + client.context_options()));
      return execution;
    }
    if (end && *end == Client::StreamEnd::timed_out) {
      display.end();
      return Error{Code::wait_timed_out, "the run " + id + " did not end in time; it continues",
                   "Watch it again with: pirn run watch " + id + client.context_options()};
    }
    const bool away = end || end.error().code == Code::unreachable || end.error().code == Code::shutting_down;
    if (!away) return end.error();
    if (lost_since == 0) {
      lost_since = steady_ms();
      note("the connection was lost; reconnecting");
    }
    if (steady_ms() - lost_since > kReconnectFor_ms || interrupted())
      return Error{Code::unreachable, "the host no longer answers",
                   "The run continues with the host. Watch it again with: pirn run watch " + id +
                       client.context_options(),
                   Blame::world};
    if (deadline != 0 && steady_ms() >= deadline)
      return Error{Code::wait_timed_out, "the run " + id + " did not end in time",
                   "Watch it again with: pirn run watch " + id + client.context_options()};
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  display.end();
  return show(client, id);
}

namespace {

constexpr size_t kShownKeys = 20;

// What the steps have left, one line a key.
void print_context(const bj::object& context) {
  std::vector<std::vector<Cell>> rows;
  for (const auto& member : context) {
    if (rows.size() == kShownKeys) break;
    rows.push_back({std::string(member.key()), cut(json_text(member.value()))});
  }
  std::cout << '\n';
  print_table({"CONTEXT", ""}, rows);
  if (context.size() > kShownKeys)
    std::cout << "and " << std::to_string(context.size() - kShownKeys) << " more: -o json\n";
}

}  // namespace

void print_execution(const bj::object& execution, Format format) {
  using Kind = Column::Kind;
  static const std::vector<Column> kHead = {{"id", "id"},
                                            {"workflow", "workflow"},
                                            {"package", "package"},
                                            {"version", "version"},
                                            {"release", "release", Kind::digest},
                                            {"state", "state", Kind::state},
                                            {"started", "started_at", Kind::time},
                                            {"ended", "ended_at", Kind::time},
                                            {"took", "duration_ms", Kind::duration},
                                            {"key", "key"},
                                            {"max parallel", "max_concurrency"}};
  print_object(execution, kHead, format, "id");
  if (format != Format::table) return;
  const bj::object& progress = execution.at("progress").as_object();
  size_t widest = 0;  // the columns of print_object()
  for (const Column& column : kHead) widest = std::max(widest, column.title.size());
  const auto also = [&](std::string_view title, const std::string& text) {
    if (text.empty()) return;
    std::string line(title);
    line.resize(widest + 2, ' ');
    std::cout << printable(line + text) << '\n';
  };
  also("progress", member(progress, "done") + " of " + member(progress, "total") + " steps");
  if (const std::string attempt = member(execution, "attempt"); attempt != "1") also("attempt", attempt);
  also("reason", member(execution, "reason"));
  if (execution.at("paused_by_hand").as_bool()) also("held", "until it is resumed");
  if (member(execution, "state") == "pending" && !member(execution, "wake_at").empty())
    also("starts", time_words(execution.at("wake_at")));
  also("part of", member(execution, "parent"));
  also("retry of", member(execution, "retry_of"));
  std::vector<std::vector<Cell>> rows;
  for (const bj::value& value : execution.at("steps").as_array()) {
    const bj::object& step = value.as_object();
    std::string remark = cut(error_words(step), 200);  // below the table it is whole
    if (!remark.empty() && member(step, "state") == "completed") remark = "by its fallback, after " + remark;
    if (remark.empty()) remark = member(step, "reason");
    if (const bj::value& await = step.at("await"); await.is_object()) {
      const std::string words = await_words(await.as_object());
      const bool went_wrong = member(await.as_object(), "kind") == "intervention" && !remark.empty();
      remark = went_wrong ? words + ": " + remark : words;
    }
    if (const std::string undone = undone_words(member(step, "compensation")); !undone.empty())
      remark += (remark.empty() ? "" : "; ") + undone;
    if (remark.empty() && member(step, "state") == "snoozed")
      remark = "until " + time_words(step.at("wake_at"));
    if (const bj::value& claim = step.at("resources"); remark.empty() && claim.is_object())
      remark = claim_words(claim.as_object());
    if (const bj::value* slot = step.if_contains("slot"); remark.empty() && slot && slot->is_object())
      remark = slot_words(slot->as_object());
    Cell state = state_word(member(step, "state"));
    if (const std::string kind = member(step, "skip_kind"); !kind.empty())
      state.text += " (" + printable(kind) + ")";
    const bj::value& took = step.at("duration_ms");
    rows.push_back({member(step, "name"), state,
                    took.is_null() ? "-" : duration_words(took.to_number<double>()),
                    member(step, "invocations"), remark});
  }
  std::cout << '\n';
  print_table({"STEP", "STATE", "TOOK", "CALLS", ""}, rows);
  const bj::object& context = execution.at("context").as_object();
  if (!context.empty()) print_context(context);
  if (const std::string error = error_words(execution); !error.empty()) {
    std::cout << "\nerror  " << printable(error);
    if (const std::string step = member(execution, "error_step"); !step.empty())
      std::cout << "  (step " << printable(step) << ")";
    std::cout << '\n';
  }
}

int exit_code_of(const bj::object& execution) {
  const std::string state = member(execution, "state");
  if (state == "completed") return 0;
  return state == "failed" || state == "cancelled" ? catalogue_entry(Code::run_failed).exit_code : 130;
}

}  // namespace pirn::cli
