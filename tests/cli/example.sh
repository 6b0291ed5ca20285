#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# example.sh [--write] - docs/example.c needs nothing but the installed header
# and the library, does its job on examples/flights, and is the program that
# docs/liblarder.3 shows; the page names the public functions and no others.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${builddir:=$srcdir/build}"
: "${CC:=cc}"
. "$srcdir/tests/checks/public.sh"
page=$srcdir/docs/liblarder.3
program=$srcdir/docs/example.c

if [ "${1-}" = --write ]; then
    new=$(awk -v program="$program" '
        /^\.Ed$/ { skip = 0 }
        !skip
        /^\.Bd -literal$/ {
            skip = 1
            while ((getline line < program) > 0) {
                gsub(/\\/, "\\e", line)
                print (line ~ /^[.'\'']/ ? "\\\\&" : "") line
            }
        }' "$page") && printf '%s\n' "$new" >"$page"
    exit
fi

# The program in the page, as the reader sees it.
diff -u "$program" <(
    sed -n '/^\.Bd -literal$/,/^\.Ed$/p' "$page" | sed '1d;$d' |
        sed 's/^\\&//; s/\\e/\\/g'
) || {
    echo 'tests/cli/example.sh --write mends docs/liblarder.3'
    exit 1
}

# Each function once, and no function that is not there.
diff -u <(public_functions "$srcdir/src/larder.h") \
    <(sed -n 's/^\.It Fn //p' "$page" | sort) || exit 1
if command -v mandoc >/dev/null; then
    words=$(mandoc -T lint -W warning "$page")
    [ -z "$words" ] || { echo "$words"; exit 1; }
fi

library=$(ls "$builddir"/.libs/liblarder.so.*.* 2>/dev/null | head -n 1)
[ -n "$library" ] || { echo 'no shared library was built'; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/include"
cp "$srcdir/src/larder.h" "$folder/include"

# A program with a sanitized library is a sanitized program.
flags=
for kind in address:asan undefined:ubsan thread:tsan; do
    nm -D "$library" | grep -q "__${kind#*:}_" &&
        flags="$flags -fsanitize=${kind%:*}"
done
# shellcheck disable=SC2086
$CC -std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror $flags \
    -I"$folder/include" "$program" -L"$builddir/.libs" -llarder \
    -o "$folder/example" || exit 1

cp -R "$srcdir/examples/flights" "$folder/flights"
chmod -R u+w "$folder/flights"
cd "$folder/flights" || exit 1
rm -rf data && mkdir data
export LD_LIBRARY_PATH="$builddir/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
said=$("$folder/example") || exit 1
diff -u - <(printf '%s\n' "$said") <<'END' || exit 1
generation 1, 19362 flights
training.csv: 201 rows
origin_delay = -12 PRESENT
flights_7d = 315 PRESENT
delay_mean_7d = 2.3142857142857145 PRESENT
late_flights_7d = 56 PRESENT
delay = -4 PRESENT
distance = 337 PRESENT
route_delay_7d = 3.046511627906977 PRESENT
route_delay_30d = 10.377622377622378 PRESENT
route_delay_max_30d = 168 PRESENT
late_share_7d = 0.17777777777777778 PRESENT
route_trend = -7.3311107497154016 PRESENT
END
[ "$(head -n 2 training.csv | cut -d, -f1-5,9-10)" = \
    'origin,destination,event_timestamp,late,origin_delay,delay,distance
JFK,LAS,2001-01-01T23:18:00Z,0,24,-27,2248' ] || {
    head -n 2 training.csv
    exit 1
}
[ "$(wc -l <training.csv)" -eq 202 ] || exit 1

# Done again it adds nothing.
said=$("$folder/example" | head -n 1) || exit 1
[ "$said" = 'generation 1, 0 flights' ] || { echo "$said"; exit 1; }
