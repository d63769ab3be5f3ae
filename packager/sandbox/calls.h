// Which system calls the code of a stranger may make, argument by argument. The lists say what is allowed: a
// call that a future kernel adds stays out. docs/abi.md, "The probe", has the reasons;
// tests/packager/sandbox/calls_test.cc has call, argument and answer as a table.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "packager/sandbox/filter.h"

namespace pirn::sandbox {

// The process and the descriptors that the rules speak of.
struct Premises {
  pid_t process = 0;  // this one
  pid_t thread = 0;   // the one that the rules are for
  pid_t parent = 0;
  int answer = -1;      // written by trusted code alone
  bool guarded = true;  // guard.h decides; false: nobody does, so no threads are made, and offences kill
};

// For threads that run package code. Calls that aim at other processes are offences: the guard ends the probe
// and says which call it was. What is merely not needed is refused with EPERM.
std::vector<Rule> rules_for_package_code(const Premises& premises);

// For threads of this process that never run package code, and share their memory with it: they write the
// answer, sleep, end the process, and do nothing else.
std::vector<Rule> rules_for_trusted_code(const Premises& premises);

// "fcntl(F_SETOWN)", for messages, of a call that the rules make an offence; "system call 300" of others.
std::string name_of_offence(uint32_t call, uint32_t second_argument);

}  // namespace pirn::sandbox
