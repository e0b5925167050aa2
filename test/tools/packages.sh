#!/bin/sh
# Installs every Debian package that building, testing, demonstrating and measuring mhub needs. Root or sudo.
# Does nothing, and needs neither root nor network, where all are present. "packages.sh bench" adds what only races need.
set -eu
major=${PG_MAJOR:-15}

packages="
	make gcc libc6-dev pkg-config git perl python3 gzip curl ca-certificates openssl
	postgresql-$major postgresql-server-dev-$major postgresql-$major-cron postgresql-$major-hll
	libcurl4-openssl-dev libssl-dev libmaxminddb-dev libicu-dev zlib1g-dev
	libipc-run-perl python3-aiosmtpd python3-cryptography
"
# DuckDB and the rule engines of node, against which some races run, come from npm and are skipped where it is absent.
[ "${1-}" != bench ] || packages="$packages nginx-light python3-numpy python3-scipy postgresql-$major-pgrouting"

missing=''
for package in $packages; do
	status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
	[ "$status" = 'install ok installed' ] || missing="$missing $package"
done
[ -n "$missing" ] || { echo "packages: all present"; exit 0; }

echo "packages: installing$missing"
as_root=''
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || { echo "packages: need root or sudo to install them" >&2; exit 1; }
	as_root=sudo
fi
# Debian's package would otherwise create and start a cluster of its own; ours is private.
$as_root mkdir -p /etc/postgresql-common/createcluster.d
[ -e /etc/postgresql-common/createcluster.d/mhub.conf ] ||
	echo 'create_main_cluster = false' | $as_root tee /etc/postgresql-common/createcluster.d/mhub.conf >/dev/null
$as_root env DEBIAN_FRONTEND=noninteractive sh -c 'apt-get update -qq'
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
