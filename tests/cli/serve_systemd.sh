#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# serve_systemd.sh - what systemd is told by the server, and the unit that it
# reads.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$srcdir/tests/servers/larder.sh"

if command -v python3 >/dev/null; then
    python3 -c '
import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("notify")
open("bound", "w").close()
s.settimeout(60)
while True:
    words = s.recv(4096).decode()
    print(words, file=open("told", "a"))
    if words == "STOPPING=1":
        break' &
    listener=$!
    within test -e bound
    NOTIFY_SOCKET=$folder/notify WATCHDOG_USEC=500000 start
    ok 'systemd hears that it is ready' within has READY=1 told
    ok '... and alive' within has WATCHDOG=1 told
    kill -HUP "$pid"
    ok '... that it reads files again' within has RELOADING=1 told
    ok '... with when, as systemd wants it' has MONOTONIC_USEC= told
    ok 'it stops well' stop
    ok '... and says so' within has STOPPING=1 told
    kill "$listener" 2>/dev/null
else
    n=$((n + 1))
    echo "ok $n - what systemd hears # SKIP python3 is not here"
fi
NOTIFY_SOCKET=/nowhere/socket start
ok 'nobody need listen' sh -c "curl -sf '$url/health'"
ok '... it stops well' stop

unit=$srcdir/examples/systemd/larder-serve.service
sed "s,^ExecStart=[^ ]*,ExecStart=$(command -v larder)," "$unit" \
    >larder-serve.service
if command -v systemd-analyze >/dev/null; then
    ends 'systemd takes the unit' 0 systemd-analyze verify --man=no \
        "$folder/larder-serve.service"
else
    n=$((n + 1))
    echo "ok $n - systemd takes the unit # SKIP systemd-analyze is not here"
fi
echo "1..$n"
