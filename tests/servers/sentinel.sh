#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# sentinel.sh - a Redis primary with two replicas for tests, watched by three
# sentinels under the name "larder", two of which must agree.
#
#   sentinel.sh start FOLDER        server 1 is the primary, 2 and 3 copy it;
#                                   4 to 6 are the sentinels
#   sentinel.sh stop FOLDER
#   sentinel.sh kill FOLDER NODE    at once, as by kill -9
#   sentinel.sh begin FOLDER NODE   again, with the port it had, and empty
#   sentinel.sh pause FOLDER NODE   it neither answers nor closes
#   sentinel.sh resume FOLDER NODE
#   sentinel.sh primary FOLDER      the number of the present primary
#   sentinel.sh heal FOLDER         who was killed or paused is back, and copies
#                                   the primary that the sentinels know
#
# Everything is in FOLDER: url (host:port of each sentinel, comma between),
# pids, a folder for each node. Nothing is kept on disk. Loopback only.
set -u
program=${0##*/}
command=${1-} folder=${2-}
down_after_ms=1500 # silent for so long is down; less and a busy machine is
nodes=(1 2 3 4 5 6)

fail() {
    echo "$program: $*" >&2
    exit 1
}

port_of() {
    cat "$folder/$1/port"
}

# ask NODE WORDS...: what redis-cli says to it
ask() {
    local node=$1
    shift
    redis-cli -h 127.0.0.1 -p "$(port_of "$node")" "$@" 2>/dev/null
}

# wait_until WHAT COMMAND...: at most 20 s
wait_until() {
    local what=$1 turn
    shift
    for ((turn = 0; turn < 400; turn++)); do
        "$@" && return 0
        sleep 0.05
    done
    fail "$what: not within 20 s; see $folder/*/log"
}

answers() {
    [ "$(ask "$1" ping)" = PONG ]
}

is_running() {
    kill -0 "$(cat "$folder/$1/pid")" 2>/dev/null
}

write_pids() {
    local node
    for node in "${nodes[@]}"; do
        [ -e "$folder/$node/pid" ] && cat "$folder/$node/pid"
    done >"$folder/pids.new" && mv "$folder/pids.new" "$folder/pids"
}

# The name of a sentinel, so that each knows the others before they meet.
name_of() {
    printf '%040d' "$1"
}

# What a sentinel knows when it first begins; it goes on writing there.
write_sentinel() {
    local node=$1 other
    {
        echo "port $(port_of "$node")"
        echo "bind 127.0.0.1"
        echo "dir $folder/$node"
        echo "logfile $folder/$node/log"
        echo "sentinel myid $(name_of "$node")"
        echo "sentinel monitor larder 127.0.0.1 $(port_of 1) 2"
        echo "sentinel down-after-milliseconds larder $down_after_ms"
        echo "sentinel failover-timeout larder 4000"
        echo "sentinel parallel-syncs larder 2"
        for other in 2 3; do
            echo "sentinel known-replica larder 127.0.0.1 $(port_of $other)"
        done
        for other in 4 5 6; do
            [ "$other" = "$node" ] || echo "sentinel known-sentinel larder" \
                "127.0.0.1 $(port_of $other) $(name_of $other)"
        done
    } >"$folder/$node/sentinel.conf"
}

# A server is told whom to copy when it begins, and later by the sentinels.
begin_node() {
    local node=$1 copy=()
    if [ "$node" -ge 4 ]; then
        setsid redis-sentinel "$folder/$node/sentinel.conf" --daemonize no \
            </dev/null >/dev/null 2>&1 &
    else
        [ "$node" -ge 2 ] && copy=(--replicaof 127.0.0.1 "$(port_of 1)")
        setsid redis-server --port "$(port_of "$node")" --bind 127.0.0.1 \
            --dir "$folder/$node" --save '' --appendonly no --daemonize no \
            --repl-diskless-sync-delay 0 --enable-debug-command local \
            --logfile "$folder/$node/log" "${copy[@]}" \
            </dev/null >/dev/null 2>&1 &
    fi
    echo $! >"$folder/$node/pid"
}

# Six ports in a row, from below those that the system hands out; another place
# when one is taken.
begin_all() {
    local turn base node
    for ((turn = 0; turn < 20; turn++)); do
        base=$((20000 + (RANDOM * 32768 + RANDOM) % 1800 * 6))
        for node in "${nodes[@]}"; do
            mkdir -p "$folder/$node" || fail "cannot make $folder/$node"
            echo $((base + node - 1)) >"$folder/$node/port"
        done
        if begin_some 1 2 3 && wait_until 'the replicas do not copy' all_copy
        then
            for node in 4 5 6; do
                write_sentinel "$node"
            done
            begin_some 4 5 6 && return 0
        fi
        kill_all
    done
    fail "no free ports in 20 tries; see $folder/*/log"
}

# begin_some NODES...: false when one did not get its port
begin_some() {
    local node
    for node in "$@"; do
        begin_node "$node"
    done
    write_pids
    for node in "$@"; do
        until answers "$node"; do
            is_running "$node" || return 1
            sleep 0.02
        done
        is_ours "$node" || return 1
    done
}

# What answered is what was started here.
is_ours() {
    [ "$(ask "$1" info server | tr -d '\r' |
        sed -n 's/^process_id://p')" = "$(cat "$folder/$1/pid")" ]
}

all_copy() {
    local node n_copies=0
    for node in 1 2 3; do
        ask "$node" info replication | grep -q '^master_link_status:up' &&
            n_copies=$((n_copies + 1))
    done
    [ "$n_copies" -eq 2 ]
}

kill_all() {
    local node
    for node in "${nodes[@]}"; do
        [ -e "$folder/$node/pid" ] &&
            kill -9 "$(cat "$folder/$node/pid")" 2>/dev/null
        rm -f "$folder/$node/sentinel.conf"
    done
    return 0
}

# Every sentinel knows the two others and both replicas, and none is still busy
# with a failover: one that was would end it in the midst of the next, and go
# back to the primary of then.
all_watched() {
    local node
    for node in 4 5 6; do
        [ "$(ask "$node" sentinel master larder |
            sed -n '/^flags$/{n;p;}')" = master ] || return 1
        ask "$node" info sentinel |
            grep -q 'name=larder,status=ok,.*slaves=2,sentinels=3' || return 1
        ask "$node" sentinel ckquorum larder | grep -q '^OK 3' || return 1
    done
}

start() {
    local node comma=
    command -v redis-server >/dev/null && command -v redis-cli >/dev/null ||
        fail "redis-server is missing: install Debian's redis-server"
    command -v redis-sentinel >/dev/null ||
        fail "redis-sentinel is missing: install Debian's redis-sentinel"
    begin_all
    wait_until 'the sentinels did not meet' all_watched
    for node in 4 5 6; do
        printf '%s127.0.0.1:%s' "$comma" "$(port_of "$node")"
        comma=,
    done >"$folder/url"
    echo >>"$folder/url"
}

# The server that every sentinel names and that says so itself: after a failover
# one sentinel knows, and the others hear of it seconds later.
agreed() {
    local node port named
    port=$(ask 4 sentinel get-master-addr-by-name larder | tail -n 1)
    for node in 5 6; do
        named=$(ask "$node" sentinel get-master-addr-by-name larder | tail -n 1)
        [ "$named" = "$port" ] || return 1
    done
    for node in 1 2 3; do
        [ "$(port_of "$node")" = "$port" ] || continue
        [ "$(ask "$node" role | head -n 1)" = master ] || return 1
        agreed_node=$node
        return 0
    done
    return 1
}

primary() {
    wait_until 'the sentinels do not agree on a primary' agreed
    echo "$agreed_node"
}

# The sentinels would make a replica of who comes back as a primary, but not at
# once.
heal() {
    local node now
    for node in "${nodes[@]}"; do
        kill -CONT "$(cat "$folder/$node/pid")" 2>/dev/null
        ask "$node" ping | grep -qE '^(PONG|LOADING|MASTERDOWN)' ||
            begin_node "$node"
    done
    write_pids
    for node in "${nodes[@]}"; do
        wait_until "node $node does not answer" answers "$node"
    done
    now=$(primary) || fail 'the sentinels know no primary'
    for node in 1 2 3; do
        [ "$node" = "$now" ] ||
            ask "$node" replicaof 127.0.0.1 "$(port_of "$now")" >/dev/null
    done
    wait_until 'the replicas do not copy' all_copy
    wait_until 'the sentinels do not agree' all_watched
}

node=${3-}
[ -n "$folder" ] || fail "which folder? $program $command FOLDER"
case $command in
kill | begin | pause | resume)
    [ -e "$folder/$node/port" ] || fail "there is no node '$node' in $folder"
    ;;
esac
case $command in
start) start ;;
stop) kill_all ;;
kill) kill -9 "$(cat "$folder/$node/pid")" ;;
pause) kill -STOP "$(cat "$folder/$node/pid")" ;;
resume) kill -CONT "$(cat "$folder/$node/pid")" ;;
primary) primary ;;
heal) heal ;;
begin)
    begin_node "$node"
    write_pids
    wait_until "node $node does not answer" answers "$node"
    ;;
*)
    fail "unknown command '$command':" \
        'start, stop, kill, begin, pause, resume, primary, heal'
    ;;
esac
