#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# docs.sh - the papers agree with the program: links lead somewhere, and each
# command and public function is in its manual page.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${builddir:=$srcdir/build}"
cd "$srcdir" || exit 1
. tests/checks/public.sh
bad=0

complain() {
    echo "$*"
    bad=1
}

# Links of Markdown to files: [words](path) and [words](path#part).
for page in *.md */*.md; do
    [ -e "$page" ] || continue
    while IFS= read -r link; do
        case $link in
        http://* | https://* | mailto:* | '#'*) continue ;;
        esac
        [ -e "$(dirname "$page")/${link%%#*}" ] ||
            complain "$page: the link to '$link' leads nowhere"
    done < <(grep -oE '\]\([^) ]+\)' "$page" | sed 's/^](//; s/)$//')
done

# Each command that `larder help` lists: a name at the start of a line, indented.
if [ -x "$builddir/larder" ]; then
    commands=$("$builddir/larder" help | sed -nE 's/^  ([a-z][a-z-]*)  .*/\1/p')
    [ -n "$commands" ] || complain "larder help lists no command"
    for command in $commands; do
        grep -qsE "^\.(SS|TP|B|BR|SY|It)?.*\b${command//-/\\\\?-}\b" \
            docs/larder.1 || complain "docs/larder.1: no '$command'"
        "$builddir/larder" help "$command" >/dev/null ||
            complain "larder help $command: fails"
    done
fi

# Each public function.
for function in $(public_functions src/larder.h); do
    grep -qs "\b$function\b" docs/liblarder.3 ||
        complain "docs/liblarder.3: no '$function'"
done
exit "$bad"
