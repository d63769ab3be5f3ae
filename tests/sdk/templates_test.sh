#!/bin/sh
# templates_test.sh SOURCE BUILD LANGUAGE CC CXX: what `pirn new` copies builds against an installed SDK and against the build tree,
# its tests pass, and the library is one that a host admits.
set -e
source=$1 build=$2 language=$3 cc=$4 cxx=$5
here=$source/tests/sdk
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --component sdk --prefix "$work/prefix" >"$work/install.log"
copy() { # copy NAME DIRECTORY: as `pirn new NAME`
  cp -r "$work/prefix/share/pirn/template/$language" "$2"
  find "$2" -type f -exec sed -i "s/@NAME@/$1/g" {} +
}
build() { # build DIRECTORY PREFIX TARGET
  cmake -G Ninja -S "$1" -B "$1/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$2" \
    -DCMAKE_C_COMPILER="$cc" -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_CXX_FLAGS="-Wall -Wextra -Werror" \
    -DCMAKE_C_FLAGS="-Wall -Wextra -Wpedantic -Werror" >"$1.log" 2>&1 || { cat "$1.log"; exit 1; }
  cmake --build "$1/build" --target "$3" -j 2 >"$1.log" 2>&1 || { cat "$1.log"; exit 1; }
}

copy hello-world "$work/a"
passes() { # passes DIRECTORY: its tests, whole workflows in memory among them
  (cd "$1/build" && ctest --output-on-failure >"$work/ctest.log" 2>&1 && grep -q '100% tests passed, 0 tests failed out of 5' "$work/ctest.log") ||
    { cat "$work/ctest.log"; exit 1; }
}
build "$work/a" "$work/prefix" all
passes "$work/a"
sh "$here/check_library.sh" "$work/a/build/hello-world.so" pirn_plugin_v1
test -f "$work/a/build/compile_commands.json"
test "$(cat "$work/a/build/pirn/hello-world.package")" = "$work/a/build/hello-world.so"
if grep -q "$work" "$work/a/build/hello-world.so"; then echo "the library names the directory it was built in"; exit 1; fi

# The same source gives the same bytes from another directory, against the build tree's package.
copy hello-world "$work/another-directory"
build "$work/another-directory" "$build" all
passes "$work/another-directory"
cmp "$work/a/build/hello-world.so" "$work/another-directory/build/hello-world.so"

# The checks above can fail: without the SDK's flags a library of the same source is refused.
if [ "$language" = cpp ]; then
  "$cxx" -std=c++20 -shared -fPIC -I "$work/prefix/include" "$work/a/src/package.cc" -o "$work/plain.so"
  if sh "$here/check_library.sh" "$work/plain.so" pirn_plugin_v1 >"$work/plain.log"; then
    echo "a library that exports everything passed the check"; exit 1
  fi
fi
