-- CALL mhub.link_identifiers(): the same persons as one mhub.identify() a row.
BEGIN;
SELECT mhub.install() > 0 AS applied;
SET LOCAL client_min_messages = warning;
INSERT INTO mhub.identifier_kind (kind, priority, max_per_person, period, unique_per_person) VALUES
    ('p', 3, NULL, NULL, false), ('q', 2, 3, NULL, false), ('w', 4, 2, '10 days', false), ('account', 1, NULL, NULL, true);

-- Random pairs of few identifiers, so that limits bite, with times in any order
SELECT setseed(0.7) IS NOT NULL AS seeded;
CREATE TEMP TABLE pair AS
SELECT n, (ARRAY['p', 'q', 'w', 'account'])[1 + floor(random() * 4)] AS kind_a, 'v' || floor(random() * 150) AS value_a,
       (ARRAY['p', 'q', 'w', 'account'])[1 + floor(random() * 4)] AS kind_b, 'v' || floor(random() * 150) AS value_b,
       timestamptz '2026-01-01 00:00+00' + random() * interval '60 days' AS seen_at
FROM generate_series(1, 1000) AS n;
-- some are observed once more, of an hour before
INSERT INTO pair SELECT n + 1000, kind_a, value_a, kind_b, value_b, seen_at - interval '1 hour' FROM pair WHERE n % 4 = 0;
UPDATE pair SET value_b = 'null' WHERE n % 50 = 0;
UPDATE pair SET value_b = NULL WHERE n % 60 = 0;

CREATE FUNCTION pg_temp.outcome() RETURNS TABLE (what text, detail text) LANGUAGE sql AS $$
    SELECT 'person', string_agg(kind || ':' || value, ' ' ORDER BY kind, value) FROM mhub.identifier GROUP BY person_id
    UNION ALL SELECT 'seen', concat_ws(' ', kind, value, extract(epoch FROM first_seen_at)) FROM mhub.identifier
    UNION ALL SELECT 'link', concat_ws(' ', a.kind, a.value, b.kind, b.value, extract(epoch FROM l.first_seen_at), l.joins)
        FROM mhub.link AS l CROSS JOIN LATERAL (SELECT kind, value FROM mhub.identifier WHERE identifier_id IN (l.identifier_a, l.identifier_b) ORDER BY kind, value LIMIT 1) AS a
        CROSS JOIN LATERAL (SELECT kind, value FROM mhub.identifier WHERE identifier_id IN (l.identifier_a, l.identifier_b) ORDER BY kind DESC, value DESC LIMIT 1) AS b
    UNION ALL SELECT 'conflict', concat_ws(' ', c.reason, c.kind, a.kind, a.value, b.kind, b.value, extract(epoch FROM c.occurred_at)) FROM mhub.identity_conflict AS c
        JOIN mhub.identifier AS a USING (identifier_id) JOIN mhub.identifier AS b ON b.identifier_id = c.left_out_identifier_id
$$;

SAVEPOINT empty;
CREATE TEMP TABLE one_by_one AS
WITH done AS MATERIALIZED (
    SELECT mhub.identify(CASE WHEN kind_a = kind_b THEN jsonb_build_object(kind_a, jsonb_build_array(value_a, value_b))
                              ELSE jsonb_build_object(kind_a, value_a, kind_b, value_b) END, occurred_at => seen_at, source => 'test') AS person
    FROM (SELECT * FROM pair ORDER BY n) AS p)
SELECT count(person) AS persons FROM done;
CREATE TEMP TABLE expected AS SELECT * FROM pg_temp.outcome();
SELECT what, count(*) > 20 AS enough FROM expected GROUP BY what ORDER BY what;
SELECT string_agg(md5(what || detail), '' ORDER BY what, detail COLLATE "C") AS expected_hash FROM expected \gset
ROLLBACK TO empty;

CREATE FUNCTION pg_temp.hash() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(md5(what || detail), '' ORDER BY what, detail COLLATE "C") FROM pg_temp.outcome()
$$;
-- whatever the size of the batches
SAVEPOINT empty;
CALL mhub.link_identifiers('SELECT kind_a, value_a, kind_b, value_b, seen_at FROM pair ORDER BY n', 'test', 1);
SELECT pg_temp.hash() = :'expected_hash' AS batches_of_1;
ROLLBACK TO empty;
CALL mhub.link_identifiers('SELECT kind_a, value_a, kind_b, value_b, seen_at FROM pair ORDER BY n;', 'test', 7);
SELECT pg_temp.hash() = :'expected_hash' AS batches_of_7;
ROLLBACK TO empty;
CALL mhub.link_identifiers('SELECT kind_a, value_a, kind_b, value_b, seen_at FROM pair ORDER BY n ', 'test', 10000);
SELECT pg_temp.hash() = :'expected_hash' AS one_batch;
ROLLBACK TO empty;
-- once more changes no person (limits with a period aside: what is seen earlier later on may leave a window), and the job is told as done
UPDATE mhub.identifier_kind SET period = NULL WHERE kind = 'w';
CALL mhub.link_identifiers('SELECT kind_a, value_a, kind_b, value_b, seen_at FROM pair ORDER BY n ', 'test');
SELECT md5(string_agg(concat_ws(',', identifier_id, person_id), ' ' ORDER BY identifier_id)) AS persons FROM mhub.identifier \gset
CALL mhub.link_identifiers('SELECT kind_a, value_a, kind_b, value_b, seen_at FROM pair ORDER BY n ', 'test');
SELECT md5(string_agg(concat_ws(',', identifier_id, person_id), ' ' ORDER BY identifier_id)) = :'persons' AS nothing_changed FROM mhub.identifier;
SELECT source, rows_done, finished_at IS NOT NULL AS finished, rows_per_second > 0 AS rate FROM mhub.link_progress;
ROLLBACK TO empty;

-- four columns are seen now; an interrupted ordered run goes on behind its last row
CALL mhub.link_identifiers('SELECT ''p'', a, ''q'', b FROM (VALUES (''1'', ''2''), (''3'', NULL), (NULL, NULL)) AS v(a, b) ORDER BY 1, 2');
SELECT kind, value, first_seen_at >= transaction_timestamp() AS now FROM mhub.identifier ORDER BY kind, value;
UPDATE mhub.link_job SET finished_at = NULL, rows_done = 1 WHERE query LIKE '%ORDER BY 1, 2' RETURNING query;
DELETE FROM mhub.link; DELETE FROM mhub.identifier;
CALL mhub.link_identifiers('SELECT ''p'', a, ''q'', b FROM (VALUES (''1'', ''2''), (''3'', NULL), (NULL, NULL)) AS v(a, b) ORDER BY 1, 2');
SELECT kind, value FROM mhub.identifier ORDER BY kind, value;

SAVEPOINT error;
CALL mhub.link_identifiers('SELECT 1');
ROLLBACK TO error;
CALL mhub.link_identifiers('DELETE FROM mhub.person');
ROLLBACK TO error;
CALL mhub.link_identifiers('SELECT 1; SELECT 2');
ROLLBACK TO error;
CALL mhub.link_identifiers('SELECT ''no_kind'', ''1'', ''p'', ''2''');
ROLLBACK TO error;
CALL mhub.link_identifiers('SELECT ''p'', ''1'', ''p'', ''2''', batch_size => 0);
ROLLBACK TO error;
CALL mhub.link_identifiers(NULL);
ROLLBACK;
