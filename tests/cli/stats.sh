#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# stats.sh - statistics as a command: of history, online and of files; figures
# against Python and, where python3 has it, DuckDB; and its faults.
#
#     LARDER_PYTHON   a python3 that has duckdb (python3)
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
export LARDER_NOW=2001-04-01T00:00:00Z
unset LARDER_CONFIG LARDER_ENV
python=${LARDER_PYTHON:-python3}
oracle=$srcdir/tests/cli/stats_oracle.py

folder=$(mktemp -d) || exit 1
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder" || exit 1
LARDER_EXAMPLES=$srcdir/examples larder -q init . --example flights || exit 1
{ larder -q apply --yes && larder -q ingest flights flights.csv; } \
    >log 2>&1 || { cat log; exit 1; }
n=0

# ok WHAT CONDITION...: the condition is a command.
ok() {
    local what=$1
    shift
    n=$((n + 1))
    if "$@"; then
        echo "ok $n - $what"
    else
        sed 's/^/# /' out err 2>/dev/null | cut -c 1-300
        echo "not ok $n - $what"
    fi
}
skip() {
    n=$((n + 1))
    echo "ok $n - $2 # SKIP $1"
}
# ends WHAT CODE COMMAND...: it ends with the code.
ends() {
    local what=$1 want=$2 code=0
    shift 2
    timeout 60 "$@" >out 2>err || code=$?
    ok "$what" test "$code" = "$want"
}
has() { grep -qF -- "$1" "${2:-err}"; }
# same ARGUMENTS...: one thread and three give the same but for the seconds.
same() {
    larder --threads 1 stats "$@" -o json | grep -v '"seconds"' >one
    larder --threads 3 stats "$@" -o json | grep -v '"seconds"' >out
    [ -s one ] && cmp one out
}

# ------------------------------------------------------------------ history

ends 'of history' 0 larder stats route_latest
ok '... plain features by their names' grep -qE '^delay +int64' out
ends 'of a windowed view: what it aggregates' 0 larder stats airport_delay
ok '... each column once' test "$(wc -l <out)" = 2
larder stats route_latest >out 2>err
ok '... also where a plain feature reads it' \
    test "$(grep -c '^delay ' out)" = 1
ends 'a range' 0 larder stats route_latest -o json \
    --from 2001-01-02T00:00:00Z --to 2001-01-02T23:59:59Z
ok '... holds only its events' has '"newest": "2001-01-02T' out
ok 'threads change no byte of it' same route_latest
ends 'a range without a row' 0 larder stats route_latest --to 1990-01-01T00:00:00Z
ok '... which is said' has \
    'there is no row: route_latest has none in this range of history'

# ------------------------------------------------------------------- online

ends 'online before materialize' 1 larder stats route_latest --online
ok '... is no success' has 'not materialized yet'
larder -q materialize >log 2>&1
ends 'online' 0 larder stats route_latest --online -o json
ok '... one row an entity' has '"rows": 268' out
ok '... and expired ones are told' has '"expired": 29' out
ok 'threads change no byte of that' same route_latest --online

# -------------------------------------------------------------------- files

printf '%s\n' '{"a": 1, "b": "x", "l": [1, 2], "t": "2024-01-01T00:00:00Z"}' \
    '{"a": 2.5, "b": null, "l": [], "t": null}' \
    '{"a": null, "b": "1", "l": ["no"], "t": "2024-01-02T00:00:00Z"}' >a.jsonl
ends 'a list of two types' 1 larder stats --file a.jsonl
ok '... is refused with its place' has "a.jsonl:1:26: error: column 'l'"
sed -i 's/\["no"\]/[null, 3, 4]/' a.jsonl
ends 'JSON lines' 0 larder stats --file a.jsonl -o csv
ok '... numbers' grep -qE '^a,float64,2,1,' out
ok '... text, though it looks like a number' grep -qE '^b,string,2,1,' out
ok '... lists, by their lengths' grep -qE '^l,list<float64>,3,0.*,1\.6' out
ok '... times' grep -qE '^t,timestamp,2,1,' out
printf 'zip,n\n0123,1\n0456,2\n' >z.csv
ends 'a postal code' 0 larder stats --file z.csv -o csv
ok '... is text' grep -q '^zip,string,2' out
ends 'a file whose format is said' 0 \
    larder stats --file z.csv --format csv
printf 'a,b\n' >none.csv
ends 'a header alone' 0 larder stats --file none.csv
ok '... which is said' has 'there is no row: none.csv holds none'
ends 'a pipe cannot be read twice' 1 bash -c 'cat z.csv | larder stats --file -'
ok '... and is not half read' has 'cannot be read twice'
ends 'a file that is not there' 1 larder stats --file nothing.csv
printf 'a,b\n1\n' >short.csv
ends 'a record too short' 1 larder stats --file short.csv
ok '... with its place' has 'short.csv:2'

# ------------------------------------------------------------------- faults

ends 'of nothing' 2 larder stats
ends 'of two things' 2 larder stats route_latest --file z.csv
ends 'a range online' 2 larder stats route_latest --online \
    --from 2001-01-01T00:00:00Z
ends 'a range of a file' 2 larder stats --file z.csv \
    --to 2001-01-01T00:00:00Z
ends 'a range that ends first' 2 larder stats route_latest \
    --from 2002-01-01T00:00:00Z --to 2001-01-01T00:00:00Z
ends 'a format of no file' 2 larder stats route_latest --format csv
ends 'a view that is none' 1 larder stats route_lates
ok '... and the nearest' has 'route_latest'

# ------------------------------------------------------------------- oracles

for by in python duckdb; do
    module=$by
    [ "$by" = duckdb ] || module=csv
    if ! "$python" -c "import $module" 2>/dev/null; then
        for seed in 1 2 3; do skip "no $by" "$by finds the same"; done
        continue
    fi
    for seed in 1 2 3; do
        "$python" "$oracle" make random.csv "$seed"
        larder stats --file random.csv -o json >stats.json
        ends "$by finds the same of random rows $seed" 0 \
            "$python" "$oracle" check random.csv stats.json "$by"
    done
done
"$python" "$oracle" make random.csv 4 2>/dev/null &&
    larder stats --file random.csv >out 2>err
if [ -e random.csv ]; then
    ok 'estimates are said to be some' has 'values are estimated'
    ok '... of numbers' has 'to 0.4 % of the number'
    ok '... of times' has 'to 1/4096 of their range'
fi
echo "1..$n"
