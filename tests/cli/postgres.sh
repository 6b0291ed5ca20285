#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# postgres.sh - the whole example repository with its history in PostgreSQL,
# directly and behind a pooler with one connection: every answer is the one that
# the laptop gives, to the byte.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${LARDER_SERVERS:=${TMPDIR:-/tmp}}"
export LARDER_NOW=2025-01-01T00:00:00Z
unset LARDER_CONFIG LARDER_ENV
services="hcp_conversion_v1 churn_prediction_v1 trigger_effectiveness_v1
    roi_prediction_v1"
sources="hcp_activity market_metrics patient_journeys trigger_responses"

if [ "${LARDER_SKIP_SERVERS-}" = 1 ]; then
    echo 'servers: skipped postgres.sh' >&2
    exit 77
fi

folder=$(mktemp -d) || exit 1
server=$(mktemp -d "$LARDER_SERVERS/larder-pg.XXXXXX") || exit 1
pooler=$(mktemp -d "$LARDER_SERVERS/larder-pb.XXXXXX") || exit 1
chmod 711 "$server" "$pooler"
end() {
    bash "$srcdir/tests/servers/postgres.sh" stop "$server"
    bash "$srcdir/tests/servers/pgbouncer.sh" stop "$pooler"
    chmod -R u+w "$folder"
    rm -rf "$folder" "$server" "$pooler"
}
trap end EXIT
bash "$srcdir/tests/servers/postgres.sh" start "$server" || exit 1
bash "$srcdir/tests/servers/pgbouncer.sh" start "$pooler" || exit 1
DIRECT=$(cat "$server/url") POOLED=$(cat "$pooler/url")
export DIRECT POOLED
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
        sed 's/^/# /' out err 2>/dev/null | cut -c 1-300 | head -n 40
        echo "not ok $n - $what"
    fi
}

# ends WHAT CODE COMMAND...: it ends with the code.
ends() {
    local what=$1 want=$2 code=0
    shift 2
    "$@" >out 2>err || code=$?
    ok "$what" test "$code" = "$want"
}

cp -R "$srcdir/feature_repo" repo
chmod -R u+w repo
cut -d, -f1 repo/data/spine.csv | grep . | sort -ru >keys.csv
for env in direct pooled; do
    cat >"repo/feature_store.$env.yaml" <<END_YAML
project: e2i
registry: {type: postgres, connection_string: "\${${env^^}}"}
offline_store: {type: postgres, connection_string: "\${${env^^}}"}
online_store: {type: lmdb, path: data/online_$env}
END_YAML
done

# of ENV COMMAND...
of() {
    local env=$1
    shift
    if [ "$env" = laptop ]; then
        timeout 100 larder -C repo "$@"
    else
        timeout 100 larder -C repo --env "$env" "$@"
    fi
}

ingest() {
    local source
    for source in $sources; do
        of "$1" -q ingest "$source" "data/$source.csv" || return
    done
}
join_all() {
    local service
    for service in $services; do
        of "$1" -q join data/spine.csv -s "$service" \
            -O "$folder/$1.$service.csv" || return
    done
}
get() {
    of "$1" -q get --keys "$folder/keys.csv" -s hcp_conversion_v1 -o jsonl \
        --request planned_calls=3 >"$1.get"
}

for env in laptop direct pooled; do
    ends "$env: apply" 0 of "$env" apply --yes
    ends "$env: ingest" 0 ingest "$env"
    ends "$env: the same again adds nothing" 0 ingest "$env"
    ok "$env: ... which is told" test "$(awk '$1 ~ /csv$/ { n += $3 }
        END { print n }' out)" = 0
    ends "$env: join" 0 join_all "$env"
    ends "$env: without a spine" 0 of "$env" -q join -s churn_prediction_v1 \
        --from 2024-05-01T00:00:00Z --to 2024-05-15T00:00:00Z \
        -O "$folder/$env.range.csv"
    ends "$env: materialize" 0 of "$env" materialize -o csv
    sed 's/[^,]*$//' out >"$env.materialized"
    ends "$env: get" 0 get "$env"
    ends "$env: once more: nothing is new" 0 of "$env" materialize
done
for env in direct pooled; do
    for service in $services range; do
        ok "$env joins as the laptop: $service" \
            cmp "laptop.$service.csv" "$env.$service.csv"
    done
    ok "$env serves as the laptop" cmp laptop.get "$env.get"
done
bash "$srcdir/tests/servers/pgbouncer.sh" session "$pooler" >out 2>&1
ok "nothing outlived its transaction" test $? = 0
echo "1..$n"
