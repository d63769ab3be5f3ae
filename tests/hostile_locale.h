// A locale in which numbers have a decimal comma and grouped digits, for the whole process: what setlocale in
// a package would have done to the host.
#pragma once

#include <clocale>
#include <iostream>
#include <locale>
#include <string>

namespace pirn {

// Global for C++ always, and for C where the system has such a locale. Single-threaded tests, or hosts that
// the test started before.
class HostileLocale {
 public:
  HostileLocale() : before_(std::locale::global(std::locale(std::locale::classic(), new Numbers))) {
    for (const char* name : {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE"})
      if (std::setlocale(LC_ALL, name)) break;
    cout_ = std::cout.imbue(std::locale());
    cerr_ = std::cerr.imbue(std::locale());
  }
  ~HostileLocale() {
    std::cout.imbue(cout_);
    std::cerr.imbue(cerr_);
    std::setlocale(LC_ALL, "C");
    std::locale::global(before_);
  }
  HostileLocale(const HostileLocale&) = delete;

 private:
  struct Numbers : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\1"; }
  };
  std::locale before_, cout_, cerr_;
};

}  // namespace pirn
