#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# cluster.sh - a Redis Cluster for tests: three primaries, a replica each.
#
#   cluster.sh start FOLDER        nodes 1 to 3 get the slots, 4 to 6 copy them
#   cluster.sh stop FOLDER
#   cluster.sh kill FOLDER NODE    at once, as by kill -9
#   cluster.sh begin FOLDER NODE   again, with the port and name it had
#   cluster.sh pause FOLDER NODE   it neither answers nor closes
#   cluster.sh resume FOLDER NODE
#   cluster.sh heal FOLDER         who was killed or paused is back; wait until
#                                  there are three primaries with a replica each
#   cluster.sh move FOLDER 'FROM TO SLOTS'   that many slots, with their keys
#
# Everything is in FOLDER: url (host:port of each node, comma between), pids, a
# folder for each node. Nothing is kept on disk but who is who, so a node that
# begins again is empty. Loopback only.
set -u
program=${0##*/}
command=${1-} folder=${2-}
timeout_ms=1000 # after so long a node that says nothing is taken for dead
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
        cat "$folder/$node/pid"
    done >"$folder/pids.new" && mv "$folder/pids.new" "$folder/pids"
}

# The bus has the port six above; both come from below the ports that the
# system hands out.
begin_node() {
    local node=$1 port
    port=$(port_of "$node")
    setsid redis-server --port "$port" --bind 127.0.0.1 --dir "$folder/$node" \
        --cluster-enabled yes --cluster-config-file nodes.conf \
        --cluster-port $((port + 6)) --cluster-node-timeout "$timeout_ms" \
        --cluster-replica-validity-factor 0 --repl-diskless-sync-delay 0 \
        --save '' --appendonly no --daemonize no --databases 1 \
        --enable-debug-command local --logfile "$folder/$node/log" \
        </dev/null >/dev/null 2>&1 &
    echo $! >"$folder/$node/pid"
}

# Six ports in a row and six more for the bus; another place when one is taken.
begin_all() {
    local turn base node
    for ((turn = 0; turn < 20; turn++)); do
        base=$((20000 + (RANDOM * 32768 + RANDOM) % 900 * 12))
        for node in "${nodes[@]}"; do
            mkdir -p "$folder/$node" || fail "cannot make $folder/$node"
            echo $((base + node - 1)) >"$folder/$node/port"
            begin_node "$node"
        done
        write_pids
        for node in "${nodes[@]}"; do
            until answers "$node"; do
                is_running "$node" || break 2
                sleep 0.02
            done
        done
        all_ours && return 0
        kill_all
    done
    fail "no free ports in 20 tries; see $folder/*/log"
}

# What answered is what was started here.
all_ours() {
    local node
    for node in "${nodes[@]}"; do
        [ "$(ask "$node" info server | tr -d '\r' |
            sed -n 's/^process_id://p')" = "$(cat "$folder/$node/pid")" ] ||
            return 1
    done
}

kill_all() {
    local node
    for node in "${nodes[@]}"; do
        [ -e "$folder/$node/pid" ] &&
            kill -9 "$(cat "$folder/$node/pid")" 2>/dev/null
        rm -f "$folder/$node/nodes.conf"
    done
    return 0
}

meet_all() {
    local from to
    for from in "${nodes[@]}"; do
        ask "$from" cluster set-config-epoch "$from" >/dev/null
        for to in "${nodes[@]}"; do
            [ "$from" -lt "$to" ] && ask "$from" cluster meet 127.0.0.1 \
                "$(port_of "$to")" $(($(port_of "$to") + 6)) >/dev/null
        done
    done
}

all_known() {
    local node
    for node in "${nodes[@]}"; do
        [ "$(ask "$node" cluster nodes | grep -cv handshake)" = 6 ] || return 1
    done
}

# Who serves what, as a node has it.
owners() {
    ask "$1" cluster nodes | awk '$3 ~ /master/ && NF > 8 {
        $2 = $3 = $4 = $5 = $6 = $7 = $8 = ""; print }' | sort
}

# Three primaries agree that all is well, all agree who serves what, and each
# primary has a replica that copies it.
all_served() {
    local node replicas=0 with_replica=0 agreed
    agreed=$(owners 1)
    for node in "${nodes[@]}"; do
        [ "$(owners "$node")" = "$agreed" ] || return 1
        ask "$node" cluster info | grep -q '^cluster_state:ok' || return 1
        ask "$node" info replication >"$folder/replication"
        grep -q '^master_link_status:up' "$folder/replication" &&
            replicas=$((replicas + 1))
        grep -q 'state=online' "$folder/replication" &&
            with_replica=$((with_replica + 1))
    done
    [ "$replicas" -eq 3 ] && [ "$with_replica" -eq 3 ]
}

heal() {
    local node
    for node in "${nodes[@]}"; do
        kill -CONT "$(cat "$folder/$node/pid")" 2>/dev/null
        [ "$(ask "$node" ping)" = PONG ] || is_loading "$node" ||
            begin_node "$node"
    done
    write_pids
    wait_until 'the cluster does not heal' all_served
}

# It is there, if not for everybody yet.
is_loading() {
    ask "$1" ping | grep -qE '^(LOADING|MASTERDOWN|BUSY)'
}

move() {
    redis-cli --cluster reshard "127.0.0.1:$(port_of "$1")" \
        --cluster-from "$(ask "$1" cluster myid)" \
        --cluster-to "$(ask "$2" cluster myid)" \
        --cluster-slots "$3" --cluster-yes >"$folder/move.log" 2>&1 ||
        fail "the slots did not move; see $folder/move.log"
}

start() {
    local node comma=
    command -v redis-server >/dev/null && command -v redis-cli >/dev/null ||
        fail "redis-server is missing: install Debian's redis-server"
    begin_all
    meet_all
    wait_until 'the nodes did not meet' all_known
    ask 1 cluster addslotsrange 0 5460 >/dev/null
    ask 2 cluster addslotsrange 5461 10922 >/dev/null
    ask 3 cluster addslotsrange 10923 16383 >/dev/null
    for node in 4 5 6; do
        ask "$node" cluster replicate "$(ask $((node - 3)) cluster myid)" \
            >/dev/null
    done
    wait_until 'the cluster did not form' all_served
    for node in "${nodes[@]}"; do
        printf '%s127.0.0.1:%s' "$comma" "$(port_of "$node")"
        comma=,
    done >"$folder/url"
    echo >>"$folder/url"
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
heal) heal ;;
move)
    read -r from to slots <<<"${3-}"
    move "$from" "$to" "$slots"
    ;;
begin)
    begin_node "$node"
    write_pids
    wait_until "node $node does not answer" answers "$node"
    ;;
*)
    fail "unknown command '$command':" \
        'start, stop, kill, begin, pause, resume, heal, move'
    ;;
esac
