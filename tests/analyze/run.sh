#!/bin/bash
# What cppcheck, gcc's analyzer and clang-tidy find in server and core, less what known.txt says is
# none. Prints the rest, and fails if there is any.
#
#     tests/analyze/run.sh
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

FLAGS=(-std=gnu11 -I. -D_GNU_SOURCE= '-DSWEEPD_VERSION="0"' -fopenmp)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# each N COMMAND...: the command with N of the files that come in, on all cores; what it finds.
each() {
    local n=$1
    shift
    xargs -P "$(nproc)" -n "$n" "$@" 2>&1
}

# The kernels for one instruction set each are kernel_body.h, which the reference kernel includes too.
sources() {
    find server core -name '*.c' ! -name 'kernel_avx*' ! -name 'kernel_neon*' | sort
}

run_cppcheck() {
    cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
        -I. -D_GNU_SOURCE= '-DSWEEPD_VERSION="0"' \
        --library=tests/analyze/cjson.cfg --template='{file}:{line}: {message} [{id}]' server core 2>&1
}

# gcc 12 takes the elements' number for a vector's width in bits: no kernels.
run_gcc() {
    sources | grep -v '/kernel_' | each 1 gcc "${FLAGS[@]}" -O2 -fanalyzer -c -o /dev/null
}

run_tidy() {
    sources | each 4 clang-tidy --quiet "${FLAGS[@]/#/--extra-arg=}"
}

for tool in cppcheck gcc tidy; do
    echo "$tool …"
    "run_$tool" > "$folder/$tool"
done

# As FILE CHECK LINE MESSAGE. A header is read by many: once each.
sed -E "s|^$PWD/||; s|^\\./||" "$folder"/{cppcheck,gcc,tidy} |
    sed -nE 's/^([^ :]+):([0-9]+):(.*)\[([A-Za-z0-9.-]+)(,-warnings-as-errors)?\]$/\1 \4 line \2:\3/p' |
    sort -u > "$folder/found"
awk 'FILENAME == ARGV[1] { if (!/^#/ && NF) known[$1, $2] = 1; next }
     !(($1, $2) in known) { print; unknown++ }
     END { print (unknown + 0) " findings that tests/analyze/known.txt does not know"; exit unknown > 0 }' \
    tests/analyze/known.txt "$folder/found"
