-- The template library, each played through in simulation; parameters; pictures.
\set SHOW_CONTEXT never
BEGIN;
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO';
SELECT mhub.install() > 0 AS applied;
SELECT key, mhub.workflow_from_template(key, 'my ' || key) AS version FROM mhub.workflow_template ORDER BY key;
SELECT count(mhub.publish_workflow(key)) FROM mhub.workflow;

CREATE FUNCTION pg_temp.play(template text, profile jsonb, events jsonb, context jsonb DEFAULT '{}', person_id bigint DEFAULT 1)
RETURNS TABLE (at timestamptz, step text, outcome text, detail text) LANGUAGE sql
AS $$ SELECT s.at, s.step, s.outcome, s.detail FROM mhub.simulate_workflow('my ' || template, profile, events, '2027-03-01 02:00+00', NULL, context, person_id) AS s $$;

-- the 72-hour hold, an SMS, a call for a large cart; who orders meanwhile, who is asleep in Shanghai, who has not consented
SELECT * FROM pg_temp.play('abandoned_cart', '{}', '[]', '{"event": {"properties": {"total": 900}}}');
SELECT * FROM pg_temp.play('abandoned_cart', '{}', '[{"name": "Order Completed", "after": "80 hours"}]', '{"event": {"properties": {"total": 900}}}');
SELECT * FROM pg_temp.play('abandoned_cart', '{"time_zone": "America/New_York", "$consent": {"marketing": {"sms": false, "*": true}}}', '[]', '{"event": {"properties": {"total": 9}}}');
SELECT * FROM mhub.simulate_workflow('my abandoned_cart', from_time => '2027-03-01 14:30+00') LIMIT 3;
-- the others
SELECT * FROM pg_temp.play('welcome_series', '{}', '[]');
SELECT * FROM pg_temp.play('welcome_series', '{}', '[{"name": "Order Completed", "after": "3 days"}]');
SELECT * FROM pg_temp.play('lead_nurture', '{"$score": 20}', '[{"name": "Email Opened", "after": "1 day"}]');
SELECT * FROM pg_temp.play('lead_nurture', '{"$score": 75}', '[]');
SELECT variant.person_id, s.step, s.outcome FROM generate_series(1, 4) AS variant (person_id), LATERAL pg_temp.play('win_back', '{}', '[]', '{}', variant.person_id) AS s WHERE s.step <> '' ORDER BY 1, s.at;
SELECT * FROM pg_temp.play('post_purchase', '{}', '[{"name": "Review Submitted", "after": "12 days", "properties": {"stars": 1}}]');
SELECT * FROM pg_temp.play('post_purchase', '{}', '[{"name": "Review Submitted", "after": "12 days", "properties": {"stars": 5}}]');
SELECT * FROM pg_temp.play('birthday', '{}', '[]');
SELECT * FROM pg_temp.play('price_drop', '{}', '[]');
SELECT * FROM pg_temp.play('form_abandoned', '{}', '[]');
SELECT * FROM pg_temp.play('form_abandoned', '{}', '[{"name": "Form Submitted", "after": "10 minutes"}]');
SELECT * FROM pg_temp.play('form_abandoned', '{}', '[{"name": "Form Submitted", "after": "2 hours"}]');
SELECT * FROM pg_temp.play('trial_ending', '{}', '[{"name": "Lesson Started", "after": "1 hour"}, {"name": "Lesson Started", "after": "2 hours"}, {"name": "Lesson Started", "after": "3 hours"}]');
SELECT * FROM pg_temp.play('trial_ending', '{}', '[{"name": "Subscription Started", "after": "1 day"}]');
SELECT * FROM pg_temp.play('event_reminder', '{"next_event_on": "2027-03-05T02:00:00Z"}', '[{"name": "Event Attended", "after": "4 days"}]');
SELECT * FROM pg_temp.play('event_reminder', '{"next_event_on": "2027-03-05T02:00:00Z"}', '[]');
SELECT * FROM pg_temp.play('re_consent', '{}', '[]');
SELECT * FROM pg_temp.play('re_consent', '{}', '[{"name": "Consent Renewed", "after": "15 days"}]');

-- nothing of that was real
SELECT count(*) AS messages FROM mhub.message;
SELECT count(*) AS enrollments FROM mhub.enrollment;
SELECT count(*) AS tasks FROM mhub.task;

-- parameters: numbers stay numbers, quotes stay quotes
SELECT mhub.workflow_from_template('abandoned_cart', 'mine', '{"hold": "1 hour", "call_from": 9.5, "coupon": "say \"hi\"", "queue": "呼叫中心"}');
SELECT v.definition #>> '{steps,hold,for}' AS hold, v.definition #>> '{steps,large,branches,0,if}' AS condition, v.definition #>> '{steps,sms,data,coupon}' AS coupon, v.definition #>> '{steps,call,queue}' AS queue
FROM mhub.workflow_version AS v JOIN mhub.workflow AS w USING (workflow_id) WHERE w.key = 'mine';
SAVEPOINT s;
SELECT mhub.workflow_from_template('abandoned_cart', 'mine', '{"holt": "1 hour"}');
ROLLBACK TO s;
SELECT mhub.workflow_from_template('nothing', 'mine');
ROLLBACK TO s;
SELECT mhub.workflow_from_template('abandoned_cart', 'mine', '{"hold": "soon"}');
ROLLBACK TO s;
SELECT * FROM mhub.simulate_workflow('{"start": "x"}'::jsonb);
ROLLBACK TO s;

-- pictures
SELECT mhub.workflow_mermaid('my form_abandoned');
SELECT xmlparse(DOCUMENT mhub.workflow_svg(key)) IS NOT NULL AS well_formed, count(*) FROM mhub.workflow GROUP BY 1;
SELECT regexp_count(mhub.workflow_svg('my form_abandoned'), '<rect ') AS boxes, regexp_count(mhub.workflow_svg('my form_abandoned'), '<path d="M') AS arrows;
SELECT mhub.workflow_mermaid('nothing'), mhub.workflow_svg('nothing');
ROLLBACK;
