#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# feast.sh - `layout: feast` against Feast itself: its Redis store reads what
# Larder wrote, and Larder reads what Feast wrote.
#
# Feast comes from PyPI into a virtual environment that is kept beside the
# servers' folders for the next run. Where PyPI cannot be reached, or there are
# to be no servers, every test here is skipped, and counted.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
here=$(cd "$srcdir/tests/cli" && pwd)
unset LARDER_CONFIG LARDER_ENV
export LARDER_NOW=2024-06-01T00:00:00Z
planned=31

skip_all() {
    for i in $(seq 1 "$planned"); do
        echo "ok $i - feast # SKIP $1"
    done
    echo "1..$planned"
    exit 0
}
[ "${LARDER_SKIP_SERVERS-}" = 1 ] && skip_all "no servers"
command -v python3 >/dev/null || skip_all "there is no python3"
command -v redis-server >/dev/null || {
    echo "feast.sh: there is no redis-server: install Debian's redis-server" >&2
    exit 1
}

# ------------------------------------------------------------ Feast from PyPI
venv=${LARDER_FEAST:-${LARDER_SERVERS:-${TMPDIR:-/tmp}}/larder-feast-$(id -u)}
feast_is_there() {
    [ -O "$venv" ] && [ -e "$venv/whole" ]
}
install_feast() {
    exec 9>"$venv.lock" && flock 9 || return 1
    feast_is_there && return 0
    rm -rf "$venv"
    python3 -m venv "$venv" >"$folder/pip" 2>&1 || return 1
    timeout 900 "$venv/bin/pip" install -q --disable-pip-version-check \
        --retries 1 --timeout 20 'feast[redis]>=0.60,<1' >"$folder/pip" 2>&1 &&
        touch "$venv/whole"
}
folder=$(mktemp -d) || exit 1
server=
end() {
    [ -n "$server" ] && kill "$server" && wait "$server"
    rm -rf "$folder"
} 2>/dev/null
trap end EXIT
feast_is_there || install_feast || {
    sed 's/^/# /' "$folder/pip" | tail -n 3
    skip_all "Feast cannot be installed from PyPI"
}
exec 9>&-

# ------------------------------------------------------------------- a server
cd "$folder" || exit 1
for try in 1 2 3; do
    port=$(python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')
    redis-server --bind 127.0.0.1 --port "$port" --save '' --dir "$folder" \
        >server.log 2>&1 &
    server=$!
    for wait in $(seq 1 100); do
        redis-cli -p "$port" ping 2>/dev/null | grep -q PONG && break 2
        kill -0 "$server" 2>/dev/null || break
        sleep 0.05
    done
    server=
done
[ -n "$server" ] || { echo "feast.sh: no server started" >&2; exit 1; }

n=0
# ok WHAT CONDITION...: the condition is a command.
ok() {
    local what=$1
    shift
    n=$((n + 1))
    if "$@"; then
        echo "ok $n - $what"
    else
        sed 's/^/# /' out err 2>/dev/null | cut -c 1-600
        echo "not ok $n - $what"
    fi
}
# ends WHAT CODE COMMAND...: it ends with the code.
ends() {
    local what=$1 want=$2 code=0
    shift 2
    timeout 120 "$@" >out 2>err || code=$?
    ok "$what" test "$code" = "$want"
}
has() { grep -qF -- "$1" out; }
told() { grep -qF -- "$1" err; }
in_feast() {
    timeout 300 "$venv/bin/python" "$here/feast_redis.py" "$1" \
        "127.0.0.1:$port" "$2" >out 2>err
}
hold() { redis-cli -p "$port" --no-raw "$@"; }

# ---------------------------------------------------------------- definitions
config() { # VERSION
    cat >feature_store.yaml <<END
project: interop
online_store:
  type: redis
  connection_string: "127.0.0.1:$port"
  layout: feast
  key_ttl_seconds: 1000
entity_key_serialization_version: $1
END
}
config 3
cat >features.yaml <<'END'
entities:
  - {name: driver, join_key: driver_id, type: int64}
  - {name: customer, join_key: customer_id, type: string}
sources:
  - name: history
    timestamp_field: at
    created_timestamp_column: made
    schema:
      - {name: driver_id, type: int64}
      - {name: at, type: timestamp}
      - {name: made, type: timestamp}
      - {name: b, type: bool}
      - {name: i, type: int32}
      - {name: l, type: int64}
      - {name: f, type: float32}
      - {name: d, type: float64}
      - {name: s, type: string}
      - {name: "y", type: bytes}
      - {name: t, type: timestamp}
      - {name: bb, type: list<bool>}
      - {name: ii, type: list<int32>}
      - {name: ll, type: list<int64>}
      - {name: ff, type: list<float32>}
      - {name: dd, type: list<float64>}
      - {name: ss, type: list<string>}
      - {name: yy, type: list<bytes>}
      - {name: tt, type: list<timestamp>}
  - name: pairs
    timestamp_field: at
    schema:
      - {name: driver_id, type: int64}
      - {name: customer_id, type: string}
      - {name: x, type: int64}
  - name: wholes
    timestamp_field: at
    key: []
    schema: [{name: x, type: int64}]
feature_views:
  - name: every
    entities: [driver]
    source: history
    features:
      - {name: b, type: bool}
      - {name: i, type: int32}
      - {name: l, type: int64}
      - {name: f, type: float32}
      - {name: d, type: float64}
      - {name: s, type: string}
      - {name: "y", type: bytes}
      - {name: t, type: timestamp}
      - {name: bb, type: list<bool>}
      - {name: ii, type: list<int32>}
      - {name: ll, type: list<int64>}
      - {name: ff, type: list<float32>}
      - {name: dd, type: list<float64>}
      - {name: ss, type: list<string>}
      - {name: yy, type: list<bytes>}
      - {name: tt, type: list<timestamp>}
  - {name: pair, entities: [driver, customer], source: pairs, features: [{name: x, type: int64}]}
  - {name: whole, entities: [], source: wholes, features: [{name: x, type: int64}]}
END
cat >history.jsonl <<'END'
{"driver_id":1,"at":"2024-05-01T10:00:00.5Z","made":"2024-05-01T11:00:00Z","b":true,"i":-7,"l":1099511627776,"f":0.5,"d":0.1,"s":"Zürich ☃","y":"AP8Q","t":"2023-11-14T22:13:20.75Z","bb":[true,false],"ii":[1,-1],"ll":[1,2,300],"ff":[0.5],"dd":[0.1,1e300],"ss":["a",""],"yy":["AP8="],"tt":["2023-11-14T22:13:20Z"]}
{"driver_id":2,"at":"2024-05-01T10:00:00Z","made":null,"b":false,"i":0,"l":0,"f":0,"d":0,"s":"","y":"","t":"1970-01-01T00:00:00Z","bb":[],"ii":[],"ll":[],"ff":[],"dd":[],"ss":[],"yy":[],"tt":[]}
{"driver_id":3,"at":"2024-05-01T10:00:00Z","made":null,"b":null,"i":null,"l":null,"f":null,"d":null,"s":null,"y":null,"t":null,"bb":null,"ii":null,"ll":null,"ff":null,"dd":null,"ss":null,"yy":null,"tt":null}
END
cat >pairs.jsonl <<'END'
{"driver_id":1,"customer_id":"Zürich ☃","at":"2024-05-02T00:00:00Z","x":12}
{"driver_id":2,"customer_id":"","at":"2024-05-02T00:00:00Z","x":22}
END
echo '{"at":"2024-05-03T00:00:00Z","x":5}' >wholes.jsonl

ends "apply" 0 larder apply --yes
ok "apply says that timestamps are floored" told "floored to whole seconds"
larder ingest history history.jsonl >out 2>err &&
    larder ingest pairs pairs.jsonl >>out 2>>err
ends "history" 0 larder ingest wholes wholes.jsonl
ends "materialize" 0 larder materialize

# 3 drivers, 2 pairs, one whole
lives() {
    hold eval 'local n = 0
        for _, key in ipairs(redis.call("KEYS", "*interop")) do
            local left = redis.call("TTL", key)
            if left > 900 and left <= 1000 then n = n + 1 end
        end
        return n' 0
}
ok "each entity lives as long as key_ttl_seconds says" test "$(lives)" = "(integer) 6"

# --------------------------------------------------- Feast reads Larder's rows
ok "Feast reads" in_feast read 3
cp out feast.out
line() { sed -n "$1p" feast.out; }
line_is() { test "$(line "$1")" = "$2"; }
ok "all types" line_is 1 '["every", "2024-05-01T10:00:00.500000+00:00", {"b": {"bool_val": true}, "bb": {"bool_list_val": [true, false]}, "d": {"double_val": 0.1}, "dd": {"double_list_val": [0.1, 1e+300]}, "f": {"float_val": 0.5}, "ff": {"float_list_val": [0.5]}, "i": {"int32_val": -7}, "ii": {"int32_list_val": [1, -1]}, "l": {"int64_val": 1099511627776}, "ll": {"int64_list_val": [1, 2, 300]}, "s": {"string_val": "Z\u00fcrich \u2603"}, "ss": {"string_list_val": ["a", ""]}, "t": {"unix_timestamp_val": 1700000000}, "tt": {"unix_timestamp_list_val": [1700000000]}, "y": {"bytes_val": "00ff10"}, "yy": {"bytes_list_val": ["00ff"]}}]'
ok "zeros and empty lists are there" line_is 2 '["every", "2024-05-01T10:00:00+00:00", {"b": {"bool_val": false}, "bb": {"bool_list_val": []}, "d": {"double_val": 0.0}, "dd": {"double_list_val": []}, "f": {"float_val": 0.0}, "ff": {"float_list_val": []}, "i": {"int32_val": 0}, "ii": {"int32_list_val": []}, "l": {"int64_val": 0}, "ll": {"int64_list_val": []}, "s": {"string_val": ""}, "ss": {"string_list_val": []}, "t": {"unix_timestamp_val": 0}, "tt": {"unix_timestamp_list_val": []}, "y": {"bytes_val": ""}, "yy": {"bytes_list_val": []}}]'
ok "nulls" line_is 3 '["every", "2024-05-01T10:00:00+00:00", {"b": null, "bb": null, "d": null, "dd": null, "f": null, "ff": null, "i": null, "ii": null, "l": null, "ll": null, "s": null, "ss": null, "t": null, "tt": null, "y": null, "yy": null}]'
ok "a composite key" line_is 5 '["pair", "2024-05-02T00:00:00+00:00", {"x": {"int64_val": 12}}]'
ok "an empty part of one" line_is 6 '["pair", "2024-05-02T00:00:00+00:00", {"x": {"int64_val": 22}}]'
ok "a view without entities" line_is 7 '["whole", "2024-05-03T00:00:00+00:00", {"x": {"int64_val": 5}}]'
ends "what Larder wrote it reads itself" 0 larder get driver_id=1 -f every -o json
ok "as it was, but for parts of seconds" has '2023-11-14T22:13:20Z'
ends "prove" 0 larder prove

# --------------------------------------------------- Larder reads Feast's rows
ok "Feast writes" in_feast write 3
values() { # KEY... : the values of a get, in one line
    larder get "$@" -o csv 2>err | tail -n 1 >out
}
values driver_id=11 -f every
tr '\n' ' ' <out >all && sed 's/,PRESENT,2024-05-06T07:08:09.123456Z/;/g' all >out
ok "all types of Feast's, and its lists" has '11,true;,-5;,1099511627776;,0.25;,1e+300;,café;,AP8=;,2023-11-14T22:13:20Z;,"[true,true]";,"[-5,-5]";,"[1099511627776,1099511627776]";,"[0.25,0.25]";,"[1e+300,1e+300]";,"[""café"",""café""]";,"[""AP8="",""AP8=""]";,"[""2023-11-14T22:13:20Z"",""2023-11-14T22:13:20Z""]";'
values driver_id=12 -f every
sed 's/,2024-05-06T07:08:09.123456Z//g' out >all && mv all out
ok "its nulls, and empty lists" has '12,,NULL_VALUE,,NULL_VALUE,,NULL_VALUE,,NULL_VALUE,,NULL_VALUE,,NULL_VALUE,,NULL_VALUE,,NULL_VALUE,"[]",PRESENT,"[]",PRESENT,"[]",PRESENT,"[]",PRESENT,"[]",PRESENT,"[]",PRESENT,"[]",PRESENT,"[]",PRESENT'
values driver_id=11 customer_id='c 9' -f pair:x
ok "its composite key" has 'c 9,11,9,PRESENT'
values driver_id=1 -f every:l
ok "a newer row of Feast's over one of Larder's" has '1,77,PRESENT,2024-05-06T07:08:09.123456Z'
values -f whole:x
ok "its view without entities" has '10,PRESENT'
ends "materialize again" 0 larder materialize 2024-01-01T00:00:00Z 2024-05-31T00:00:00Z -V every
values driver_id=1 -f every:l
ok "an older row of Larder's leaves Feast's alone" has '1,77,PRESENT'
ends "materialize --full" 0 larder materialize --full -V every
values driver_id=1 -f every:l
ok "as does --full, of a row Feast wrote later" has '1,77,PRESENT'

# ------------------------------------------------------------ version 2 of keys
hold flushall >/dev/null
ends "a server that lost its keys is not believed" 1 \
    larder get driver_id=1 -f every
config 2
ends "apply with keys of version 2" 0 larder apply --yes
ends "materialize" 0 larder materialize
in_feast read 2
cp out feast.out
ok "Feast reads these too" line_is 5 '["pair", "2024-05-02T00:00:00+00:00", {"x": {"int64_val": 12}}]'
ends "teardown" 0 larder teardown --yes
ok "leaves nothing of the project" test "$(hold dbsize)" = "(integer) 0"

echo "1..$n"
