# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: Apache-2.0
#
# redis.sh - the online store in Redis; a part of bench/run, which sources it.
#
# A server of its own on a Unix socket. A get is set beside one bare round trip of
# the same bytes; materialize beside redis-cli --pipe with the same rows; the
# memory of an entity of 20 doubles beside the same as Feast has it.

rd_server=$dir/rd
rd_entities=$((events / 50))
rd_cli() { redis-cli -s "$rd_server/redis.sock" "$@"; }

rd_start() {
    bash "$srcdir/tests/servers/redis.sh" start "$rd_server" >&2
}
rd_stop() { bash "$srcdir/tests/servers/redis.sh" stop "$rd_server" >&2; }

rd_fill() {
    rm -rf "$store"
    mkdir "$store"
    "$bench" define "$store"
    sed -i "s|^online_store:.*|online_store: {type: redis, connection_string: \"unix://$rd_server/redis.sock\"}|" \
        "$store/feature_store.yaml"
    "$larder" -q -C "$store" apply --yes >/dev/null
    "$bench" csv $((rd_entities * 10)) >"$dir/rd-events.csv"
    "$larder" -q -C "$store" ingest events "$dir/rd-events.csv" >/dev/null
    rm "$dir/rd-events.csv"
}

# Rows a second: of a first materialize, of the pipe.
rd_materialize() {
    local from till
    rd_cli flushall >/dev/null
    "$larder" -q -C "$store" apply --yes >/dev/null
    from=$(date +%s%N)
    "$larder" -q -C "$store" materialize -V v0,v1,v2,v3 >/dev/null
    till=$(date +%s%N)
    note rd_materialize "$(awk -v t=$((till - from)) 'BEGIN { print t / 1e9 }')"
}
rd_pipe() {
    local from till
    [ -e "$dir/rd-hashes" ] ||
        "$builddir/bench/bare_redis" dump "$rd_server/redis.sock" \
            >"$dir/rd-hashes"
    rd_cli flushall >/dev/null
    from=$(date +%s%N)
    rd_cli --pipe <"$dir/rd-hashes" >/dev/null
    till=$(date +%s%N)
    note rd_pipe "$(awk -v t=$((till - from)) 'BEGIN { print t / 1e9 }')"
}

rd_get() {
    local line
    line=$("$bench" get "$store" "$rd_entities" 1)
    note rd_get "$(field "$line" p50_ns)"
    note rd_get99 "$(field "$line" p99_ns)"
}
rd_bare() {
    local line
    line=$("$builddir/bench/bare_redis" get "$rd_server/redis.sock" \
        larder:bench:canary 20000)
    note rd_bare "$(field "$line" p50_ns)"
    note rd_bare99 "$(field "$line" p99_ns)"
}

# bytes LAYOUT: of an entity with one view of 20 doubles, by MEMORY USAGE.
rd_bytes() {
    local folder=$dir/rd-$1 i
    rm -rf "$folder"
    mkdir "$folder"
    rd_cli flushall >/dev/null
    cat >"$folder/feature_store.yaml" <<END
project: bench
online_store: {type: redis, connection_string: "unix://$rd_server/redis.sock", layout: $1}
END
    {
        echo 'entities: [{name: driver, join_key: driver_id, type: int64}]'
        echo 'sources: [{name: stats, timestamp_field: ts, schema: ['
        echo '  {name: driver_id, type: int64}'
        for i in {1..20}; do echo "  , {name: f$i, type: float64}"; done
        echo ']}]'
        echo 'feature_views: [{name: hourly, entities: [driver], source: stats, features: ['
        echo '  {name: f1, type: float64}'
        for i in {2..20}; do echo "  , {name: f$i, type: float64}"; done
        echo ']}]'
    } >"$folder/views.yaml"
    {
        printf 'driver_id,ts'
        printf ',f%s' {1..20}
        printf '\n1001,2024-01-01T00:00:00Z'
        printf ',0.%s5' {1..20}
        printf '\n'
    } >"$folder/rows.csv"
    "$larder" -q -C "$folder" apply --yes >/dev/null
    "$larder" -q -C "$folder" ingest stats "$folder/rows.csv" >/dev/null
    "$larder" -q -C "$folder" materialize >/dev/null
    # the greatest hash but the positions, which have four zero bytes; Feast
    # itself has no mark beside its fields
    rd_cli eval "local most = 0
        for _, key in ipairs(redis.call('keys', '*')) do
            if redis.call('type', key).ok == 'hash' then
                redis.call('hdel', key, '_lc:hourly')
            end
            local own = string.find(key, 'larder:bench:%z%z%z%z') == 1
            if not own and redis.call('type', key).ok == 'hash' then
                most = math.max(most, redis.call('memory', 'usage', key))
            end
        end
        return most" 0
}

measure_redis_bytes() {
    local ours feast
    ours=$(rd_bytes packed)
    feast=$(rd_bytes feast)
    figure "bytes of an entity of 20 doubles in Redis" bytes "$ours" \
        "Feast" "$feast" 1.389
    rd_cli config set hash-max-listpack-value 1024 >/dev/null
    ours=$(rd_bytes packed)
    figure "the same, hash-max-listpack-value 1024" bytes "$ours" \
        "Feast" "$feast" 1.389
    rd_cli config set hash-max-listpack-value 64 >/dev/null
}

measure_redis() {
    values=()
    rd_fill
    rd_materialize # and what redis-cli is given
    values=()
    turns rd_pipe rd_materialize
    figure "materialize $((rd_entities * 4)) rows into Redis" s \
        "$(middle rd_materialize)" "redis-cli --pipe" "$(middle rd_pipe)" 0.7
    rd_materialize
    turns rd_get rd_bare
    figure "get 1 entity x 4 views, Redis on a Unix socket, p50" ns \
        "$(middle rd_get)" "the bare round trip" "$(middle rd_bare)" 0.769
    figure "the same, p99" ns "$(middle rd_get99)" "the bare round trip" \
        "$(middle rd_bare99)" 0.769
}

rd_start
measure_redis_bytes
measure_redis
rd_stop
