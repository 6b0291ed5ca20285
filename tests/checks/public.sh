# SPDX-License-Identifier: Apache-2.0
#
# public.sh - for other checks: what the installed headers declare.

# public_functions HEADERS...: names marked LARDER_API or LARDER_CHECKED. A
# declaration may go over lines; its name is the word before the first '('.
public_functions() {
    local header
    for header; do
        sed -e ':a' -e '/\\$/N; s/\\\n//; ta' "$header" |
            grep -v '^[[:space:]]*#' | tr '\n' ' ' |
            sed 's:/\*[^*]*\*\**\([^/*][^*]*\*\**\)*/: :g' |
            tr ';{}' '\n\n\n' |
            sed -nE 's/.*LARDER_(API|CHECKED)[^(]*[ *]([a-z_0-9]+) *\(.*/\2/p'
    done | sort -u
}
