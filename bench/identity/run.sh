#!/bin/sh
# Identity against what one would otherwise use, on one machine in one run. Needs python3-numpy and python3-scipy, and the
# folder of baselines with gen_graph.py, 40_scipy.py, 60_online.sql and uf_floor.c; pgRouting takes part where the server has it.
# Linking all the text edges takes minutes and runs once:
#   BASELINES=../shared/baselines/identity RUNS=3 EDGES=2000000 ONLINE=300000 sh bench/identity/run.sh
# PGHOST ... say which (throw-away) server; the generated graph is kept in WORK.
set -eu
bench=$(cd "$(dirname "$0")" && pwd)
baselines=$(cd "${BASELINES:-$bench/../../../shared/baselines/identity}" && pwd)
work=${WORK:-/var/tmp/mhub-bench-identity}
runs=${RUNS:-3}
edges=${EDGES:-2000000}
online=${ONLINE:-300000}
database=mhub_bench_identity

one_run() { (runs=1 warmup=0; race "$@"); }
psql() { command psql -Xq -v ON_ERROR_STOP=1 "$@"; }
race() {
	echo "-- $1"
	perl "$bench/../compare.pl" --runs "$runs" --warmup "${warmup:-1}" \
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
	"scipy with COPY out and in=client:/usr/bin/python3 $baselines/40_scipy.py" \
	'mhub=sql:SELECT count(*), sum(component) FROM mhub.components((SELECT mhub.connected_components(a, b) FROM e));'
race 'components of integer edges, the result in a table' \
	"scipy with COPY out and in=client:/usr/bin/python3 $baselines/40_scipy.py" \
	'mhub=sql:DROP TABLE IF EXISTS out_mhub; CREATE UNLOGGED TABLE out_mhub AS SELECT * FROM mhub.components((SELECT mhub.connected_components(a, b) FROM e));'

if [ "$(psql -At -c "SELECT count(*) FROM pg_available_extensions WHERE name = 'pgrouting'")" = 1 ]; then
	psql -c 'SET client_min_messages = warning' -c 'CREATE EXTENSION pgrouting CASCADE'
	one_run 'components of integer edges, the result read: pgRouting' \
		"pgr_connectedComponents=sql:SELECT count(*), sum(component) FROM pgr_connectedComponents('SELECT row_number() OVER ()::bigint AS id, a AS source, b AS target, 1.0::float8 AS cost, 1.0::float8 AS reverse_cost FROM e');" \
		'mhub=sql:SELECT count(*), sum(component) FROM mhub.components((SELECT mhub.connected_components(a, b) FROM e));'
fi
echo '-- memory: peak of a session that takes the components of 1,000,000 edges among 1,000,000 nodes, and of one that counts them'
psql -At <<'SQL'
SET max_parallel_workers_per_gather = 0;
CREATE UNLOGGED TABLE million AS SELECT i AS a, i * 7919 % 1000000 AS b FROM generate_series(0, 999999::bigint) AS i;
SQL
for query in 'count(*)' 'length(mhub.connected_components(a * 2000, b * 2000))' 'length(mhub.connected_components(a * 3000000017, b * 3000000017))'; do
	psql -At -c 'SET max_parallel_workers_per_gather = 0' -c "SELECT $query FROM million" \
		-c "SELECT substring(pg_read_file('/proc/' || pg_backend_pid() || '/status') from 'VmHWM:[^\n]*')" |
		tr '\n' ' '
	echo "  $query"
done

psql -f "$baselines/60_online.sql" 2>/dev/null
race "one link a call, $online edges in one transaction, rolled back" \
	"plpgsql=sql:BEGIN; SELECT count(link(kind, value, 'user', user_id)) FROM etn; ROLLBACK;" \
	"mhub.identify=sql:BEGIN; SELECT count(mhub.identify(jsonb_build_object(kind, value, 'user', user_id))) FROM etn; ROLLBACK;"

one_run "text identifiers in bulk, $edges edges" \
	"C floor=cmd:$work/uf_floor -t $work/edges_text.csv" \
	"link_identifiers=sql:CALL mhub.link_identifiers('SELECT kind, value, ''user'', user_id FROM et', batch_size => 1000000);"
psql -c 'CREATE UNLOGGED TABLE identifiers AS SELECT * FROM mhub.identifier ORDER BY value, kind' \
	-c 'CREATE UNLOGGED TABLE persons AS SELECT * FROM mhub.person ORDER BY person_id' \
	-c 'CREATE UNLOGGED TABLE links AS SELECT * FROM mhub.link ORDER BY identifier_a, identifier_b' \
	-c 'TRUNCATE mhub.identifier, mhub.person, mhub.link' >/dev/null
one_run "the outcome of that, written by plain INSERTs" \
	"C floor=cmd:$work/uf_floor -t $work/edges_text.csv" \
	'INSERT ... SELECT=sql:INSERT INTO mhub.identifier SELECT * FROM identifiers; INSERT INTO mhub.person SELECT * FROM persons; INSERT INTO mhub.link SELECT * FROM links;'
