#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# join_sql.sh - join --explain and join --sql: the plan a store would follow, and
# statements that PostgreSQL and DuckDB run with the same result.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
export LARDER_NOW=2025-03-01T00:00:00Z PGTZ=UTC
unset LARDER_CONFIG LARDER_ENV

folder=$(mktemp -d) || exit 1
server=$folder/server
finish() {
    [ ! -e "$server/pids" ] ||
        bash "$srcdir/tests/servers/postgres.sh" stop "$server"
    chmod -R u+w "$folder"
    rm -rf "$folder"
}
trap finish EXIT
trap 'exit 130' HUP INT TERM
cp -R "$srcdir/feature_repo" "$folder/repo" && chmod -R u+w "$folder/repo" &&
    cd "$folder/repo" || exit 1
n=0
tables='hcp_activity market_metrics patient_journeys trigger_responses'
refs=hcp_conversion_features:engagement_score
refs+=,hcp_conversion_features:prescribing_history
refs+=,hcp_conversion_features:specialty
refs+=,patient_journey_features:adherence_rate
refs+=,patient_journey_features:therapy_start_date
refs+=,patient_journey_features:is_churned
refs+=,market_dynamics_features:market_share
refs+=,market_dynamics_features:total_trx
refs+=,trigger_effectiveness_features:roi
refs+=,trigger_effectiveness_features:channel
refs+=,trigger_effectiveness_features:response_time_hours

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
skip() {
    n=$((n + 1))
    echo "ok $n - $2 # SKIP $1"
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

# Of rows that no SQL tells apart (equal in key, event and created time) the
# first is left, so that each engine has one to take.
distinct() { # COLUMNS: as many are key and times
    awk -F, -v n="$1" '{ key = ""; for (i = 1; i <= n; i++) key = key FS $i
        if (!seen[key]++) print }'
}
for table in $tables; do
    case $table in market_metrics | patient_journeys) columns=4 ;; *) columns=3 ;; esac
    distinct $columns <"data/$table.csv" >new && mv new "data/$table.csv"
done
fill() {
    larder -q "$@" apply --yes >/dev/null || return 1
    for table in $tables; do
        larder -q "$@" ingest "$table" "data/$table.csv" >/dev/null || return 1
    done
}

# ------------------------------------------------------------------- a laptop

ok 'a laptop has history' fill
for known in '' --as-known; do
    larder -q join data/spine.csv -f "$refs" $known -O "laptop$known.csv" \
        >/dev/null 2>&1
done
ends 'a join is explained' 0 larder join data/spine.csv -f "$refs" --explain
ok 'each view is sought' test "$(grep -c ': seek$' out)" = 4
ok 'with the statement' has 'FROM "market_metrics" WHERE "territory_id" = ?1' out
ends 'a range is explained' 0 larder join --from 2024-01-01T00:00:00Z \
    --to 2024-02-01T00:00:00Z -f patient_journey_features:gap_days --explain \
    -o json
ok 'as JSON' has '"plan": "seek"' out
ends 'windows are explained' 0 larder join data/spine.csv \
    -f hcp_conversion_features:trx_sum_7d --explain
ok 'as what they are' has 'hcp_conversion_features: windows' out

ends 'no SQL for windows' 1 larder join --sql postgres -f hcp_conversion_features
ok 'by name' has "'hcp_conversion_features:trx_sum_7d' is of a window"
ends 'nor for what is computed on demand' 1 \
    larder join --sql duckdb -f hcp_conversion_derived:engagement_trend
ok 'by name too' has "'hcp_conversion_derived:engagement_trend' is computed"
ends 'an unknown dialect is a fault of the command line' 2 \
    larder join --sql oracle -f "$refs"
ends 'a range is no table' 2 larder join --sql duckdb -f "$refs" \
    --from 2024-01-01 --to 2024-02-01
ends 'PostgreSQL reads no file' 1 larder join --sql postgres x.csv -f "$refs"
ok 'and is told what to do' has 'load it into a table'
ends 'SQL as JSON' 0 larder join --sql postgres -f "$refs" -o json
ok 'is a document' has '"dialect": "postgres"' out
ends 'a spine may lie in a schema' 0 \
    larder join --sql postgres 'my.spine' --timestamp t -f "$refs"
ok 'and is quoted' has 'FROM "my"."spine" AS s' out
ok 'its time too' has '<= s."t"' out

# A table of the user's: the index that is missing is proposed, and then used.
sqlite3 data/offline.db 'CREATE TABLE calls (hcp_id TEXT, at INTEGER, n INTEGER);
    INSERT INTO calls SELECT printf("hcp_%05d", value % 1000),
        1704067200 + value * 60, value FROM generate_series(1, 150000)'
cat >features/calls.yaml <<'END'
sources:
  - {name: calls, table: calls, timestamp_field: at, timestamp_unit: s}
feature_views:
  - name: calls
    entities: [hcp]
    source: calls
    features: [{name: n, type: int64}]
END
ends 'a plan sees a table without an index' 0 larder plan
ok 'and says how to make it' \
    has 'CREATE INDEX "calls_by_key" ON "calls" ("hcp_id", "at")'
larder -q apply --yes >/dev/null 2>&1
ends 'without it' 0 larder join data/spine.csv -f calls --explain
ok 'the table is read in order' has 'calls: merge' out
sqlite3 data/offline.db 'CREATE INDEX "calls_by_key" ON "calls" ("hcp_id", "at")'
ends 'with it' 0 larder join data/spine.csv -f calls --explain
ok 'it is sought' has 'calls: seek' out
rm features/calls.yaml
ends 'times as whole numbers have no SQL' 1 larder join --sql duckdb -f calls
ok 'by name' has "feature view 'calls' reads times as whole numbers"

# ------------------------------------------------------------------- DuckDB

python=${LARDER_PYTHON:-python3}
duckdb() { # SQL FILE EXPECTED FILE: prints how many rows differ
    "$python" - "$1" "$2" <<'END'
import sys, duckdb
db = duckdb.connect()
db.execute("set TimeZone = 'UTC'")
for table in ("hcp_activity", "market_metrics", "patient_journeys",
              "trigger_responses"):
    db.execute(f"create table {table} as from read_csv('data/{table}.csv')")
db.execute("create table got as " + open(sys.argv[1]).read())
db.execute("create table expected as from got limit 0")
db.execute(f"insert into expected from read_csv('{sys.argv[2]}')")
print(db.execute("""
    select (select count(*) from got), (select count(*) from expected),
        (select count(*) from (from got except all from expected)),
        (select count(*) from (from expected except all from got)),
        (select count(roi) > 100 from got)""").fetchone())
END
}
for known in '' --as-known; do
    what="DuckDB joins as larder does${known:+, $known}"
    if "$python" -c 'import duckdb' 2>/dev/null; then
        larder join --sql duckdb data/spine.csv -f "$refs" $known >join.sql
        duckdb join.sql "laptop$known.csv" >out 2>err
        ok "$what" has '(500, 500, 0, 0, True)' out
    else
        skip 'no duckdb for python3' "$what"
    fi
done

# --------------------------------------------------------------- PostgreSQL

postgres_tests() {
    export DATABASE_URL
    DATABASE_URL=$(cat "$server/url")
    cat >feature_store.server.yaml <<'END'
project: e2i
registry: {type: sqlite, path: data/server.db}
offline_store: {type: postgres, connection_string: "${DATABASE_URL}"}
online_store: {type: memory}
END
    ok 'PostgreSQL has history' fill --env server
    for known in '' --as-known; do
        ends "a join of it${known:+, $known}" 0 larder --env server join \
            data/spine.csv -f "$refs" $known -O "server$known.csv"
        ok 'gives the same bytes' cmp -s "laptop$known.csv" "server$known.csv"
        larder --env server join --sql postgres -f "$refs" $known >join.sql
        sql <<END >out 2>err
CREATE TEMP TABLE spine (hcp_id text, patient_id text, trigger_id text,
    territory_id text, brand_id text, event_timestamp timestamptz,
    planned_calls bigint, label bigint);
\\copy spine from 'data/spine.csv' csv header
CREATE TEMP TABLE got AS
$(cat join.sql)
CREATE TEMP TABLE expected (LIKE got);
\\copy expected from 'laptop$known.csv' csv header
SELECT (SELECT count(*) FROM got), (SELECT count(*) FROM expected),
    (SELECT count(*) FROM (TABLE got EXCEPT ALL TABLE expected) AS x),
    (SELECT count(*) FROM (TABLE expected EXCEPT ALL TABLE got) AS x),
    (SELECT count(roi) > 100 FROM got);
END
        ok "PostgreSQL joins as larder does${known:+, $known}" \
            has '500|500|0|0|t' out
    done
    larder -q --env server join data/spine.csv -s hcp_conversion_v1 -O a.csv \
        >/dev/null 2>&1
    larder -q join data/spine.csv -s hcp_conversion_v1 -O b.csv >/dev/null 2>&1
    ok 'windows and expressions give the same bytes' cmp -s a.csv b.csv
    ends 'a join of it is explained' 0 larder --env server join \
        data/spine.csv -f "$refs" --explain
    ok 'with its statement' has 'FETCH FIRST 1 ROW WITH TIES' out
    standby_tests
    user_table_tests
    user_type_tests
}

# A copy that only reads takes no temporary table.
standby_tests() {
    bash "$srcdir/tests/servers/postgres.sh" standby "$server" >out 2>err
    for ((i = 0; i < 100; i++)); do
        DATABASE_URL=$(cat "$server/standby/url") timeout 60 larder --env server \
            join data/spine.csv -f "$refs" -O standby.csv >out 2>err && break
        sleep 0.1 # until it has what the server has
    done
    ok 'a standby joins too' cmp laptop.csv standby.csv
}

# A table of the user's without an index, then with the one that is proposed.
user_table_tests() {
    sql <<'END' >out 2>err
CREATE TABLE "Calls" AS SELECT 'hcp_' || lpad((i % 1000)::text, 5, '0') AS hcp_id,
    timestamptz '2024-01-01 00:00:00+00' + i * interval '1 minute' AS at,
    i AS n FROM generate_series(1, 150000) AS i;
ANALYZE "Calls";
END
    cat >features/calls.yaml <<'END'
sources: [{name: calls, table: Calls, timestamp_field: at}]
feature_views:
  - name: calls
    entities: [hcp]
    source: calls
    features: [{name: n, type: int64}]
END
    ends 'a plan sees a table without an index' 0 larder --env server plan
    statement=$(sed -n 's/.*\(CREATE INDEX CONCURRENTLY ON .*)\).*/\1/p' err)
    ok 'and says how to make it' test "$statement" = \
        'CREATE INDEX CONCURRENTLY ON "larder"."Calls" ("hcp_id", "at" DESC)'
    larder -q --env server apply --yes >/dev/null 2>&1
    ends 'without it' 0 larder --env server join data/spine.csv -f calls --explain
    ok 'the table is passed over for a few rows' has 'calls: pass' out
    larder --env server join data/spine.csv -f calls -O passed.csv >out 2>err
    sql <<<"$statement" >out 2>err
    ends 'with it' 0 larder --env server join data/spine.csv -f calls --explain
    ok 'it is sought' has 'calls: seek' out
    larder --env server join data/spine.csv -f calls -O sought.csv >out 2>err
    ok 'and gives the same' cmp passed.csv sought.csv
    ends 'the plan is content' 0 larder --env server plan
    ok 'and quiet' lacks 'CREATE INDEX'
}

# Times of all types that SQL can compare: passed over for a few rows, read in
# order for many, and sought.
user_type_tests() {
    local column columns='zoned naive day seconds millis'
    sql <<'END' >out 2>err
CREATE TABLE times AS SELECT 'hcp_' || lpad((i % 250)::text, 5, '0') AS hcp_id,
    t AS zoned, t AT TIME ZONE 'UTC' AS naive, t::date AS day,
    floor(extract(epoch FROM t))::integer AS seconds,
    floor(extract(epoch FROM t) * 1000)::bigint AS millis,
    CASE WHEN i % 3 > 0 THEN t + i % 5 * interval '1 day' END AS made, i AS n
FROM (SELECT i, timestamptz '2024-01-01 00:00:00+00'
    + i % 4001 * interval '131 minutes' AS t FROM generate_series(1, 40010) AS i)
    AS x;
ANALYZE times;
END
    echo 'sources:' >features/times.yaml
    for column in $columns; do
        unit=us
        case $column in seconds) unit=s ;; millis) unit=ms ;; esac
        echo "  - {name: by_$column, table: times, timestamp_field: $column," \
            "created_timestamp_column: made, timestamp_unit: $unit," \
            'timezone: "+05:30"}'
    done >>features/times.yaml
    sed -i '/by_\(zoned\|seconds\|millis\)/s/, timezone: "+05:30"//
        /timestamp_unit: us/s/ timestamp_unit: us,\{0,1\}//
        s/,\( *\)}/\1}/' features/times.yaml
    echo 'feature_views:' >>features/times.yaml
    for column in $columns; do
        echo "  - {name: v_$column, entities: [hcp], source: by_$column, ttl: 20d," \
            "features: [{name: $column, type: int64, from: n}]}"
    done >>features/times.yaml
    refs=$(printf ',v_%s' $columns)
    ends 'times of many types are proven' 0 larder -q --env server apply --yes
    ends 'without an index' 0 larder --env server join data/spine.csv \
        -f "${refs#,}" --explain
    ok 'they are passed over' test "$(grep -c ': pass$' out)" = 5
    larder --env server join data/spine.csv -f "${refs#,}" \
        -O times-passed.csv >out 2>err
    for ((i = 0; i < 6; i++)); do cat data/spine.csv; done |
        awk 'NR == 1 || !/^hcp_id/' >many.csv
    for known in '' --as-known; do
        larder --env server join many.csv -f "${refs#,}" $known -O many-out.csv \
            >out 2>err
        head -n 501 many-out.csv >"times-merged$known.csv"
    done
    ok 'and give what they give when read in order' \
        cmp times-merged.csv times-passed.csv
    for column in $columns; do echo "CREATE INDEX ON times (hcp_id, $column);"
    done | sql >out 2>err
    for known in '' --as-known; do
        larder --env server join data/spine.csv -f "${refs#,}" $known \
            -O "times-sought$known.csv" >out 2>err
        ok "and sought as they are read in order${known:+, $known}" \
            cmp "times-merged$known.csv" "times-sought$known.csv"
    done
    ends 'all of them' 0 larder --env server join data/spine.csv \
        -f "${refs#,}" --explain
    ok 'were sought' test "$(grep -c ': seek$' out)" = 5
    ok 'and found' test "$(cut -d, -f 9- times-sought.csv | grep -c '[0-9]')" \
        -gt 200
}

built_with_postgres() {
    printf '%s\n' 'project: t' 'offline_store: {type: postgres, host: h}' \
        >feature_store.none.yaml
    larder --env none validate 2>&1 | grep -q 'none of those built in' &&
        return 1
    return 0
}
sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$DATABASE_URL"; }
if [ "${LARDER_SKIP_SERVERS-}" = 1 ]; then
    for ((i = 0; i < 29; i++)); do skip 'no servers' 'PostgreSQL joins too'; done
elif ! built_with_postgres; then
    skip 'built without PostgreSQL' 'PostgreSQL joins too'
elif bash "$srcdir/tests/servers/postgres.sh" start "$server" >out 2>err; then
    postgres_tests
else
    ok 'a PostgreSQL server starts' false
fi
echo "1..$n"
