#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# failures.sh - what goes wrong outside: killed at the nth write, a disk that
# fills up, a file size limit, read-only files, files cut short or spoilt. Each
# gives a clear error, loses nothing, and the next ordinary command works.
#
# A small library in front of libc counts writes, syncs, renames and the like,
# and ends the process at one of them, or lets that one fail. What is swept here
# in steps can be swept whole: STRIDE=1 failures.sh.
set -eu
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${CC:=cc}"
: "${STRIDE:=0}" # 0: as each sweep says
export LARDER_NOW=2001-04-01T00:00:00Z LARDER_EXAMPLES=$srcdir/examples
unset LARDER_CONFIG LARDER_ENV

folder=$(mktemp -d)
trap 'chmod -R u+rwX "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
n=0

is() { # WHAT CONDITION...: the condition is a command
    local what=$1
    shift
    n=$((n + 1))
    if "$@"; then
        echo "ok $n - $what"
    else
        sed 's/^/# /' told err 2>/dev/null | cut -c 1-300 | tail -n 20
        echo "not ok $n - $what"
    fi
}
quietly() { "$@" >out 2>err; }

# ------------------------------------------------------------------- the shim
cat >shim.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* SHIM_AT: the step at which it happens; SHIM_FAILS: a failure, not an end. */
static long left = -2;

static int
now(void)
{
    const char *at = getenv("SHIM_AT");

    if (left == -2)
        left = at == NULL ? -1 : atol(at);
    if (left < 0 || __sync_sub_and_fetch(&left, 1) != 0)
        return 0;
    if (getenv("SHIM_FAILS") == NULL)
        kill(getpid(), SIGKILL);
    left = -1;
    return 1;
}

#define WRAP(type, name, parameters, arguments, error)                         \
    type name parameters                                                       \
    {                                                                          \
        static type(*real) parameters;                                         \
                                                                               \
        if (real == NULL)                                                      \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                         \
        if (counts && now()) {                                                 \
            errno = error;                                                     \
            return -1;                                                         \
        }                                                                      \
        return real arguments;                                                 \
    }

#define counts (fd > 2)
WRAP(ssize_t, write, (int fd, const void *b, size_t n), (fd, b, n), ENOSPC)
WRAP(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n), ENOSPC)
WRAP(ssize_t, pwrite, (int fd, const void *b, size_t n, off_t o), (fd, b, n, o),
    ENOSPC)
WRAP(ssize_t, pwrite64, (int fd, const void *b, size_t n, off64_t o),
    (fd, b, n, o), ENOSPC)
WRAP(ssize_t, pwritev, (int fd, const struct iovec *v, int n, off_t o),
    (fd, v, n, o), ENOSPC)
WRAP(int, fsync, (int fd), (fd), EIO)
WRAP(int, fdatasync, (int fd), (fd), EIO)
WRAP(int, ftruncate, (int fd, off_t n), (fd, n), ENOSPC)
WRAP(int, ftruncate64, (int fd, off64_t n), (fd, n), ENOSPC)
#undef counts
#define counts 1
WRAP(int, rename, (const char *a, const char *b), (a, b), ENOSPC)
WRAP(int, unlink, (const char *a), (a), EIO)
END
$CC -shared -fPIC -o shim.so shim.c -ldl

# struck AT FAILS COMMAND...: the command, struck at its nth step. $code; 0 says
# that there were fewer steps.
struck() {
    local at=$1 fails=$2
    shift 2
    code=0
    {
        (
            export SHIM_AT=$at LD_PRELOAD=$folder/shim.so
            export ASAN_OPTIONS=verify_asan_link_order=0:${ASAN_OPTIONS-}
            [ -z "$fails" ] || export SHIM_FAILS=1
            exec larder -q "$@"
        ) >told 2>&1
    } 2>/dev/null || code=$?
}

# sweep WHAT COMMAND FRESH HOLDS STRIDE: strike COMMAND at each STRIDEth step
# until there are no more of them, after FRESH; HOLDS says whether all is well.
# Half of the strikes end the process, half are a failure of the system.
sweep() {
    local what=$1 command=$2 fresh=$3 holds=$4 stride=$5 at fails n_struck=0
    local bad=

    [ "$STRIDE" = 0 ] || stride=$STRIDE
    for ((at = 1; at < 2000; at += stride)); do
        for fails in '' fails; do
            $fresh
            # shellcheck disable=SC2086
            struck $at "$fails" $command
            [ "$code" -ne 0 ] || [ -n "$fails" ] || break 2
            n_struck=$((n_struck + 1))
            if [ -z "$fails" ]; then
                [ "$code" -eq 137 ] || bad="$bad $at:ended-$code"
            elif [ "$code" -ne 0 ]; then
                # One error, which says what could not be done.
                { [ "$code" -eq 1 ] && [ "$(grep -c 'error: ' told)" -eq 1 ] &&
                    grep -qE 'space|full|Input/output|I/O' told; } ||
                    bad="$bad $at:said-$code"
            fi
            $holds "$code" || bad="$bad $at$fails:$held"
            [ -z "$bad" ] || { cp told "told.$at"; break 2; }
        done
    done
    [ -z "$bad" ] || echo "# $bad"
    is "$what: struck at many steps, nothing is lost and it goes on" \
        test -z "$bad" -a "$n_struck" -gt 8
}

larder -q init repository --example flights
cd repository
head -n 1501 flights.csv >rows.csv
head -n 61 spine.csv >keys.csv
csv() { larder -q -o csv "$@" 2>err; }
rows() { csv sql 'SELECT count(*) FROM flights' | tail -n 1; }

# ------------------------------------------------------------------------ apply
nothing() { rm -rf data; }
applied() {
    held=next
    quietly larder -q apply --yes || return 1
    held=plan
    quietly larder -q plan --exit-code || return 1
    held=history
    [ "$(rows)" = 0 ] || return 1
    held=generations
    [ "$(sqlite3 data/registry.db 'SELECT max(number) FROM larder_generations')" = 1 ]
}
sweep apply 'apply --yes' nothing applied 17

nothing
larder -q apply --yes >/dev/null
cp -a data applied

# ----------------------------------------------------------------------- ingest
fresh_applied() { rm -rf data && cp -a applied data; }
whole_or_absent() {
    held=half
    case $(rows) in 0) [ "$1" -ne 0 ] ;; "$whole") ;; *) false ;; esac || return 1
    held=next
    quietly larder -q ingest flights rows.csv || return 1
    held=whole
    [ "$(rows)" = "$whole" ]
}
larder -q ingest flights rows.csv >/dev/null
whole=$(rows)
cp -a data ingested
sweep ingest 'ingest flights rows.csv' fresh_applied whole_or_absent 11

# ------------------------------------------------------------------ materialize
read_all() { csv get --keys keys.csv -s delay_model_v1; }
fresh_ingested() { rm -rf data && cp -a ingested data; }
rm -rf data
cp -a ingested data
larder -q materialize >/dev/null
read_all >answer.csv
cp -a data materialized
serves() { # nothing yet, or the whole answer; then the answer
    held=half
    if read_all >now.csv; then
        cmp -s now.csv answer.csv || return 1
    else
        grep -q 'not materialized yet' err || return 1
    fi
    goes_on
}
goes_on() {
    held=next
    quietly larder -q materialize || return 1
    held=answer
    read_all >now.csv && cmp -s now.csv answer.csv
}
still_serves() {
    held=reads
    read_all >now.csv && cmp -s now.csv answer.csv && goes_on
}
fresh_materialized() { rm -rf data && cp -a materialized data; }
sweep materialize materialize fresh_ingested serves 5
sweep 'materialize --full' 'materialize --full' fresh_materialized still_serves 5

# ------------------------------------------------------------------------- join
fresh_materialized
larder -q join spine.csv -s delay_model_v1 -O good.csv >/dev/null
old_output() {
    rm -f new.csv*
    echo old >new.csv
    echo old >new.csv.manifest.json
}
pair() { # never a manifest beside rows that it does not speak of
    local rows=old manifest=none

    held=rows
    cmp -s new.csv good.csv && rows=new || [ "$(cat new.csv)" = old ] || return 1
    held=manifest
    [ ! -e new.csv.manifest.json ] || manifest=old
    cmp -s new.csv.manifest.json good.csv.manifest.json && manifest=new
    [ $manifest = none ] || [ $manifest = $rows ] || return 1
    held=next
    quietly larder -q join spine.csv -s delay_model_v1 -O new.csv || return 1
    held=same
    cmp -s new.csv good.csv && cmp -s new.csv.manifest.json good.csv.manifest.json
}
sweep 'join -O' 'join spine.csv -s delay_model_v1 -O new.csv' old_output pair 2
rm -f new.csv*

# ------------------------------------------------------------ a file size limit
# limited KIB COMMAND...: with that limit for files. What it says goes through a
# pipe, which has none.
limited() {
    local kib=$1
    shift
    (
        ulimit -f "$kib"
        exec larder -q "$@"
    ) 2>&1 | cat >err
    code=${PIPESTATUS[0]}
}
for kib in 1 64 1024; do
    fresh_applied
    limited $kib ingest flights flights.csv
    is "ingest with files of at most $kib KiB fails" test "$code" = 1
    is '... and says why' grep -q 'reached the file size limit' err
    is '... and the next one loads all' whole_or_absent 1
done
fresh_ingested
limited 80 materialize
is 'materialize with files of at most 80 KiB fails' test "$code" = 1
is '... and says why' grep -qE 'ulimit -f|file size limit' err
is '... and the next one serves' serves
echo old >new.csv
limited 1 join spine.csv -s delay_model_v1 -O new.csv
is 'join -O with files of at most 1 KiB fails' test "$code" = 1
is '... and leaves what was there' test "$(cat new.csv)" = old

# --------------------------------------------------- no standard input or output
fresh_ingested
code=0
larder materialize <&- >&- 2>&- || code=$?
is 'without any standard descriptor nothing is printed into a store' \
    quietly larder get origin=SFO -f airport_delay
code=0
larder ls >&- 2>err || code=$?
is 'a closed standard output is no success' test "$code" = 1

# -------------------------------------------------------- read-only, unreadable
fresh_materialized
as_user=
if [ "$(id -u)" = 0 ]; then # root may write everything
    chmod 711 "$(dirname "$folder")" 2>/dev/null || true
    chmod 755 "$folder" "$folder/repository"
    chown -R 65534 .
    cp "$(command -v larder)" "$folder/larder"
    as_user="setpriv --reuid=65534 --regid=65534 --clear-groups $folder/larder"
fi
run() { # WHAT CODE WORDS COMMAND...
    local what=$1 want=$2 words=$3
    shift 3
    code=0
    # shellcheck disable=SC2086
    quietly ${as_user:-larder} -q "$@" || code=$?
    [ "$code" = "$want" ] || echo "# ended with $code, should with $want"
    is "$what" test "$code" = "$want" -a "$(grep -c "$words" err)" -ge 1
}
chmod a-w data/*.db* data/online/*
run 'ingest into a read-only file' 1 'offline.db cannot be written: it is read-only' \
    ingest flights rows.csv
run 'materialize into a read-only store' 1 'may not be written by this user' materialize
chmod -R u+w data
chmod a-w .
run 'join -O into a read-only folder' 1 "'new2.csv' cannot be written: Permission denied" \
    join spine.csv -s delay_model_v1 -O new2.csv
chmod u+w .
mv data away
chmod a-w .
run 'apply in a read-only folder' 1 'cannot be made: Permission denied' apply --yes
chmod u+w .
mv away data
chmod 000 data/registry.db
run 'a registry that cannot be read' 1 'registry.db: .*\(Permission denied\|unable to open\)' ls
chmod 644 data/registry.db
chmod 000 rows.csv features.yaml
run 'a file that cannot be read' 1 "'rows.csv' cannot be read: Permission denied" \
    ingest flights rows.csv
run 'a definition that cannot be read' 1 'features.yaml.*: Permission denied' validate
chmod 644 rows.csv features.yaml
[ -z "$as_user" ] || chown -R 0 .
is '... and then all is well' still_serves

# ------------------------------------------------------- cut short, and spoilt
# Each command either does all, or tells of damage; none dies, and none takes
# what is left for the whole.
asks=('ls' 'join spine.csv -s delay_model_v1' 'get --keys keys.csv -s delay_model_v1'
    'materialize --full' 'apply --yes' 'ingest flights rows.csv')
larder join spine.csv -s delay_model_v1 >good.join
larder -q get --keys keys.csv -s delay_model_v1 >good.get
rm -rf materialized
cp -a data materialized
sound() { # all asks of data as it is; $held says what was wrong
    local ask file
    n_told=0
    for ask in "${asks[@]}"; do
        code=0
        # shellcheck disable=SC2086
        quietly timeout 60 larder -q $ask || code=$?
        case $code in
        0) ;;
        1) n_told=$((n_told + 1)) ;;
        *) held="$ask: $code" && return 1 ;;
        esac
        [ "$code" = 0 ] || [ "$(grep -c 'error: ' err)" = 1 ] ||
            { held="$ask: says nothing" && return 1; }
        case $ask in join*) file=good.join ;; get*) file=good.get ;; *) continue ;; esac
        [ "$code" = 1 ] || cmp -s out $file || { held="$ask: differs" && return 1; }
    done
}
cut_at() { # FILE SIZE
    fresh_materialized
    truncate -s "$2" "data/$1"
    sound && return 0
    echo "# $1 cut to $2: $held"
    return 1
}
for file in registry.db offline.db online/data.mdb; do
    size=$(stat -c %s materialized/$file)
    bad=
    for cut in 0 1 100 4096 16384 $((size / 2 + 1)) $((size - 1)); do
        cut_at $file "$cut" || bad=1
        # LMDB's file is mostly hole: its end holds nothing.
        [ $file = online/data.mdb ] && [ "$cut" -gt 16384 ] ||
            [ "$n_told" -ge 3 ] || { bad=1; echo "# $file cut to $cut: not told"; }
    done
    is "$file cut short is told by all that need it" test -z "$bad"
done
for file in registry.db offline.db; do
    size=$(stat -c %s materialized/$file)
    bad=
    for ((i = 1; i <= 12; i++)); do
        fresh_materialized
        # Twelve places, the first ones in the head.
        printf '\125\252\377\0\201' | dd of=data/$file bs=1 conv=notrunc status=none \
            seek=$((i < 4 ? i * 23 : size * i / 13))
        asks_before=("${asks[@]}")
        # Values have no checksum in SQLite; a spoilt one is a value.
        asks=('ls' 'materialize --full' 'ingest flights rows.csv')
        sound || { bad=1; echo "# $file spoilt at $i: $held"; }
        asks=("${asks_before[@]}")
    done
    is "$file spoilt ends no command but with a word" test -z "$bad"
done
fresh_materialized
sed -i 's/Where a flight leaves/Whose a flight leaves/' data/registry.db
code=0
quietly larder ls || code=$?
is 'definitions spoilt in the registry are not taken for those applied' \
    test "$code" = 1 -a "$(grep -c 'has the hash' err)" = 1
fresh_materialized
# Stored delays change; their checksums stay.
LC_ALL=C sed -i 's/\x01[\xf0-\xfe]\xff\xff\xff\xff\xff\xff\xff/\x01\xe9\xff\xff\xff\xff\xff\xff\xff/g' \
    data/online/data.mdb
code=0
quietly larder -q get --keys keys.csv -f airport_delay || code=$?
is 'a value spoilt online is not served' \
    test "$code" = 1 -a "$(grep -c 'checksum is not that of its bytes' err)" = 1
is '... and --full mends it' quietly larder -q materialize --full
is '... wholly' still_serves
echo garbage >data/online/data.mdb
code=0
quietly larder get origin=SFO -f airport_delay || code=$?
is 'what is no LMDB file is told' test "$code" = 1 -a "$(grep -c 'damaged' err)" = 1
rm -rf data/online
is 'a store that is gone is made again' quietly larder -q apply --yes
is '... and filled again' goes_on
echo "1..$n"
