-- Merges change rows directly, or by statements where something listens to each row: both leave the same behind.
BEGIN;
SELECT mhub.install() > 0 AS applied;

-- persons of one, two and three identifiers, some with traits, seen at different times
CREATE TABLE public.seen (place serial, names jsonb, traits jsonb DEFAULT '{}', at timestamptz);
INSERT INTO public.seen (names, traits, at) VALUES
    ('{"cookie": "a1", "device": "a2"}', '{}', '2026-03-05 10:00+08'),
    ('{"cookie": "b1"}', '{}', '2026-03-01 10:00+08'),
    ('{"cookie": ["c1", "c2", "c3"]}', '{"city": "上海"}', '2026-03-03 10:00+08'),
    ('{"cookie": "d1", "device": "d2"}', '{"city": "北京", "name": "李"}', '2026-03-04 10:00+08'),
    ('{"cookie": "e1"}', '{}', '2026-02-01 10:00+08'),
    ('{"cookie": "f1", "device": "f2"}', '{}', '2026-03-06 10:00+08'),
    -- two become one, the younger seen earlier
    ('{"cookie": "a1", "device": "b-new"}', '{}', '2026-03-07 10:00+08'),
    ('{"cookie": ["a1", "b1"]}', '{}', '2026-03-07 11:00+08'),
    -- three at once, without traits
    ('{"cookie": ["e1", "b1", "f1"]}', '{}', '2026-03-08 10:00+08'),
    -- with traits on either side
    ('{"device": ["d2", "a2"]}', '{}', '2026-03-09 10:00+08'),
    ('{"cookie": ["c2", "e1"]}', '{}', '2026-03-09 10:00+08'),
    -- nothing left to merge
    ('{"cookie": ["c1", "f1"], "device": "d2"}', '{}', '2026-03-09 10:00+08');

CREATE TABLE public.outcome (way text, what text, row_text text);
CREATE FUNCTION public.note_outcome(way text) RETURNS void LANGUAGE sql AS $$
    -- ids are those of a sequence that goes on: they count from the first here
    WITH first AS (SELECT min(p.person_id) AS person, (SELECT min(i.identifier_id) FROM mhub.identifier AS i) AS identifier FROM mhub.person AS p)
    INSERT INTO public.outcome
    SELECT way, 'person', concat_ws('|', p.person_id - f.person, p.merged_into - f.person, p.created_at, p.traits, p.trait_times, p.updated_at)
    FROM mhub.person AS p, first AS f
    UNION ALL SELECT way, 'identifier', concat_ws('|', i.kind, i.value, i.person_id - f.person, i.first_person_id - f.person) FROM mhub.identifier AS i, first AS f
    UNION ALL SELECT way, 'log', concat_ws('|', m.action, m.person_id - f.person, m.other_person_id - f.person, m.identifier_a - f.identifier,
        m.identifier_b - f.identifier, m.cause, m.source, m.occurred_at, m.recorded_at) FROM mhub.merge_log AS m, first AS f
$$;
CREATE FUNCTION public.observe_all() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    s record;
    n bigint := 0;
BEGIN
    FOR s IN SELECT * FROM public.seen ORDER BY place LOOP
        PERFORM mhub.identify(s.names, s.traits, s.at, 'test');
        n := n + 1;
    END LOOP;
    RETURN n;
END $$;

-- directly; triggers of statements are told of the rows
CREATE TABLE public.told (action text, n bigint);
CREATE FUNCTION public.tell() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO public.told SELECT 'merged away', count(*) FROM before AS b JOIN after AS a USING (person_id) WHERE b.merged_into IS NULL AND a.merged_into IS NOT NULL; RETURN NULL; END $$;
CREATE TRIGGER tell AFTER UPDATE ON mhub.person REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION public.tell();
SELECT public.observe_all() AS observations;
SELECT action, sum(n) AS persons FROM public.told GROUP BY action;
SELECT public.note_outcome('direct');
DELETE FROM mhub.person; DELETE FROM mhub.identifier; DELETE FROM mhub.link; DELETE FROM mhub.merge_log; DELETE FROM public.told;

-- by statements, for a trigger of rows on either table
CREATE FUNCTION public.count_row() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO public.told VALUES (TG_TABLE_NAME || CASE WHEN to_jsonb(OLD) -> 'person_id' = to_jsonb(NEW) -> 'person_id' THEN ' changed' ELSE ' moved' END, 1); RETURN NEW; END $$;
CREATE TRIGGER r BEFORE UPDATE ON mhub.person FOR EACH ROW EXECUTE FUNCTION public.count_row();
CREATE TRIGGER r AFTER UPDATE ON mhub.identifier FOR EACH ROW EXECUTE FUNCTION public.count_row();
SELECT public.observe_all() AS observations;
SELECT action, sum(n) > 0 AS told FROM public.told GROUP BY action ORDER BY action COLLATE "C";
SELECT public.note_outcome('statements');

-- one survives all, and is as old as the oldest
SELECT count(*) AS persons, count(merged_into) AS merged_away, min(created_at) FILTER (WHERE merged_into IS NULL) = '2026-02-01 10:00+08' AS oldest,
    (array_agg(traits) FILTER (WHERE merged_into IS NULL))[1] AS traits FROM mhub.person;
SELECT what, count(*) FILTER (WHERE way = 'direct') = count(*) FILTER (WHERE way = 'statements') AS as_many FROM public.outcome GROUP BY what ORDER BY what;
SELECT count(*) AS differences FROM (
    (SELECT what, row_text FROM public.outcome WHERE way = 'direct' EXCEPT ALL SELECT what, row_text FROM public.outcome WHERE way = 'statements')
    UNION ALL
    (SELECT what, row_text FROM public.outcome WHERE way = 'statements' EXCEPT ALL SELECT what, row_text FROM public.outcome WHERE way = 'direct')) AS d;
SELECT check_name, status FROM mhub.doctor_identity() WHERE status <> 'ok';
ROLLBACK;
