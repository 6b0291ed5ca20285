#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# failures_postgres.sh - commands on a PostgreSQL server that refuses, dies, is
# restarted or full of others: each ends with a name for it (5), or with 6 where
# another was faster; nothing is there by half, and the same command afterwards
# does its work.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${LARDER_SERVERS:=${TMPDIR:-/tmp}}"
export LARDER_NOW=2001-04-01T00:00:00Z LARDER_EXAMPLES=$srcdir/examples
unset LARDER_CONFIG LARDER_ENV

if [ "${LARDER_SKIP_SERVERS-}" = 1 ]; then
    echo 'servers: skipped failures_postgres.sh' >&2
    exit 77
fi

folder=$(mktemp -d) || exit 1
server=$(mktemp -d "$LARDER_SERVERS/larder-pg.XXXXXX") || exit 1
of_server() { # COMMAND [MORE]
    bash "$srcdir/tests/servers/postgres.sh" "$1" "$server" "${@:2}"
}
end() {
    of_server stop
    rm -rf "$folder" "$server"
}
trap end EXIT
chmod 711 "$server"
of_server start || exit 1
cd "$folder" || exit 1
n=0

is() { # WHAT CONDITION...: the condition is a command
    local what=$1
    shift
    n=$((n + 1))
    if "$@"; then
        echo "ok $n - $what"
    else
        sed 's/^/# /' err said.* 2>/dev/null | cut -c 1-300 | head -n 20
        echo "not ok $n - $what"
    fi
}

# ends CODE WORDS COMMAND...: it ends so, with these words among what it says
ends() {
    local want=$1 words=$2 code=0
    shift 2
    timeout 60 "$@" >out 2>err || code=$?
    [ "$code" = "$want" ] && grep -q -e "$words" err out
}

larder -q init repository --example flights
cd repository || exit 1
cat >feature_store.yaml <<'END'
project: flights
registry: {type: postgres, connection_string: "${DB}"}
offline_store: {type: postgres, connection_string: "${DB}"}
online_store: {type: lmdb, path: data/online}
END
DB=$(cat "$server/url")
export DB
sql() { of_server sql "$1"; }
rows() { sql 'SELECT count(*) FROM larder.flights'; }
generations() { sql 'SELECT count(*), max(number) FROM larder.larder_generations'; }

# ------------------------------------------------------------------- at once

# at_once N COMMAND...: $codes is how they ended, sorted
at_once() {
    local many=$1 i
    shift
    rm -f said.* code.*
    for ((i = 1; i <= many; i++)); do
        {
            code=0
            timeout 100 larder -q "$@" >"said.$i" 2>&1 || code=$?
            echo "$code" >"code.$i"
        } &
    done
    wait
    codes=$(sort -nu code.* | tr '\n' ' ')
}
bad=
for _ in 1 2 3; do
    [ -z "$(sql "SELECT FROM pg_namespace WHERE nspname = 'larder'" | wc -l |
        grep 1)" ] || sql 'DROP SCHEMA larder CASCADE'
    at_once 4 apply --yes
    [[ $codes = '0 ' || $codes = '0 6 ' ]] || bad="$bad ended with $codes"
    [ "$(generations)" = '1|1' ] || bad="$bad generations $(generations)"
done
is "the first apply, four at once, is one generation: $bad" test -z "$bad"
at_once 3 ingest flights flights.csv
is 'one file, ingested three times at once' test "$codes" = '0 '
is '... is there once' test "$(rows)" = 19362

# ------------------------------------------------------------------- refused

is 'a wrong password is named' ends 5 'password authentication failed' \
    env DB="${DB/Larder%2B1/hunter2}" larder plan
is '... and not shown' test -z "$(cat out err | grep hunter2)"
is '... as JSON too' ends 5 '28P01' \
    env DB="${DB/Larder%2B1/hunter2}" larder -o json plan
is 'no TLS where it is required' ends 5 'no encryption' \
    env DB="$(cat "$server/url_plain")" larder plan
is 'a certificate of another authority' ends 5 'certificate verify failed' \
    env DB="$(sed 's/ca.pem/other.pem/' "$server/url_tls")" larder plan
is 'TLS off to a host elsewhere' ends 1 'in the open' \
    env DB='postgresql://larder@db.example.com/larder?sslmode=prefer' larder plan
is 'the same over verified TLS works' ends 0 'no changes' \
    env DB="$(cat "$server/url_tls")" larder plan
sql 'ALTER ROLE larder SET default_transaction_read_only = on'
is 'a server that takes no writes' ends 5 'read-only' \
    larder ingest flights flights.csv
is '... still answers' ends 0 'flights' larder ls
sql 'ALTER ROLE larder RESET default_transaction_read_only'
sql "ALTER ROLE larder SET statement_timeout = '1ms'"
is 'a time limit of the server' ends 5 'statement timeout' \
    larder ingest flights flights.csv
sql 'ALTER ROLE larder RESET statement_timeout'
is 'afterwards the same works' ends 0 '' larder ingest flights flights.csv

# ---------------------------------------------------------------------- gone

# Each of these is in the middle of ingesting; what was there stays, what comes
# is whole or not at all, and the next one does it.
sed 's/^2001/2000/' flights.csv >before.csv
bad=
for what in client backend server; do
    cut=0
    for pause in 0.02 0.05 0.08 0.12; do
        sql "DELETE FROM larder.flights WHERE event_timestamp < '2001-01-01'"
        larder -q ingest flights before.csv >out 2>err &
        pid=$!
        sleep $pause
        case $what in
        client) kill -9 $pid 2>/dev/null ;;
        backend)
            sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE usename = 'larder'" >/dev/null
            ;;
        server) of_server kill && of_server begin >/dev/null 2>&1 ;;
        esac
        code=0
        { wait $pid; } 2>/dev/null || code=$?
        case $what:$code in
        *:0) ;;
        client:137 | backend:5 | server:5) cut=$((cut + 1)) ;;
        *) bad="$bad $what ended with $code: $(head -n 1 err)" ;;
        esac
        left=$(rows)
        [ "$left" = 19362 ] || [ "$left" = 38724 ] ||
            bad="$bad $what left $left rows"
        ends 0 '' larder ingest flights before.csv ||
            bad="$bad then $(head -n 1 err)"
        [ "$(rows)" = 38724 ] || bad="$bad then $(rows) rows"
    done
    [ $cut -gt 0 ] || bad="$bad $what was never cut off"
done
is "ingest, cut off in the middle: $bad" test -z "$bad"

of_server kill
is 'a server that is gone' ends 5 'is the server running' larder plan
of_server begin >/dev/null 2>&1 &
is 'one that is coming back is waited for' ends 0 'no changes' larder plan
wait
session() { of_server session >out; }
is 'nothing of ours was left in a session' session
echo "1..$n"
