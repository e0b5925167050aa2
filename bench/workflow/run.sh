#!/bin/sh
# 1M due enrollments through a condition, a split, an update and a delay, with history and counters, against what one
# would write by hand: the best single set-based UPDATE with an INSERT of history (fillfactor 50, no index on the wake
# time). Both sides in one run, alternating; CPU seconds of the backend count, wall time is for information.
set -eu
rows=${ROWS:-1000000}
runs=${RUNS:-3}
createdb mhub_bench_workflow 2>/dev/null || { dropdb mhub_bench_workflow; createdb mhub_bench_workflow; }
export PGDATABASE=mhub_bench_workflow
sql() { psql -qAtX -v ON_ERROR_STOP=1 "$@"; }
sql -c 'CREATE EXTENSION mhub' -c 'SELECT mhub.install()' >/dev/null

# CPU seconds and wall milliseconds of the statement in $2, after the set-up in $1
measure() {
	sql <<SQL
$1
VACUUM ANALYZE $3;
CHECKPOINT;
SELECT sum(t::bigint) AS before FROM unnest((regexp_split_to_array(pg_read_file('/proc/' || pg_backend_pid() || '/stat'), ' '))[14:15]) AS t \gset
SELECT clock_timestamp() AS began \gset
$2
SELECT (SELECT sum(t::bigint) FROM unnest((regexp_split_to_array(pg_read_file('/proc/' || pg_backend_pid() || '/stat'), ' '))[14:15]) AS t) - :before
       || ' ' || round(1000 * extract(epoch FROM clock_timestamp() - :'began'));
SQL
}

by_hand_setup="DROP TABLE IF EXISTS enr, hist;
CREATE TABLE enr (id bigint PRIMARY KEY, wf int NOT NULL, ver int NOT NULL, person bigint NOT NULL, node int NOT NULL, state smallint NOT NULL, wake_at timestamptz,
  entered_at timestamptz NOT NULL DEFAULT now(), goal_at timestamptz, variant smallint, attempt smallint NOT NULL DEFAULT 0, ctx jsonb) WITH (fillfactor = 50, autovacuum_enabled = off);
CREATE TABLE hist (enr bigint NOT NULL, person bigint NOT NULL, wf int NOT NULL, from_node int, to_node int, at timestamptz NOT NULL, variant smallint) WITH (autovacuum_enabled = off);
INSERT INTO enr SELECT g, g % 20, 1, g * 7 % 5000000, 1, 0, now() - interval '1 min', now(), NULL, NULL, 0, jsonb_build_object('cart', 'A' || g, 'amount', g % 500) FROM generate_series(1, $rows) AS g;"
by_hand="WITH moved AS (UPDATE enr SET node = 2, wake_at = now() + interval '1 day', variant = hashint8(id) & 1 WHERE state = 0 AND wake_at <= now() RETURNING id, person, wf, variant)
INSERT INTO hist SELECT id, person, wf, 1, 2, now(), variant FROM moved;"

sql <<'SQL' >/dev/null
ALTER TABLE mhub.enrollment SET (autovacuum_enabled = off);
SELECT mhub.create_workflow('bench', '{"triggers": [{"type": "api"}], "start": "w", "steps": {
  "w": {"type": "delay", "for": "1 hour", "next": "d"},
  "d": {"type": "decision", "branches": [{"if": "$context.amount > 250", "next": "x"}], "else": "w2"},
  "x": {"type": "experiment", "variants": [{"key": "a", "weight": 50, "next": "u"}, {"key": "b", "weight": 50, "next": "w2"}]},
  "u": {"type": "update", "context": {"vip": 1}, "next": "w2"},
  "w2": {"type": "delay", "for": "24 hours", "next": null}}}'), mhub.publish_workflow('bench');
SQL
engine_setup="TRUNCATE mhub.enrollment_failure, mhub.enrollment, mhub.enrollment_wake, mhub.enrollment_history, mhub.workflow_counter;
INSERT INTO mhub.enrollment (person_id, workflow_id, version_id, step, entered_at, arrived_at, wake_at, hops, context)
SELECT g * 7 % 5000000, w.workflow_id, w.active_version_id, s.step, now(), now() - interval '1 hour', now() - interval '1 minute', 1, jsonb_build_object('cart', 'A' || g, 'amount', g % 500)
FROM generate_series(1, $rows) AS g, mhub.workflow AS w JOIN mhub.workflow_step AS s ON s.version_id = w.active_version_id AND s.key = 'w' WHERE w.key = 'bench' ORDER BY g;
SELECT FROM mhub.rebuild_wakes();"
engine="CALL mhub.advance_workflows('10 minutes');"

median() { sort -n | sed -n "$(( (runs + 1) / 2 ))p"; }
for run in $(seq "$runs"); do
	measure "$by_hand_setup" "$by_hand" enr >>"${TMPDIR:-/tmp}/by_hand.$$"
	measure "$engine_setup" "$engine" mhub.enrollment >>"${TMPDIR:-/tmp}/engine.$$"
done
by_hand_cpu=$(cut -d' ' -f1 "${TMPDIR:-/tmp}/by_hand.$$" | median)
engine_cpu=$(cut -d' ' -f1 "${TMPDIR:-/tmp}/engine.$$" | median)
awk -v rows="$rows" -v a="$by_hand_cpu" -v b="$engine_cpu" 'BEGIN {
	printf "one UPDATE and INSERT by hand: %.2f CPU s, %d rows/s\n", a / 100, rows * 100 / a
	printf "mhub.advance_workflows():      %.2f CPU s, %d rows/s\n", b / 100, rows * 100 / b
	printf "ratio of rows/s: %.2f\n", a / b }'
sed 's/^/by hand (CPU ticks, wall ms): /' "${TMPDIR:-/tmp}/by_hand.$$"
sed 's/^/engine  (CPU ticks, wall ms): /' "${TMPDIR:-/tmp}/engine.$$"
rm -f "${TMPDIR:-/tmp}/by_hand.$$" "${TMPDIR:-/tmp}/engine.$$"

# Memory of one backend that moves everybody twice, without what it shares with others.
echo "memory: one backend, twice $rows people"
sql <<SQL
\set rss 'SELECT ''private memory of the backend, kB: '' || (regexp_match(pg_read_file(''/proc/'' || pg_backend_pid() || ''/status''), ''RssAnon:\\\\s+(\\\\d+)''))[1];'
$engine_setup
SELECT;
CALL mhub.advance_workflows('1 second');
:rss
CALL mhub.advance_workflows('10 minutes');
:rss
UPDATE mhub.enrollment SET wake_at = now() - interval '1 minute', arrived_at = now() - interval '1 day';
SELECT FROM mhub.rebuild_wakes();
CALL mhub.advance_workflows('10 minutes');
:rss
SELECT 'moved: ' || sum(hops - 1) || ', ended: ' || count(*) FILTER (WHERE outcome = 1) FROM mhub.enrollment;
SELECT 'rows of history: ' || count(*) || ', MB: ' || round(sum(pg_column_size(h)) / 1e6, 1) FROM mhub.enrollment_history AS h;
SQL

# What a tick costs when nobody is due: 100 calls, against a scan for due rows.
idle=${IDLE_ROWS:-5000000}
echo "idle: $idle people waiting, nobody due"
sql <<SQL
TRUNCATE mhub.enrollment_failure, mhub.enrollment, mhub.enrollment_wake, mhub.enrollment_history, mhub.workflow_counter;
INSERT INTO mhub.enrollment (person_id, workflow_id, version_id, step, entered_at, arrived_at, wake_at, hops)
SELECT g, w.workflow_id, w.active_version_id, s.step, now(), now(), now() + interval '1 day' + g * interval '1 millisecond', 1
FROM generate_series(1, $idle) AS g, mhub.workflow AS w JOIN mhub.workflow_step AS s ON s.version_id = w.active_version_id AND s.key = 'w' WHERE w.key = 'bench';
SELECT FROM mhub.rebuild_wakes();
VACUUM ANALYZE mhub.enrollment;
VACUUM ANALYZE mhub.enrollment_wake;
CALL mhub.advance_workflows();
SELECT sum(t::bigint) AS before FROM unnest((regexp_split_to_array(pg_read_file('/proc/' || pg_backend_pid() || '/stat'), ' '))[14:15]) AS t \gset
SELECT 'CALL mhub.advance_workflows();' FROM generate_series(1, 100) \gexec
SELECT 'a tick, CPU ms: ' || round((sum(t::bigint) - :before) / 10.0, 2) FROM unnest((regexp_split_to_array(pg_read_file('/proc/' || pg_backend_pid() || '/stat'), ' '))[14:15]) AS t;
SELECT sum(t::bigint) AS before FROM unnest((regexp_split_to_array(pg_read_file('/proc/' || pg_backend_pid() || '/stat'), ' '))[14:15]) AS t \gset
SET max_parallel_workers_per_gather = 0;
SELECT 'due: ' || count(*) FROM mhub.enrollment WHERE wake_at <= now();
SELECT 'one scan for who is due, CPU ms: ' || round((sum(t::bigint) - :before) * 10.0, 0) FROM unnest((regexp_split_to_array(pg_read_file('/proc/' || pg_backend_pid() || '/stat'), ' '))[14:15]) AS t;
SELECT 'slices: ' || count(*) || ', table: ' || pg_size_pretty(pg_table_size('mhub.enrollment')) FROM mhub.enrollment_wake;
SQL
PGDATABASE=postgres dropdb mhub_bench_workflow
