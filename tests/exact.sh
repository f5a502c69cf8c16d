#!/bin/bash
# Nothing but the sources decides on arithmetic. Prints a line of TAP for each.
#
#     tests/exact.sh BUILD
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. tests/tap.sh

binary=${1:?build folder}/sweepd
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# builds_with FLAGS SOURCE: a build with these flags gets past the source.
builds_with() {
    CFLAGS=$1 make -sB BUILD="$folder" "$folder/${2%.c}.o" > "$folder/said" 2>&1
}

refuses() {
    ! builds_with "$1" core/base/fmath.c && grep -q 'results would change' "$folder/said"
}

# What the compiler's driver links in with such flags sets the processor before main.
starts_as_usual() {
    local symbols
    symbols=$(nm "$binary") && [ -n "$symbols" ] && ! grep -q set_fast_math <<< "$symbols"
}

check 'a build that changes nothing goes on' builds_with '' core/base/fmath.c
check 'a build with -ffast-math ends' refuses -ffast-math
check 'a build where nothing is infinite ends' refuses -ffinite-math-only
check 'a build where sums have no order ends' \
    refuses '-fassociative-math -fno-signed-zeros -fno-trapping-math'
check 'the process begins with the processor as it is' starts_as_usual
checks_end
