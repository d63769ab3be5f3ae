#include "host/logbook/logbook.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <set>

#include "packager/file/descriptor.h"
#include "packager/mutex/mutex.h"

namespace pirn::logbook {

namespace {

using store::Connection;
using store::ResetAtEnd;
using store::Statement;

constexpr int64_t kSchemaVersion = 1;
constexpr int64_t kApplicationId = 0x5069726c;  // "Pirl"
// Numbers are taken in such blocks, so that those of a life that was cut off are never given again.
constexpr uint64_t kBlock = 60'000'000;  // a minute of the clock's
// What is cut back is cut to so much of its limit, so that not every line cuts.
constexpr uint64_t kKeptPercent = 90;

constexpr const char* kSchema = R"sql(
CREATE TABLE meta(id INTEGER PRIMARY KEY CHECK (id = 1), reserved INTEGER NOT NULL);
INSERT INTO meta VALUES(1, 0);
CREATE TABLE lines(
  n INTEGER PRIMARY KEY,
  execution INTEGER NOT NULL,
  at INTEGER NOT NULL,
  step TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  level INTEGER NOT NULL,
  text TEXT NOT NULL
);
CREATE INDEX lines_by_execution ON lines(execution, n);
CREATE TABLE totals(
  execution INTEGER PRIMARY KEY,
  lines INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  lost INTEGER NOT NULL
);
CREATE TABLE costs(
  execution INTEGER NOT NULL,
  step TEXT NOT NULL,
  calls INTEGER NOT NULL,
  cpu_ns INTEGER NOT NULL,
  wall_ns INTEGER NOT NULL,
  PRIMARY KEY (execution, step)
) WITHOUT ROWID;
)sql";

int64_t number(ExecutionId id) { return static_cast<int64_t>(id.value); }
uint64_t size_of(const LogLine& line) { return line.text.size() + line.step.size(); }

// A statement of this connection, reset at the end of the scope.
class Query {
 public:
  static Result<Query> make(Connection& connection, const std::string& sql) {
    PIRN_TRY(Statement * statement, connection.cached(sql));
    return Query(connection, *statement);
  }
  template <class Value>
  Query& bind(Value value) {
    statement_->bind(++at_, value);
    return *this;
  }
  // Calls `row` for each row.
  template <class Row>
  Status each(Row row) {
    const ResetAtEnd reset(*statement_);
    int code = SQLITE_ROW;
    while ((code = statement_->step()) == SQLITE_ROW) row(*statement_);
    return code == SQLITE_DONE ? Status() : Status(connection_->error(code, "reading"));
  }
  Status run() {
    const int code = statement_->run();
    return code == SQLITE_OK ? Status() : Status(connection_->error(code, "writing to"));
  }

 private:
  Query(Connection& connection, Statement& statement) : connection_(&connection), statement_(&statement) {}
  Connection* connection_;
  Statement* statement_;
  int at_ = 0;
};

}  // namespace

// A file that is damaged goes out of the way, with what belongs to it; one that went there before makes room.
bool Logbook::move_away(const std::string& path) {
  const std::string away = path + ".damaged";
  bool moved = false;
  for (const char* of : {"", "-wal", "-shm"}) {
    ::unlink((away + of).c_str());
    const bool renamed = ::rename((path + of).c_str(), (away + of).c_str()) == 0;
    if (*of == '\0') moved = renamed;
  }
  return moved;
}

Result<std::unique_ptr<Logbook>> Logbook::open(const std::string& path, Options options,
                                               std::string* moved_to) {
  const auto opened = [&]() -> Result<std::unique_ptr<Logbook>> {
    if (path != ":memory:") {
      // Its owner's alone, as the other files of the data directory are.
      const file::FileDescriptor made(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    }
    PIRN_TRY(Connection connection, Connection::open(path, Connection::Mode::read_write_create, nullptr));
    std::unique_ptr<Logbook> book(new Logbook(std::move(connection), options));
    {
      const MutexLock lock(book->database_mutex_);
      PIRN_DO(book->prepare());
    }
    book->writer_ = std::thread([raw = book.get()] { raw->work(); });
    return book;
  };
  auto book = opened();
  if (!book && book.error().code == Code::store_corrupt && moved_to && move_away(path)) {
    *moved_to = path + ".damaged";
    book = opened();
  }
  if (book) return book;
  Error error = std::move(book).error();
  error.code = Code::store_unopenable;
  error.hint = "The file holds what functions logged and nothing else: move it away, and a new one is begun.";
  return error;
}

Logbook::Logbook(Connection connection, Options options)
    : options_(options), connection_(std::move(connection)) {}

Logbook::~Logbook() {
  if (!writer_.joinable()) return;
  {
    const MutexLock lock(waiting_mutex_);
    stopping_ = true;
  }
  arrived_.notify_one();
  writer_.join();
}

Status Logbook::prepare() {
  PIRN_TRY(const int64_t application, connection_.integer("PRAGMA application_id"));
  PIRN_TRY(const int64_t version, connection_.integer("PRAGMA user_version"));
  PIRN_TRY(const int64_t tables, connection_.integer("SELECT count(*) FROM sqlite_schema"));
  if (application != kApplicationId && (application != 0 || version != 0 || tables != 0))
    return Error{Code::store_corrupt, "'" + connection_.path() + "' is the database of another program"};
  if (version > kSchemaVersion)
    return Error{Code::store_schema_too_new, "'" + connection_.path() + "' has schema " +
                                                 std::to_string(version) + "; this version of Pirn knows " +
                                                 std::to_string(kSchemaVersion)};
  PIRN_TRY(const std::string mode, connection_.text("PRAGMA journal_mode = WAL"));
  // A loss of power may lose the last lines; a crash of the host loses what waits.
  PIRN_DO(connection_.execute("PRAGMA synchronous = NORMAL"));
  // A WAL that grew beyond this is cut back when it starts again.
  PIRN_DO(connection_.execute("PRAGMA journal_size_limit = 67108864"));
  if (version == 0)
    PIRN_DO(in_transaction([&]() PIRN_REQUIRES(database_mutex_) -> Status {
      PIRN_DO(connection_.execute(kSchema));
      PIRN_DO(connection_.execute("PRAGMA application_id = " + std::to_string(kApplicationId)));
      return connection_.execute("PRAGMA user_version = " + std::to_string(kSchemaVersion));
    }));
  PIRN_TRY(const int64_t reserved, connection_.integer("SELECT reserved FROM meta"));
  {
    const MutexLock lock(waiting_mutex_);
    reserved_ = static_cast<uint64_t>(reserved);
    next_ = reserved_ + 1;
  }
  PIRN_DO(reserve());
  PIRN_TRY(const int64_t lines, connection_.integer("SELECT sum(lines) FROM totals"));
  PIRN_TRY(const int64_t bytes, connection_.integer("SELECT sum(bytes) FROM totals"));
  kept_ = {static_cast<uint64_t>(lines), static_cast<uint64_t>(bytes), 0};
  return {};
}

// The caller holds what guards the connection; reserved_ is the writer's to change.
Status Logbook::reserve() {
  uint64_t reserved = 0;
  {
    const MutexLock lock(waiting_mutex_);
    reserved = std::max(reserved_, next_) + kBlock;
  }
  PIRN_DO(connection_.execute("UPDATE meta SET reserved = " + std::to_string(reserved)));
  const MutexLock lock(waiting_mutex_);
  reserved_ = reserved;
  return {};
}

Status Logbook::in_transaction(const std::function<Status()>& work) {
  PIRN_DO(connection_.execute("BEGIN IMMEDIATE"));
  Status status = work();
  if (status) status = connection_.execute("COMMIT");
  if (!status && sqlite3_get_autocommit(connection_.handle()) == 0) (void)connection_.execute("ROLLBACK");
  return status;
}

// ---- speaking ----

uint64_t Logbook::write(LogLine line) {
  uint64_t n = 0;
  {
    const MutexLock lock(waiting_mutex_);
    // From the clock, in microseconds, and not one after the other over the whole host: a tenant that
    // compared two of its numbers would see how much the others logged in between.
    next_ = std::max(next_, static_cast<uint64_t>(std::max<int64_t>(line.at, 0)) / 1'000);
    line.n = n = next_++;
    waiting_bytes_ += size_of(line);
    waiting_.lines.push_back(std::move(line));
    while (waiting_bytes_ > options_.waiting_bytes && !waiting_.lines.empty()) {
      const LogLine& oldest = waiting_.lines.front();
      waiting_bytes_ -= size_of(oldest);
      ++waiting_.lost[oldest.execution];
      ++lost_;
      waiting_.lines.pop_front();
    }
  }
  arrived_.notify_one();
  return n;
}

void Logbook::spend(ExecutionId execution, std::string_view step, int64_t cpu_ns, int64_t wall_ns) {
  {
    const MutexLock lock(waiting_mutex_);
    Spent& spent = waiting_.costs[{execution, std::string(step)}];
    ++spent.calls;
    spent.cpu_ns += cpu_ns;
    spent.wall_ns += wall_ns;
  }
  arrived_.notify_one();
}

// ---- writing ----

void Logbook::work() {
  MutexLock lock(waiting_mutex_);
  for (;;) {
    while (!stopping_ && waiting_.lines.empty() && waiting_.costs.empty() && waiting_.lost.empty())
      arrived_.wait(waiting_mutex_);
    if (waiting_.lines.empty() && waiting_.costs.empty() && waiting_.lost.empty()) return;
    const Batch batch = std::exchange(waiting_, Batch());
    waiting_bytes_ = 0;
    ++batches_given_;
    const bool numbers_run_out = next_ + kBlock / 2 > reserved_;
    lock.unlock();
    Status status;
    {
      const MutexLock database(database_mutex_);
      status = write_down(batch);
      if (numbers_run_out) (void)reserve();  // tried again with the next batch; half a block is left
    }
    lock.lock();
    if (!status) {
      lost_ += batch.lines.size();
      ++failures_;
      last_error_ = status.error().message;
    }
    ++batches_written_;
    written_.notify_all();
  }
}

// What was given before is written when the batch that now gathers, if there is one, and all before it are.
void Logbook::wait_until_written() const {
  MutexLock lock(waiting_mutex_);
  const bool gathers = !waiting_.lines.empty() || !waiting_.costs.empty() || !waiting_.lost.empty();
  const uint64_t wanted = batches_given_ + (gathers ? 1 : 0);
  while (batches_written_ < wanted) written_.wait(waiting_mutex_);
}

Status Logbook::write_down(const Batch& batch) {
  const Kept kept = kept_;
  Status status = in_transaction([&]() PIRN_REQUIRES(database_mutex_) -> Status {
    PIRN_DO(insert(batch));
    std::set<ExecutionId> touched;
    for (const LogLine& line : batch.lines) touched.insert(line.execution);
    for (const ExecutionId execution : touched) PIRN_DO(keep_within(execution));
    return keep_within_all();
  });
  if (!status) kept_ = kept;
  return status;
}

Status Logbook::insert(const Batch& batch) {
  static const std::string kTotal =
      "INSERT INTO totals(execution, lines, bytes, lost) VALUES(?, ?, ?, ?) ON CONFLICT(execution) DO UPDATE"
      " SET lines = lines + excluded.lines, bytes = bytes + excluded.bytes, lost = lost + excluded.lost";
  for (const LogLine& line : batch.lines) {
    PIRN_TRY(Query row, Query::make(connection_,
                                    "INSERT INTO lines(n, execution, at, step, attempt, level, text)"
                                    " VALUES(?, ?, ?, ?, ?, ?, ?)"));
    row.bind(static_cast<int64_t>(line.n)).bind(number(line.execution)).bind(line.at);
    row.bind(std::string_view(line.step)).bind(int64_t{line.attempt}).bind(int64_t{line.level});
    PIRN_DO(row.bind(std::string_view(line.text)).run());
    PIRN_TRY(Query total, Query::make(connection_, kTotal));
    total.bind(number(line.execution)).bind(int64_t{1}).bind(static_cast<int64_t>(size_of(line)));
    PIRN_DO(total.bind(int64_t{0}).run());
    ++kept_.lines;
    kept_.bytes += size_of(line);
  }
  for (const auto& [execution, lost] : batch.lost) {
    PIRN_TRY(Query total, Query::make(connection_, kTotal));
    total.bind(number(execution)).bind(int64_t{0}).bind(int64_t{0});
    PIRN_DO(total.bind(static_cast<int64_t>(lost)).run());
  }
  for (const auto& [key, spent] : batch.costs) {
    PIRN_TRY(Query row,
             Query::make(connection_,
                         "INSERT INTO costs(execution, step, calls, cpu_ns, wall_ns) VALUES(?, ?, ?, ?, ?)"
                         " ON CONFLICT(execution, step) DO UPDATE SET calls = calls + excluded.calls,"
                         " cpu_ns = cpu_ns + excluded.cpu_ns, wall_ns = wall_ns + excluded.wall_ns"));
    row.bind(number(key.first)).bind(std::string_view(key.second)).bind(static_cast<int64_t>(spent.calls));
    PIRN_DO(row.bind(spent.cpu_ns).bind(spent.wall_ns).run());
  }
  return {};
}

Status Logbook::drop_lines(ExecutionId execution, uint64_t up_to, uint64_t lines, uint64_t bytes) {
  PIRN_TRY(Query old, Query::make(connection_, "DELETE FROM lines WHERE execution = ? AND n <= ?"));
  PIRN_DO(old.bind(number(execution)).bind(static_cast<int64_t>(up_to)).run());
  PIRN_TRY(Query total, Query::make(connection_,
                                    "UPDATE totals SET lines = lines - ?, bytes = bytes - ?, lost = lost + ?"
                                    " WHERE execution = ?"));
  total.bind(static_cast<int64_t>(lines)).bind(static_cast<int64_t>(bytes)).bind(static_cast<int64_t>(lines));
  PIRN_DO(total.bind(number(execution)).run());
  kept_.lines -= lines;
  kept_.bytes -= bytes;
  kept_.cut += lines;
  return {};
}

Status Logbook::keep_within(ExecutionId execution) {
  uint64_t lines = 0, bytes = 0;
  PIRN_TRY(Query total, Query::make(connection_, "SELECT lines, bytes FROM totals WHERE execution = ?"));
  PIRN_DO(total.bind(number(execution)).each([&](const Statement& row) {
    lines = static_cast<uint64_t>(row.integer(0));
    bytes = static_cast<uint64_t>(row.integer(1));
  }));
  if (lines <= options_.lines_of_execution && bytes <= options_.bytes_of_execution) return {};
  const uint64_t keep_lines = options_.lines_of_execution * kKeptPercent / 100;
  const uint64_t keep_bytes = options_.bytes_of_execution * kKeptPercent / 100;
  uint64_t up_to = 0, gone = 0, gone_bytes = 0;
  PIRN_TRY(Query oldest,
           Query::make(connection_,
                       "SELECT n, length(CAST(text AS BLOB)) + length(CAST(step AS BLOB)) FROM lines"
                       " WHERE execution = ? ORDER BY n"));
  PIRN_DO(oldest.bind(number(execution)).each([&](const Statement& row) {
    if (lines - gone <= keep_lines && bytes - gone_bytes <= keep_bytes) return;
    up_to = static_cast<uint64_t>(row.integer(0));
    ++gone;
    gone_bytes += static_cast<uint64_t>(row.integer(1));
  }));
  return drop_lines(execution, up_to, gone, gone_bytes);
}

// The lines of the oldest executions go first, whole executions at a time.
Status Logbook::keep_within_all() {
  if (kept_.bytes <= options_.bytes) return {};
  struct Total {
    ExecutionId execution;
    uint64_t lines, bytes;
  };
  std::vector<Total> oldest;
  uint64_t left = kept_.bytes;
  PIRN_TRY(Query totals,
           Query::make(connection_,
                       "SELECT execution, lines, bytes FROM totals WHERE lines > 0 ORDER BY execution"));
  PIRN_DO(totals.each([&](const Statement& row) {
    if (left <= options_.bytes * kKeptPercent / 100) return;
    oldest.push_back({{static_cast<uint64_t>(row.integer(0))},
                      static_cast<uint64_t>(row.integer(1)),
                      static_cast<uint64_t>(row.integer(2))});
    left -= oldest.back().bytes;
  }));
  for (const Total& total : oldest) PIRN_DO(drop_lines(total.execution, INT64_MAX, total.lines, total.bytes));
  return {};
}

// ---- reading ----

Result<Page> Logbook::read(const Filter& filter) const {
  wait_until_written();
  const MutexLock lock(database_mutex_);
  Page page;
  PIRN_TRY(Query lines,
           Query::make(connection_,
                       "SELECT n, at, step, attempt, level, text FROM lines WHERE execution = ?1 AND n > ?2"
                       " AND (?3 = '' OR step = ?3) AND (?4 < 0 OR attempt = ?4) AND level >= ?5"
                       " ORDER BY n LIMIT ?6"));
  lines.bind(number(filter.execution)).bind(static_cast<int64_t>(filter.after));
  lines.bind(std::string_view(filter.step)).bind(filter.attempt ? int64_t{*filter.attempt} : int64_t{-1});
  lines.bind(int64_t{filter.level}).bind(int64_t{filter.limit} + 1);
  PIRN_DO(lines.each([&](const Statement& row) {
    if (page.lines.size() == filter.limit) {
      page.more = true;
      return;
    }
    page.lines.push_back({static_cast<uint64_t>(row.integer(0)), filter.execution, row.integer(1),
                          std::string(row.bytes(2)), static_cast<uint32_t>(row.integer(3)),
                          static_cast<int32_t>(row.integer(4)), std::string(row.bytes(5))});
  }));
  PIRN_TRY(Query lost, Query::make(connection_, "SELECT lost FROM totals WHERE execution = ?"));
  PIRN_DO(lost.bind(number(filter.execution)).each([&](const Statement& row) {
    page.lost = static_cast<uint64_t>(row.integer(0));
  }));
  return page;
}

Result<std::vector<Cost>> Logbook::costs(ExecutionId execution) const {
  wait_until_written();
  const MutexLock lock(database_mutex_);
  std::vector<Cost> costs;
  PIRN_TRY(Query rows,
           Query::make(connection_,
                       "SELECT step, calls, cpu_ns, wall_ns FROM costs WHERE execution = ? ORDER BY step"));
  PIRN_DO(rows.bind(number(execution)).each([&](const Statement& row) {
    costs.push_back(
        {std::string(row.bytes(0)), static_cast<uint64_t>(row.integer(1)), row.integer(2), row.integer(3)});
  }));
  return costs;
}

Status Logbook::forget(std::span<const ExecutionId> executions) {
  wait_until_written();
  const MutexLock lock(database_mutex_);
  const Kept kept = kept_;
  const Status status = in_transaction([&]() PIRN_REQUIRES(database_mutex_) -> Status {
    for (const ExecutionId execution : executions) {
      PIRN_TRY(Query total, Query::make(connection_, "SELECT lines, bytes FROM totals WHERE execution = ?"));
      PIRN_DO(total.bind(number(execution)).each([&](const Statement& row) {
        database_mutex_.is_held();
        kept_.lines -= static_cast<uint64_t>(row.integer(0));
        kept_.bytes -= static_cast<uint64_t>(row.integer(1));
      }));
      for (const char* table : {"lines", "totals", "costs"}) {
        PIRN_TRY(Query rows,
                 Query::make(connection_, "DELETE FROM " + std::string(table) + " WHERE execution = ?"));
        PIRN_DO(rows.bind(number(execution)).run());
      }
    }
    return {};
  });
  if (!status) kept_ = kept;
  return status;
}

Result<std::vector<ExecutionId>> Logbook::executions(ExecutionId after, uint32_t limit) const {
  wait_until_written();
  const MutexLock lock(database_mutex_);
  std::vector<ExecutionId> ids;
  PIRN_TRY(Query rows, Query::make(connection_,
                                   "SELECT execution FROM totals WHERE execution > ?1 UNION"
                                   " SELECT execution FROM costs WHERE execution > ?1 ORDER BY 1 LIMIT ?2"));
  PIRN_DO(rows.bind(number(after)).bind(int64_t{limit}).each([&](const Statement& row) {
    ids.push_back({static_cast<uint64_t>(row.integer(0))});
  }));
  return ids;
}

Health Logbook::health() const {
  Health health;
  {
    const MutexLock lock(database_mutex_);
    health.lines = kept_.lines;
    health.bytes = kept_.bytes;
    health.lost = kept_.cut;
  }
  const MutexLock lock(waiting_mutex_);
  health.lost += lost_;
  health.failures = failures_;
  health.last_error = last_error_;
  return health;
}

}  // namespace pirn::logbook
