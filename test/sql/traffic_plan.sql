-- The tracking plan against what came.
BEGIN;
SELECT mhub.install() > 0 AS applied;
SELECT * FROM mhub.tracking_coverage('2024-03-01', '2024-03-02');
INSERT INTO mhub.event_schema (name, is_key) VALUES ('Order Completed', true), ('Payment Started', true), ('Course Viewed', false), ('Coupon Used', false);
INSERT INTO mhub.event_schema_property (name, property, type, required, allowed) VALUES
    ('Order Completed', 'order_id', 'string', true, NULL),
    ('Order Completed', 'total', 'number', true, NULL),
    ('Order Completed', 'items', 'integer', false, NULL),
    ('Order Completed', 'paid_with', 'string', false, '["alipay", "wechat"]'),
    ('Order Completed', 'paid_at', 'timestamp', false, NULL),
    ('Order Completed', 'first', 'boolean', false, NULL);
SELECT count(mhub.track(name, '{"cookie": "a"}', properties::jsonb, '{}', timestamptz '2024-03-01 08:00+00' + n * interval '1 minute', 'm' || n)) AS recorded
FROM (VALUES (1, 'Order Completed', '{"order_id": "1", "total": 9.5, "items": 2, "paid_with": "alipay", "paid_at": "2024-03-01T08:00:00Z", "first": true}'),
             (2, 'Order Completed', '{"order_id": 2, "total": "9.5", "items": 2.5, "paid_with": "现金", "paid_at": "yesterday", "first": "yes"}'),
             (3, 'Order Completed', '{"total": null, "paid_with": null, "colour": "red"}'),
             (4, 'Course Viewed', '{"anything": 1}'),
             (5, '试听', '{}')) AS e(n, name, properties);
SELECT finding, event, property, events, last_at AT TIME ZONE 'UTC' AS last_at FROM mhub.tracking_coverage('2024-03-01 00:00+00', '2024-03-02 00:00+00');
-- Invalid events do not count; renaming an event keeps its properties.
UPDATE mhub.event SET invalid_reason = 'test_visit' WHERE message_id IN ('m2', 'm3', 'm5');
UPDATE mhub.event_schema SET name = 'Lesson Viewed' WHERE name = 'Course Viewed';
UPDATE mhub.event_schema SET name = 'Order Paid' WHERE name = 'Order Completed';
SELECT finding, event, property, events FROM mhub.tracking_coverage('2024-03-01 00:00+00', '2024-03-02 00:00+00');
SELECT value, type, mhub.json_is_of_type(value::jsonb, type) FROM (VALUES ('1', 'integer'), ('1.0', 'integer'), ('1.5', 'integer'), ('"1"', 'integer'),
    ('[]', 'array'), ('{}', 'array'), ('"2024-03-01"', 'timestamp'), ('"2024-03-01 08:00+08"', 'timestamp'), ('"1 March"', 'timestamp'), ('null', 'string')) AS v(value, type);
SELECT written, mhub.client_time(written) AT TIME ZONE 'UTC' AS read FROM unnest(ARRAY['2024-02-29', '2023-02-29', '2024-13-01', '2024-03-01T25:00', '2024-03-01T08:00:00.5+0800', 'now', '']) AS written;
-- Every type against a value of every JSON type: the matrix says which are right.
DELETE FROM mhub.event_schema;
INSERT INTO mhub.event_schema (name) SELECT 'T ' || type FROM unnest(ARRAY['string', 'number', 'integer', 'boolean', 'timestamp', 'array', 'object']) AS type;
INSERT INTO mhub.event_schema_property (name, property, type, required) SELECT s.name, 'p', substr(s.name, 3), true FROM mhub.event_schema AS s;
CREATE TEMP TABLE matrix (no integer, value jsonb, right_types text[]);
INSERT INTO matrix VALUES (1, '"文"', '{string}'), (2, '""', '{string}'), (3, '1', '{number,integer}'), (4, '1.50', '{number}'), (5, '-2.000', '{number,integer}'), (6, '1e300', '{number,integer}'),
    (7, 'true', '{boolean}'), (8, 'false', '{boolean}'), (9, '"2024-02-29T08:00:00.5+08:00"', '{string,timestamp}'), (10, '"2023-02-29"', '{string}'), (11, '[]', '{array}'), (12, '[[1], {"a": null}]', '{array}'),
    (13, '{}', '{object}'), (14, '{"type": "string"}', '{object}'), (15, 'null', NULL), (16, '1e-300', '{number}'), (17, '"1"', '{string}'), (18, '1709280000', '{number,integer}');
SELECT count(mhub.track(s.name, '{"cookie": "m"}', jsonb_build_object('p', m.value), '{}', '2024-04-01 08:00+00', s.name || m.no)) AS recorded FROM mhub.event_schema AS s CROSS JOIN matrix AS m;
SELECT f.finding, f.event, f.events,
       f.events = (SELECT count(*) FROM matrix AS m WHERE CASE f.finding WHEN 'wrong type' THEN NOT substr(f.event, 3) = ANY (m.right_types) ELSE m.right_types IS NULL END) AS as_expected
FROM mhub.tracking_coverage('2024-04-01 00:00+00', '2024-04-02 00:00+00') AS f WHERE f.finding <> 'received' ORDER BY f.finding, f.event COLLATE "C";
-- What is allowed is a value of the list itself, not a part of one.
DELETE FROM mhub.event_schema;
INSERT INTO mhub.event_schema (name) VALUES ('A');
INSERT INTO mhub.event_schema_property (name, property, allowed) VALUES ('A', 'p', '[1, "x", null, true, ["a", "b"], {"a": 1, "b": 2}]');
SELECT count(mhub.track('A', '{"cookie": "m"}', jsonb_build_object('p', value::jsonb), '{}', '2024-05-01 08:00+00', value)) AS recorded
FROM unnest(ARRAY['1', '1.0', '"1"', '"x"', '"X"', 'null', 'true', 'false', '["a", "b"]', '["b", "a"]', '["a"]', '{"b": 2, "a": 1}', '{"a": 1}', '{}', '[]']) AS value;
SELECT m.message_id AS not_allowed FROM mhub.event AS m WHERE m.name = 'A'
    AND EXISTS (SELECT FROM mhub.tracking_coverage('2024-05-01 00:00+00', '2024-05-02 00:00+00') AS f WHERE f.finding = 'value not allowed' AND f.events = 8)
    AND m.properties -> 'p' NOT IN ('1', '"x"', 'null', 'true', '["a", "b"]', '{"a": 1, "b": 2}') ORDER BY event_id;
-- The hub's own names are known, whoever sends them; events of the hub itself are no part of a plan.
SELECT mhub.page('首页', '{"cookie": "m"}', '{}', '{}', '2024-06-01 08:00+00') > 0 AND mhub.form_field('报名', '姓名', '{"cookie": "m"}', occurred_at => '2024-06-01 08:00+00') > 0
   AND mhub.click('购买', '{"cookie": "m"}', occurred_at => '2024-06-01 08:00+00') > 0 AND mhub.track('Heartbeat', '{"cookie": "m"}', '{}', '{}', '2024-06-01 08:00+00') > 0
   AND mhub.record_event((SELECT min(identifier_id) FROM mhub.identifier), 'Segment Entered', '{}', '2024-06-01 08:00+00') > 0 AND mhub.track('heartbeat', '{"cookie": "m"}', '{}', '{}', '2024-06-01 08:00+00') > 0 AS recorded;
SELECT finding, event, events FROM mhub.tracking_coverage('2024-06-01 00:00+00', '2024-06-02 00:00+00');
-- Marketers may ask, without rights on the events themselves.
CREATE ROLE traffic_plan_marketer;
SELECT mhub.grant_access('traffic_plan_marketer', 'marketer') > 0 AS granted;
SET LOCAL ROLE traffic_plan_marketer;
SELECT count(*) AS rows_for_a_marketer FROM mhub.tracking_coverage('2024-03-01 00:00+00', '2024-03-02 00:00+00');
RESET ROLE;
ROLLBACK;
