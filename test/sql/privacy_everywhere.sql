-- A word put wherever personal data can enter is in the export, and nowhere in the hub after the erasure.
BEGIN;
SELECT mhub.install() > 0 AS applied;
SET LOCAL mhub.purpose = 'request of the person';

CREATE FUNCTION pg_temp.found() RETURNS TABLE (relation text, words text) LANGUAGE plpgsql AS $$
BEGIN
    FOR relation IN SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'mhub'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1 LOOP
        EXECUTE format($q$SELECT string_agg(DISTINCT hit[1], ' ' ORDER BY hit[1]) FROM mhub.%I AS t, regexp_matches(t::text, '木兰(\w+)', 'g') AS hit$q$, relation) INTO words;
        CONTINUE WHEN words IS NULL;
        RETURN NEXT;
    END LOOP;
END $$;

INSERT INTO mhub.provider (name, channel, kind, url) VALUES ('hook', 'webhook', 'webhook', 'https://hooks.example/x');
INSERT INTO mhub.webhook_subscription (name, provider, after_event_id, conversions) VALUES ('crm', 'hook', 0, true);
INSERT INTO mhub.segment (key) VALUES ('list');
SELECT mhub.create_workflow('wf', '{"start": "w", "triggers": [{"type": "api"}], "steps": {"w": {"type": "delay", "for": "1 day", "next": null}}}'), mhub.publish_workflow('wf');
SELECT mhub.identify('{"cookie": "bystander"}', '{"city": "上海"}') AS bystander \gset

SELECT mhub.identify('{"email": "木兰mail@example.com", "phone": "13811112222", "cookie": "木兰cookie"}', '{"city": "木兰city", "first_name": "木兰first", "deep": {"a": ["木兰deep"]}}', source => '木兰source') AS person \gset
SELECT mhub.identify('{"user_id": "木兰user-4711"}', '{"old": "木兰merged"}') AS other \gset
SELECT mhub.identify('{"user_id": "木兰user-4711", "cookie": "木兰cookie"}') = :person AS one;
SELECT mhub.unlink('user_id', '木兰user-4711', 'cookie', '木兰cookie', '木兰unlink');
SELECT mhub.relink('user_id', '木兰user-4711', 'cookie', '木兰cookie', '木兰relink') = :person AS one;
SELECT mhub.page('木兰page', '{"cookie": "木兰cookie"}', '{"p": "木兰page_property"}',
    '{"page": {"url": "https://shop.example/p?email=木兰url&gclid=木兰click", "referrer": "https://www.baidu.com/s?wd=木兰search", "title": "木兰title"}, "userAgent": "木兰agent", "ip": "203.0.113.77", "x": "木兰context"}',
    now(), '木兰message_1') > 0 AS page,
    mhub.track('Order Completed', '{"cookie": "木兰cookie"}', '{"order_id": "木兰order", "revenue": 10, "currency": "CNY"}', message_id => '木兰message_2') > 0 AS track,
    mhub.group('{"cookie": "木兰cookie"}', 'g-1') = :person AS grouped;
SELECT count(*) AS rejected FROM mhub.ingest('{"batch": [{"type": "track", "userId": "木兰user-4711", "messageId": "木兰rejected", "properties": {"k": "木兰rejected_property"}}, {"type": "nothing", "context": {"traits": {"email": "木兰MAIL@example.com"}}}]}') WHERE status = 'rejected';
SELECT mhub.record_consent('{"cookie": "木兰cookie"}', 'marketing', proof => '木兰proof') = :person AS consent;
INSERT INTO mhub.message (person_id, channel, purpose, recipient, data, idempotency_key, order_key, provider)
VALUES (:person, 'webhook', 'system', '木兰recipient', '{"text": "木兰data"}', '木兰key', '木兰order_key', 'hook') RETURNING message_id \gset
INSERT INTO mhub.message (channel, purpose, recipient, data) VALUES ('email', 'system', '木兰Mail@example.com', '{"text": "木兰bare"}'), ('sms', 'system', '13811112222', '{"text": "木兰sms"}'), ('sms', 'system', '13811112223', '{}');
SELECT mhub.record_delivery_event('bounced', idempotency_key => '木兰key', detail => '木兰bounced') AS bounced, mhub.queue_event_webhooks('crm', 0, (SELECT max(event_id) FROM mhub.event)) AS told;
INSERT INTO mhub.delivery_failure (message_id, attempt, provider, state, reason, answer) VALUES (:message_id, 1, 'hook', 'failed', 'http_400', '木兰answer');
SELECT mhub.add_to_segment('list', ARRAY[:person]) AS listed, mhub.enroll('wf', '{"cookie": "木兰cookie"}', '{"c": "木兰enrollment"}') > 0 AS enrolled;
INSERT INTO mhub.task (queue, title, person_id, data) VALUES ('calls', '木兰title_of_task', :person, '{"x": "木兰task"}');
SET LOCAL client_min_messages = warning;
CALL mhub.link_identifiers($$SELECT 'cookie', '木兰cookie', 'device', '木兰device'$$, 'crm');

-- Sealed values do not show; what does is the person's, and the export has all of it, and they.
SELECT * FROM pg_temp.found();
SELECT mhub.export_person(:person)::text AS export \gset
SELECT f.relation, word AS not_exported FROM pg_temp.found() AS f, regexp_split_to_table(f.words, ' ') AS word WHERE position('木兰' || word IN :'export') = 0;
SELECT bool_and(position(word IN :'export') > 0) AS sealed_ones FROM unnest('{木兰mail@example.com,+8613811112222,木兰first,木兰proof}'::text[]) AS word;
SELECT position('bystander' IN :'export') = 0 AS nobody_else;

-- Of the columns that they may read, the analyst sees no word in any, in a view or in statistics, and the marketer neither whom a message went to nor what it said.
CREATE ROLE regress_mhub_marketer; CREATE ROLE regress_mhub_analyst;
SELECT mhub.grant_access('regress_mhub_marketer', 'marketer') + mhub.grant_access('regress_mhub_analyst', 'analyst') > 0 AS granted;
ANALYZE mhub.identifier, mhub.person, mhub.message, mhub.event, mhub.merge_log;
CREATE FUNCTION pg_temp.seen() RETURNS TABLE (relation text, words text) LANGUAGE plpgsql AS $$
DECLARE
    columns text;
BEGIN
    FOR relation, columns IN
        SELECT c.relname, string_agg(format('t.%I::text', a.attname), ', ' ORDER BY a.attnum)
        FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace = 'mhub'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition AND has_column_privilege(c.oid, a.attnum, 'SELECT')
        GROUP BY c.relname ORDER BY 1
    LOOP
        BEGIN
            EXECUTE format($q$SELECT string_agg(DISTINCT hit[1], ' ' ORDER BY hit[1]) FROM mhub.%I AS t, regexp_matches(concat_ws(' ', %s), '木兰(\w+)', 'g') AS hit$q$, relation, columns) INTO words;
        EXCEPTION WHEN insufficient_privilege THEN
            CONTINUE; -- a view with a function that is not theirs
        END;
        CONTINUE WHEN words IS NULL;
        RETURN NEXT;
    END LOOP;
    FOR relation, words IN SELECT 'statistics of ' || tablename, attname FROM pg_stats WHERE schemaname = 'mhub' AND concat_ws(' ', most_common_vals::text, histogram_bounds::text) ~ '木兰' ORDER BY 1, 2 LOOP
        RETURN NEXT;
    END LOOP;
END $$;
SET LOCAL ROLE regress_mhub_analyst;
SELECT * FROM pg_temp.seen();
SET LOCAL ROLE regress_mhub_marketer;
SELECT * FROM pg_temp.seen();
RESET ROLE;

SELECT mhub.erase_person(:other, 'request 1') -> 'persons' @> jsonb_build_array(:person, :other) AS erased;
SELECT * FROM pg_temp.found();
SELECT channel, state, reason, recipient, data, count(*) FROM mhub.message GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4;
SELECT traits FROM mhub.person WHERE person_id = :bystander;
SELECT mhub.replay_webhook('crm', '-infinity', 'infinity') AS nothing_told_again;
ROLLBACK;
