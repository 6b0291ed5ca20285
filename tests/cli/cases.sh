#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# cases.sh - `larder test`: cases that pass, fail, are at fault or are not there,
# with what is printed and how it ends; the stores configured are not touched.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
unset LARDER_CONFIG LARDER_ENV LARDER_NOW

folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
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
        sed 's/^/# /' "$folder/out" "$folder/err" 2>/dev/null | cut -c 1-300
        echo "not ok $n - $what"
    fi
}

# ends WHAT CODE COMMAND...: it ends with the code.
ends() {
    local what=$1 want=$2 code=0
    shift 2
    timeout 60 "$@" >"$folder/out" 2>"$folder/err" || code=$?
    ok "$what" test "$code" = "$want"
}
has() { grep -qF -- "$1" "$folder/${2:-err}"; }
is() { diff -u - "$1" >"$folder/diff" || { sed 's/^/# /' "$folder/diff"; false; }; }
prints() { ok "$1" is "$folder/out"; }
tells() { ok "$1" is "$folder/err"; }

# ------------------------------------------------------------------- none
mkdir repository && cd repository || exit 1
cat >feature_store.yaml <<'END'
project: t
registry: {type: postgres, connection_string: "${NOT_SET}"}
offline_store: {type: postgres, connection_string: "${NOT_SET}"}
online_store: {type: redis, connection_string: "${file:/nowhere}"}
defaults: {ttl: 2d}
END
cat >features.yaml <<'END'
entities:
  - {name: driver, join_key: driver_id, type: int64}
sources:
  - name: trips
    timestamp_field: ts
    created_timestamp_column: made
    timezone: UTC
    schema:
      - {name: driver_id, type: int64}
      - {name: score, type: float64}
      - {name: kind, type: string}
      - {name: tags, type: list<string>}
      - {name: nums, type: list<float64>}
      - {name: flag, type: bool}
      - {name: seen, type: timestamp}
      - {name: raw, type: bytes}
      - {name: small, type: float32}
      - {name: n, type: int32}
  - name: market
    timestamp_field: ts
    schema: [{name: level, type: float64}]
  - {name: legacy, table: old_trips, timestamp_field: ts}
  - {name: trips_push, kind: push, batch_source: trips}
  - {name: asked, kind: request, schema: [{name: calls, type: int64}]}
feature_views:
  - name: latest
    entities: [driver]
    source: trips
    features:
      - {name: score, type: float64, default: 7.5}
      - {name: kind, type: string}
      - {name: tags, type: list<string>}
      - {name: nums, type: list<float64>}
      - {name: flag, type: bool}
      - {name: seen, type: timestamp}
      - {name: raw, type: bytes}
      - {name: small, type: float32}
      - {name: n, type: int32, range: [0, 100], on_violation: refuse}
  - name: joined_only
    entities: [driver]
    source: trips
    online: false
    features: [{name: score, type: float64}]
  - name: market_now
    entities: []
    source: market
    features: [{name: level, type: float64}]
  - name: old
    entities: [driver]
    source: legacy
    features: [{name: stars, type: int32}]
  - name: week
    entities: [driver]
    source: trips
    max_window_events: 3
    features:
      - {name: sum_7d, type: int32, aggregate: sum, column: n, window: 7d}
      - {name: trips_7d, type: int64, aggregate: count, window: 7d}
on_demand_feature_views:
  - name: requested
    inputs: [asked]
    features: [{name: twice, type: int64, expr: calls * 2}]
  - name: derived
    inputs: [asked, latest, market_now]
    features: [{name: per, type: float64, expr: "score / nullif(calls, 0) + level"}]
END

ends 'no case is a check that could not be judged' 4 larder test
prints '... of no tests' <<'END'
TAP version 14
1..0 # SKIP no cases
END
tells '... and says so' <<'END'
warning: there is no case: nothing was compared
END
ends 'under -o json too' 4 larder test -o json
prints '... with an empty list' <<'END'
{
  "cases": [],
  "passed": 0,
  "failed": 0
}
END
printf '# nothing yet\n' >empty.test.yaml
printf 'cases:\n' >none.test.yaml
ends 'files without a case hold none' 4 larder test
rm ./*.test.yaml

# ------------------------------------------------------------------- passed
mkdir -p features .hidden ignored
printf 'ignored/\n' >.larderignore
printf 'nonsense: [\n' | tee .hidden/a.test.yaml >ignored/a.test.yaml
cat >all.test.yaml <<'END'
cases:
  - name: 'each type, in any order # and "more"'
    expect:
      latest:score: 0.5
      latest:kind: "null"
      latest:tags: [a, "b, c", null, "5"]
      latest:nums: [1, .inf, .nan, 2.5]
      latest:flag: true
      latest:seen: 2024-01-01T00:00:00.5Z
      latest:raw: AAEC
      latest:small: 0.1
      latest:n: 10
      joined_only:score: 0.5
      market_now:level: 1
      week:sum_7d: 10
      requested:twice: 8
      derived:per: 1.125
    status: {latest:n: PRESENT}
    request: {calls: 4}
    keys: {driver_id: 1}
    at: 2024-01-02T00:00:00Z
    given:
      trips:
        - driver_id: 1
          ts: 2024-01-01
          made: 2024-01-01 12:00
          score: .5
          kind: "null"
          tags: [a, "b, c", null, 5]
          nums: [1, .inf, .nan, 2.5]
          flag: true
          seen: 2024-01-01T00:00:00.5Z
          raw: AAEC
          small: 0.1
          n: 10
      market:
        - {ts: 2024-01-01T00:00:00Z, level: 1}
  - name: columns that are not written are null
    given: {trips: [{driver_id: 1, ts: 2024-01-02, kind: }]}
    at: 2024-01-02T00:00:00Z
    keys: {driver_id: 1}
    expect: {latest:kind: null, latest:nums: null, latest:n: ~, week:sum_7d: null, week:trips_7d: 1}
    status: {latest:kind: NULL_VALUE, week:sum_7d: NULL_VALUE, week:trips_7d: PRESENT}
  - name: of the same time the later written counts
    given:
      trips:
        - {driver_id: 1, ts: 2024-01-01, made: 2024-01-02, kind: second}
        - {driver_id: 1, ts: 2024-01-01, made: 2024-01-01, kind: first}
    at: 2024-01-02T00:00:00Z
    keys: {driver_id: 1}
    expect: {latest:kind: second}
  - name: the future is not known
    given: {trips: [{driver_id: 1, ts: 2024-01-02 00:00:00.000001, n: 1}]}
    at: 2024-01-02T00:00:00Z
    keys: {driver_id: 1}
    expect: {latest:n: null, week:trips_7d: null}
    status: {latest:n: NOT_FOUND, week:trips_7d: NOT_FOUND}
  - name: defaults of the configuration hold
    given: {trips: [{driver_id: 1, ts: 2024-01-01, n: 1}]}
    at: 2024-01-03T00:00:00.000001Z
    keys: {driver_id: 1}
    expect: {latest:n: null, joined_only:score: null, week:sum_7d: 1}
    status: {latest:n: OUTSIDE_MAX_AGE}
END
cat >features/small.test.yml <<'END'
cases:
  - name: neither rows nor keys
    at: 2024-01-02T00:00:00Z
    expect: {market_now:level: null}
  - name: the request alone
    at: 2024-01-02T00:00:00Z
    request: {calls: null}
    expect: {requested:twice: null}
  - name: a default is served where training has none
    at: 2024-01-02T00:00:00Z
    keys: {driver_id: 1}
    expect: {latest:score: null}
    status: {latest:score: NOT_FOUND}
  - name: a default is seen online
    paths: [online]
    at: 2024-01-02T00:00:00Z
    keys: {driver_id: 1}
    expect: {latest:score: 7.5}
  - name: near enough
    paths: [offline]
    given: {trips: [{driver_id: 1, ts: 2024-01-01, score: 0.3, n: 7}]}
    at: 2024-01-02T00:00:00Z
    keys: {driver_id: 1}
    expect:
      latest:score: {value: 0.25, tolerance: 0.051}
      latest:n: {value: 9, tolerance: 2}
      latest:small: {value: null, tolerance: 1}
END
ends 'cases that pass' 0 larder test
prints '... each by file and name, in the order of files' <<'END'
TAP version 14
1..10
ok 1 - all.test.yaml: each type, in any order \# and "more"
ok 2 - all.test.yaml: columns that are not written are null
ok 3 - all.test.yaml: of the same time the later written counts
ok 4 - all.test.yaml: the future is not known
ok 5 - all.test.yaml: defaults of the configuration hold
ok 6 - features/small.test.yml: neither rows nor keys
ok 7 - features/small.test.yml: the request alone
ok 8 - features/small.test.yml: a default is served where training has none
ok 9 - features/small.test.yml: a default is seen online
ok 10 - features/small.test.yml: near enough
END
ok '... without a word besides' test ! -s "$folder/err"
ok '... and nothing is written' test "$(ls -A)" = '.hidden
.larderignore
all.test.yaml
feature_store.yaml
features
features.yaml
ignored'
printf 'project: t\n' >feature_store.laptop.yaml
ends 'they are no definitions' 0 larder --env laptop validate
ends 'threads change nothing' 0 larder test --threads 4
ends 'a folder' 0 larder test features
ok '... names its own' test "$(grep -c '^ok' "$folder/out")" = 5
cp all.test.yaml ../elsewhere.yaml
(cd features && larder test ../all.test.yaml ../../elsewhere.yaml ..) \
    >"$folder/out" 2>"$folder/err"
ok 'a file twice counts once, one from elsewhere by its path' \
    has "ok 1 - $(cd .. && pwd -P)/elsewhere.yaml: each type" out
ok '... before the others' test "$(grep -c '^ok' "$folder/out")" = 15
ends 'from a folder below' 0 larder -C features test -o csv
ok '... files are named from the top' \
    has 'features/small.test.yml,19,near enough,true,0,' out
ends 'a path that is none' 1 larder test nowhere
tells '... is told' <<'END'
error: there is no file or folder 'nowhere'
END

# ------------------------------------------------------------------- failed
mkdir ../failing && cp feature_store.yaml features.yaml ../failing &&
    cd ../failing || exit 1
cat >a.test.yaml <<'END'
cases:
  - name: value, null, text and status
    given: {trips: [{driver_id: 1, ts: 2024-01-01, n: 5, kind: "5", tags: [a]}]}
    at: 2024-01-02T00:00:00Z
    keys: {driver_id: 1}
    expect:
      latest:n: 6
      latest:flag: false
      latest:kind: null
      latest:tags: [a, b]
      latest:small: {value: 1, tolerance: 0.5}
      joined_only:score: 1
      week:sum_7d: 5
    status: {latest:n: NULL_VALUE, week:sum_7d: PRESENT}
  - name: one path
    paths: [offline]
    given: {trips: [{driver_id: 1, ts: 2024-01-01, n: 5}]}
    at: 2024-01-02T00:00:00Z
    keys: {driver_id: 1}
    expect: {latest:n: {value: 9, tolerance: 3.5}}
  - name: this one passes
    given: {trips: [{driver_id: 1, ts: 2024-01-01, n: 5}]}
    at: 2024-01-02T00:00:00Z
    keys: {driver_id: 1}
    expect: {latest:n: 5}
  - name: only one path gives an answer
    given:
      trips:
        - {driver_id: 1, ts: 2024-01-01 01:00, n: 1}
        - {driver_id: 1, ts: 2024-01-01 02:00, n: 1}
        - {driver_id: 1, ts: 2024-01-01 03:00, n: 1}
        - {driver_id: 1, ts: 2024-01-01 04:00, n: 1}
    at: 2024-01-02T00:00:00Z
    keys: {driver_id: 1}
    expect: {week:sum_7d: 5}
END
ends 'one case that fails is a check that failed' 3 larder test
sed -E -i 's/^(  error: "online: feature view .week.).*/\1/' "$folder/out"
prints '... with all that differs' <<'END'
TAP version 14
1..4
not ok 1 - a.test.yaml: value, null, text and status
  ---
  line: 2
  differences:
    - feature: latest:n
      expected: 6
      offline: 5
      online: 5
      expected_status: NULL_VALUE
      status: PRESENT
    - feature: latest:flag
      expected: false
      offline: null
      online: null
    - feature: latest:kind
      expected: null
      offline: "5"
      online: "5"
    - feature: latest:tags
      expected: ["a","b"]
      offline: ["a"]
      online: ["a"]
    - feature: latest:small
      expected: 1.0
      tolerance: 0.5
      offline: null
      online: null
    - feature: joined_only:score
      expected: 1.0
      offline: null
  ...
not ok 2 - a.test.yaml: one path
  ---
  line: 15
  differences:
    - feature: latest:n
      expected: 9
      tolerance: 3.5
      offline: 5
  ...
ok 3 - a.test.yaml: this one passes
not ok 4 - a.test.yaml: only one path gives an answer
  ---
  line: 26
  error: "online: feature view 'week'
  differences:
    - feature: week:sum_7d
      expected: 5
      offline: 4
  ...
# 3 of 4 failed
END
ends 'under -o json' 3 larder test -o json
if command -v python3 >/dev/null; then
    python3 - "$folder/out" <<'END' >"$folder/err" 2>&1
import json, sys
told = json.load(open(sys.argv[1]))
assert (told["passed"], told["failed"]) == (1, 3)
first, second, third, fourth = told["cases"]
assert first["file"] == "a.test.yaml" and first["line"] == 2
assert first["name"] == "value, null, text and status"
assert first["passed"] is False and "error" not in first
assert first["differences"][0] == {"feature": "latest:n", "expected": "6",
    "offline": "5", "online": "5", "expected_status": "NULL_VALUE",
    "status": "PRESENT"}
assert first["differences"][2] == {"feature": "latest:kind", "expected": None,
    "offline": "5", "online": "5"}
assert second["differences"] == [{"feature": "latest:n", "expected": "9",
    "tolerance": 3.5, "offline": "5"}]
assert third["passed"] is True and third["differences"] == []
assert fourth["error"].startswith("online: feature view 'week'")
END
    ok '... the same as a document' test $? = 0
fi
ends 'under -o jsonl' 3 larder test -o jsonl
ok '... a case a line' test "$(grep -c '^{"file":"a.test.yaml"' "$folder/out")" = 4

# ------------------------------------------------------------------ at fault
mkdir ../faulty && cp feature_store.yaml features.yaml ../faulty &&
    cd ../faulty || exit 1
cat >a.test.yaml <<'END'
cases:
  - name: names that are none
    given:
      trisp: [{}]
      trips:
        - {driver_id: 1, ts: 2024-01-01, scoer: 1}
    at: 2024-01-02T00:00:00Z
    keys: {driver: 1}
    request: {call: 2}
    expects: {}
    expect:
      latest:nn: 1
      lates:n: 1
      latest: 1
      requested:twice: 1
      latest:n: 1
  - name: values that are of another type
    given:
      trips:
        - {driver_id: one, ts: yesterday, n: "5", flag: yes, tags: a, nums: [x]}
        - {driver_id: 1, n: 101}
        - {driver_id: 1, ts: 2024-01-01, n: 101}
        - trip
    at: 2024-01-02
    keys: {driver_id: null}
    expect:
      latest:n: 1.5
      latest:flag: {value: true, tolerance: 1}
      latest:score: {value: 1, tolerance: -1}
      latest:small: {values: 1}
    status: {latest:n: THERE, latest:flag: present}
  - name: what has no rows
    given: {legacy: [], trips_push: [], asked: []}
    at: 2024-01-02T00:00:00Z
    keys: {driver_id: 1}
    paths: [online]
    expect: {old:stars: 1, joined_only:score: 1}
  - name: what has no rows
    paths: [both]
  - {name: , at: 1, expect: 5}
  - trip
END
cat >b.test.yaml <<'END'
case: []
END
cat >c.test.yaml <<'END'
cases:
  - {name: c, name: d, at: &x 2024-01-02T00:00:00Z, expect: {market_now:level: *x}}
END
ends 'faults are told, all of them' 1 larder test
ok '... and no case runs' test ! -s "$folder/out"
ok '... with the line and a caret' test "$(grep -A 1 'scoer: 1}' \
    "$folder/err")" = '            - {driver_id: 1, ts: 2024-01-01, scoer: 1}
                                             ^'
grep -v '^    ' "$folder/err" >"$folder/words"
ok '... with their places and what would be right' is "$folder/words" <<'END'
a.test.yaml:10:5: error: unknown key 'expects' in a case
  hint: did you mean 'expect'?
a.test.yaml:24:9: error: 'at': time '2024-01-02' has no zone: write 'Z' or an offset, or declare timezone
a.test.yaml:38:5: error: a case has no 'at'
  hint: 'at' takes a moment, such as 2024-01-10T00:00:00Z
a.test.yaml:38:5: error: a case has no 'expect'
  hint: 'expect' takes a mapping of view:feature and values
a.test.yaml:38:11: error: a second case is named 'what has no rows', after that in line 32
  hint: each case of a file has a name of its own
a.test.yaml:39:13: error: 'paths' takes offline and online, not 'both'
a.test.yaml:40:12: error: 'name' takes a text, not nothing
a.test.yaml:40:29: error: 'expect' takes a mapping of view:feature and values, not a text
a.test.yaml:40:18: error: 'at': time '1': it does not begin with a date like 2024-03-01
a.test.yaml:41:5: error: a case is a mapping of keys, not a text
b.test.yaml:1:1: error: unknown key 'case' in a file of cases
  hint: did you mean 'cases'?
c.test.yaml:2:28: error: an anchor ('&x'): anchors and aliases are not read
  hint: write the value out where it is used
c.test.yaml:2:80: error: an alias ('*'): anchors and aliases are not read
  hint: write the value out where it is used
a.test.yaml:4:7: error: there is no source 'trisp'
  hint: did you mean 'trips'?
a.test.yaml:6:42: error: 'scoer' is no column of source 'trips'
  hint: did you mean 'score'?
a.test.yaml:12:7: error: feature view 'latest' has no feature 'nn'
a.test.yaml:13:7: error: there is no feature view 'lates'
  hint: did you mean 'latest'?
a.test.yaml:14:7: error: 'latest' names no feature
  hint: write view:feature
a.test.yaml:8:12: error: 'driver' is no key of these features
  hint: did you mean 'driver_id'?
a.test.yaml:8:11: error: 'keys' has no 'driver_id' (int64)
a.test.yaml:9:15: error: 'call' is no request column of these features
  hint: did you mean 'calls'?
a.test.yaml:9:14: error: 'request' has no 'calls' (int64)
  hint: write null where it has no value
a.test.yaml:20:23: error: column 'driver_id': 'one' is not an int64
a.test.yaml:20:68: error: column 'tags' takes a list<string>, not a text
a.test.yaml:20:77: error: column 'nums': "x" is not a float64
a.test.yaml:20:57: error: column 'flag': 'yes' is not a bool
  hint: write true or false
a.test.yaml:20:46: error: column 'n' takes int32, not the text '5'
  hint: leave out the quotes
a.test.yaml:20:32: error: column 'ts': time 'yesterday': it does not begin with a date like 2024-03-01
a.test.yaml:21:11: error: a row of source 'trips' has no 'ts'
a.test.yaml:22:45: error: column 'n': 101 is outside the range [0, 100] of feature 'latest:n'
a.test.yaml:23:11: error: a row is a mapping of columns and values, not a text
a.test.yaml:27:17: error: 'latest:n': '1.5' is not an int32
a.test.yaml:28:45: error: 'latest:flag' is a bool: only numbers have a tolerance
a.test.yaml:29:43: error: 'tolerance' takes a number from 0, not -1
a.test.yaml:30:22: error: 'values' is no key of an expected value
  hint: did you mean 'value'?
a.test.yaml:30:21: error: what 'latest:small' is expected to be has no 'value'
  hint: write {value: ..., tolerance: ...}
a.test.yaml:31:24: error: 'THERE' is no status of a value
  hint: PRESENT, NULL_VALUE, NOT_FOUND or OUTSIDE_MAX_AGE
a.test.yaml:31:44: error: 'present' is no status of a value
  hint: did you mean 'PRESENT'?
a.test.yaml:25:23: error: 'keys' has no 'driver_id' (int64)
a.test.yaml:33:13: error: source 'legacy' reads a table of yours: Larder never writes there
  hint: give the source a 'schema:' and Larder owns its table
a.test.yaml:33:25: error: source 'trips_push' is of kind push: its history is that of 'trips'
  hint: name 'trips'
a.test.yaml:33:41: error: source 'asked' is of kind request: it has no history
  hint: its values come with each request
a.test.yaml:37:14: error: feature view 'old' reads source 'legacy', a table of yours: a case can give it no rows
  hint: give the source a 'schema:' and Larder owns its table
a.test.yaml:37:28: error: feature view 'joined_only' says 'online: false': only join reads it
44 errors
END
ends 'faults under -o json' 1 larder test -o json
ok '... are listed' has '"message": "there is no source '"'trisp'"'"'
ok '... with their lines' has '"line": 4'
rm ./*.test.yaml

printf 'cases: %s\n' "$(printf '[%.0s' $(seq 40))" >a.test.yaml
printf 'cases: []\n---\ncases: []\n' >b.test.yaml
printf 'cases: !!seq []\n' >c.test.yaml
printf 'cases: [\n' >d.test.yaml
printf '\xff\n' >e.test.yaml
printf '%s\n' '- cases' >f.test.yaml
ends 'files that are no such YAML' 1 larder test
ok '... nested too deep' has 'a.test.yaml:1:23: error: nested deeper than 16'
ok '... with two documents' has 'b.test.yaml:2:1: error: a second document'
ok '... with tags' has "c.test.yaml:1:8: error: a tag ('tag:yaml.org,2002:seq')"
ok '... cut off' has 'd.test.yaml:2:1: error: did not find expected'
ok '... no text' has 'e.test.yaml:1: error: '
ok '... a list' has 'f.test.yaml:1:1: error: a file of cases is a mapping'
ok '... six files, six faults' has '6 errors'
rm ./*.test.yaml
head -c 5000000 /dev/zero | tr '\0' ' ' >a.test.yaml
ends 'a file that is too long' 1 larder test
ok '... is told' has "a.test.yaml' has more than the 4 MiB that are read"
rm a.test.yaml
mkfifo a.test.yaml
ends 'a pipe is not waited for' 1 larder test
ok '... but told' has "a.test.yaml' is not a file"
rm a.test.yaml
printf 'cases:\n  - {name: a, at: 5}\n' >a.test.yaml
printf 'entity: []\n' >>features.yaml
ends 'definitions at fault end it' 1 larder test
ok '... and are told' has "unknown key 'entity'"
ok '... beside the faults of cases' has "a case has no 'expect'"

# ------------------------------------------------------------------ examples
cd "$srcdir/examples/flights" || exit 1
ends 'the cases of the flights pass' 0 larder test
ok '... three of them' test "$(grep -c '^ok' "$folder/out")" = 3
echo "1..$n"
