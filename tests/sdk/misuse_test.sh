#!/bin/sh
# misuse_test.sh SOURCE CXX: each misuse must not compile, and the compiler must say why. misuse.cc holds one case for each `case NAME: WORDS`.
source=$1 cxx=$2
file=$source/tests/sdk/misuse.cc
failed=0
"$cxx" -std=c++20 -fsyntax-only -I "$source/sdk/include" "$file" || { echo "without a case it must compile"; exit 1; }
for name in $(sed -n 's/^\/\/ case \([a-z_]*\): .*/\1/p' "$file"); do
  words=$(sed -n "s/^\/\/ case $name: //p" "$file")
  if said=$("$cxx" -std=c++20 -fsyntax-only -I "$source/sdk/include" "-Dcase_$name" "$file" 2>&1); then
    echo "$name compiles"; failed=1
  elif ! printf '%s' "$said" | grep -qF "$words"; then
    echo "$name: the compiler does not say '$words':"; printf '%s\n' "$said" | head -20; failed=1
  fi
done
exit $failed
