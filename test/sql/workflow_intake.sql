-- Entering and waking: whose data make it fail holds up nobody else, in the same workflow or another; dates count when they come.
\set SHOW_CONTEXT never
BEGIN;
SET LOCAL timezone = 'UTC';
SET LOCAL client_min_messages = error;
SELECT mhub.install() > 0 AS applied;
SET LOCAL mhub.simulated_time = '2027-03-01 08:00:00';
CREATE FUNCTION pg_temp.later(by interval) RETURNS void LANGUAGE sql AS $$ SELECT set_config('mhub.simulated_time', to_char((mhub.now() + by) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), true) $$;
CREATE FUNCTION pg_temp.does(who integer, event text) RETURNS bigint LANGUAGE sql
AS $$ SELECT mhub.record_event(i.identifier_id, event, '{}', mhub.now()) FROM mhub.identifier AS i WHERE i.value = '人' || who $$;
SELECT count(mhub.identify(jsonb_build_object('user_id', '人' || n), jsonb_build_object('n', n))) FROM generate_series(1, 40) AS n;
CREATE VIEW pg_temp.inside AS
SELECT w.key AS workflow, count(*) AS people, string_agg(substr(i.value, 2), ',' ORDER BY substr(i.value, 2)::integer) FILTER (WHERE e.outcome <> 0) AS ended
FROM mhub.enrollment AS e JOIN mhub.workflow AS w USING (workflow_id) JOIN mhub.identifier AS i USING (person_id) GROUP BY 1;
CREATE VIEW pg_temp.failure AS
SELECT w.key AS workflow, f.part, f.failures, regexp_replace(f.what, '\d+', '#', 'g') AS what, f.error FROM mhub.intake_failure AS f JOIN mhub.workflow AS w USING (workflow_id) ORDER BY 1, 2;

-- A trigger of the user's own on mhub.enrollment that does not like some.
CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT w.key FROM mhub.workflow AS w WHERE w.workflow_id = new.workflow_id) LIKE 'touchy%'
       AND EXISTS (SELECT FROM mhub.identifier AS i WHERE i.person_id = new.person_id AND i.value IN ('人7', '人23')) THEN
        RAISE EXCEPTION 'not him';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON mhub.enrollment FOR EACH ROW EXECUTE FUNCTION pg_temp.refuse();
SELECT mhub.create_workflow(k, '{"triggers": [{"type": "event", "event": "A"}], "goals": [{"key": "g", "event": "G"}], "reentry": {"after": "end"}, "start": "d",
    "steps": {"d": {"type": "delay", "for": "30 days", "next": null}}}') FROM unnest(ARRAY['calm', 'touchy']) AS k;
SELECT mhub.publish_workflow('calm'), mhub.publish_workflow('touchy');

SELECT count(pg_temp.does(n, 'A')) FROM generate_series(1, 40) AS n;
CALL mhub.advance_workflows();
SELECT * FROM pg_temp.inside ORDER BY 1;
SELECT * FROM pg_temp.failure;
SELECT check_name, status FROM mhub.doctor_workflow() WHERE check_name = 'intake of workflows';

-- Other errors than those about data end the call as ever, and nothing is passed over.
CREATE OR REPLACE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM nonexistent(); END $$;
SELECT pg_temp.does(1, 'A') > 0 AS done;
SAVEPOINT before;
SELECT mhub.take_in_events('trigger', 0, mhub.event_horizon());
ROLLBACK TO before;
SELECT sum(failures) FROM mhub.intake_failure;

-- Waking: the same for a trigger on UPDATE.
CREATE OR REPLACE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM mhub.identifier AS i WHERE i.person_id = new.person_id AND i.value = '人9') THEN
        RAISE EXCEPTION 'let him sleep';
    END IF;
    RETURN new;
END $$;
DROP TRIGGER refuse ON mhub.enrollment;
CREATE TRIGGER refuse BEFORE UPDATE ON mhub.enrollment FOR EACH ROW WHEN (old.signal = 0 AND new.signal <> 0) EXECUTE FUNCTION pg_temp.refuse();
SELECT pg_temp.later('1 minute');
SELECT count(pg_temp.does(n, 'G')) FROM generate_series(8, 10) AS n;
CALL mhub.advance_workflows();
SELECT * FROM pg_temp.inside ORDER BY 1;
SELECT * FROM pg_temp.failure WHERE part = 'signal';
DROP TRIGGER refuse ON mhub.enrollment;

-- Requests of other workflows, and the clock.
CREATE OR REPLACE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM mhub.identifier AS i WHERE i.person_id = new.person_id AND i.value IN ('人7', '人23')) THEN
        RAISE EXCEPTION 'not him';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON mhub.enrollment FOR EACH ROW EXECUTE FUNCTION pg_temp.refuse();
SELECT mhub.create_workflow('daily', '{"time_zone": "UTC", "triggers": [{"type": "schedule", "at": "09:00", "if": "n > 3"}, {"type": "date", "trait": "due", "at": "09:00"}], "reentry": {"after": "end"}, "start": "e", "steps": {"e": {"type": "exit"}}}');
SELECT mhub.publish_workflow('daily');
INSERT INTO mhub.enrollment_request (action, person_id, workflow_id, requested_at)
SELECT 'enter', i.person_id, w.workflow_id, mhub.now() FROM mhub.identifier AS i, mhub.workflow AS w WHERE i.value IN ('人7', '人8', '人10') AND w.key = 'touchy' ORDER BY i.value;
CALL mhub.advance_workflows();
SELECT * FROM pg_temp.failure WHERE part = 'request';
SELECT workflow, people FROM pg_temp.inside WHERE workflow = 'touchy';
-- Their dates: 7 is refused. 8's came a minute before the time, 9's has gone by then; 10's and 11's are tomorrow, which comes to Kathmandu first.
UPDATE mhub.person AS p SET traits = p.traits || jsonb_build_object('due', CASE WHEN i.value IN ('人10', '人11') THEN '2027-03-02' ELSE '2027-03-01' END)
    || CASE i.value WHEN '人10' THEN '{"time_zone": "Asia/Kathmandu"}' ELSE '{}' END::jsonb
FROM mhub.identifier AS i WHERE i.person_id = p.person_id AND i.value IN ('人7', '人9', '人10', '人11');
SELECT pg_temp.later('58 minutes');
CALL mhub.advance_workflows();
SELECT count(*) AS none FROM mhub.enrollment AS e JOIN mhub.workflow AS w USING (workflow_id) WHERE w.key = 'daily';
UPDATE mhub.person AS p SET traits = p.traits || CASE i.value WHEN '人8' THEN '{"due": "2027-03-01"}' ELSE '{"due": "2027-03-05"}' END::jsonb FROM mhub.identifier AS i WHERE i.person_id = p.person_id AND i.value IN ('人8', '人9');
SELECT pg_temp.later('1 minute');
CALL mhub.advance_workflows();
SELECT e.entry_key, count(*) AS people, min(i.value) AS first, max(e.entered_at) AS at FROM mhub.enrollment AS e JOIN mhub.workflow AS w USING (workflow_id) JOIN mhub.identifier AS i USING (person_id) WHERE w.key = 'daily' GROUP BY 1 ORDER BY 1;
SELECT * FROM pg_temp.failure WHERE workflow = 'daily';
SELECT pg_temp.later('18 hours 15 minutes');
CALL mhub.advance_workflows();
SELECT i.value, e.entered_at FROM mhub.enrollment AS e JOIN mhub.workflow AS w USING (workflow_id) JOIN mhub.identifier AS i USING (person_id) WHERE w.key = 'daily' AND e.entry_key LIKE 'date%' ORDER BY e.entered_at;

-- Moving: a workflow in which all fail is set aside as a whole, and the people of others move.
DROP TRIGGER refuse ON mhub.enrollment;
CREATE OR REPLACE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no work for %', new.queue; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON mhub.task FOR EACH ROW WHEN (new.queue = 'nobody') EXECUTE FUNCTION pg_temp.refuse();
SELECT mhub.create_workflow(queue, format('{"triggers": [{"type": "event", "event": "B"}], "start": "t", "steps": {"t": {"type": "task", "queue": "%s", "title": "call", "next": null}}}', queue)::jsonb), mhub.publish_workflow(queue)
FROM unnest(ARRAY['nobody', 'somebody']) AS queue;
SELECT count(pg_temp.does(n, 'B')) FROM generate_series(1, 40) AS n;
CALL mhub.advance_workflows();
SELECT w.key, mhub.enrollment_outcome(e.outcome), count(*), count(DISTINCT f.error) AS errors, bool_and(e.outcome <> 0 OR e.wake_at = mhub.now() + interval '1 hour') AS later
FROM mhub.enrollment AS e JOIN mhub.workflow AS w USING (workflow_id) LEFT JOIN mhub.enrollment_failure AS f USING (enrollment_id) WHERE w.key LIKE '%body' GROUP BY 1, 2 ORDER BY 1;
SELECT count(*) AS tasks FROM mhub.task;
DROP TRIGGER refuse ON mhub.task;
SELECT pg_temp.later('1 hour');
CALL mhub.advance_workflows();
SELECT queue, count(*) AS tasks FROM mhub.task GROUP BY 1 ORDER BY 1;

-- Lengths of time that lead out of the calendar
SELECT c.path, c.problem FROM mhub.check_workflow('{"triggers": [{"type": "date", "trait": "d", "offset": "-300000 years"}], "late": {"after": "101 years"}, "reentry": {"after": "100 years"}, "start": "a",
    "steps": {"a": {"type": "delay", "for": "300000 years", "next": "b"}, "b": {"type": "wait_for", "event": "x", "timeout": "40000 days", "next": null, "on_timeout": null}}}') AS c ORDER BY 1;
-- what is passed over: errors of data, not of the server or the caller
SELECT code, mhub.is_about_data(code) FROM unnest('{21000,22012,23505,38000,39000,54000,P0001,40P01,53200,57014,42P01,XX000,MH001}'::text[]) AS code;
SELECT mhub.is_about_data('22');
ROLLBACK;
