#!/bin/sh
# Collection against plain INSERTs into a table with a unique id and an index on person and time. Everything that
# mhub does with an event is in the race: duplicates, persons, source, robots, counters. For batches a CPU ratio below 2
# is more than half the rows a second.
#   RUNS=5 BATCHES=20 SECONDS_EACH=4; CALLS=100000 for the memory test (1000000 takes some minutes).
set -eu
bench=$(cd "$(dirname "$0")" && pwd)
runs=${RUNS:-5}
batches=${BATCHES:-20}
seconds=${SECONDS_EACH:-4}
calls=${CALLS:-100000}
database=mhub_bench_ingest

psql() { command psql -Xq -v ON_ERROR_STOP=1 "$@"; }
psql -d postgres -c "DROP DATABASE IF EXISTS $database" -c "CREATE DATABASE $database"
trap 'command psql -Xq -d postgres -c "ALTER SYSTEM RESET fsync" -c "DROP DATABASE IF EXISTS $database"' EXIT
export PGDATABASE=$database
psql -c 'CREATE EXTENSION mhub' -c 'SELECT mhub.install()' >/dev/null
psql -f "$bench/setup.sql"

race() {
	echo "-- $1"
	perl "$bench/../compare.pl" --runs "$runs" --warmup 1 --setup 'SET synchronous_commit = off;' "$2" "$3"
}

# Half of the visitors are known before the race starts.
psql -c "SELECT make_bodies(1, 100, 20000, 5)" -c "CALL ingest_bodies(100)" -c "SELECT make_bodies(101, 100 + $((2 * batches * (runs + 1))), 20000, 5)" -c 'VACUUM ANALYZE' >/dev/null
race "batches of 500, 5 pages a visitor" "plain INSERT=sql:CALL insert_batches($batches);" "mhub.ingest=sql:CALL ingest_bodies($batches);"
race "the same, cast to jsonb by the caller" "plain INSERT=sql:CALL insert_batches($batches);" "mhub.ingest=sql:CALL ingest_bodies($batches, true);"

psql -c "SELECT make_bodies(10001, 10000 + $((batches * (runs + 1))), 20000, 1)" -c "SELECT setval('body_used', 10000)" -c CHECKPOINT >/dev/null
race "batches of 500, 500 visitors" "plain INSERT=sql:CALL insert_batches($batches);" "mhub.ingest=sql:CALL ingest_bodies($batches);"

# Transactions a second, as pgbench sees it: options, script
rate() {
	# shellcheck disable=SC2086
	pgbench -n -T "$seconds" -j 2 $1 -f "$2" 2>/dev/null | sed -n 's/^tps = \([0-9]*\).*/\1/p'
}
median() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }

# As the baseline's own script measures batches: two clients, each commit on disk, which private clusters leave out.
durable() {
	psql -c "ALTER SYSTEM $1" -c 'SELECT pg_reload_conf()' >/dev/null
}
psql -c "SELECT make_bodies(20001, 20000 + $((seconds * runs * 250)), 20000, 5)" -c "SELECT setval('body_used', 20000)" -c CHECKPOINT >/dev/null
echo '-- batches of 500, 5 pages a visitor, 2 clients, every commit on disk'
scripts=$(mktemp -d)
chmod 755 "$scripts"
echo 'CALL insert_batches(1);' >"$scripts/insert.sql"
echo 'CALL ingest_bodies(1);' >"$scripts/ingest.sql"
durable 'SET fsync = on'
inserts='' ingests=''
for _ in $(seq "$runs"); do
	inserts="$inserts $(rate '-c 2' "$scripts/insert.sql")"
	ingests="$ingests $(rate '-c 2' "$scripts/ingest.sql")"
done
durable 'RESET fsync'
rm -r "$scripts"
# shellcheck disable=SC2086
inserts=$(median $inserts) ingests=$(median $ingests)
echo "plain INSERT $((inserts * 500)) rows a second, mhub.ingest $((ingests * 500)), ratio $(awk "BEGIN { printf \"%.2f\", $ingests / $inserts }")"

# One call a transaction, four clients, asynchronous commit; the visitors are known after the first seconds.
export PGOPTIONS='-c synchronous_commit=off'
single() { rate '-c 4 -M prepared' "$bench/$1"; }

echo "-- single calls, asynchronous commit, 4 clients"
single track_single.sql >/dev/null
inserts='' tracks=''
for _ in $(seq "$runs"); do
	inserts="$inserts $(single insert_single.sql)"
	tracks="$tracks $(single track_single.sql)"
done
# shellcheck disable=SC2086
inserts=$(median $inserts) tracks=$(median $tracks)
echo "plain INSERT $inserts per second, mhub.track $tracks per second, ratio $(awk "BEGIN { printf \"%.2f\", $tracks / $inserts }")"

echo "-- memory of one session over $calls calls of mhub.track(), kB of anonymous memory"
psql <<SQL
SET synchronous_commit = off;
CREATE FUNCTION private_memory() RETURNS text LANGUAGE sql AS
	'SELECT substring(pg_read_file(format(''/proc/%s/status'', pg_backend_pid())) FROM ''RssAnon:\s*(\d+) kB'')';
CALL track_single(2000);
SELECT 'after 2000 calls', private_memory();
CALL track_single($calls);
SELECT 'after all calls', private_memory();
SQL
