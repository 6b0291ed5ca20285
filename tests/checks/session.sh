#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# session.sh - the reader of PostgreSQL logs (tests/servers/session.awk) sees
# what must not be sent, and lets the rest pass.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
bad=0

# judge POOLED STATEMENT: in a transaction, as the log has it
judge() {
    awk -v pooled="$1" -f "$srcdir/tests/servers/session.awk" <<END >/dev/null
7 larder larder LOG:  statement: BEGIN ISOLATION LEVEL READ COMMITTED;SET LOCAL timezone TO 'UTC'
7 larder stranger LOG:  statement: SET search_path
$(printf '\t') = nowhere;
$(printf '\t')LISTEN;
$2
7 larder larder LOG:  statement: COMMIT
END
}

passes() {
    judge 1 "$1" || { echo "refused: $1"; bad=1; }
}

refused() {
    judge 0 "$1" && { echo "let pass: $1"; bad=1; }
}

says='7 larder larder LOG:  statement:'
runs='7 larder larder LOG:  execute'
refused "$says SET timezone TO 'UTC'"
refused "$says SELECT 1; SET SESSION search_path TO x"
refused "$says RESET ALL"
refused "$says DISCARD TEMP"
refused "$says PREPARE p AS SELECT 1"
refused "$runs p: SELECT 1"
refused "$says LISTEN changes"
refused "$runs <unnamed>: SELECT pg_catalog.pg_advisory_lock(1)"
refused "$runs <unnamed>: SELECT pg_try_advisory_lock(1)"
refused "$runs <unnamed>: SELECT set_config('timezone', 'UTC', false)"
refused "$says DECLARE c CURSOR WITH HOLD FOR SELECT 1"
refused "$says CREATE TEMP TABLE t(a int)"
refused "$says CREATE
$(printf '\t')TEMPORARY TABLE t(a int)"
refused "$says COMMIT
7 larder larder LOG:  statement: SELECT 1
7 larder larder LOG:  statement: BEGIN"
refused "$says SET application_name='larder';"
passes "$says SET application_name='larder';SET datestyle='ISO, MDY';"
passes "$says SET LOCAL statement_timeout TO DEFAULT"
passes "$says CREATE TEMP TABLE t(a int) ON COMMIT DROP"
passes "$runs <unnamed>: SELECT pg_catalog.pg_advisory_xact_lock(1)"
passes "$runs <unnamed>: SELECT 'LISTEN; SET a TO b'"
passes "$says COMMIT
8 larder larder LOG:  statement: BEGIN
8 larder larder LOG:  statement: SELECT 1
7 larder larder LOG:  statement: BEGIN"
awk -f "$srcdir/tests/servers/session.awk" </dev/null >/dev/null &&
    { echo "an empty log proves nothing"; bad=1; }
exit "$bad"
