#!/usr/bin/env bash
# language_test.sh ROOT: finds constructions of banned.txt in what people read: the prose of pages, the comments of
# public headers, the messages in the product's code, and the subjects of the newest commits. Prints where, and what to
# write instead. It first proves that it would find each of them.
set -uo pipefail
export LC_ALL=C
root=$(readlink -f "$1")
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
cd "$root" || exit 1
found=0

# The prose of a page, one numbered line for each of its lines: no code blocks, no code in lines, no targets of links.
prose() {
  awk '/^ *(```|~~~)/ { code = !code; print ""; next } code { print ""; next }
       { gsub(/`[^`]*`/, "code"); gsub(/\]\([^)]*\)/, "]"); print }' "$1"
}
# The comments of a header.
comments() {
  awk '{ line = $0
         if (inside) { if (match(line, /\*\//)) { inside = 0; print substr(line, 1, RSTART - 1) } else print line; next }
         if (match(line, /\/\/.*/)) print substr(line, RSTART)
         else if (match(line, /\/\*.*/)) { print substr(line, RSTART); if (line !~ /\*\//) inside = 1 }
         else print "" }' "$1" | sed -E 's/`[^`]*`/code/g'
}
# The texts in code: string literals with a space in them.
strings() {
  awk '/^[ \t]*(\/\/|#)/ { print ""; next }
       { out = ""; rest = $0
         while (match(rest, /"([^"\\]|\\.)*"/)) {
           text = substr(rest, RSTART + 1, RLENGTH - 2); rest = substr(rest, RSTART + RLENGTH)
           if (text ~ / /) out = out " | " text }
         print out }' "$1"
}

# look EXTRACTOR FILE...: every banned construction in what the extractor takes from the files
look() {
  local extract=$1 file expression instead
  shift
  for file in "$@"; do "$extract" "$file" | awk -v file="$file" '{ print file ":" NR ": " $0 }'; done >"$lines"
  while IFS=$'\t' read -r expression instead; do
    if grep -iP -- "^[^ ]* .*($expression)" "$lines" >"$hits"; then
      printf -- '-- "%s": write: %s\n' "$expression" "$instead"
      cat "$hits"
      found=$((found + $(wc -l <"$hits")))
    fi
  done < <(grep -v '^#' "$here/banned.txt")
}

scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
lines=$scratch/lines hits=$scratch/hits

# Each of these has exactly one, in a page, in a comment and in a message; the last line has none.
cat >"$scratch/bad" <<'BAD'
The caller gets his key.
Whoever calls it waits.
The tenant whom it belongs to.
It waits for ever.
The grid begins anew.
The rule stands in the page.
What lies ahead fires.
The file beside the lock.
A tenant of that name is none.
That is no duration.
What is none is refused.
What no element fits succeeds.
Nobody waits for it.
It is found nowhere.
It ends as it likes.
Nothing is done by halves.
The option goes with no retry.
What became of the call.
The author is told.
The log tells of it.
It waited in vain.
It runs all the same.
It makes up for the fires.
BAD
plain='Unknown keys are rejected. It is not a duration; there is no such host. `whoever(he)`'
sed 's|^|// |' "$scratch/bad" >"$scratch/bad.h"
sed 's|.*|  fail("&");|' "$scratch/bad" >"$scratch/bad.cc"
for pair in "prose bad" "comments bad.h" "strings bad.cc"; do
  read -r extract file <<<"$pair"
  found=0
  look "$extract" "$scratch/$file" >"$scratch/report"
  for ((n = 1; n <= $(wc -l <"$scratch/bad"); ++n)); do
    grep -qF "$scratch/$file:$n: " "$scratch/report" || { echo "the lint does not see: $(sed -n "${n}p" "$scratch/bad")"; exit 1; }
  done
done
found=0
printf '%s\n' "$plain" >"$scratch/good.md"
look prose "$scratch/good.md"
[ "$found" = 0 ] || { echo "the lint sees faults in plain text"; exit 1; }

mapfile -t pages < <(find README.md docs plugins/examples/README.md sdk/template -name '*.md')
look prose "${pages[@]}"
mapfile -t headers < <(find sdk/include -name '*.h' -o -name '*.hpp')
look comments "${headers[@]}"
mapfile -t sources < <(find host packager registry -name '*.cc' -o -name '*.inc')
look strings "${sources[@]}"

# The newest commits, where there is a history.
if subjects=$(git -c safe.directory='*' log --no-merges -30 --format='%h %s' 2>/dev/null); then
  while read -r commit subject; do
    if [ ${#subject} -gt 72 ] || ! grep -qE '^[a-z0-9, /_-]+: [a-z]' <<<"$subject"; then
      echo "$commit: a subject is 'area: imperative summary' in at most 72 characters: $subject"
      found=$((found + 1))
    fi
  done <<<"$subjects"
fi
[ "$found" = 0 ] || { echo "$found found"; exit 1; }
