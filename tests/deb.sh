#!/bin/bash
# The package's life: built from what is committed here in one bare Debian, in another installed,
# used, upgraded over a changed configuration, removed and purged. No systemd runs there: the daemon
# is started by hand. Prints a line of TAP for each step. Needs root, debootstrap, git, the network.
#
#     tests/deb.sh [SUITE...]             default: bookworm
#
#     MIRROR=http://deb.debian.org/debian where Debian comes from
#     TMPDIR                              a bare root grows to about 1 GB; it is removed afterwards
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tests/root.sh"

builder=
user=
steps=0
broken=0

clean() {
    remove_root "$builder"
    remove_root "$user"
}
trap clean EXIT
trap 'exit 130' INT TERM

# step NAME ROOT COMMAND
step() {
    local output
    steps=$((steps + 1))
    if output=$(inside "$2" "set -euo pipefail; $3" 2>&1); then
        echo "ok $steps - $suite: $1"
    else
        echo "not ok $steps - $suite: $1"
        echo "$output" | tail -n 60 | sed 's/^/# /'
        broken=$((broken + 1))
    fi
}

# As the unit does it, with a table of iris through the API.
read -r -d '' USE <<'END' || true
cd /
log=$(mktemp)
setpriv --reuid sweepd --regid sweepd --init-groups \
    sweepd --db /var/lib/sweepd/sweepd.db --config /etc/sweepd/sweepd.conf \
    --listen unix:/var/lib/sweepd/sock 2> "$log" &
until grep -q 'listening on' "$log"; do kill -0 $! || { cat "$log"; exit 1; }; sleep 0.1; done
ask() { curl -sS --fail-with-body --unix-socket /var/lib/sweepd/sock "$@"; }
ask -T /root/iris.csv 'http://localhost/api/v1/datasets/iris.csv?target=species' > /dev/null
ask -d '{"dataset": "iris", "sampler": "grid", "space": {"width": [4, 8], "epochs": 10}}' \
    http://localhost/api/v1/experiments > /dev/null
ask -N http://localhost/api/v1/experiments/latest/watch | grep completed
kill -TERM $!
wait $!
END

life() {
    step 'the package is built' "$builder" 'cd /sweepd && make deb && make deb VERSION=9.9'
    cp "$builder"/sweepd/build/deb/*.deb "$user/root/"
    step 'the units are sound, and a service made of them is sandboxed' "$builder" '
        apt-get -q -y install --no-install-recommends systemd man-db \
            /sweepd/build/deb/sweepd_9.9_*.deb > /dev/null
        systemd-analyze verify /usr/lib/systemd/system/sweepd.{service,socket}
        systemd-analyze security --offline=yes --threshold=20 /usr/lib/systemd/system/sweepd.service'
    step 'lintian finds no error' "$builder" '
        apt-get -q -y install --no-install-recommends lintian > /dev/null
        lintian --allow-root --fail-on error /sweepd/build/deb/sweepd_9.9_*.deb'
    step 'it is installed with what it depends on and no more' "$user" '
        apt-get -q -y install --no-install-recommends curl
        apt-get -q -y install --no-install-recommends $(ls /root/sweepd_*.deb | grep -v 9.9)
        sweepd --version
        [ "$(stat -c "%U:%G %a" /var/lib/sweepd)" = "sweepd:sweepd 750" ]
        [ -e /lib/systemd/system/sweepd.service ] && [ -e /usr/share/man/man1/sweepd.1.gz ]
        sweepd --check-config --config /etc/sweepd/sweepd.conf'
    step 'its user runs a search' "$user" "$USE"
    step 'an upgrade keeps the database and a configuration that was changed' "$user" '
        echo "log-level = warning" >> /etc/sweepd/sweepd.conf
        sed -i "s/warning/debug/" /etc/sweepd/sweepd.conf
        apt-get -q -y install --no-install-recommends /root/sweepd_9.9_*.deb
        [ "$(dpkg-query -W -f "\${Version}" sweepd)" = 9.9 ]
        tail -n 1 /etc/sweepd/sweepd.conf | grep -F "log-level = debug"
        setpriv --reuid sweepd --regid sweepd --init-groups sweepd check --db /var/lib/sweepd/sweepd.db | grep sound'
    step 'a search goes on after it' "$user" "$USE"
    step 'removing it keeps database and configuration' "$user" '
        apt-get -q -y remove sweepd
        ! [ -e /usr/bin/sweepd ] && [ -e /var/lib/sweepd/sweepd.db ] && [ -e /etc/sweepd/sweepd.conf ]'
    step 'purging it leaves nothing' "$user" '
        apt-get -q -y purge sweepd
        ! [ -e /var/lib/sweepd ] && ! [ -e /etc/sweepd ]
        ! dpkg -s sweepd
        [ -z "$(find / -xdev -name "*sweepd*" ! -path "/root/*" ! -path "/proc/*")" ]'
}

[ $# -gt 0 ] || set -- bookworm
for suite; do
    builder=$(mktemp -d)
    user=$(mktemp -d)
    make_root "$suite" "$builder"
    cp -a "$builder/." "$user"
    cp "$top/tests/data/iris.csv" "$user/root/"
    git clone --quiet --no-hardlinks "$top" "$builder/sweepd"
    inside "$builder" 'apt-get -q update && apt-get -q -y install --no-install-recommends make' > /dev/null
    inside "$user" 'apt-get -q update' > /dev/null
    life
    clean
    builder=
    user=
done
echo "1..$steps"
[ "$broken" -eq 0 ]
