#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# freshness.sh - freshness as a command: fresh is 0, stale 3, unknown 4, a store
# that is away 5; and none of the ways in which a check can pass without having
# looked does.
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

printf 'project: t\n' >feature_store.yaml
cat >features.yaml <<'END'
entities:
  - {name: driver, join_key: driver_id, type: int64}
sources:
  - name: trips
    timestamp_field: ts
    created_timestamp_column: created
    schema: [{name: driver_id, type: int64}, {name: score, type: float64}]
feature_views:
  - name: latest
    entities: [driver]
    source: trips
    freshness: {warn: 12h, max: 24h}
    features: [{name: score, type: float64}]
  - name: weekly
    entities: [driver]
    source: trips
    freshness: {max: 2d}
    features:
      - {name: sum_7d, type: float64, aggregate: sum, column: score, window: 7d}
END
cat >trips.csv <<'END'
driver_id,ts,created,score
1,2001-03-30T00:00:00Z,2001-03-30T01:00:00Z,1
2,2001-03-31T16:00:00Z,2001-03-31T18:00:00Z,2
END

# ------------------------------------------------ nothing is known: not fresh
ends 'nothing applied is no success' 1 larder freshness
larder -q apply --yes >out
ends 'nothing materialized: no age is made up' 4 larder freshness
ok '... each view is named' has "feature view 'weekly' is unknown: not \
materialized yet: run 'larder materialize -V weekly'"
ok '... and counted first' test "$(head -n 1 out)" = \
    'unknown: 0 fresh, 0 stale, 2 unknown'
ends '... as JSON' 4 larder freshness -o json
ok '... absent is absent' has '"status": "unknown", "event_age_seconds": null, \
"arrival_age_seconds": null, "run_age_seconds": null' out
larder -q materialize >out 2>&1
ends 'a run that read nothing changes nothing' 4 larder freshness
larder -q ingest trips trips.csv >out
larder -q materialize --dry-run >out 2>&1
ends 'nor does a dry one' 4 larder freshness
larder -q materialize -V latest >out
ends 'one unknown view among fresh ones is counted' 4 larder freshness
ok '... beside the other' test "$(head -n 1 out)" = \
    'unknown: 1 fresh, 0 stale, 1 unknown'
ends '... unless it is not asked for' 0 larder freshness latest

# ------------------------------------------------------------ fresh and stale
larder -q materialize >out
ends 'all are fresh' 0 larder freshness
ok '... first of all' test "$(head -n 1 out)" = \
    'fresh: 2 fresh, 0 stale, 0 unknown'
ok '... without a word more' test ! -s err
ok '... by their ages' grep -qE '^latest +fresh +8h +6h +0s +12h +1d' out
ends 'older than warn' 0 env LARDER_NOW=2001-04-01T06:00:00Z larder freshness
ok '... is told' has "feature view 'latest' is fresh: its newest event is 14h \
old; freshness: warn is 12h"
ends 'older than max' 3 env LARDER_NOW=2001-04-01T16:00:01Z larder freshness
ok '... with the fact it was judged by' has "feature view 'latest' is stale: its \
newest event, of 2001-03-31T16:00:00Z, is 1d old; freshness: max allows 1d"
ok '... and the other view' grep -qE '^weekly +fresh ' out
ends '... which is fresh by itself' 0 \
    env LARDER_NOW=2001-04-01T16:00:01Z larder freshness weekly
ends 'a limit of the caller' 3 larder freshness --max-staleness 7h
ok '... by its name' has '--max-staleness allows 7h'
ends '... as JSON' 3 larder freshness --max-staleness 7h -o json -V latest
ok '... in seconds' has '"view": "latest", "status": "stale", \
"event_age_seconds": 28800, "arrival_age_seconds": 21600, "run_age_seconds":' out
ok '... with the limit' has '"max_seconds": 25200' out
ok '... and the whole verdict' has '"status": "stale",' out
ends '... as CSV' 3 larder freshness --max-staleness 7h -o csv latest
ok '... the same' has 'latest,stale,28800,21600,' out
ends '... quietly' 3 larder -q freshness --max-staleness 7h
ok '... the table alone' grep -qE '^view ' out

# -------------------------------------------------------- what cannot be judged
ends 'a clock that went back' 4 env LARDER_NOW=2001-03-31T00:00:00Z larder freshness
ok '... is told' has 'one of two clocks is wrong'
sed -i 's/freshness: {max: 2d}/freshness: {warn: 2d}/' features.yaml
larder -q apply --yes >out
ends 'no limit' 4 larder freshness weekly
ok '... tells the key to write' has "no limit is declared: give the view \
'freshness: {max: 24h}', or ask with --max-staleness"
ends '... unless there is one' 0 larder freshness weekly --max-staleness 1d
sed -i 's/freshness: {warn: 2d}/online: false/' features.yaml
larder -q apply --yes >out
ends 'a view that is not online' 4 larder freshness weekly --max-staleness 1d
ok '... is told' has "'online: false'"
ends '... and is none of all' 0 larder freshness
sed -i 's/freshness: {warn: 12h/online: false\n    freshness: {warn: 12h/' features.yaml
larder -q apply --yes >out
ends 'no view to look at is no success' 1 larder freshness
sed -i '/online: false/d' features.yaml
larder -q apply --yes >out

# ------------------------------------------------------------------------ jobs
cat >jobs.yaml <<'END'
jobs:
  - {name: often, run: materialize, every: 10h, timeout: 1h}
END
larder -q apply --yes >out
LARDER_NOW=2001-04-01T01:00:00Z larder -q materialize >out
ends 'a job promises a run' 0 \
    env LARDER_NOW=2001-04-01T12:00:00Z larder freshness latest
ok '... within its interval and what it takes' grep -qE ' 11h +often$' out
ends 'a run alone' 0 env LARDER_NOW=2001-04-02T00:00:00Z larder -q materialize
ends '... makes nothing fresh' 3 \
    env LARDER_NOW=2001-04-02T00:00:00Z larder freshness latest
ok '... however young it is' grep -qE '^latest +stale +1d8h +1d6h +0s ' out
ends 'one that is late' 3 env LARDER_NOW=2001-04-02T13:00:00Z \
    larder freshness latest --max-staleness 7d
ok '... is told by the job' has "its last run, of 2001-04-02T00:00:00Z, is 13h \
old; job 'often' promises one within 11h"
ends 'the interval counts' 0 env LARDER_NOW=2001-04-02T13:00:00Z bash -c \
    "sed -i 's/every: 10h/every: 20h/' jobs.yaml && larder -q apply --yes && \
     larder freshness latest --max-staleness 7d"
ends 'a cron line counts too' 3 env LARDER_NOW=2001-04-02T13:00:00Z bash -c \
    "sed -i 's/every: 20h/cron: \"0 *\/6 * * *\"/' jobs.yaml && \
     larder -q apply --yes && larder freshness latest --max-staleness 7d"
ok '... by its longest gap' has "promises one within 7h"

# ------------------------------------------------------------ a store is away
mv data/online away
ends 'a store that is not there is not fresh' 1 larder freshness
ok '... and nothing is printed' test ! -s out
mv away data/online
printf 'garbage' >data/online/data.mdb
ends 'nor is one that is damaged' 1 larder freshness
ok '... and nothing is printed' test ! -s out

# ---------------------------------------------------------------------- faults
ends 'no duration' 2 larder freshness --max-staleness soon
ok '... is told' has "duration 'soon'"
ends 'no limit at all' 2 larder freshness --max-staleness 0s
ends 'views twice' 2 larder freshness latest -V weekly
ends 'an unknown view' 1 larder freshness lattest
echo "1..$n"
