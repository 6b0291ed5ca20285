#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# redis.sh - a Redis server for tests, reached in every way there is.
#
#   redis.sh start FOLDER [OPTION...]   options as redis-server takes them
#   redis.sh stop FOLDER
#   redis.sh kill FOLDER            at once, as by kill -9
#   redis.sh begin FOLDER           again, at the addresses it had, and empty
#   redis.sh pause FOLDER           it neither answers nor closes
#   redis.sh resume FOLDER
#   redis.sh cli FOLDER 'WORDS'     what redis-cli says
#   redis.sh replica FOLDER         a copy of it, which takes no writes, in
#                                   FOLDER/replica; its address in url_replica
#
# Everything is in FOLDER: url (a Unix socket), url_tcp, url_tls, url_user (an
# ACL user with no more rights than needed), pids, port, tls_port, log; ca.crt,
# client.crt and client.key; other-ca.crt, which signed nothing here. Nothing is
# kept on disk. Loopback only. The server's locale is a German one: its
# collation is not that of bytes.
set -u
program=${0##*/}
command=${1-} folder=${2-}
shift 2
password=swordfish

fail() {
    echo "$program: $*" >&2
    exit 1
}

ask() {
    redis-cli -s "$folder/redis.sock" "$@" 2>/dev/null
}

answers() {
    [ "$(ask ping)" = PONG ]
}

# sign NAME SUBJECT EXTENSION: NAME.key and NAME.crt, signed by ca
sign() {
    openssl req -newkey rsa:2048 -nodes -keyout "$folder/$1.key" -subj "$2" \
        -out "$folder/$1.csr" 2>/dev/null &&
        openssl x509 -req -in "$folder/$1.csr" -CA "$folder/ca.crt" \
            -CAkey "$folder/ca.key" -CAcreateserial -days 2 \
            -extfile <(echo "$3") -out "$folder/$1.crt" 2>/dev/null ||
        fail "openssl cannot make $1.crt"
}

make_ca() {
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$folder/$1.key" \
        -out "$folder/$1.crt" -days 2 -subj "/CN=$1" 2>/dev/null ||
        fail "openssl cannot make $1.crt"
}

make_certificates() {
    command -v openssl >/dev/null || fail "openssl is missing: install openssl"
    make_ca ca
    make_ca other-ca
    sign server /CN=localhost "subjectAltName=DNS:localhost"
    sign client /CN=client "extendedKeyUsage=clientAuth"
}

# A locale whose collation differs from that of bytes, made here.
make_locale() {
    mkdir -p "$folder/locale" &&
        localedef -i de_DE -f UTF-8 "$folder/locale/de_DE.UTF-8" 2>/dev/null
    [ -e "$folder/locale/de_DE.UTF-8/LC_COLLATE" ] ||
        fail "localedef made no locale: install Debian's locales"
}

begin() {
    local turn
    # shellcheck disable=SC2046
    LOCPATH=$folder/locale LC_ALL=de_DE.UTF-8 setsid redis-server \
        --port "$(cat "$folder/port")" --tls-port "$(cat "$folder/tls_port")" \
        --bind 127.0.0.1 --unixsocket "$folder/redis.sock" \
        --tls-cert-file "$folder/server.crt" \
        --tls-key-file "$folder/server.key" \
        --tls-ca-cert-file "$folder/ca.crt" --tls-auth-clients optional \
        --dir "$folder" --save '' --appendonly no --daemonize no \
        --enable-debug-command local --repl-diskless-sync-delay 0 \
        --logfile "$folder/log" $(cat "$folder/options") \
        </dev/null >/dev/null 2>&1 &
    echo $! >"$folder/pids"
    for ((turn = 0; turn < 400; turn++)); do
        if answers; then
            ask acl setuser larder on ">$password" '~larder:*' '~t*' \
                +@read +@write +ping +select +info +scan +fcall \
                '+function|load' >/dev/null
            return 0
        fi
        kill -0 "$(cat "$folder/pids")" 2>/dev/null || return 1
        sleep 0.02
    done
    fail "it does not answer within 8 s: see $folder/log"
}

start() {
    local turn base
    command -v redis-server >/dev/null && command -v redis-cli >/dev/null ||
        fail "redis-server is missing: install Debian's redis-server"
    mkdir -p "$folder" || fail "cannot make $folder"
    make_certificates
    make_locale
    echo "$@" >"$folder/options"
    # ports below those that the system hands out; others when one is taken
    for ((turn = 0; turn < 20; turn++)); do
        base=$((15000 + (RANDOM * 32768 + RANDOM) % 2400 * 2))
        echo "$base" >"$folder/port"
        echo "$((base + 1))" >"$folder/tls_port"
        begin && break
        rm -f "$folder/redis.sock"
        [ "$turn" -lt 19 ] || fail "it does not start: see $folder/log"
    done
    echo "unix://$folder/redis.sock" >"$folder/url"
    echo "redis://127.0.0.1:$base" >"$folder/url_tcp"
    echo "rediss://localhost:$((base + 1))" >"$folder/url_tls"
    echo "redis://larder:$password@127.0.0.1:$base/0" >"$folder/url_user"
}

replica() {
    local turn copy=$folder/replica
    mkdir -p "$copy" || fail "cannot make $copy"
    redis-server --port 0 --unixsocket "$copy/redis.sock" --dir "$copy" \
        --save '' --appendonly no --daemonize no --logfile "$copy/log" \
        --replicaof 127.0.0.1 "$(cat "$folder/port")" \
        </dev/null >/dev/null 2>&1 &
    echo $! >>"$folder/pids"
    for ((turn = 0; turn < 400; turn++)); do
        redis-cli -s "$copy/redis.sock" info replication 2>/dev/null |
            grep -q '^master_link_status:up' && break
        sleep 0.02
    done
    [ "$turn" -lt 400 ] || fail "it does not copy: see $copy/log"
    echo "unix://$copy/redis.sock" >"$folder/url_replica"
}

signal() {
    local pid
    while read -r pid; do
        kill "-$1" "$pid" 2>/dev/null
    done <"$folder/pids"
    return 0
}

# Until nothing of it answers any more.
end() {
    local pid turn
    pid=$(head -n 1 "$folder/pids")
    signal KILL
    for ((turn = 0; turn < 400; turn++)); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.01
    done
    rm -f "$folder/redis.sock"
    : >"$folder/pids"
}

[ -n "$folder" ] || fail "which folder? $program $command FOLDER"
case $command in
start) start "$@" ;;
stop | kill) [ ! -e "$folder/pids" ] || end ;;
begin) begin || fail "it does not start: see $folder/log" ;;
pause) signal STOP ;;
resume) signal CONT ;;
cli)
    # shellcheck disable=SC2086
    ask $1
    ;;
replica) replica ;;
*) fail "there is no command '$command'" ;;
esac
