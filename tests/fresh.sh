#!/bin/bash
# From nothing: makes a bare Debian with debootstrap, clones what is committed here into it, and runs
# `make demo` and `make check` there. Needs root, debootstrap, git and the network.
#
#     tests/fresh.sh [SUITE...]           default: bookworm trixie
#
#     TARGETS="demo check"                what is made
#     MIRROR=http://deb.debian.org/debian where Debian comes from
#     TMPDIR                              a bare root grows to about 2 GB; it is removed afterwards
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tests/root.sh"

targets=${TARGETS:-demo check}
root=
report=()

clean() {
    remove_root "$root"
}
trap clean EXIT
trap 'exit 130' INT TERM

[ $# -gt 0 ] || set -- bookworm trixie
for suite; do
    root=$(mktemp -d)
    echo "==== $suite: a bare root in $root"
    make_root "$suite" "$root"
    git clone --quiet --no-hardlinks "$top" "$root/sweepd"
    inside "$root" 'apt-get -q update && apt-get -q -y install --no-install-recommends make'

    for target in $targets; do
        echo "==== $suite: make $target"
        start=$SECONDS
        if inside "$root" "cd /sweepd && make $target"; then
            report+=("$suite: make $target is green, $((SECONDS - start)) s")
        else
            report+=("$suite: make $target FAILED, $((SECONDS - start)) s")
        fi
    done
    clean
    root=
done

echo "===="
printf '%s\n' "${report[@]}"
[[ "${report[*]}" != *FAILED* ]]
