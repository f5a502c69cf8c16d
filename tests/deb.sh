#!/bin/bash
# The package's life: built from what is committed here in one bare Debian, in another installed,
# used, upgraded over a changed configuration, removed and purged; there the daemon is started by hand.
# The first one is then booted, in a container, for the service under systemd. Prints a line of TAP for
# each step. Needs root, debootstrap, systemd-nspawn, git, the network.
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
container=
steps=0
broken=0

halt() {
    [ -z "$container" ] || kill -KILL "$container"
    container=
}

clean() {
    halt
    remove_root "$builder"
    remove_root "$user"
}
trap clean EXIT
trap 'exit 130' INT TERM

in_root() {
    inside "$1" "set -euo pipefail; $2"
}

# boot ROOT: starts its systemd, in a container without a network.
boot() {
    systemd-nspawn --quiet --directory "$1" --boot --private-network --register=no --keep-unit \
        < /dev/null > "$1/boot.log" 2>&1 &
    container=$!
}

# in_system COMMAND: in what was booted
in_system() {
    local init tries=0
    until init=$(pgrep -P "$container") &&
        nsenter --target "$init" --all --root --wd systemctl is-system-running --wait 2> /dev/null |
        grep -qE 'running|degraded'; do
        kill -0 "$container" && [ $((tries += 1)) -lt 60 ] || { cat "$builder/boot.log"; return 1; }
        sleep 1
    done
    timeout 300 nsenter --target "$init" --all --root --wd /bin/bash -c "set -euo pipefail; $1"
}

# step NAME COMMAND...
step() {
    local output
    steps=$((steps + 1))
    if output=$("${@:2}" 2>&1); then
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

# Under systemd: the watchdog's minute is shortened.
read -r -d '' SERVE <<'END' || true
url=http://127.0.0.1:8642
mkdir -p /etc/systemd/system/sweepd.service.d
printf '[Service]\nWatchdogSec=4\nRestartSec=0\n' > /etc/systemd/system/sweepd.service.d/soon.conf
systemctl daemon-reload
systemctl restart sweepd
systemctl is-active sweepd
curl -sS --fail-with-body -T /sweepd/tests/data/iris.csv "$url/api/v1/datasets/iris.csv" > /dev/null
curl -sS --fail-with-body -d '{"dataset": "iris", "space": {"epochs": 30}}' "$url/api/v1/experiments" > /dev/null
curl -sS -N "$url/api/v1/experiments/latest/watch" | grep completed
systemctl reload sweepd
sleep 1
journalctl -u sweepd | grep 'configuration was read again'
restarts() { systemctl show -P NRestarts sweepd; }
kill -STOP "$(systemctl show -P MainPID sweepd)"
until [ "$(restarts)" = 1 ]; do sleep 1; done
journalctl -u sweepd | grep "Failed with result 'watchdog'"
systemctl kill -s KILL sweepd
until [ "$(restarts)" = 2 ]; do sleep 1; done
until curl -sS "$url/healthz"; do sleep 1; done
curl -sS "$url/api/v1/experiments/1" | grep '"state": "completed"'
systemctl stop sweepd
systemctl start sweepd.socket
curl -sS "$url/healthz" # who asks first starts it
END

life() {
    step 'the package is built' in_root "$builder" 'cd /sweepd && make deb && make deb VERSION=9.9'
    cp "$builder"/sweepd/build/deb/*.deb "$user/root/"
    step 'the units are sound, and a service made of them is sandboxed' in_root "$builder" '
        apt-get -q -y install --no-install-recommends systemd man-db \
            /sweepd/build/deb/sweepd_9.9_*.deb > /dev/null
        systemd-analyze verify /usr/lib/systemd/system/sweepd.{service,socket}
        systemd-analyze security --offline=yes --threshold=20 /usr/lib/systemd/system/sweepd.service'
    inside "$builder" 'apt-get -q -y install --no-install-recommends systemd-sysv curl' > /dev/null
    boot "$builder"
    step 'systemd starts it, reloads it, and starts it again when it dies or hangs' in_system "$SERVE"
    halt
    step 'lintian finds no error' in_root "$builder" '
        apt-get -q -y install --no-install-recommends lintian > /dev/null
        lintian --allow-root --fail-on error /sweepd/build/deb/sweepd_9.9_*.deb'
    step 'it is installed with what it depends on and no more' in_root "$user" '
        apt-get -q -y install --no-install-recommends curl
        apt-get -q -y install --no-install-recommends $(ls /root/sweepd_*.deb | grep -v 9.9)
        sweepd --version
        [ "$(stat -c "%U:%G %a" /var/lib/sweepd)" = "sweepd:sweepd 750" ]
        [ -e /lib/systemd/system/sweepd.service ] && [ -e /usr/share/man/man1/sweepd.1.gz ]
        sweepd --check-config --config /etc/sweepd/sweepd.conf'
    step 'its user runs a search' in_root "$user" "$USE"
    step 'an upgrade keeps the database and a configuration that was changed' in_root "$user" '
        echo "log-level = warning" >> /etc/sweepd/sweepd.conf
        sed -i "s/warning/debug/" /etc/sweepd/sweepd.conf
        apt-get -q -y install --no-install-recommends /root/sweepd_9.9_*.deb
        [ "$(dpkg-query -W -f "\${Version}" sweepd)" = 9.9 ]
        tail -n 1 /etc/sweepd/sweepd.conf | grep -F "log-level = debug"
        setpriv --reuid sweepd --regid sweepd --init-groups sweepd check --db /var/lib/sweepd/sweepd.db | grep sound'
    step 'a search goes on after it' in_root "$user" "$USE"
    step 'removing it keeps database and configuration' in_root "$user" '
        apt-get -q -y remove sweepd
        ! [ -e /usr/bin/sweepd ] && [ -e /var/lib/sweepd/sweepd.db ] && [ -e /etc/sweepd/sweepd.conf ]'
    step 'purging it leaves nothing' in_root "$user" '
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
