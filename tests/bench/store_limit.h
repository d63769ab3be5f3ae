// The raw limit of the embedded store on this machine: the rows of the 3-step workflow, written by plain
// SQLite calls. Nobody can be faster with the same rows, the same indices and the same fsync.
#pragma once

#include <string>

namespace pirn::bench {

struct RawLimit {
  double workflows_per_s = 0;
  double commits_per_s = 0;  // journal rows: 4 for each workflow
};

// Creates `directory`/store_limit.db, writes for `seconds` with `workflows_per_commit` whole workflows in
// each transaction, and removes the file. A failing call ends the process with a message: there is no figure
// then.
RawLimit raw_sqlite_limit(const std::string& directory, double seconds, int workflows_per_commit);

}  // namespace pirn::bench
