#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# postgres.sh - a PostgreSQL server for tests.
#
#   postgres.sh start FOLDER       a new one; writes FOLDER/url and FOLDER/pids
#   postgres.sh stop FOLDER
#   postgres.sh kill FOLDER        at once, as when its machine stops
#   postgres.sh begin FOLDER       again, after a kill, with the port it had
#   postgres.sh restart FOLDER     clients are sent away
#   postgres.sh pause FOLDER       it neither answers nor closes
#   postgres.sh resume FOLDER
#   postgres.sh sql FOLDER TEXT    as superuser; prints what comes back
#   postgres.sh session FOLDER     what of ours outlived its transaction, if any
#   postgres.sh standby FOLDER     a read-only copy in FOLDER/standby, with a url
#
# FOLDER/url goes over a Unix socket as the role "larder", no superuser, which
# owns the database "larder". FOLDER/url_tls goes over TCP, verifying the
# server's certificate against FOLDER/ca.pem; FOLDER/url_plain is the same
# without TLS, which the server refuses. FOLDER/log holds every statement, after
# "process user application ". FOLDER/has_small says "yes" where FOLDER/small is
# a disk of 4 MB for a tablespace, new at each begin. The database does not sort as bytes do (ICU,
# en-US). Root runs the server as the user "postgres".
set -u
program=${0##*/}
command=${1-} folder=${2-}
password='Larder+1 secret'
escaped='Larder%2B1%20secret'

fail() {
    echo "$program: $*" >&2
    exit 1
}

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] && PATH=$bin:$PATH
for tool in initdb pg_ctl psql; do
    command -v "$tool" >/dev/null ||
        fail "there is no $tool: install Debian's postgresql"
done
command -v openssl >/dev/null ||
    fail "there is no openssl: install Debian's openssl"

# as_server COMMAND...: as who runs the server
as_server() {
    if [ "$(id -u)" -eq 0 ]; then
        (cd / && exec runuser -u postgres -- env PATH="$PATH" LC_ALL=C "$@")
    else
        LC_ALL=C "$@"
    fi
}

# The server's user must be able to walk to the folder.
open_way() {
    local at=$1
    while [ "$at" != / ]; do
        as_server test -x "$at" || chmod o+x "$at" || exit 1
        at=$(dirname "$at")
    done
}

# sign NAME SUBJECT EXTENSION: NAME.key and NAME.pem, by the authority
sign() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
        -keyout "$folder/$1.key" -out "$folder/$1.csr" -subj "$2" &&
        openssl x509 -req -in "$folder/$1.csr" -CA "$folder/ca.pem" \
            -CAkey "$folder/ca.key" -CAcreateserial -days 2 \
            -extfile <(echo "$3") -out "$folder/$1.pem"
}

# An authority, and a server it signed for the name localhost; another
# authority that signed nobody.
make_certificates() {
    local name
    for name in ca other; do
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
            -nodes -keyout "$folder/$name.key" -out "$folder/$name.pem" \
            -subj "/CN=larder test $name" -days 2 || return 1
    done
    sign server /CN=localhost subjectAltName=DNS:localhost
}

free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}

# write_settings DATA PORT
write_settings() {
    cat >>"$1/postgresql.conf" <<END
listen_addresses = '127.0.0.1'
port = $2
unix_socket_directories = '$folder'
max_connections = 40
superuser_reserved_connections = 5
shared_buffers = 32MB
fsync = off
full_page_writes = off
max_wal_senders = 4
wal_keep_size = 64MB
ssl = on
ssl_cert_file = '$folder/server.pem'
ssl_key_file = '$folder/server.key'
password_encryption = scram-sha-256
log_statement = all
log_line_prefix = '%p %u %a '
log_parameter_max_length = 64
lc_messages = 'C'
END
    cat >"$1/pg_hba.conf" <<END
local all postgres trust
local replication postgres trust
local all all scram-sha-256
hostssl all all 127.0.0.1/32 scram-sha-256
END
}

# write_urls FOLDER PORT
write_urls() {
    local tcp="postgresql://larder:$escaped@localhost:$2/larder"
    echo "$2" >"$1/port"
    echo "postgresql://larder:$escaped@/larder?host=$1&port=$2" >"$1/url"
    echo "$tcp?sslmode=verify-full&sslrootcert=$folder/ca.pem" >"$1/url_tls"
    echo "$tcp?sslmode=disable" >"$1/url_plain"
}

# begin_at FOLDER: its data, its log, its pids. Root gives the server a small
# disk at FOLDER/small, which only its processes see, and which ends with them.
begin_at() {
    local start=(pg_ctl -D "$1/data" -l "$1/log" -s -w -t 60 start)
    mkdir -p "$1/small"
    if [ "$(id -u)" -eq 0 ] && unshare -m mount -t tmpfs none "$1/small" \
        2>/dev/null; then
        unshare -m bash -c 'mount -t tmpfs -o size=4m,uid=postgres,mode=700 none "$1" &&
            shift && cd / && exec runuser -u postgres -- env "$@"' - \
            "$1/small" PATH="$PATH" LC_ALL=C "${start[@]}" || return 1
        echo yes >"$1/has_small"
    else
        as_server "${start[@]}" || return 1
        echo no >"$1/has_small"
    fi
    head -n 1 "$1/data/postmaster.pid" >"$1/pids"
}

# signal_at FOLDER SIGNAL: to the server and all its processes
signal_at() {
    local pid
    pid=$(cat "$1/pids") || return 1
    # shellcheck disable=SC2046
    kill -"$2" "$pid" $(ps -o pid= --ppid "$pid") 2>/dev/null
}

stop_at() {
    [ -s "$1/pids" ] || return 0
    signal_at "$1" CONT
    as_server pg_ctl -D "$1/data" -s -m immediate -w stop 2>/dev/null
    : >"$1/pids"
}

sql() {
    PGOPTIONS=-cclient_min_messages=warning \
        psql -X -q -A -t -v ON_ERROR_STOP=1 -h "$folder" -p "$(cat "$folder/port")" \
        -U postgres -d "${2-larder}" -c "$1"
}

start() {
    local turn port
    mkdir -p "$folder" || exit 1
    folder=$(cd "$folder" && pwd)
    make_certificates >"$folder/openssl.log" 2>&1 ||
        fail "openssl made no certificates: see $folder/openssl.log"
    touch "$folder/log"
    if [ "$(id -u)" -eq 0 ]; then
        open_way "$folder"
        chown -R postgres "$folder"
    fi
    as_server initdb -D "$folder/data" -U postgres --no-sync -E UTF8 \
        --locale=C.UTF-8 --locale-provider=icu --icu-locale=en-US \
        >"$folder/initdb.log" 2>&1 || fail "initdb: see $folder/initdb.log"
    cp "$folder/data/postgresql.conf" "$folder/settings"
    for ((turn = 0; ; turn++)); do
        port=$(free_port)
        cp "$folder/settings" "$folder/data/postgresql.conf"
        write_settings "$folder/data" "$port"
        begin_at "$folder" && break
        [ "$turn" -lt 3 ] || fail "it does not start: see $folder/log"
    done
    write_urls "$folder" "$port"
    sql "CREATE ROLE larder LOGIN PASSWORD '$password'" postgres &&
        sql "CREATE DATABASE larder OWNER larder" postgres ||
        fail "no database: see $folder/log"
}

start_standby() {
    local copy=$folder/standby port
    mkdir "$copy" || exit 1
    [ "$(id -u)" -ne 0 ] || chown postgres "$copy"
    as_server pg_basebackup -h "$folder" -p "$(cat "$folder/port")" -U postgres \
        -D "$copy/data" -R -c fast --no-sync || fail "no base backup"
    port=$(free_port)
    as_server tee -a "$copy/data/postgresql.conf" >/dev/null <<END
port = $port
unix_socket_directories = '$copy'
END
    begin_at "$copy" || fail "the standby does not start: see $copy/log"
    write_urls "$copy" "$port"
}

[ -n "$folder" ] || fail "use: $program start|stop|... FOLDER"
case $command in
start) start ;;
stop)
    [ ! -d "$folder/standby" ] || stop_at "$folder/standby"
    stop_at "$folder"
    ;;
kill)
    processes=$(cat "$folder/pids")
    processes="$processes $(ps -o pid= --ppid "$processes")"
    # shellcheck disable=SC2086
    kill -KILL $processes 2>/dev/null
    # shellcheck disable=SC2086
    while kill -0 $processes 2>/dev/null; do sleep 0.02; done
    rm -f "$folder"/.s.PGSQL.* "$folder/data/postmaster.pid"
    : >"$folder/pids"
    ;;
begin) begin_at "$folder" ;;
restart)
    as_server pg_ctl -D "$folder/data" -s -m fast -w stop
    begin_at "$folder"
    ;;
pause) signal_at "$folder" STOP ;;
resume) signal_at "$folder" CONT ;;
sql) sql "$3" ;;
session) awk -f "${0%/*}/session.awk" "$folder/log" ;;
standby) start_standby ;;
*) fail "there is no command '$command'" ;;
esac
