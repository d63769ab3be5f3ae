// Starts programs. A child gets the descriptors and the environment that it is handed, and nothing else of
// this process: what is open here (sockets, databases, libraries, files that a library opened without
// close-on-exec) is closed in it, its signals are as at a login, and secrets stay here.
//
// Functions; any thread.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "packager/error/error.h"

namespace pirn::process {

// A descriptor of this process, and the number under which the child has it.
struct Handed {
  int from = kNothing;
  int to = 0;

  static constexpr int kNothing = -1;  // the child reads nothing from it, and what it writes is discarded
};

struct Program {
  std::vector<std::string> words;  // the program, looked for on PATH unless it has a slash, and its arguments
  std::vector<std::string> environment;  // NAME=VALUE; see environment()
  // Of 0 and 1 that are not handed on the child has nothing; it shares 2, the standard error, unless told
  // otherwise.
  std::vector<Handed> descriptors;
  bool own_group = false;  // a process group of its own, to be killed as a whole
};

// The id of the child, which the caller has to wait for. io_failed.
Result<pid_t> start(const Program& program);

// The environment of this process without its secrets: API keys, passphrases, and the names of the files that
// hold them (PIRN_KEY…, and PIRN_… with PASSPHRASE, TOKEN or SECRET in the name).
std::vector<std::string> environment();

}  // namespace pirn::process
