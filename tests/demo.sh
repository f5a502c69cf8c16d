#!/bin/bash
# The whole way, end to end: starts sweepd on a free port with a database in a folder of its own,
# sends it the digits data and a search by curl, shows what comes back. Each command is shown
# before it runs. On a terminal the daemon stays up until Ctrl-C.
#
#     tests/demo.sh [SWEEPD]
#
# Fails unless all 120 folds are done and the best mean accuracy is at least 0.97.
set -euo pipefail
cd "$(dirname "$0")/.."

sweepd=${1:-build/sweepd}
folder=$(mktemp -d)
db=$folder/results.db
log=$folder/log

end() {
    kill "$daemon" 2> /dev/null || true
    wait "$daemon" 2> /dev/null || true
    rm -rf "$folder"
}

show() {
    printf '\n$ %s\n' "$1"
    eval "$1"
}

"$sweepd" --db "$db" --listen 127.0.0.1:0 2> "$log" &
daemon=$!
trap end EXIT
trap 'exit 130' INT TERM HUP

for ((try = 0; try < 100; try++)); do
    url=$(sed -nE 's|.*listening on (http://[^" ]*).*|\1|p' "$log" | head -n 1)
    [ -z "$url" ] || break
    kill -0 "$daemon" 2> /dev/null || break
    sleep 0.1
done
if [ -z "$url" ]; then
    cat "$log" >&2
    exit 1
fi
echo "sweepd listens on $url and keeps everything in $db"

show "curl -sS --fail-with-body -T tests/data/digits.csv \\
    '$url/api/v1/datasets/digits.csv?target=digit' | sed -n 1,12p"

show "curl -sS --fail-with-body $url/api/v1/experiments -d '{
  \"name\": \"digits: depth against width\",
  \"dataset\": \"digits\",
  \"sampler\": \"grid\",
  \"space\": {
    \"layers\": [1, 2],
    \"width\": [32, 64, 128],
    \"activation\": [\"relu\", \"tanh\"],
    \"learning_rate\": [0.001, 0.01],
    \"epochs\": 30
  },
  \"cross_validation\": {\"kind\": \"stratified_kfold\", \"folds\": 5},
  \"seed\": 7
}' | sed -n 1,12p"

show "curl -sS -N $url/api/v1/experiments/latest/watch"

show "curl -sS --fail-with-body '$url/api/v1/experiments/latest/trials.txt?sort=rank&limit=5'"

show "sqlite3 -readonly -header -column $db '
    SELECT activation, layers, count(*) AS trials, round(avg(cv_mean), 4) AS mean,
           round(max(cv_mean), 4) AS best, round(sum(seconds), 1) AS seconds
      FROM leaderboard
     GROUP BY activation, layers
     ORDER BY best DESC'"

read -r folds best enough < <(sqlite3 -readonly -separator ' ' "$db" \
    'SELECT sum(folds_done), round(max(cv_mean), 4), max(cv_mean) >= 0.97 FROM leaderboard')
printf '\n%s folds done, best mean accuracy %s\n' "$folds" "$best"
if [ "$folds" != 120 ] || [ "$enough" != 1 ]; then
    echo "expected 120 folds and at least 0.97" >&2
    exit 1
fi

if [ -t 0 ] && [ -t 1 ]; then
    printf '\nThe page: %s/\nThe database: sqlite3 -readonly %s\nCtrl-C ends the demo.\n' "$url" "$db"
    trap 'exit 0' INT TERM HUP
    wait "$daemon"
else
    printf '\nThe page was at %s/; on a terminal the demo stays up.\n' "$url"
fi
