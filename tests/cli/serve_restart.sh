#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# serve_restart.sh - the server while Redis is gone, comes back empty, and is
# filled again: each answer is the right value, or says what is wrong.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${builddir:=$srcdir/build}"
srcdir=$(cd "$srcdir" && pwd) builddir=$(cd "$builddir" && pwd)
[ "${LARDER_SKIP_SERVERS-}" = 1 ] && { echo '1..0 # SKIP no servers'; exit 77; }
command -v redis-server >/dev/null ||
    { echo '1..0 # SKIP redis-server is not here'; exit 77; }
. "$srcdir/tests/servers/larder.sh"
redis() { bash "$srcdir/tests/servers/redis.sh" "$1" "$folder/redis"; }
trap 'test -z "$pid" || kill -9 "$pid" 2>/dev/null; redis stop >/dev/null 2>&1
    rm -rf "$folder"' EXIT
redis start >out 2>&1 || { sed 's/^/# /' out; echo 'Bail out!'; exit 1; }

cat >feature_store.yaml <<END_YAML
project: t
online_store: {type: redis, connection_string: "$(cat redis/url)"}
END_YAML
larder -q apply --yes >out 2>&1 &&
    larder -q materialize --full >>out 2>&1 || { sed 's/^/# /' out; exit 1; }
printf '%s\t' '200|404|503' '{"values":[1.0]|UNAVAILABLE|not materialized' \
    'POST /get-online-features' \
    '{"features":["latest:score"],"entities":{"driver_id":["a"]}}' >asked
# It is asked, and answers with this status.
becomes() {
    read_features latest:score
    is "$1"
}
emptied() { becomes 503 && has 'was emptied' body; }

start
ok 'it answers from Redis' becomes 200
"$builddir/tests/load" 127.0.0.1 "${url##*:}" 6 8 asked >faults &
loading=$!
redis kill >out 2>&1
ok 'where Redis is gone that is 503' within becomes 503
ok '... with when to try again' grep -qi '^retry-after: ' head
ok '... and it says so' has UNAVAILABLE body
ask /health
ok 'it is up all the same' is 200
redis begin >out 2>&1
ok 'an emptied Redis is an error, not an unknown entity' within emptied
ok 'its store is made again' larder -q apply --yes
ok '... and filled' eval 'larder -q materialize --full >out'
ok '... and answers' within becomes 200
ok '... with the value' has '{"values":[1.0]' body
wait "$loading"
code=$?
cp faults body
ok 'no answer meanwhile was anything else' test "$code" = 0
ok 'it ends' stop
echo "1..$n"
