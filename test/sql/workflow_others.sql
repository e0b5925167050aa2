-- Workflows and each other: triggers on their ends and entries, and the bound on going round in circles.
BEGIN;
SET LOCAL timezone = 'UTC';
SELECT mhub.install() > 0 AS applied;
SET LOCAL mhub.simulated_time = '2027-03-01 08:00:00';
CREATE FUNCTION pg_temp.later(by interval) RETURNS void LANGUAGE sql AS $$ SELECT set_config('mhub.simulated_time', to_char((mhub.now() + by) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), true) $$;
CREATE FUNCTION pg_temp.somebody(name text) RETURNS bigint LANGUAGE sql AS $$ SELECT mhub.identify(jsonb_build_object('user_id', name)) $$;
CREATE FUNCTION pg_temp.does(name text, event text, properties jsonb DEFAULT '{}') RETURNS void LANGUAGE sql
AS $$ SELECT mhub.record_event(i.identifier_id, event, properties, mhub.now()) FROM mhub.identifier AS i WHERE i.kind = 'user_id' AND i.value = name $$;
CREATE VIEW pg_temp.people AS
SELECT i.value AS person, s.workflow, s.step, s.outcome, s.context -> 'workflow' ->> 'key' AS from_workflow, s.context -> 'workflow' ->> 'on' AS "on", s.context -> 'workflow' ->> 'outcome' AS came_as
FROM mhub.enrollment_status AS s JOIN mhub.identifier AS i ON i.person_id = s.person_id AND i.kind = 'user_id' ORDER BY s.enrollment_id;
SELECT pg_temp.somebody(n) > 0 AS known FROM unnest(ARRAY['anna', 'bo', '陈', 'dora']) AS n;

SELECT path, problem FROM mhub.check_workflow('{"triggers": [{"type": "workflow"}, {"type": "workflow", "workflow": "nothing", "on": "leave"}, {"type": "workflow", "workflow": "x", "on": "enter", "outcomes": ["merged", "completed"]}], "start": "a", "steps": {"a": {"type": "exit"}}}') ORDER BY path, problem;

SELECT mhub.create_workflow('cart', '{"triggers": [{"type": "event", "event": "Cart Updated"}], "goals": [{"key": "ordered", "event": "Order Completed"}], "exit_when": [{"event": "Cart Emptied"}],
    "reentry": {"after": "end"}, "start": "d", "steps": {"d": {"type": "delay", "for": "1 hour", "next": null}}}');
SELECT mhub.create_workflow('thanks', '{"triggers": [{"type": "workflow", "workflow": "cart", "outcomes": ["goal reached"]}], "start": "t", "steps": {"t": {"type": "task", "queue": "q", "title": "Thanks, {{workflow.key}} {{event.properties.cart_id}}", "next": null}}}');
SELECT mhub.create_workflow('after', '{"triggers": [{"type": "workflow", "workflow": "cart", "if": "vip = true"}], "start": "d", "steps": {"d": {"type": "delay", "for": "1 day", "next": null}}}');
SELECT mhub.create_workflow('watch', '{"triggers": [{"type": "workflow", "workflow": "cart", "on": "enter"}], "start": "d", "steps": {"d": {"type": "delay", "for": "1 day", "next": null}}}');
SELECT mhub.publish_workflow(key) FROM mhub.workflow ORDER BY key;
SELECT mhub.identify(jsonb_build_object('user_id', n), '{"vip": true}') > 0 AS known FROM unnest(ARRAY['bo', 'dora']) AS n;
SELECT pg_temp.does(n, 'Cart Updated', '{"cart_id": "c"}') FROM unnest(ARRAY['anna', 'bo', '陈', 'dora']) AS n;
CALL mhub.advance_workflows();
SELECT pg_temp.does('anna', 'Order Completed'), mhub.leave_workflow('cart', pg_temp.somebody('dora'));
CALL mhub.advance_workflows();
SELECT pg_temp.later('1 hour');
CALL mhub.advance_workflows();
SELECT * FROM pg_temp.people WHERE workflow <> 'cart' ORDER BY workflow, person;
SELECT title FROM mhub.task;
-- a workflow that is archived, or an enrollment that is merged, is no end that anybody waits for
SELECT pg_temp.later('1 day');
SELECT pg_temp.does('bo', 'Cart Updated');
CALL mhub.advance_workflows();
SELECT mhub.archive_workflow('cart');
CALL mhub.advance_workflows();
SELECT count(*) FROM pg_temp.people WHERE workflow = 'after' AND person = 'bo';

-- two workflows that wait for each other's end: ten entries a day, then people are turned away
SELECT mhub.create_workflow('pong', '{"triggers": [{"type": "api"}], "start": "x", "steps": {"x": {"type": "exit"}}}');
SELECT mhub.create_workflow('ping', '{"triggers": [{"type": "api"}, {"type": "workflow", "workflow": "pong"}], "reentry": {"after": "end"}, "start": "x", "steps": {"x": {"type": "exit"}}}');
SELECT mhub.create_workflow('pong', '{"triggers": [{"type": "workflow", "workflow": "ping"}], "reentry": {"after": "end"}, "start": "x", "steps": {"x": {"type": "exit"}}}');
SELECT mhub.publish_workflow('ping'), mhub.publish_workflow('pong');
SELECT mhub.enroll_person('ping', pg_temp.somebody('anna')) > 0 AS entered;
CALL mhub.advance_workflows();
SELECT workflow, outcome, count(*) FROM pg_temp.people WHERE workflow IN ('ping', 'pong') GROUP BY 1, 2 ORDER BY 1, 2;
SELECT workflow, outcome, visits, percent FROM mhub.workflow_metrics WHERE workflow IN ('ping', 'pong') AND step IS NULL ORDER BY 1, 2;
SELECT check_name, status, detail FROM mhub.doctor_workflow() WHERE status <> 'ok';
SELECT count(*) AS left_over FROM mhub.enrollment_request;
-- the next day there is room again
SELECT pg_temp.later('25 hours');
SELECT mhub.enroll_person('ping', pg_temp.somebody('anna')) > 0 AS entered;
CALL mhub.advance_workflows();
SELECT workflow, outcome, count(*) FROM pg_temp.people WHERE workflow IN ('ping', 'pong') GROUP BY 1, 2 ORDER BY 1, 2;

-- the same with steps, in any number of entries at once: each sends two into the other
SELECT mhub.create_workflow('tic', '{"triggers": [{"type": "api"}], "start": "x", "steps": {"x": {"type": "exit"}}}');
SELECT mhub.create_workflow('tac', '{"triggers": [{"type": "api"}], "reentry": {"concurrent": true}, "start": "1", "steps": {"1": {"type": "enter_workflow", "workflow": "tic", "next": "2"}, "2": {"type": "enter_workflow", "workflow": "tic", "next": null}}}');
SELECT mhub.create_workflow('tic', '{"triggers": [{"type": "api"}], "reentry": {"concurrent": true}, "start": "1", "steps": {"1": {"type": "enter_workflow", "workflow": "tac", "next": "2"}, "2": {"type": "enter_workflow", "workflow": "tac", "next": null}}}');
SELECT mhub.publish_workflow('tic'), mhub.publish_workflow('tac');
SELECT mhub.enroll_person('tic', pg_temp.somebody('bo')) > 0 AS entered;
CALL mhub.advance_workflows();
SELECT workflow, outcome, count(*) FROM pg_temp.people WHERE workflow IN ('tic', 'tac') GROUP BY 1, 2 ORDER BY 1, 2;

-- re-entry after a number of days is reckoned on the wall clock of the workflow's zone: a week over the change of the clock is a week
SELECT mhub.create_workflow('week', '{"time_zone": "Europe/Berlin", "triggers": [{"type": "schedule", "at": "08:00", "weekdays": ["wed"]}], "reentry": {"after": "7 days"}, "start": "x", "steps": {"x": {"type": "exit"}}}');
SET LOCAL mhub.simulated_time = '2027-03-22 12:00:00';
SELECT mhub.publish_workflow('week');
SET LOCAL mhub.simulated_time = '2027-03-24 07:00:03';
CALL mhub.advance_workflows();
SET LOCAL mhub.simulated_time = '2027-03-31 06:00:01';
CALL mhub.advance_workflows();
SELECT person, outcome, count(*) FROM pg_temp.people WHERE workflow = 'week' GROUP BY 1, 2 ORDER BY 1;

-- a long run of a schedule goes chunk by chunk, and on behind the last one
SELECT mhub.create_workflow('all', '{"triggers": [{"type": "schedule", "at": "09:00", "if": "chunked = true"}, {"type": "date", "trait": "due", "at": "09:00"}], "start": "x", "steps": {"x": {"type": "exit"}}}');
SELECT mhub.publish_workflow('all');
SELECT mhub.identify(jsonb_build_object('user_id', n), '{"chunked": true, "due": "2027-04-01"}') > 0 AS known FROM unnest(ARRAY['anna', 'bo', 'dora']) AS n;
SET LOCAL mhub.simulated_time = '2027-04-01 09:00:00';
SELECT mhub.run_schedule_chunk(s.version_id, s.number, 2), s.settings ->> 'type' AS type FROM mhub.workflow_schedule AS s JOIN mhub.workflow AS w ON w.active_version_id = s.version_id WHERE w.key = 'all' ORDER BY 2;
SELECT settings ->> 'type' AS type, run_until IS NOT NULL AS under_way, done_upto = pg_temp.somebody('bo') AS upto_bo FROM mhub.workflow_schedule AS s JOIN mhub.workflow AS w ON w.active_version_id = s.version_id WHERE w.key = 'all' ORDER BY 1;
CALL mhub.advance_workflows();
SELECT person, outcome, count(*) FROM pg_temp.people WHERE workflow = 'all' GROUP BY 1, 2 ORDER BY 1;
SELECT settings ->> 'type' AS type, run_until, done_upto, next_run_at FROM mhub.workflow_schedule AS s JOIN mhub.workflow AS w ON w.active_version_id = s.version_id WHERE w.key = 'all' ORDER BY 1;
ROLLBACK;
