#!/bin/sh
# headers_test.sh SOURCE CXX: each header of the SDK compiles alone and without a warning, packages too, and pirn.hpp drags in nothing that is heavy.
source=$1 cxx=$2
include=$source/sdk/include
failed=0
for header in "$include"/pirn/*.h "$include"/pirn/*.hpp "$include"/pirn/testkit/*; do
  name=${header#"$include"/}
  printf '#include "%s"\nint main() { return 0; }\n' "$name" |
    "$cxx" -std=c++20 -xc++ -fsyntax-only -Wall -Wextra -Werror -I "$include" - || { echo "$name does not compile alone"; failed=1; }
done
for package in package_under_test documents; do
  "$cxx" -std=c++20 -fsyntax-only -Wall -Wextra -Werror -I "$include" -I "$source" "$source/tests/sdk/$package.cc" ||
    { echo "$package.cc: warnings"; failed=1; }
done
for heavy in iostream sstream functional map unordered_map chrono regex filesystem variant ranges thread; do
  if printf '#include <pirn/pirn.hpp>\n' | "$cxx" -std=c++20 -xc++ -M -I "$include" - | tr -s " " "\n" | grep -q "/c++/[0-9.]*/$heavy\$"; then
    echo "pirn.hpp includes <$heavy>"; failed=1
  fi
done
exit $failed
