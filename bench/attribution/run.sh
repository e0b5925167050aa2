#!/bin/sh
# Attribution and funnels on 5M touches of 1M people with 200k conversions, and 5M events of 300k users, in one run:
# mhub against window functions in plain SQL, and against DuckDB (npm; left out where npm is missing). First all answers
# are compared with the expected ones. The data is made by baselines/attribution/gen.sql of the shared data; without it
# there is no race. RUNS=3; KEEP=1 leaves the database for the next run, which then takes it as it is.
set -eu
bench=$(cd "$(dirname "$0")" && pwd)
runs=${RUNS:-3}
baseline=${MHUB_SHARED:-$bench/../../../shared}/baselines/attribution
[ -r "$baseline/gen.sql" ] || { echo "attribution: skipped, $baseline/gen.sql is not here"; exit 0; }
database=mhub_bench_attribution
scratch=$(mktemp -d)
chmod 755 "$scratch"

psql() { command psql -Xq -v ON_ERROR_STOP=1 "$@"; }
exists() { [ "$(psql -d postgres -At -c "SELECT count(*) FROM pg_database WHERE datname = '$database'")" = 1 ]; }
drop() { [ -n "${KEEP:-}" ] || command psql -Xq -d postgres -c "DROP DATABASE IF EXISTS $database"; }
trap 'drop; rm -rf "$scratch"' EXIT
if ! exists; then
	echo "-- making the data"
	psql -d postgres -c "CREATE DATABASE $database"
	PGDATABASE=$database psql -f "$baseline/gen.sql" >/dev/null
fi
export PGDATABASE=$database
psql -c 'SET client_min_messages = warning' -c 'DROP TABLE IF EXISTS query, path' -c 'DROP EXTENSION IF EXISTS mhub' -c 'CREATE EXTENSION mhub' -f "$bench/queries.sql"

echo "-- the expected answers?"
rows() { sed -n "$1" "$2" | tr -s ' ' | sed 's/^ //; s/ *$//; s/ | /,/g'; }
{
	rows '3,14p' "$baseline/expected_attr_totals.txt"; echo '\.'
	rows '3,7p' "$baseline/expected_funnel_levels.txt"; echo '\.'
	cat "$baseline/expected_exact_markov_order1.csv"; echo '\.'
} | psql -f "$bench/check.sql"

for query in totals persons funnel_steps funnel_array funnel_reached markov state_memory; do
	psql -At -c "SELECT text FROM query WHERE name = '$query'" >"$scratch/$query.sql"
done

race() {
	echo "-- $1"
	perl "$bench/../compare.pl" --runs "$runs" --setup 'SET max_parallel_workers_per_gather = 0; SET jit = off; SET work_mem = '"'256MB'"';' "$2" "$3"
}
race "five models, 30 days: conversions and revenue by channel" "window SQL=sql:@$baseline/attr_pg.sql" "mhub.attribution_totals=sql:@$scratch/totals.sql"
race "the same, a group for each person" "window SQL=sql:@$baseline/attr_pg.sql" "mhub.attribution=sql:@$scratch/persons.sql"
race "funnel of four steps within 7 days, all people at once" "window SQL=sql:@$baseline/funnel_pg.sql" "mhub.funnel_reached=sql:@$scratch/funnel_reached.sql"
race "the same, a group for each person" "window SQL=sql:@$baseline/funnel_pg.sql" "mhub.window_funnel=sql:@$scratch/funnel_steps.sql"
race "the same funnel with arrays, against the scan floor" "scan and group=sql:@$baseline/floor.sql" "mhub.window_funnel=sql:@$scratch/funnel_array.sql"
race "funnel by step number, against the scan floor" "scan and group=sql:@$baseline/floor.sql" "mhub.window_funnel=sql:@$scratch/funnel_steps.sql"
race "Markov of order 1 on the paths of these conversions" "reading the paths=sql:SELECT sum(cardinality(path)), sum(n) FROM path;" "mhub.markov_attribution=sql:@$scratch/markov.sql"

echo "-- memory of the state, MB"
psql -f "$scratch/state_memory.sql"

command -v npm >/dev/null || { echo "-- DuckDB: skipped, npm is not here"; exit 0; }
echo "-- DuckDB, 2 threads: CPU and wall seconds of the query alone, and mhub's CPU seconds beside it"
for table in touches conversions events; do
	psql -c "SET timezone = 'UTC'" -c "\\copy $table TO '$scratch/$table.csv' WITH (FORMAT csv, HEADER)"
done
cd "$scratch"
echo '{"private": true, "dependencies": {"@duckdb/node-api": "*"}}' >package.json
HOME=$scratch npm install --no-audit --no-fund --silent >/dev/null
cp "$bench/duckdb.mjs" .
node duckdb.mjs load "$scratch"
for run in $(seq "$runs"); do
	for pair in attr_pg:totals funnel_pg:funnel_reached; do
		echo "$pair: DuckDB $(node duckdb.mjs "$baseline/${pair%%:*}.sql"); mhub $(perl "$bench/../compare.pl" --runs 1 --setup 'SET max_parallel_workers_per_gather = 0; SET jit = off; SET work_mem = '"'256MB'"';' "a=sql:SELECT 1;" "mhub=sql:@$scratch/${pair##*:}.sql" | sed -n 's/^mhub *//p')"
	done
done
