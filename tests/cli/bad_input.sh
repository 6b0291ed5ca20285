#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# bad_input.sh - input that is wrong: each gives one clear error that says what,
# where and what would be right, ends with the documented code, and leaves
# everything as it was.
set -eu
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
export LARDER_NOW=2001-04-01T00:00:00Z LARDER_EXAMPLES=$srcdir/examples
export SECRET_URL=hunter2-is-secret
unset LARDER_CONFIG LARDER_ENV

folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
n=0

# is WHAT CONDITION...: the condition is a command.
is() {
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

quietly() { "$@" >out 2>err; }

# refused WHAT CODE WORDS COMMAND...: it ends with the code, tells as many
# faults as $faults says (1), and its words hold all of WORDS, cut at '|'.
faults=1
refused() {
    local what=$1 want=$2 words=$3 code=0 good=true word
    shift 3
    timeout 60 "$@" >out 2>err || code=$?
    cat out err >>everything
    [ "$code" -eq "$want" ] || good=false
    [ "$(grep -c 'error: ' err)" -eq "$faults" ] || good=false
    while IFS= read -r word; do
        grep -qF -- "$word" err || good=false
    done <<<"${words//|/$'\n'}"
    $good || echo "# ended with $code, should with $want, saying: $words"
    is "$what" "$good"
}

# ------------------------------------------------------------- definitions
larder -q init repository --example flights
cd repository
cp features.yaml whole.txt
refused 'nothing is applied yet' 1 'there is no registry|larder apply' larder ls

# definitions WHAT WORDS: those on standard input.
definitions() {
    cat >features.yaml
    refused "$1" 1 "$2" larder validate
}
changed() { definitions "$1" "$2" < <(sed "$3" whole.txt); }

changed 'a wrong type' "features.yaml:6:11: error: unknown type 'strin'|          ^|did you mean 'string'?" \
    '6s/string/strin/; 10s/string/string/'
changed 'a value of a wrong kind' \
    "features.yaml:28:15: error: 'entities' takes a list of entities, or [], not a text" \
    's/entities: \[airport\]/entities: airport/'
changed 'a ttl without a unit' "'ttl': duration '5'|hint: write it like 90s" \
    's/ttl: 1d/ttl: 5/'
changed 'an unknown key' "unknown key 'tll' in feature view|did you mean 'ttl'?" \
    's/ttl: 1d/tll: 1d/'
changed 'a dangling reference' \
    "unknown entity 'airprt' in feature view 'airport_delay'|did you mean 'airport'?" \
    's/entities: \[airport\]/entities: [airprt]/'
faults=3
changed 'a name twice, whatever the case' \
    "feature view 'Airport_Delay' is defined twice, first at|features.yaml:26:11" \
    's/- name: route_latest/- name: Airport_Delay/'
faults=1
definitions 'a key twice' "key 'sources' is written twice, first in line 13" \
    < <(cat whole.txt; echo 'sources: []')
changed 'a name that is too long' 'is not a legal name|at most 48' \
    "s/delay_model_v1/$(printf 'x%.0s' {1..49})/"
changed 'a tab' 'indent with blanks, not tabs' '4s/^ */\t/'
definitions 'a bracket left open' "did not find expected ',' or ']'" \
    <<<'entities: [{name: a, type: string}'
definitions 'an anchor' "an anchor ('&a')|write the value out" <<<'entities: &a []'
definitions 'invalid UTF-8' 'features.yaml:1:21: error: bytes that are not UTF-8|save the file as UTF-8' \
    < <(printf 'entities: [{name: "a\xffb", type: string}]\n')
definitions 'a NUL' 'features.yaml:1:21: error: a NUL byte' \
    < <(printf 'entities: [{name: "a\0b", type: string}]\n')
definitions 'nesting without end' 'nested deeper than 32 levels' \
    < <(printf '[%.0s' {1..5000})
definitions 'values without end' 'more than 200,000 values in one file|split the file' \
    < <(echo 'entities: ['; yes '1,' | head -n 250000; echo ']')
definitions 'a file without end' 'at most 4194304 are read' \
    < <(echo '#'; head -c 5000000 /dev/zero | tr '\0' x)
definitions 'no definition at all' \
    'no definitions in|expected *.yaml with entities, sources' <<<'# nothing'
{ echo 'entities:'; yes '  - {name: a, type: strin}' | head -n 300 || true; } >features.yaml
larder validate >out 2>err || true
is 'of very many faults a hundred are told' \
    test "$(grep -c "unknown type 'strin'" err)" = 100
is '... and that there are more' grep -q 'more faults not shown' err

{ printf '\xef\xbb\xbf'; sed 's/$/\r/' whole.txt; } >features.yaml
is 'a byte order mark and CRLF are no fault' larder -q validate
cp whole.txt features.yaml
ln -s /etc/passwd outside.yaml
ln -s nowhere.yaml lost.yaml
ln -s .. up
mkfifo pipe.yaml
is 'links that lead nowhere, or round, or a pipe, are no fault' \
    quietly timeout 20 larder validate
is '... but each that looks like definitions is told' \
    test "$(grep -c '^\(outside\|lost\|pipe\).yaml: warning: not read' err)" = 3
rm outside.yaml lost.yaml pipe.yaml up

# ----------------------------------------------------------- configuration
cp feature_store.yaml store.txt
# configured WHAT WORDS TEXT
configured() {
    printf "$3" >feature_store.yaml
    refused "$1" 1 "$2" larder apply --yes
}
configured 'an unknown key of the configuration' \
    "feature_store.yaml:2:1: error: unknown key 'registri'|did you mean 'registry'?" \
    'project: x\nregistri: y\n'
configured 'an unknown store' "type 'sqlit' is none of those built in: sqlite|did you mean 'sqlite'?" \
    'project: x\nregistry: {type: sqlit, path: r.db}\n'
configured 'an option that a store does not have' "unknown key 'pth'|did you mean 'path'?" \
    'project: x\nregistry: {type: sqlite, pth: r.db}\n'
configured 'a variable that is not set' \
    "feature_store.yaml:2:32: error: variable 'NOT_SET' is not set|NOT_SET:-default" \
    'project: x\nregistry: {type: sqlite, path: "${NOT_SET}"}\n'
configured 'a variable with a word for the one who forgot it' 'hint: ask the operator' \
    'project: x\nregistry: {type: sqlite, path: "${NOT_SET:?ask the operator}"}\n'
configured 'a secret file that is not there' "there is no file '/no/where'" \
    'project: x\nregistry: {type: sqlite, path: "${file:/no/where}"}\n'
configured 'a store in a folder' 'is a folder; registry is kept in a file' \
    'project: x\nregistry: {type: sqlite, path: .}\n'
configured 'a store in a device' 'is no plain file' \
    'project: x\nregistry: {type: sqlite, path: /dev/null}\n'
configured "a store in somebody's text" 'features.yaml is not a SQLite database' \
    'project: x\nregistry: {type: sqlite, path: features.yaml}\n'
configured 'an empty configuration' "the configuration is empty|project: NAME" ''
for secret in 'registry: {type: "${SECRET_URL}", path: r.db}' \
    'registry: {type: sqlite, path: r.db, password: "${SECRET_URL}"}' \
    'online_store: {type: lmdb, path: o, max_size: "${SECRET_URL}"}' \
    'registry: ["${SECRET_URL}"]'; do
    configured "what a variable holds is not told: ${secret%% \{*}" '' \
        "project: x\n$secret\n"
done
printf '%s\n' 'project: x' 'registry: {type: postgres, connection_string: "postgres://u:${SECRET_URL}@127.0.0.1:1/d"}' \
    >feature_store.yaml
refused 'what a variable holds is not told of a server either' 5 \
    '127.0.0.1:1' larder apply --yes
cp store.txt feature_store.yaml
is 'text that is not a store stays what it was' cmp -s features.yaml whole.txt
refused 'no configuration here' 1 "no feature_store.yaml in|'larder init DIR'" \
    larder -C / ls
refused 'a folder that is not there' 2 "-C 'nowhere'" larder -C nowhere ls
refused 'a configuration that is not there' 1 "'nowhere.yaml'" \
    larder --config nowhere.yaml ls
refused 'an environment that is a path' 1 "environment '../x' is no name" \
    larder --env ../x ls
refused 'a clock that is none' 2 "LARDER_NOW: time 'noon'" \
    env LARDER_NOW=noon larder ls

# ------------------------------------------------------------------ history
larder -q apply --yes >/dev/null
head -n 2001 flights.csv >first.csv
larder -q ingest flights first.csv >/dev/null
rows() { larder -q -o csv sql 'SELECT count(*) FROM flights' | tail -n 1; }
before=$(rows)
header=origin,destination,event_timestamp,delay,distance

# bad_rows WHAT WORDS TEXT: of a CSV file.
bad_rows() {
    printf "$3" >bad.csv
    refused "$1" 1 "$2" larder ingest flights bad.csv
}
line() { bad_rows "$1" "$2" "$header\nA,B,2001-01-02T00:00:00Z,1,2\n$3\n"; }

bad_rows 'a missing column' "bad.csv:1: error: the header lacks column 'distance'" \
    'origin,destination,event_timestamp,delay\nA,B,2001-01-02T00:00:00Z,1\n'
bad_rows 'a column by another name' "lacks column 'destination' (it has 'destinatio')" \
    'origin,destinatio,event_timestamp,delay,distance\nA,B,2001-01-02T00:00:00Z,1,2\n'
bad_rows 'a column too many' "unknown column 'extra'" "$header,extra\nA,B,2001-01-02T00:00:00Z,1,2,3\n"
bad_rows 'a column twice' "column 'origin' twice: as number 1 and 6" "$header,origin\n"
line 'a field too many' 'bad.csv:3: error: the record has 6 fields where the header has 5' \
    'A,B,2001-01-02T00:00:00Z,1,2,3'
line 'a field too few' 'the record has 4 fields' 'A,B,2001-01-02T00:00:00Z,1'
line 'a stray quote' "bad.csv:3:4: error: column 'destination': a quote inside a value|write each quote in it twice" \
    'A,B"B,2001-01-02T00:00:00Z,1,2'
line 'a quote never closed' "bad.csv:3:3: error: column 'destination': the quote that opens the value is never closed" \
    'A,"B,2001-01-02T00:00:00Z,1,2'
line 'invalid UTF-8 in a row' "bad.csv:3:3: error: column 'destination': invalid UTF-8 at byte 2" \
    'A,B\xff,2001-01-02T00:00:00Z,1,2'
line 'a NUL in a row' "column 'destination': a NUL at byte 2" 'A,B\0,2001-01-02T00:00:00Z,1,2'
line '2^63' "bad.csv:3:26: error: column 'delay': '9223372036854775808' is outside the range of int64" \
    'A,B,2001-01-02T00:00:00Z,9223372036854775808,2'
line '1e400' "'1e400' is not an int64" 'A,B,2001-01-02T00:00:00Z,1e400,2'
line '30 February' "bad.csv:3:5: error: column 'event_timestamp': time '2001-02-30T00:00:00Z': there is no 30 February" \
    'A,B,2001-02-30T00:00:00Z,1,2'
line 'a time without a zone' "has no zone: write 'Z' or an offset" 'A,B,2001-01-02T00:00:00,1,2'
line 'a null key' "bad.csv:3: error: column 'origin': a value is missing" ',B,2001-01-02T00:00:00Z,1,2'
line 'no time' "column 'event_timestamp': a value is missing" 'A,B,,1,2'
{ echo $header; head -c 10000000 /dev/zero | tr '\0' A; echo ',B,2001-01-02T00:00:00Z,1,2'; } >bad.csv
refused 'a field of 10 MB' 1 'bad.csv:2:1: error|over max_field_bytes (1048576)' \
    larder ingest flights bad.csv
bad_rows 'an empty file' 'bad.csv: error: the file is empty|a line that names the columns' ''
bad_rows 'no CSV at all' 'the header' '\0\1\2'
refused 'zeros without end' 1 'over 67108864 bytes' larder ingest flights /dev/zero
refused 'a file that is not there' 1 "'nowhere.csv'" larder ingest flights nowhere.csv
refused 'a folder' 1 'Is a directory' larder ingest flights .
refused 'a source that is not there' 1 "no source 'flight'|did you mean 'flights'?" \
    larder ingest flight first.csv
for bad in "delay 9223372036854775808 outside the range" 'delay 1e400 not an int64' \
    'delay "1" not an int64' 'origin 1 not a string' \
    'origin null a value is missing' 'delay [[[[[[[[ is not an int64'; do
    read -r column value words <<<"$bad"
    other=$([ "$column" = delay ] && echo '"origin": "A"' || echo '"delay": 1')
    printf '{"%s": %s, %s, "destination": "B", "event_timestamp": "2001-01-02T00:00:00Z", "distance": 2}\n' \
        "$column" "$value" "$other" >bad.jsonl
    refused "JSON: $column is $value" 1 "bad.jsonl:1|column '$column'|$words" \
        larder ingest flights bad.jsonl
done
printf '{"origin": "A", "origin": "B"}\n' >bad.jsonl
refused 'JSON: a member twice' 1 'the record has it twice' larder ingest flights bad.jsonl
printf '{"origin": "\\u0000"}\n' >bad.jsonl
refused 'JSON: a NUL' 1 'a string holds a NUL' larder ingest flights bad.jsonl
mkfifo pipe
printf "$header\nA,B,2001-01-02T00:00:00Z,x,2\n" >pipe &
refused 'a fault in a pipe is told, and the pipe is not waited for' 1 "pipe:2:26|'x' is not an int64" \
    larder ingest flights pipe
wait
printf "$header\n,B,2001-01-02T00:00:00Z,1,2\n" >bad.csv
refused 'rejects over what is read' 2 "'./bad.csv' is the file that is read" \
    larder ingest flights bad.csv --on-error quarantine --rejects ./bad.csv
refused 'rejects of two files in one' 2 '--rejects names one file' \
    larder ingest flights bad.csv bad.csv --on-error quarantine --rejects r.csv
refused 'rejects that cannot be written' 1 "'nowhere/r.csv' cannot be written" \
    larder ingest flights bad.csv --on-error quarantine --rejects nowhere/r.csv
is 'nothing of all that went in' test "$(rows)" = "$before"
is '... and the next file does' quietly larder -q ingest flights flights.csv
refused 'only reading is asked of history' 1 'only reading is allowed' \
    larder sql 'DELETE FROM flights'

# ------------------------------------------------------- a row of the future
printf "$header\nFUT,B,2001-04-01T00:05:00Z,77,2\n" >future.csv
larder -q ingest flights future.csv >/dev/null
future() { larder -q -o csv get origin=FUT -f airport_delay:origin_delay | tail -n 1; }
larder -q materialize >/dev/null
is 'a row of the future is not served' test "$(future)" = FUT,,NOT_FOUND,
LARDER_NOW=2001-04-01T00:04:59.999999Z larder -q materialize >/dev/null
is '... up to its last microsecond' test "$(future)" = FUT,,NOT_FOUND,
export LARDER_NOW=2001-04-01T00:05:00Z
larder -q materialize >/dev/null
is '... and is when its time has come' \
    test "$(future)" = FUT,77,PRESENT,2001-04-01T00:05:00Z

# ------------------------------------------------------------------- spines
# spine WHAT WORDS TEXT [OPTIONS...]
spine() {
    local what=$1 words=$2
    printf "$3" >spine_.csv
    shift 3
    refused "$what" 1 "$words" larder join spine_.csv -f airport_delay "$@"
}
t=2001-02-01T00:00:00Z
spine 'a spine without the key' "no key column 'origin'|its nearest column is 'orgin'" \
    "orgin,event_timestamp\nSFO,$t\n"
spine 'a spine without times' "no time column 'event_timestamp'|'event_time'" \
    "origin,event_time\nSFO,$t\n"
spine 'a spine with a feature of that name' "as a spine column is|--full-feature-names" \
    "origin,event_timestamp,origin_delay\nSFO,$t,1\n"
spine 'a spine with a column twice' "column 'origin' twice" "origin,event_timestamp,origin\nSFO,$t,A\n"
spine 'an empty spine' 'spine_.csv: error: the file is empty' ''
spine 'a spine with a bad time' "row 2, column 'event_timestamp'|no 30 February" \
    "origin,event_timestamp\nSFO,$t\nSFO,2001-02-30T00:00:00Z\n"
spine 'a spine with a row without time' "row 1 has no 'event_timestamp'" "origin,event_timestamp\nSFO,\n"
spine 'a spine with a NUL' "spine_.csv:2:1|a NUL at byte 2" "origin,event_timestamp\nS\0O,$t\n"
printf "origin,event_timestamp\n" >spine_.csv
is 'a spine of a header gives a header' \
    test "$(larder join spine_.csv -f airport_delay:origin_delay)" = origin,event_timestamp,origin_delay
printf "origin,event_timestamp\n,$t\nSFO,$t\n" >spine_.csv
larder join spine_.csv -f airport_delay:origin_delay >out 2>err
is 'a null key stays, with null features' grep -qx ",$t," out
is '... and is counted' grep -q '1 row of the spine with a null in the key' err
refused 'a view that is not there' 1 "no feature view 'airport_dela'|did you mean 'airport_delay'?" \
    larder join spine.csv -f airport_dela
refused 'a feature that is not there' 1 "no feature 'dely'|did you mean 'route_latest:delay'?" \
    larder join spine.csv -f route_latest:dely
refused 'a service that is not there' 1 "did you mean 'delay_model_v1'?" \
    larder join spine.csv -s delay_model_v2
refused 'both -f and -s' 2 'not both' larder join spine.csv -s delay_model_v1 -f airport_delay
refused 'neither -f nor -s' 2 'which features?' larder join spine.csv
mkdir taken.csv
for place in taken.csv nowhere/x.csv /proc/x.csv; do
    refused "-O $place" 1 "'$place' cannot be written" \
        larder join spine.csv -s delay_model_v1 -O "$place"
done

# ------------------------------------------------------------- online reads
get() { refused "$1" "$2" "$3" larder get "${@:4}"; }
get 'a key of another name' 1 "'orgin' is no key|did you mean 'origin'?" orgin=SFO -f airport_delay
get 'a key too few' 1 "key 'destination' is missing|destination=VALUE" origin=SFO -f route_latest
get 'a key too many' 1 "'gate' is no key|destination, origin" origin=SFO destination=LAX gate=1 -f route_latest
get 'a key that is no text' 1 'invalid UTF-8 at byte 2' "origin=A"$'\xff' -f airport_delay
get 'a key that is too long' 1 '480 bytes' "origin=$(printf 'x%.0s' {1..600})" -f airport_delay
get 'no KEY=VALUE' 2 "'SFO' is not KEY=VALUE" SFO -f airport_delay
get 'a time that is none' 2 "--at: time 'noon'" origin=SFO -f airport_delay --at noon
get 'a time before the newest row' 1 'use join for the past' \
    origin=SFO -f airport_delay --at 2001-01-01T00:00:00Z
printf 'origin,why\nSFO,x\n,y\n' >keys.csv
get 'a null key in a file' 1 "keys.csv:3: error: column 'origin'" --keys keys.csv -f airport_delay
get 'keys in no file' 1 "'nowhere.csv'" --keys nowhere.csv -f airport_delay
get 'keys in an empty file' 1 'the file is empty' --keys /dev/null -f airport_delay
larder -q apply --yes >/dev/null
sed -i 's/name: airport_delay/name: airport_late/; s/\[airport_delay,/[airport_late,/' features.yaml
larder -q apply --yes --allow-breaking >/dev/null
get 'a view that is not materialized' 1 'larder materialize -V airport_late' origin=SFO -f airport_late

# --------------------------------------------------------------- user tables
mkdir "$folder/users" && cd "$folder/users"
echo 'project: users' >feature_store.yaml
cat >features.yaml <<'END'
entities: [{name: e, join_key: k, type: string}]
sources: [{name: s, table: t, timestamp_field: ts}]
feature_views: [{name: v, entities: [e], source: s, features: [{name: a, type: int64}]}]
END
# table WHAT WORDS SQL
table() {
    rm -rf data && mkdir data && sqlite3 data/offline.db "$3"
    refused "$1" 1 "$2" larder apply --yes
}
table 'a table that is not there' "features.yaml:2:28: error|no table 't'|write \`schema:\`" 'CREATE TABLE u(a)'
table 'a column that is not there' "has no column 'ts'|did you mean 'tss'?" \
    'CREATE TABLE t(k TEXT, tss INTEGER, a INTEGER)'
table 'a column of another type' "column 'a' of table 't' is string, which cannot be read as int64" \
    'CREATE TABLE t(k TEXT, ts INTEGER, a TEXT)'
sed -i 's/table: t/query: "DROP TABLE t"/' features.yaml
table 'a query that would change something' 'only reading is allowed' \
    'CREATE TABLE t(k TEXT, ts INTEGER, a INTEGER)'
is '... changes nothing' test "$(sqlite3 data/offline.db .tables)" != ''

cd "$folder"
is 'no secret was told by any of them' test "$(grep -rc hunter2 --include=everything . | grep -vc ':0$')" = 0
is 'no sanitizer said anything' test "$(grep -rcE 'Sanitizer|runtime error' --include=everything . | grep -vc ':0$')" = 0
echo "1..$n"
