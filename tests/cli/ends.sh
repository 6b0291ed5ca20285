#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# ends.sh - how commands end: a reader that goes away, a full disk, a signal, a
# result that must be whole or absent, and what a person at a terminal sees.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
export LARDER_NOW=2001-04-01T00:00:00Z
unset LARDER_CONFIG LARDER_ENV NO_COLOR

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
        sed 's/^/# /' err 2>/dev/null
        echo "not ok $n - $what"
    fi
}
has() { grep -q -- "$1" "${2:-err}"; }
lacks() { ! grep -q -- "$1" "${2:-err}"; }

larder sql 'SELECT * FROM flights' -o csv 2>err | head -n 1 >out
ends=("${PIPESTATUS[@]}")
ok 'a reader that goes away ends a command quietly' \
    test "${ends[0]}" = 0 -a ! -s err -a -s out

for line in 'ls' 'ls -o json' 'ls -o csv' 'join spine.csv -s delay_model_v1' \
    'help' 'version -o json' 'completion bash' 'show flights'; do
    # shellcheck disable=SC2086
    larder $line >/dev/full 2>err
    ends=$?
    ok "$line: a full disk is no success" \
        test "$ends" = 1 -a "$(grep -c 'No space left' err)" = 1
done

echo before >training.csv
echo '{"before": 1}' >training.csv.manifest.json
printf 'origin,destination,event_timestamp\nSFO,LAX,2001-03-01\n' >naive.csv
larder join naive.csv -s delay_model_v1 -O training.csv >out 2>err
ok 'a join that fails' test $? = 1
ok '... names the place' has "row 1, column 'event_timestamp'"
ok '... leaves the file that was there' test "$(cat training.csv)" = before
ok '... and its manifest' has before training.csv.manifest.json
ok '... and nothing else' \
    test "$(ls | grep -c '^training')" = 2
larder join spine.csv -s delay_model_v1 -O nowhere/x.csv >out 2>err
ok 'a folder that is not there is named' test $? = 1
ok '... with the file' has "'nowhere/x.csv'"
larder join spine.csv -s delay_model_v1 -O x.parquet >out 2>err
ok 'a name says the format' test $? = 2
larder join spine.csv -s delay_model_v1 -O /dev/null >out 2>err
ok 'rows may go to a device' test $? = 0
larder -q join spine.csv -s delay_model_v1 -O training.csv >out 2>err
ok 'a join replaces the file' test "$(wc -l <training.csv)" = 202
ok '... and its manifest' has '"rows": 201' training.csv.manifest.json
cp training.csv.manifest.json first.json
larder -q join spine.csv -s delay_model_v1 -O training.csv --threads 1 >out
ok 'equal inputs give equal manifests' cmp -s first.json training.csv.manifest.json
larder -q join spine.csv -s delay_model_v1 -O training.jsonl >out
ok 'the digest of rows is that of their CSV and their JSON lines' \
    cmp -s <(grep '"digest"' training.csv.manifest.json) \
    <(grep '"digest"' training.jsonl.manifest.json)
larder -q join training.csv -f airport_delay:origin_delay --full-feature-names -O training.csv \
    >out 2>err
ok 'a join may replace its own spine' \
    has '^origin,.*,airport_delay__origin_delay$' training.csv

# A command that waits for its input, and is told to stop.
mkfifo pipe
sleep 60 >pipe &
holder=$!
for signal in INT TERM; do
    echo before >stopped.csv
    larder join - -s delay_model_v1 -O stopped.csv <pipe >out 2>err &
    pid=$!
    for _ in $(seq 500); do # until it listens for 2, SIGINT, and 15, SIGTERM
        grep -q larder "/proc/$pid/comm" 2>/dev/null &&
            grep -qE 'SigCgt:.*[4-7c-f]..[2367abef]$' "/proc/$pid/status" \
                2>/dev/null && break
        sleep 0.01
    done
    kill -s "$signal" "$pid"
    wait "$pid"
    ok "SIG$signal ends a command with 130" test $? = 130
    ok '... says so' has interrupted
    ok '... and leaves what was there' \
        test "$(cat stopped.csv)" = before -a "$(ls | grep -c '^stopped')" = 1
done
kill "$holder" 2>/dev/null

# Somebody at a terminal.
if script -qec true /dev/null </dev/null >/dev/null 2>&1; then
    terminal() { # COLUMNS WORDS
        TERM=xterm script -qec "stty cols $1; $2" /dev/null </dev/null 2>&1 | tr -d '\r'
    }
    terminal 60 'larder ls' >out
    ok 'a table fits the terminal' \
        test "$(awk '{ if (length > w) w = length } END { print w + 0 }' out)" \
        -le 60
    ok '... and breaks no word' has 'description  Where a flight leaves from' out
    terminal 120 'larder ls' >out
    ok 'long text is folded under its column' \
        test "$(grep -c '^  *distance, ' out)" = 1
    terminal 80 'larder ls nothing' >err
    ok 'faults are coloured' has $'\033'
    NO_COLOR=1 terminal 80 'larder ls nothing' >err
    ok '... unless NO_COLOR says not to' lacks $'\033'
    terminal 80 'larder --no-color ls nothing' >err
    ok '... or --no-color' lacks $'\033'
    printf 'n\n' | script -qec 'larder teardown' /dev/null >err 2>&1
    ok 'teardown asks' has 'y/N'
    larder ls >out 2>err
    ok '... and no means no' has delay_model_v1 out
fi

# Where the configuration is.
mkdir -p deep/er
(cd deep/er && larder ls) >out 2>err
ok 'it is found above' has delay_model_v1 out
larder -C deep -C er ls >out 2>err
ok '-C goes on from -C' has delay_model_v1 out
(cd / && LARDER_CONFIG=$folder/feature_store.yaml larder ls) >out 2>err
ok 'LARDER_CONFIG names it' has delay_model_v1 out
sed 's/project: flights/project: other/' feature_store.yaml \
    >feature_store.test.yaml
larder --env test ls >out 2>err
ok '--env reads another beside it' has "project 'other'"
LARDER_ENV=test larder ls >out 2>err
ok '... and so does LARDER_ENV' has "project 'other'"
larder ls --env test -C deep >out 2>err
ok 'options may follow the command' has "project 'other'"

echo "1..$n"
