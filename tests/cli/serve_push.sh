#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# serve_push.sh - rows and runs over HTTP: all of a batch or none, seen by the
# next read, refused by name.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${builddir:=$srcdir/build}"
srcdir=$(cd "$srcdir" && pwd) builddir=$(cd "$builddir" && pwd)
. "$srcdir/tests/servers/larder.sh"

cat >features.yaml <<'END_YAML'
entities:
  - {name: driver, join_key: driver_id, type: string}
sources:
  - name: trips
    timestamp_field: ts
    schema:
      - {name: driver_id, type: string}
      - {name: score, type: float64}
      - {name: stars, type: int64}
  - {name: handed, kind: push, batch_source: trips}
feature_views:
  - name: latest
    entities: [driver]
    source: trips
    features:
      - {name: score, type: float64}
      - {name: rating, from: stars, type: int64, range: [0, 5],
         on_violation: refuse}
  - name: other
    entities: [driver]
    source: trips
    features: [{name: stars, type: int64}]
  - name: sums
    entities: [driver]
    source: trips
    features:
      - {name: stars_30d, type: int64, aggregate: sum, column: stars,
         window: 30d}
END_YAML
larder -q apply --yes >out 2>err || { cat err >&2; exit 1; }
token=$(larder -q token new --tokens tokens --id loader \
    --scope read,push,materialize) || exit 1
narrow=$(larder -q token new --tokens tokens --id narrow \
    --scope push,materialize --views other) || exit 1
export ASK_TOKEN=$token

# post PATH BODY [TOKEN]
post() { ask "$1" -H "Authorization: Bearer ${3-$token}" -d "$2"; }
# reads VALUE REF: what driver a has now
reads() {
    read_features "$2"
    has "\"values\":[$1]" body
}
# df SCORE STARS TIME
df() {
    printf '{"driver_id":["a"],"score":[%s],"stars":[%s],"ts":["%s"]}' "$@"
}
push() { # TO SCORE STARS TIME
    post /push "{\"push_source_name\":\"handed\",\"to\":\"$1\",\"df\":$(
        df "$2" "$3" "$4")}"
}
rows_of_trips() {
    test "$(larder sql 'SELECT count(*) FROM trips' -o csv | tail -n 1)" = "$1"
}

start --tokens tokens --audit audit
read_features other:stars
ok 'a view that is not materialized is an error by name' has materialize body
post '/materialize-incremental?async=true' '{"end_ts":"2001-04-01T00:00:00"}'
ok 'a run can be begun' is 202
run=$(sed -n 's/.*"run_id": *"\([0-9a-f]*\)".*/\1/p' body)
ended() {
    ask "/runs/$run" -H "Authorization: Bearer $token"
    has '"done"' body || has '"failed"' body
}
ok '... and asked after' within ended
ok '... till it is done' has '"done"' body
ok 'the next read sees it' reads 1.0 latest:score

push offline 2 2 2001-03-02T06:00:00
ok 'rows go to history' is 200
ok '... with an empty answer' test ! -s body
ok '... alone' reads 1.0 latest:score
ok '... and are there' rows_of_trips 2
push online_and_offline 3 3 2001-03-03T00:00:00
ok 'rows go to both' is 200
ok '... and the next read has them' reads 3.0 latest:score
ok '... its windows too' reads 5 sums:stars_30d
ok '... and history' rows_of_trips 3
push online_and_offline 3 3 2001-03-03T00:00:00
ok 'the same rows again' is 200
ok '... change nothing' rows_of_trips 3
push online 4 4 2001-03-04T00:00:00
ok 'windows take no rows online alone' is 422
ok '... and say what does' has 'push --to both' body
push online_and_offline 2.5 2 2001-03-02T12:00:00
ok 'an older row' is 200
ok '... does not go over a newer one' reads 3.0 latest:score

post /write-to-online-store '{"feature_view_name":"latest","df":{"driver_id":
    ["a"],"event_timestamp":["2001-03-20T00:00:00"],"created":[null],
    "score":[7.5],"rating":[4]}}'
ok 'rows of one view go online' is 200
ok '... as Feast has it' has null body
ok '... and the next read has them' reads 7.5 latest:score
ok '... of that view alone' reads 3 other:stars
ok '... and not in history' rows_of_trips 4

post /push '{"push_source_name":"handed","df":{"driver_id":["a",5],
    "score":[1,[1]],"stars":[1,9],"ts":["2031-01-01T00:00:00","x"]}}'
ok 'a batch with bad rows' is 422
ok '... has each of them told' has 'row 2' body
ok '... and its columns' has score body
ok '... and no row of it is there' rows_of_trips 4

post /write-to-online-store '{"feature_view_name":"latest","df":{"driver_id":
    ["a"],"event_timestamp":["2001-03-20T00:00:00"],"score":[7.5],
    "rating":[4]}}' "$narrow"
ok 'a token for other views' is 403
ok '... raises what Feast raises' has FeastPermissionError body
post /materialize '{"disable_event_timestamp":true}' "$narrow"
ok 'nor may it materialize all' is 403

before=$(find "/proc/$pid/fd" -mindepth 1 | wc -l)
ok 'what is written wrongly is answered by name' eval \
    '"$builddir/tests/ask" 127.0.0.1 "${url##*:}" \
        "$srcdir/tests/http/writes.txt" >body 2>&1'
ok '... and leaves no descriptor open' test \
    "$(find "/proc/$pid/fd" -mindepth 1 | wc -l)" -le "$((before + 2))"
ok 'the server is well' eval 'ask /health; is 200'
ok 'each write is in the audit' has '"path": "/push"' audit
ok '... with whose it was' has '"who": "loader"' audit
ok 'it stops well' stop
ok 'online is what history says, but for what was written online alone' eval \
    'larder -q prove -V other,sums >out 2>err'
echo "1..$n"
