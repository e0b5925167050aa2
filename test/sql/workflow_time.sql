-- Delays and windows on a wall clock: calendar ends, both changes of the clock, and a naive reference.
BEGIN;
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO';

-- the clock
SELECT mhub.now() = pg_catalog.now() AS real_time;
SET LOCAL mhub.simulated_time = '2028-02-29 09:30:00';
SELECT mhub.now();
SAVEPOINT s;
SET LOCAL mhub.simulated_time = '2027-02-29 09:30:00';
ROLLBACK TO s;
SET LOCAL mhub.simulated_time = 'tomorrow';
ROLLBACK TO s;
SET LOCAL mhub.simulated_time = '';
SELECT mhub.now() = pg_catalog.now() AS real_time;

-- zones
SELECT name, mhub.is_time_zone(name)
FROM unnest(ARRAY['Asia/Shanghai', 'asia/shanghai', 'America/Argentina/Buenos_Aires', 'UTC', 'Etc/GMT+8', 'EST5EDT', 'UTC2', 'Foo-8', 'Asia/Shanghai+8', 'Asia/Atlantis', '北京', '', '<+08>-8', NULL]) AS name;

-- calendar delays: month ends, leap days, both clock changes (hours elapse, days keep the clock)
SELECT at, delay, zone, mhub.add_local(at, delay, zone) AT TIME ZONE zone AS local
FROM (VALUES
    ('2027-01-31 10:00+08'::timestamptz, '1 month'::interval, 'Asia/Shanghai'),
    ('2028-01-31 10:00+08', '1 month', 'Asia/Shanghai'),
    ('2028-02-29 10:00+08', '1 year', 'Asia/Shanghai'),
    ('2027-03-31 10:00+08', '-1 month', 'Asia/Shanghai'),
    ('2027-12-31 23:59:59.5+08', '2 months', 'Asia/Shanghai'),
    ('2026-03-28 02:30+01', '1 day', 'Europe/Berlin'),
    ('2026-03-28 02:30+01', '24 hours', 'Europe/Berlin'),
    ('2026-10-24 02:30+02', '1 day', 'Europe/Berlin'),
    ('2026-10-24 02:30+02', '24 hours', 'Europe/Berlin'),
    ('2026-03-07 09:00-05', '1 day', 'America/New_York'),
    ('2026-10-31 09:00-04', '1 day 2 hours', 'America/New_York')) AS v (at, delay, zone);
SELECT mhub.add_local('infinity', '1 day', 'UTC'), mhub.add_local(NULL, '1 day', 'UTC');
SAVEPOINT s;
SELECT mhub.add_local('2026-01-01', '1 day', 'UTC2');
ROLLBACK TO s;
SELECT mhub.add_local('294000-01-01', '400000 years', 'UTC');
ROLLBACK TO s;

-- a time of day: today or tomorrow; on the day it does not exist, on the day it exists twice
SELECT at, wanted, mhub.next_local_time(at, 'Europe/Berlin', wanted)
FROM (VALUES
    ('2026-11-22 08:59+01'::timestamptz, '09:00'::time), ('2026-11-22 09:00+01', '09:00'), ('2026-11-22 09:00:00.000001+01', '09:00'),
    ('2026-03-28 12:00+01', '02:30'), ('2026-03-29 03:45+02', '02:30'),
    ('2026-10-24 12:00+02', '02:30'), ('2026-10-25 02:30+02', '02:30'), ('2026-10-25 02:31+01', '02:30')) AS v (at, wanted);

-- windows: the end is outside; one over midnight belongs to the day it starts on (Friday night 22-02, not Saturday night)
SELECT at, mhub.next_local_time(at, 'Asia/Shanghai', NULL, '09:00', '18:00', '{1,2,3,4,5}') AT TIME ZONE 'Asia/Shanghai' AS office,
       mhub.next_local_time(at, 'Asia/Shanghai', NULL, '22:00', '02:00', '{5}') AT TIME ZONE 'Asia/Shanghai' AS friday_night
FROM unnest(ARRAY['2026-11-20 08:00+08', '2026-11-20 17:59+08', '2026-11-20 18:00+08', '2026-11-20 23:00+08', '2026-11-21 01:59+08', '2026-11-21 02:00+08', '2026-11-22 01:00+08']::timestamptz[]) AS at;
-- weekdays alone keep the time of day
SELECT mhub.next_local_time('2026-11-21 15:20+08', 'Asia/Shanghai', weekdays => '{1,3}') AT TIME ZONE 'Asia/Shanghai' AS monday;

SELECT mhub.next_local_time('2026-11-21', 'UTC', '09:00', '09:00', '10:00');
ROLLBACK TO s;
SELECT mhub.next_local_time('2026-11-21', 'UTC', NULL, '09:00');
ROLLBACK TO s;
SELECT mhub.next_local_time('2026-11-21', 'UTC', weekdays => '{0}');
ROLLBACK TO s;

-- Property: the first quarter of an hour that AT TIME ZONE says is welcome. Zones with every kind of change.
SELECT setseed(0.42);
CREATE TEMPORARY TABLE sample AS
SELECT at, zone, f, CASE WHEN f = u THEN u + interval '1 hour' ELSE u END AS u, days
FROM (SELECT '2026-01-01 00:00+00'::timestamptz + (random() * 365 * 96)::integer * interval '15 minutes' AS at,
             (ARRAY['Europe/Berlin', 'America/New_York', 'Asia/Shanghai', 'Australia/Lord_Howe', 'America/Santiago', 'Asia/Kathmandu'])[1 + n % 6] AS zone,
             '00:00'::time + (random() * 95)::integer * interval '15 minutes' AS f,
             '00:00'::time + (random() * 95)::integer * interval '15 minutes' AS u,
             CASE WHEN random() < 0.5 THEN NULL ELSE ARRAY[1 + (random() * 6)::integer, 1 + (random() * 6)::integer] END AS days
      FROM generate_series(1, 400) AS n) AS drawn;
SELECT count(*) AS samples, count(*) FILTER (WHERE mhub.next_local_time(at, zone, NULL, f, u, days) IS DISTINCT FROM naive) AS different
FROM sample, LATERAL (
    SELECT min(t) AS naive
    FROM generate_series(at, at + interval '9 days', '15 minutes') AS t, LATERAL (SELECT t AT TIME ZONE zone AS local) AS l
    WHERE CASE WHEN f < u THEN local::time >= f AND local::time < u AND (days IS NULL OR extract(isodow FROM local) = ANY (days))
               WHEN local::time >= f THEN days IS NULL OR extract(isodow FROM local) = ANY (days)
               ELSE local::time < u AND (days IS NULL OR extract(isodow FROM local - interval '1 day') = ANY (days)) END) AS reference
-- a window that starts in a skipped hour starts when the clock has jumped, which the quarter-hour search cannot know
WHERE NOT EXISTS (SELECT FROM generate_series(0, 9) AS d, LATERAL (SELECT (at AT TIME ZONE zone)::date + d + f AS start) AS s
                  WHERE start AT TIME ZONE zone AT TIME ZONE zone <> start);
SELECT count(*) FILTER (WHERE mhub.add_local(at, make_interval(months => m, days => d), zone) <> ((at AT TIME ZONE zone) + make_interval(months => m, days => d)) AT TIME ZONE zone) AS different
FROM sample, generate_series(-13, 13, 2) AS m, generate_series(-40, 40, 7) AS d;
ROLLBACK;
