#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# contracts.sh - what features promise of their values, asked of ingested rows:
# what is warned of is stored, counted and told; what is refused fails its file,
# or is set aside as a record that cannot be read.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
export LARDER_NOW=2001-04-01T00:00:00Z
unset LARDER_CONFIG LARDER_ENV

folder=$(mktemp -d) || exit 1
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
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
has() { grep -qF -- "$1" "${2:-err}"; }
lacks() { ! has "$@"; }
holds() { test "$(larder sql "SELECT count(*) FROM trips" -o csv)" = "count(*)
$1"; }

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
      - {name: kind, type: string}
      - {name: stars, type: int32}
feature_views:
  - name: latest
    entities: [driver]
    source: trips
    features:
      - {name: score, type: float64, range: [0, 100], nullable: false}
      - {name: kind, type: string, values: [city, "long, way"]}
  - name: careful
    entities: [driver]
    source: trips
    features:
      - {name: stars, type: int32, range: [1, 5], on_violation: refuse}
      - name: kind
        type: string
        nullable: false
        on_violation: refuse
END
ends 'contracts are applied' 0 larder -q apply --yes

# ------------------------------------------------------------------- warned of
cat >good.csv <<'END'
driver_id,ts,score,kind,stars
1,2001-01-01T00:00:00Z,0,city,1
2,2001-01-01T00:00:00Z,100,"long, way",5
3,2001-01-01T00:00:00Z,55.5,city,
END
ends 'rows that keep all promises' 0 larder ingest trips good.csv
ok '... are no reason for words' test ! -s err
ok '... and no table' lacks rule out

cat >odd.csv <<'END'
driver_id,ts,score,kind,stars
4,2001-01-02T00:00:00Z,100.5,city,2
5,2001-01-02T00:00:00Z,-1,town,2
6,2001-01-02T00:00:00Z,NaN,city,2
7,2001-01-02T00:00:00Z,,city,2
END
ends 'a broken promise is a check that failed' 3 larder ingest trips odd.csv
ok '... with the range, the count and the first row' has "warning: feature \
'latest:score': 3 values are outside its range [0, 100]; the first: \
driver_id=4 at 2001-01-02T00:00:00Z: 100.5"
ok '... nulls' has "feature 'latest:score': 1 value is null, against \
'nullable: false'; the first: driver_id=7 at 2001-01-02T00:00:00Z: null"
ok '... and values' has "feature 'latest:kind': 1 value is none of its \
values; the first: driver_id=5 at 2001-01-02T00:00:00Z: town"
ok '... told once each' test "$(grep -c warning: err)" = 3
ok '... and in a table' grep -qE '^latest +score +range +3 ' out
ok '... beside the rows, which are there' grep -qE '^odd.csv +4 +4 +0 +0$' out
ok '... all of them' holds 7

ends 'several files are counted together' 3 \
    larder ingest trips odd.csv good.csv odd.csv -o json
ok '... in one list' test "$(grep -c '"rule"' out)" = 3
ok '... of sums' has '"count": 6' out
ok '... with view, feature and rule' has '"view": "latest"' out
ok '... and the first' \
    has '"first": "driver_id=4 at 2001-01-02T00:00:00Z: 100.5"' out
ends 'a quiet run' 3 larder -q ingest trips odd.csv
ok '... warns of nothing' test ! -s err

# --------------------------------------------------------------------- refused
cat >bad.csv <<'END'
driver_id,ts,score,kind,stars
8,2001-01-03T00:00:00Z,1,city,5
9,2001-01-03T00:00:00Z,1,city,6
10,2001-01-03T00:00:00Z,1,,5
11,2001-01-03T00:00:00Z,1,town,0
END
ends 'a refused value fails the file' 1 larder ingest trips bad.csv
ok '... naming line, column, value, range and feature' has "bad.csv:3: error: \
column 'stars': 6 is outside the range [1, 5] of feature 'careful:stars'"
ok '... and showing the line' has '    9,2001-01-03T00:00:00Z,1,city,6'
ok '... nothing is added' holds 7
ends 'standard input too' 1 larder ingest trips - <bad.csv
ok '... by line' has 'standard input:3: error: column'
ends 'under -o json' 1 larder ingest trips bad.csv -o json
ok '... with file and line' has '"line": 3'

ends 'refused rows are set aside' 3 \
    larder ingest trips bad.csv --on-error quarantine
ok '... each told' test "$(grep -c '^bad.csv:[345]: warning: column' err)" = 3
ok '... a null too' has "bad.csv:4: warning: column 'kind': a null, and \
feature 'careful:kind' is 'nullable: false'"
ok '... counted' grep -qE '^bad.csv +4 +1 +0 +3$' out
ok '... and kept as they were' cmp -s bad.csv.rejects.csv - <<'END'
driver_id,ts,score,kind,stars
9,2001-01-03T00:00:00Z,1,city,6
10,2001-01-03T00:00:00Z,1,,5
11,2001-01-03T00:00:00Z,1,town,0
END
ok '... without a warning of what was not stored' lacks 'none of its values'
ok '... the rest is there' holds 8
ends 'more than so many' 1 larder ingest trips bad.csv \
    --on-error quarantine --max-rejects 2
ok '... fail the file' has 'more than 2 records cannot be read'
printf '%s\n' '{"driver_id":12,"ts":"2001-01-04T00:00:00Z","kind":"city","stars":9}' \
    '{"driver_id":13,"ts":"2001-01-04T00:00:00Z","kind":"city","score":2}' \
    >bad.jsonl
ends 'JSON lines too' 3 larder ingest trips bad.jsonl --on-error quarantine
ok '... as they were' has '"stars":9}' bad.jsonl.rejects.jsonl
ok '... and the rest is there' holds 9

# ------------------------------------------------------------ a change of mind
sed -i 's/range: \[1, 5\]/range: [0, 9]/' features.yaml
ends 'a wider promise is applied' 0 larder -q apply --yes
ends '... and takes what was set aside' 3 larder ingest trips \
    bad.csv.rejects.csv --on-error quarantine
ok '... but what still breaks another' grep -qE ' 3 +2 +0 +1$' out
echo "1..$n"
