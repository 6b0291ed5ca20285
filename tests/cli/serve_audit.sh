#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# serve_audit.sh - the audit of a server: its file, and definitions that change.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$srcdir/tests/servers/larder.sh"

ends 'an audit that cannot be kept' 1 \
    larder serve -l 127.0.0.1:0 --audit nowhere/audit
ok '... is refused by name' has 'nowhere/audit cannot be appended to'
start --audit audit
ok 'the file is its owner'\''s alone' test "$(stat -c %a audit)" = 600
read_features latest:score
ok 'a read is answered' is 200
ok '... and is none of its business' test ! -s audit
sed -i 's/name: other/name: another/' features.yaml
larder -q apply --yes >out 2>err
ok 'a new generation is a line of it' \
    within has '"event": "generation", "from": 1, "to": 2}' audit
ok '... with its time' has '{"time": "2001-04-01T00:00:00' audit
mv audit audit.1
kill -HUP "$pid"
ok 'SIGHUP begins another file of that name' within test -e audit
ok 'it stops well' stop
echo "1..$n"
