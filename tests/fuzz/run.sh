#!/bin/bash
# Each target for some minutes of libFuzzer, JOBS=2 at a time, and a line about each:
#
#     tests/fuzz/run.sh BUILD MINUTES [TARGET...]
#
# What it finds out gathers in BUILD/corpus, where the next run goes on; an input that fails is left
# in BUILD/found. With KEEP=1 the least of it that reaches as much becomes tests/fuzz/corpus: there,
# what has a hash for a name is replaced, and what somebody gave a name stays.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

build=$1
minutes=$2
shift 2
program=$build/tests/fuzz/fuzz
kept=tests/fuzz/corpus
JOBS=${JOBS:-2}

export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1

if [ $# -eq 0 ]; then
    set -- $(ls "$kept")
fi

# fuzz TARGET OPTION...
fuzz() {
    FUZZ_TARGET=$1 nice -n 19 "$program" -max_len=4096 -rss_limit_mb=768 -malloc_limit_mb=256 \
        "${@:2}"
}

# The number behind a word of libFuzzer's output, the last one.
figure() {
    grep -oE "$1:? *[0-9]+" "$log" | tail -n 1 | grep -oE '[0-9]+$'
}

run() {
    local target=$1 status
    log=$build/log/$target
    mkdir -p "$build/corpus/$target" "$build/found/$target"
    # The longest that is meant, "require" that nothing fulfils, takes 1.5 s, and ten times that here.
    fuzz "$target" -timeout=30 -max_total_time=$((60 * minutes)) -dict=tests/fuzz/words.dict \
        -print_final_stats=1 -reload=0 -artifact_prefix="$build/found/$target/" \
        "$build/corpus/$target" "$kept/$target" > "$log" 2>&1 < /dev/null
    status=$?
    printf '%-11s %11s runs  %6s edges  %6s inputs  %5s MB\n' "$target" \
        "$(figure stat::number_of_executed_units)" "$(figure ' cov')" \
        "$(ls "$build/corpus/$target" | wc -l)" "$(figure stat::peak_rss_mb)"
    if [ "$status" -ne 0 ]; then
        tail -n 60 "$log" | sed 's/^/    | /'
        touch "$build/failed"
    fi
}

keep() {
    local target=$1 least named input
    least=$(mktemp -d)
    fuzz "$target" -set_cover_merge=1 -timeout=60 "$least" "$kept/$target" "$build/corpus/$target" \
        > "$build/log/$target.keep" 2>&1 < /dev/null || { tail -n 5 "$build/log/$target.keep"; return 1; }
    find "$kept/$target" -regextype egrep -regex '.*/[0-9a-f]{40}' -delete
    named=$(sha1sum "$kept/$target"/* | cut -c -40)
    for input in "$least"/*; do
        [[ $named == *"${input##*/}"* ]] || cp "$input" "$kept/$target/"
    done
    rm -rf "$least"
}

mkdir -p "$build/log"
rm -f "$build/failed"
for target; do
    while [ "$(jobs -rp | wc -l)" -ge "$JOBS" ]; do
        wait -n
    done
    run "$target" &
done
wait
if [ -e "$build/failed" ]; then
    exit 1
fi
if [ -n "${KEEP:-}" ]; then
    for target; do
        keep "$target" || exit 1
    done
    du -sh --apparent-size "$kept"
fi
