# pg_cron runs a real workflow for several minutes: events come in all the time, messages go out, other callers overlap, a job
# of another room fails, another has more to do than there is time, and everything happens exactly once and in time.
use strict;
use warnings;
use IPC::Run ();
use Mhub;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $seconds = $ENV{MHUB_TEST_SECONDS} // 110;    # from the first slot of pg_cron on: all of it, and part of the next
my $node = PostgreSQL::Test::Cluster->new('cron');
$node->init;
# pg_cron works from one database, the hub is in another
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_cron'\ncron.host = '" . $node->host . "'\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_cron');
hub_database($node, 'hub');
sub answer { return $node->safe_psql('hub', $_[0]); }

answer(q{
	INSERT INTO mhub.delivery_channel (channel, identifier_kind) VALUES ('note', 'user_id');
	INSERT INTO mhub.provider (name, channel, kind, body) VALUES ('dry', 'note', 'log', '{{text}}');
	INSERT INTO mhub.template (key, channel, text_body) VALUES ('hello', 'note', 'Hello {{name}}'), ('thanks', 'note', 'Thanks');
	SELECT mhub.create_workflow('signup', '{"triggers": [{"type": "event", "event": "Signed Up"}], "start": "pause", "steps": {
		"pause": {"type": "delay", "for": "2 seconds", "next": "hello"},
		"hello": {"type": "message", "channel": "note", "template": "hello", "purpose": "service", "data": {"name": "{{event.properties.name}}"}, "next": "answer"},
		"answer": {"type": "wait_for", "event": "Answered", "timeout": "15 seconds", "next": "thanks", "on_timeout": "call"},
		"thanks": {"type": "message", "channel": "note", "template": "thanks", "purpose": "service", "next": null},
		"call": {"type": "task", "queue": "call-centre", "title": "Call {{event.properties.name}}", "next": null}}}');
	SELECT mhub.publish_workflow('signup');
	-- one job fails all the time, another never gets done
	CREATE PROCEDURE mhub.broken() LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$;
	CREATE PROCEDURE mhub.endless(max_time interval) LANGUAGE plpgsql AS $$ DECLARE until timestamptz := clock_timestamp() + max_time;
		BEGIN WHILE clock_timestamp() < until LOOP PERFORM pg_sleep(0.05); COMMIT; END LOOP; END $$;
	INSERT INTO mhub.job (name, every) VALUES ('broken', '1 second');
	INSERT INTO mhub.job (name, every, max_time) VALUES ('endless', '2 seconds', '8 seconds');
});
# In the hub's own database there is no pg_cron: the hint is what to run where it is.
my ($code, $out, $err) = $node->psql('hub', 'SELECT mhub.start()');
my ($statement) = $err =~ /^HINT:  pg_cron works from database postgres\. Run there: (SELECT .*;)$/m;
ok($statement, 'mhub.start() says what to run');
$node->safe_psql('postgres', $statement);
is($node->safe_psql('postgres', 'SELECT count(*) FROM cron.job'), '4', 'which schedules the runners, and the purge of their records');

# Callers that overlap with pg_cron's: jobs by hand, engines by hand.
my @children;
for my $call ([ "CALL mhub.run_jobs('2 seconds')", 15 ], [ "CALL mhub.advance_workflows('1 second')", 1.7 ], [ "CALL mhub.deliver_messages('1 second')", 1.7 ])
{
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		open STDOUT, '>', '/dev/null';
		open STDERR, '>', '/dev/null';
		while (1) { system 'psql', '-XqAt', '-d', $node->connstr('hub'), '-c', $call->[0]; sleep $call->[1]; }
	}
	push @children, $pid;
}

# They wait until pg_cron has begun; then people come in until a while before the end.
my $slots = q{SELECT count(*) FROM cron.job_run_details AS d JOIN cron.job AS j USING (jobid) WHERE j.jobname = 'mhub hub'};
ok($node->poll_query_until('postgres', "SELECT ($slots) > 0"), 'pg_cron has started the runner');
my $began = time;
my $count = 0;
while (time - $began < $seconds - 35)
{
	answer(join '', map { $count++; "SELECT mhub.track('Signed Up', '{\"user_id\": \"person-$count\"}', '{\"name\": \"李 $count\"}');" } 1 .. 4);
	# every third one of some while ago answers; twice, for good measure
	my $answers = $count - 24;
	answer(join '', map { "SELECT mhub.track('Answered', '{\"user_id\": \"person-$_\"}');" x 2 } grep { $_ > 0 && $_ % 3 == 0 } $answers - 3 .. $answers);
	sleep 0.9;
}
kill 'KILL', @children;
waitpid $_, 0 for @children;
ok($node->poll_query_until('hub', "SELECT NOT EXISTS (SELECT FROM mhub.enrollment WHERE outcome = 0) AND NOT EXISTS (SELECT FROM mhub.message WHERE pending) AND (SELECT count(*) FROM mhub.enrollment) = $count"), "all $count got through, moved by pg_cron alone in the end")
  or diag(answer('SELECT outcome, step, count(*) FROM mhub.enrollment GROUP BY 1, 2'));

is(answer(q{SELECT count(*) FROM (SELECT person_id FROM mhub.message WHERE template = 'hello' AND state = 'sent' GROUP BY 1 HAVING count(*) = 1) AS m}), $count, 'everybody got one message');
is(answer(q{SELECT count(*) - count(DISTINCT idempotency_key) FROM mhub.message}), '0', 'no message twice');
is(answer(q{SELECT count(*) FROM mhub.message WHERE state <> 'sent' OR attempts <> 1}), '0', 'each sent at the first attempt');
is(answer(q{SELECT count(*) FROM (SELECT person_id FROM mhub.task UNION ALL SELECT person_id FROM mhub.message WHERE template = 'thanks') AS x}), $count, 'then either thanks or a task');
is(answer(q{SELECT count(DISTINCT person_id) FROM (SELECT person_id FROM mhub.task UNION ALL SELECT person_id FROM mhub.message WHERE template = 'thanks') AS x}), $count, 'for each of them once');
cmp_ok(answer(q{SELECT count(*) FROM mhub.message WHERE template = 'thanks'}), '>', 0, 'some had answered');
is(answer(q{SELECT count(*) FROM mhub.enrollment_step WHERE step = 'pause' AND outcome = 'waiting'}), $count, 'one history');
my ($median, $late) = split / /, answer(q{SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM sent_at - entered_at)) || ' ' || percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM sent_at - entered_at))
	FROM mhub.message JOIN mhub.enrollment USING (enrollment_id) WHERE template = 'hello'});
note "from the event to the message sent, with a delay of 2 s in between: median $median s, 95 % within $late s";
cmp_ok($median, '<', 6, 'reaction in seconds, though another job has always more to do');
is(answer(q{SELECT failures > 1 AND runs = 0 FROM mhub.job WHERE name = 'broken'}), 't', 'the broken job failed, alone');
is(answer(q{SELECT runs > 2 FROM mhub.job WHERE name = 'endless'}), 't', 'the endless one had its share');
is(answer(q{SELECT count(*) FROM mhub.job WHERE failures > 0 AND name <> 'broken'}), '0', 'no other job failed');
is(answer(q{SELECT string_agg(name, ' ') FROM mhub.job WHERE enabled AND runs = 0 AND name NOT IN ('broken')}), '', 'and all of them ran');
ok($node->poll_query_until('postgres', "SELECT ($slots AND d.status = 'succeeded') >= 2"), 'several slots of pg_cron went by');
is($node->safe_psql('postgres', q{SELECT count(*) FROM cron.job_run_details WHERE status = 'failed'}), '0', 'none failed');

# what the purge does
$node->safe_psql('postgres', q{INSERT INTO cron.job_run_details (jobid, runid, job_pid, database, username, command, status, start_time, end_time)
	SELECT jobid, -1, 1, 'hub', 'x', 'CALL', 'succeeded', now() - interval '4 days', now() - interval '4 days' FROM cron.job WHERE jobname = 'mhub hub'});
$node->safe_psql('postgres', $node->safe_psql('postgres', q{SELECT command FROM cron.job WHERE jobname = 'mhub hub: history'}));
is($node->safe_psql('postgres', 'SELECT count(*) FROM cron.job_run_details WHERE runid = -1'), '0', 'its records are purged after three days');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM cron.job_run_details'), '>=', 2, 'not before');
$node->safe_psql('postgres', q{SELECT count(cron.unschedule(jobid)) FROM cron.job});
$node->stop;
done_testing();
