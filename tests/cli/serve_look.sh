#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# serve_look.sh - a route of an operation answers what the command prints, to the
# byte; and the server's description of itself holds all its routes.
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

cp "$srcdir"/tests/http/repository/* .
larder -q apply --yes >out 2>err || { cat err >&2; exit 1; }
larder -q ingest orders orders.jsonl >out && larder -q ingest visits \
    visits.jsonl >out && larder -q materialize >out || exit 1
larder serve --listen 127.0.0.1:0 >address 2>log &
server=$!
for turn in $(seq 1 600); do
    url=$(cat address)
    [ -n "$url" ] && break
    sleep 0.05
done

# same PATH COMMAND...: the route says what the command does.
same() {
    local path=$1
    shift
    larder "$@" -o json >want 2>err
    curl -sS "$url$path" >out 2>err
    # Seconds are those of the run.
    sed 's/"seconds": [0-9.e-]*/"seconds": 0/' want >want.plain
    sed 's/"seconds": [0-9.e-]*/"seconds": 0/' out >out.plain
    cmp want.plain out.plain >err
}
ok '/entities is ls entities' same /entities ls entities
ok '/data-sources is ls sources' same /data-sources ls sources
ok '/feature-views is ls views' same /feature-views ls views
ok '/on-demand-feature-views is ls on-demand-views' same \
    /on-demand-feature-views ls on-demand-views
ok '/feature-services is ls services' same /feature-services ls services
ok '/entities/NAME is show NAME' same /entities/customer show customer
ok '/feature-views/NAME is show NAME' same /feature-views/latest show latest
ok '/feature-services/NAME is show NAME' same /feature-services/both show both
ok '/data-sources/NAME is show NAME' same /data-sources/orders show orders
ok '/lineage is lineage' same /lineage lineage
ok '/lineage of one is lineage of one' same '/lineage?name=both' lineage both
ok '/freshness is freshness' same /freshness freshness
ok '/freshness of some is freshness of some' same \
    '/freshness?view=latest&max_staleness=24h' \
    freshness latest --max-staleness 24h
ok '/stats/VIEW is stats VIEW' same /stats/latest stats latest
ok '/stats/VIEW?online=true is stats VIEW --online' same \
    '/stats/latest?online=true' stats latest --online
ok 'what is asked wrongly is answered by name' eval \
    '"$builddir/tests/ask" 127.0.0.1 "${url##*:}" \
        "$srcdir/tests/http/looks.txt" >out 2>&1'

curl -sS "$url/openapi.json" >openapi.json
for path in $(sed -n 's/.*\.path = "\([^"]*\)".*/\1/p' \
    "$srcdir/tools/serve/route.c"); do
    ok "/openapi.json describes $path" grep -qF "\"$path\": {" openapi.json
done
ok 'it is JSON' eval '! command -v python3 >/dev/null ||
    python3 -c "import json; json.load(open(\"openapi.json\"))" 2>err'
kill "$server" && wait "$server"
server=
echo "1..$n"
