// Decompression in a process of its own. libzstd is the only code of Pirn that interprets bytes of a package,
// so a host lets it do that in `pirn-unpack`, which can read its input, write its output, and nothing else:
// after it has mapped both it gives up every system call but read, write and exit (seccomp's strict mode).
// What comes back is compared with the signed manifest as any payload is; a takeover of the process gains
// nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "packager/error/error.h"

namespace pirn::archive {

// Gives exactly `unpacked` bytes, or payload_corrupt. The input is one frame that says this size.
using Decompress = std::function<Result<std::string>(std::string_view compressed, uint64_t unpacked)>;

// In this process: for an author's own packages, and for tests. Pure, any thread.
Result<std::string> decompress_here(std::string_view compressed, uint64_t unpacked);

// Starts `program` (pirn-unpack; empty: $PIRN_UNPACK, or where it is installed) for each payload and waits
// for it. Any thread. Errors: payload_corrupt; unpacker_failed when the process cannot be started or was
// killed.
Decompress decompress_apart(std::string program = "");

}  // namespace pirn::archive
