#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# production.sh - feature_repo/ on a laptop's files and, by its
# feature_store.prod.yaml alone, on PostgreSQL and Redis: the same training
# sets, the same online rows byte for byte, the same answers; whether its rows
# came by ingest and materialize there, or were copied.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
export LARDER_NOW=2025-01-01T00:00:00Z
unset LARDER_CONFIG LARDER_ENV

if [ -n "${LARDER_SKIP_SERVERS-}" ]; then
    echo 'ok 1 # SKIP feature_repo on PostgreSQL and Redis'
    echo 1..1
    exit 0
fi
folder=$(mktemp -d) || exit 1
servers=$srcdir/tests/servers
stop() {
    bash "$servers/postgres.sh" stop "$folder/postgres"
    bash "$servers/redis.sh" stop "$folder/redis"
    chmod -R u+w "$folder"
    rm -rf "$folder"
}
trap stop EXIT
chmod 755 "$folder"
mkdir "$folder/postgres" "$folder/redis"
bash "$servers/postgres.sh" start "$folder/postgres" || exit 1
bash "$servers/redis.sh" start "$folder/redis" || exit 1
SUPABASE_DB_URL=$(cat "$folder/postgres/url")
REDIS_URL=$(cat "$folder/redis/url")
export SUPABASE_DB_URL REDIS_URL

cp -r "$srcdir/feature_repo" "$folder/repo" && cd "$folder/repo" || exit 1
chmod -R u+w .
rm -rf data/*.db* data/online
cat >feature_store.staging.yaml <<'END'
project: e2i
registry: {type: postgres, connection_string: "${SUPABASE_DB_URL}", db_schema: staging}
offline_store: {type: postgres, connection_string: "${SUPABASE_DB_URL}", db_schema: staging}
online_store: {type: redis, connection_string: "${REDIS_URL}", key_prefix: "staging:"}
END
cat >feature_store.back.yaml <<'END'
project: e2i
registry: {type: sqlite, path: back/registry.db}
offline_store: {type: sqlite, path: back/offline.db}
online_store: {type: lmdb, path: back/online}
END
n=0

# ok WHAT CONDITION...: the condition is a command.
ok() {
    local what=$1
    shift
    n=$((n + 1))
    if "$@"; then
        echo "ok $n - $what"
    else
        sed 's/^/# /' "$folder"/out "$folder"/err 2>/dev/null | cut -c 1-300
        echo "not ok $n - $what"
    fi
}

# ends WHAT CODE COMMAND...: it ends with the code.
ends() {
    local what=$1 want=$2 code=0
    shift 2
    "$@" >"$folder/out" 2>"$folder/err" || code=$?
    ok "$what" test "$code" = "$want"
}
# larder_in ENVIRONMENT ARGUMENT...
larder_in() {
    local LARDER_ENV=${1#local}
    shift
    export LARDER_ENV
    larder "$@"
}

sources='hcp_activity market_metrics patient_journeys trigger_responses'
services='hcp_conversion_v1 churn_prediction_v1 trigger_effectiveness_v1 roi_prediction_v1'

# fill ENVIRONMENT: everything a repository goes through
fill() {
    local source
    ends "$1: apply" 0 larder_in "$1" apply --yes
    for source in $sources; do
        ends "$1: ingest $source" 0 larder_in "$1" ingest "$source" "data/$source.csv"
    done
    ends "$1: materialize" 0 larder_in "$1" materialize
    ends "$1: prove" 0 larder_in "$1" prove
}

# Keys and requests of all services; a key with a part that is missing is an
# error of get.
cut -d, -f 1-5,7 data/spine.csv | grep -vE '^,|,,|,$' | head -n 200 \
    >"$folder/keys.csv"

# answers ENVIRONMENT: all that it tells of its features
answers() {
    local service
    mkdir -p "$folder/$1"
    for service in $services; do
        larder_in "$1" join data/spine.csv -s "$service" \
            -O "$folder/$1/$service.csv" >"$folder/$1/$service.words" 2>&1
        larder_in "$1" join data/spine.csv -s "$service" --as-known \
            -O "$folder/$1/$service.known.csv" >/dev/null 2>&1
        larder_in "$1" get --keys "$folder/keys.csv" -s "$service" \
            -o json >"$folder/$1/$service.json" 2>/dev/null
    done
    larder_in "$1" freshness -o json >"$folder/$1/freshness.json" 2>/dev/null
}

# same WHAT ENVIRONMENT: as the laptop says
same() {
    local file
    for file in $(cd "$folder/local" && ls | grep -v words); do
        ok "$1: $file" cmp "$folder/local/$file" "$folder/$2/$file"
    done
}

# rows WHAT FROM TO: online rows and history, as bytes; nothing is written
rows() {
    larder copy --from "$2" --to "$3" --history --online --dry-run -o json \
        >"$folder/out" 2>"$folder/err"
    ok "$1: digests of 4 sources" \
        test "$(grep -c '"kind": "source".*"digests": "equal"' "$folder/out")" = 4
    ok "$1: digests of 4 views" \
        test "$(grep -c '"kind": "view".*"digests": "equal"' "$folder/out")" = 4
}

fill local
answers local
ok 'there is something to compare' grep -q hcp_00009 "$folder/local/hcp_conversion_v1.csv"
for service in $services; do
    ok "online too: $service" test \
        "$(grep -o PRESENT "$folder/local/$service.json" | wc -l)" -gt 300
done

ok 'freshness is known' grep -q '"status": "fresh"' "$folder/local/freshness.json"

fill prod
answers prod
same 'ingested in production' prod
rows 'ingested in production' local prod

ends 'copied' 0 larder copy --from local --to staging --history --online
answers staging
same 'copied' staging
rows 'copied' prod staging
ends 'copied: prove' 0 larder --env staging prove
ends 'copied: materialize' 0 larder --env staging materialize -o json
ok 'copied: nothing is left to read' \
    test "$(grep -c '"read": 0,' "$folder/out")" = 4

ends 'and back' 0 larder copy --from prod --to back --history --online
answers back
same 'and back' back
rows 'and back' local back
ends 'and back: prove' 0 larder --env back prove

# --------------------------------------- to a store that Feast's clients read

mkdir "$folder/plain" && cd "$folder/plain" || exit 1
printf 'project: plain\n' >feature_store.yaml
cat >feature_store.feast.yaml <<'END'
project: plain
registry: {type: sqlite, path: feast/registry.db}
offline_store: {type: sqlite, path: feast/offline.db}
online_store: {type: redis, connection_string: "${REDIS_URL}", layout: feast}
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
      - {name: since, type: timestamp}
feature_views:
  - name: latest
    entities: [driver]
    source: trips
    features: [{name: score, type: float64}, {name: since, type: timestamp}]
END
cat >trips.csv <<'END'
driver_id,score,since,ts
1,1.5,2024-01-01T00:00:00.25Z,2024-05-01T00:00:00.5Z
2,,,2024-05-02T00:00:00Z
END
larder -q apply --yes >/dev/null && larder -q ingest trips trips.csv >/dev/null &&
    larder -q materialize >/dev/null
ends "to Feast's layout" 0 larder copy --to feast --history --online
ends '... again' 0 larder copy --to feast --history --online -o json
ok '... finds its rows there' \
    grep -q '"name": "latest", "read": 2, "written": 0, "unchanged": 2' "$folder/out"
ends '... as materialize makes them' 0 larder --env feast prove
ends '... whose times cannot be made finer again' 3 \
    larder copy --from feast --to local --online
ok '... as is told' grep -q 'the source keeps whole seconds' "$folder/out"
cd "$folder/repo" || exit 1

ends 'freshness of a store that does not answer' 5 \
    env REDIS_URL=redis://127.0.0.1:1 larder --env prod freshness
ok '... is told of none' test ! -s "$folder/out"
ends 'doctor' 0 env -u LARDER_NOW larder --env prod doctor
echo "1..$n"
