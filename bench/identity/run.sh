#!/bin/sh
# Identity against what one would otherwise use, on one machine in one run. Needs python3-numpy and python3-scipy, and the
# folder of baselines with gen_graph.py, 40_scipy.py, 60_online.sql and uf_floor.c:
#   BASELINES=../shared/baselines/identity RUNS=3 EDGES=2000000 ONLINE=50000 sh bench/identity/run.sh
# PGHOST ... say which (throw-away) server; the generated graph is kept in WORK.
set -eu
bench=$(cd "$(dirname "$0")" && pwd)
baselines=$(cd "${BASELINES:-$bench/../../../shared/baselines/identity}" && pwd)
work=${WORK:-/var/tmp/mhub-bench-identity}
runs=${RUNS:-3}
edges=${EDGES:-2000000}
online=${ONLINE:-50000}
database=mhub_bench_identity

psql() { command psql -Xq -v ON_ERROR_STOP=1 "$@"; }
race() {
	echo "-- $1"
	perl "$bench/../compare.pl" --runs "$runs" --warmup 1 \
		--setup "SET jit = off; SET work_mem = '256MB'; SET max_parallel_workers_per_gather = 0; SET synchronous_commit = off;" "$2" "$3"
}

mkdir -p "$work"
[ -s "$work/stats.txt" ] || /usr/bin/python3 "$baselines/gen_graph.py" "$work" "$edges"
gcc -O2 -w -o "$work/uf_floor" "$baselines/uf_floor.c"
psql -d postgres -c "DROP DATABASE IF EXISTS $database" -c "CREATE DATABASE $database"
trap 'command psql -Xq -d postgres -c "DROP DATABASE IF EXISTS $database"' EXIT
export PGDATABASE=$database
psql -c 'CREATE EXTENSION mhub' -c 'SELECT mhub.install()' >/dev/null
psql <<SQL
CREATE UNLOGGED TABLE e (a bigint, b bigint);
\copy e FROM '$work/edges_int.csv' csv
CREATE UNLOGGED TABLE et (kind text, value text, user_id text, seen_at bigint);
\copy et FROM '$work/edges_text.csv' csv
CREATE UNLOGGED TABLE etn AS SELECT row_number() OVER () AS i, * FROM et LIMIT $online;
VACUUM ANALYZE;
-- The graph's own kinds, without limits and without keys: what is measured is the graph.
UPDATE mhub.identifier_kind SET pii = false, normaliser = 'exact', max_per_person = NULL, period = NULL WHERE kind IN ('cookie', 'device', 'email');
INSERT INTO mhub.identifier_kind (kind, priority) VALUES ('user', 1);
SQL

race 'components of integer edges, the result read' \
	"scipy with COPY out and in=cmd:/usr/bin/python3 $baselines/40_scipy.py" \
	'mhub=sql:SELECT count(*), sum(component) FROM mhub.components((SELECT mhub.connected_components(a, b) FROM e));'
race 'components of integer edges, the result in a table' \
	"scipy with COPY out and in=cmd:/usr/bin/python3 $baselines/40_scipy.py" \
	'mhub=sql:DROP TABLE IF EXISTS out_mhub; CREATE UNLOGGED TABLE out_mhub AS SELECT * FROM mhub.components((SELECT mhub.connected_components(a, b) FROM e));'

psql -f "$baselines/60_online.sql" 2>/dev/null
race "one link a call, $online edges in one transaction, rolled back" \
	"plpgsql=sql:BEGIN; SELECT count(link(kind, value, 'user', user_id)) FROM etn; ROLLBACK;" \
	"mhub.identify=sql:BEGIN; SELECT count(mhub.identify(jsonb_build_object(kind, value, 'user', user_id))) FROM etn; ROLLBACK;"

race "text identifiers in bulk, $edges edges for the C floor, $online for mhub" \
	"C floor=cmd:$work/uf_floor -t $work/edges_text.csv" \
	"link_identifiers=sql:BEGIN; CALL mhub.link_identifiers('SELECT kind, value, ''user'', user_id FROM etn'); ROLLBACK;"
