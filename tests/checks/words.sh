#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# words.sh - words that sources must have, and words they must not.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
cd "$srcdir" || exit 1
bad=0

# refuse WHY PATTERN FILES...: no line of the files matches.
refuse() {
    local why=$1 pattern=$2 found
    shift 2
    found=$(grep -nHE "$pattern" "$@" 2>/dev/null)
    if [ -n "$found" ]; then
        echo "$why:"
        echo "$found"
        bad=1
    fi
}

mapfile -t c_files < <(find src backends tools tests bench examples \
    -name '*.[ch]' | sort)
mapfile -t scripts < <({
    find tests bench examples feature_repo -name '*.sh' 2>/dev/null
    ls build-aux/setup.sh build-aux/tour build-aux/coverage \
        build-aux/larder-test-driver quickstart check .ci/run
} | sort)

for file in "${c_files[@]}" "${scripts[@]}"; do
    head -n 2 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || {
        echo "$file: the SPDX line is missing"
        bad=1
    }
done

left='TO''DO|FIX''ME|XX''X|HA''CK|not (yet )?implem''ented'
refuse 'left over' "(^|[^A-Za-z])($left)([^A-Za-z]|$)" \
    "${c_files[@]}" "${scripts[@]}" configure.ac Makefile.am \
    */local.mk ./*.md docs/*
refuse 'a // comment' '^[[:space:]]*//|[;{}][[:space:]]*//' "${c_files[@]}"
refuse 'a tab in C' $'\t' "${c_files[@]}"
refuse 'blanks at the end of a line' '[[:blank:]]+$' "${c_files[@]}" \
    "${scripts[@]}"

exit "$bad"
