#!/usr/bin/env bash
# What strangers chose, on a terminal of 20 columns: none of it may steer the terminal, whichever command shows it. A
# terminal is another way than a pipe: there are tables, colours and progress, which a file never sees.
. "$(dirname "$0")/harness.sh" "$@"
export PIRN_TENANT=acme
make_packages
start_host
tenant_with_gate acme

# on_terminal CODE COMMAND: what the terminal got is in the file out.
on_terminal() {
  local code=$1 got=0
  shift
  script -qec "stty cols 20 rows 5; $*" /dev/null >out 2>err </dev/null || got=$?
  [ "$got" = "$code" ] || fail "exit code $got instead of $code on a terminal: $*"
  promises=$((promises + 1))
}
# Nothing that a terminal obeys but CR LF, tabs and the colours of pirn itself: no other C0, no DEL, no C1, nothing
# that turns the direction.
harmless() {
  [ -s out ] || fail "nothing was printed"
  if sed -E 's/\x1b\[(0|1|2|3[0-7])m//g' out | tr -d '\r\n\t' | LC_ALL=C grep -qP '[\x00-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8b-\x8f\xaa-\xae]'; then
    fail "the terminal is told what to do: $(od -c out | head -n 20)"
  fi
  promises=$((promises + 1))
}

hostile=$(printf 'a\033[2J\177\302\233x\342\200\256b')
cp gate-1.0.0.pirn "$hostile.pirn"
head -c 300 gate-1.0.0.pirn >"$hostile-cut.pirn"
on_terminal 0 "pirn inspect '$hostile.pirn'";                            harmless
on_terminal 5 "pirn inspect '$hostile-cut.pirn'";                        harmless; says out '\x1b[2J'
on_terminal 5 "pirn verify '$hostile-cut.pirn' --trust author.pub";      harmless; says out '\x1b[2J'
on_terminal 3 "pirn verify gate-1.0.0.pirn --trust '$hostile.pub'";      harmless; says out '\x1b[2J'
on_terminal 3 "pirn push '$hostile-no.pirn'";                            harmless; says out '\x1b[2J'
on_terminal 2 "pirn '$hostile'";                                         harmless; says out '\x1b[2J'
on_terminal 2 "pirn run ls '--$hostile'";                                harmless
on_terminal 2 "pirn tenant create '$hostile'";                           harmless; says out '\x1b[2J'
on_terminal 2 "pirn run show '$hostile'";                                harmless

# A context of a run: keys and values.
rm -f arrived go; mkfifo arrived go
cat >input.json <<END
{"arrived":"$home/arrived","go":"$home/go","k\u001b]0;title\u0007":"v\u009b2J\u202e","\r\nforged":"\u001b[45m"}
END
expect 0 pirn run start gate --input @input.json -o id; id=$(cat out)
wait_at_gate
on_terminal 0 "pirn run show $id";                                       harmless; says out '\u001b[45m'
on_terminal 0 "pirn run ls";                                             harmless
on_terminal 0 "pirn dashboard";                                          harmless
open_gate
on_terminal 0 "pirn run watch $id";                                      harmless
on_terminal 0 "pirn run events $id";                                     harmless
on_terminal 0 "pirn audit ls";                                           harmless
done_well
