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
-- Marketers may ask, without rights on the events themselves.
CREATE ROLE traffic_plan_marketer;
SELECT mhub.grant_access('traffic_plan_marketer', 'marketer') > 0 AS granted;
SET LOCAL ROLE traffic_plan_marketer;
SELECT count(*) AS rows_for_a_marketer FROM mhub.tracking_coverage('2024-03-01 00:00+00', '2024-03-02 00:00+00');
RESET ROLE;
ROLLBACK;
