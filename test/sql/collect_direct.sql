-- Events are written straight into their tables, but whatever the owner of a table adds to it is honoured.
BEGIN;
SELECT mhub.install() > 0 AS applied;
CREATE FUNCTION ingest_one(id text, name text) RETURNS text LANGUAGE sql AS $$
    SELECT i.status || coalesce(' ' || i.reason, '') FROM mhub.ingest(jsonb_build_object('type', 'track', 'event', name, 'anonymousId', '访客1',
        'messageId', id, 'timestamp', '2026-03-01T08:00:00Z', 'properties', '{"revenue": 2.5}'::jsonb)) AS i $$;
CREATE VIEW counted AS SELECT c.name, c.count, c.value_sum FROM mhub.event_counter AS c;
CREATE TABLE note (n integer GENERATED ALWAYS AS IDENTITY, what text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO note (what) VALUES (concat_ws(' ', TG_TABLE_NAME, TG_WHEN, TG_OP, TG_LEVEL));
    RETURN NEW;
END $$;

-- A new counter, and one that is there already
SELECT ingest_one('m-1', '看课');
SELECT ingest_one('m-2', '看课');
SELECT * FROM counted;

-- Triggers: of the table, of one partition, of the counters
SAVEPOINT plain;
CREATE TRIGGER note AFTER INSERT ON mhub.event FOR EACH STATEMENT EXECUTE FUNCTION note();
SELECT ingest_one('m-3', '看课');
CREATE TRIGGER note_row BEFORE INSERT ON mhub.event_default FOR EACH ROW EXECUTE FUNCTION note();
SELECT ingest_one('m-4', '看课');
CREATE TRIGGER note AFTER INSERT OR UPDATE ON mhub.event_counter FOR EACH ROW EXECUTE FUNCTION note();
SELECT ingest_one('m-5', '看课');
CREATE TRIGGER note BEFORE INSERT ON mhub.event_message FOR EACH ROW EXECUTE FUNCTION note();
SELECT ingest_one('m-6', '报名');
SELECT what FROM note ORDER BY n;
SELECT * FROM counted ORDER BY name;
ROLLBACK TO plain;

-- Many new visitors go in together, unless a trigger wants to see each.
CREATE FUNCTION ingest_many(first integer, last integer) RETURNS TABLE (status text, events bigint, originals bigint) LANGUAGE sql AS $$
    SELECT i.status, count(*), count(DISTINCT e.event_id) FROM mhub.ingest((
        SELECT jsonb_agg(jsonb_build_object('type', 'track', 'event', '看课', 'anonymousId', '新访客' || n, 'messageId', 'many-' || n,
            'timestamp', '2026-03-01T08:00:00Z', 'properties', '{"revenue": 2}'::jsonb) ORDER BY n)
        FROM generate_series(first, last) AS n)) AS i
    LEFT JOIN mhub.event AS e ON e.event_id = i.event_id AND e.message_id = i.message_id
    GROUP BY i.status $$;
CREATE VIEW sums AS SELECT count(*) AS counters, sum(c.count) AS events, sum(c.value_sum) AS value FROM mhub.event_counter AS c;
SELECT * FROM ingest_many(1, 150);
SELECT * FROM sums;
SELECT * FROM ingest_many(101, 300) ORDER BY status;
SELECT * FROM ingest_many(1, 300);
SELECT * FROM sums;
SELECT count(*) AS persons, count(DISTINCT p.person_id) AS theirs FROM mhub.person AS p
JOIN mhub.identifier AS i ON i.person_id = p.person_id AND i.first_person_id = p.person_id WHERE p.traits = '{}' AND p.merged_into IS NULL;
CREATE TRIGGER note BEFORE INSERT ON mhub.event_message FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER note AFTER INSERT ON mhub.person FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER note AFTER INSERT ON mhub.event_counter FOR EACH ROW EXECUTE FUNCTION note();
SELECT * FROM ingest_many(251, 400) ORDER BY status;
SELECT what, count(*) FROM note GROUP BY what ORDER BY what;
SELECT * FROM sums;
ROLLBACK TO plain;
ALTER TABLE mhub.person ADD COLUMN campus text DEFAULT '上海', ADD COLUMN twice bigint GENERATED ALWAYS AS (person_id * 2) STORED, ADD CHECK (created_at < '2026-04-01');
CREATE FUNCTION ingest_some() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT i.status || coalesce(' ' || i.reason, '') FROM mhub.ingest((
        SELECT jsonb_agg(jsonb_build_object('type', 'track', 'event', '看课', 'anonymousId', '学员' || n, 'messageId', 'some-' || n,
            'timestamp', CASE n WHEN 2 THEN '2026-05-01T08:00:00Z' ELSE '2026-03-01T08:00:00Z' END) ORDER BY n)
        FROM generate_series(1, 3) AS n)) AS i $$;
SELECT * FROM ingest_some();
SELECT campus, count(*), bool_and(twice = person_id * 2) AS twice FROM mhub.person GROUP BY campus;
ROLLBACK TO plain;

-- A column of the owner's own gets its default, generated ones their value.
ALTER TABLE mhub.event ADD COLUMN campus text DEFAULT '上海';
ALTER TABLE mhub.event ADD COLUMN cents numeric GENERATED ALWAYS AS (value * 100) STORED;
SELECT ingest_one('m-3', '看课');
SELECT campus, cents FROM mhub.event WHERE message_id = 'm-3';
ROLLBACK TO plain;

-- Constraints
ALTER TABLE mhub.event ADD CHECK (name <> '退课');
SELECT ingest_one('m-3', '退课');
SELECT ingest_one('m-3', '看课');
ROLLBACK TO plain;

-- Row security binds whoever it is for.
CREATE ROLE mhub_test_collector;
SELECT mhub.grant_access('mhub_test_collector', 'app') > 0 AS granted;
GRANT EXECUTE ON FUNCTION ingest_one TO mhub_test_collector;
ALTER TABLE mhub.event ENABLE ROW LEVEL SECURITY;
CREATE POLICY only_tests ON mhub.event FOR INSERT TO mhub_test_collector WITH CHECK (name LIKE '测试%');
CREATE POLICY reads ON mhub.event FOR SELECT TO mhub_test_collector USING (true);
SET ROLE mhub_test_collector;
SELECT ingest_one('m-3', '测试一');
SAVEPOINT refused;
SELECT ingest_one('m-4', '看课');
ROLLBACK TO refused;
RESET ROLE;
SELECT name, count(*) FROM mhub.event GROUP BY name ORDER BY name;
ROLLBACK TO plain;

-- An index of the owner's own holds what is written.
CREATE UNIQUE INDEX ON mhub.event_counter (count) WHERE count > 2;
SELECT ingest_one('m-3', '看课');
SELECT ingest_one('m-4', '报名'), ingest_one('m-5', '报名'), ingest_one('m-6', '报名');
SELECT * FROM counted ORDER BY name;
ROLLBACK TO plain;

-- Attached partitions may have their columns in another order.
CREATE TABLE mhub.event_other (LIKE mhub.event INCLUDING DEFAULTS);
ALTER TABLE mhub.event_other DROP COLUMN type, ADD COLUMN type text NOT NULL DEFAULT 'track';
ALTER TABLE mhub.event ATTACH PARTITION mhub.event_other FOR VALUES FROM ('2020-01-01') TO ('2020-02-01');
SELECT i."position", i.status
FROM mhub.ingest((SELECT jsonb_agg(jsonb_build_object('type', 'track', 'event', '看课' || n, 'anonymousId', 'a', 'messageId', 'o' || n,
    'timestamp', timestamptz '2020-01-30' + n * interval '1 day')) FROM generate_series(0, 3) AS n)) AS i;
SELECT tableoid::regclass, type, name FROM mhub.event WHERE message_id LIKE 'o%' ORDER BY event_id;
ROLLBACK;
