# SPDX-License-Identifier: Apache-2.0
#
# larder.sh - `larder serve` on a small repository in a folder of its own, which
# is the current one; sourced by tests/cli/serve_*.sh.
#
# start ARGUMENT... sets `url` and `pid` (log: server.log); stop ends it. ok,
# ends and has are as in other scripts. ask sets `status`, and fills `body` and
# `head`.
export LARDER_NOW=2001-04-01T00:00:00Z
unset LARDER_CONFIG LARDER_ENV NOTIFY_SOCKET WATCHDOG_USEC

command -v curl >/dev/null || { echo '1..0 # SKIP curl is not here'; exit 77; }
folder=$(mktemp -d) || exit 1
pid=
trap 'test -z "$pid" || kill -9 "$pid" 2>/dev/null; rm -rf "$folder"' EXIT
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
        sed 's/^/# /' head body err server.log 2>/dev/null | cut -c 1-300
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
# within CONDITION...: it becomes true in ten seconds.
within() {
    local i
    for ((i = 0; i < 200; i++)); do
        ! "$@" || return 0
        sleep 0.05
    done
    return 1
}

start() {
    : >url
    larder serve --listen 127.0.0.1:0 "$@" >url 2>server.log &
    pid=$!
    within test -s url || sed 's/^/# /' server.log
    url=$(cat url)
}
stop() {
    local code=0
    kill -TERM "$pid"
    wait "$pid" || code=$?
    pid=
    return $code
}
# ask PATH CURL-ARGUMENT...
ask() {
    local path=$1
    shift
    status=$(curl -sS -m 20 -D head -o body -w '%{http_code}' "$@" \
        "$url$path" 2>err)
}
# read_features REF CURL-ARGUMENT...: of driver a.
read_features() {
    local ref=$1
    shift
    ask /get-online-features "$@" \
        -d "{\"features\":[\"$ref\"],\"entities\":{\"driver_id\":[\"a\"]}}"
}
is() { test "$status" = "$1"; }

printf 'project: t\n' >feature_store.yaml
cat >features.yaml <<'END_YAML'
entities:
  - {name: driver, join_key: driver_id, type: string}
sources:
  - name: trips
    timestamp_field: ts
    schema:
      - {name: driver_id, type: string}
      - {name: score, type: float64}
feature_views:
  - name: latest
    entities: [driver]
    source: trips
    features: [{name: score, type: float64}]
  - name: other
    entities: [driver]
    source: trips
    features: [{name: score, type: float64}]
END_YAML
larder -q apply --yes >out &&
    printf 'driver_id,ts,score\na,2001-03-01T00:00:00Z,1\n' >rows.csv &&
    larder -q ingest trips rows.csv >out && larder -q materialize >out || exit 1
