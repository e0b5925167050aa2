-- Values of the person and the event in a step's fields, and where conditions and caps look.
\set SHOW_CONTEXT never
BEGIN;
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO';
SELECT mhub.install() > 0 AS applied;
SET LOCAL mhub.simulated_time = '2027-03-01 08:00:00';
INSERT INTO mhub.template (key, channel, text_body) VALUES ('cart', 'sms', '{{first_name}}, your cart'), ('news', 'email', 'news');
CREATE FUNCTION pg_temp.later(by interval) RETURNS void LANGUAGE sql AS $$ SELECT set_config('mhub.simulated_time', to_char((mhub.now() + by) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), true) $$;
CREATE FUNCTION pg_temp.somebody(name text) RETURNS bigint LANGUAGE sql AS $$ SELECT mhub.identify(jsonb_build_object('user_id', name)) $$;
CREATE FUNCTION pg_temp.does(name text, event text, properties jsonb DEFAULT '{}') RETURNS void LANGUAGE sql
AS $$ SELECT mhub.record_event(i.identifier_id, event, properties, mhub.now()) FROM mhub.identifier AS i WHERE i.kind = 'user_id' AND i.value = name $$;

-- what is wrong with templates, all at once
SELECT path, problem FROM mhub.check_workflow('{"triggers": [{"type": "api"}], "start": "a", "steps": {
    "a": {"type": "task", "queue": "q", "title": "call {{first_name", "next": "b"},
    "b": {"type": "webhook", "url": "https://{{host}}/x", "data": {"deep": ["{{#open}}"]}, "next": "c"},
    "c": {"type": "webhook", "url": "https://crm.example.{{tld}}/x", "next": "d"},
    "d": {"type": "update", "set": {"a": "{{>piece}}"}, "add_to": ["nowhere"], "remove_from": [3], "next": "e"},
    "e": {"type": "decision", "branches": [{"if": "a = ''{{b}}''", "next": null}], "else": null}}}') ORDER BY path, problem;

-- texts stay texts, inside of objects a lone tag keeps its type, what is missing is left out, a URL's values are escaped
SELECT mhub.create_workflow('order', '{
  "triggers": [{"type": "event", "event": "Order Completed"}], "reentry": {"after": "end", "per": "order_id"},
  "start": "call",
  "steps": {
    "call": {"type": "task", "queue": "{{event.properties.shop}}", "title": "Thank {{first_name|the customer}} for order {{event.properties.order_id}}", "data": {"total": "{{event.properties.total}}", "items": "{{event.properties.items}}", "gone": "{{event.properties.gone}}", "list": ["{{first_name}}", "{{gone}}", 1]}, "next": "remember"},
    "remember": {"type": "update", "set": {"last_order": "{{event.properties.order_id}}", "last_total": "{{event.properties.total}}", "greeting": "Hi {{first_name}}"}, "context": {"half": "{{event.properties.total}}"}, "next": "seen"},
    "seen": {"type": "decision", "branches": [{"name": "big", "if": "last_total > 500 and $context.half > 500", "next": "hook"}], "else": "hook"},
    "hook": {"type": "webhook", "url": "https://crm.example/orders/{{last_order}}?name={{first_name}}", "data": {"greeting": "{{greeting}}", "half": "{{half}}"}, "next": "mail"},
    "mail": {"type": "message", "channel": "sms", "template": "cart", "purpose": "service", "campaign": "thanks-{{event.properties.shop}}", "data": {"total": "{{event.properties.total}}"}, "next": null}}}');
SELECT mhub.publish_workflow('order');
SELECT pg_temp.somebody(n) > 0 AS known FROM unnest(ARRAY['陈', 'bo']) AS n;
SELECT mhub.identify('{"user_id": "陈"}', '{"first_name": "陈 & 王"}') > 0 AS known;
SELECT pg_temp.does('陈', 'Order Completed', '{"order_id": "A/1", "total": 900.50, "shop": "上海", "items": [{"sku": 7}]}'), pg_temp.does('bo', 'Order Completed', '{"order_id": "B?2", "total": 9, "shop": "Köln"}');
CALL mhub.advance_workflows();
SELECT queue, title, data - 'event' AS data FROM mhub.task ORDER BY title;
SELECT i.value, p.traits FROM mhub.person AS p JOIN mhub.identifier AS i USING (person_id) ORDER BY p.person_id;
SELECT recipient, data #> '{data,greeting}' AS greeting, data #> '{data,half}' AS half FROM mhub.message WHERE channel = 'webhook' ORDER BY recipient;
SELECT campaign, data -> 'total' AS total FROM mhub.message WHERE channel = 'sms' ORDER BY campaign;
SELECT step, outcome, visits FROM mhub.workflow_metrics WHERE step = 'seen' OR step IS NULL ORDER BY 1, 2;
-- the same in simulation
SELECT step, outcome, detail FROM mhub.simulate_workflow('order', '{"first_name": "Li"}', context => '{"event": {"properties": {"order_id": "C3", "total": 600, "shop": "x"}}}') WHERE step IS NOT NULL;

-- several profiles in one call
SELECT profile_number, step, detail FROM mhub.simulate_workflow('order', '[{"first_name": "Li"}, {}]', context => '{"event": {"properties": {"order_id": "C3", "total": 6}}}') WHERE step IN ('call', 'hook');

-- an awaited event may be about the very thing that began it
SELECT mhub.create_workflow('carts', '{
  "triggers": [{"type": "event", "event": "Cart Updated"}], "reentry": {"after": "end", "per": "cart_id"},
  "goals": [{"key": "ordered", "event": "Cart Ordered", "where": "cart_id = $context.event.properties.cart_id"}],
  "start": "w", "steps": {"w": {"type": "wait_for", "event": "Cart Seen", "where": "cart_id = $context.event.properties.cart_id", "timeout": "1 day", "next": "d", "on_timeout": "d"}, "d": {"type": "delay", "for": "1 day", "next": null}}}');
SELECT mhub.publish_workflow('carts');
SELECT pg_temp.does('bo', 'Cart Updated', jsonb_build_object('cart_id', c)) FROM unnest(ARRAY['c1', 'c2', 'c3']) AS c;
CALL mhub.advance_workflows();
SELECT pg_temp.does('bo', 'Cart Ordered', '{"cart_id": "c1"}'), pg_temp.does('bo', 'Cart Seen', '{"cart_id": "c2"}');
CALL mhub.advance_workflows();
SELECT entry_key, step, outcome FROM mhub.enrollment_status WHERE workflow = 'carts' ORDER BY entry_key;
SELECT step, outcome FROM mhub.simulate_workflow('carts', events => '[{"name": "Cart Seen", "after": "1 hour", "properties": {"cart_id": "x"}}, {"name": "Cart Ordered", "after": "2 hours", "properties": {"cart_id": "y"}}]', context => '{"event": {"properties": {"cart_id": "y"}}}');

-- conditions that must see single events: short windows, and their properties
SELECT mhub.create_workflow('recent', '{"triggers": [{"type": "api"}], "start": "d", "steps": {
    "d": {"type": "decision", "branches": [{"name": "just now", "if": "did(''Looked'', within ''30 minutes'')", "next": null}, {"name": "expensive", "if": "did(''Looked'', where price > 100)", "next": null}], "else": null}}}');
SELECT mhub.publish_workflow('recent');
SELECT pg_temp.does('陈', 'Looked', '{"price": 3}'), pg_temp.does('bo', 'Looked', '{"price": 300}');
SELECT pg_temp.later('2 hours');
SELECT pg_temp.does('陈', 'Looked', '{"price": 4}');
SELECT pg_temp.somebody('zoe') > 0 AS known;
SELECT mhub.enroll_person('recent', pg_temp.somebody(n)) > 0 AS entered FROM unnest(ARRAY['陈', 'bo', 'zoe']) AS n;
CALL mhub.advance_workflows();
SELECT i.value, t.outcome FROM mhub.identifier AS i, LATERAL mhub.trace('recent', jsonb_build_object('user_id', i.value)) AS t WHERE t.step_type = 'decision' AND t.at IS NOT NULL ORDER BY i.identifier_id;
SELECT outcome FROM mhub.simulate_workflow('recent', events => '[{"name": "Looked", "after": "-1 hour", "properties": {"price": 200}}]') WHERE step = 'd';

-- a cap counts what the same wake-up has sent already; in simulation too
SELECT mhub.create_workflow('loud', '{"triggers": [{"type": "api"}], "start": "a", "steps": {
    "a": {"type": "message", "channel": "email", "template": "news", "cap": {"count": 2, "per": "1 day"}, "next": "b"},
    "b": {"type": "message", "channel": "email", "template": "news", "cap": {"count": 2, "per": "1 day"}, "next": "c"},
    "c": {"type": "message", "channel": "email", "template": "news", "cap": {"count": 2, "per": "1 day"}, "next": "d"},
    "d": {"type": "delay", "for": "25 hours", "next": "e"},
    "e": {"type": "message", "channel": "email", "template": "news", "cap": {"count": 1, "per": "26 hours", "then": "exit"}, "next": null}}}');
SELECT mhub.publish_workflow('loud');
SELECT mhub.record_consent('{"user_id": "bo"}', 'marketing', 'email', true) IS NOT NULL AS consents;
SELECT mhub.enroll_person('loud', pg_temp.somebody('bo')) > 0 AS entered;
CALL mhub.advance_workflows();
SELECT pg_temp.later('25 hours');
CALL mhub.advance_workflows();
SELECT step, outcome FROM mhub.trace('loud', '{"user_id": "bo"}');
SELECT step, outcome FROM mhub.simulate_workflow('loud');
-- lists of segments: seen by later steps at once
INSERT INTO mhub.segment (key, condition) VALUES ('called', NULL), ('waiting', NULL), ('rich', 'amount > 3');
SELECT path, problem FROM mhub.check_workflow('{"triggers": [{"type": "api"}], "start": "a", "steps": {"a": {"type": "update", "add_to": ["rich"], "remove_from": ["called"], "next": null}}}');
SELECT mhub.create_workflow('lists', '{"triggers": [{"type": "api"}], "start": "a", "steps": {
    "a": {"type": "update", "add_to": ["called", "waiting"], "next": "b"},
    "b": {"type": "decision", "branches": [{"name": "in both", "if": "in segment ''called'' and in segment ''waiting''", "next": "c"}], "else": null},
    "c": {"type": "update", "remove_from": ["waiting"], "set": {"done": true}, "next": "d"},
    "d": {"type": "decision", "branches": [{"name": "still", "if": "in segment ''waiting''", "next": null}, {"name": "one", "if": "in segment ''called''", "next": "w"}], "else": null},
    "w": {"type": "delay", "for": "1 day", "next": "e"},
    "e": {"type": "decision", "branches": [{"name": "one", "if": "in segment ''called'' and not in segment ''waiting''", "next": null}], "else": null}}}');
SELECT mhub.publish_workflow('lists');
SELECT mhub.enroll_person('lists', pg_temp.somebody(n)) > 0 AS entered FROM unnest(ARRAY['bo', '陈']) AS n;
CALL mhub.advance_workflows();
SELECT pg_temp.later('1 day');
ALTER TABLE mhub.segment DISABLE TRIGGER segment_in_use;
DELETE FROM mhub.segment WHERE key = 'waiting';
ALTER TABLE mhub.segment ENABLE TRIGGER segment_in_use;
CALL mhub.advance_workflows();
SELECT step, outcome, visits FROM mhub.workflow_metrics WHERE workflow = 'lists' AND step IN ('b', 'd', 'e') ORDER BY 1, 2;
SELECT segment, count(*) FROM mhub.segment_listed GROUP BY 1 ORDER BY 1;
-- a list that is gone stops nobody
SELECT mhub.enroll_person('lists', pg_temp.somebody('zoe')) > 0 AS entered;
CALL mhub.advance_workflows();
SELECT segment, count(*) FROM mhub.segment_listed GROUP BY 1 ORDER BY 1;
-- of several updates in one wake-up the last counts, whatever the steps are called
SELECT mhub.create_workflow('last', '{"triggers": [{"type": "api"}], "start": "z", "steps": {
    "z": {"type": "update", "set": {"x": 1, "y": 1, "z": 1}, "add_to": ["called"], "next": "y"},
    "y": {"type": "update", "set": {"x": 2}, "unset": ["y"], "remove_from": ["called"], "next": "x"},
    "x": {"type": "decision", "branches": [{"name": "y is gone", "if": "x = 2 and y is missing", "next": "a"}], "else": null},
    "a": {"type": "update", "set": {"y": 3, "z": 3}, "unset": ["x"], "next": null}}}');
SELECT mhub.publish_workflow('last');
SELECT mhub.enroll_person('last', pg_temp.somebody('bo')) > 0 AS entered;
CALL mhub.advance_workflows();
SELECT p.traits -> 'x' AS x, p.traits -> 'y' AS y, p.traits -> 'z' AS z FROM mhub.person AS p WHERE p.person_id = pg_temp.somebody('bo');
SELECT count(*) FROM mhub.segment_listed AS l WHERE l.person_id = pg_temp.somebody('bo') AND l.segment = 'called';
-- somebody whose data a table refuses holds up nobody else, and is tried again
ALTER TABLE mhub.task ADD CONSTRAINT no_poison CHECK (title NOT LIKE 'poison%');
SELECT mhub.create_workflow('many', '{"triggers": [{"type": "api"}], "start": "t", "steps": {"t": {"type": "task", "queue": "q", "title": "{{title}}", "next": null}}}');
SELECT mhub.publish_workflow('many');
SELECT count(mhub.enroll('many', jsonb_build_object('user_id', 'many-' || g), jsonb_build_object('title', CASE WHEN g IN (7, 33) THEN 'poison' ELSE 'fine' END))) FROM generate_series(1, 50) AS g;
SET LOCAL client_min_messages = error;
CALL mhub.advance_workflows();
CALL mhub.advance_workflows();
SELECT outcome, hops, count(*), min(wake_at) - mhub.now() AS again_in FROM mhub.enrollment AS e JOIN mhub.workflow AS w USING (workflow_id) WHERE w.key = 'many' GROUP BY 1, 2 ORDER BY 1;
SELECT count(*) FROM mhub.task WHERE title = 'fine';
SELECT failures, error FROM mhub.enrollment_failure;
SELECT status, detail FROM mhub.doctor_workflow() WHERE check_name = 'people set aside';
SELECT pg_temp.later('1 hour');
CALL mhub.advance_workflows();
SELECT failures FROM mhub.enrollment_failure;
SELECT pg_temp.later('1 hour');
ALTER TABLE mhub.task DROP CONSTRAINT no_poison;
CALL mhub.advance_workflows();
SELECT outcome, hops, count(*) FROM mhub.enrollment AS e JOIN mhub.workflow AS w USING (workflow_id) WHERE w.key = 'many' GROUP BY 1, 2 ORDER BY 1;
SELECT title, count(*) FROM mhub.task WHERE queue = 'q' GROUP BY 1 ORDER BY 1;
-- what concerns everybody is nobody's data: the call fails, and nothing has happened
ALTER TABLE mhub.task RENAME TO gone;
SELECT mhub.enroll('many', '{"user_id": "one-more"}', '{"title": "x"}') > 0 AS entered;
SAVEPOINT s;
\set VERBOSITY sqlstate
CALL mhub.advance_workflows();
\set VERBOSITY default
ROLLBACK TO s;
ALTER TABLE mhub.gone RENAME TO task;
SELECT outcome, hops, count(*) FROM mhub.enrollment AS e JOIN mhub.workflow AS w USING (workflow_id) WHERE w.key = 'many' GROUP BY 1, 2 ORDER BY 1;
-- round and round: each event is answered once, each day comes once; in simulation and in the engine
SELECT mhub.create_workflow('round', '{"triggers": [{"type": "api"}], "exit_when": [{"event": "Enough"}], "start": "w", "steps": {"w": {"type": "wait_for", "event": "Bell", "timeout": "1 day", "next": "t", "on_timeout": null}, "t": {"type": "task", "queue": "bell", "title": "t", "next": "w"}}}'),
       mhub.create_workflow('daily', '{"triggers": [{"type": "api"}], "exit_when": [{"event": "Enough"}], "start": "w", "steps": {"w": {"type": "delay", "until": {"time": "09:00"}, "next": "t"}, "t": {"type": "task", "queue": "daily", "title": "t", "next": "w"}}}');
SELECT mhub.publish_workflow('round'), mhub.publish_workflow('daily');
SELECT at - '2027-03-01 00:00+00' AS after, step, outcome FROM mhub.simulate_workflow('round', events => '[{"name": "Bell", "after": "1 hour"}, {"name": "Bell", "after": "2 hours"}]', from_time => '2027-03-01 00:00+00');
SELECT at, step FROM mhub.simulate_workflow('daily', from_time => '2027-03-01 09:00+00', to_time => '2027-03-03 10:00+00') WHERE step = 't';
SELECT mhub.enroll_person(w, pg_temp.somebody('bo')) > 0 AS entered FROM unnest(ARRAY['round', 'daily']) AS w;
CALL mhub.advance_workflows();
SELECT pg_temp.does('bo', 'Bell');
CALL mhub.advance_workflows();
SELECT pg_temp.does('bo', 'Bell');
CALL mhub.advance_workflows();
SELECT set_config('mhub.simulated_time', to_char(date_trunc('day', mhub.now() AT TIME ZONE 'UTC') + interval '1 day 9 hours', 'YYYY-MM-DD HH24:MI:SS'), true) IS NOT NULL AS next_morning;
CALL mhub.advance_workflows();
CALL mhub.advance_workflows();
SELECT queue, count(*) FROM mhub.task WHERE queue IN ('bell', 'daily') GROUP BY 1 ORDER BY 1;
-- an event that came before the first step is answered with the facts that are asked for behind the wait
SELECT mhub.create_workflow('fast', '{"triggers": [{"type": "api"}], "start": "w", "steps": {"w": {"type": "wait_for", "event": "Bell", "timeout": "1 day", "next": "d", "on_timeout": null}, "d": {"type": "decision", "branches": [{"name": "greeted", "if": "z = 3", "next": null}], "else": null}}}');
SELECT mhub.publish_workflow('fast');
SELECT mhub.enroll_person('fast', pg_temp.somebody('bo')) > 0 AS entered;
SELECT pg_temp.does('bo', 'Bell');
CALL mhub.advance_workflows();
SELECT step, outcome FROM mhub.trace('fast', '{"user_id": "bo"}');
-- a context that is no object would stop the engine later
SAVEPOINT s;
SELECT mhub.enroll_person('loud', pg_temp.somebody('bo'), '[1]');
ROLLBACK TO s;
-- what the table's owner has added to it holds for the engine, too
ALTER TABLE mhub.enrollment ADD COLUMN tenfold integer GENERATED ALWAYS AS (hops * 10) STORED;
SELECT mhub.enroll_person('fast', pg_temp.somebody('ed')) > 0 AS entered;
CALL mhub.advance_workflows();
SELECT person_id = pg_temp.somebody('ed') AS ed, hops, tenfold FROM mhub.enrollment ORDER BY enrollment_id DESC LIMIT 1;
SAVEPOINT s;
ALTER TABLE mhub.enrollment ADD CONSTRAINT still CHECK (hops < 1) NOT VALID;
SELECT mhub.enroll_person('fast', pg_temp.somebody('di')) > 0 AS entered;
CALL mhub.advance_workflows();
SELECT person_id = pg_temp.somebody('di') AS di, hops, outcome FROM mhub.enrollment ORDER BY enrollment_id DESC LIMIT 1;
ROLLBACK TO s;
SET LOCAL client_min_messages = error;
CREATE PUBLICATION mhub_test_enrollments FOR TABLE mhub.enrollment;
ALTER TABLE mhub.enrollment REPLICA IDENTITY NOTHING;
SELECT mhub.enroll_person('fast', pg_temp.somebody('di')) > 0 AS entered;
\set VERBOSITY terse
CALL mhub.advance_workflows();
\set VERBOSITY default
ROLLBACK;
