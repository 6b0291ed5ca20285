#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# serve.sh - the server as a client meets it: hundreds of requests, good and
# malformed, each with its answer; and it is as before after them.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${builddir:=$srcdir/build}"
srcdir=$(cd "$srcdir" && pwd) builddir=$(cd "$builddir" && pwd)
export LARDER_NOW=2024-03-02T00:00:00Z
unset LARDER_CONFIG LARDER_ENV

folder=$(mktemp -d) || exit 1
server=
end() {
    [ -n "$server" ] && kill -9 "$server" && wait "$server"
    rm -rf "$folder"
} 2>/dev/null
trap end EXIT
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
        sed 's/^/# /' out err 2>/dev/null | tail -n 40 | cut -c 1-400
        echo "not ok $n - $what"
    fi
}
has() { grep -qF -- "$1" "${2:-err}"; }

# start ARGUMENTS...: a server, $server its process, $port where it listens.
start() {
    : >address
    larder serve --listen 127.0.0.1:0 "$@" >address 2>err &
    server=$!
    for turn in $(seq 1 600); do
        port=$(sed -n 's/.*:\([0-9]*\)$/\1/p' address)
        [ -n "$port" ] && return 0
        kill -0 "$server" 2>/dev/null || return 1
        sleep 0.05
    done
    return 1
}
# stop SIGNAL: and its exit code.
stop() {
    local code=0
    kill "-$1" "$server"
    wait "$server" || code=$?
    server=
    return "$code"
}
ask() { "$builddir/tests/ask" 127.0.0.1 "$port" "$@" >out 2>&1; }
descriptors() { find "/proc/$server/fd" -mindepth 1 | wc -l; }

cp "$srcdir"/tests/http/repository/* .
larder -q apply --yes >out 2>err || { cat err >&2; exit 1; }
larder -q ingest orders orders.jsonl >out && larder -q ingest visits \
    visits.jsonl >out && larder -q materialize >out || exit 1

ok 'it starts, and says where' start
ok 'what it is asked is answered, and what is malformed by name' \
    ask "$srcdir/tests/http/reads.txt"
ok 'what is not quite HTTP is refused' ask "$srcdir/tests/http/protocol.txt"
before=$(descriptors)
ok 'all of it again' ask "$srcdir/tests/http/reads.txt" \
    "$srcdir/tests/http/protocol.txt"
ok 'no descriptor is left open' test "$(descriptors)" -le "$((before + 2))"
ok 'a refusal has its line in the log' has \
    '404 POST /get-online-features id='
ok 'which says what would be right' has "(did you mean 'latest'?)"

timeout 20 larder serve --listen "127.0.0.1:$port" >out 2>err.taken
code=$?
ok 'a port that is taken is named, with exit code 1' test "$code" = 1
ok 'and what to do' has 'somebody listens there' err.taken
ok 'SIGTERM ends it with exit code 0' stop TERM

ok 'it starts on a Unix socket' eval \
    '{ larder serve --listen unix:socket >address 2>err & server=$!;
       for turn in $(seq 1 600); do [ -s address ] && break; sleep 0.05; done;
       [ "$(cat address)" = unix:socket ]; }'
ok 'only its owner and group may write to it' test \
    "$(stat -c %a socket)" = 660
ok 'kill -9 leaves the socket behind' eval 'stop KILL; [ -S socket ]'
ok 'and the next one takes its place' eval \
    '{ : >address; larder serve --listen unix:socket >address 2>err &
       server=$!;
       for turn in $(seq 1 600); do [ -s address ] && break; sleep 0.05; done;
       [ "$(cat address)" = unix:socket ]; }'
ok 'it is gone after SIGINT' eval 'stop INT; [ ! -e socket ]'

for bad in 6566 localhost 127.0.0.1: '' 127.0.0.1:x 127.0.0.1:99999 \
    300.1.1.1:1 unix: '[::1'; do
    timeout 20 larder serve --listen "$bad" >out 2>err
    code=$?
    ok "'$bad' is no address: exit code 2" test "$code" = 2
done
mkdir empty && printf 'project: t\n' >empty/feature_store.yaml
timeout 20 larder -C empty serve --listen 127.0.0.1:0 >out 2>err
code=$?
ok 'where nothing is applied there is nothing to serve' test "$code" = 1
ok 'and that is said' has 'larder apply'
echo "1..$n"
