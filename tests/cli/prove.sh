#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# prove.sh - the proof as a command: equal is 0, a difference 3 and told with
# both values, nothing to compare 4; and its faults are those of the command
# line.
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
lacks() { ! has "$@"; }
history() { sqlite3 data/offline.db "$1"; }

printf 'project: t\n' >feature_store.yaml
cat >features.yaml <<'END'
entities:
  - {name: driver, join_key: driver_id, type: int64}
sources:
  - name: trips
    timestamp_field: ts
    schema:
      - {name: driver_id, type: int64}
      - {name: score, type: float64}
      - {name: kind, type: string}
  - {name: trips_push, kind: push, batch_source: trips}
feature_views:
  - name: latest
    entities: [driver]
    source: trips
    features: [{name: score, type: float64}, {name: kind, type: string}]
  - name: weekly
    entities: [driver]
    source: trips
    features:
      - {name: sum_7d, type: float64, aggregate: sum, column: score, window: 7d}
on_demand_feature_views:
  - name: share
    inputs: [weekly]
    features: [{name: half, type: float64, expr: "sum_7d / 2"}]
feature_services:
  - {name: ranking, features: [share]}
END
cat >trips.csv <<'END'
driver_id,ts,score,kind
1,2001-03-28T00:00:00Z,0.25,city
1,2001-03-30T00:00:00Z,50,city
2,2001-03-31T00:00:00Z,1.5,far
3,2001-03-01T00:00:00Z,7,far
END

# --------------------------------------------------------- nothing to compare
ends 'a store with nothing applied' 1 larder prove
larder -q apply --yes >/dev/null
ends 'what is not materialized is not proved' 4 larder prove
ok '... and each view is named' has \
    "feature view 'weekly': nothing was compared: not materialized yet"
larder -q ingest trips trips.csv >/dev/null
larder -q materialize -V latest >/dev/null
ends 'one view of two is not enough' 4 larder prove
ok '... though it was compared' grep -qE '^latest +3 +3 ' out
ends '... unless it is the one asked for' 0 larder prove -V latest

# --------------------------------------------------------------------- equal
larder -q materialize >/dev/null
ends 'what was materialized is proved' 0 larder prove
ok '... entity by entity' grep -qE '^weekly +3 +3 +0 +0 +0 ' out
ok '... without a word more' test ! -s err
ends 'as JSON' 0 larder prove -o json
ok '... with the views' has '"view": "latest", "compared": 3, "equal": 3' out
ok '... and no difference' has '"difference": null' out
ends 'a service is its views' 0 larder prove -s ranking -o csv
ok '... and no others' lacks latest out
ends 'so is a feature' 0 larder prove -f latest:kind -o csv
ok '... and no others' lacks weekly out
ends 'a sample of one' 0 larder prove --sample 1 -o csv
ok '... is one entity' has 'latest,1,1,0,0,0' out
printf 'driver_id,ts,score,kind\n1,2001-03-29T00:00:00Z,2,late\n' >late.csv
larder -q ingest trips late.csv >/dev/null
ends 'a row that waits for the next run' 0 larder prove
printf 'driver_id,ts,score,kind\n2,2001-03-31T12:00:00Z,3,new\n' >new.csv
larder -q push trips_push new.csv --to both >/dev/null
ends 'one that was pushed' 0 larder prove
larder -q materialize >/dev/null
ends 'and the next run' 0 larder prove

# ------------------------------------------------------------------ different
history "UPDATE trips SET score = 50.00000000000001 WHERE score = 50"
ends 'one ulp in history' 3 larder prove
ok '... is told with both values' has "feature view 'latest', driver_id=1: \
score is 50.0 online, and 50.00000000000001 by history"
ok '... and counted' grep -qE '^latest +3 +2 +1 ' out
ends '... of a window too' 3 larder prove -V weekly
ok '... by its feature' has \
    'sum_7d is 52.25 online, and 52.25000000000001 by history'
ends '... as JSON' 3 larder prove -o json
ok '... with every part' has '"history": "50.00000000000001"' out
ends '... quietly' 3 larder -q prove
ok '... without words' test ! -s err
history "UPDATE trips SET score = 50 WHERE score = 50.00000000000001"
ends 'put right again' 0 larder prove

sed -i '/name: weekly/,$d' features.yaml
larder -q apply --yes --allow-breaking >/dev/null
larder -q push trips_push - --to online >/dev/null <<'END'
driver_id,ts,score,kind
4,2001-03-31T12:00:00Z,3,alone
END
ends 'a row pushed online alone' 3 larder prove
ok '... is not in history' has "feature view 'latest', driver_id=4: online is a \
row of 2001-03-31T12:00:00Z; history has no row of this key"

# --------------------------------------------------------------------- faults
ends 'a sample of none' 2 larder prove --sample 0
ends 'views and a service' 2 larder prove -V latest -s ranking
ends 'an unknown view' 1 larder prove -V lattest
ok '... is told the nearest' has latest
ends 'an unknown option' 2 larder prove --samples 3
echo "1..$n"
