#!/bin/sh
# cmake_test.sh SOURCE BUILD: pirn_add_package and pirn_add_package_test refuse what they do not know, and say what they know.
build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf '#include <pirn/pirn.h>\nPIRN_C_PACKAGE("a", "1.0.0", 0, 0)\n' >"$work/a.c"
failed=0
refused() { # refused WORDS LINES: configuring must stop with these words
  printf 'cmake_minimum_required(VERSION 3.25)\nproject(t LANGUAGES C CXX)\nfind_package(Pirn REQUIRED)\n%s\n' "$2" >"$work/CMakeLists.txt"
  if said=$(cmake -G Ninja -S "$work" -B "$work/build" -DCMAKE_PREFIX_PATH="$build" 2>&1); then
    echo "configures: $2"; failed=1
  elif ! printf '%s' "$said" | tr -s ' \n' ' ' | grep -qF "$1"; then
    echo "does not say '$1': $2"; printf '%s\n' "$said"; failed=1
  fi
}
refused 'unknown argument: SOURCE;b.c' 'pirn_add_package(a SOURCES a.c VERSION 1.0.0 SOURCE b.c)'
refused 'unknown argument: src/a.c' 'pirn_add_package(a src/a.c)'
refused 'SOURCES is missing' 'pirn_add_package(a VERSION 1.0.0)'
refused 'no value after LINK' 'pirn_add_package(a SOURCES a.c LINK)'
refused 'no semantic version' 'pirn_add_package(a SOURCES a.c VERSION 1.0)'
refused "a package's name is" 'pirn_add_package(Hello SOURCES a.c)'
refused 'there is no package b' 'pirn_add_package_test(t PACKAGE b SOURCES t.cc)'
refused 'unknown argument: a' 'pirn_add_package_test(t a SOURCES t.cc)'
refused 'PACKAGE and SOURCES are needed' 'pirn_add_package_test(t PACKAGE a)'
exit $failed
