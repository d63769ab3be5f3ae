// Who else can read, change or replace what the host keeps. The host trusts the files of its data directory
// as it trusts its own memory: the pepper decides which API keys are right, the registry which code is
// loaded. So a path that another user could have planted, or can still change, stops the start.
//
// Every entry is opened without following links and judged by its descriptor, never by its path. The answer
// stays true, because a directory that passed is one in which only the host's user (and root) can create
// names.
//
// Refused:
//   an owner other than the host's user; a mode that lets others write, and, of what is secret, read;
//   a symbolic link; a file with a second name (a hard link); a FIFO or a device;
//   a parent directory in which every user may rename what others own (mode 0002 without the sticky bit).
// Only reported, since distributions and containers are set up so: a parent directory that its group can
// change, or that belongs to a third user.
//
// Thread: any. Every refusal is data_directory_unsafe and names each path that was found, what was found, and
// the command that repairs it.
#pragma once

#include <string>
#include <vector>

#include "packager/error/error.h"

namespace pirn::store {

// The directory itself, the entries in it, and the blobs. `path` is absolute and names a directory; io_failed
// when it cannot be read. `lost+found` is skipped: a file system makes it.
Status check_private_directory(const std::string& path);

// The directories above `path` (absolute), as it is written and with its links resolved. What is only to be
// reported is appended to `warnings`, one sentence each.
Status check_parents(const std::string& path, std::vector<std::string>& warnings);

// A database outside the data directory, with its -wal, -shm and -journal. Files that are not there pass.
Status check_private_database(const std::string& path);

}  // namespace pirn::store
