-- Definitions: every problem at once with its path, versions, publishing.
BEGIN;
SELECT mhub.install() > 0 AS applied;
INSERT INTO mhub.template (key, channel, text_body) VALUES ('hello', 'email', 'Hello {{first_name}}');

-- everything that is wrong, in one go
SELECT path, problem FROM mhub.check_workflow('{
  "nmae": "typo", "time_zone": "UTC2",
  "triggers": [{"type": "event"}, {"type": "telepathy"}, {"type": "event", "event": "A", "where": "amount >>= 3"}, {"type": "schedule", "at": "25:00", "weekdays": ["monday"], "segment": "vip"}],
  "reentry": {"after": "a while", "per": "order_id", "concurrent": true},
  "goals": [{"event": "Paid"}, {"key": "both", "event": "Paid", "if": "vip = true"}],
  "late": {},
  "start": "one",
  "steps": {
    "one": {"type": "delay", "for": "3 dayz", "next": "nowhere"},
    "two": {"type": "levitate", "next": null},
    "three": {"type": "message", "channel": "email", "next": "one", "quiet_hours": {"from": "21:00", "until": "21:00"}, "cap": {"count": 0}, "if_refused": "defer"},
    "four": {"type": "decision", "branches": [{"if": {"$gt": 3}, "next": "lost"}, {"next": null}]},
    "five": {"type": "experiment", "variants": [{"key": "a", "weight": 0, "next": null}, {"key": "a", "weight": 0, "next": null}]},
    "six": {"type": "wait_for", "event": "A", "if": "vip = true", "next": null},
    "seven": {"type": "delay", "until": {"time": "9:00", "window": ["09:00", "18:00"]}, "next": null},
    "eight": {"type": "webhook", "url": "ftp://x", "next": null},
    "nine": {"type": "update", "set": {"$score": 1}, "next": null},
    "ten": "what"
  }}') ORDER BY path, problem;

-- the graph: only looked at when all its targets exist
SELECT path, problem FROM mhub.check_workflow('{"triggers": [{"type": "api"}], "start": "a", "steps": {
    "a": {"type": "decision", "branches": [{"if": "x = 1", "next": "b"}], "else": "c"},
    "b": {"type": "update", "set": {"x": 2}, "next": "a"},
    "c": {"type": "delay", "for": "1 day", "next": "c"},
    "d": {"type": "exit"},
    "e": {"type": "delay", "for": "1 day", "next": "f"}, "f": {"type": "goal", "goal": "g"}}}') ORDER BY path, problem;
-- circles: through a window that may be open, a delay of nothing or a condition that may hold, people would run for ever
SELECT l.name, c.path, c.problem
FROM (VALUES ('window', '{"type": "delay", "until": {"window": ["09:00", "18:00"]}, "next": "t"}'), ('weekday', '{"type": "delay", "until": {"weekdays": ["mon"]}, "next": "t"}'),
             ('nothing', '{"type": "delay", "for": "0 seconds", "next": "t"}'), ('spread', '{"type": "delay", "spread": "1 hour", "next": "t"}'),
             ('condition', '{"type": "wait_for", "if": "x = 1", "timeout": "1 day", "next": "t", "on_timeout": null}'),
             ('ok: length', '{"type": "delay", "for": "1 second", "until": {"window": ["09:00", "18:00"]}, "next": "t"}'), ('ok: time of day', '{"type": "delay", "until": {"time": "09:00"}, "next": "t"}'),
             ('ok: event', '{"type": "wait_for", "event": "A", "timeout": "1 day", "next": "t", "on_timeout": null}'),
             ('ok: timeout', '{"type": "wait_for", "if": "x = 1", "timeout": "1 day", "next": null, "on_timeout": "t"}')) AS l (name, step)
LEFT JOIN LATERAL mhub.check_workflow(jsonb_build_object('triggers', '[{"type": "api"}]'::jsonb, 'start', 'w', 'goals', '[{"key": "g", "event": "G"}]'::jsonb,
    'steps', jsonb_build_object('w', l.step::jsonb, 't', '{"type": "task", "queue": "q", "title": "t", "next": "w"}'::jsonb))) AS c ON true ORDER BY 1;
-- references
SELECT path, problem FROM mhub.check_workflow('{"triggers": [{"type": "api"}], "start": "a", "steps": {
    "a": {"type": "message", "channel": "pigeon", "template": "hello", "next": "b"},
    "b": {"type": "message", "channel": "sms", "template": "hello", "provider": "nobody", "next": "c"},
    "c": {"type": "enter_workflow", "workflow": "other", "next": null}}}') ORDER BY path, problem;
-- what is no definition at all
SELECT * FROM mhub.check_workflow('[]');
SELECT * FROM mhub.check_workflow('{}') ORDER BY path, problem;
SELECT * FROM mhub.check_workflow(NULL);

-- refused with all of it; accepted, and a loop with a wait and a goal is fine
SAVEPOINT s;
SELECT mhub.create_workflow('欢迎', '{"triggers": [{"type": "api"}], "start": "a", "steps": {"a": {"type": "delay", "next": "z"}}}');
ROLLBACK TO s;
SELECT mhub.create_workflow('欢迎', '{"triggers": [{"type": "event", "event": "注册"}], "start": "等待", "goals": [{"key": "paid", "event": "Paid"}],
    "steps": {"等待": {"type": "delay", "for": "1 day", "until": {"window": ["09:00", "18:00"], "weekdays": ["mon", "fri"]}, "next": "mail"},
              "mail": {"type": "message", "channel": "email", "template": "hello", "next": "等待"}}}');
SELECT mhub.create_workflow('欢迎', '{"triggers": [{"type": "api"}], "start": "a", "steps": {"a": {"type": "exit"}}}');
SELECT s.step, s.key, s.type, s.messages_ahead FROM mhub.workflow_step AS s JOIN mhub.workflow_version AS v USING (version_id) WHERE v.version = 1 ORDER BY 1;
SELECT l.role, l.number, l.event_name FROM mhub.workflow_listener AS l ORDER BY 1;

-- states: a draft becomes active, pausing keeps it paused over a publication, archived is for good
SELECT mhub.publish_workflow('欢迎', 1), (SELECT state FROM mhub.workflow);
SELECT mhub.publish_workflow('欢迎'), mhub.pause_workflow('欢迎'), mhub.pause_workflow('欢迎');
SELECT mhub.publish_workflow('欢迎', 1);
SELECT w.state, v.version FROM mhub.workflow AS w JOIN mhub.workflow_version AS v ON v.version_id = w.active_version_id;
SELECT mhub.resume_workflow('欢迎'), mhub.resume_workflow('欢迎');
SELECT mhub.archive_workflow('欢迎');
SAVEPOINT s;
SELECT mhub.publish_workflow('欢迎');
ROLLBACK TO s;
SELECT mhub.publish_workflow('nothing');
ROLLBACK TO s;
SELECT mhub.resume_workflow('欢迎', 'boom');
ROLLBACK TO s;
UPDATE mhub.workflow_version SET definition = '{}';
ROLLBACK TO s;
ROLLBACK;
