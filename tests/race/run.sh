#!/bin/bash
# What clang's ThreadSanitizer says of a build made with it: the C tests, the tests over HTTP that have
# most going on at once, and a crowd. Archer tells it of OpenMP's own synchronization.
#
#     tests/race/run.sh BUILD
#
# libmicrohttpd and SQLite are not instrumented, so what they touch among themselves is not looked at
# (ignore_noninstrumented_modules); the locks that they take are seen. Nothing is suppressed.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

build=${1:?build folder}
export OMP_TOOL_LIBRARIES
OMP_TOOL_LIBRARIES=$(dirname "$(readlink -f "$(command -v clang)")")/../lib/libarcher.so
export TSAN_OPTIONS=ignore_noninstrumented_modules=1:second_deadlock_stack=1:history_size=4
failed=0

# Left out are tests of what is computed, which are slow in this build and have no threads of their
# own, and those whose searches have to end within some seconds.
SCENARIOS='admin|conventions|datasets|events|idempotency|kill|limits|metrics|operation|service|tell|tokens|unseal'

# Older runtimes do not find room for their shadow where addresses are too random.
run() {
    setarch --addr-no-randomize "$@" || failed=1
}

# It says so itself, once a program with OpenMP is under way.
ARCHER_OPTIONS=verbose=1 run "$build/tests/core/train/test_bits" 2>&1 |
    grep '^Archer detected' > /dev/null ||
    { echo "Archer is not at work: $OMP_TOOL_LIBRARIES" >&2; exit 1; }

# The reference kernel alone is instrumented. With it all of a training is looked at.
SWEEPD_KERNEL=reference TEST_ONLY="^$build/tests/" run tests/run.sh "$build"
TEST_ONLY="api/($SCENARIOS)\." run tests/run.sh "$build"
SWEEPD_KERNEL=reference SWEEPD=$build/sweepd run node --test --test-reporter=spec tests/race/crowd.mjs
exit "$failed"
