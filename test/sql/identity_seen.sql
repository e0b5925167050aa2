-- First and last times are written without a statement, unless somebody's trigger, constraint or column wants to see it.
BEGIN;
SELECT mhub.install() > 0 AS applied;
CREATE FUNCTION pg_temp.seen_at(hours integer) RETURNS boolean LANGUAGE sql AS
$$ SELECT mhub.identify('{"cookie": "访客"}', occurred_at => timestamptz '2026-04-01 12:00+00' + hours * interval '1 hour') IS NOT NULL $$;
CREATE VIEW pg_temp.times AS
    SELECT extract(hour FROM i.first_seen_at AT TIME ZONE 'UTC') AS first, extract(hour FROM i.last_seen_at AT TIME ZONE 'UTC') AS last,
           extract(hour FROM p.created_at AT TIME ZONE 'UTC') AS created
    FROM mhub.identifier AS i JOIN mhub.person AS p ON p.person_id = i.person_id;

SELECT pg_temp.seen_at(n) FROM unnest(ARRAY[0, -2, 3]) AS n;
SELECT * FROM pg_temp.times;
-- both ends at once, and several identifiers of one person in a batch
SELECT status FROM mhub.ingest('[{"event": "A", "userId": "王芳", "anonymousId": "a", "timestamp": "2026-04-01T12:00:00Z"},
    {"event": "A", "userId": "王芳", "anonymousId": "b", "timestamp": "2026-04-01T13:00:00Z"}]'::jsonb);
SELECT status FROM mhub.ingest('[{"event": "B", "anonymousId": "b", "timestamp": "2026-04-01T09:00:00Z"},
    {"event": "B", "anonymousId": "a", "timestamp": "2026-04-01T10:00:00Z"}, {"event": "B", "userId": "王芳", "timestamp": "2026-04-01T18:00:00Z"},
    {"event": "B", "userId": "王芳", "timestamp": "2026-04-01T08:00:00Z"}]'::jsonb);
SELECT i.value, extract(hour FROM i.first_seen_at AT TIME ZONE 'UTC') AS first, extract(hour FROM i.last_seen_at AT TIME ZONE 'UTC') AS last,
       extract(hour FROM p.created_at AT TIME ZONE 'UTC') AS created
FROM mhub.identifier AS i JOIN mhub.person AS p ON p.person_id = i.person_id WHERE i.value <> '访客' ORDER BY i.value;
DELETE FROM mhub.identifier WHERE value <> '访客';

-- a trigger
CREATE FUNCTION pg_temp.tell() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE NOTICE 'the trigger saw % hours', extract(epoch FROM NEW.last_seen_at - NEW.first_seen_at)::integer / 3600; RETURN NEW; END $$;
CREATE TRIGGER tell BEFORE UPDATE ON mhub.identifier FOR EACH ROW EXECUTE FUNCTION pg_temp.tell();
SELECT pg_temp.seen_at(n) FROM unnest(ARRAY[-3, 4]) AS n;
DROP TRIGGER tell ON mhub.identifier;
SELECT * FROM pg_temp.times;

-- a constraint
ALTER TABLE mhub.identifier ADD CONSTRAINT spring CHECK (first_seen_at > '2026-04-01 06:30+00');
\set VERBOSITY terse
SAVEPOINT refused;
SELECT pg_temp.seen_at(-6);
ROLLBACK TO refused;
SELECT pg_temp.seen_at(-5);
SELECT * FROM pg_temp.times;

-- a generated column, and a column dropped
ALTER TABLE mhub.identifier ADD COLUMN gone integer DEFAULT 7,
    ADD COLUMN span interval GENERATED ALWAYS AS (last_seen_at - first_seen_at) STORED;
ALTER TABLE mhub.identifier DROP COLUMN gone;
SELECT pg_temp.seen_at(5);
SELECT span FROM mhub.identifier;
ALTER TABLE mhub.identifier DROP COLUMN span;
SELECT pg_temp.seen_at(6);
SELECT * FROM pg_temp.times;

-- an index on what changes
CREATE INDEX ON mhub.identifier (last_seen_at);
SELECT pg_temp.seen_at(7);
SET LOCAL enable_seqscan = off;
SELECT value FROM mhub.identifier WHERE last_seen_at = '2026-04-01 19:00+00';

-- many changes of one row: pages are tidied, nothing is lost
SELECT count(*) AS sent FROM generate_series(1, 600) AS n,
    mhub.ingest(jsonb_build_object('event', 'C', 'anonymousId', 'many', 'timestamp', '2026-04-01 12:00Z'::timestamptz - n * interval '1 second'));
SELECT c.count, c.first_at = '2026-04-01 11:50+00' AS first, i.first_seen_at = c.first_at AS same
FROM mhub.event_counter AS c JOIN mhub.identifier AS i USING (identifier_id) WHERE i.value = 'many';

-- When a person's first time moves back, the triggers of mhub.person see the UPDATE that it is: those of statements with
-- their tables, and those of rows and columns where there are any.
DELETE FROM mhub.identifier;
SELECT status FROM mhub.ingest('[{"event": "A", "userId": "李雷", "timestamp": "2026-04-01T21:00:00Z"},
    {"event": "A", "userId": "韩梅梅", "timestamp": "2026-04-01T21:00:00Z"}]'::jsonb);
CREATE FUNCTION pg_temp.both_at(hour integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mhub.ingest(format('[{"event": "B", "userId": "李雷", "timestamp": "2026-04-01T%1$s:00:00Z"},
        {"event": "B", "userId": "韩梅梅", "timestamp": "2026-04-01T%1$s:00:00Z"}]', to_char(hour, 'FM00'))::jsonb);
    RAISE NOTICE 'created at %', (SELECT array_agg(extract(hour FROM p.created_at AT TIME ZONE 'UTC'))
        FROM mhub.identifier AS i JOIN mhub.person AS p ON p.person_id = i.person_id);
END $$;
CREATE FUNCTION pg_temp.tell_statement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_WHEN = 'BEFORE' THEN
        RAISE NOTICE 'before the statement';
    ELSE
        RAISE NOTICE 'the statement changed %', (SELECT array_agg(extract(hour FROM b.created_at AT TIME ZONE 'UTC') || ' to ' || extract(hour FROM a.created_at AT TIME ZONE 'UTC'))
            FROM before AS b JOIN after AS a USING (person_id));
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION pg_temp.tell_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '%', TG_NAME; RETURN NEW; END $$;
CREATE TRIGGER tell_before BEFORE UPDATE ON mhub.person FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.tell_statement();
CREATE TRIGGER tell_after AFTER UPDATE ON mhub.person
    REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.tell_statement();
CREATE TRIGGER tell_traits BEFORE UPDATE OF traits ON mhub.person FOR EACH ROW EXECUTE FUNCTION pg_temp.tell_row();
SELECT pg_temp.both_at(20);
-- nothing moves back: there is no statement
SELECT pg_temp.both_at(22);
-- segments hear of it, too
INSERT INTO mhub.segment (key, condition) VALUES ('any', 'did(''B'')');
DELETE FROM mhub.segment_touched;
SELECT pg_temp.both_at(19);
SELECT count(DISTINCT t.person_id) AS touched FROM mhub.segment_touched AS t JOIN mhub.identifier AS i USING (person_id);
CREATE TRIGGER tell_created AFTER UPDATE OF created_at ON mhub.person FOR EACH ROW EXECUTE FUNCTION pg_temp.tell_row();
SELECT pg_temp.both_at(18);
DROP TRIGGER tell_created ON mhub.person;
CREATE TRIGGER tell_created AFTER UPDATE OF created_at ON mhub.person FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.tell_row();
SELECT pg_temp.both_at(17);
DROP TRIGGER tell_created ON mhub.person;
-- one that has the last word
CREATE FUNCTION pg_temp.keep_created() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.created_at := OLD.created_at; RETURN NEW; END $$;
CREATE TRIGGER keep_created BEFORE UPDATE ON mhub.person FOR EACH ROW EXECUTE FUNCTION pg_temp.keep_created();
SELECT pg_temp.both_at(16);
DROP TRIGGER keep_created ON mhub.person;
SELECT pg_temp.both_at(15);
-- a trigger that fails undoes all of it
CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE SQLSTATE '0A000' USING MESSAGE = 'refused'; END $$;
CREATE TRIGGER refuse AFTER UPDATE ON mhub.person FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.refuse();
SAVEPOINT refused;
SELECT pg_temp.both_at(14);
ROLLBACK TO refused;
DROP TRIGGER refuse ON mhub.person;
SELECT pg_temp.both_at(14);
ROLLBACK;
