#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# serve_load.sh - the server while many ask at once: reads, pushes and runs of
# materialize, with definitions and tokens that change meanwhile, and an end in
# the middle of it.
#
# LARDER_LOAD_SECONDS: how long each load lasts.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${builddir:=$srcdir/build}"
srcdir=$(cd "$srcdir" && pwd) builddir=$(cd "$builddir" && pwd)
. "$srcdir/tests/servers/larder.sh"
seconds=${LARDER_LOAD_SECONDS:-3}

# ok WHAT CONDITION...: as in larder.sh, of a log of many thousand lines.
ok() {
    local what=$1
    shift
    n=$((n + 1))
    if "$@"; then
        echo "ok $n - $what"
    else
        { cat body; grep -v -e ' 4[0-9][0-9] ' server.log | tail -n 40; } |
            cut -c 1-300 | sed 's/^/# /'
        echo "not ok $n - $what"
    fi
} 2>/dev/null

# load SECONDS CLIENTS: of the requests in the file "asked".
load() { "$builddir/tests/load" 127.0.0.1 "${url##*:}" "$1" "$2" asked >body; }
refused() { grep -c ' 401 POST /push ' server.log; }
descriptors() { find "/proc/$pid/fd" -mindepth 1 | wc -l; }
resident() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status"; }
# apply N: a generation more, of which nothing is read here.
apply() {
    cat >more.yaml <<END_YAML
feature_views:
  - name: extra_$1
    entities: [driver]
    source: idle
    allow_empty: true
    features: [{name: score, type: float64}]
END_YAML
    larder -q apply --yes >applied 2>&1
}

cat >more_sources.yaml <<'END_YAML'
sources:
  - {name: handed, kind: push, batch_source: trips}
  - name: idle
    key: [driver_id]
    timestamp_field: ts
    schema:
      - {name: driver_id, type: string}
      - {name: score, type: float64}
END_YAML
larder -q apply --yes >out 2>&1 || { sed 's/^/# /' out; exit 1; }
loader=$(larder -q token new --tokens tokens --id loader \
    --scope read,push,materialize)

bearer="Authorization: Bearer $loader"
read_a='{"features":["latest:score"],"entities":{"driver_id":["a"]}}'
read_b='{"features":["other:score"],"entities":{"driver_id":["b","a"]}}'
row='{"driver_id":["b"],"ts":["2001-03-02T00:00:00"],"score":[7]}'
written='{"driver_id":["c"],"event_timestamp":["2001-03-02T00:00:00"],"score":[8]}'
# line STATUS WORDS METHOD-AND-PATH PART...
line() { printf '%s\t' "$@" && echo; }
{
    line 200 '{"values":[1.0]' 'POST /get-online-features' "$read_a"
    line 200 '{"values":[null,1.0]|{"values":[7.0,1.0]' \
        'POST /get-online-features' "$read_b"
    line 200 - 'POST /push' "$bearer" \
        "{\"push_source_name\":\"handed\",\"df\":$row}"
    line 200 '{"values":[1.0]' 'POST /get-online-features' "$bearer" "$read_a"
    line 200 null 'POST /write-to-online-store' "$bearer" \
        "{\"feature_view_name\":\"latest\",\"df\":$written}"
    line 401 'a token is needed' 'POST /push' '{}'
    line 200 - 'GET /health'
    line 422 'not JSON' 'POST /get-online-features' '{'
    line 404 "did you mean 'latest'?" 'POST /get-online-features' \
        '{"features":["latst:score"],"entities":{"driver_id":["a"]}}'
    line '200|202|409|503' '-' 'POST /materialize-incremental?async=true' \
        "$bearer" '{"end_ts":"2001-04-01T00:00:00"}'
    line '200|202|404' - 'GET /runs/0000000000000001' "$bearer"
} >asked

start --tokens tokens
ok 'many ask at once' load "$seconds" 8
fds=$(descriptors)
load "$seconds" 8 &
loading=$!
for i in 1 2 3; do
    ok "generation $i more is applied" apply "$i"
    kill -HUP "$pid"
    ok '... and served' within has "generation $((i + 2)) is served" server.log
done
wait "$loading"
code=$?
ok 'no request fails meanwhile' test "$code" = 0
memory=$(resident)
ok 'they ask again' load "$seconds" 8
ok 'no descriptor is left open' test "$(descriptors)" -le "$((fds + 2))"
ok 'nor memory' test "$(resident)" -le "$((memory + 16384))"

before=$(refused)
load "$((seconds + 20))" 8 &
loading=$!
ok 'it is asked when SIGTERM comes' within eval '(($(refused) > before + 50))'
ok 'it ends with exit code 0' stop
wait "$loading"
code=$?
ok 'and no answer was cut off' test "$code" = 0
ok 'all that had come was answered' sh -c '! grep -q "were not answered" server.log'
ok 'no sanitizer spoke' sh -c '! grep -q -e Sanitizer -e "runtime error" \
    server.log'
start --tokens tokens
ok 'it starts again with what was written' load 1 2
kill -9 "$pid"
wait "$pid" 2>/dev/null
pid=
start --tokens tokens
ok '... also after kill -9' load 1 2
ok '... and ends' stop
echo "1..$n"
