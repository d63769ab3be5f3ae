#!/usr/bin/env bash
# What `cmake --install` puts somewhere works there: nothing of the build directory is on the path or is used.
. "$(dirname "$0")/harness.sh" "$@"
prefix="$home/opt/pirn"
expect 0 cmake --install "$build" --prefix "$prefix"
export PATH="$prefix/bin:${PATH#"$build/bin:"}"
same "$(command -v pirn)" "$prefix/bin/pirn"
for file in bin/pirn libexec/pirn/pirn-probe libexec/pirn/pirn-unpack include/pirn/abi.h lib/cmake/Pirn/PirnConfig.cmake \
  share/pirn/template/cpp/package.toml lib/pkgconfig/pirn.pc; do
  [ -f "$prefix/$file" ] || fail "$file is not installed"
done
expect 0 sh -c "! grep -rlF '$build' '$prefix/lib/cmake' '$prefix/lib/pkgconfig' '$prefix/share'"; empty out

# The whole way of a package, in both languages.
expect 0 pirn key generate author
start_host
expect 0 pirn tenant create acme --isolation in-process
export PIRN_TENANT=acme
for language in cpp c; do
  expect 0 pirn new "hello-$language" --language "$language"
  expect 0 pirn pack "hello-$language"
  expect 0 ctest --test-dir "hello-$language/build" -N;    silent out "Total Tests: 0"
  archive="hello-$language/hello-$language-0.1.0.pirn"
  expect 0 pirn run greet --local --package "$archive" --input '{"name":"Ada"}'; says out "completed"
  expect 0 pirn sign "$archive" --key author.pem
  expect 0 pirn verify "$archive" --trust author.pub
  expect 0 pirn trust add --key author.pub --publisher "hello-$language-authors" --package "hello-$language"
  expect 0 pirn push "$archive"
  expect 0 pirn deploy "hello-$language@0.1.0"
  expect 0 pirn run start "hello-$language::greet" --input '{"name":"Ada"}' --wait; says out "Hello, Ada"
done
expect 2 pirn run start greet;                             says err "hello-c::greet"
stop_host TERM 0
done_well
