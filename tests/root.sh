# A bare Debian to try things in; read by fresh.sh and deb.sh. Needs root and debootstrap.
#
#     MIRROR=http://deb.debian.org/debian where Debian comes from
#     TMPDIR                              where the roots are

mirror=${MIRROR:-http://deb.debian.org/debian}

# make_root SUITE FOLDER
make_root() {
    chmod 755 "$2"
    debootstrap --variant=minbase "$1" "$2" "$mirror" > "$2.log" 2>&1 ||
        { tail -n 20 "$2.log"; return 1; }
    rm -f "$2.log"
    carry_network "$2"
}

# What the machine says about reaching the network also holds inside: proxies, its own
# certificates, the registry of npm.
carry_network() {
    local root=$1 file
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

# inside ROOT COMMAND: in the root, with processes and mounts of its own that end with the command.
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
        ' bash "$1" HOME=/root LANG=C.UTF-8 TERM=dumb DEBIAN_FRONTEND=noninteractive \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        ${keep[@]+"${keep[@]}"} /bin/bash -c "$2" < /dev/null
}

remove_root() {
    [ -z "$1" ] || rm -rf --one-file-system "$1"
}
