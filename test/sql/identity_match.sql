-- Fingerprints, anonymous counting, candidates.
BEGIN;
SELECT mhub.install() > 0 AS applied;
-- First with names kept in the open.
DELETE FROM mhub.pii_trait WHERE name IN ('first_name', 'last_name', 'phone', 'phone_number');

-- one device, however its attributes are written down
SELECT mhub.device_fingerprint('{"tz": "Asia/Shanghai", "screen": [1920, 1080], "dpr": 2, "touch": false, "字体": {"宋体": true}}') AS device \gset
SELECT :'device' ~ '^[0-9a-f]{32}$' AS hex, :'device' = mhub.device_fingerprint('{"字体": {"宋体": true, "none": null}, "touch": false, "dpr": 2.0, "screen": [1920, 1080.00], "tz": "Asia/Shanghai", "x": null}') AS canonical;
SELECT count(DISTINCT mhub.device_fingerprint(v::jsonb)) AS different, count(*) AS of
FROM unnest(ARRAY['{}', '[]', 'null', '{"a": 1}', '{"a": "1"}', '{"a": true}', '{"a": [1]}', '{"a": [null]}', '{"a": [1, 2]}', '{"a": [[1], 2]}', '{"a": [[1, 2]]}',
    '{"b": 1}', '{"a": {"b": 1}}', '{"a": "s1:b"}', '{"ab": ""}', '{"a": "b"}', '{"a": ""}', '"a"', '1']) AS v;
SELECT mhub.device_fingerprint(NULL) IS NULL AS null_is_null;

-- visitors of a day: the same id for the same, another for all else; salts are not kept
SELECT mhub.anonymous_visitor('203.0.113.7', 'Mozilla/5.0', 'shop') AS visitor \gset
SELECT :'visitor' = mhub.anonymous_visitor('203.0.113.7', 'Mozilla/5.0', 'shop') AS same, :'visitor' ~ '^[0-9a-f]{32}$' AS hex;
SELECT count(DISTINCT v) AS different FROM (VALUES (:'visitor'), (mhub.anonymous_visitor('203.0.113.8', 'Mozilla/5.0', 'shop')),
    (mhub.anonymous_visitor('203.0.113.7', 'Mozilla/5', 'shop')), (mhub.anonymous_visitor('203.0.113.7', 'Mozilla/5.0', 'blog')),
    (mhub.anonymous_visitor('203.0.113.7', NULL, 'shop')), (mhub.anonymous_visitor('203.0.113.7', '', 'shop')),
    (mhub.anonymous_visitor('203.0.113.7', 'Mozilla/5.0', 'shop', now() - interval '1 day')), (mhub.anonymous_visitor('2001:db8::1', 'Mozilla/5.0', 'shop'))) AS x(v);
SELECT mhub.anonymous_visitor('203.0.113.7', 'x', 'shop', now() - interval '3 days') IS NULL AS too_old, mhub.anonymous_visitor(NULL, 'x', 'shop') IS NULL AS no_address,
       mhub.anonymous_visitor('203.0.113.7', 'x', 'shop', 'infinity') IS NULL AS no_day;
INSERT INTO mhub.visitor_salt SELECT mhub.hub_day(now()) - n, '\x00' FROM generate_series(2, 5) AS n;
SELECT mhub.anonymous_visitor('203.0.113.7', 'x', 'shop', now() - interval '3 days') IS NULL AS nothing_from_an_old_salt;
SAVEPOINT job;
SELECT mhub.retention_step('visitor salts', 1000) AS done;
SELECT count(*) AS old_salts FROM mhub.visitor_salt WHERE day < mhub.hub_day(now()) - 3;
ROLLBACK TO job;
DELETE FROM mhub.visitor_salt WHERE day = mhub.hub_day(now());
SELECT :'visitor' <> mhub.anonymous_visitor('203.0.113.7', 'Mozilla/5.0', 'shop') AS salt_is_all;
SELECT count(*) AS old_salts FROM mhub.visitor_salt WHERE day < mhub.hub_day(now()) - 1;

-- Winkler's own examples
SELECT a, b, round(mhub.similarity(a, b)::numeric, 3) AS similarity FROM (VALUES ('MARTHA', 'MARHTA'), ('DIXON', 'DICKSONX'), ('DWAYNE', 'DUANE'), ('', ''), ('a', ''), ('上海市', '上海'), ('same', 'same'), ('abc', 'xyz')) AS v(a, b);
-- of texts without end it can be cancelled
SAVEPOINT long;
SET LOCAL statement_timeout = '200ms';
SELECT mhub.similarity(repeat('长', 200000), repeat('短', 200000));
ROLLBACK TO long;

-- candidates: agreement counts for, difference against; evidence without values; common persons do not match
INSERT INTO mhub.person (person_id, traits)
SELECT 1000 + n, jsonb_build_object('first_name', 'f' || n, 'last_name', 'l' || n % 50, 'birthday', '1990-01-' || lpad((n % 28 + 1)::text, 2, '0'), 'city', '上海')
FROM generate_series(1, 300) AS n;
SELECT mhub.identify('{"cookie": "m-1"}', '{"first_name": "Margaret", "last_name": "Zhang", "birthday": "1985-03-07", "city": "杭州", "phone": "13700137000"}') AS margaret \gset
SELECT mhub.identify('{"cookie": "m-2"}', '{"first_name": "Margret", "last_name": " zhang", "birthday": "1985-03-07", "city": "上海", "phone": "13700137000"}') AS margret \gset
SELECT mhub.identify('{"cookie": "m-3"}', '{"first_name": "Peter", "last_name": "Zhang", "birthday": "1971-11-30", "city": "北京"}') AS peter \gset
SELECT candidate_id = :margret AS margret, probability > 0.99 AS sure, (SELECT string_agg(key || ' ' || (value ->> 'level'), ', ' ORDER BY key) FROM jsonb_each(evidence)) AS evidence
FROM mhub.match_candidates(:margaret);
SELECT count(*) AS of_peter FROM mhub.match_candidates(:peter) WHERE probability > 0.5;
SELECT count(*) AS unknown FROM mhub.match_candidates(-1);

-- the same fingerprint, and the same network and agent
SELECT mhub.identify(jsonb_build_object('cookie', c, 'fingerprint', :'device')) IS NOT NULL AS seen FROM unnest(ARRAY['m-1', 'm-3']) AS c;
INSERT INTO mhub.event (occurred_at, identifier_id, name, message_id, ip, user_agent)
SELECT now(), i.identifier_id, 'Page Viewed', 'match ' || i.value, ('198.51.100.' || i.identifier_id % 250)::inet, 'Mozilla/5.0 agent' FROM mhub.identifier AS i WHERE i.value IN ('m-1', 'm-3');
SELECT candidate_id = :peter AS peter, (SELECT string_agg(key || ' ' || (value ->> 'level'), ', ' ORDER BY key) FROM jsonb_each(evidence)) AS evidence
FROM mhub.match_candidates(:margaret) WHERE candidate_id = :peter;

-- a cookie that was seen with two accounts
SELECT mhub.identify('{"user_id": "m-u1", "cookie": "m-shared"}', '{"birthday": "1977-07-07"}') AS first_account \gset
SELECT mhub.identify('{"user_id": "m-u2", "cookie": "m-shared"}', '{"birthday": "1977-07-07"}') AS second_account \gset
SELECT candidate_id = :second_account AS second, (SELECT string_agg(key || ' ' || (value ->> 'level'), ', ' ORDER BY key) FROM jsonb_each(evidence)) AS evidence
FROM mhub.match_candidates(:first_account);
SELECT candidate_id = :first_account AS first FROM mhub.match_candidates(:second_account);

-- A link needs a probability and both consents, and it can be taken back.
SELECT mhub.link_match(:margaret, :margret) IS NULL AS no_consent;
SELECT count(mhub.record_consent(jsonb_build_object('cookie', c), 'identity_matching', legal_basis => 'consent')) AS consents FROM unnest(ARRAY['m-1', 'm-2', 'm-3']) AS c;
SELECT mhub.link_match(:margaret, :peter) IS NULL AS not_probable;
SELECT mhub.link_match(:margaret, :margret) = :margaret AS merged;
SELECT confidence > 0.99 AND confidence < 1 AS confident, source, joins FROM mhub.link WHERE source = 'match';
-- observing the two together makes it certain
SELECT mhub.identify('{"cookie": ["m-1", "m-2"]}') = :margaret AS observed;
SELECT confidence, joins FROM mhub.link WHERE source = 'match';
SELECT cause FROM mhub.merge_log;
SELECT mhub.unlink('cookie', 'm-1', 'cookie', 'm-2', 'sisters') AS apart;
SELECT mhub.link_match(:margaret, :margret) IS NULL AS stays_apart;

-- Sealed traits and identifiers are compared for those who may decrypt and say what for.
INSERT INTO mhub.pii_trait (name) VALUES ('first_name'), ('last_name'), ('phone');
CREATE ROLE mhub_test_match;
SELECT mhub.grant_access('mhub_test_match', 'privacy_officer') > 0 AS granted;
SELECT mhub.identify('{"cookie": "s-1"}', '{"firstName": "孟", "last_name": "诸葛", "birthday": "1999-09-09", "city": "成都", "phone": "139 0013 9000"}') AS one \gset
SELECT mhub.identify('{"cookie": "s-2", "phone": "+8613900139000"}', '{"first_name": "孟", "last_name": "诸葛", "birthday": "1999-09-09"}') AS other \gset
SELECT mhub.identify('{"cookie": "s-3", "phone": "+8613900139001"}', '{"city": "成都"}') AS third \gset
SELECT traits FROM mhub.person WHERE person_id = :one;
SELECT count(mhub.record_consent(jsonb_build_object('cookie', c), 'identity_matching', legal_basis => 'consent')) AS consents FROM unnest(ARRAY['s-1', 's-2']) AS c;
SET LOCAL ROLE mhub_test_match;
SELECT candidate_id = :other AS other, probability > 0.99 AS sure, (SELECT string_agg(key || ' ' || (value ->> 'level'), ', ' ORDER BY key) FROM jsonb_each(evidence)) AS evidence
FROM mhub.match_candidates(:one) WHERE candidate_id = :other;
SELECT mhub.link_match(:one, :other) IS NULL AS not_probable;
SET LOCAL mhub.purpose = 'duplicates';
SELECT candidate_id = :other AS other, probability > 0.99 AS sure, (SELECT string_agg(key || ' ' || (value ->> 'level'), ', ' ORDER BY key) FROM jsonb_each(evidence)) AS evidence
FROM mhub.match_candidates(:one) ORDER BY other DESC;
SELECT mhub.link_match(:one, :other) = :one AS merged;
RESET ROLE;
SELECT mhub.person_id('cookie', 's-2') = :one AS linked;

-- Two customers of a CRM whose address is only a trait, spelled and named differently; and one whose identifier it is. Names are not looked up.
SELECT mhub.identify('{"user_id": "crm-1"}', '{"email": "Zhao.Yun@Example.com", "first_name": "云", "last_name": "赵"}') AS one \gset
SELECT mhub.identify('{"user_id": "crm-2"}', '{"Email Address": "zhao.yun@example.com", "first_name": "云", "last_name": "赵"}') AS other \gset
SELECT mhub.identify('{"email": "zhao.yun@example.com"}') AS known, mhub.identify('{"user_id": "crm-3"}', '{"first_name": "云", "last_name": "赵"}') AS namesake \gset
SELECT name, value_index IS NOT NULL AS looked_up, octet_length(value_index) AS bytes FROM mhub.sealed_trait WHERE person_id = :one ORDER BY 1;
SELECT count(DISTINCT value_index) AS one_value FROM mhub.sealed_trait WHERE person_id IN (:one, :other) AND value_index IS NOT NULL;
SET LOCAL ROLE mhub_test_match;
SELECT array_agg(candidate_id ORDER BY candidate_id) = ARRAY[:other, :known]::bigint[] AS by_trait FROM mhub.match_candidates(:one);
SELECT array_agg(candidate_id ORDER BY candidate_id) = ARRAY[:one, :other]::bigint[] AS by_identifier FROM mhub.match_candidates(:known);
SELECT (SELECT string_agg(key || ' ' || (value ->> 'level'), ', ' ORDER BY key) FROM jsonb_each(evidence)) AS evidence FROM mhub.match_candidates(:one) WHERE candidate_id = :other;
SET LOCAL mhub.purpose = '';
SELECT count(*) AS without_a_purpose FROM mhub.match_candidates(:one);
RESET ROLE;
ROLLBACK;
