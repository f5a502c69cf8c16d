#!/bin/bash
# The Debian package of what `make install` has staged.
#
#     server/install/deb.sh FOLDER VERSION
#
# FOLDER/debian/sweepd was installed with prefix=/usr; the package is written to FOLDER. What the
# binary depends on is found by dpkg-shlibdeps, so it is a package for the Debian that it is built
# on. DEBFULLNAME and DEBEMAIL tell who built it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(cd "$1" && pwd)
version=$2
stage=$folder/debian/sweepd
maintainer="${DEBFULLNAME:-sweepd contributors} <${DEBEMAIL:-sweepd@example.org}>"
arch=$(dpkg --print-architecture)
date=$(date -R -u -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}")
doc=$stage/usr/share/doc/sweepd

fill() {
    sed -e "s/@VERSION@/$version/; s/@ARCH@/$arch/; s/@DATE@/$date/" \
        -e "s/@MAINTAINER@/$maintainer/" \
        -e "s/@SIZE@/${size:-0}/; s/@DEPENDS@/${depends:-}/" "$1"
}

strip --strip-unneeded --remove-section=.comment "$stage/usr/bin/sweepd"
gzip -9n "$stage"/usr/share/man/man1/*.1
rm "$doc/LICENSE" # is in copyright
install -m 644 "$here/debian/copyright" "$doc/copyright"
fill "$here/debian/changelog.in" | gzip -9n > "$doc/changelog.gz"
chmod 644 "$doc/changelog.gz"
rm -r "$stage/usr/lib/sysusers.d" # postinst makes the user

# dpkg-shlibdeps wants to stand beside a debian/control.
printf 'Source: sweepd\n\nPackage: sweepd\nArchitecture: any\n' > "$folder/debian/control"
depends=$(cd "$folder" && dpkg-shlibdeps -O debian/sweepd/usr/bin/sweepd |
    sed -n 's/^shlibs:Depends=//p')
size=$(du -k -s "$stage" | cut -f1)

mkdir "$stage/DEBIAN"
fill "$here/debian/control.in" > "$stage/DEBIAN/control"
install -m 644 "$here/debian/conffiles" "$stage/DEBIAN/conffiles"
install -m 755 "$here"/debian/{postinst,prerm,postrm} "$stage/DEBIAN/"
(cd "$stage" && find usr -type f -print0 | sort -z | xargs -0 md5sum > DEBIAN/md5sums)
dpkg-deb --root-owner-group --build "$stage" "$folder/sweepd_${version}_$arch.deb"
