#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# layers.sh - who may include what: the table of docs/architecture.md as a test.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
cd "$srcdir" || exit 1
bad=0

# only FILES... -- PATTERNS...: each include of the files matches a pattern.
# <> and "" are left away: base/arena.h, larder.h, sqlite3.h.
only() {
    local files=() file line name header pattern allowed
    while [ "$1" != -- ]; do
        files+=("$1")
        shift
    done
    shift
    for file in "${files[@]}"; do
        [ -e "$file" ] || continue
        while IFS=: read -r line header; do
            name=${header#*[<\"]}
            name=${name%[>\"]*}
            allowed=no
            for pattern in "$@" $standard; do
                # shellcheck disable=SC2053
                [[ $name == $pattern ]] && allowed=yes
            done
            if [ "$allowed" = no ]; then
                echo "$file:$line: may not include '$name'"
                bad=1
            fi
        done < <(grep -nE '^[[:space:]]*#[[:space:]]*include' "$file")
    done
}

# C11 and POSIX; no header in this list reaches a store or a network.
standard='assert.h ctype.h errno.h fcntl.h float.h inttypes.h limits.h math.h
    pthread.h stdalign.h stdarg.h stdatomic.h stdbool.h stddef.h stdint.h
    stdio.h stdlib.h string.h strings.h time.h unistd.h dirent.h poll.h sched.h signal.h
    sys/file.h sys/mman.h sys/resource.h sys/stat.h sys/statvfs.h
    sys/types.h sys/uio.h sys/wait.h'
public='larder.h larder_backend.h'
tables='xxhash.h uthash.h utlist.h utarray.h'

set -f # patterns stay patterns; the files are globbed by ls
list() {
    set +f
    # shellcheck disable=SC2086
    echo $1
    set -f
}

# shellcheck disable=SC2046,SC2086
{
    only src/larder.h --
    only src/larder_backend.h -- larder.h
    only $(list 'src/base/*.[ch]') -- $public $tables 'base/*'
    only $(list 'src/data/*.[ch]') -- $public $tables csv.h \
        'base/*' 'data/*'
    only $(list 'src/storage/*.[ch]') -- $public $tables \
        'base/*' 'data/*' 'storage/*'
    only $(list 'src/expression/*.[ch]') -- $public $tables \
        'base/*' 'data/*' 'expression/*'
    only $(list 'src/definition/*.[ch]') -- $public $tables yaml.h \
        'base/*' 'data/*' 'expression/*' 'definition/*'
    only $(list 'src/registry/*.[ch]') -- $public $tables \
        'base/*' 'data/*' 'storage/*' 'expression/*' 'definition/*' 'registry/*'
    only $(list 'src/engine/*.[ch]') -- $public $tables 'base/*' 'data/*' \
        'storage/*' 'expression/*' 'definition/*' 'registry/*' 'engine/*'
    only $(list 'src/*.c') -- $public $tables \
        'base/*' 'data/*' 'storage/*' 'definition/*' 'registry/*' 'engine/*'

    only backends/builtin.c -- config.h larder_backend.h builtin.h
    for file in $(list 'backends/*.[ch]'); do
        case $file in
        */builtin.c) continue ;;
        *_sqlite.* | */sqlite*) driver=sqlite3.h ;;
        *_lmdb.*) driver=lmdb.h ;;
        *_postgres.* | */postgres*) driver=libpq-fe.h ;;
        */redis_transport.*) driver='hiredis/* curl/curl.h sys/socket.h' ;;
        *_redis.* | */redis*) driver='hiredis/*' ;;
        */host.*) driver='netdb.h sys/socket.h' ;;
        *) driver= ;;
        esac
        # Beside the contract and a driver: what backends share, by its name.
        shared=$(cd backends && list '*.h')
        only "$file" -- larder_backend.h $tables $shared $driver
    done

    shared=$(cd tools && list '*.h')
    only $(list 'tools/*.[ch]') -- larder.h 'base/*' $shared $tables csv.h \
        locale.h popt.h jansson.h libsmartcols.h libsmartcols/libsmartcols.h \
        sys/ioctl.h termios.h yaml.h 'serve/*'
    only $(list 'tools/serve/*.[ch]') -- larder.h 'base/*' 'serve/*' $shared \
        $tables jansson.h microhttpd.h 'gnutls/*' netdb.h netinet/in.h \
        sys/socket.h sys/un.h
}
exit "$bad"
