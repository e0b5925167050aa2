#!/bin/sh
# make test: sets everything up in a private cluster below .cluster/, then runs every test: pg_regress, isolation, TAP.
#   SUITES="regress isolation tap" chooses among them; REGRESS=, ISOLATION=, PROVE_TESTS= (make variables) narrow each down.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/test/tools/setup.sh"
cd "$top"

output=$top/.cluster/test
mkdir -p "$output"
[ "$(id -u)" -ne 0 ] || chown postgres "$output"

run_pg_regress() {
	suite=$1
	shift
	echo "== $suite"
	as_server_user make -s installcheck TAP_TESTS= STAGE="$output/$suite" PG_CONFIG="$PG_CONFIG" "$@" || {
		cat "$output/$suite"/regression.diffs "$output/$suite"/output_iso/regression.diffs 2>/dev/null || true
		return 1
	}
}

run_tap() {
	echo "== tap"
	rm -rf "$output/tmp_check"
	as_server_user mkdir -p "$output/tmp_check"
	PG_REGRESS=$(dirname "$("$PG_CONFIG" --pgxs)")/../test/regress/pg_regress
	# The test library looks for its folders below TESTDIR, from PostgreSQL 16 on in the other two.
	export PG_REGRESS TESTDIR="$output" TESTDATADIR="$output/tmp_check" TESTLOGDIR="$output/tmp_check/log" MHUB_TOP="$top"
	# Nodes of the TAP tests are clusters of their own: our server's address must not leak into them.
	(
		unset PGHOST PGUSER PGDATABASE
		PGPORT=65432
		export PGPORT
		# shellcheck disable=SC2086
		as_server_user prove -I "$(dirname "$("$PG_CONFIG" --pgxs)")/../test/perl" -I "$top/test/t" --timer ${PROVE_TESTS:-test/t/*.pl}
	)
}

failed=''
for suite in ${SUITES:-regress isolation tap}; do
	case $suite in
		regress) run_pg_regress regress ISOLATION= ${REGRESS:+"REGRESS=$REGRESS"} || failed="$failed regress" ;;
		isolation) run_pg_regress isolation REGRESS= ${ISOLATION:+"ISOLATION=$ISOLATION"} || failed="$failed isolation" ;;
		tap) run_tap || failed="$failed tap" ;;
	esac
done

if [ -n "$failed" ]; then
	echo "FAILED:$failed"
	exit 1
fi
echo "All tests passed."
