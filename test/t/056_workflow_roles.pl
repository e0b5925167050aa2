# The whole way with the profiles of mhub.grant_access(): a marketer makes a workflow, the app sends events, an operator runs it;
# what is queued is asked about once more when it is sent; and nobody can do more than his profile says.
use strict;
use warnings;
use Mhub;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = mhub_node('roles', max_prepared_transactions => 0);
hub_database($node, 'hub');
$node->safe_psql('hub', q{
	CREATE ROLE author LOGIN; CREATE ROLE shop LOGIN; CREATE ROLE jobs LOGIN; CREATE ROLE reader LOGIN; CREATE ROLE nobody LOGIN;
	SELECT mhub.grant_access('author', 'marketer'), mhub.grant_access('shop', 'app'), mhub.grant_access('jobs', 'operator'), mhub.grant_access('reader', 'analyst');
	INSERT INTO mhub.delivery_channel (channel, identifier_kind, consent_required) VALUES ('note', 'user_id', false);
	INSERT INTO mhub.provider (name, channel, kind, body) VALUES ('dry', 'note', 'log', '{{text}}'), ('crm', 'webhook', 'log', NULL);
	INSERT INTO mhub.segment (key, condition) VALUES ('list', NULL);
});

sub as
{
	my ($role, $sql) = @_;
	return $node->safe_psql('hub', $sql, extra_params => [ '-U', $role ]);
}

sub refused
{
	my ($role, $sql, $name) = @_;
	my ($code, $out, $err) = $node->psql('hub', $sql, extra_params => [ '-U', $role ]);
	like($err, qr/permission denied/, "refused: $role, $name");
}

# the author
as('author', q{
	INSERT INTO mhub.template (key, channel, text_body) VALUES ('hello', 'note', 'Hello {{name}}'), ('more', 'note', 'More');
	SELECT mhub.create_workflow('after', '{"triggers": [{"type": "api"}], "start": "x", "steps": {"x": {"type": "exit"}}}');
	SELECT mhub.create_workflow('w', '{"triggers": [{"type": "event", "event": "Signed Up"}, {"type": "schedule", "at": "03:00", "if": "age > 3"}, {"type": "date", "trait": "birthday", "yearly": true}, {"type": "api", "if": "blocked is missing"}],
		"goals": [{"key": "bought", "event": "Order Completed"}, {"key": "vip", "if": "vip = true"}], "exit_when": [{"event": "Left"}], "reentry": {"concurrent": true},
		"start": "hello", "steps": {
		"hello": {"type": "message", "channel": "note", "template": "hello", "data": {"name": "{{event.properties.name}}"}, "cap": {"count": 5, "per": "1 day"}, "next": "set"},
		"set": {"type": "update", "set": {"greeted": true}, "add_to": ["list"], "next": "which"},
		"which": {"type": "decision", "branches": [{"if": "did(''Signed Up'', where name = ''x'') and not in segment ''nowhere''", "next": "send"}], "else": "send"},
		"send": {"type": "enter_workflow", "workflow": "after", "next": "take"},
		"take": {"type": "exit_workflow", "workflow": "after", "next": "task"},
		"task": {"type": "task", "queue": "q", "title": "t", "next": "hook"},
		"hook": {"type": "webhook", "url": "https://crm.example/x", "next": "wait"},
		"wait": {"type": "wait_for", "event": "Answered", "timeout": "1 day", "next": "more", "on_timeout": "more"},
		"more": {"type": "message", "channel": "note", "template": "more", "next": null}}}');
	SELECT mhub.create_workflow('chain', '{"triggers": [{"type": "workflow", "workflow": "w"}], "start": "x", "steps": {"x": {"type": "exit"}}}');
	SELECT mhub.publish_workflow(key) FROM mhub.workflow;
	SELECT mhub.workflow_from_template('form_abandoned', 'form'), mhub.publish_workflow('form');
});
is(as('author', q{SELECT count(*) > 5 FROM mhub.simulate_workflow('w', '[{}, {}]', '[{"name": "Answered", "after": "1 hour"}]')}), 't', 'the author simulates');
is(as('author', q{SELECT mhub.workflow_svg('w') IS NOT NULL AND mhub.workflow_mermaid('w') IS NOT NULL}), 't', 'and draws');
refused('author', 'CALL mhub.advance_workflows()', 'runs the engine');
refused('author', 'CALL mhub.run_jobs()', 'runs the jobs');
refused('author', 'DELETE FROM mhub.enrollment', 'removes enrollments');
refused('author', 'SELECT mhub.start()', 'schedules');
refused('author', 'INSERT INTO mhub.message (channel) VALUES (\'note\')', 'sends past the engine');

# the app
as('shop', "SELECT mhub.track('Signed Up', '{\"user_id\": \"$_\"}', '{\"name\": \"$_\"}')") for qw(anna bo chen dora);
is(as('shop', q{SELECT mhub.enroll('w', '{"user_id": "emil"}') > 0}), 't', 'the app enrolls');
is(as('shop', q{SELECT mhub.leave_workflow('w', mhub.person_id('user_id', 'emil'))}), '1', 'and takes out');
refused('shop', q{SELECT mhub.create_workflow('x', '{}')}, 'makes workflows');
refused('shop', q{SELECT mhub.publish_workflow('w')}, 'publishes');
refused('shop', q{SELECT mhub.pause_workflow('w')}, 'pauses');
refused('shop', 'CALL mhub.advance_workflows()', 'runs the engine');
refused('shop', 'CALL mhub.run_jobs()', 'runs the jobs');
refused('shop', 'SELECT * FROM mhub.enrollment_history', 'reads the history');
refused('shop', q{SELECT * FROM mhub.simulate_workflow('w')}, 'simulates');

# the operator
as('jobs', 'CALL mhub.advance_workflows()');
is(as('jobs', q{SELECT count(*) FROM mhub.enrollment_status WHERE workflow = 'w' AND step = 'wait'}), '4', 'the operator moves people');
is($node->safe_psql('hub', q{SELECT string_agg(s.workflow || ' ' || s.outcome, ', ' ORDER BY s.workflow, s.outcome) FROM (SELECT DISTINCT workflow, outcome FROM mhub.enrollment_status) AS s}),
	'after removed, chain completed, w in flight, w removed', 'through other workflows too (in, and out again)');
is(as('jobs', q{SELECT coalesce(string_agg(check_name || ': ' || detail, '; '), 'none') FROM mhub.doctor() WHERE status = 'fail'}), 'none', 'and asks the doctor');
refused('jobs', q{SELECT mhub.create_workflow('x', '{}')}, 'makes workflows');
refused('jobs', q{UPDATE mhub.workflow SET state = 'archived'}, 'archives');
refused('jobs', q{SELECT mhub.erase_person(1, 'x')}, 'erases');

# What is queued is asked about once more: anna buys, bo becomes a vip, chen has left; dora is as before.  The engine does not run in between.
is($node->safe_psql('hub', q{SELECT count(*) FROM mhub.message WHERE template = 'hello' AND pending}), '4', 'four are queued');
as('shop', q{SELECT mhub.track('Order Completed', '{"user_id": "anna"}'); SELECT mhub.identify('{"user_id": "bo"}', '{"vip": true}');});
as('author', q{SELECT mhub.end_enrollments(array_agg(enrollment_id), 4::smallint) FROM mhub.enrollment_status AS s WHERE s.workflow = 'w' AND s.person_id = mhub.person_id('user_id', 'chen')});
as('jobs', q{CALL mhub.deliver_messages('2 seconds')});
is($node->safe_psql('hub', q{SELECT string_agg(i.value || ' ' || m.state || coalesce(' ' || m.reason, ''), ', ' ORDER BY i.value)
	FROM mhub.message AS m JOIN mhub.identifier AS i USING (person_id) WHERE m.template = 'hello'}),
	'anna suppressed left_workflow, bo suppressed left_workflow, chen suppressed left_workflow, dora sent', 'goals, exits and removals hold when sending');
is($node->safe_psql('hub', q{SELECT state || ' ' || count(*) FROM mhub.message WHERE channel = 'webhook' GROUP BY state}), 'sent 4', 'what other systems are told is no message to the person');
as('jobs', 'CALL mhub.advance_workflows()');
is($node->safe_psql('hub', q{SELECT string_agg(i.value || ' ' || s.outcome, ', ' ORDER BY i.value) FROM mhub.enrollment_status AS s JOIN mhub.identifier AS i USING (person_id) WHERE s.workflow = 'w'}),
	'anna goal reached, bo in flight, chen removed, dora in flight, emil removed', 'the engine comes to the same for events at once, for conditions at the next wake-up');
as('shop', q{SELECT mhub.track('Answered', '{"user_id": "bo"}'); SELECT mhub.track('Answered', '{"user_id": "dora"}');});
as('jobs', q{CALL mhub.run_jobs('4 seconds')});
is($node->safe_psql('hub', q{SELECT string_agg(i.value || ' ' || s.outcome, ', ' ORDER BY i.value) FROM mhub.enrollment_status AS s JOIN mhub.identifier AS i USING (person_id) WHERE s.workflow = 'w' AND i.value IN ('bo', 'dora')}),
	'bo goal reached, dora completed', 'mhub.run_jobs() does all of it');
is($node->safe_psql('hub', q{SELECT string_agg(i.value || ' ' || m.state, ', ' ORDER BY i.value) FROM mhub.message AS m JOIN mhub.identifier AS i USING (person_id) WHERE m.template = 'more'}), 'dora sent', 'and sends');
is(as('jobs', q{SELECT coalesce(string_agg(name || ': ' || last_error, '; '), 'none') FROM mhub.job WHERE failures > 0}), 'none', 'an operator may run every job');
# Partitions too, though they are their owner's; what a policy does not name stays as it is.
is(as('jobs', q{SELECT string_agg(job, ' ') FROM mhub.schedule_status() WHERE state NOT IN ('ok') AND job NOT LIKE 'pg_cron%'}), '', 'and does');
$node->safe_psql('hub', q{UPDATE mhub.partition_policy SET ahead = 6, keep = '1 month', at_end = 'drop' WHERE parent = 'message'; SELECT mhub.create_partition('message', now() - interval '3 months')});
as('jobs', 'CALL mhub.maintain_partitions()');
is($node->safe_psql('hub', q{SELECT count(*) || ' ' || count(DISTINCT c.relowner) FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = 'mhub.message'::regclass}), '8 1', 'an operator makes and retires partitions, which are the owner\'s');
refused('jobs', q{SELECT mhub.create_partition('message', '2031-01-01')}, 'makes others than the policy asks for');
like(($node->psql('hub', q{SET ROLE jobs; SELECT mhub.maintain_partition('person', '2031-01-01')}))[2], qr/^$/, 'a table without policy is left alone');
is($node->safe_psql('hub', q{CREATE TABLE mhub.mine (at timestamptz) PARTITION BY RANGE (at); SET ROLE jobs; SELECT mhub.maintain_partition('mine', now()); RESET ROLE; SELECT count(*) FROM pg_inherits WHERE inhparent = 'mhub.mine'::regclass; DROP TABLE mhub.mine}), "\n0", 'nothing is made of it');
$node->safe_psql('hub', q{REVOKE EXECUTE ON PROCEDURE mhub.apply_retention FROM jobs; UPDATE mhub.job SET last_started_at = now() - interval '1 day', next_run_at = '-infinity' WHERE name = 'apply_retention'});
as('jobs', q{CALL mhub.run_jobs('1 second')});
is(as('jobs', q{SELECT detail FROM mhub.doctor() WHERE check_name = 'jobs left out'}), 'apply_retention', 'a job that the runner may not call is what the doctor sees');
$node->safe_psql('hub', q{CALL mhub.run_jobs('1 second')});
is(as('jobs', q{SELECT status FROM mhub.doctor() WHERE check_name = 'jobs left out'}), 'ok', 'until somebody runs it who may');

# A step's quiet hours and cap hold when sending, too: queued at eight in the evening, sent at ten; two workflows at once.
as('author', q{
	SELECT mhub.create_workflow('calm', '{"time_zone": "UTC", "triggers": [{"type": "api"}], "start": "a", "steps": {"a": {"type": "message", "channel": "note", "template": "more", "quiet_hours": {"from": "21:00", "until": "07:00"}, "next": null}}}');
	SELECT mhub.create_workflow('calm skipping', '{"time_zone": "UTC", "triggers": [{"type": "api"}], "start": "a", "steps": {"a": {"type": "message", "channel": "note", "template": "more", "purpose": "service", "quiet_hours": {"from": "21:00", "until": "07:00", "then": "skip"}, "next": null}}}');
	SELECT mhub.create_workflow(k, '{"triggers": [{"type": "api"}], "start": "a", "steps": {"a": {"type": "message", "channel": "note", "template": "more", "cap": {"count": 1, "per": "1 day"}, "next": null}}}') FROM unnest(ARRAY['first', 'second']) AS k;
	SELECT mhub.publish_workflow(k) FROM unnest(ARRAY['calm', 'calm skipping', 'first', 'second']) AS k;
});
$node->safe_psql('hub', qq{SET mhub.simulated_time = '2027-03-01 20:00:00'; SELECT mhub.enroll('$_', '{"user_id": "fay"}')}) for ('calm', 'calm skipping');
$node->safe_psql('hub', q{SET mhub.simulated_time = '2027-03-01 20:00:00'; CALL mhub.advance_workflows()});
$node->safe_psql('hub', q{SET mhub.simulated_time = '2027-03-01 22:00:00'; CALL mhub.deliver_messages('1 second')});
my $states = q{SELECT string_agg(workflow || ' ' || state || coalesce(' ' || reason, '') || CASE WHEN pending THEN ' ' || to_char(not_before AT TIME ZONE 'UTC', 'HH24:MI') ELSE '' END, ', ' ORDER BY message_id) FROM mhub.message WHERE workflow = ANY ('%s')};
is($node->safe_psql('hub', sprintf $states, '{calm,calm skipping}'), 'calm deferred quiet_hours 07:00, calm skipping suppressed quiet_hours', 'quiet hours of the step');
$node->safe_psql('hub', q{SET mhub.simulated_time = '2027-03-02 07:00:00'; CALL mhub.deliver_messages('1 second')});
is($node->safe_psql('hub', sprintf $states, '{calm}'), 'calm sent', 'and when they are over');
# The channel's quiet hours are on the clock of the person, else of the workflow, else of the hub.
$node->safe_psql('hub', q{UPDATE mhub.delivery_channel SET quiet_from = '21:00', quiet_until = '08:00' WHERE channel = 'note';
	SELECT mhub.create_workflow('shanghai', '{"time_zone": "Asia/Shanghai", "triggers": [{"type": "api"}], "start": "d", "steps": {"d": {"type": "delay", "for": "1 day", "next": null}}}'), mhub.publish_workflow('shanghai'), mhub.enroll('shanghai', '{"user_id": "gus"}')});
my $quiet = q{SELECT string_agg(concat_ws(' ', v.state, to_char(v.not_before AT TIME ZONE 'UTC', 'HH24:MI')), ', ' ORDER BY t) FROM generate_series('2027-03-01 02:00Z'::timestamptz, '2027-03-01 22:00Z', '10 hours') AS t,
	mhub.message_verdict(0, mhub.person_id('user_id', 'gus'), 'note', 'marketing', %s, t) AS v};
my $gus = $node->safe_psql('hub', q{SELECT enrollment_id FROM mhub.enrollment_status WHERE workflow = 'shanghai'});
is($node->safe_psql('hub', sprintf $quiet, $gus), ', , deferred 00:00', 'quiet on the clock of the workflow');
is($node->safe_psql('hub', sprintf $quiet, 'NULL'), 'deferred 08:00, , deferred 08:00', 'quiet on the clock of the hub');
$node->safe_psql('hub', q{UPDATE mhub.person SET traits = traits || '{"timezone": "America/New_York"}' WHERE person_id = mhub.person_id('user_id', 'gus')});
is($node->safe_psql('hub', sprintf $quiet, $gus), 'deferred 13:00, deferred 13:00, ', 'quiet on the clock of the person');
$node->safe_psql('hub', q{UPDATE mhub.delivery_channel SET quiet_from = NULL, quiet_until = NULL WHERE channel = 'note'});

as('shop', qq{SELECT mhub.enroll('$_', '{"user_id": "gus"}')}) for ('first', 'second');
$node->safe_psql('hub', q{UPDATE mhub.workflow SET state = 'paused' WHERE key = 'second'});
as('jobs', 'CALL mhub.advance_workflows()');
is($node->safe_psql('hub', sprintf $states, '{first}') =~ s/ \d\d:\d\d//r, 'first queued', 'one is queued');
# what another engine would have queued that had looked before this one committed
$node->safe_psql('hub', q{INSERT INTO mhub.message (person_id, channel, template, workflow, enrollment_id, step) SELECT person_id, 'note', 'more', 'second', enrollment_id, 'a' FROM mhub.enrollment_status WHERE workflow = 'second'});
as('jobs', q{CALL mhub.deliver_messages('1 second')});
is($node->safe_psql('hub', sprintf $states, '{first,second}'), 'first sent, second suppressed cap', 'a cap that two used up at the same time');

# the clock's triggers, as the operator
$node->safe_psql('hub', q{UPDATE mhub.workflow_schedule SET next_run_at = now() - interval '1 minute'; UPDATE mhub.person SET traits = '{"age": 4, "birthday": "1990-01-01"}'});
as('jobs', 'CALL mhub.advance_workflows()');
is($node->safe_psql('hub', q{SELECT count(*) FROM mhub.workflow_schedule WHERE next_run_at <= now()}), '0', 'schedules run');

# without pg_cron the doctor says what else to do
is(as('jobs', q{SELECT status || ': ' || detail FROM mhub.doctor() WHERE check_name = 'pg_cron'}), 'warn: not preloaded', 'no pg_cron');
like(as('jobs', q{SELECT hint FROM mhub.doctor() WHERE check_name = 'pg_cron'}), qr/run CALL mhub\.run_jobs\(\); every minute by other means/, 'with the way out');
my ($code, $out, $err) = $node->psql('hub', 'SELECT mhub.start()');
like($err, qr/pg_cron is not installed.*Add pg_cron to shared_preload_libraries/s, 'mhub.start() as well');

# the reader and the stranger
is(as('reader', q{SELECT count(*) > 0 FROM mhub.workflow_metrics}), 't', 'the reader sees numbers');
refused('reader', 'SELECT * FROM mhub.enrollment', 'sees people');
refused('reader', q{SELECT mhub.enroll('w', '{"user_id": "x"}')}, 'enrolls');
refused('nobody', 'SELECT * FROM mhub.workflow_metrics', 'sees numbers');
refused('nobody', q{SELECT mhub.enroll('w', '{"user_id": "x"}')}, 'enrolls');
refused('nobody', 'CALL mhub.run_jobs()', 'runs the jobs');

# managing: pause, resume, migrate, archive, as the author
is(as('author', q{SELECT mhub.pause_workflow('w'), count(*) FROM mhub.resume_workflow('w')}), 't|1', 'the author pauses and resumes');
as('author', q{SELECT mhub.create_workflow('w', definition) FROM mhub.workflow_version JOIN mhub.workflow USING (workflow_id) WHERE key = 'w' AND version = 1});
as('author', q{SELECT * FROM mhub.migrate_enrollments('w', 1, 2, dry_run => false); SELECT mhub.archive_workflow('w'); SELECT * FROM mhub.trace('w', '{"user_id": "dora"}')});
$node->stop;
done_testing();
