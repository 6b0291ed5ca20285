#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# lists.sh - each source, test, page and example is in the list of its folder,
# so none is forgotten by the build or by `make dist`.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
cd "$srcdir" || exit 1
bad=0

for folder in src backends tools tests bench docs examples; do
    words=$(cat "$folder/local.mk" Makefile.am | tr -s ' \\\t' '\n\n\n')
    while read -r file; do
        inside=${file#"$folder/"}
        # A test program is listed by its name alone.
        if ! grep -qxF -e "%D%/$inside" -e "%D%/${inside%.c}" -e "$file" \
            <<<"$words"; then
            echo "$folder/local.mk: lacks %D%/$inside"
            bad=1
        fi
    done < <(find "$folder" -type f \( -name '*.[ch]' -o -name '*.sh' \
        -o -name '*.md' -o -name '*.[135]' -o -name '*.yaml' -o -name '*.csv' \
        -o -name tour \) | sort)
done
exit "$bad"
