#!/bin/sh
# Identity against what one would otherwise use, on one machine in one run. Needs python3-numpy and python3-scipy, and the
# folder of baselines with gen_graph.py, 40_scipy.py, 60_online.sql and uf_floor.c; pgRouting takes part where the server has it.
# Linking all the text edges runs once; it wants 3 GB of memory for 2,000,000:
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
		--setup "SET jit = off; SET work_mem = '256MB'; SET maintenance_work_mem = '2GB'; SET max_parallel_workers_per_gather = 0; SET max_parallel_maintenance_workers = 0; SET synchronous_commit = off;" "$2" "$3"
}

mkdir -p "$work"
[ -s "$work/stats.txt" ] || /usr/bin/python3 "$baselines/gen_graph.py" "$work" "$edges"
gcc -O2 -w -o "$work/uf_floor" "$baselines/uf_floor.c"
psql -d postgres -c "DROP DATABASE IF EXISTS $database" -c "CREATE DATABASE $database"
trap 'command psql -Xq -d postgres -c "DROP DATABASE IF EXISTS $database"; rm -f "$work"/*.copy' EXIT
export PGDATABASE=$database
psql -c 'CREATE EXTENSION mhub' -c 'SELECT mhub.install()' >/dev/null
psql <<SQL
CREATE UNLOGGED TABLE e (a bigint, b bigint);
\copy e FROM '$work/edges_int.csv' csv
CREATE UNLOGGED TABLE et (kind text, value text, user_id text, seen_at bigint);
\copy et FROM '$work/edges_text.csv' csv
CREATE UNLOGGED TABLE etn AS SELECT row_number() OVER () AS i, * FROM et LIMIT $online;
VACUUM ANALYZE;
-- Vacuuming what the last race has left would slow down one side of the next.
ALTER TABLE mhub.identifier SET (autovacuum_enabled = off);
ALTER TABLE mhub.link SET (autovacuum_enabled = off);
ALTER TABLE mhub.person SET (autovacuum_enabled = off);
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

# On new tables each time, as the baseline does it: statistics of the tables as a rollback leaves them, empty, would let its plans scan them.
forget='TRUNCATE mhub.identifier, mhub.person, mhub.link, mhub.merge_log, mhub.link_job;'
for run in $(seq "$runs"); do
	psql -f "$baselines/60_online.sql" 2>/dev/null
	psql -c "$forget"
	one_run "one link a call, $online edges in one transaction, rolled back ($run of $runs)" \
		"plpgsql=sql:BEGIN; SELECT count(link(kind, value, 'user', user_id)) FROM etn; ROLLBACK;" \
		"mhub.identify=sql:BEGIN; SELECT count(mhub.identify(jsonb_build_object(kind, value, 'user', user_id))) FROM etn; ROLLBACK;"
done
quarter=$((online / 4))
one_run "how identify() grows with the edges: $online against $quarter" \
	"$quarter edges=sql:BEGIN; SELECT count(mhub.identify(jsonb_build_object(kind, value, 'user', user_id))) FROM etn WHERE i <= $quarter; ROLLBACK;" \
	"$online edges=sql:BEGIN; SELECT count(mhub.identify(jsonb_build_object(kind, value, 'user', user_id))) FROM etn; ROLLBACK;"
psql <<'SQL'
INSERT INTO mhub.identifier_kind (kind) VALUES ('ring');
-- 50,000 observations each: pairs, tens, one star, and one chain whose links come in random order
CREATE UNLOGGED TABLE shape AS
    SELECT s.shape, i, CASE s.shape WHEN 'chain' THEN jsonb_build_object('ring', jsonb_build_array('r' || hashint4(i), 'r' || hashint4(i + 1)))
        ELSE jsonb_build_object('cookie', 'c' || i, 'user', 'u' || CASE s.shape WHEN 'pairs' THEN i WHEN 'tens' THEN i / 9 ELSE 0 END) END AS seen
    FROM unnest('{pairs,tens,star,chain}'::text[]) AS s (shape), generate_series(1, 50000) AS i ORDER BY s.shape, CASE s.shape WHEN 'chain' THEN hashint4extended(i, 1) ELSE i END;
SQL
for shape in tens star chain; do
	one_run "how identify() grows with the person: 50,000 observations" \
		"persons of 2=sql:BEGIN; SELECT count(mhub.identify(seen)) FROM shape WHERE shape = 'pairs'; ROLLBACK;" \
		"$shape=sql:BEGIN; SELECT count(mhub.identify(seen)) FROM shape WHERE shape = '$shape'; ROLLBACK;"
done

edges_query="'SELECT kind, value, ''user'', user_id FROM et'"
psql -c "$forget"
one_run "text identifiers in bulk, $edges edges into an empty hub" \
	"C floor=cmd:$work/uf_floor -t $work/edges_text.csv" \
	"link_identifiers=sql:CALL mhub.link_identifiers($edges_query);"

# What that leaves behind, stored with nothing to find out
for table in identifier person link; do
	psql -c "\\copy mhub.$table TO '$work/$table.copy'"
	psql -c "CREATE UNLOGGED TABLE ${table}_rows AS SELECT * FROM mhub.$table"
done
psql -c "$forget" -c 'CREATE SCHEMA bare'
one_run 'the outcome of that, written by INSERT ... SELECT' \
	"C floor=cmd:$work/uf_floor -t $work/edges_text.csv" \
	'INSERT ... SELECT=sql:INSERT INTO mhub.identifier SELECT * FROM identifier_rows; INSERT INTO mhub.person SELECT * FROM person_rows; INSERT INTO mhub.link SELECT * FROM link_rows;'
for table in identifier person link; do
	psql -c "CREATE TABLE bare.$table (LIKE mhub.$table)"
done
one_run 'the outcome of that, restored: COPY into tables without indexes, then CREATE INDEX' \
	"C floor=cmd:$work/uf_floor -t $work/edges_text.csv" \
	"COPY, CREATE INDEX=sql:
\\copy bare.identifier FROM '$work/identifier.copy'
\\copy bare.person FROM '$work/person.copy'
\\copy bare.link FROM '$work/link.copy'
DO \$\$
DECLARE
	definition text;
BEGIN
	FOR definition IN SELECT replace(pg_get_indexdef(indexrelid), ' ON mhub.', ' ON bare.') FROM pg_index
		WHERE indrelid IN ('mhub.identifier'::regclass, 'mhub.person'::regclass, 'mhub.link'::regclass) LOOP
		EXECUTE definition;
	END LOOP;
END \$\$;"

psql -c "$forget"
one_run "text identifiers in bulk, $edges edges in batches of 100,000" \
	"C floor=cmd:$work/uf_floor -t $work/edges_text.csv" \
	"link_identifiers=sql:CALL mhub.link_identifiers($edges_query, batch_size => 100000);"
