# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: Apache-2.0
#
# postgres.sh - joins in PostgreSQL; a part of bench/run, which sources it.
#
# A server of its own, with shared_buffers of 512 MB and work_mem of 256 MB for
# every peer alike. An entity has 100 events, each with a created time. Larder's join ends with rows in columns at the client. Its
# peers take the spine by COPY, analyze it, and end with rows on their way to
# the client, by a binary COPY that nobody decodes:
#   lateral  the best that is written by hand: the spine in order, LATERAL, LIMIT 1
#   feast    the statement Feast makes, rendered from its own template where
#            BENCH_FEAST is a python3 that has feast and jinja2; else one of the
#            same steps: join all, leave the last created of each time, number the
#            rows, join the newest back

pg_server=$dir/pg
pg_columns='f0 f1 f2 f3 f4 f5 f6 f7 i0 i1 s'

pg_psql() { psql -X -q -v ON_ERROR_STOP=1 "$(cat "$pg_server/url")" "$@"; }
pg_super() { bash "$srcdir/tests/servers/postgres.sh" sql "$pg_server" "$1"; }

pg_start() {
    bash "$srcdir/tests/servers/postgres.sh" start "$pg_server" >&2 || return 1
    pg_super "ALTER SYSTEM SET shared_buffers = '512MB'"
    pg_super "ALTER SYSTEM SET work_mem = '256MB'"
    pg_super "ALTER SYSTEM SET maintenance_work_mem = '512MB'"
    pg_super "ALTER SYSTEM SET max_wal_size = '8GB'"
    pg_super "ALTER SYSTEM SET log_statement = 'none'"
    bash "$srcdir/tests/servers/postgres.sh" restart "$pg_server" >&2
}
pg_stop() { bash "$srcdir/tests/servers/postgres.sh" stop "$pg_server" >&2; }

# pg_fill EVENTS: a store of its own, whose history lies in the server.
pg_fill() {
    rm -rf "$store"
    mkdir "$store"
    "$bench" define "$store"
    cat >"$store/feature_store.yaml" <<END
project: bench
registry: {type: sqlite, path: registry.db}
offline_store: {type: postgres, connection_string: "$(cat "$pg_server/url")"}
online_store: {type: memory}
END
    sed -i -e 's/^\( *\)timestamp_field: ts/&\n\1created_timestamp_column: made/' \
        -e 's/^\( *\)- {name: entity, type: int64}/&\n\1- {name: made, type: timestamp}/' \
        "$store/features.yaml"
    "$bench" csv "$1" | awk -F, -v OFS=, -v n=$(($1 / 100)) '
        NR > 1 { $1 = ($1 - 1) % n + 1 }
        { print $0, (NR > 1 ? $2 : "made") }' >"$dir/pg-events.csv"
    pg_psql -c 'DROP SCHEMA IF EXISTS larder CASCADE'
    "$larder" -q -C "$store" apply --yes >/dev/null
    "$larder" -q -C "$store" ingest events "$dir/pg-events.csv" >/dev/null
    rm "$dir/pg-events.csv"
    pg_psql -c 'VACUUM ANALYZE larder.events'
}

pg_larder() {
    lines+=("$("$bench" join "$store" $((pg_events / 10)) "$pg_rows" 2)")
    note larder "$(field "${lines[-1]}" seconds)"
}

# pg_peer NAME SQL: upload, analyze, and the rows out; the sum of \timing.
pg_peer() {
    pg_psql >"$dir/pg-told" 2>&1 <<END || die "$1 failed"
SET TimeZone = 'UTC';
\\o /dev/null
\\timing on
CREATE TEMP TABLE spine (entity bigint, event_timestamp timestamptz);
\\copy spine from '$dir/pg-spine.csv' csv header
ANALYZE spine;
COPY ($2) TO STDOUT (FORMAT binary);
END
    note "$1" "$(sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' "$dir/pg-told" |
        awk '{ s += $1 } END { printf "%.4f", s / 1000 }')"
}

# pg_check NAME SQL: what it finds, as bench join tells it.
pg_check() {
    pg_psql -A -t <<END
SET TimeZone = 'UTC';
CREATE TEMP TABLE spine (entity bigint, event_timestamp timestamptz);
\\copy spine from '$dir/pg-spine.csv' csv header
ANALYZE spine;
SELECT format('{"what": "join", "by": "$1", "matched": %s, "sum_i1": %s, '
    '"sum_f6": %s}', count(i1), sum(i1), round(sum(f6)::numeric, 1))
FROM ($2) AS x;
END
}

pg_list() { # PREFIX: the columns, each with it
    local column list=
    for column in $pg_columns; do list+=", ${1-}$column"; done
    echo "${list#, }"
}
pg_sql_lateral() {
    cat <<END
SELECT s.*, h.* FROM
    (SELECT * FROM spine ORDER BY entity, event_timestamp) AS s
LEFT JOIN LATERAL (SELECT $(pg_list) FROM larder.events AS e
    WHERE e.entity = s.entity AND e.ts <= s.event_timestamp
    ${pg_ttl:+AND e.ts >= s.event_timestamp - interval '$pg_ttl seconds'}
    ORDER BY e.ts DESC, e.made DESC NULLS LAST LIMIT 1) AS h ON true
END
}
pg_sql_feast() {
    if [ -n "${BENCH_FEAST-}" ]; then
        "$BENCH_FEAST" "$here/feast_query.py" "${pg_ttl:-0}" $pg_columns
        return
    fi
    cat <<END
WITH asked AS (SELECT *, CAST(entity AS varchar)
        || CAST(event_timestamp AS varchar) AS id FROM spine),
    once AS (SELECT entity, event_timestamp, id FROM asked GROUP BY 1, 2, 3),
    rows AS (SELECT entity, ts, made, $(pg_list) FROM larder.events
        WHERE ts <= (SELECT max(event_timestamp) FROM asked)
        ${pg_ttl:+AND ts >= (SELECT min(event_timestamp) FROM asked)
            - interval '$pg_ttl seconds'}),
    every AS (SELECT rows.*, once.event_timestamp, once.id FROM rows
        JOIN once ON rows.ts <= once.event_timestamp
        ${pg_ttl:+AND rows.ts >= once.event_timestamp
            - interval '$pg_ttl seconds'}
        AND rows.entity = once.entity),
    latest AS (SELECT id, ts, max(made) AS made FROM every GROUP BY id, ts),
    newest AS (SELECT id, ts, made FROM (SELECT *, row_number() OVER
            (PARTITION BY id ORDER BY ts DESC, made DESC) AS n
            FROM every JOIN latest USING (id, ts, made)) AS numbered
        WHERE n = 1),
    found AS (SELECT every.* FROM every JOIN newest USING (id, ts, made))
SELECT asked.entity, asked.event_timestamp, $(pg_list found.)
FROM asked LEFT JOIN found USING (id)
END
}
pg_lateral() { pg_peer lateral "$(pg_sql_lateral)"; }
pg_feast() { pg_peer feast "$(pg_sql_feast)"; }

# pg_measure EVENTS ROWS TTL GOAL: of what is filled.
pg_measure() {
    local lines=() pg_events=$1 pg_rows=$2 pg_ttl=$3 name label
    values=()
    label="PostgreSQL, $pg_rows rows x $pg_events${pg_ttl:+, ttl 7 days}, 2 threads"
    # Entities of a tenth as many events are as many as there are.
    "$bench" spine $((pg_events / 10)) "$pg_rows" >"$dir/pg-spine.csv"
    [ -n "$pg_ttl" ] || # as it is defined, 7 days
        sed -i '/- name: all/,/features:/{/ttl:/d}' "$store/features.yaml"
    "$larder" -q -C "$store" apply --yes >/dev/null
    lines+=("$(pg_check lateral "$(pg_sql_lateral)")")
    lines+=("$(pg_check feast "$(pg_sql_feast)")")
    turns pg_larder pg_lateral
    for name in matched sum_i1 sum_f6; do same "$label" "$name" "${lines[@]}"; done
    pairs=1 turns pg_feast # minutes
    figure "$label" s "$(middle larder)" \
        "Feast's SQL${BENCH_FEAST:+, as it renders it}" "$(middle feast)" "$4"
    figure "$label" s "$(middle larder)" "LATERAL by hand, sorted" \
        "$(middle lateral)" 0.91
}

if command -v psql >/dev/null && pg_start; then
    trap 'pg_stop; clean_up' EXIT
    pg_fill 2000000
    pg_measure 2000000 100000 '' 15
    if [ "$events" -ge 10000000 ]; then
        pg_fill "$events"
        pg_measure "$events" "$dense" 604800 2
    fi
    pg_stop
    trap clean_up EXIT
else
    say "NO POSTGRESQL: its figures are missing"
fi
