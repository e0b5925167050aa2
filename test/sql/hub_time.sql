-- The hub's days do not depend on the session's time zone.
BEGIN;
SELECT mhub.hub_time_zone(), mhub.hub_day('2026-11-21 16:30Z');
SET LOCAL mhub.time_zone = 'Asia/Shanghai';
SET LOCAL TimeZone = 'America/New_York';
SELECT mhub.hub_time_zone(), mhub.hub_day('2026-11-21 15:59:59.999999Z') AS before, mhub.hub_day('2026-11-21 16:00Z') AS after,
       mhub.hub_day('infinity') AS infinite, mhub.hub_day(NULL) AS nothing;

-- Against PostgreSQL's own arithmetic, over both changes of a zone with summer time and a day before 1970.
SET LOCAL mhub.time_zone = 'Europe/Berlin';
SELECT count(*) AS compared, count(*) FILTER (WHERE mhub.hub_day(at) <> (at AT TIME ZONE 'Europe/Berlin')::date) AS different
FROM generate_series('2026-01-01Z'::timestamptz, '2027-01-01Z', '37 minutes') AS at;
SELECT mhub.hub_day('1901-12-13 20:45:52Z') = ('1901-12-13 20:45:52Z'::timestamptz AT TIME ZONE 'Europe/Berlin')::date AS old_day;
SET LOCAL mhub.time_zone = 'Asia/Beijing';
ROLLBACK;
