#!/usr/bin/env bash
# A data directory that others can reach: the host refuses to start, says what it found, and starts again after the
# command that it names.
. "$(dirname "$0")/harness.sh" "$@"

start_host
stop_host TERM 0

# refused WHAT: serve ends with 1 and names what was found. repair: runs the command of the hint.
refused() { expect 1 pirn serve; says err "data_directory_unsafe"; says err "$1"; }
repair() { sed -nE 's/.*(Run|own|link|it): ((chmod|cp|rm) .*)/\2/p' err | head -n 1 | sh || fail "the repair of: $1"; }

chmod 755 data
refused "'$home/data' can be read by other users (mode 0755)"
repair directory
chmod 644 data/registry.pepper data/pirn.db
refused "'$home/data/registry.pepper' can be read by other users (mode 0644)"
says err "chmod 600 $home/data/pirn.db"
chmod 600 data/registry.pepper data/pirn.db
ln data/registry.db second
refused "'$home/data/registry.db' has a second name"
repair link
rm second
echo precious >victim
ln -s "$home/victim" data/pirn.db-journal
refused "'$home/data/pirn.db-journal' is a symbolic link to '$home/victim'"
repair symlink
same "$(cat victim)" precious
chmod 777 .
refused "'$home' can be changed by every user (mode 0777)"
chmod 700 .
PIRN_STORE_URL="sqlite://$home/else.db"
export PIRN_STORE_URL
echo something >else.db
chmod 606 else.db
refused "'$home/else.db' can be changed by other users (mode 0606)"
unset PIRN_STORE_URL

start_host
stop_host TERM 0
done_well
