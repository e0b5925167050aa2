-- Times as clients write them, against PostgreSQL's own reading; what is no time is refused.
BEGIN;
SELECT mhub.install() > 0 AS applied;
SET LOCAL TimeZone = 'Asia/Shanghai';
CREATE FUNCTION pg_temp.read(written text) RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE
    id bigint := (SELECT i.event_id FROM mhub.ingest(jsonb_build_object('event', 'T', 'userId', 't', 'timestamp', written)) AS i);
BEGIN
    RETURN (SELECT e.original_timestamp FROM mhub.event AS e WHERE e.event_id = id);
END $$;

SELECT written, pg_temp.read(written) = utc::timestamptz AS right_time FROM (VALUES
    ('2026-11-20T06:00:00.123Z', '2026-11-20 06:00:00.123Z'), ('2026-11-20T06:00:00Z', '2026-11-20 06:00:00Z'),
    ('2026-11-20T14:00:00+08:00', '2026-11-20 06:00:00Z'), ('2026-11-20T14:00:00.5+0800', '2026-11-20 06:00:00.5Z'),
    ('2026-11-19T20:00:00-10', '2026-11-20 06:00:00Z'), ('2026-11-20 06:00:00', '2026-11-20 06:00:00Z'),
    ('2026-11-20T06:00', '2026-11-20 06:00:00Z'), ('2026-11-20', '2026-11-20 00:00:00Z'),
    ('2024-02-29T23:59:60Z', '2024-03-01 00:00:00Z'), ('2026-11-20T06:00:00.123456789Z', '2026-11-20 06:00:00.123456Z'),
    ('1969-07-20T20:17:40Z', '1969-07-20 20:17:40Z'), ('2026-11-20t06:00:00,25z', '2026-11-20 06:00:00.25Z')) AS v (written, utc);

SELECT written, pg_temp.read(written) IS NULL AS refused FROM (VALUES
    (''), ('now'), ('infinity'), ('2026'), ('2026-13-01'), ('2026-02-29'), ('2026-11-20T24:00:00Z'), ('2026-11-20T06:60Z'), ('2026-11-20T06:00:00+8'),
    ('2026-11-20T06:00:00.Z'), ('2026-11-20T06:00:00Z '), ('20/11/2026'), ('２０２６-11-20'), ('0000-01-01'), ('2026-11-20T06:00:00+16:00')) AS v (written);

-- Every 17th hour and some milliseconds over two leap years, as JavaScript writes it.
SELECT count(*) AS compared, count(*) FILTER (WHERE i.original_timestamp <> at) AS different
FROM generate_series('2023-12-30Z'::timestamptz, '2025-01-03Z', '17 hours 1 min 7.009 s') AS at
CROSS JOIN LATERAL pg_temp.read(to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) AS i (original_timestamp);
ROLLBACK;
