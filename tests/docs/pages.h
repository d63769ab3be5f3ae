// What the pages say about the repository is true: links lead somewhere, paths in `quotes` exist, and a
// function that a line names beside a file stands in that file. Pure functions over a tree of texts.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

namespace pirn::docs {

// Path below the repository's root and content.
using Tree = std::map<std::string, std::string>;

// "page:line: what", one for each thing that is not so. `paths`: every file and folder of the repository.
std::vector<std::string> check_pages(const Tree& pages, const Tree& sources,
                                     const std::set<std::string>& paths);

// The numbers of rules and transitions (R8, E10, S7b, F2) that the sources refer to and docs/semantics.md
// does not have.
std::vector<std::string> check_rule_numbers(const std::string& semantics, const Tree& sources);

}  // namespace pirn::docs
