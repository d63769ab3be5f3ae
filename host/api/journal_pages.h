// Reading a journal from the store in pages of bounded size. Private to host/api; blocks.
#pragma once

#include <cstdint>
#include <functional>

#include "host/events/event_text.h"
#include "host/store/store.h"

namespace pirn::api {

// Visits the commits behind number `after`, in order, until there are no more or `visit` answers false.
Status for_each_commit(const store::Store& store, ExecutionId id, uint32_t after,
                       const std::function<Result<bool>(const store::StoredCommit&)>& visit);

// Visits every event of the journal.
Status for_each_event(const store::Store& store, ExecutionId id,
                      const std::function<void(const events::EventView&, uint32_t commit_no)>& visit);

}  // namespace pirn::api
