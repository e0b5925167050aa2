-- The closed loop on a history worked out by hand: events to touches, conversions, credits and return on spend.
BEGIN;
SELECT mhub.install() > 0 AS applied;
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO';

-- mhub.refresh_attribution() commits between its steps, which a test that leaves nothing cannot; these are the steps.
CREATE FUNCTION pg_temp.refresh() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WHILE mhub.note_goals() OR mhub.note_merges() OR mhub.note_events() OR mhub.attribute_batch() > 0 LOOP
    END LOOP;
END $$;

INSERT INTO mhub.identifier_kind (kind) VALUES ('test_cookie');
INSERT INTO mhub.person (person_id) VALUES (1), (2);
INSERT INTO mhub.identifier
SELECT i.* FROM (VALUES (1, 1), (2, 1), (3, 2)) AS v (identifier, person)
CROSS JOIN jsonb_populate_record(NULL::mhub.identifier, jsonb_build_object('identifier_id', v.identifier, 'person_id', v.person, 'first_person_id', v.person,
    'kind', 'test_cookie', 'value', 'c' || v.identifier, 'first_seen_at', '2026-01-01', 'last_seen_at', '2026-01-01')) AS i;
INSERT INTO mhub.goal (key, event_name, filter, refund_event_names) VALUES ('order', 'Order Completed', 'true', '{Order Refunded}'), ('考研 lead', 'Form Submitted', $$subject = '考研'$$, '{}');
UPDATE mhub.goal SET value = 80 WHERE key = '考研 lead';

CREATE FUNCTION pg_temp.event(identifier bigint, at timestamptz, name text, channel text, campaign text, url text, properties jsonb DEFAULT '{}', value numeric DEFAULT NULL, invalid text DEFAULT NULL) RETURNS bigint
LANGUAGE sql AS $$
    INSERT INTO mhub.event (identifier_id, occurred_at, name, channel, campaign, url, properties, value, invalid_reason, type)
    VALUES (identifier, at, name, channel, campaign, url, properties, value, invalid, CASE WHEN name = 'Page Viewed' THEN 'page' ELSE 'track' END) RETURNING event_id;
$$;
SELECT count(*) FROM (VALUES
    (pg_temp.event(1, '2026-01-01 10:00', 'Page Viewed', 'Paid Search', '考研_2026', 'https://s.cn/landing-a/?utm_campaign=x#top')),
    (pg_temp.event(1, '2026-01-01 10:01', 'Page Viewed', 'Paid Search', '考研_2026', 'https://s.cn/landing-a')),       -- same source, same visit: no touch
    (pg_temp.event(1, '2026-01-01 10:20', 'Page Viewed', NULL, NULL, 'https://s.cn/courses')),                         -- a move inside the site: no touch
    (pg_temp.event(1, '2026-01-01 10:45', 'Page Viewed', 'Direct', NULL, 'https://s.cn/courses')),                     -- still the same visit: no touch
    (pg_temp.event(1, '2026-01-01 10:46', 'Form Submitted', NULL, NULL, NULL, '{"subject": "考研", "form_id": "trial"}')),
    (pg_temp.event(1, '2026-01-01 10:47', 'Form Submitted', NULL, NULL, NULL, '{"subject": "法考"}')),                 -- filtered out
    (pg_temp.event(1, '2026-01-01 11:15', 'Page Viewed', 'Paid Search', '考研_2026', 'https://s.cn/landing-a')),       -- the source again after the gap
    (pg_temp.event(2, '2026-01-03 09:00', 'Page Viewed', 'Email', NULL, 'https://s.cn/offer')),
    (pg_temp.event(2, '2026-01-03 09:01', 'Page Viewed', 'Direct', NULL, NULL, '{}', NULL, 'bot_user_agent')),
    (pg_temp.event(2, '2026-01-03 09:05', 'Order Completed', NULL, NULL, NULL, '{"order_id": "A1"}', 100)),
    (pg_temp.event(2, '2026-01-03 09:06', 'Order Completed', NULL, NULL, NULL, '{"order_id": "A1"}', 100)),            -- the order again
    (pg_temp.event(3, '2026-01-04 09:00', 'Order Completed', NULL, NULL, NULL, '{"order_id": "A2"}', 70.5)),           -- no touch at all
    (pg_temp.event(3, '2026-01-05 09:00', 'Order Completed', 'Direct', NULL, 'https://s.cn/', '{"order_id": "A3"}', 9, 'test_visit')),
    (pg_temp.event(3, '2026-01-06 09:00', 'Order Refunded', NULL, NULL, NULL, '{"order_id": "A9"}', 5))                -- of an order never seen
) AS v;
SELECT pg_temp.refresh();

SELECT touch_id - min(touch_id) OVER () + 1 AS nth, identifier_id, occurred_at, channel, campaign, landing_page FROM mhub.touch ORDER BY occurred_at;
SELECT g.key, c.identifier_id, c.occurred_at, c.kind, c.value, c.currency, c.order_id, c.form FROM mhub.conversion AS c JOIN mhub.goal AS g USING (goal_id) ORDER BY c.occurred_at;
CREATE TEMP VIEW credits AS
SELECT g.key || coalesce(' ' || c.order_id, '') AS conversion, c.kind, k.model, coalesce(t.channel || ' ' || to_char(t.occurred_at, 'DD HH24:MI'), '-') AS touch, round(k.share::numeric, 4) AS share, k.value
FROM mhub.credit AS k JOIN mhub.conversion AS c USING (conversion_id) JOIN mhub.goal AS g USING (goal_id) LEFT JOIN mhub.touch AS t USING (touch_id);
SELECT * FROM credits WHERE model IN ('first_touch', 'last_touch', 'linear') ORDER BY conversion, model, touch;

-- refunds, in two parts, flow back to the same credits and end at nothing
SELECT count(*) FROM (VALUES (pg_temp.event(2, '2026-02-01', 'Order Refunded', NULL, NULL, NULL, '{"order_id": "A1"}', 33.35)),
                             (pg_temp.event(3, '2026-02-02', 'Order Refunded', NULL, NULL, NULL, '{"order_id": "A1"}'))) AS v;
SELECT pg_temp.refresh();
SELECT conversion, kind, model, string_agg(touch || ' ' || value, ', ' ORDER BY touch, value) AS parts, sum(value) FROM credits
WHERE conversion = 'order A1' AND model IN ('linear', 'time_decay') GROUP BY conversion, kind, model ORDER BY model, kind, parts;
SELECT count(*) AS touches_and_models, bool_and(value = 0) AS all_back FROM (SELECT model, touch, sum(value) AS value FROM credits WHERE conversion = 'order A1' GROUP BY model, touch) AS s;

-- a late event, an order that turns out to be older, a bot found out, a changed goal, another option: each in place
SELECT pg_temp.event(2, '2026-01-02 08:00', 'Page Viewed', 'Organic Search', NULL, 'https://s.cn/blog') > 0 AS late;
SELECT pg_temp.event(3, '2026-01-02 09:00', 'Order Completed', NULL, NULL, NULL, '{"order_id": "A1"}', 60) > 0 AS older;
SELECT pg_temp.refresh();
SELECT identifier_id, occurred_at, kind, value, amends IS NOT NULL AS amends FROM mhub.conversion WHERE order_id = 'A1' ORDER BY occurred_at;
SELECT conversion, kind, touch, value FROM credits WHERE model = 'last_touch' ORDER BY conversion, kind, touch, value;
UPDATE mhub.event SET invalid_reason = 'bot_user_agent' WHERE channel = 'Organic Search' OR occurred_at = '2026-01-02 09:00';
UPDATE mhub.goal SET filter = 'true' WHERE key = '考研 lead';
UPDATE mhub.attribution_setting SET options = '{"models": ["linear"], "lookback": "2 days"}';
SELECT pg_temp.refresh();
SELECT * FROM credits ORDER BY conversion, kind, model, touch, value;

-- spend: dirty names, another spelling, a campaign id, a currency; imported twice
SELECT * FROM mhub.import_cost('[{"date": "02-01-2026", "name": "考研_2026", "spent": 50, "clicks": 20, "impressions": 1000}, {"date": "03-01-2026", "name": "KaoYan tier2", "spent": "30.50"},
    {"date": "03-01-2026", "name": "nobody came", "spent": 5}, {"date": "03-01-2026", "name": "nobody came", "spent": 2}]', '{"day": "date", "campaign": "name", "amount": "spent"}', '{"platform": "Baidu"}', 'DD-MM-YYYY');
INSERT INTO mhub.cost_mapping (platform, campaign, maps_to) VALUES ('', 'kaoyan tier2', '考研_2026');
SELECT * FROM mhub.import_cost('[{"day": "2026-01-03", "platform": "google", "campaign": "brand", "amount": 10, "currency": "usd"}, {"day": "2026-01-03", "platform": "mystery", "amount": 1}]');
SELECT * FROM mhub.import_cost('[{"day": "2026-01-03", "platform": "google", "campaign": "brand", "amount": 11, "currency": "USD"}, {"day": "2026-01-03", "platform": "mystery", "amount": 1}]');
SELECT day, platform, campaign, channel, matched_by, amount, currency FROM mhub.cost_assigned ORDER BY day, platform, campaign;
SELECT platform, campaign, amount, currency FROM mhub.cost_unmatched ORDER BY platform, campaign;
SELECT * FROM mhub.roi();
SELECT day, channel, goal, model, currency, cost, goal_cost, clicks, conversions, revenue, cost_per_conversion, roas, roi FROM mhub.roi_by_channel ORDER BY day, channel, goal, currency;
INSERT INTO mhub.exchange_rate (currency, to_currency, day, rate) VALUES ('USD', 'CNY', '2026-01-01', 7), ('CNY', 'USD', '2026-01-03', 0.125), ('USD', 'CNY', '2026-01-04', 6);
SELECT currency, sum(cost) AS cost, sum(revenue) AS revenue FROM mhub.roi_by_channel GROUP BY currency;
SELECT (SELECT sum(cost) FROM mhub.roi_by_channel) = (SELECT sum(amount * CASE currency WHEN 'USD' THEN 8 ELSE 1 END) FROM mhub.cost) AS all_spend_reported,
       (SELECT sum(revenue) FROM mhub.roi_by_channel) = (SELECT sum(value) FROM mhub.conversion WHERE kind <> 'duplicate') AS all_revenue_reported;

SAVEPOINT s;
SELECT mhub.import_cost('[{"day": "2026-01-03", "platform": "google"}]');
ROLLBACK TO s;
SELECT mhub.import_cost('[]', '{"spend": "x"}');
ROLLBACK TO s;
SELECT mhub.import_cost('{}');
ROLLBACK TO s;
UPDATE mhub.attribution_setting SET options = '{"modells": []}';
ROLLBACK TO s;
SELECT mhub.split_amount(10, '{1,-1}');
ROLLBACK TO s;
SELECT mhub.split_amount(10, '{}');
ROLLBACK TO s;
SELECT mhub.split_amount(10, '{0.5,0.25,0.25}'), mhub.split_amount(0.05, '{1,1,1,1}'), mhub.split_amount(100, '{1,1,1}', 0), mhub.split_amount(NULL, '{1}');

-- a page is named as this regular expression would
SELECT count(*) AS pages, count(*) FILTER (WHERE mhub.landing_page(url) IS DISTINCT FROM nullif(regexp_replace(regexp_replace(url, '^[A-Za-z][A-Za-z0-9+.-]*://|[?#].*$', '', 'g'), '/+$', ''), '')) AS differing
FROM unnest(ARRAY['https://s.cn/a/?x#y', 's.cn//', '', 'https://', '://a', 'http:/a', 'a?', '#', 'mailto:x', 'ht tp://x/', '考研://路径/课程/', 'wxapp+x.y-1://pages/index///?q=/a/', 'https://s.cn/a#b?c', '/x/', 'a://b://c/', 'https:///', NULL]) AS url;

-- numbers that no money is count as none, and stop nobody's attribution
SAVEPOINT s;
SELECT count(*) FROM unnest(ARRAY['1e25', 'NaN', 'Infinity', '-1e12', '999999999999.9999', '1.00000000000000000001', '19.990000000000002', '1e-300']::numeric[]) WITH ORDINALITY AS v (value, i)
CROSS JOIN LATERAL (SELECT pg_temp.event(3, timestamptz '2026-02-01' + interval '1 minute' * i, 'Order Completed', NULL, NULL, NULL, jsonb_build_object('order_id', 'odd' || i), v.value)) AS e;
SELECT pg_temp.event(3, '2026-02-02', 'Order Refunded', NULL, NULL, NULL, '{"order_id": "odd7"}', '1e25') > 0 AS refunded;
SELECT pg_temp.refresh();
SELECT c.order_id, c.kind, c.value, (SELECT sum(k.value) FROM mhub.credit AS k WHERE k.conversion_id = c.conversion_id AND k.model = 'linear') AS credited FROM mhub.conversion AS c WHERE c.order_id LIKE 'odd%' ORDER BY c.order_id, c.kind;
ROLLBACK TO s;
\set VERBOSITY terse
SELECT mhub.import_cost('[{"day": "2026-01-01", "platform": "baidu", "amount": "NaN"}]');
ROLLBACK TO s;
INSERT INTO mhub.exchange_rate (currency, to_currency, day, rate) VALUES ('USD', 'CNY', '2026-01-01', 'NaN');
ROLLBACK TO s;
INSERT INTO mhub.goal (key, event_name, value) VALUES ('x', 'X', 'Infinity');
ROLLBACK TO s;
INSERT INTO mhub.goal (key, event_name) VALUES ('(spend)', 'X');
ROLLBACK TO s;
\set VERBOSITY default

-- what was derived from the events of a person outlives their erasure, whatever is derived anew
CREATE TEMP VIEW books AS SELECT sum(c.value) AS value, count(*) AS entries, (SELECT count(*) FROM mhub.touch) AS touches, (SELECT sum(k.value) FROM mhub.credit AS k WHERE k.model = 'linear') AS credited FROM mhub.conversion AS c;
CREATE TEMP TABLE before AS SELECT * FROM books;
SELECT setval(pg_get_serial_sequence('mhub.person', 'person_id'), 100), setval(pg_get_serial_sequence('mhub.identifier', 'identifier_id'), 100);
SAVEPOINT s;
SELECT mhub.erase_person(1, 'test', analyze_tables => false) IS NOT NULL AS erased;
SELECT mhub.rebuild_attribution() > 0 AS rebuilt;
UPDATE mhub.goal SET filter = filter;
SELECT pg_temp.refresh();
SELECT b.* = n.* AS same_books FROM before AS b, books AS n;
ROLLBACK TO s;

-- a marketer may change options and goals; a goal that goes takes its conversions and credits along
CREATE ROLE mhub_test_marketer;
SELECT mhub.grant_access('mhub_test_marketer', 'marketer') > 0 AS granted;
SET LOCAL ROLE mhub_test_marketer;
UPDATE mhub.attribution_setting SET options = '{"models": ["first_touch"]}';
DELETE FROM mhub.goal WHERE key = 'order';
RESET ROLE;
SELECT count(*) > 0 AS noted FROM mhub.attribution_dirty;
SELECT (SELECT count(*) FROM mhub.credit AS k WHERE NOT EXISTS (SELECT FROM mhub.conversion AS c WHERE c.conversion_id = k.conversion_id)) AS orphans, count(*) FROM mhub.conversion;
ROLLBACK;
