# Sourced by test.sh, demo.sh and bench.sh, which set $top: packages, the private cluster, and its settings.
# As root, what the server's user must read is copied to /var/tmp when the checkout lies where that user cannot go.

sh "$top/test/tools/packages.sh"

if [ "$(id -u)" -eq 0 ] && ! runuser -u postgres -- test -r "$top/Makefile"; then
	copy=/var/tmp/mhub-$(echo "$top" | cksum | cut -d' ' -f1)
	echo "set-up: user postgres cannot read $top; working in a copy, $copy"
	mkdir -p "$copy"
	tar -C "$top" --exclude=./.cluster --exclude=./.git --exclude='*.o' --exclude='*.so' -cf - . | tar -C "$copy" --no-same-owner -xf -
	chmod 755 "$copy"
	shared=$(cd "$top/../shared" 2>/dev/null && pwd || true)
	[ -z "$shared" ] || export MHUB_SHARED="${MHUB_SHARED:-$shared}"
	exec sh "$copy/test/tools/$(basename "$0")" "$@"
fi

sh "$top/test/tools/cluster.sh" start
eval "$(sh "$top/test/tools/cluster.sh" env)"

# Data for tests that the project does not ship; tests that want it skip where it is absent.
MHUB_SHARED=${MHUB_SHARED:-$top/../shared}
export MHUB_SHARED

as_server_user() {
	if [ "$(id -u)" -eq 0 ]; then
		runuser -u postgres -- "$@"
	else
		"$@"
	fi
}
