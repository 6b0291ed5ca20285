#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# doctor.sh - what the doctor finds: all in order is 0, something wrong 3,
# something that could not be looked at 4, a store that is away 5.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
unset LARDER_CONFIG LARDER_ENV LARDER_NOW

folder=$(mktemp -d) || exit 1
stop() {
    [ -z "${server-}" ] || bash "$srcdir/tests/servers/postgres.sh" stop "$server"
    [ -z "${redis-}" ] || bash "$srcdir/tests/servers/redis.sh" stop "$redis"
    chmod -R u+w "$folder"
    rm -rf "$folder"
}
trap stop EXIT
chmod 755 "$folder"
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
        sed 's/^/# /' out err 2>/dev/null | cut -c 1-300
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
has() { grep -qF -- "$1" "${2:-out}"; }
# finds STORE CHECKED STATUS [WORDS]: in the last answer of -o json
finds() {
    grep -F "\"store\": \"$1\"" out | grep -F "\"checked\": \"$2\"" |
        grep -F "\"status\": \"$3\"" | grep -qF -- "${4-}"
}

# ------------------------------------------------------------------- a laptop

printf 'project: t\n' >feature_store.yaml
cat >features.yaml <<'END'
entities:
  - {name: driver, join_key: driver_id, type: int64}
sources:
  - name: trips
    timestamp_field: ts
    schema:
      - {name: driver_id, type: int64}
      - {name: score, type: float64}
feature_views:
  - name: latest
    entities: [driver]
    source: trips
    features: [{name: score, type: float64}]
END

ends 'before the first apply' 3 larder doctor -o json
ok 'a store that is not there is wrong' finds registry there fail
ok 'what to do about it is told' has 'run `larder apply` first'
ok 'what is applied is not known' finds repository generation unknown

larder -q apply --yes >out 2>err || cat err
ends 'all in order' 0 larder doctor -o json
for store in registry offline_store online_store; do
    ok "$store is reachable" finds $store reachable ok
    ok "... its version is told" finds $store version ok
    ok "... may be written" finds $store rights ok
    ok "... is on a disk of this machine" finds $store 'file system' ok
    ok "... has room" finds $store room ok
    ok "... is whole" finds $store integrity ok
done
ok 'how full the map is' finds online_store memory ok '(max_size)'
ok 'definitions are valid' finds repository definitions ok '1 views'
ok 'and applied' finds repository generation ok 'generation 1'
ok 'no secrets' finds repository secrets ok
ends 'people get a table' 0 larder doctor
ok 'with what was looked at' grep -qE 'registry +sqlite +version +ok +SQLite' out

sed -i 's/latest/newest/' features.yaml
ends 'a change that is not applied' 0 larder doctor -o json
ok 'is a warning' finds repository generation warn
sed -i 's/float64}]/flaot64}]/' features.yaml
ends 'faulty definitions' 3 larder doctor -o json
ok 'are told by the first' finds repository definitions fail flaot64
sed -i 's/flaot64/float64/; s/newest/latest/' features.yaml

# ------------------------------------------------------------------- damage

cp data/offline.db whole.db
printf 'no database at all, but so long that it could be one %4096d' 1 \
    >data/offline.db
ends 'a damaged file' 3 larder doctor -o json
ok 'is found, and the others are looked at' finds online_store integrity ok
ok 'by name' finds offline_store integrity fail
cp whole.db data/offline.db
rm -f data/offline.db-*
ends 'restored, it is whole again' 0 larder doctor

if [ "$(id -u)" != 0 ]; then
    chmod a-w data/registry.db
    ends 'a file that may not be written' 3 larder doctor -o json
    ok 'is a right that lacks' finds registry rights fail
    chmod u+w data/registry.db
fi

# ------------------------------------------------------------------- secrets

cat >feature_store.open.yaml <<'END'
project: t
registry: {type: sqlite, path: data/registry.db}
offline_store: {type: sqlite, path: data/offline.db}
online_store:
  type: lmdb
  path: data/online
  password: hunter2
END
chmod 644 feature_store.open.yaml
ends 'a secret in a file that others read' 3 larder --env open doctor -o json
ok 'is told' finds repository secrets fail 'mode 644'
ok 'without the secret' test "$(cat out err | grep -c hunter2)" = 0
chmod 600 feature_store.open.yaml
larder --env open doctor -o json >out 2>err
ok 'in a file of its own it is in order' finds repository secrets ok

# ------------------------------------------------------------------- servers

if [ -n "${LARDER_SKIP_SERVERS-}" ]; then
    n=$((n + 1))
    echo "ok $n # SKIP what the doctor finds in PostgreSQL and Redis"
    echo "1..$n"
    exit 0
fi

server=$folder/postgres
mkdir "$server" && chmod 777 "$server"
bash "$srcdir/tests/servers/postgres.sh" start "$server" || exit 1
cat >feature_store.prod.yaml <<'END'
project: t
registry: {type: postgres, connection_string: "${PG}"}
offline_store: {type: postgres, connection_string: "${PG}"}
online_store: {type: lmdb, path: data/online}
END
PG=$(cat "$server/url")
export PG
sql() { bash "$srcdir/tests/servers/postgres.sh" sql "$server" "$1"; }

larder -q --env prod apply --yes >out 2>err || cat err
ends 'a database in order' 0 larder --env prod doctor -o json
ok 'its version' finds offline_store version ok 'PostgreSQL'
ok 'rights' finds offline_store rights ok "role 'larder'"
ok 'what others see' finds offline_store exposure ok 'granted to nobody else'
ok 'it is no standby' finds offline_store primary ok
ok 'its clock' finds offline_store clock ok
ok 'fsync is off in this test' finds offline_store persistence warn
LARDER_NOW=2001-01-01T00:00:00Z larder --env prod doctor -o json >out 2>err
ok 'a clock that is far away is wrong' finds offline_store clock fail
PG=$(cat "$server/url_tls") ends 'over TLS' 0 larder --env prod doctor -o json
ok 'which is told' finds offline_store tls ok TLSv1
PG=$(cat "$server/url_plain") ends 'without, where it is asked for' 5 \
    larder --env prod doctor -o json
ok 'is told by both stores' finds registry reachable fail
ok '... each for itself' finds offline_store reachable fail
ok 'and the others are looked at' finds online_store integrity ok
sql 'GRANT SELECT ON ALL TABLES IN SCHEMA larder TO PUBLIC' >out 2>&1
ends 'tables that others read' 0 larder --env prod doctor -o json
ok 'are a warning' finds offline_store exposure warn
sql 'REVOKE CREATE ON SCHEMA larder FROM larder;
    ALTER SCHEMA larder OWNER TO postgres;
    GRANT USAGE ON SCHEMA larder TO larder' >out 2>&1
ends 'a right that lacks' 3 larder --env prod doctor -o json
ok 'is named' finds offline_store rights fail 'may not create tables'
bash "$srcdir/tests/servers/postgres.sh" kill "$server" >out 2>&1
ends 'a database that is away' 5 larder --env prod doctor -o json
ok 'is told' finds offline_store reachable fail
ok 'the definitions are looked at all the same' finds repository definitions ok
PG='postgresql://u:secret@nowhere.invalid/db' \
    ends 'a name without address' 5 larder --env prod doctor -o json
ok 'is told of the name' finds offline_store address fail nowhere.invalid
ok 'and no secret' test "$(cat out err | grep -c 'u:secret')" = 0

# --------------------------------------------------------------------- Redis

redis=$folder/redis
mkdir "$redis"
bash "$srcdir/tests/servers/redis.sh" start "$redis" || exit 1
cli() { bash "$srcdir/tests/servers/redis.sh" cli "$redis" "$1" >out 2>&1; }
cat >feature_store.fast.yaml <<'END'
project: t
registry: {type: sqlite, path: data/registry.db}
offline_store: {type: sqlite, path: data/offline.db}
online_store: {type: redis, connection_string: "${REDIS}", allow_eviction: true}
END
REDIS=$(cat "$redis/url")
export REDIS

ends 'a Redis that has no rows yet' 3 larder --env fast doctor -o json
ok 'is told' finds online_store there fail
larder -q --env fast apply --yes >out 2>err || cat err
awk 'BEGIN {
    print "driver_id,score,ts"
    for (i = 0; i < 100; i++) print i ",1.5,2024-01-01T00:00:00Z"
}' >trips.csv
larder -q ingest trips trips.csv >out 2>err || cat err
larder -q --env fast materialize >out 2>err || cat err
ends 'a Redis in order' 0 larder --env fast doctor -o json
ok 'its version' finds online_store version ok 'Redis '
ok 'rights' finds online_store rights ok "user 'default'"
ok 'a socket needs no TLS' finds online_store tls ok
ok 'no row is dropped' finds online_store eviction ok noeviction
ok 'without maxmemory' finds online_store memory warn 'no maxmemory'
ok 'what it keeps' finds online_store persistence warn
ok 'its clock' finds online_store clock ok
ok 'short rows are packed well' finds online_store listpack ok
cli 'config set maxmemory 100mb'
cli 'config set maxmemory-policy allkeys-lru'
cli 'config set hash-max-listpack-value 16'
ends 'a Redis that drops rows' 0 larder --env fast doctor -o json
ok 'is a warning' finds online_store eviction warn allkeys-lru
ok 'memory and its limit' finds online_store memory ok '100.0 MiB'
ok 'rows are too long for a list' finds online_store listpack warn
ok 'what would be better' has 'set hash-max-listpack-value 128'
REDIS=$(cat "$redis/url_user") ends 'what a user may not ask' 4 \
    larder --env fast doctor -o json
ok 'is unknown' finds online_store rights unknown
ok 'and no secret is told' test "$(cat out err | grep -c swordfish)" = 0
bash "$srcdir/tests/servers/redis.sh" kill "$redis" >out 2>&1
ends 'a Redis that is away' 5 larder --env fast doctor -o json
ok 'is told' finds online_store reachable fail
ok 'the others are looked at' finds offline_store integrity ok
echo "1..$n"
