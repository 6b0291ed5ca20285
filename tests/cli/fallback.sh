#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# fallback.sh - an online store and its fallback, as whole commands: both are
# kept up to date, either one is away, both are.
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
hasnt() { ! has "$@"; }
both() { has "$1" && has "$2"; }
gives() { # SCORE: what a's score is, whoever answers
    larder get driver_id=a -f latest:score -o json >got 2>err &&
        grep -qF "{\"values\": [$1]" got
}
answered() { grep -qF "\"answered\": \"$1\"" got; }
row() { printf 'driver_id,ts,score\n%s\n' "$1"; }

cat >feature_store.yaml <<'END_YAML'
project: t
online_store:
  type: lmdb
  path: data/online
  max_fallback_age: 10d
  fallback: {type: lmdb, path: data/second}
END_YAML
cat >features.yaml <<'END_YAML'
entities:
  - {name: driver, join_key: driver_id, type: string}
sources:
  - name: trips
    timestamp_field: ts
    schema:
      - {name: driver_id, type: string}
      - {name: score, type: int64}
  - {name: handed, kind: push, batch_source: trips}
feature_views:
  - name: latest
    entities: [driver]
    source: trips
    features: [{name: score, type: int64}]
  - name: windows
    entities: [driver]
    source: trips
    features:
      - {name: sum_60d, type: int64, aggregate: sum, column: score,
         window: 60d}
END_YAML

# ----------------------------------------------------------------------- made
ends 'plan names a fallback that is not there' 0 larder plan
ok '... once' has "the fallback of the online store ('lmdb') is not there yet"
ends 'apply makes both' 0 larder -q apply --yes
ok '... the second too' test -e data/second/data.mdb
ends 'plan has no more to say' 0 larder plan
ok '... of it' hasnt fallback
row 'a,2001-03-01T00:00:00Z,1' >rows.csv
larder -q ingest trips rows.csv >out
ends 'materialize fills both' 0 larder materialize -o json
ok '... and says so' test "$(grep -c '"written": 1' out)" = 4
ok '... naming them' has '"store": "fallback"' out
ends 'prove compares both' 0 larder prove
ok '... each by name' test "$(grep -cE ' (primary|fallback) +1 +1 ' out)" = 4
ends 'freshness judges both' 0 larder freshness --max-staleness 90d
ok '... each by name' test "$(grep -cE ' (primary|fallback) +fresh ' out)" = 4

# ------------------------------------------------------------------ one is away
ok 'the primary answers' gives 1
ok '... by name' answered primary
ok '... without a word' test ! -s err
mv data/online away
ok 'without it the fallback does' gives 1
ok '... by name' answered fallback
ok '... with how old it is' has '"until": "2001-04-01T00:00:00Z"' got
ok '... and a warning' has "warning: the fallback 'lmdb' answered, \
materialized up to 2001-04-01T00:00:00Z (0s ago): online store 'lmdb'"
LARDER_NOW=2001-04-03T00:00:00Z larder get driver_id=a -f latest >out 2>err
ok '... which counts its age' has '(2d ago)'
LARDER_NOW=2001-05-01T00:00:00Z ends 'one that is too old is refused' 5 \
    larder get driver_id=a -f latest
ok '... by the limit it passed' has 'longer ago than the 10d of max_fallback_age'
ends 'windows are read there too' 0 larder get driver_id=a -f windows
ok '... and computed' grep -qE '^sum_60d +1 +PRESENT' out
mv data/second away2
ends 'with both away nothing answers' 5 larder get driver_id=a -f latest
ok '... and both are named' both "$folder/data/online" "$folder/data/second"
ok '... and nothing is printed' test ! -s out
mv away data/online

# ------------------------------------------------------------------- catching up
row 'a,2001-03-02T00:00:00Z,2' >rows.csv
ends 'a push is done without the fallback' 0 larder push handed rows.csv
ok '... which is told' has 'the next materialize brings it what it lacks'
row 'a,2001-03-03T00:00:00Z,3' >rows.csv
larder -q ingest trips rows.csv >out
ends 'materialize fails for the fallback' 1 larder materialize
ok '... by name' has 'error: the fallback: online store'
ok '... and brings the primary up to date' gives 3
ends '... and a fallback that cannot be looked at is not fresh' 1 \
    larder freshness --max-staleness 90d
ok '... which answers' answered primary
mv away2 data/second
ends '... one that was left behind is older' 3 \
    larder freshness --max-staleness 29d
ok '... by itself' test "$(grep -cE ' fallback +stale ' out)" = 2
ends 'the next run catches up' 0 larder materialize -o json
ok '... with rows the primary had' \
    test "$(grep -c '"store": "fallback", "read": 1, "written": 1' out)" = 2
mv data/online away
ok '... so that the fallback has them' gives 3
mv away data/online
ends '... to the byte' 0 larder prove

# A fallback that differs from history is found.
cp -r data/second kept
row 'a,2001-03-04T00:00:00Z,4' >rows.csv
larder -q push handed rows.csv >out
rm -rf data/second && mv kept data/second
ends 'an old fallback is as it says' 0 larder prove
larder -q materialize >out 2>&1
ends 'a row more in history' 0 larder prove

# A primary that cannot even be opened keeps nobody from the rows.
cp -r data/online kept && : >data/online/data.mdb
row 'b,2001-03-05T00:00:00Z,5' >rows.csv
larder -q ingest trips rows.csv >out
ends 'materialize goes on without the primary' 1 larder materialize -o json
ok '... which is told' has "online store 'lmdb'"
ok '... into the fallback' \
    test "$(grep -c '"store": "fallback", "read": 1, "written": 1' out)" = 2
larder get driver_id=b -f latest -o json >got 2>err
ok '... which has them' has '"values": [5]' got
ok '... and says why it answers' has 'data.mdb'
rm -rf data/online && mv kept data/online
ends '... and the primary catches up' 0 larder materialize
ends '... to the byte' 0 larder prove

# -------------------------------------------------------------------- taken down
ends 'teardown' 0 larder teardown --yes
ok '... takes both' test ! -e data/online -a ! -e data/second

cat >feature_store.yaml <<'END_YAML'
project: t
online_store: {type: lmdb, path: a, fallback: {type: lmbd, path: b}}
END_YAML
ends 'a type that is none is refused' 1 larder validate
ok '... at its place' has 'feature_store.yaml:2:47'
echo "1..$n"
