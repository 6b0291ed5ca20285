#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# serve_metrics.sh - what the server counts is what it was asked.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
srcdir=$(cd "$srcdir" && pwd)
. "$srcdir/tests/servers/larder.sh"

# says LINE: a line of the metrics
says() { grep -qxF -- "$1" body; }

start --feast-metrics
for i in 1 2 3; do
    read_features latest:score
done
read_features latest:nothing
ask /get-online-features -d '{"features":["latest:score"],"entities":
    {"driver_id":["a","b","c","d","e","f"]}}'
ask /nowhere
ask /materialize -d '{}'
ask /metrics
ok 'metrics are told' is 200
ok '... as Prometheus reads them' has 'Content-Type: text/plain; version=0.0.4' \
    head
ok 'requests that were answered' says \
    'larder_requests_total{endpoint="/get-online-features",method="POST",status="200"} 4'
ok 'requests that were wrong' says \
    'larder_requests_total{endpoint="/get-online-features",method="POST",status="404"} 1'
ok 'requests that lacked a token' says \
    'larder_requests_total{endpoint="/materialize",method="POST",status="401"} 1'
ok 'requests for nothing' says \
    'larder_requests_total{endpoint="other",method="",status="404"} 1'
ok 'entities of a read' says 'larder_read_entities_bucket{le="1"} 3'
ok '... of all reads' says 'larder_read_entities_bucket{le="+Inf"} 4'
ok '... and their sum' says 'larder_read_entities_sum{} 9'
ok 'values that were there' says 'larder_read_values_total{status="PRESENT"} 4'
ok 'values that were not' says 'larder_read_values_total{status="NOT_FOUND"} 5'
ok 'the generation' says 'larder_generation 1'
ok 'the latencies of a route' says \
    'larder_request_seconds_count{endpoint="/get-online-features"} 5'
ok 'the ledger was asked' says 'larder_freshness_known 1'
ok 'the age of what is online' says \
    'larder_event_age_seconds{feature_view="latest",store="primary"} 2678400'
ok 'a view without limits is not called fresh' says \
    'larder_feature_view_fresh{feature_view="latest",store="primary"} -1'
ok "Feast's names" says 'feast_online_features_status_total{status="PRESENT"} 4'
cp body metrics
# A line is a comment, or a name, labels and a number; a name has one TYPE.
ok 'each line is one of the format' awk '
    /^# (HELP|TYPE) [a-zA-Z_:][a-zA-Z0-9_:]* / {
        if ($2 == "TYPE" && type[$3]++) exit 1
        next
    }
    !/^[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-z_]+="[^"]*",?)*\})? [-+0-9.e]+$/ {
        print > "/dev/stderr"; bad = 1
    }
    END { exit bad }' metrics
if command -v promtool >/dev/null; then
    # Feast's names and the kernel's are not to promtool's taste in all points.
    ok 'promtool can read them' eval \
        '! promtool check metrics <metrics 2>&1 | grep -i "error while\|parse"'
else
    n=$((n + 1))
    echo "ok $n - promtool can read them # SKIP there is no promtool"
fi
ask /metrics
ok 'a request for metrics is one' says \
    'larder_requests_total{endpoint="/metrics",method="GET",status="200"} 1'
ok 'it stops well' stop
start
ask /metrics
ok "Feast's names are left out unless wanted" eval '! has feast_ body'
ok 'it stops well again' stop
echo "1..$n"
