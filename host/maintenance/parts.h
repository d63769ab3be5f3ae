// What was kept together is served together: the files of a data directory, before any of them is opened.
// Thread: any.
#pragma once

#include <string>

#include "packager/error/error.h"

namespace pirn::maintenance {

// store_missing: registry.db or the store is missing or empty beside files that are made after it, so it was
// lost. Whoever began a new one would serve nothing, accept everything and bury what happened.
// `store`: the file of the executions; empty: they are in memory.
Status check_parts(const std::string& data_directory, const std::string& store);

// The operator wants what is missing to be begun anew: removes what would contradict it.
void begin_anew(const std::string& data_directory);

}  // namespace pirn::maintenance
