#!/bin/bash
# The daemon against its own description, as `make check-openapi` wants it:
#
#     CASES=100 SCOPE=admin tests/openapi/run.sh build/sweepd SCHEMATHESIS
#
# A linter reads /openapi.json; then schemathesis makes requests from it, valid and broken ones, each
# with a token of that scope, and judges the answers by all of its checks. CHECK_ARGS are further
# arguments for it. One check is left out: after some guesses at a token an address is heard no more for a
# while (429), not even to be told that it guesses (401); tests/api/tokens.test.mjs asks without a token.
set -euo pipefail

daemon=$(realpath "$1")
schemathesis=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)

folder=$(mktemp -d)
pid=
trap 'kill "$pid" 2> /dev/null; wait "$pid" 2> /dev/null; rm -rf "$folder"' EXIT

# With a token from the start: one of the calls makes the first one otherwise, and shuts out the rest.
token=swd_$(printf '%064d' 0)
(umask 077; echo "ops ${SCOPE:-admin} $token" > "$folder/tokens")
who="Authorization: Bearer $token"

"$daemon" --db "$folder/sweepd.db" --listen 127.0.0.1:0 --token-file "$folder/tokens" 2> "$folder/log" &
pid=$!
until grep -q 'listening on' "$folder/log"; do
    kill -0 "$pid" || { cat "$folder/log"; exit 1; }
    sleep 0.1
done
url=$(sed -nE 's|.*listening on (http://[^ "]*).*|\1|p' "$folder/log")

curl -sSf -H "$who" "$url/openapi.json" > "$folder/openapi.json"
(cd "$here" && npx --no-install redocly lint --config redocly.yaml "$folder/openapi.json")

# Examples speak of it.
curl -sSf -H "$who" --data-binary "@$here/../data/iris.csv" "$url/api/v1/datasets?name=iris" > /dev/null
cd "$folder" # where it leaves its notes
cp "$here/hooks.py" .
SCHEMATHESIS_HOOKS=hooks "$schemathesis" --config-file "$here/schemathesis.toml" run "$url/openapi.json" \
    -H "$who" --checks all --exclude-checks ignored_auth --phases examples,coverage,fuzzing --max-examples "${CASES:-100}" --continue-on-failure \
    --generation-database none ${CHECK_ARGS:-}
kill -0 "$pid" # it lives still
