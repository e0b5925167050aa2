#!/bin/sh
# Collection against plain INSERTs into a table with a unique id and an index on person and time. Everything that
# mhub does with an event is in the race: duplicates, persons, source, robots, counters. For batches a CPU ratio below 2
# is more than half the rows a second.
#   RUNS=5 BATCHES=20 SECONDS_EACH=2; CALLS=100000 for the memory test (1000000 takes some minutes).
set -eu
bench=$(cd "$(dirname "$0")" && pwd)
runs=${RUNS:-5}
batches=${BATCHES:-20}
seconds=${SECONDS_EACH:-2}
calls=${CALLS:-100000}
database=mhub_bench_ingest

psql() { command psql -Xq -v ON_ERROR_STOP=1 "$@"; }
psql -d postgres -c "DROP DATABASE IF EXISTS $database" -c "CREATE DATABASE $database"
trap 'command psql -Xq -d postgres -c "ALTER SYSTEM RESET fsync" -c "DROP DATABASE IF EXISTS $database"' EXIT
export PGDATABASE=$database
psql -c 'CREATE EXTENSION mhub' -c 'SELECT mhub.install()' >/dev/null
psql -f "$bench/setup.sql"

# Bodies that nobody has used yet: how many, and the arguments of make_bodies() behind the numbers
first=1
bodies() {
	psql -c "SELECT make_bodies($first, $((first + $1 - 1)), $2)" -c "SELECT setval('body_used', $first, false)" -c 'DELETE FROM body WHERE n < '"$first" -c CHECKPOINT >/dev/null
	first=$((first + $1))
}

# What it is, the bodies' arguments, how mhub.ingest() is called
race() {
	bodies $((batches * (runs + 1))) "$2"
	echo "-- $1"
	perl "$bench/../compare.pl" --runs "$runs" --warmup 1 --setup 'SET synchronous_commit = off;' \
		"plain INSERT=sql:CALL insert_batches($batches);" "mhub.ingest=sql:CALL ingest_bodies($batches, $3);"
}

# The baseline's events are of 200,000 persons; here, too.
psql -c 'CALL greet_visitors(200000)' -c 'CALL insert_batches(400)' -c 'VACUUM ANALYZE' >/dev/null
race "batches of 500, 5 pages a visitor" "20000, 5" false
race "the same, cast to jsonb by the caller" "20000, 5" true
race "batches of 500, 500 of 20,000 visitors" "20000, 1" false
race "the same, cast to jsonb by the caller" "20000, 1" true
race "the same as text, events up to ten minutes old and in no order" "20000, 1, false, '10 minutes'" false
race "batches of 500, 500 of 200,000 visitors" "200000, 1" false
race "batches of 500, a third new visitors, the others of 200,000" "200000, 1, true" false
race "the same, cast to jsonb by the caller" "200000, 1, true" true

# Transactions a second, as pgbench sees it: options, script
rate() {
	# shellcheck disable=SC2086
	pgbench -n -T "$seconds" -j 2 $1 -f "$2" 2>/dev/null | sed -n 's/^tps = \([0-9]*\).*/\1/p'
}
median() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }

# As the baseline's own script measures batches: two clients, each commit on disk, which private clusters leave out.
disk() {
	psql -c "ALTER SYSTEM $1" -c 'SELECT pg_reload_conf()' >/dev/null
}
scripts=$(mktemp -d)
chmod 755 "$scripts"
echo 'CALL insert_batches(1);' >"$scripts/insert.sql"
durable() {
	echo "CALL ingest_bodies(1, $3);" >"$scripts/ingest.sql"
	bodies $((seconds * runs * 250)) "$2"
	echo "-- $1, 2 clients, every commit on disk"
	disk 'SET fsync = on'
	inserts='' ingests=''
	for _ in $(seq "$runs"); do
		inserts="$inserts $(rate '-c 2' "$scripts/insert.sql")"
		ingests="$ingests $(rate '-c 2' "$scripts/ingest.sql")"
	done
	disk 'RESET fsync'
	# shellcheck disable=SC2086
	inserts=$(median $inserts) ingests=$(median $ingests)
	echo "plain INSERT $((inserts * 500)) rows a second, mhub.ingest $((ingests * 500)), ratio $(awk "BEGIN { printf \"%.2f\", $ingests / $inserts }")"
}
durable "batches of 500, 5 pages a visitor" "20000, 5" false
durable "batches of 500, 500 of 200,000 visitors" "200000, 1" false
durable "batches of 500, a third new visitors, the others of 200,000" "200000, 1, true" false
durable "batches of 500, 500 of 200,000 visitors, cast to jsonb by the caller" "200000, 1" true
rm -r "$scripts"

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
