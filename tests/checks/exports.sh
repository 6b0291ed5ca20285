#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# exports.sh - the library lets out what the two installed headers name, all of
# it and nothing else; and the command calls nothing but that and base.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${builddir:=$srcdir/build}"
. "$srcdir/tests/checks/public.sh"
bad=0

names() {
    nm "$@" | awk 'NF >= 2 { print $NF }' | sort -u
}

library=$(ls "$builddir"/.libs/liblarder.so.*.* 2>/dev/null | head -n 1)
if [ -z "$library" ]; then
    echo "no shared library was built"
    exit 77
fi

declared=$(public_functions "$srcdir"/src/larder.h \
    "$srcdir"/src/larder_backend.h)
exported=$(names -D --defined-only "$library" |
    grep -vE '^(__(asan|odr_asan|gcov|llvm|ubsan|tsan)|_init$|_fini$|mangle_path$)')

extra=$(comm -13 <(echo "$declared") <(echo "$exported"))
absent=$(comm -23 <(echo "$declared") <(echo "$exported"))
if [ -n "$extra" ]; then
    echo "exported by ${library##*/}, and in no installed header:"
    echo "$extra"
    bad=1
fi
if [ -n "$absent" ]; then
    echo "in an installed header, and not exported by ${library##*/}:"
    echo "$absent"
    bad=1
fi

# What the command's own objects leave open is public, in base, or not ours.
objects=$(find "$builddir/tools" -maxdepth 1 -name '*.o' 2>/dev/null)
if [ -n "$objects" ]; then
    # shellcheck disable=SC2086
    beyond=$(comm -23 \
        <(comm -23 <(names -u $objects) <(names --defined-only $objects) |
            grep -E '^(larder|ldr)_') \
        <({ echo "$declared"
            names --defined-only "$builddir"/.libs/libbase.a; } | sort -u))
    if [ -n "$beyond" ]; then
        echo "called by the command, and neither public nor in base:"
        echo "$beyond"
        bad=1
    fi
fi
exit "$bad"
