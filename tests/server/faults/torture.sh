#!/bin/bash
# Every call fails in turn, each test of test_faults in SHARDS parts, JOBS of them at a time: more than
# there are cores, since a life on a broken disk is mostly waiting. A line for each test.
#
#     tests/server/faults/torture.sh PROGRAM
#
# FAULTS_STEP=10 takes every tenth call only.
set -uo pipefail
cd "$(dirname "$0")/../../.." || exit 1

program=$1
SHARDS=${SHARDS:-8}
JOBS=${JOBS:-$((8 * $(nproc)))}
export OMP_WAIT_POLICY=passive # or threads without work would wait on the cores of others
export STEP=${FAULTS_STEP:-1} SHARDS

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# shard PROGRAM FOLDER TEST I: the calls I, I + SHARDS, … of those that STEP leaves
shard() {
    local log=$2/$3.$4
    FAULTS_FIRST=$((1 + $4 * STEP)) FAULTS_STEP=$((SHARDS * STEP)) "$1" "$3" > "$log" 2>&1 ||
        echo "$3, part $4 of $SHARDS: ended with status $?" >> "$2/failed"
}
export -f shard

tests=$(sed -nE 's/^ +TEST\((.*)\),$/\1/p' tests/server/faults/test_faults.c)
for test in $tests; do
    for ((i = 0; i < SHARDS; i++)); do
        printf '%s\0' "$test" "$i"
    done
done | xargs -0 -n 2 -P "$JOBS" bash -c 'shard "$@"' shard "$program" "$folder"

for test in $tests; do
    cat "$folder/$test".* | awk -v test="$test" '
        /calls have failed/ { struck += $2; total = $4 }
        END { printf "%-70s %6d of %6d calls\n", test, struck, total }'
done
[ ! -e "$folder/failed" ] && exit 0
cat "$folder/failed"
while IFS=, read -r test _; do
    grep -hE -B 5 '^not ok|ERROR' "$folder/$test".* | tail -n 40
done < "$folder/failed"
exit 1
