#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# push.sh - rows handed in: all of them or none, the bad ones told, the same
# ones twice for nothing.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
export LARDER_NOW=2001-04-01T00:00:00Z
unset LARDER_CONFIG LARDER_ENV

folder=$(mktemp -d) || exit 1
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder" || exit 1
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

# ends WHAT CODE COMMAND...: it ends with the code.
ends() {
    local what=$1 want=$2 code=0
    shift 2
    timeout 60 "$@" >out 2>err || code=$?
    ok "$what" test "$code" = "$want"
}
has() { grep -qF -- "$1" "${2:-err}"; }
holds() { test "$(larder sql "SELECT count(*) FROM trips" -o csv)" = "count(*)
$1"; }
online() { larder get driver_id="$1" -f windows:stars_30d >got 2>err &&
    grep -qE "^stars_30d +$2 " got; }
absent() { larder get driver_id="$1" -f windows:stars_30d | grep -q NOT_FOUND; }

printf 'project: t\n' >feature_store.yaml
cat >features.yaml <<'END_YAML'
entities:
  - {name: driver, join_key: driver_id, type: string}
sources:
  - name: trips
    timestamp_field: ts
    schema:
      - {name: driver_id, type: string}
      - {name: score, type: float64}
      - {name: stars, type: int64}
  - {name: handed, kind: push, batch_source: trips}
  - {name: asked, kind: request, schema: [{name: planned, type: int64}]}
feature_views:
  - name: latest
    entities: [driver]
    source: trips
    features:
      - {name: score, type: float64, range: [0, 100]}
      - {name: stars, type: int64, range: [0, 5], on_violation: refuse}
  - name: windows
    entities: [driver]
    source: trips
    features:
      - {name: stars_30d, type: int64, aggregate: sum, column: stars,
         window: 30d}
END_YAML
larder -q apply --yes >out
header=driver_id,ts,score,stars
printf '%s\na,2001-03-01T00:00:00Z,1,1\n' $header >first.csv
larder -q ingest trips first.csv >out
larder -q materialize >out

# ---------------------------------------------------------------------- taken
printf '%s\na,2001-03-30T00:00:00Z,2,2\nb,2001-03-05T00:00:00Z,3,5\n' $header \
    >rows.csv
ends 'rows are pushed' 0 larder push handed rows.csv
ok '... into history' holds 3
ok '... and into windows' online a 2
ok '... of each entity' online b 5
ends 'the same rows again' 0 larder push handed - <rows.csv
ok '... are not new' has '2 rows pushed to handed, 0 of them new' out
ok '... and change nothing' holds 3
ok '... neither online' online a 2
printf '%s\na,2001-03-29T00:00:00Z,1,1\n' $header >late.csv
ends 'a late row' 0 larder push handed late.csv
ok '... counts too' online a 3
printf '%s\nc,2001-03-29T00:00:00Z,101,1\n' $header >warned.csv
ends 'a broken promise is a check that failed' 3 larder push handed warned.csv
ok '... told' has "feature 'latest:score': 1 value is outside its range"
ok '... and in a table' grep -qE '^latest +score +range +1 ' out
ok '... beside the rows, which are there' online c 1
ends 'under -o json' 3 larder push handed warned.csv -o json
ok '... in a list' has '"rule": "range"' out
ends 'history alone is judged as well' 3 \
    larder push handed warned.csv --to offline

# -------------------------------------------------------------------- refused
# refused WHAT WORDS: nothing of bad.csv is taken, its good row neither.
refused() {
    ends "refused: $1" 1 larder push handed bad.csv
    ok '... by name' has "$2"
    ok '... and nothing of it is in history' holds 5
    ok '... nor online' absent d
}
good=d,2001-03-30T00:00:00Z,1,1
long=$(printf 'x%.0s' {1..600})
printf '%s\n%s\n%s,2001-03-30T00:00:00Z,1,1\n' $header $good "$long" >bad.csv
refused 'a key too long for any online store' \
    "bad.csv:3: error: column 'driver_id': the key of feature view 'latest' is"
printf '%s\n%s\nd,2001-03-30T00:00:01Z,1,6\n' $header $good >bad.csv
refused 'a value that is refused' \
    "bad.csv:3: error: column 'stars': 6 is outside the range [0, 5]"
printf '%s\n%s\nd,2001-04-01T00:05:00.000001Z,1,1\n' $header $good >bad.csv
refused 'a row of the future' \
    "bad.csv:3: error: column 'ts': 2001-04-01T00:05:00.000001Z is more than"
printf '%s\n%s\nd,2001-04-02T00:00:00Z,1,1\nd,2001-03-30T00:00:00Z,x,1\n%s\n' \
    $header $good "$long,2001-03-30T00:00:00Z,1,1" >bad.csv
refused 'rows that are bad each in its way' '3 records'
ok '... the one of the future told' has "bad.csv:3: error: column 'ts'"
ok '... the one that cannot be read' has "bad.csv:4: error: column 'score'"
ok '... and the one whose key is too long' has "bad.csv:5: error: column 'dri"
printf '%s\n%s\nd,yesterday,1,1\n' $header $good >bad.csv
refused 'a time that is none' "bad.csv:3: error: column 'ts'"
{
    printf '%s\n' $header
    for i in {1..150}; do echo "d,2001-03-30T00:00:00Z,1,x$i"; done
} >bad.csv
refused 'many bad rows' '150 records'
ok '... a hundred of them told' test "$(grep -c '^bad.csv:' err)" = 100

# ---------------------------------------------------------------- not pushed to
ends 'a source of history' 1 larder push trips rows.csv
ok '... names its push source' has "push to 'handed'"
ends 'a request source' 1 larder push asked rows.csv
ok '... is told from a table' has 'kind'
ends 'an unknown source' 1 larder push hand rows.csv
printf '%s\n%s,2001-03-30T00:00:00Z,1,1\n' $header "$long" >long.csv
ends 'history holds a long key' 0 larder push handed long.csv --to offline
ends 'online alone, with windows' 1 larder push handed rows.csv --to online
ok '... says what to do' has 'push --to both'
ends 'rows of all pushes' 0 larder prove
echo "1..$n"
