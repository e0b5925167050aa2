# None lost, none twice: 50,000 messages, four deliverers, and the server killed twice in the middle. Then providers that
# fail at random, and one that is dead beside one that works.
use strict;
use warnings;
use DeliveryServer;
use IPC::Run;
use Mhub;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = mhub_node('crash', 'mhub.key_file' => key_file(), 'mhub.allowed_networks' => '127.0.0.0/8', restart_after_crash => 'on');
my $db = hub_database($node, 'crash');
my $server = start_server('http_server.py');
my $base = "http://127.0.0.1:$server->{port}";
sub sql { return $node->safe_psql($db, $_[0]); }

sub provider
{
	my ($name, $path, %columns) = @_;
	my @names = sort keys %columns;
	sql("INSERT INTO mhub.delivery_channel (channel, consent_required) VALUES ('$name', false);
		INSERT INTO mhub.provider (name, channel, kind, url" . join('', map { ", $_" } @names) . ") VALUES ('$name', '$name', 'webhook', '$base$path'" . join('', map { ", '$columns{$_}'" } @names) . ");
		SELECT mhub.set_provider_secret('$name', 'signing_key', mhub.new_signing_key())");
	return;
}

sub queue
{
	my ($channel, $count) = @_;
	sql("INSERT INTO mhub.message (channel, data) SELECT '$channel', jsonb_build_object('n', n) FROM generate_series(1, $count) AS n");
	return;
}

# Deliverers, each a session of its own; they may well be killed.
sub start_deliverers
{
	my ($count) = @_;
	return map {
		my ($in, $out, $err) = ('', '', '');
		IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr($db), '-c', "CALL mhub.deliver_messages('2 min')" ], '<', \$in, '>', \$out, '2>', \$err, IPC::Run::timeout(170))
	} 1 .. $count;
}

sub finish_deliverers { eval { $_->finish } for @_; return; }
sub sent { return sql("SELECT count(*) FROM mhub.message WHERE state = 'sent'"); }

sub wait_until_up
{
	for (1 .. 300)
	{
		my ($code) = $node->psql($db, 'SELECT 1');
		return if defined $code && $code == 0;
		sleep 0.1;
	}
	die 'the server does not come back';
}

provider('hook', '/', concurrency => 16);
my $total = 50_000;
queue('hook', $total);
my %interrupted;

for my $how ('a backend', 'the whole server')
{
	my $before = sent();
	my @deliverers = start_deliverers(4);
	$node->poll_query_until($db, "SELECT count(*) >= $before + 8000 FROM mhub.message WHERE state = 'sent'") or die;
	if ($how eq 'a backend')
	{
		my $pid = sql("SELECT pid FROM pg_stat_activity WHERE query LIKE 'CALL mhub.deliver%' LIMIT 1");
		kill 'KILL', $pid;
		finish_deliverers(@deliverers);
		sleep 0.2;
		wait_until_up();
	}
	else
	{
		my @pids = split /\n/, sql('SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()');
		$node->kill9;
		kill 'KILL', @pids;
		finish_deliverers(@deliverers);
		sleep 0.05 while grep { kill 0, $_ } @pids;
		$node->start;
	}
	my @sending = split /\n/, sql("SELECT idempotency_key FROM mhub.message WHERE state = 'sending'");
	cmp_ok(scalar @sending, '>', 0, "$how is killed with messages under way");
	cmp_ok(scalar @sending, '<', 8192, 'but not all of them');
	@interrupted{@sending} = ();
	# Nobody may touch what is leased; we let the lease pass.
	is(sql("CALL mhub.deliver_messages('1 ms'); SELECT count(*) FROM mhub.message WHERE state = 'sending'"), scalar @sending, 'the lease holds');
	sql("UPDATE mhub.message_queue SET lease_until = now() WHERE lease_until IS NOT NULL");
}
finish_deliverers(start_deliverers(4));
is(sent(), $total, 'every message is sent in the end');
is(sql('SELECT count(*) FROM mhub.message_queue'), 0, 'and the queue is empty');
my %seen;
$seen{ $_->{key} }++ for requests_of($server);
is(scalar keys %seen, $total, 'every message reached the other side');
my @twice = grep { $seen{$_} > 1 } keys %seen;
note(scalar(@twice) . ' of ' . scalar(keys %interrupted) . ' interrupted messages were sent again');
is(scalar(grep { !exists $interrupted{$_} } @twice), 0, 'only messages of killed batches were sent again, with the same key');
is(scalar(grep { $seen{$_} > 3 } @twice), 0, 'and not endlessly');

# 10,000 messages, a provider that fails 30 % of the requests.
forget_requests($server);
provider('flaky', '/flaky/30', retry_base => '20 ms', retry_max => '100 ms', max_attempts => 30, breaker_failures => 50, breaker_pause => '100 ms');
queue('flaky', 10_000);
for (1 .. 50)
{
	sql("CALL mhub.deliver_messages('1 min')");
	last if sql("SELECT count(*) FROM mhub.message WHERE channel = 'flaky' AND pending") == 0;
	sleep 0.1;
}
is(sql("SELECT string_agg(s, ' ') FROM (SELECT state || count(*) AS s FROM mhub.message WHERE channel = 'flaky' GROUP BY state) AS x"), 'sent10000', 'all arrive though 30 % of the requests fail');
my ($requests, $failures) = (scalar requests_of($server), sql("SELECT count(*) FROM mhub.delivery_failure AS f WHERE f.provider = 'flaky'"));
is($requests, 10_000 + $failures, 'each request was either the one that succeeded or is on record as a failure');
cmp_ok(abs($failures / $requests - 0.3), '<', 0.02, 'about 30 % of them');

# A provider that does not answer, one that works: the latter is not held up.
provider('dead', '/hang', timeout => '3 s', concurrency => 16, breaker_failures => 40);
provider('alive', '/', concurrency => 16);
queue('dead', 500);
queue('alive', 2000);
my $start = sql('SELECT extract(epoch FROM clock_timestamp())');
sql("CALL mhub.deliver_messages('30 s')");
is(sql("SELECT count(*) FROM mhub.message WHERE channel = 'alive' AND state = 'sent'"), 2000, 'the good provider sends all');
cmp_ok(sql("SELECT extract(epoch FROM max(sent_at)) - $start FROM mhub.message WHERE channel = 'alive'"), '<', 3, 'before the dead one times out');
is(sql("SELECT breaker FROM mhub.provider_state WHERE provider = 'dead'"), 'open', 'whose breaker opens');
is(sql("SELECT count(*) FROM mhub.message WHERE channel = 'dead' AND state = 'sending'"), 0, 'and whose messages are back in the queue');
cmp_ok(sql("SELECT count(*) FROM mhub.message WHERE channel = 'dead' AND state = 'queued' AND attempts = 0"), '>', 300, 'most of them untried');

stop_server($server);
$node->stop;
done_testing();
