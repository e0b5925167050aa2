-- The engine: from trigger to end, with the clock in our hands.
\set SHOW_CONTEXT never
BEGIN;
SET LOCAL timezone = 'UTC';
SELECT mhub.install() > 0 AS applied;
SET LOCAL mhub.simulated_time = '2027-03-01 08:00:00';
INSERT INTO mhub.template (key, channel, text_body) VALUES ('cart', 'sms', '{{first_name}}, your cart'), ('news', 'email', 'news');

CREATE FUNCTION pg_temp.later(by interval) RETURNS void LANGUAGE sql AS $$ SELECT set_config('mhub.simulated_time', to_char((mhub.now() + by) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), true) $$;
CREATE FUNCTION pg_temp.somebody(name text) RETURNS bigint LANGUAGE sql AS $$ SELECT mhub.identify(jsonb_build_object('user_id', name)) $$;
CREATE FUNCTION pg_temp.does(name text, event text, properties jsonb DEFAULT '{}') RETURNS void LANGUAGE sql
AS $$ SELECT mhub.record_event(i.identifier_id, event, properties, mhub.now()) FROM mhub.identifier AS i WHERE i.kind = 'user_id' AND i.value = name $$;
CREATE VIEW pg_temp.people AS
SELECT i.value AS person, s.workflow, s.version, s.step, s.outcome, s.wake_at, s.entry_key, s.entry_no
FROM mhub.enrollment_status AS s JOIN mhub.identifier AS i ON i.person_id = s.person_id AND i.kind = 'user_id' ORDER BY s.enrollment_id;
SELECT pg_temp.somebody(n) > 0 AS known FROM unnest(ARRAY['anna', 'bo', '陈', 'dora']) AS n;
SELECT mhub.record_consent('{"user_id": "anna"}', 'marketing', 'sms', true) IS NOT NULL AS consents;

SELECT mhub.create_workflow('cart', '{
  "triggers": [{"type": "event", "event": "Cart Updated", "where": "amount >= 100"}], "reentry": {"after": "end", "per": "cart_id"},
  "goals": [{"key": "ordered", "event": "Order Completed"}], "exit_when": [{"event": "Cart Emptied"}],
  "start": "wait",
  "steps": {
    "wait": {"type": "delay", "for": "72 hours", "next": "sms"},
    "sms": {"type": "message", "channel": "sms", "template": "cart", "data": {"coupon": "BACK10"}, "next": "answer"},
    "answer": {"type": "wait_for", "event": "Link Clicked", "where": "link = ''cart''", "timeout": "2 days", "next": "keen", "on_timeout": "big"},
    "keen": {"type": "update", "set": {"keen": true}, "context": {"clicked": true}, "next": "seen"},
    "seen": {"type": "decision", "branches": [{"name": "now keen", "if": "keen = true and $context.clicked = true", "next": null}], "else": "call"},
    "big": {"type": "decision", "branches": [{"name": "big", "if": "$context.event.properties.amount > 500", "next": "call"}], "else": null},
    "call": {"type": "task", "queue": "call-centre", "priority": 1, "title": "Call about the cart", "due_in": "1 day", "next": "hook"},
    "hook": {"type": "webhook", "url": "https://crm.example/cart", "data": {"kind": "cart"}, "next": null}}}');
SELECT mhub.publish_workflow('cart');

SELECT pg_temp.does('anna', 'Cart Updated', '{"amount": 120, "cart_id": "c1"}'), pg_temp.does('bo', 'Cart Updated', '{"amount": 900, "cart_id": "c2"}'),
       pg_temp.does('陈', 'Cart Updated', '{"amount": 300, "cart_id": "c3"}'), pg_temp.does('dora', 'Cart Updated', '{"amount": 99, "cart_id": "c4"}');
-- twice for the same cart is one entry, another cart is another
SELECT pg_temp.does('anna', 'Cart Updated', '{"amount": 130, "cart_id": "c1"}'), pg_temp.does('anna', 'Cart Updated', '{"amount": 130, "cart_id": "c5"}');
CALL mhub.advance_workflows();
SELECT * FROM pg_temp.people;
-- again, and nothing happens
CALL mhub.advance_workflows();
SELECT sum(hops) FROM mhub.enrollment;

-- a goal and an exit criterion end it early; an event before the entry would not
SELECT pg_temp.later('1 day');
SELECT pg_temp.does('陈', 'Order Completed');
CALL mhub.advance_workflows();
SELECT person, step, outcome FROM pg_temp.people WHERE person = '陈';
-- the end of the 72 hours; one microsecond before it nobody moves
SELECT pg_temp.later('47 hours 59 minutes 59 seconds');
CALL mhub.advance_workflows();
SELECT count(*) AS messages FROM mhub.message;
SELECT pg_temp.later('1 second');
CALL mhub.advance_workflows();
SELECT person, step, outcome, wake_at FROM pg_temp.people;
SELECT person_id = pg_temp.somebody('anna') AS annas, channel, template, step, workflow, state, data - 'event' - 'last_event' AS data, not_before FROM mhub.message ORDER BY message_id;
-- anna clicks for one of her carts: the event concerns both
SELECT pg_temp.does('anna', 'Link Clicked', '{"link": "other"}');
CALL mhub.advance_workflows();
SELECT count(*) FROM pg_temp.people WHERE person = 'anna' AND outcome = 'in flight';
SELECT pg_temp.does('anna', 'Link Clicked', '{"link": "cart"}');
CALL mhub.advance_workflows();
SELECT person, step, outcome FROM pg_temp.people WHERE person = 'anna';
SELECT traits -> 'keen' AS keen FROM mhub.person WHERE person_id = pg_temp.somebody('anna');
-- bo lets the time pass: task and webhook
SELECT pg_temp.later('2 days');
CALL mhub.advance_workflows();
SELECT person, step, outcome FROM pg_temp.people WHERE person = 'bo';
SELECT queue, priority, title, data #>> '{event,properties,cart_id}' AS cart, due_at, state FROM mhub.task;
SELECT channel, recipient, data #>> '{data,kind}' AS kind, data #>> '{data,step}' AS step FROM mhub.message WHERE channel = 'webhook';
-- after the end the same cart may enter again
SELECT pg_temp.does('bo', 'Cart Updated', '{"amount": 901, "cart_id": "c2"}');
CALL mhub.advance_workflows();
SELECT person, entry_key, entry_no, step, outcome FROM pg_temp.people WHERE person = 'bo';
SELECT pg_temp.does('bo', 'Cart Emptied');
CALL mhub.advance_workflows();
SELECT person, entry_key, entry_no, step, outcome FROM pg_temp.people WHERE person = 'bo';

SELECT step, outcome, visits, percent, median_time FROM mhub.workflow_metrics ORDER BY step, outcome;
SELECT s.place, s.step, s.outcome, s.at FROM mhub.enrollment_step AS s
WHERE s.enrollment_id = (SELECT min(enrollment_id) FROM mhub.enrollment WHERE person_id = pg_temp.somebody('bo')) ORDER BY s.at, s.place;

-- quiet hours, caps, consent: in the person's own zone
SELECT mhub.create_workflow('news', '{
  "time_zone": "Asia/Shanghai", "triggers": [{"type": "api"}], "reentry": {"concurrent": true}, "start": "a",
  "steps": {
    "a": {"type": "message", "channel": "email", "template": "news", "quiet_hours": {"from": "21:00", "until": "09:00"}, "cap": {"count": 1, "per": "1 day"}, "if_refused": "exit", "next": "b"},
    "b": {"type": "message", "channel": "email", "template": "news", "purpose": "transactional", "next": null}}}');
SELECT mhub.publish_workflow('news');
SELECT mhub.record_consent(jsonb_build_object('user_id', n), 'marketing', 'email', true) IS NOT NULL AS consents FROM unnest(ARRAY['anna', 'bo']) AS n;
UPDATE mhub.person SET traits = '{"time_zone": "America/New_York"}' WHERE person_id = pg_temp.somebody('bo');
TRUNCATE mhub.message;
SELECT set_config('mhub.simulated_time', '2027-03-13 20:30:00', true);
SELECT mhub.enroll_person('news', pg_temp.somebody(n)) > 0 AS entered FROM unnest(ARRAY['anna', 'bo', '陈']) AS n;
CALL mhub.advance_workflows();
-- 04:30 in Shanghai, 15:30 in New York; 陈 has not consented
SELECT person, step, outcome, wake_at FROM pg_temp.people WHERE workflow = 'news';
SELECT mhub.enroll_person('news', pg_temp.somebody('bo')) > 0 AS entered;
CALL mhub.advance_workflows();
SELECT m.person_id = pg_temp.somebody('bo') AS bos, m.step, m.purpose FROM mhub.message AS m ORDER BY m.message_id;
SELECT outcome, visits FROM mhub.workflow_metrics WHERE workflow = 'news' AND step = 'a' ORDER BY outcome;

-- pausing: nobody moves, nobody enters; resuming spreads what is overdue
SELECT mhub.pause_workflow('news');
SELECT mhub.enroll_person('news', pg_temp.somebody('bo')) AS not_entered;
SELECT pg_temp.later('3 days');
CALL mhub.advance_workflows();
SELECT person, outcome FROM pg_temp.people WHERE workflow = 'news' AND outcome = 'in flight';
SELECT mhub.resume_workflow('news', 'spread', '2 hours');
SELECT person, wake_at BETWEEN mhub.now() AND mhub.now() + '2 hours' AS spread FROM pg_temp.people WHERE workflow = 'news' AND outcome = 'in flight';
SELECT pg_temp.later('12 hours');
CALL mhub.advance_workflows();
SELECT person, step, outcome FROM pg_temp.people WHERE workflow = 'news' AND person = 'anna';

-- publishing again, the same version or another, moves nobody and sends nothing again
SELECT mhub.create_workflow('nag', '{"triggers": [{"type": "api"}], "start": "m", "steps": {"m": {"type": "message", "channel": "email", "template": "news", "purpose": "service", "next": "d"}, "d": {"type": "delay", "for": "1 day", "next": "n"}, "n": {"type": "message", "channel": "email", "template": "news", "purpose": "service", "next": null}}}');
SELECT mhub.publish_workflow('nag');
SELECT count(mhub.enroll_person('nag', pg_temp.somebody(n))) FROM unnest(ARRAY['anna', 'bo', '陈', 'dora']) AS n;
CALL mhub.advance_workflows();
SELECT mhub.create_workflow('nag', v.definition) FROM mhub.workflow_version AS v JOIN mhub.workflow AS w USING (workflow_id) WHERE w.key = 'nag';
SELECT mhub.publish_workflow('nag'), mhub.publish_workflow('nag', 1), mhub.publish_workflow('nag');
SELECT pg_temp.later('1 minute');
CALL mhub.advance_workflows();
SELECT count(*) AS messages, count(DISTINCT person_id) AS people FROM mhub.message WHERE workflow = 'nag';
-- the catch-up rules: shift prolongs every wait by the pause; spread moves each at a moment of its own; now is a burst, if asked for
CREATE TEMPORARY TABLE before AS SELECT enrollment_id, wake_at FROM mhub.enrollment_status WHERE workflow = 'nag';
SELECT mhub.pause_workflow('nag');
SELECT pg_temp.later('3 days');
SELECT mhub.resume_workflow('nag', 'shift');
SELECT DISTINCT s.wake_at - b.wake_at AS shifted FROM mhub.enrollment_status AS s JOIN before AS b USING (enrollment_id);
CALL mhub.advance_workflows();
SELECT count(*) FROM mhub.message WHERE workflow = 'nag' AND step = 'n';
SELECT mhub.pause_workflow('nag');
SELECT pg_temp.later('3 days');
SELECT mhub.resume_workflow('nag');
CALL mhub.advance_workflows();
SELECT count(*) FROM mhub.message WHERE workflow = 'nag' AND step = 'n';
SELECT count(DISTINCT wake_at) AS moments, bool_and(wake_at BETWEEN mhub.now() AND mhub.now() + '1 hour') AS within_the_hour FROM mhub.enrollment_status WHERE workflow = 'nag';
SELECT mhub.pause_workflow('nag');
SELECT pg_temp.later('1 day');
SELECT mhub.resume_workflow('nag', 'now');
CALL mhub.advance_workflows();
SELECT count(*) FROM mhub.message WHERE workflow = 'nag' AND step = 'n';
DROP TABLE before;

-- an experiment: how the people of each variant end, in whatever way
SELECT mhub.create_workflow('try', '{"triggers": [{"type": "api"}], "goals": [{"key": "ordered", "event": "Order Completed"}], "start": "e", "steps": {
    "e": {"type": "experiment", "variants": [{"key": "a", "weight": 45, "next": "d"}, {"key": "b", "weight": 45, "next": "d"}, {"key": "holdout", "weight": 10, "next": "d"}]},
    "d": {"type": "delay", "for": "1 day", "next": "again"}, "again": {"type": "experiment", "salt": "2", "variants": [{"key": "x", "next": null}, {"key": "y", "next": null}]}}}');
SELECT mhub.publish_workflow('try');
SELECT count(mhub.enroll('try', jsonb_build_object('user_id', 'try-' || g))) FROM generate_series(1, 60) AS g;
CALL mhub.advance_workflows();
SELECT count(*) FROM (SELECT pg_temp.does('try-' || g, 'Order Completed') FROM generate_series(1, 60, 3) AS g) AS done;
SELECT mhub.leave_workflow('try', pg_temp.somebody('try-2'));
CALL mhub.advance_workflows();
SELECT pg_temp.later('1 day');
CALL mhub.advance_workflows();
-- the counters against what the enrollments themselves say
SELECT v.step, v.variant, v.goal_rate = round(100.0 * v.goals / v.ended, 2) AS rate, v.entered > 0 AS entered,
       v.ended = count(e.*) AS ended, v.goals = count(e.*) FILTER (WHERE e.outcome = 2) AS goals
FROM mhub.workflow_variant AS v
JOIN mhub.workflow AS w ON w.key = v.workflow JOIN mhub.workflow_step AS s ON s.version_id = w.active_version_id AND s.key = v.step
CROSS JOIN LATERAL (SELECT x.place FROM jsonb_array_elements(s.settings -> 'variants') WITH ORDINALITY AS x (variant, place) WHERE x.variant ->> 'key' = v.variant) AS n
JOIN mhub.enrollment AS e ON e.workflow_id = w.workflow_id AND s.step * 1000 + n.place - 1 = ANY (e.variants)
WHERE v.workflow = 'try' GROUP BY v.step, v.variant, v.goal_rate, v.goals, v.ended, v.entered ORDER BY 1, 2;
SELECT sum(entered), sum(ended), sum(goals) FROM mhub.workflow_variant WHERE workflow = 'try' AND step = 'e';
SELECT step, outcome, sum(visits) FROM mhub.workflow_metrics WHERE workflow = 'try' AND step IS DISTINCT FROM 'e' AND step IS DISTINCT FROM 'again' GROUP BY 1, 2 ORDER BY 1, 2;

-- whom the app may bring in can be a matter of a condition
SELECT mhub.create_workflow('grown', '{"triggers": [{"type": "api", "if": "age >= 18"}, {"type": "api", "if": "vip = true"}], "start": "x", "steps": {"x": {"type": "exit"}}}');
SELECT mhub.publish_workflow('grown');
SELECT mhub.identify('{"user_id": "anna"}', '{"age": 20}') > 0, mhub.identify('{"user_id": "bo"}', '{"age": 17}') > 0, mhub.identify('{"user_id": "dora"}', '{"vip": true}') > 0;
SELECT n, mhub.enroll('grown', jsonb_build_object('user_id', n)) IS NOT NULL AS entered FROM unnest(ARRAY['anna', 'bo', '陈', 'dora']) AS n;

-- errors
SAVEPOINT s;
CALL mhub.advance_workflows('-1 s');
ROLLBACK TO s;
SELECT mhub.enroll_person('nothing', 1);
ROLLBACK TO s;
SELECT mhub.enroll_person('news', -1);
ROLLBACK TO s;
ROLLBACK;
