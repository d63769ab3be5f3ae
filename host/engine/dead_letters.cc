#include "host/engine/dead_letters.h"

#include <cassert>

#include "host/engine/change.h"

namespace pirn::engine {

using journal::DeadLetter;
using journal::DeadLetterPrune;
using journal::kNever;

// ---- what there is ----

void DeadLetters::restore() {
  for (const journal::TenantState* tenant : streams_.all())
    for (const auto& [id, letter] : tenant->letters) index(tenant->tenant, id, letter);
}

void DeadLetters::index(const std::string& tenant, ExecutionId id, const DeadLetter& letter) {
  by_time_[tenant].emplace(letter.failed_at, id);
  if (letter.expires_at != kNever) expiry_.emplace(letter.expires_at, tenant, id);
}

void DeadLetters::unindex(const std::string& tenant, ExecutionId id) {
  const DeadLetter* letter = find(tenant, id);
  assert(letter);
  const auto of_tenant = by_time_.find(tenant);
  of_tenant->second.erase({letter->failed_at, id});
  if (of_tenant->second.empty()) by_time_.erase(of_tenant);
  if (letter->expires_at != kNever) expiry_.erase({letter->expires_at, tenant, id});
}

const DeadLetter* DeadLetters::find(std::string_view tenant, ExecutionId id) const {
  const journal::TenantState* state = streams_.find(tenant);
  if (!state) return nullptr;
  const auto found = state->letters.find(id);
  return found == state->letters.end() ? nullptr : &found->second;
}

Result<std::vector<DeadLetterEntry>> DeadLetters::select(const std::string& tenant,
                                                         std::optional<ExecutionId> id,
                                                         const DeadLetterFilter& filter,
                                                         uint32_t limit) const {
  std::vector<DeadLetterEntry> letters;
  if (id) {
    const DeadLetter* letter = find(tenant, *id);
    if (!letter)
      return Error{Code::not_found, "there is no dead letter '" + id->text() + "'", "See pirn dlq ls."};
    letters.push_back({*id, *letter});
    return letters;
  }
  const auto of_tenant = by_time_.find(tenant);
  if (of_tenant == by_time_.end()) return letters;
  for (const auto& [at, each] : of_tenant->second) {
    if (letters.size() == limit) break;
    const DeadLetter& letter = *find(tenant, each);
    if (filter.fits(letter)) letters.push_back({each, letter});
  }
  return letters;
}

// ---- what happens to them ----

void DeadLetters::insert(const std::string& tenant, ExecutionId id, DeadLetter letter, int64_t now) {
  if (const auto of_tenant = by_time_.find(tenant);
      of_tenant != by_time_.end() && of_tenant->second.size() >= kMost)
    prune(tenant, DeadLetterPrune::limit, {of_tenant->second.begin()->second}, now);
  index(tenant, id, letter);
  streams_.emit(tenant, journal::DeadLetterInserted{id, std::move(letter)}, now);
}

void DeadLetters::retried(const std::string& tenant, ExecutionId id, ExecutionId execution, int64_t now) {
  unindex(tenant, id);
  streams_.emit(tenant, journal::DeadLetterRetried{id, execution}, now);
}

void DeadLetters::prune(const std::string& tenant, DeadLetterPrune reason, std::vector<ExecutionId> ids,
                        int64_t now) {
  for (const ExecutionId id : ids) unindex(tenant, id);
  streams_.emit(tenant, journal::DeadLettersPruned{reason, std::move(ids)}, now);
}

size_t DeadLetters::expire(int64_t now, size_t limit) {
  std::map<std::string, std::vector<ExecutionId>> over;  // one record for each tenant
  size_t n = 0;
  for (auto at = expiry_.begin(); at != expiry_.end() && std::get<0>(*at) <= now && n < limit; ++at, ++n)
    over[std::get<1>(*at)].push_back(std::get<2>(*at));
  for (auto& [tenant, ids] : over) prune(tenant, DeadLetterPrune::expired, std::move(ids), now);
  return n;
}

std::optional<int64_t> DeadLetters::next_timer() const {
  return expiry_.empty() ? std::nullopt : std::optional(std::get<0>(*expiry_.begin()));
}

// ---- what people ask ----

void DeadLetters::handle(Decision& decision, ListDeadLetters& command) const {
  std::vector<DeadLetterEntry> letters;
  if (const auto of_tenant = by_time_.find(command.tenant); of_tenant != by_time_.end()) {
    const ByTime& all = of_tenant->second;
    for (auto at = all.lower_bound({command.after, command.after_id});
         at != all.begin() && letters.size() < command.limit;) {
      --at;
      const DeadLetter& letter = *find(command.tenant, at->second);
      if (letter.failed_at < command.filter.since) break;
      if (command.filter.fits(letter)) letters.push_back({at->second, letter});
    }
  }
  decision.change.reply_to(command, Result(std::move(letters)));
}

void DeadLetters::handle(Decision& decision, ShowDeadLetter& command) const {
  auto found = select(command.tenant, command.id, {}, 1);
  decision.change.reply_to(command, found ? Result<DeadLetterEntry>(std::move(found->front()))
                                          : Result<DeadLetterEntry>(std::move(found).error()));
}

void DeadLetters::handle(Decision& decision, DiscardDeadLetters& command) {
  auto letters = select(command.tenant, command.id, command.filter, kMost);
  if (letters && command.id) {
    unindex(command.tenant, *command.id);
    streams_.emit(command.tenant, journal::DeadLetterDeleted{*command.id}, decision.now);
  } else if (letters && !letters->empty()) {
    std::vector<ExecutionId> ids;
    for (const DeadLetterEntry& letter : *letters) ids.push_back(letter.id);
    prune(command.tenant, DeadLetterPrune::asked, std::move(ids), decision.now);
  }
  decision.change.reply_to(command, std::move(letters));
}

}  // namespace pirn::engine
