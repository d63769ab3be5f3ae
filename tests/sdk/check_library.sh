#!/bin/sh
# check_library.sh FILE.so SYMBOL...: exports exactly these symbols, has no unique ones, nothing runs when it is loaded, and it carries the
# ABI note. Says what is wrong.
library=$1
shift
fail() { echo "$library: $*"; exit 1; }

exported=$(nm -D --defined-only "$library" | awk '{print $3}' | sort | tr '\n' ' ')
wanted=$(printf '%s\n' "$@" | sort | tr '\n' ' ')
[ "$exported" = "$wanted" ] || fail "exports '$exported', not '$wanted'"
readelf -Ws "$library" | grep -q ' UNIQUE ' && fail "has unique symbols: $(readelf -Ws "$library" | grep ' UNIQUE ' | head -3)"
readelf -Wd "$library" | grep -qE 'TEXTREL|RPATH|RUNPATH' && fail "has TEXTREL or RPATH"
readelf -Wl "$library" | grep -q 'GNU_STACK.*RWE' && fail "wants an executable stack"
# The compiler's own start file may put its frame_dummy there (8 bytes), a package nothing.
size=$(readelf -WS "$library" | sed -n 's/.* \.init_array *INIT_ARRAY *[0-9a-f]* [0-9a-f]* \([0-9a-f]*\).*/\1/p')
[ -z "$size" ] || [ $((0x$size)) -le 8 ] || fail "has static constructors (.init_array of 0x$size bytes)"
nm "$library" | grep -q '_GLOBAL__sub_I' && fail "has static constructors: $(nm "$library" | grep _GLOBAL__sub_I)"
readelf -Wn "$library" | grep -A2 'Pirn ' | grep -q '01 00 00 00 00 00 00 00 00 00 00 00' || fail "has no ABI note"
readelf -Wn "$library" | grep -q 'Build ID' || fail "has no build id"
exit 0
