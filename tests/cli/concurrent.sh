#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# concurrent.sh - several commands at once on one repository: each either does
# its work or says that another was faster (6), and together they leave what one
# alone would have left.
set -eu
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
export LARDER_NOW=2001-04-01T00:00:00Z LARDER_EXAMPLES=$srcdir/examples
unset LARDER_CONFIG LARDER_ENV

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
n=0

is() { # WHAT CONDITION...: the condition is a command
    local what=$1
    shift
    n=$((n + 1))
    if "$@"; then
        echo "ok $n - $what"
    else
        cat said.* 2>/dev/null | grep error | sort | uniq -c | sed 's/^/# /' || true
        echo "not ok $n - $what"
    fi
}
quietly() { "$@" >out 2>err; }

# at_once N COMMAND...: @ in it is the number. $codes: how they ended, sorted.
at_once() {
    local many=$1 i
    shift
    rm -f said.* code.*
    for ((i = 1; i <= many; i++)); do
        {
            code=0
            timeout 120 larder -q "${@//@/$i}" >"said.$i" 2>&1 || code=$?
            echo "$code" >"code.$i"
        } &
    done
    wait
    codes=$(sort -n code.* | tr '\n' ' ')
}
each() { # CODE...: no other
    local code
    for code in $codes; do
        [[ " $* " = *" $code "* ]] || return 1
    done
}
only() { # CODE...: no other, and at least one 0
    each "$@" && [[ $codes = *0* ]]
}
# What was refused was refused in words.
in_words() {
    local file
    for file in code.*; do
        [ "$(cat "$file")" = 0 ] || grep -q "$1" "said.${file#code.}" || return 1
    done
}

larder -q init repository --example flights
cd repository
csv() { larder -q -o csv "$@" 2>err; }
rows() { csv sql 'SELECT count(*) FROM flights' | tail -n 1; }
generations() { sqlite3 data/registry.db 'SELECT count(*), max(number) FROM larder_generations'; }

# A first apply makes files, folders and tables too.
bad=
for _ in 1 2 3 4; do
    rm -rf data
    at_once 4 apply --yes
    { only 0 6 && in_words 'somebody applied meanwhile\|is writing to\|in use'; } || bad=$codes
    [ "$(generations)" = '1|1' ] || bad="generations $(generations)"
    quietly larder -q plan --exit-code || bad=plan
done
is "the first apply, four at once, is one generation: $bad" test -z "$bad"

# Different definitions: one of two wins, and the other hears of it.
mkdir ../other
sed "s|data/|$PWD/data/|" feature_store.yaml >../other/feature_store.yaml
cp features.yaml whole.txt
bad=
for round in 1 2 3 4; do
    sed "s/ttl: 1d/ttl: 1${round}d/" whole.txt >features.yaml
    sed "s/ttl: 7d/ttl: 2${round}d/" whole.txt >../other/features.yaml
    before=$(generations)
    rm -f ../other/[12]
    ln -s "$PWD" ../other/1
    ln -s . ../other/2
    (cd ../other && at_once 2 -C @ apply --yes --allow-breaking && mv code.* said.* ..)
    codes=$(sort -n ../code.* | tr '\n' ' ')
    won=$(grep -c '^0' <<<"${codes// /$'\n'}")
    [ "$(generations)" = "$((${before%|*} + won))|$((${before#*|} + won))" ] ||
        bad="$bad $codes: $before then $(generations)"
    only 0 6 || bad="$bad $codes"
done
is "two different applies at once: each generation has one author: $bad" test -z "$bad"
cp whole.txt features.yaml
larder -q apply --yes --allow-breaking >/dev/null

# The same file, then parts of it that overlap.
at_once 4 ingest flights flights.csv
is 'one file, ingested four times at once' only 0
is '... is there once' test "$(rows)" = 19362
rm -rf data
larder -q apply --yes >/dev/null
for i in 1 2 3 4; do
    { head -n 1 flights.csv; tail -n +2 flights.csv | awk -v i="$i" 'NR % 5 == i || NR % 5 == 0'; } >part@.csv
    mv part@.csv "part$i.csv"
done
at_once 4 ingest flights part@.csv
is 'parts that overlap, ingested at once' only 0
is '... are there once each' test "$(rows)" = 19362
is '... and each row was added by one of them' test \
    "$(awk '/^part/ { n += $3 } END { print n }' said.*)" = 19362

# Two runs of one view: the later one takes over, and the other hears of it. A
# run may lose one view and win another.
read_all() { csv get --keys spine.csv -s delay_model_v1; }
larder -q materialize >/dev/null
read_all >answer.csv
bad=
for _ in 1 2 3 4; do
    rm -rf data/online
    larder -q apply --yes >/dev/null
    at_once 4 materialize
    each 0 6 || bad="$bad ended with $codes"
    in_words 'another run took over' || bad="$bad no words"
    cmp -s answer.csv <(read_all) || bad="$bad differs"
    at_once 3 materialize --full
    each 0 6 || bad="$bad ended with $codes"
    cmp -s answer.csv <(read_all) || bad="$bad differs"
done
is "materialize, four at once, leaves what one alone leaves: $bad" test -z "$bad"

# Reads go on while views are built anew, and rows come in.
header=$(head -n 1 flights.csv)
echo "$header" >late.csv
tail -n 300 flights.csv | sed 's/^2001-03/2001-01/' >>late.csv
(
    for _ in 1 2 3 4 5; do
        larder -q materialize --full && larder -q ingest flights late.csv
    done
) >writer 2>&1 &
writer=$!
bad=
reads=0
while kill -0 $writer 2>/dev/null; do
    read_all >now.csv || bad="get: $(head -n 1 err)"
    cmp -s now.csv answer.csv || bad="$bad get differs"
    quietly larder -q join spine.csv -s delay_model_v1 || bad="join: $(head -n 1 err)"
    quietly larder -q ls || bad="ls: $(head -n 1 err)"
    reads=$((reads + 1))
    [ -z "$bad" ] || break
done
code=0
wait $writer || code=$?
is "reads go on while a view is built: $bad" test -z "$bad" -a "$reads" -gt 2
is '... and so does the building' test "$code" = 0

# One output, several joins.
larder -q join spine.csv -s delay_model_v1 -O good.csv >/dev/null
at_once 4 join spine.csv -s delay_model_v1 -O joined.csv
is 'one output of four joins at once' only 0
is '... is one of them, whole' cmp -s joined.csv good.csv
is '... with its manifest' cmp -s joined.csv.manifest.json good.csv.manifest.json
is '... and nothing is left over' test "$(ls | grep -c '^joined')" = 2

# A writer that is killed holds nobody up, and leaves nothing half.
bad=
for pause in 0.005 0.01 0.02 0.03 0.05 0.08; do
    rm -rf data
    larder -q apply --yes >/dev/null
    larder -q ingest flights flights.csv >/dev/null 2>&1 &
    pid=$!
    timeout 60 larder -q ingest flights part1.csv >out 2>err &
    other=$!
    sleep $pause
    { kill -9 $pid && wait $pid; } 2>/dev/null || true
    wait $other || bad="$bad ingest: $(head -n 1 err)"
    part=$(($(wc -l <part1.csv) - 1))
    left=$(rows)
    [ "$left" = 19362 ] || [ "$left" -le "$part" ] || bad="$bad left $left"
    quietly timeout 60 larder -q ingest flights flights.csv || bad="$bad next"
    [ "$(rows)" = 19362 ] || bad="$bad then $(rows)"
done
is "a killed writer holds nobody up: $bad" test -z "$bad"
echo "1..$n"
