// Random values, deltas, errors and results, for the properties of this folder. To be called inside of a
// rapidcheck property.
#pragma once

#include <rapidcheck.h>

#include <string>

#include "host/journal/record.h"

namespace pirn::journal {

bool coin();
// UTF-8 with everything that JSON must escape, and what it must not.
std::string any_text();
std::string any_bytes();
// A JSON text; `depth`: how deep it may nest.
std::string any_json(int depth = 3);
Value any_value();
// Distinct keys; deletions behind the rest, as the codec reads them.
Delta any_delta(bool deletions);
ErrorPtr any_error();    // may be null
ResultPtr any_result();  // may be null; an empty map is null
Digest any_digest();
// An instant or a duration.
int64_t any_ns();

bool same(const Delta& a, const Delta& b);
bool same(const ErrorPtr& a, const ErrorPtr& b);
bool same(const ResultPtr& a, const ResultPtr& b);

}  // namespace pirn::journal
