#!/bin/sh
# make demo [LOG=path]: sets everything up in a private cluster below .cluster/, then runs the main job once:
# collect, identify, find sources, convert, load cost, attribute, and print the ROI table.
# LOG is a web server's access log in combined format (plain or .gz); without it a simulated shop is used.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/test/tools/setup.sh"
cd "$top"

database=mhub_demo
run_sql() {
	as_server_user psql -Xq -v ON_ERROR_STOP=1 "$@"
}

echo "demo: a fresh database $database with CREATE EXTENSION mhub; SELECT mhub.install();"
run_sql -d postgres -c "SET client_min_messages = warning" -c "DROP DATABASE IF EXISTS $database" -c "CREATE DATABASE $database"
run_sql -d "$database" -c 'CREATE EXTENSION mhub' -c 'SELECT mhub.install()' >/dev/null

if [ -n "${LOG-}" ]; then
	# The server reads the file itself, so it must lie where the server's user can read it.
	copy=$top/.cluster/demo.log
	cp "$LOG" "$copy"
	chmod 644 "$copy"
	echo "demo: collecting from the access log $LOG"
	run_sql -d "$database" -v log="$copy" -f "sql/demo/access_log.sql"
else
	echo "demo: collecting from a SIMULATED shop (sql/demo/shop.sql); give a real access log with make demo LOG=path"
	run_sql -d "$database" -f sql/demo/shop.sql
fi
run_sql -d "$database" -f sql/demo/report.sql

cat <<EOF

Go on exploring (the server keeps running; sh test/tools/cluster.sh stop ends it):
  $([ "$(id -u)" -ne 0 ] || echo 'runuser -u postgres -- ')$(command -v psql) -h $PGHOST -p $PGPORT -U $PGUSER $database
EOF
