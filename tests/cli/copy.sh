#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# copy.sh - one environment to another as a command: what arrives is equal, a
# copy that was killed is ended by the same command, and what is not copied is
# named.
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

printf 'project: t\n' >feature_store.yaml
cat >feature_store.prod.yaml <<'END'
project: t
registry: {type: sqlite, path: prod/registry.db}
offline_store: {type: sqlite, path: prod/offline.db}
online_store: {type: lmdb, path: prod/online}
END
cat >features.yaml <<'END'
entities:
  - {name: driver, join_key: driver_id, type: int64}
sources:
  - name: trips
    timestamp_field: ts
    schema:
      - {name: driver_id, type: int64}
      - {name: score, type: float64}
feature_views:
  - name: latest
    entities: [driver]
    source: trips
    features: [{name: score, type: float64}]
  - name: weekly
    entities: [driver]
    source: trips
    features:
      - {name: sum_7d, type: float64, aggregate: sum, column: score, window: 7d}
END
awk 'BEGIN {
    print "driver_id,score,ts"
    for (i = 0; i < 200000; i++)
        printf "%d,%d.5,2001-03-%02dT%02d:%02d:00Z\n", i % 20000, i % 97,
            1 + i % 30, i % 24, int(i / 24) % 60
}' >trips.csv

# --------------------------------------------------------------- the command

ends 'an environment to copy to is asked for' 2 larder copy
ends 'an environment is not copied to itself' 2 larder copy --to local
ok 'the words say so' has "both 'local'"
ends 'an environment that is none is named' 1 larder copy --to nowhere
ok 'with the file that is looked for' has feature_store.nowhere.yaml
ends 'nothing applied is nothing to copy' 1 larder copy --to prod
ok 'and the side is told' has 'copying from'

larder -q apply --yes >out 2>err || cat err
ends 'nothing to copy is no success' 3 larder copy --to prod --history --online
ok 'history is missed' has "no history to copy in 'local'"
ok 'online rows too' has "no online row to copy in 'local'"
ok 'the definitions are there all the same' \
    test "$(larder --env prod ls views | grep -c trips)" = 2

# ------------------------------------------------------------------- a copy

larder -q ingest trips trips.csv >out 2>err || cat err
larder -q materialize >out 2>err || cat err
ends 'a dry run' 0 larder copy --to prod --history --online --dry-run -o json
ok 'counts rows' has '"read": 200000, "written": 200000' out
ends 'which are not there yet' 3 larder --env prod materialize
rm -r prod # a first run without a row is remembered

# Killed again and again, while it writes: the last time it ends.
killed=0
for wait in 0.05 0.2 0.35 0.5; do
    timeout -s KILL "$wait" larder -q copy --to prod --history --online \
        >out 2>err || killed=$((killed + 1))
done
ok 'it is killed' test "$killed" -gt 0
ends 'after kill -9 the same command ends it' 0 \
    larder copy --to prod --history --online -o json
ok 'all of history is equal' grep -q \
    '"source", "name": "trips", "read": 200000, .*"held": 200000, "digests": "equal"' out
ok 'and all that is online' test "$(grep -c '"kind": "view".*"read": 20000, .*"equal"' out)" = 2

for driver in 0 7 19999; do
    larder get driver_id=$driver -f latest,weekly >here 2>&1
    larder --env prod get driver_id=$driver -f latest,weekly >there 2>&1
    ok "driver $driver has the same features" cmp here there
done
ends 'the target proves its rows' 0 larder --env prod prove
ends 'its ledger knows them all' 0 larder --env prod materialize -o json
ok 'nothing is read again' has '"read": 0' out

# A signal ends it in order.
timeout -s INT 0.1 larder copy --to prod --history >out 2>err
code=$?
ok 'Ctrl-C is 130, or it was faster' test "$code" = 130 -o "$code" = 124 \
    -o "$code" = 0

# ------------------------------------------------------------ what is different

printf 'driver_id,score,ts\n7,100,2001-03-31T00:00:00Z\n' >own.csv
larder -q --env prod ingest trips own.csv >out 2>err
larder -q --env prod materialize >out 2>err
larder --env prod get driver_id=7 -f latest,weekly >before 2>&1
ends 'what the target has besides is told' 3 \
    larder copy --to prod --history --online
ok 'of history' has 'the target holds 1 rows that are not in what was copied'
ok 'and of rows online' has '1 rows of the target are newer, and stay'
larder --env prod get driver_id=7 -f latest,weekly >after 2>&1
ok 'a newer row is not overwritten' cmp before after

# -------------------------------------------------------- tables of one's own

if command -v sqlite3 >/dev/null; then
    for file in data/offline.db prod/offline.db; do
        sqlite3 $file 'create table mine(driver_id integer, tips real, ts text)'
    done
    cat >mine.yaml <<'END'
sources:
  - {name: tips, table: mine, timestamp_field: ts}
feature_views:
  - name: tipped
    entities: [driver]
    source: tips
    online: false
    features: [{name: tips, type: float64}]
END
    larder -q apply --yes >out 2>err || cat err
    ends 'a table of yours' 3 larder copy --to prod --history -o json
    ok 'is named and left alone' has \
        '"name": "tips", "read": 0, "written": 0, "unchanged": 0, "older": 0, "held": null, "digests": null, "digest": null, "digest_to": null, "reason": "its table is yours: Larder does not copy it"' out
fi
echo "1..$n"
