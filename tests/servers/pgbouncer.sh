#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# pgbouncer.sh - a pooler in transaction mode with one connection to a server of
# its own, and a stranger on that connection who changes its settings all the
# time.
#
#   pgbouncer.sh start FOLDER      writes FOLDER/url and FOLDER/pids; the server
#                                  is in FOLDER/postgres
#   pgbouncer.sh stop FOLDER
#   pgbouncer.sh session FOLDER    what of ours outlived its transaction, if any
#   pgbouncer.sh COMMAND FOLDER    any other is postgres.sh's, of that server
#
# No startup parameter is ignored: a client that sends one it does not know is
# refused.
set -u
program=${0##*/}
command=${1-} folder=${2-}
here=$(cd "${0%/*}" && pwd)

fail() {
    echo "$program: $*" >&2
    exit 1
}

[ -n "$folder" ] || fail "use: $program start|stop|session FOLDER"
PATH=$PATH:/usr/sbin
command -v pgbouncer >/dev/null ||
    fail "there is no pgbouncer: install Debian's pgbouncer"

as_server() {
    if [ "$(id -u)" -eq 0 ]; then
        (cd / && exec runuser -u postgres -- env PATH="$PATH" LC_ALL=C "$@")
    else
        LC_ALL=C "$@"
    fi
}

write_settings() {
    local server=$folder/postgres
    printf '"larder" "Larder+1 secret"\n' >"$folder/users"
    cat >"$folder/pgbouncer.ini" <<END
[databases]
larder = host=$server port=$(cat "$server/port") dbname=larder

[pgbouncer]
unix_socket_dir = $folder
listen_port = 6432
auth_type = scram-sha-256
auth_file = $folder/users
pool_mode = transaction
default_pool_size = 1
max_client_conn = 100
logfile = $folder/pgbouncer.log
pidfile = $folder/pgbouncer.pid
END
}

# What the stranger says, over and over; some of it is wrong for anybody.
strange_words() {
    local turn=0
    while echo "SELECT 1;"; do
        case $((turn++ % 8)) in
        0) echo "SET search_path = nowhere;" ;;
        1) echo "SET timezone = 'Asia/Kolkata';" ;;
        2) echo "SET extra_float_digits = -8;" ;;
        3) echo "SET statement_timeout = '300ms';" ;;
        4) echo "SET datestyle = 'SQL, DMY';" ;;
        5) echo "SET bytea_output = 'escape';" ;;
        6) echo "SET lock_timeout = '1ms';" ;;
        7) echo "SET synchronous_commit = off; SET intervalstyle = 'iso_8601';" ;;
        esac
        sleep 0.02
    done
}

be_stranger() {
    strange_words |
        PGAPPNAME=stranger psql -X -q "$(cat "$folder/url")" \
            >/dev/null 2>"$folder/stranger.log"
}

start() {
    local turn
    mkdir -p "$folder" || exit 1
    folder=$(cd "$folder" && pwd)
    bash "$here/postgres.sh" start "$folder/postgres" || exit 1
    write_settings
    [ "$(id -u)" -ne 0 ] || chown postgres "$folder" "$folder"/*
    as_server pgbouncer -q -d "$folder/pgbouncer.ini" ||
        fail "it does not start: see $folder/pgbouncer.log"
    echo "postgresql://larder:Larder%2B1%20secret@/larder?host=$folder&port=6432" \
        >"$folder/url"
    for ((turn = 0; turn < 200; turn++)); do
        psql -X -q -A -t -c 'SELECT 1' "$(cat "$folder/url")" \
            >/dev/null 2>&1 && break
        sleep 0.05
    done
    [ "$turn" -lt 200 ] || fail "it does not answer: see $folder/pgbouncer.log"
    be_stranger </dev/null >/dev/null 2>&1 &
    echo "$(cat "$folder/pgbouncer.pid") $!" >"$folder/pids"
}

stop() {
    local pid
    # shellcheck disable=SC2013
    for pid in $(cat "$folder/pids" 2>/dev/null); do
        # shellcheck disable=SC2046
        kill $(ps -o pid= --ppid "$pid") "$pid" 2>/dev/null
    done
    rm -f "$folder/pids"
    bash "$here/postgres.sh" stop "$folder/postgres"
}

case $command in
start) start ;;
stop) stop ;;
session)
    awk -v pooled=1 -f "$here/session.awk" "$folder/postgres/log"
    ;;
*) exec bash "$here/postgres.sh" "$command" "$folder/postgres" "${@:3}" ;;
esac
