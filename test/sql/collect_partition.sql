-- Partitions: ahead from the start, on demand, out of the default partition, and away at the end of their time.
BEGIN;
SELECT mhub.install() > 0 AS applied;

SELECT count(*) AS ahead, bool_and(partition_name ~ '^event_\d{4}_\d\d$') AS named,
       min(from_time) <= now() AND max(to_time) > now() + interval '3 months' AS covers
FROM mhub.time_partition('event') WHERE from_time IS NOT NULL;
SELECT count(*) AS still_wanted FROM mhub.wanted_partition();

UPDATE mhub.partition_policy SET min_rows = 2 WHERE parent = 'event';
-- A time without partition is no reason to refuse an event; later it gets one.
INSERT INTO mhub.event (occurred_at, identifier_id, name)
SELECT day, 1, '课程浏览' FROM generate_series('2019-01-20 00:00Z'::timestamptz, '2019-03-02 00:00Z', '1 day') AS day;
SELECT tableoid::regclass AS partition, count(*) FROM mhub.event GROUP BY 1;
SELECT parent, at AT TIME ZONE 'UTC' AS at FROM mhub.wanted_partition();
SELECT mhub.create_partition('event', at) FROM mhub.wanted_partition();
SELECT mhub.create_partition('event', '2019-02-28 23:59:59.999999Z') AS already_there;
SELECT tableoid::regclass AS partition, count(*), min(occurred_at AT TIME ZONE 'UTC'), max(occurred_at AT TIME ZONE 'UTC')
FROM mhub.event GROUP BY 1 ORDER BY 1;
SELECT count(*) = count(DISTINCT event_id) AS ids_kept FROM mhub.event;

-- Bounds are read and written as the same times whatever a session's settings; CST is America's to PostgreSQL.
SAVEPOINT settings;
SET LOCAL TimeZone = 'Asia/Shanghai';
SET LOCAL DateStyle = 'SQL, DMY';
SELECT partition_name, from_time = '2019-02-01 00:00Z' AND to_time = '2019-03-01 00:00Z' AS right_bounds FROM mhub.time_partition('event') WHERE partition_name = 'event_2019_02';
SELECT mhub.retention_leaves('mhub.event', 'occurred_at', '2019-02-28 20:00Z', '2019-02-28 22:00Z');
SELECT mhub.create_partition('event', '2018-06-15 00:00Z');
SELECT count(*) AS still_wanted FROM mhub.wanted_partition();
SET LOCAL DateStyle = 'ISO';
SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = 'event_2018_06';
ROLLBACK TO settings;

-- A shorter period fills the gaps and never overlaps what is there.
UPDATE mhub.partition_policy SET period = 'week' WHERE parent = 'event';
SELECT mhub.create_partition('event', '2019-03-31 12:00Z') AS covered;
SELECT mhub.create_partition('event', '2019-04-03 12:00Z') AS week;
SELECT mhub.create_partition('event', '2018-12-31 12:00Z') AS clipped_week;
UPDATE mhub.partition_policy SET period = 'day' WHERE parent = 'event';
SELECT mhub.create_partition('event', '2020-02-29 12:00Z') AS leap_day;
SELECT partition_name, from_time AT TIME ZONE 'UTC' AS from_time, to_time AT TIME ZONE 'UTC' AS to_time
FROM mhub.time_partition('event') WHERE to_time < '2021-01-01' OR from_time IS NULL;

-- Past their time they leave; detached they stay readable, dropped they are gone.
SELECT mhub.retire_partition('event') AS kept_for_ever;
UPDATE mhub.partition_policy SET keep = '2 years' WHERE parent = 'event';
SELECT mhub.retire_partition('event') AS first_out;
SELECT mhub.retire_partition('event') AS second_out;
SELECT count(*) AS in_event FROM mhub.event;
SELECT count(*) AS in_detached FROM mhub.event_2019_01;
UPDATE mhub.partition_policy SET at_end = 'drop' WHERE parent = 'event';
SELECT mhub.retire_partition('event'), to_regclass('mhub.event_2019_02') IS NULL AS dropped;
-- Stragglers leave with their period, into one table however odd their times; dropped where the policy says so.
INSERT INTO mhub.event (occurred_at, identifier_id, name) SELECT '2019-01-05 00:00Z'::timestamptz - n * interval '1 year', n, '迟到' FROM generate_series(0, 2000, 50) AS n;
SELECT count(*) AS wanted FROM mhub.wanted_partition();
SAVEPOINT kept;
UPDATE mhub.partition_policy SET at_end = 'detach';
SELECT mhub.retire_rows('event'), mhub.retire_rows('event') AS again;
INSERT INTO mhub.event (occurred_at, identifier_id, name) VALUES ('1970-01-01 00:00Z', 1, '迟到');
SELECT mhub.retire_rows('event');
SELECT (SELECT count(*) FROM mhub.event_retired) AS archived, (SELECT count(*) FROM mhub.event) AS in_event;
ROLLBACK TO kept;
SELECT mhub.retire_rows('event');
SELECT to_regclass('mhub.event_retired') IS NULL AS gone, (SELECT retired_before > now() - interval '2 years 1 month' FROM mhub.partition_policy WHERE parent = 'event') AS noted;
UPDATE mhub.partition_policy SET min_rows = 1, keep = NULL WHERE parent = 'event';
-- A straggler for a detached period gets a partition of another name.
INSERT INTO mhub.event (occurred_at, identifier_id, name) VALUES ('2019-01-05 00:00Z', 1, '迟到');
UPDATE mhub.partition_policy SET period = 'month' WHERE parent = 'event';
SELECT mhub.create_partition('event', at) ~ '^event_2019_01_\d+$' AS renamed FROM mhub.wanted_partition() WHERE at < '2020-01-01';

SAVEPOINT refused;
SELECT mhub.create_partition('identifier', now());
ROLLBACK TO refused;
SELECT mhub.create_partition('event', 'infinity');
ROLLBACK TO refused;
SELECT mhub.create_partition('event', NULL);
ROLLBACK;
