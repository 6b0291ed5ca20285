#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# serve_tls.sh - the server speaks TLS, with certificates that are replaced
# while it does.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$srcdir/tests/servers/larder.sh"
command -v openssl >/dev/null || { echo '1..0 # SKIP openssl is not here'; exit 77; }
unset LARDER_NOW # certificates are of the present

# certificate NAME OPTION...: NAME.crt and NAME.key, of localhost.
certificate() {
    local name=$1
    shift
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
        -keyout "$name.key" -out "$name.crt" -subj "/CN=localhost" \
        -addext "subjectAltName=DNS:localhost,IP:127.0.0.1" "$@" 2>err ||
        cat err
}
certificate one -days 2
certificate two -days 2
cp one.crt now.crt
cp one.key now.key
larder -q token new --tokens tokens --scope read >out

# ------------------------------------------------------------------- refused
# refused WHAT WORDS ARGUMENT...
refused() {
    local what=$1 words=$2
    shift 2
    code=0
    timeout 20 larder serve -l 127.0.0.1:0 "$@" >out 2>err || code=$?
    ok "refused: $what" test "$code" -gt 0 -a "$code" -lt 3
    ok '... by name' has "$words"
}
refused 'a certificate alone' 'given together' --certificate one.crt
refused 'the key of another' 'two.key is not the key of one.crt' \
    -c one.crt -k two.key
refused 'no file' 'nowhere.crt cannot be read' -c nowhere.crt -k one.key
refused 'what is no certificate' 'one.key has no certificates' \
    -c one.key -k one.key
refused 'what is no key' 'one.crt has no key' -c one.crt -k one.crt
export LARDER_NOW=2099-01-01T00:00:00Z
refused 'one that expired' 'one.crt expired at' -c one.crt -k one.key
export LARDER_NOW=2001-01-01T00:00:00Z
refused 'one of later' 'one.crt is not valid before' -c one.crt -k one.key
unset LARDER_NOW
refused 'plain HTTP from elsewhere' '--behind-tls-proxy' -l 0.0.0.0:0 \
    --tokens tokens

# -------------------------------------------------------------------- spoken
start --cert now.crt --key now.key
ok 'the address says so' test "${url%%:*}" = https
read_features latest:score --cacert one.crt
ok 'features are read over TLS' is 200
read_features latest:score --cacert two.crt
ok '... from this server and no other' is 000
read_features latest:score --cacert one.crt --tls-max 1.2
ok '... with TLS 1.2' is 200
read_features latest:score --cacert one.crt --tls-max 1.1 --ciphers DEFAULT:@SECLEVEL=0
ok '... and not before' is 000
curl -sS -m 5 "http:${url#https:}/health" >out 2>err
ok '... nor without' test $? -ne 0

# ----------------------------------------------------------------- replaced
kill -HUP "$pid"
ok 'SIGHUP reads it again' within has 'was read again' server.log
cp two.crt now.crt
kill -HUP "$pid"
ok 'a pair that does not fit is told' within has 'stays as it was' server.log
read_features latest:score --cacert one.crt
ok '... and the old one stays' is 200
cp two.key now.key
kill -HUP "$pid"
twice() { test "$(grep -c "was read again" server.log)" = 2; }
ok "a new pair" within twice
within eval 'read_features latest:score --cacert two.crt; is 200'
ok '... is shown from then on' is 200
ok 'it stops well' stop
echo "1..$n"
