# Four clients send overlapping batches, rollups and partitions are maintained meanwhile, and the server is killed with
# SIGKILL in the middle of it. Nothing acknowledged is lost, nothing is there twice, counters and rollups are exact.
use strict;
use warnings;
use IPC::Run qw(start);
use Test::More;
use Time::HiRes qw(sleep time);
use PostgreSQL::Test::Utils;
use Mhub;

my $node = mhub_node('crash', autovacuum => 'off', log_statement => 'none', 'mhub.time_zone' => 'Asia/Shanghai',
	session_preload_libraries => 'mhub');
hub_database($node, 'hub');
$node->safe_psql('hub', 'UPDATE mhub.partition_policy SET min_rows = 1');
my $folder = PostgreSQL::Test::Utils::tempdir();

# 60 batches of 40 messages out of 800: each message is in three batches on average. Times over half a year, so that
# all partitions and the default one take part; a few robots and a few messages that are rejected.
my $seed = 20261122;
sub random_below
{
	my ($n) = @_;
	$seed = ($seed * 1103515245 + 12345) % 2147483648;
	return int($seed / 65536) % $n;
}
my @pool = map {
	my $month = 4 + random_below(7);
	my $who   = random_below(60);
	my $agent = random_below(20) == 0 ? ',"context":{"userAgent":"Googlebot/2.1"}' : '';
	my $user  = random_below(3) == 0 ? qq(,"userId":"用户$who") : '';
	sprintf('{"type":"track","event":"%s","messageId":"m-%d","anonymousId":"a-%d"%s,"timestamp":"2026-%02d-%02dT%02d:00:00Z","properties":{"value":%d.5}%s}',
		(qw(浏览 View Order))[ random_below(3) ], $_, $who, $user, $month, 1 + random_below(28), random_below(24), random_below(100), $agent);
} 1 .. 800;
my @batches = map {
	'[' . join(',', (map { $pool[ random_below(800) ] } 1 .. 40), '{"type":"track","event":"nobody"}') . ']'
} 1 .. 60;

sub client_script
{
	my ($client) = @_;
	my $file = "$folder/client$client.sql";
	open my $out, '>', $file or die $!;
	# Every client sends every batch, each from another place on.
	for my $step (0 .. $#batches)
	{
		my $n = ($step + 15 * $client) % @batches;
		print $out "SELECT count(*) FROM mhub.ingest('$batches[$n]');\n\\echo acknowledged $n\n";
	}
	close $out;
	return $file;
}

sub run_clients
{
	my @clients;
	my $connection = $node->connstr('hub');
	for my $client (0 .. 3)
	{
		push @clients, start([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $connection, '-f', client_script($client) ],
			'>', "$folder/out$client", '2>', "$folder/err$client");
	}
	my $jobs = "$folder/jobs.sql";
	open my $out, '>', $jobs or die $!;
	print $out "CALL mhub.refresh_rollups();\nCALL mhub.maintain_partitions();\n" x 200;
	close $out;
	push @clients, start([ 'psql', '-XqAt', '-d', $connection, '-f', $jobs ], '>', "$folder/out_jobs", '2>', "$folder/err_jobs");
	return @clients;
}

sub acknowledged
{
	my %seen;
	for my $client (0 .. 3)
	{
		$seen{$_} = 1 for slurp_file("$folder/out$client") =~ /acknowledged (\d+)/g;
	}
	my @seen = sort { $a <=> $b } keys %seen;
	return @seen;
}

sub wanted_ids
{
	my %ids;
	for my $n (@_)
	{
		$ids{$_} = 1 for $batches[$n] =~ /"messageId":"(m-\d+)"/g;
	}
	my @ids = sort keys %ids;
	return @ids;
}

sub check_books
{
	my ($when) = @_;
	is($node->safe_psql('hub', q{SELECT count(*) FROM (SELECT message_id FROM mhub.event GROUP BY 1 HAVING count(*) > 1) AS d}),
		'0', "$when: no event twice");
	is($node->safe_psql('hub', q{SELECT count(*) FROM mhub.event FULL JOIN mhub.event_message USING (event_id)
		WHERE message_id IS NULL OR message_key IS NULL}), '0', "$when: message ids and events agree");
	is($node->safe_psql('hub', q{SELECT count(*) FROM (
			SELECT identifier_id, name, (occurred_at AT TIME ZONE 'Asia/Shanghai')::date AS day, count(*) AS n, sum(value) AS total, min(occurred_at) AS lo, max(occurred_at) AS hi
			FROM mhub.event WHERE invalid_reason IS NULL GROUP BY 1, 2, 3) AS e
		FULL JOIN mhub.event_counter AS c ON (c.identifier_id, c.name, c.day) = (e.identifier_id, e.name, e.day)
		WHERE (e.n, e.total, e.lo, e.hi) IS DISTINCT FROM (c.count, c.value_sum, c.first_at, c.last_at)}), '0', "$when: counters are exact");
	$node->safe_psql('hub', 'CALL mhub.refresh_rollups()');
	is($node->safe_psql('hub', q{SELECT count(*) FROM (
			SELECT date_trunc('hour', occurred_at) AS hour, coalesce(channel, '') AS channel, name, count(*) AS n, sum(value) AS total
			FROM mhub.event WHERE invalid_reason IS NULL GROUP BY 1, 2, 3) AS e
		FULL JOIN mhub.rollup_hour AS r ON (r.hour, r.channel, r.name) = (e.hour, e.channel, e.name)
		WHERE (e.n, e.total) IS DISTINCT FROM (r.events, r.value_sum)}), '0', "$when: rollups are exact");
	is($node->safe_psql('hub', q{SELECT mhub.unique_visitors('-infinity', 'infinity') - count(DISTINCT person_id)
		FROM mhub.event JOIN mhub.identifier USING (identifier_id) WHERE invalid_reason IS NULL}), '0', "$when: visitors are exact");
	return;
}

sub check_acknowledged
{
	my ($when, @wanted) = @_;
	my $list = join(',', map { "'$_'" } @wanted);
	is($node->safe_psql('hub', "SELECT count(*) FROM mhub.event WHERE message_id IN ($list)"), scalar(@wanted), "$when: nothing is lost");
	return;
}

# Killed when about a third is done.
my @clients = run_clients();
my $patience = time + 60;
sleep 0.02 while acknowledged() < 20 && time < $patience;
$node->kill9;
for my $client (@clients) { $client->finish; }
unlike(slurp_file("$folder/err$_"), qr/ERROR/, "client $_ saw no error before the crash") for 0 .. 3;
my @done = acknowledged();
cmp_ok(scalar @done, '>=', 20, 'some batches were acknowledged before the crash');
cmp_ok((slurp_file("$folder/out0") =~ tr/\n//), '<', 2 * @batches, 'the crash came in the middle');
# The backends must be gone before the next postmaster may start.
$patience = time + 30;
until (system_log('pg_ctl', '-w', '-D', $node->data_dir, '-l', $node->logfile, 'start') == 0) { last if time > $patience; sleep 0.2; }
$node->_update_pid(1);

check_acknowledged('after the crash', wanted_ids(@done));
check_books('after the crash');

# Everybody sends everything again.
@clients = run_clients();
for my $client (@clients[ 0 .. 3 ]) { $client->finish; }
is(join('', map { slurp_file("$folder/err$_") } 0 .. 3), '', 'no client saw an error');
$clients[4]->finish;
my @all = wanted_ids(0 .. $#batches);
check_acknowledged('after the retry', @all);
is($node->safe_psql('hub', 'SELECT count(*) FROM mhub.event'), scalar(@all), 'after the retry: nothing else is there');
check_books('after the retry');
is($node->safe_psql('hub', q{SELECT count(*) FROM mhub.event_default}), '0', 'no event is left in the default partition');
cmp_ok($node->safe_psql('hub', q{SELECT count(*) FROM mhub.rejected WHERE reason = 'no_identifier'}), '>=', scalar(@batches), 'rejected messages are kept');
unlike(slurp_file($node->logfile), qr/deadlock detected/, 'nobody deadlocked');

# A statement that is cancelled in the middle leaves the session in order.
my ($rc, $out, $err) = $node->psql('hub', q{
	CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN new; END';
	CREATE TRIGGER slow BEFORE INSERT ON mhub.event_counter FOR EACH ROW EXECUTE FUNCTION public.slow();
	SET statement_timeout = '200ms';
	SELECT count(*) FROM mhub.ingest('{"event": "Slow", "userId": "s", "messageId": "slow-1"}');
	RESET statement_timeout;
	DROP TRIGGER slow ON mhub.event_counter;
	SELECT status FROM mhub.ingest('{"event": "Slow", "userId": "s", "messageId": "slow-1"}');}, on_error_stop => 0);
like($err, qr/canceling statement due to statement timeout/, 'a batch can be cancelled');
is((split /\n/, $out)[-1], 'accepted', 'and sent again in the same session');

done_testing();
