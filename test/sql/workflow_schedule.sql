-- Who enters by the clock, who follows a merge, who is moved to another version.
BEGIN;
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO';
SELECT mhub.install() > 0 AS applied;
INSERT INTO mhub.template (key, channel, text_body) VALUES ('hi', 'email', 'hi');
CREATE FUNCTION pg_temp.later(by interval) RETURNS void LANGUAGE sql AS $$ SELECT set_config('mhub.simulated_time', to_char((mhub.now() + by) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), true) $$;
CREATE FUNCTION pg_temp.somebody(name text) RETURNS bigint LANGUAGE sql AS $$ SELECT mhub.identify(jsonb_build_object('user_id', name)) $$;

-- the next run of a schedule: weekdays, the 31st of short months, both changes of the clock
SELECT mhub.next_schedule('{"at": "09:00", "weekdays": ["mon", "thu"]}', 'Asia/Shanghai', '2027-03-05 12:00+00') AS monday,
       mhub.next_schedule('{"at": "09:00", "day_of_month": 31}', 'Asia/Shanghai', '2027-01-31 01:00+00') AS end_of_february,
       mhub.next_schedule('{"at": "02:30"}', 'Europe/Berlin', '2027-03-27 12:00+00') AS skipped_hour,
       mhub.next_schedule('{"at": "02:30"}', 'Europe/Berlin', '2027-10-30 12:00+00') AS repeated_hour;
-- once a day, on the days of the changes too; the last days of a leap February
WITH RECURSIVE run (season, at) AS (
    SELECT season, mhub.next_schedule('{"at": "02:30"}', 'Europe/Berlin', since) FROM (VALUES ('spring', '2027-03-27 00:00+00'::timestamptz), ('autumn', '2027-10-30 00:00+00')) AS v (season, since)
    UNION ALL
    SELECT season, mhub.next_schedule('{"at": "02:30"}', 'Europe/Berlin', at) FROM run WHERE at < '2027-03-30' OR season = 'autumn' AND at < '2027-11-02')
SELECT season, at, at AT TIME ZONE 'Europe/Berlin' AS local FROM run ORDER BY at;
SELECT d AS day_of_month, mhub.next_schedule(jsonb_build_object('at', '09:00', 'day_of_month', d), 'Asia/Shanghai', '2028-02-10 00:00+00') AS leap_year,
       mhub.next_schedule(jsonb_build_object('at', '09:00', 'day_of_month', d), 'Asia/Shanghai', '2027-02-10 00:00+00') AS other_year FROM generate_series(28, 31) AS d;
SELECT mhub.date_occurrence('1992-02-29', true, '0', '09:00', 'Asia/Shanghai', '2028-02-20', '2028-03-05') AS leap_year,
       mhub.date_occurrence('1992-02-29', true, '1 year', '09:00', 'Asia/Shanghai', '2028-02-20', '2028-03-05') AS year_after,
       mhub.date_occurrence('1990-03-28', true, '0', '02:30', 'Europe/Berlin', '2027-03-27', '2027-03-30') AS skipped_hour,
       mhub.date_occurrence('1990-10-31', true, '0', '02:30', 'Europe/Berlin', '2027-10-30', '2027-11-02') AS repeated_hour;
-- delays on a person's wall clock over both changes: a day keeps the time, 24 hours pass, a time of day comes once
SELECT d.start, s.step, s.at, s.at AT TIME ZONE 'Europe/Berlin' AS local
FROM (VALUES ('2027-03-27 01:30+00'::timestamptz), ('2027-10-30 00:30+00'), ('2028-01-31 08:00+00')) AS d (start),
    LATERAL mhub.simulate_workflow('{"triggers": [{"type": "api"}], "start": "day", "steps": {
        "day": {"type": "delay", "for": "1 day", "next": "hours"}, "hours": {"type": "delay", "for": "24 hours", "next": "until"},
        "until": {"type": "delay", "for": "1 hour", "until": {"time": "02:30"}, "next": "month"}, "month": {"type": "delay", "for": "1 month", "next": null}}}'::jsonb,
        '{"time_zone": "Europe/Berlin"}', from_time => d.start) AS s WHERE s.outcome = 'done' ORDER BY d.start, s.at;
-- a rare day is found all the same; a date that cannot be is none
SELECT mhub.next_schedule('{"at": "09:00", "weekdays": ["mon"], "day_of_month": 29}', 'UTC', '2027-03-30') AS monday_29th,
       count(mhub.next_schedule(jsonb_build_object('at', '09:00', 'weekdays', jsonb_build_array(w), 'day_of_month', m), 'UTC', '2027-01-01'::timestamptz + g * interval '37 days')) AS found
FROM unnest(ARRAY['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']) AS w, generate_series(1, 31) AS m, generate_series(0, 5) AS g;
SELECT d, mhub.date_occurrence(d, y, '0', '09:00', 'UTC', '2027-01-01', '2027-12-31') AS occurrence
FROM unnest(ARRAY['0000-05-05', '9999-12-31', '2027-06-31', '2027-00-10', '２０２７-01-02', '']) AS d, unnest(ARRAY[false, true]) AS y ORDER BY d COLLATE "C", y;
-- anniversaries: leap days, offsets, time zones, what is no date
SELECT d, mhub.date_occurrence(d, true, o::interval, '09:00', 'Asia/Shanghai', '2027-02-20 00:00+00', '2027-03-05 00:00+00') AS occurrence
FROM (VALUES ('1992-02-29', '0'), ('1992-02-29', '-7 days'), ('1980-03-01T00:00:00Z', '0'), ('1980-03-06', '0'), ('1980-13-45', '0'), ('soon', '0'), ('1990-02-31', '0')) AS v (d, o);
SELECT mhub.date_occurrence('2027-03-01', false, '-3 days', '10:00', 'UTC', '2027-02-20', '2027-03-05') AS once,
       mhub.date_occurrence('2026-03-01', false, '0', '10:00', 'UTC', '2027-02-20', '2027-03-05') AS past,
       mhub.date_occurrence('1999-12-31', true, '0', '10:00', 'UTC', '2027-12-25', '2028-01-05') AS new_years_eve;

-- birthdays at nine in the morning wherever one is
SELECT set_config('mhub.simulated_time', '2027-03-01 00:00:00', true);
SELECT mhub.create_workflow('birthday', '{"triggers": [{"type": "date", "trait": "birthday", "yearly": true, "at": "09:00"}], "time_zone": "Asia/Shanghai", "start": "t",
    "steps": {"t": {"type": "task", "queue": "q", "title": "congratulate", "next": null}}}');
SELECT mhub.publish_workflow('birthday');
SELECT pg_temp.somebody(n) > 0 AS known FROM unnest(ARRAY['shanghai', 'berlin', 'tomorrow', 'none']) AS n;
UPDATE mhub.person AS p SET traits = v.traits FROM (VALUES ('shanghai', '{"birthday": "1990-03-01"}'::jsonb), ('berlin', '{"birthday": "1985-03-01", "time_zone": "Europe/Berlin"}'), ('tomorrow', '{"birthday": "2000-03-02"}')) AS v (name, traits)
WHERE p.person_id = pg_temp.somebody(v.name);
CALL mhub.advance_workflows();
SELECT i.value, e.wake_at, e.entry_key, e.outcome FROM mhub.enrollment AS e JOIN mhub.identifier AS i USING (person_id) ORDER BY e.wake_at;
SELECT pg_temp.later('2 hours');
CALL mhub.advance_workflows();
SELECT pg_temp.later('6 hours');
CALL mhub.advance_workflows();
SELECT i.value, e.outcome FROM mhub.enrollment AS e JOIN mhub.identifier AS i USING (person_id) ORDER BY e.enrollment_id;
SELECT pg_temp.later('1 day');
CALL mhub.advance_workflows();
SELECT i.value, e.outcome FROM mhub.enrollment AS e JOIN mhub.identifier AS i USING (person_id) ORDER BY e.enrollment_id;
SELECT count(*) AS tasks FROM mhub.task;

-- a schedule lets everybody in, once
SELECT mhub.create_workflow('weekly', '{"triggers": [{"type": "schedule", "at": "08:00", "weekdays": ["wed"]}], "start": "d", "steps": {"d": {"type": "delay", "for": "1 day", "next": null}}}');
SELECT mhub.publish_workflow('weekly');
SELECT set_config('mhub.simulated_time', '2027-03-03 08:00:00', true);
CALL mhub.advance_workflows();
SELECT pg_temp.later('7 days');
CALL mhub.advance_workflows();
SELECT outcome, count(*) FROM mhub.enrollment_status WHERE workflow = 'weekly' GROUP BY 1;
SELECT next_run_at FROM mhub.workflow_schedule WHERE settings ->> 'type' = 'schedule';

-- a merge: the enrollment that entered first goes on, under the survivor; entries that ended keep their count
SELECT mhub.create_workflow('two', '{"triggers": [{"type": "api"}], "reentry": {"after": "end"}, "start": "d", "steps": {"d": {"type": "delay", "for": "10 days", "next": "m"}, "m": {"type": "message", "channel": "email", "template": "hi", "next": null}}}');
SELECT mhub.publish_workflow('two');
SELECT mhub.identify('{"cookie": "c-1"}') > 0, mhub.identify('{"email": "li@example.com"}') > 0;
SELECT mhub.enroll('two', '{"email": "li@example.com"}') > 0 AS first;
SELECT pg_temp.later('1 day');
SELECT mhub.enroll('two', '{"cookie": "c-1"}') > 0 AS second;
CALL mhub.advance_workflows();
SELECT mhub.identify('{"cookie": "c-1", "email": "li@example.com"}') > 0 AS merged;
CALL mhub.advance_workflows();
SELECT e.person_id = mhub.person_id('cookie', 'c-1') AS survivors, e.entry_no, mhub.enrollment_outcome(e.outcome) AS outcome, e.entered_at
FROM mhub.enrollment AS e JOIN mhub.workflow AS w USING (workflow_id) WHERE w.key = 'two' ORDER BY e.enrollment_id;
SELECT step, waiting FROM mhub.workflow_waiting WHERE workflow = 'two';

-- another version: the dry run tells, then they move, and the rest stays
SELECT mhub.create_workflow('two', '{"triggers": [{"type": "api"}], "start": "pause", "steps": {"pause": {"type": "delay", "for": "1 hour", "next": "note"}, "note": {"type": "task", "queue": "q", "title": "migrated", "next": null}}}');
SELECT * FROM mhub.migrate_enrollments('two', 1, 2);
SELECT * FROM mhub.migrate_enrollments('two', 1, 2, '{"d": "note"}');
SELECT * FROM mhub.migrate_enrollments('two', 1, 2, '{"d": "pause"}');
SELECT version, step, outcome FROM mhub.enrollment_status WHERE workflow = 'two' ORDER BY enrollment_id;
SELECT * FROM mhub.migrate_enrollments('two', 1, 2, '{"d": "pause"}', false);
SELECT version, step, outcome FROM mhub.enrollment_status WHERE workflow = 'two' ORDER BY enrollment_id;
SELECT pg_temp.later('9 days');
CALL mhub.advance_workflows();
SELECT version, step, outcome FROM mhub.enrollment_status WHERE workflow = 'two' ORDER BY enrollment_id;
SELECT version, step, waiting FROM mhub.workflow_waiting WHERE workflow = 'two' ORDER BY 1, 2;
SELECT step, step_type, outcome FROM mhub.trace('two', '{"cookie": "c-1"}') ORDER BY enrollment_id, at, step;

-- one workflow sends into another, and takes out of it
SELECT mhub.create_workflow('boss', '{"triggers": [{"type": "api"}], "start": "in", "steps": {"in": {"type": "enter_workflow", "workflow": "two", "data": {"from": "boss"}, "next": "d"},
    "d": {"type": "delay", "for": "10 minutes", "next": "out"}, "out": {"type": "exit_workflow", "workflow": "two", "next": "g"}, "g": {"type": "goal", "goal": "done"}}}');
SELECT mhub.publish_workflow('boss'), mhub.publish_workflow('two');
SELECT mhub.enroll('boss', '{"user_id": "陈"}') > 0 AS entered;
CALL mhub.advance_workflows();
SELECT workflow, step, outcome, context FROM mhub.enrollment_status WHERE person_id = pg_temp.somebody('陈') ORDER BY enrollment_id;
SELECT pg_temp.later('10 minutes');
CALL mhub.advance_workflows();
SELECT workflow, step, outcome FROM mhub.enrollment_status WHERE person_id = pg_temp.somebody('陈') ORDER BY enrollment_id;

-- entering a segment is an event
SELECT mhub.create_workflow('vip', '{"triggers": [{"type": "segment", "segment": "vip"}], "start": "d", "steps": {"d": {"type": "delay", "for": "1 day", "spread": "2 hours", "next": null}}}');
SELECT mhub.publish_workflow('vip');
SELECT count(mhub.record_event(i.identifier_id, e.name, jsonb_build_object('segment', e.segment), mhub.now()))
FROM mhub.identifier AS i, (VALUES ('berlin', 'Segment Entered', 'vip'), ('shanghai', 'Segment Entered', 'other'), ('tomorrow', 'Segment Left', 'vip')) AS e (who, name, segment) WHERE i.value = e.who;
CALL mhub.advance_workflows();
SELECT i.value, s.step, s.wake_at BETWEEN mhub.now() + '1 day' AND mhub.now() + '26 hours' AS spread FROM mhub.enrollment_status AS s JOIN mhub.identifier AS i USING (person_id) WHERE s.workflow = 'vip';

-- tasks are handed out by priority, then age
SELECT mhub.claim_task('q', 'amy') < mhub.claim_task('q', 'bob') AS in_order, mhub.claim_task('other', 'amy') AS none;
SELECT mhub.finish_task(min(task_id), '{"reached": true}'), mhub.finish_task(-1) FROM mhub.task WHERE state = 'claimed';
SELECT state, claimed_by, result FROM mhub.task WHERE claimed_by IS NOT NULL ORDER BY task_id;

-- erasing somebody who is under way; a rewrite of the table is noticed
SELECT mhub.enroll('two', '{"user_id": "erased"}') > 0 AS entered;
SELECT mhub.erase_person(pg_temp.somebody('erased'), 'asked for') IS NOT NULL AS erased;
SELECT mhub.enroll('two', '{"user_id": "kept"}') > 0 AS entered;
UPDATE mhub.workflow_engine SET place = 'elsewhere';
TRUNCATE mhub.enrollment_wake;
SELECT pg_temp.later('2 hours');
CALL mhub.advance_workflows();
SELECT pg_temp.later('2 hours');
CALL mhub.advance_workflows();
SELECT version, step, outcome FROM mhub.enrollment_status WHERE person_id = pg_temp.somebody('kept');
SELECT check_name, status, detail FROM mhub.doctor_workflow();
ROLLBACK;
