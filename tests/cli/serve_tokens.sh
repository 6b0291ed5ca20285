#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# serve_tokens.sh - who may ask the server: tokens, their scopes and views, and
# a file of them that changes while it is served.
set -u
: "${srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$srcdir/tests/servers/larder.sh"

bearer() { printf 'Authorization: Bearer %s' "$1"; }
# a token of these options
make() { larder -q token new --tokens tokens "$@" 2>err; }

# ------------------------------------------------------------------- new ones
reader=$(make --id reader --scope read)
narrow=$(make --id narrow --scope read --views 'lat*')
loader=$(make --id loader --scope push,materialize)
ok 'a file of tokens is its owner'\''s alone' \
    test "$(stat -c %a tokens)" = 600
ok '... and holds no token' sh -c "! grep -q larder_ tokens"
ok '... but its hash' \
    has "$(printf %s "$reader" | sha256sum | cut -d ' ' -f 1)" tokens
ends 'an id that is there' 1 larder token new --tokens tokens --id reader \
    --scope read
ok '... is said' has "'reader' is there already"
ends 'a scope that is none' 2 larder token new --scope write
ok '... is said, with those there are' has 'materialize'
ends 'a token without a file' 0 larder token new --scope read -o json
ok '... comes with its line' has ':read:' out

# ----------------------------------------------------------- what is refused
ends 'elsewhere nobody is let in without tokens' 2 \
    larder serve --listen 0.0.0.0:0
ok '... and the remedy is said' has 'larder token new'
cp tokens wide && chmod 644 wide
ends 'a file that others may read' 1 larder serve -l 127.0.0.1:0 --tokens wide
ok '... is refused with its mode' has 'wide has mode 0644'
ln -s tokens link
ends 'a link' 1 larder serve -l 127.0.0.1:0 --tokens link
ok '... is refused' has 'symbolic link'
(umask 077 && printf '# comment\n\nx:read\n' >short)
ends 'a line that is none' 1 larder serve -l 127.0.0.1:0 --tokens short
ok '... is named' has 'short:3: this is no token'
ends 'no file' 1 larder serve -l 127.0.0.1:0 --tokens nowhere
ok '... is said' has 'nowhere cannot be opened'

# ------------------------------------------------------------------ who may
start --tokens tokens
read_features latest:score
ok 'on loopback reads are open' is 200
read_features latest:score -H "$(bearer "$reader")"
ok '... and may have a token' is 200
read_features latest:score -H "$(bearer "${reader}0")"
ok 'an unknown token is refused also there' is 401
ok '... as a challenge' grep -qi '^www-authenticate: bearer' head
ask /health -H "$(bearer nobody)"
ok '... and for what is open to all' is 401
read_features latest:score -H 'Authorization: Basic eDp5'
ok 'so is what is no token' is 401
read_features latest:score -H "$(bearer "$loader")"
ok 'a token without the scope is refused' is 403
ok '... as Feast has it' has FeastPermissionError body
read_features latest:score -H "$(bearer "$narrow")"
ok 'a token for some views reads those' is 200
read_features other:score -H "$(bearer "$narrow")"
ok '... and no others' is 403
ok '... by name' has "not for 'other'" body
read_features other:score -H "$(bearer "$reader")"
ok '... which others may' is 200
ok 'the log has who it was' has 'who=narrow' server.log
ok '... and never a token' sh -c "! grep -q larder_ server.log"

# ------------------------------------------------------------------- SIGHUP
late=$(make --id late --scope read)
read_features latest:score -H "$(bearer "$late")"
ok 'a new token is not known yet' is 401
kill -HUP "$pid"
ok '... until SIGHUP' within has '4 tokens are known' server.log
read_features latest:score -H "$(bearer "$late")"
ok '... then it is' is 200
echo 'broken' >>tokens
kill -HUP "$pid"
ok 'a broken file is told' within has 'stay as they were' server.log
read_features latest:score -H "$(bearer "$late")"
ok '... and the tokens stay' is 200
sed -i '/^late:/d;/^broken/d' tokens
kill -HUP "$pid"
ok 'a token is taken out' within has '3 tokens are known' server.log
read_features latest:score -H "$(bearer "$late")"
ok '... and lets nobody in' is 401

# ------------------------------------------------------------------- too many
for _ in {1..30}; do
    read_features latest:score -H "$(bearer wrong)"
done
ok 'who tries on is told to wait' is 429
ok '... for how long' grep -qiE '^retry-after: [0-9]+' head
read_features latest:score -H "$(bearer "$reader")"
ok '... and a known token is not held up' is 200
ok 'it stops well' stop
echo "1..$n"
