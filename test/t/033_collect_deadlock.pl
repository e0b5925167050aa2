# Eight clients send batches that overlap in every way (the same messages, visitors, counters, links and merges, each in
# its own order), beside single calls, re-judging and the jobs. Everybody takes locks in one order, so nobody ever
# deadlocks: one would be tried again unseen, but the server counts them.
use strict;
use warnings;
use IPC::Run qw(start);
use Test::More;
use PostgreSQL::Test::Utils;
use Mhub;

my $node = mhub_node('deadlock', deadlock_timeout => '20ms', log_statement => 'none', log_lock_waits => 'off',
	synchronous_commit => 'off', session_preload_libraries => 'mhub');
hub_database($node, 'hub');
my $folder = PostgreSQL::Test::Utils::tempdir();

my $seed = 7;
sub random_below
{
	my ($n) = @_;
	$seed = ($seed * 1103515245 + 12345) % 2147483648;
	return int($seed / 65536) % $n;
}

# 30 visitors and 12 accounts: links between them are made, refused and merged all the time; traits and groups too.
sub message
{
	my ($id) = @_;
	my $what = random_below(20);
	my $who  = '"anonymousId":"访客' . random_below(30) . '"';
	$who .= ',"userId":"u' . random_below(12) . '"' if random_below(4) == 0;
	my $common = qq("messageId":"$id",$who,"timestamp":"2026-0) . (1 + random_below(9)) . '-15T08:00:00Z"';
	return qq({"type":"identify",$common,"traits":{"城市":"上海","n":) . random_below(100) . '}}' if $what == 0;
	return qq({"type":"alias",$common,"previousId":"访客) . random_below(30) . '"}' if $what == 1;
	return qq({"type":"group",$common,"groupId":"g) . random_below(3) . '"}' if $what == 2;
	return qq({"type":"page",$common,"properties":{"url":"https://example.cn/p/) . random_below(9) . '"}}' if $what < 8;
	return qq({"type":"track","event":") . (qw(浏览 View Order))[ random_below(3) ] . qq(",$common,"properties":{"value":2}});
}
my @pool = map { message("m-$_") } 1 .. 1500;

# Some messages others send as well, most are its own.
my $own = 0;
sub batch
{
	my @messages = map { random_below(8) == 0 ? $pool[ random_below(1500) ] : message('own-' . ++$own) } 1 .. 30;
	return "SELECT count(*) FROM mhub.ingest('[" . join(',', @messages) . "]');\n";
}

sub single
{
	return "SELECT mhub.track('Order', '{\"anonymous_id\": \"访客" . random_below(30) . "\", \"user_id\": \"u" . random_below(12)
	  . "\"}', '{\"value\": 1}');\n";
}

sub script
{
	my ($client) = @_;
	my $file = "$folder/client$client.sql";
	open my $out, '>', $file or die $!;
	binmode $out;
	print $out map { random_below(3) == 0 ? single() : batch() } 1 .. 100;
	close $out;
	return $file;
}

sub client
{
	my ($name, $file) = @_;
	return start([ 'psql', '-XqAt', '-d', $node->connstr('hub'), '-f', $file ], '>', "$folder/out$name", '2>', "$folder/err$name");
}

my $jobs = "$folder/jobs.sql";
open my $out, '>', $jobs or die $!;
print $out "CALL mhub.refresh_rollups();\nCALL mhub.refresh_sessions();\nCALL mhub.reclassify_events('2026-01-01');\nCALL mhub.maintain_partitions();\n" x 8;
close $out;

my @clients = map { client($_, script($_)) } 1 .. 8;
push @clients, client('jobs', $jobs);
$_->finish for @clients;
is(join('', map { slurp_file("$folder/err$_") } 1 .. 8), '', 'no client saw an error');
is(slurp_file("$folder/errjobs"), '', 'nor did the jobs');
is($node->safe_psql('hub', q{SELECT deadlocks FROM pg_stat_database WHERE datname = 'hub'}), '0', 'nobody deadlocked');
is($node->safe_psql('hub', q{SELECT count(*) FROM (SELECT identifier_id, name, count(*) AS n FROM mhub.event WHERE invalid_reason IS NULL GROUP BY 1, 2) AS e
	FULL JOIN (SELECT identifier_id, name, sum(count) AS n FROM mhub.event_counter GROUP BY 1, 2) AS c USING (identifier_id, name)
	WHERE e.n IS DISTINCT FROM c.n}), '0', 'the counters are exact');

done_testing();
