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

targets=${TARGETS:-demo check}
mirror=${MIRROR:-http://deb.debian.org/debian}
root=
report=()

# What the machine says about reaching the network also holds inside: proxies, its own
# certificates, the registry of npm.
carry_network() {
    local file
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    for file in $(grep -lE '^Acquire' /etc/apt/apt.conf.d/* 2> /dev/null); do
        cp "$file" "$root/etc/apt/apt.conf.d/"
    done
    if compgen -G '/usr/local/share/ca-certificates/*' > /dev/null; then
        mkdir -p "$root/usr/local/share/ca-certificates"
        cp -r /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/"
    fi
    [ ! -e "$HOME/.npmrc" ] || cp "$HOME/.npmrc" "$root/root/.npmrc"
}

# inside COMMAND: in the root, with processes and mounts of its own that end with the command.
inside() {
    local keep=() name
    for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY NODE_EXTRA_CA_CERTS; do
        [ -z "${!name:-}" ] || keep+=("$name=${!name}")
    done
    unshare --mount --pid --fork --kill-child bash -c '
        set -e
        mount -t proc proc "$1/proc"
        mount --bind /dev "$1/dev"
        mount -t tmpfs tmpfs "$1/dev/shm"
        root=$1
        shift
        exec chroot "$root" /usr/bin/env -i "$@"
        ' bash "$root" HOME=/root LANG=C.UTF-8 TERM=dumb \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        ${keep[@]+"${keep[@]}"} /bin/bash -c "$1" < /dev/null
}

clean() {
    [ -z "$root" ] || rm -rf --one-file-system "$root"
}
trap clean EXIT
trap 'exit 130' INT TERM

[ $# -gt 0 ] || set -- bookworm trixie
for suite; do
    root=$(mktemp -d)
    chmod 755 "$root"
    echo "==== $suite: a bare root in $root"
    debootstrap --variant=minbase "$suite" "$root" "$mirror" > "$root.log" 2>&1 ||
        { tail -n 20 "$root.log"; exit 1; }
    rm -f "$root.log"
    carry_network
    git clone --quiet --no-hardlinks "$top" "$root/sweepd"
    inside 'apt-get -q update &&
        DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends make'

    for target in $targets; do
        echo "==== $suite: make $target"
        start=$SECONDS
        if inside "cd /sweepd && make $target"; then
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
