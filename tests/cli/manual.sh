#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# manual.sh [--write] - docs/larder.1 is what the table of operations prints, and
# completion is in a shell's own language.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"

if [ "${1-}" = --write ]; then
    larder help --man >"$srcdir/docs/larder.1"
    exit
fi
diff -u "$srcdir/docs/larder.1" <(larder help --man) || {
    echo 'tests/cli/manual.sh --write mends docs/larder.1'
    exit 1
}
if command -v man >/dev/null && command -v groff >/dev/null; then
    words=$(LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -l \
        "$srcdir/docs/larder.1" 2>&1 >/dev/null)
    [ -z "$words" ] || { echo "$words"; exit 1; }
fi

# bash completes a command, an option of it, and a choice.
source <(larder completion bash) || exit 1
complete_line() {
    COMP_WORDS=("$@")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _larder
    echo "${COMPREPLY[*]}"
}
[ "$(complete_line larder mat)" = materialize ] &&
    [ "$(complete_line larder -o json ls vi)" = views ] &&
    [ "$(complete_line larder join --as)" = --as-known ] &&
    [ "$(complete_line larder ls -o js)" = 'json jsonl' ] || {
    echo 'completion of bash is wrong'
    exit 1
}
for shell in zsh fish; do
    larder completion "$shell" | grep -q materialize || exit 1
    ! command -v "$shell" >/dev/null ||
        larder completion "$shell" | "$shell" -n || exit 1
done
