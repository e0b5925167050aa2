-- After many new identifiers of a kind the next is inserted without a look; one that was there all the same is noticed.
BEGIN;
SELECT mhub.install() > 0 AS applied;
CREATE FUNCTION pg_temp.looks() RETURNS bigint LANGUAGE sql AS $$ SELECT pg_stat_get_xact_numscans('mhub.identifier_value_kind_key'::regclass) $$;

SELECT count(mhub.identify(jsonb_build_object('cookie', '新' || n))) AS new, pg_temp.looks() FROM generate_series(1, 32) AS n;
SELECT count(mhub.identify(jsonb_build_object('cookie', '新' || n))) AS new FROM generate_series(33, 40) AS n;
SELECT pg_temp.looks() AS the_same;
-- known, though taken for new: nothing is there twice, and the next ones are looked for
SELECT mhub.identify('{"cookie": "新5"}') = mhub.person_id('cookie', '新5') AS known;
SELECT count(*), count(DISTINCT person_id) FROM mhub.identifier;
CREATE TEMP TABLE looked AS SELECT pg_temp.looks() AS n;
SELECT mhub.identify('{"cookie": "新41"}') > 0 AS new, pg_temp.looks() > (SELECT n FROM looked) AS looked;

-- nor is anything taken for new by who may not insert
SELECT count(mhub.identify(jsonb_build_object('cookie', '新' || n))) AS new FROM generate_series(42, 80) AS n;
CREATE ROLE mhub_test_looker;
GRANT USAGE ON SCHEMA mhub TO mhub_test_looker;
GRANT SELECT ON ALL TABLES IN SCHEMA mhub TO mhub_test_looker;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA mhub TO mhub_test_looker;
SET LOCAL ROLE mhub_test_looker;
SELECT mhub.identify('{"cookie": "新7"}') = mhub.person_id('cookie', '新7') AS known;
RESET ROLE;
-- or not now
SELECT count(mhub.identify(jsonb_build_object('cookie', '新' || n))) AS new FROM generate_series(81, 120) AS n;
SAVEPOINT reading;
SET LOCAL transaction_read_only = on;
SELECT mhub.identify('{"cookie": "新7"}') = mhub.person_id('cookie', '新7') AS known;
ROLLBACK TO reading;

-- the same stream of mostly new identifiers with and without looking: a trigger on the table would see too much, so with one there is a look
CREATE TEMP TABLE seen AS
    SELECT n, jsonb_build_object('cookie', CASE WHEN n % 47 = 0 THEN 'c' || n / 2 ELSE 'c' || n END)
        || CASE WHEN n % 3 = 0 THEN jsonb_build_object('email', 'e' || n % 53 || '@example.cn') ELSE '{}' END
        || CASE WHEN n % 9 = 0 THEN jsonb_build_object('user_id', 'u' || n % 11, 'device', '设备' || n) ELSE '{}' END AS identifiers
    FROM generate_series(1, 1500) AS n;
UPDATE mhub.identifier_kind SET pii = false WHERE kind = 'email';
CREATE FUNCTION pg_temp.persons() RETURNS TABLE (what text, entry text) LANGUAGE sql AS $$
    SELECT 'person', string_agg(i.kind || ':' || i.value, ' ' ORDER BY i.kind, i.value) FROM mhub.identifier AS i GROUP BY i.person_id
    UNION ALL SELECT 'link', concat_ws(' ', a.value, b.value, l.joins) FROM mhub.link AS l
        JOIN mhub.identifier AS a ON a.identifier_id = l.identifier_a JOIN mhub.identifier AS b ON b.identifier_id = l.identifier_b
    UNION ALL SELECT 'conflict', concat_ws(' ', i.value, o.value, c.reason) FROM mhub.identity_conflict AS c
        JOIN mhub.identifier AS i ON i.identifier_id = c.identifier_id LEFT JOIN mhub.identifier AS o ON o.identifier_id = c.left_out_identifier_id $$;
CREATE VIEW pg_temp.outcome AS SELECT count(*) FILTER (WHERE what = 'person') AS persons, count(*) FILTER (WHERE what = 'link') AS links,
    count(*) FILTER (WHERE what = 'conflict') AS conflicts, md5(string_agg(what || entry, E'\n' ORDER BY what, entry COLLATE "C")) AS "all" FROM pg_temp.persons();
SAVEPOINT looking;
CREATE FUNCTION pg_temp.nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER nothing AFTER INSERT ON mhub.identifier FOR EACH ROW EXECUTE FUNCTION pg_temp.nothing();
SELECT count(mhub.identify(identifiers)) AS seen FROM (SELECT * FROM seen ORDER BY n) AS s;
SELECT persons, links, conflicts, "all", pg_temp.looks() AS looks FROM pg_temp.outcome \gset looking_
ROLLBACK TO looking;
UPDATE looked SET n = pg_temp.looks();
SELECT count(mhub.identify(identifiers)) AS seen FROM (SELECT * FROM seen ORDER BY n) AS s;
SELECT o.persons, o.links, o.conflicts, o."all" = :'looking_all' AS the_same, pg_temp.looks() - (SELECT n FROM looked) < :looking_looks / 2 AS fewer_looks FROM pg_temp.outcome AS o;
SELECT :looking_persons AS persons, :looking_links AS links, :looking_conflicts AS conflicts;
ROLLBACK;
