#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# headers.sh - every header compiles alone: a room's as C11, an installed one as
# C11 and C++17 too, without one warning.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
cd "$srcdir" || exit 1
bad=0
: "${POSTGRES_CFLAGS=$(pkg-config --cflags libpq)}"

hard='-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wcast-qual -Wundef -Werror'
for header in src/*.h src/*/*.h backends/*.h tools/*.h tests/*.h; do
    [ -e "$header" ] || continue
    # shellcheck disable=SC2086
    printf '#include "%s"\ntypedef int end;\n' "$header" |
        ${CC:-cc} -x c -std=c11 -D_POSIX_C_SOURCE=200809L $hard \
            -Wstrict-prototypes -I. -Isrc ${POSTGRES_CFLAGS-} -fsyntax-only - || {
        echo "$header: does not compile alone as C11"
        bad=1
    }
done

compiler=$(command -v g++ || command -v clang++)
if [ -z "$compiler" ]; then
    echo "no C++ compiler: g++ or clang++ is needed"
    exit 1
fi
for header in src/larder.h src/larder_backend.h; do
    # shellcheck disable=SC2086
    printf '#include "%s"\n' "$header" |
        "$compiler" -x c++ -std=c++17 $hard -I. -Isrc -fsyntax-only - || {
        echo "$header: does not compile alone as C++17"
        bad=1
    }
done
exit "$bad"
