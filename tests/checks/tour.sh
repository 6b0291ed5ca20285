#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# tour.sh [--write] - README shows what the tour prints.
#
# README holds the tour between the lines `<!-- tour -->` and `<!-- /tour -->`,
# in a fence. How long a command took differs each time, and is not compared.
# --write puts what the tour prints now into README.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${builddir:=$srcdir/build}"

folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

sh "$srcdir/build-aux/tour" "$builddir/larder" "$srcdir/examples/flights" \
    "$folder/tour" >"$folder/printed" 2>&1 || {
    cat "$folder/printed"
    echo "the tour stopped"
    exit 1
}
# The blank line after the last command is not shown.
sed -i '${/^$/d}' "$folder/printed"

if [ "${1-}" = --write ]; then
    awk -v printed="$folder/printed" '
    /^<!-- \/tour -->$/ { inside = 0 }
    !inside { print }
    /^<!-- tour -->$/ {
        inside = 1
        print "```console"
        while ((getline line <printed) > 0)
            print line
        print "```"
    }' "$srcdir/README.md" >"$folder/README.md" &&
        cat "$folder/README.md" >"$srcdir/README.md"
    exit
fi

awk '/^<!-- \/tour -->$/ { inside = 0 }
    inside && !/^```/ { print }
    /^<!-- tour -->$/ { inside = 1 }' "$srcdir/README.md" >"$folder/shown"
[ -s "$folder/shown" ] || {
    echo "README.md: no tour between <!-- tour --> and <!-- /tour -->"
    exit 1
}

without_times() {
    sed -E 's/[0-9]+(\.[0-9]+)? ?(us|ms|s)([^A-Za-z0-9]|$)/TIME\3/g' "$1"
}
diff -u --label "README.md" --label "what the tour prints" \
    <(without_times "$folder/shown") <(without_times "$folder/printed") || {
    echo "tests/checks/tour.sh --write mends README"
    exit 1
}
