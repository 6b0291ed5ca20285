#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A join stays within --memory: history and spine are larger, what must be sorted
# spills, and the rows are those of a join that had all the memory it wanted.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir spill

cat >feature_store.yaml <<'EOF'
project: memory
EOF
cat >features.yaml <<'EOF'
entities:
  - {name: e, join_key: id, type: string}
sources:
  - {name: h, table: events, timestamp_field: ts}
  - name: seed
    timestamp_field: ts
    schema: [{name: id, type: string}]
    key: [id]
feature_views:
  - name: v
    entities: [e]
    source: h
    features: [{name: text, type: string}, {name: n, type: int64}]
EOF
# A table of the user's, without an index: 400,000 rows in no order, 60 MB.
mkdir data
sqlite3 data/offline.db <<'EOF'
PRAGMA journal_mode = WAL;
CREATE TABLE events (id TEXT, ts INTEGER, text TEXT, n INTEGER);
WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < 399999)
INSERT INTO events
SELECT 'key-' || (i * 7919 % 100003), 1700000000000000 + i * 1000003 % 9999991,
    printf('%0100d', i), i FROM c;
EOF
awk 'BEGIN {
    print "id,event_timestamp,note"
    for (i = 0; i < 150000; i++)
        printf "key-%d,2023-11-14T22:13:%02d.%06dZ,%0100d\n", i * 31 % 100003,
            20 + i % 10, i * 6, i
}' >spine.csv

larder -q apply --yes
TMPDIR=$folder/spill larder -q --memory 16M --threads 1 \
    join spine.csv -f v -O small.csv &
pid=$!
peak=0
while kill -0 "$pid" 2>/dev/null; do
    now=$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status" 2>/dev/null || true)
    [ -z "$now" ] || peak=$now
done
wait "$pid"
larder -q join spine.csv -f v -O large.csv
cmp small.csv large.csv
[ "$(wc -l <small.csv)" -eq 150001 ]
# 16 MiB of working memory, and the program and its libraries beside it. A
# sanitizer takes many times that for itself.
case ${MODE_CFLAGS-} in
*-fsanitize=*) ;;
*)
    if [ "$peak" -gt 65536 ]; then
        echo "memory.sh: --memory 16M took $peak KiB at its peak"
        exit 1
    fi
    ;;
esac
[ -z "$(ls spill)" ] || { echo 'memory.sh: spilled files were left'; exit 1; }
