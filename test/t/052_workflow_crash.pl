# Four advancers, SIGKILL at random points: afterwards everybody has done every step exactly once.
use strict;
use warnings;
use Mhub;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $people = $ENV{MHUB_TEST_ENROLLMENTS} // 100_000;
my $kills = $ENV{MHUB_TEST_KILLS} // 6;
my $seed = $ENV{MHUB_TEST_SEED} // time;
srand $seed;
note "MHUB_TEST_SEED=$seed";

my $node = mhub_node('crash', restart_after_crash => 'on', max_connections => 30, synchronous_commit => 'on');
hub_database($node, 'hub');
$node->safe_psql('hub', q{
	SELECT mhub.create_workflow('six', '{"triggers": [{"type": "api"}], "start": "pick", "steps": {
		"pick": {"type": "experiment", "variants": [{"key": "a", "weight": 1, "next": "wait"}, {"key": "b", "weight": 1, "next": "wait"}]},
		"wait": {"type": "delay", "for": "1 second", "next": "task"},
		"task": {"type": "task", "queue": "q", "title": "t", "next": "mark"},
		"mark": {"type": "update", "set": {"marked": true}, "context": {"marked": true}, "next": "rest"},
		"rest": {"type": "delay", "for": "1 second", "next": "which"},
		"which": {"type": "decision", "branches": [{"name": "marked", "if": "marked = true and $context.marked = true", "next": null}], "else": "wait"}}}');
	SELECT mhub.publish_workflow('six');
});
$node->safe_psql('hub', "INSERT INTO mhub.person (person_id) SELECT generate_series(1, $people)");
is($node->safe_psql('hub', qq{
	SELECT count(*) FROM (SELECT array_agg(w.workflow_id) AS w, array_agg(g::bigint) AS p, array_agg(now()) AS t, array_agg(''::text) AS k, array_agg('{}'::jsonb) AS c
		FROM mhub.workflow AS w, generate_series(1, $people) AS g) AS x, LATERAL mhub.enroll_people(x.w, x.p, x.t, x.k, x.c, x.t)}), $people, "$people people entered");

# Each advancer comes back after every crash.
my @advancers;
for (1 .. 4)
{
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		my @command = ('psql', '-XqAt', '-d', $node->connstr('hub'), '-c', "CALL mhub.advance_workflows('20 s')", '-c', 'SELECT pg_sleep(0.1)');
		open STDOUT, '>', '/dev/null';
		open STDERR, '>', '/dev/null';
		while (1) { system @command; sleep 0.05; }
	}
	push @advancers, $pid;
}

my $killed = 0;
my $end = time + 240;
while (time < $end)
{
	sleep 0.3 + rand 1.2;
	my ($code, $left) = $node->psql('hub', 'SELECT count(*) FROM mhub.enrollment WHERE outcome = 0', on_error_stop => 0);
	next if $code != 0 || !defined $left || $left eq '';
	last if $left == 0 && $killed > 0;
	if ($killed < $kills)
	{
		my ($ok, $pid) = $node->psql('hub', "SELECT pid FROM pg_stat_activity WHERE query LIKE 'CALL mhub.advance%' AND state = 'active' ORDER BY random() LIMIT 1");
		if ($ok == 0 && $pid) { kill 'KILL', $pid; $killed++; }
	}
}
kill 'KILL', @advancers;
waitpid $_, 0 for @advancers;
$node->poll_query_until('hub', 'SELECT true');
cmp_ok($killed, '>', 0, "killed $killed times");

sub answer { return $node->safe_psql('hub', $_[0]); }
is(answer('SELECT count(*) FROM mhub.enrollment WHERE outcome = 1 AND hops = 3'), $people, 'everybody got through, in three wake-ups');
is(answer(q{SELECT count(*) FROM (SELECT enrollment_id FROM mhub.enrollment_step GROUP BY enrollment_id
	HAVING array_agg(step || ' ' || outcome ORDER BY at, place) NOT IN ('{pick a,wait waiting,wait done,task done,mark done,rest waiting,rest done,which marked}', '{pick b,wait waiting,wait done,task done,mark done,rest waiting,rest done,which marked}')) AS odd}),
	'0', 'everybody did every step once, in order');
is(answer('SELECT count(DISTINCT enrollment_id) FROM mhub.enrollment_step'), $people, 'and is in the history');
is(answer('SELECT count(*) || \' \' || count(DISTINCT person_id) FROM mhub.task'), "$people $people", 'one task each');
is(answer(q{SELECT count(*) FROM mhub.person WHERE traits = '{"marked": true}'}), $people, 'one update each');
is(answer(q{SELECT string_agg(visits::text, ' ' ORDER BY step, outcome) FROM (SELECT step, outcome, sum(visits) AS visits FROM mhub.workflow_metrics WHERE step <> 'pick' OR step IS NULL GROUP BY 1, 2) AS m}),
	join(' ', ($people) x 9), 'the counters say the same');
is(answer('SELECT coalesce(sum(waiting), 0) FROM mhub.workflow_waiting'), '0', 'and that nobody waits');
is(answer('SELECT count(*) FROM mhub.enrollment_wake'), '0', 'and nothing is due');
$node->stop;
done_testing();
