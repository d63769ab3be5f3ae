#!/usr/bin/env bash
# lint.sh ROOT BUILD CHECK [--all]: checks of the sources that need no run. CHECK:
#   format    every source is as clang-format lays it out
#   spelling  no common misspelling (words that are right here: spelling.txt)
#   clang     clang compiles product code without a warning, and its thread-safety analysis finds every use of
#             guarded data under its mutex: in the files that lock something
#   tidy      clang-tidy finds nothing: in the files that changed last
# --all: clang and tidy look at every file, and tidy also runs clang's static analyzer. That takes an hour.
set -euo pipefail
export LC_ALL=C
root=$(readlink -f "$1") build=$(readlink -f "$2") check=$3 all=${4:-}
cd "$root"

# How far back "lately" goes, and how many files tidy looks at: it takes seconds for each.
commits=30
newest=20

in_git() { git -c safe.directory='*' "$@"; }
sources() {
  in_git ls-files -- '*.c' '*.cc' '*.h' '*.hpp' '*.inc' 2>/dev/null || find . -name .git -prune -o -path ./build -prune -o \
    -type f \( -name '*.c' -o -name '*.cc' -o -name '*.h' -o -name '*.hpp' -o -name '*.inc' \) -printf '%P\n'
}
units() { sources | grep -E '\.(c|cc)$' | compiled; }
# Those of stdin that this build compiles.
compiled() { grep -xFf <(sed -n "s|^ *\"file\": \"$root/\(.*\)\",\{0,1\}\$|\1|p" "$build/compile_commands.json"); }
# Those that differ from what was committed, then those of the newest commits, each once, the newest first.
changed_lately() {
  { in_git diff --name-only --diff-filter=d HEAD
    in_git log --first-parent --name-only --diff-filter=d --format= -n "$commits"; } 2>/dev/null |
    awk '!seen[$0]++' | while read -r file; do [ -e "$file" ] && echo "$file"; done | grep -E '\.(c|cc)$' | compiled || true
}
product() { grep -E '^(host|packager|registry)/' || true; }
locking() { units | product | xargs grep -lE '\b(MutexLock|ReaderLock|Mutex)\b' || true; }

# tidy CHECKS FILE...
tidy() {
  local checks=$1
  shift
  [ $# -gt 0 ] || { echo "no file to look at"; return 0; }
  printf '%s\n' "$@" | xargs -P "$(nproc)" -n 2 clang-tidy -p "$build" --quiet --warnings-as-errors='*' --checks="$checks" \
    --extra-arg=-Wthread-safety --extra-arg=-Wno-unknown-warning-option 2> >(grep -vE '^[0-9]+ warnings? generated|^$|Use -header-filter|Suppressed' >&2)
  echo "$# files"
}

case $check in
  format) sources | grep -vx 'packager/error/catalogue.inc' | xargs clang-format --dry-run -Werror ;;
  spelling)
    { sources; in_git ls-files -- '*.md' '*.sh' '*.txt' dev 2>/dev/null || true; } | sort -u |
      xargs codespell --quiet-level=3 --ignore-words="$root/tests/lint/spelling.txt" ;;
  clang)
    if [ "$all" = --all ]; then files=$(units | product); else files=$(locking); fi
    # shellcheck disable=SC2086
    [ -n "$files" ] || { echo "lint.sh: $build compiles none of the files of $root" >&2; exit 1; }
    # Without a check of its own clang-tidy does not begin.
    tidy '-*,clang-diagnostic-*,bugprone-suspicious-semicolon' $files ;;
  tidy)
    # shellcheck disable=SC2046
    if [ "$all" = --all ]; then tidy '' $(units); else tidy '-clang-analyzer-*' $(changed_lately | head -n "$newest"); fi ;;
  *) echo "lint.sh: there is no check '$check'" >&2; exit 2 ;;
esac
