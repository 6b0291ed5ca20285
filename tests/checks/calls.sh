#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# calls.sh - what no part may call, read from the objects as they were built.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${builddir:=$srcdir/build}"
cd "$builddir" || exit 1
bad=0

# refuse WHY NAMES FOLDERS...: no object in the folders calls one of the names.
# Some arrive under another name: __printf_chk, __isoc99_sscanf.
refuse() {
    local why=$1 names=$2 object found
    shift 2
    while read -r object; do
        found=$(nm -u "$object" | awk '{ print $NF }' | sed 's/@.*//' |
            grep -xE "(__)?(isoc[0-9]+_)?(${names//[[:space:]]/})(_chk|64)?" |
            sort -u | tr '\n' ' ')
        [ -z "$found" ] && continue
        echo "$why: ${object/.libs\//} calls $found"
        bad=1
    done < <(find "$@" -name '*.o' 2>/dev/null | sort)
}

[ -n "$(find src -name '*.o' | head -n 1)" ] || {
    echo "no object of the library is in $builddir/src"
    exit 1
}
refuse 'the library reads no clock' \
    'time|clock|clock_gettime|gettimeofday|timespec_get|localtime|localtime_r' \
    src
refuse 'the library reads no environment and no working directory' \
    'getenv|secure_getenv|setenv|putenv|environ|getcwd|chdir|realpath' src
refuse 'the library does not print' \
    'printf|vprintf|puts|putchar|perror|stdout|stderr' src
refuse 'the library ends no process and starts none' \
    'exit|_exit|_Exit|quick_exit|abort|system|popen|fork|execv|execve' src
refuse 'it obeys the locale' \
    'setlocale|newlocale|uselocale|strtod|strtof|strtold|atof|strftime|
    strptime|ctype_b_loc|ctype_toupper_loc|ctype_tolower_loc|isalpha|isalnum|
    isspace|isdigit|isupper|islower|toupper|tolower|strcoll|strcasecmp|
    strncasecmp' src backends
refuse 'it is unbounded, or shared by all threads' \
    'gets|strcat|sprintf|vsprintf|strtok|rand|srand|atoi|atol' \
    src backends tools
exit "$bad"
