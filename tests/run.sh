#!/bin/bash
# Runs every test and ends with the line "N passed, N failed". Twice as many run at a time as there are
# cores, since most wait now and then.
#
#     tests/run.sh BUILD...
#
# lint.sh and, on the first build, spills.sh, hardening.sh and exact.sh run once. For each build
# folder every C program that tests/ has a source for and every *.test.mjs runs against what was built
# there. A program that crashes, runs out of time or counts nothing is a failure of its own.
# TEST_ONLY=PATTERN runs those whose name it matches, TEST_JOBS=1 one after the other. What asks for
# numbers, or for the page, and takes long runs on the first build only, unless TEST_ALL=1: the way
# there, through every call and every kernel, others go as well.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

JOBS=${TEST_JOBS:-$((2 * $(nproc)))}
PROGRAM_SECONDS=${PROGRAM_SECONDS:-240}
SCENARIO_SECONDS=${SCENARIO_SECONDS:-900} # a *.test.mjs starts daemons and a browser
ONCE='^tests/(web/.*|api/(budget|epochs|lecture|promises|rungs))\.test\.mjs$'

export CMOCKA_MESSAGE_OUTPUT=TAP
# Not detect_stack_use_after_return: gcc's fake stack does not align 64-byte vectors (gcc PR 110027).
export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=0
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
unset NODE_TEST_CONTEXT

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
: > "$folder/counts"
started=0

# How often a line of the output matches.
lines() {
    grep -cE "$1" "$output"
}

# The number of a line such as "# pass 12" of node's summary, or 0.
summary() {
    awk -v word="$1" '$1 == "#" && $2 == word { n = $3 } END { print n + 0 }' "$output"
}

# Sets good and bad from the output of a program that speaks TAP.
count_tap() {
    local plan
    good=$(lines '^ok ')
    bad=$(lines '^not ok ')
    plan=$(sed -nE 's/^1\.\.([0-9]+).*/\1/p' "$output" | tail -n 1)
    if [ "${plan:-0}" -gt $((good + bad)) ]; then
        bad=$((plan - good))
    fi
}

# Sets good and bad from node's own summary, which counts nested tests one by one.
count_node() {
    good=$(summary pass)
    bad=$(($(summary fail) + $(summary cancelled)))
}

report() {
    printf '%-62s %4d passed %6s s\n' "$name" "$good" "$took"
    if [ "$bad" -gt 0 ]; then
        printf '%-62s %4d FAILED\n' "$name" "$bad"
        tail -n 400 "$output" | sed 's/^/    | /'
    fi
}

# one COUNT SECONDS NAME COMMAND...: in a subshell of its own
one() {
    local count=$1 seconds=$2 name=$3 start=$EPOCHREALTIME status took
    shift 3
    output=$(mktemp "$folder/output.XXXXXX")
    timeout --kill-after=10 "$seconds" "$@" > "$output" 2>&1 < /dev/null
    status=$?
    "$count"
    if [ "$bad" -eq 0 ] && { [ "$status" -ne 0 ] || [ "$good" -eq 0 ]; }; then
        bad=1
    fi
    echo "# ended with status $status" >> "$output"
    [ "$status" -ne 124 ] || echo "# no end within $seconds seconds" >> "$output"
    took=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
    exec 9> "$folder/turn"
    flock 9 # one speaks at a time
    report
    echo "$good $bad" >> "$folder/counts"
}

# run COUNT SECONDS NAME COMMAND...
run() {
    [[ $3 =~ ${TEST_ONLY:-} ]] || return 0
    while [ "$(jobs -rp | wc -l)" -ge "$JOBS" ]; do
        wait -n
    done
    started=$((started + 1))
    one "$@" &
}

run count_tap "$PROGRAM_SECONDS" lint tests/lint.sh
run count_tap "$PROGRAM_SECONDS" spills tests/spills.sh "$1"
run count_tap "$PROGRAM_SECONDS" hardening tests/hardening.sh "$1"
run count_tap "$PROGRAM_SECONDS" exact tests/exact.sh "$1"

for build; do
    for source in tests/core/*/test_*.c tests/server/*/test_*.c tests/fuzz/test_*.c; do
        [ -e "$source" ] || continue
        run count_tap "$PROGRAM_SECONDS" "$build/${source%.c}" "$build/${source%.c}"
    done
    for source in tests/*/*.test.mjs; do
        [ -e "$source" ] || continue
        [ "$build" = "$1" ] || [ -n "${TEST_ALL:-}" ] || [[ ! $source =~ $ONCE ]] || continue
        run count_node "$SCENARIO_SECONDS" "$build: $source" \
            env SWEEPD="$build/sweepd" node --test-reporter=tap "$source"
    done
done

wait
awk -v started="$started" '{ passed += $1; failed += $2 }
     END {
         failed += started - NR # what did not come to count is a failure
         printf "%d passed, %d failed\n", passed, failed
         exit failed > 0
     }' "$folder/counts"
