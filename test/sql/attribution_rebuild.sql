-- Whatever happens in whatever order, the result kept up to date equals that of starting over: random histories.
BEGIN;
SELECT mhub.install() > 0 AS applied;
SET LOCAL timezone = 'UTC';

INSERT INTO mhub.identifier_kind (kind) VALUES ('test_cookie');
INSERT INTO mhub.person (person_id) SELECT generate_series(1, 8);
INSERT INTO mhub.identifier
SELECT i.* FROM generate_series(1, 8) AS n
CROSS JOIN jsonb_populate_record(NULL::mhub.identifier, jsonb_build_object('identifier_id', n, 'person_id', n, 'first_person_id', n,
    'kind', 'test_cookie', 'value', 'c' || n, 'first_seen_at', '2026-01-01', 'last_seen_at', '2026-01-01')) AS i;
INSERT INTO mhub.goal (key, event_name, refund_event_names, milestone) VALUES ('order', 'Order Completed', '{Order Refunded}', NULL), ('lead', 'Form Submitted', '{}', 'lead');

CREATE FUNCTION pg_temp.refresh(events bigint, identifiers integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WHILE mhub.note_goals() OR mhub.note_merges() OR mhub.note_events(events) OR mhub.attribute_batch(identifiers) > 0 LOOP
    END LOOP;
END $$;
CREATE FUNCTION pg_temp.result() RETURNS text[] LANGUAGE sql AS $$
    SELECT array_agg(r ORDER BY r COLLATE "C") FROM (
        SELECT format('touch %s %s %s %s', touch_id, channel, campaign, kind) AS r FROM mhub.touch
        UNION ALL SELECT format('conversion %s %s %s %s %s %s', g.key, c.event_id, c.kind, c.value, c.path, c.first_touch_at) FROM mhub.conversion AS c JOIN mhub.goal AS g USING (goal_id)
        UNION ALL SELECT format('credit %s %s %s %s %s %s', g.key, c.event_id, k.model, k.touch_id, round(k.share::numeric, 10), k.value)
                  FROM mhub.credit AS k JOIN mhub.conversion AS c USING (conversion_id) JOIN mhub.goal AS g USING (goal_id)) AS s
$$;
-- From nothing, in a transaction of its own that is undone.
CREATE FUNCTION pg_temp.from_nothing() RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    result text[];
BEGIN
    BEGIN
        DELETE FROM mhub.conversion;
        DELETE FROM mhub.credit;
        DELETE FROM mhub.touch;
        DELETE FROM mhub.attribution_dirty;
        UPDATE mhub.consumer SET last_event_id = 0 WHERE name = 'attribution';
        PERFORM pg_temp.refresh(NULL, 1000);
        result := pg_temp.result();
        RAISE EXCEPTION 'undo';
    EXCEPTION WHEN raise_exception THEN
        RETURN result;
    END;
END $$;
-- A small generator, so that every run is the same.
CREATE SEQUENCE pg_temp.dice;
CREATE FUNCTION pg_temp.roll(n integer) RETURNS integer LANGUAGE sql VOLATILE AS $$ SELECT (abs(hashint8extended(nextval('pg_temp.dice'), 20261122)) % n)::integer $$;

CREATE FUNCTION pg_temp.happen() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    a bigint; b bigint;
BEGIN
    -- events of all kinds, at any time: most of them are late
    FOR i IN 1 .. 3 + pg_temp.roll(8) LOOP
        INSERT INTO mhub.event (identifier_id, occurred_at, name, type, channel, campaign, url, value, currency, properties, invalid_reason)
        SELECT 1 + pg_temp.roll(8), timestamptz '2026-01-01' + interval '7 minutes' * pg_temp.roll(2000), k.name, 'track', k.channel, k.campaign, k.url, k.value, k.currency, k.properties,
               CASE pg_temp.roll(10) WHEN 0 THEN 'bot_user_agent' WHEN 1 THEN 'test_visit' END
        FROM (VALUES
            (0, 'Page Viewed', (ARRAY['Paid Search', 'Email', 'Organic Search', 'Direct'])[1 + pg_temp.roll(4)], (ARRAY['spring', '春季', NULL])[1 + pg_temp.roll(3)], 'https://s.cn/a', NULL, NULL, '{}'::jsonb),
            (1, 'Page Viewed', NULL, NULL, 'https://s.cn/b', NULL, NULL, '{}'),
            (2, 'Order Completed', NULL, NULL, NULL, pg_temp.roll(20000) / 100.0, (ARRAY['CNY', 'CNY', 'USD'])[1 + pg_temp.roll(3)], jsonb_build_object('order_id', pg_temp.roll(12)::text)),
            (3, 'Order Refunded', NULL, NULL, NULL, (ARRAY[NULL, 5, 17.31])[1 + pg_temp.roll(3)], 'CNY', jsonb_build_object('order_id', pg_temp.roll(12)::text)),
            (4, 'Form Submitted', NULL, NULL, NULL, NULL, NULL, jsonb_build_object('age', pg_temp.roll(60))),
            (5, 'Link Clicked', 'Email', 'weekly', NULL, NULL, NULL, '{}'),
            (6, 'Content Clicked', NULL, NULL, NULL, NULL, NULL, '{"slot": "home", "content": "考研"}')) AS k (n, name, channel, campaign, url, value, currency, properties)
        WHERE k.n = (ARRAY[0, 0, 0, 1, 2, 2, 3, 4, 5, 6])[1 + pg_temp.roll(10)];
    END LOOP;
    -- people turn out to be one, or not
    a := 1 + pg_temp.roll(8); b := 1 + pg_temp.roll(8);
    IF pg_temp.roll(3) = 0 THEN
        INSERT INTO mhub.merge_log (action, person_id, other_person_id, cause, occurred_at)
        SELECT 'merge', i.person_id, o.person_id, 'test', now() FROM mhub.identifier AS i, mhub.identifier AS o WHERE i.identifier_id = a AND o.identifier_id = b AND i.person_id <> o.person_id;
        UPDATE mhub.identifier SET person_id = (SELECT person_id FROM mhub.identifier WHERE identifier_id = a) WHERE person_id = (SELECT person_id FROM mhub.identifier WHERE identifier_id = b);
    ELSIF pg_temp.roll(3) = 0 THEN
        INSERT INTO mhub.merge_log (action, person_id, other_person_id, cause, occurred_at)
        SELECT 'split', i.person_id, f.free, 'test', now()
        FROM mhub.identifier AS i, (SELECT min(p.person_id) AS free FROM mhub.person AS p WHERE NOT EXISTS (SELECT FROM mhub.identifier AS x WHERE x.person_id = p.person_id)) AS f
        WHERE i.identifier_id = a AND f.free IS NOT NULL;
        UPDATE mhub.identifier AS i SET person_id = f.free
        FROM (SELECT min(p.person_id) AS free FROM mhub.person AS p WHERE NOT EXISTS (SELECT FROM mhub.identifier AS x WHERE x.person_id = p.person_id)) AS f
        WHERE i.identifier_id = a AND f.free IS NOT NULL;
    END IF;
    -- bots are found out, or cleared
    IF pg_temp.roll(3) = 0 THEN
        UPDATE mhub.event SET invalid_reason = CASE WHEN invalid_reason IS NULL THEN 'bot_behaviour' END WHERE event_id % 11 = pg_temp.roll(11);
    END IF;
    IF pg_temp.roll(9) = 0 THEN
        UPDATE mhub.event SET channel = 'Referral' WHERE channel = 'Email' AND event_id % 7 = 0;
    END IF;
    -- goals and settings change
    IF pg_temp.roll(8) = 0 THEN
        UPDATE mhub.goal SET filter = (ARRAY['true', 'age >= 30', 'age < 20'])[1 + pg_temp.roll(3)]::mhub.condition, value = pg_temp.roll(50) WHERE key = 'lead';
    END IF;
    IF pg_temp.roll(5) = 0 THEN
        -- A goal comes, or goes with its conversions.
        DELETE FROM mhub.goal WHERE key = 'content';
        IF NOT FOUND THEN
            INSERT INTO mhub.goal (key, event_name, value, currency) VALUES ('content', 'Content Clicked', 3.5, 'USD');
        END IF;
    ELSIF pg_temp.roll(6) = 0 THEN
        UPDATE mhub.goal SET refund_event_names = CASE WHEN refund_event_names = '{}' THEN '{Order Refunded}'::text[] ELSE '{}' END, currency = (ARRAY['CNY', 'USD', NULL])[1 + pg_temp.roll(3)] WHERE key = 'order';
    ELSIF pg_temp.roll(6) = 0 THEN
        UPDATE mhub.goal SET milestone = (ARRAY['lead', 'opportunity', NULL])[1 + pg_temp.roll(3)] WHERE key = 'lead';
    END IF;
    IF pg_temp.roll(8) = 0 THEN
        UPDATE mhub.attribution_setting SET options = (ARRAY['{"models": ["linear", "time_decay", "w_shaped", "participation"], "lookback": "3 days"}', '{"models": ["linear", "first_touch"], "conversions": "cut"}',
            '{"models": ["position_based", "last_non_direct_touch"], "lookback_days": 2, "time_zone": "Asia/Shanghai", "dedupe": "consecutive"}'])[1 + pg_temp.roll(3)]::jsonb;
    END IF;
    IF pg_temp.roll(20) = 0 THEN
        UPDATE mhub.attribution_setting SET visit_gap = (ARRAY['30 minutes', '2 hours'])[1 + pg_temp.roll(2)]::interval;
    END IF;
END $$;

CREATE TEMP TABLE outcome (round integer, kept_up text[], from_nothing text[]);
DO $$
BEGIN
    FOR round IN 1 .. 28 LOOP
        PERFORM pg_temp.happen();
        PERFORM pg_temp.refresh(7, 3);
        INSERT INTO outcome VALUES (round, pg_temp.result(), pg_temp.from_nothing());
    END LOOP;
END $$;
SELECT count(*) AS rounds, count(*) FILTER (WHERE kept_up IS DISTINCT FROM from_nothing) AS differing, max(cardinality(kept_up)) > 150 AS much_happened FROM outcome;
-- what differs, if anything
SELECT o.round, d.r FROM (SELECT * FROM outcome WHERE kept_up IS DISTINCT FROM from_nothing ORDER BY round LIMIT 1) AS o
CROSS JOIN LATERAL ((SELECT '- ' || u AS r FROM unnest(o.from_nothing) AS u EXCEPT SELECT '- ' || u FROM unnest(o.kept_up) AS u)
                    UNION ALL (SELECT '+ ' || u FROM unnest(o.kept_up) AS u EXCEPT SELECT '+ ' || u FROM unnest(o.from_nothing) AS u)) AS d ORDER BY 1, 2 LIMIT 20;

-- and it adds up: every conversion and refund, under every model, to the cent; no credit without its touch and conversion
SELECT count(*) > 50 AS some, count(*) FILTER (WHERE k.value IS DISTINCT FROM c.value AND m.model <> 'participation') AS not_to_the_cent
FROM mhub.conversion AS c CROSS JOIN mhub.attribution_models() AS m (model)
LEFT JOIN LATERAL (SELECT sum(k.value) AS value FROM mhub.credit AS k WHERE k.conversion_id = c.conversion_id AND k.model = m.model) AS k ON true
WHERE c.kind <> 'duplicate';
SELECT count(*) AS dangling FROM mhub.credit AS k WHERE k.touch_id <> 0 AND NOT EXISTS (SELECT FROM mhub.touch AS t WHERE t.touch_id = k.touch_id)
    OR NOT EXISTS (SELECT FROM mhub.conversion AS c WHERE c.conversion_id = k.conversion_id AND c.kind <> 'duplicate');
SELECT (SELECT count(DISTINCT split_part(u, ' ', 4)) FROM outcome AS o CROSS JOIN unnest(o.kept_up) AS u WHERE u LIKE 'conversion %') AS kinds_of_entries,
       (SELECT count(DISTINCT kind) FROM mhub.touch) AS kinds_of_touches, (SELECT count(*) FROM mhub.merge_log) > 5 AS merges;
ROLLBACK;
