#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The job of docs/ci.md runs as it is shown, and notices a changed definition.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
awk '/^```sh$/ { on = 1; next } /^```$/ { if (on) exit } on' \
    "$srcdir/docs/ci.md" >"$folder/test-features.sh"
grep -q 'larder validate' "$folder/test-features.sh"

cp -R "$srcdir/feature_repo" "$folder/repo"
chmod -R u+w "$folder/repo"
sh "$folder/test-features.sh" "$folder/repo" >"$folder/first.log" 2>&1 || {
    cat "$folder/first.log"
    echo 'ci.sh: the job failed on feature_repo'
    exit 1
}

# A reviewed result is compared; another value in it fails the job.
(
    cd "$folder/repo"
    larder -q apply --yes
    larder -q ingest hcp_activity data/hcp_activity.csv
    larder -q join data/spine.csv -s hcp_conversion_v1 -O data/expected.csv
    rm -f data/*.manifest.json data/*.db* && rm -rf data/online
) >"$folder/expected.log" 2>&1 || { cat "$folder/expected.log"; exit 1; }
mv "$folder/repo/data/expected.csv" "$folder/expected.csv"
sed 's|data/expected.csv|../expected.csv|g' "$folder/test-features.sh" |
    sed "s|work=\$(mktemp -d)|work=$folder/work; mkdir \"\$work\"|" \
        >"$folder/compare.sh"
sh "$folder/compare.sh" "$folder/repo" >"$folder/second.log" 2>&1 || {
    cat "$folder/second.log"
    echo 'ci.sh: the job failed on an unchanged repository'
    exit 1
}
sed -i 's/ttl: 7d/ttl: 1d/' "$folder/repo/features/hcp.yaml"
if sh "$folder/compare.sh" "$folder/repo" >"$folder/third.log" 2>&1; then
    echo 'ci.sh: a shorter ttl went unnoticed'
    exit 1
fi
