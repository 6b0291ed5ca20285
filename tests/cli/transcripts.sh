#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# transcripts.sh [--write] [NAME...] - whole commands, their output compared.
#
# transcripts/NAME.txt holds a session: `$ ` begins a command, `> ` goes on with
# it, what follows is all that it prints, and a last `[N]` is its exit status
# when that is not 0. Each transcript has an empty folder of its own, and the
# same moment is now in every run. --write keeps what is printed today.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
folder=$srcdir/tests/cli/transcripts

write=no
if [ "${1-}" = --write ]; then
    write=yes
    shift
fi
[ $# -gt 0 ] || set -- $(cd "$folder" && ls ./*.txt | sed 's|^./||; s|\.txt$||')

temporary=$(cd "$(mktemp -d)" && pwd -P) || exit 1
trap 'chmod -R u+w "$temporary"; rm -rf "$temporary"' EXIT

export LARDER_NOW=2001-04-01T00:00:00Z LARDER_EXAMPLES=$srcdir/examples
export srcdir
unset LARDER_CONFIG LARDER_ENV NO_COLOR

# What differs between two runs: how long they took, names made at random, and
# where the folder is.
settle() {
    sed -E -e "s|$temporary|DIR|g" -e "s|$srcdir|SRCDIR|g" \
        -e 's/[0-9]+\.[0-9]+ s$/TIME s/' \
        -e 's/("seconds": )[0-9.e-]+/\1TIME/' \
        -e 's/("run": )"[0-9a-f]{32}"/\1"ID"/'
}

# play FILE OUT: run its commands in the current folder; OUT is what it would be.
play() {
    local file=$1 out=$2 line command='' status
    run_one() {
        [ -n "$command" ] || return 0
        bash -c "$command" >"$temporary/printed" 2>&1 </dev/null
        status=$?
        settle <"$temporary/printed" >>"$out"
        [ "$status" = 0 ] || echo "[$status]" >>"$out"
        command=
    }
    while IFS= read -r line; do
        case $line in
        '$ '*)
            run_one
            command=${line#??}
            echo "$line" >>"$out"
            ;;
        '> '*)
            command+=$'\n'${line#??}
            echo "$line" >>"$out"
            ;;
        ';; '*)
            run_one
            echo "$line" >>"$out"
            ;;
        esac
    done <"$file"
    run_one
}

echo "1..$#"
n=0
bad=0
for name; do
    n=$((n + 1))
    mkdir "$temporary/$name"
    cd "$temporary/$name" || exit 1
    : >"$temporary/$name.out"
    play "$folder/$name.txt" "$temporary/$name.out"
    if [ "$write" = yes ]; then
        cp "$temporary/$name.out" "$folder/$name.txt"
    fi
    if diff -u --label "$name.txt" --label "what is printed" \
        "$folder/$name.txt" "$temporary/$name.out" >"$temporary/diff"; then
        echo "ok $n - $name"
    else
        sed 's/^/# /' "$temporary/diff"
        echo "not ok $n - $name"
        bad=1
    fi
done
exit "$bad"
