-- Profile app collects and nothing more; operator does the jobs; analyst reads the numbers.
BEGIN;
SELECT mhub.install() > 0 AS applied;
CREATE ROLE mhub_test_app;
CREATE ROLE mhub_test_operator;
CREATE ROLE mhub_test_analyst;
SELECT mhub.grant_access('mhub_test_app', 'app') > 0 AS app, mhub.grant_access('mhub_test_operator', 'operator') > 0 AS operator,
       mhub.grant_access('mhub_test_analyst', 'analyst') > 0 AS analyst;

SET LOCAL ROLE mhub_test_app;
SELECT mhub.track('看课', '{"cookie": "c-1", "user_id": "u-1"}', '{"value": 2}', '{}', now() - interval '1 hour', 'm-1') > 0 AS tracked;
SELECT mhub.page('首页', '{"cookie": "c-1"}', '{"url": "https://shop.example.cn/?utm_source=baidu&utm_medium=cpc"}') > 0 AS page;
SELECT status FROM mhub.ingest('[{"event": "A", "userId": "u-1", "messageId": "m-1"}, {"event": "A", "userId": "u-2", "messageId": "m-2"}, {"event": "A"}]');
SELECT status FROM mhub.ingest('{');
SAVEPOINT refused;
SELECT ip, url FROM mhub.event;
ROLLBACK TO refused;
SELECT count(*) FROM mhub.rejected;
ROLLBACK TO refused;
DELETE FROM mhub.event_counter;
ROLLBACK TO refused;
SELECT mhub.recount_events('{1}');
ROLLBACK TO refused;

SET LOCAL ROLE mhub_test_operator;
SELECT mhub.add_to_rollups(after_event_id, upto_event_id, '-infinity', 'infinity') FROM mhub.claim_events('rollups');
SELECT mhub.recount_events(array_agg(event_id)) FROM mhub.event;
SAVEPOINT refused_operator;
SELECT mhub.track('x', '{"cookie": "c-1"}');
ROLLBACK TO refused_operator;

SET LOCAL ROLE mhub_test_analyst;
SELECT channel, events, value_sum, visitors FROM mhub.traffic_by_hour('-infinity', 'infinity') ORDER BY hour, channel;
SAVEPOINT refused_analyst;
SELECT count(*) FROM mhub.rejected;
ROLLBACK TO refused_analyst;
ROLLBACK;
