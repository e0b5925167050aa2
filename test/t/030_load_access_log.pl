# mhub.load_access_log(): files plain and compressed, rights, bad lines, loading again, and SIGKILL in the middle.
use strict;
use warnings;
use Test::More;
use PostgreSQL::Test::Utils;
use PostgreSQL::Test::Cluster;
use Time::HiRes qw(usleep);
use Mhub;

my $node = mhub_node('load', restart_after_crash => 'on');
hub_database($node, 'hub');
my $folder = PostgreSQL::Test::Utils::tempdir();
chmod 0755, $folder;

sub write_log
{
	my ($file, $lines) = @_;
	open my $log, '>', $file or die "$file: $!";
	for my $n (1 .. $lines)
	{
		printf $log '198.18.%d.%d - - [%02d/Mar/2025:%02d:%02d:%02d +0800] "GET /course/%d?utm_source=baidu&utm_medium=cpc HTTP/1.1" 200 512 "-" "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36"' . "\n",
		  $n / 250 % 250, 1 + $n % 250, 1 + $n / 3600 / 24, $n / 3600 % 24, $n / 60 % 60, $n % 60, $n % 40;
	}
	close $log;
	return;
}

sub count_of
{
	my ($table) = @_;
	return $node->safe_psql('hub', "SELECT count(*) FROM mhub.$table");
}

# Killed in the middle: all or nothing.
write_log("$folder/big.log", 60_000);
my $session = $node->background_psql('hub', on_error_stop => 0);
my $backend = $session->query_safe('SELECT pg_backend_pid()');
$session->{stdin} .= "SELECT * FROM mhub.load_access_log('$folder/big.log');\n";
$session->{run}->pump_nb;
my $written = 0;
for (1 .. 600)
{
	usleep(20_000);
	$session->{run}->pump_nb;
	# The load has written something, and is not done.
	$written = $node->safe_psql('hub', q{SELECT max(pg_relation_size(c.oid)) FROM pg_class c WHERE relnamespace = 'mhub'::regnamespace AND relname LIKE 'event\_%' AND relkind = 'r'});
	last if $written > 2_000_000;
}
cmp_ok($written, '>', 2_000_000, 'the load was under way');
is($node->safe_psql('hub', "SELECT state FROM pg_stat_activity WHERE pid = $backend"), 'active', 'and not yet done');
kill 'KILL', $backend;
eval { $session->quit };
$node->poll_query_until('hub', 'SELECT NOT pg_is_in_recovery()') or die 'no recovery';
is(count_of('event'), 0, 'killed: no event was kept');
is(count_of('identifier'), 0, 'nor an identifier');

my $result = $node->safe_psql('hub', "SELECT lines_read, events, duplicates, rejected FROM mhub.load_access_log('$folder/big.log')");
is($result, '60000|60000|0|0', 'loaded in full afterwards');
is(count_of('event'), 60_000, 'every line is an event');
$result = $node->safe_psql('hub', "SELECT lines_read, events, duplicates, rejected FROM mhub.load_access_log('$folder/big.log')");
is($result, '60000|0|60000|0', 'loading the same file again adds nothing');

# Compressed, with a bad line, overlapping what was loaded.
append_to_file("$folder/big.log", "this is no log line\n");
system_or_bail('gzip', '-k', "$folder/big.log");
$result = $node->safe_psql('hub', "SELECT lines_read, events, duplicates, rejected FROM mhub.load_access_log('$folder/big.log.gz')");
is($result, '60001|0|60000|1', 'a compressed file is read as well; the bad line is kept aside');
is($node->safe_psql('hub', 'SELECT raw, reason, detail FROM mhub.rejected'), 'this is no log line|malformed_line|no time', 'with its reason');
$node->safe_psql('hub', "SELECT * FROM mhub.load_access_log('$folder/big.log.gz')");
is($node->safe_psql('hub', 'SELECT count(*) FROM mhub.rejected'), '1', 'and once, however often it is loaded');

# Rights and files that are none.
$node->safe_psql('hub', "CREATE ROLE app LOGIN; SELECT mhub.grant_access('app', 'app')");
my (undef, undef, $error) = $node->psql('hub', "SELECT * FROM mhub.load_access_log('$folder/big.log')", extra_params => [ '-U', 'app' ]);
like($error, qr/permission denied to read a file on the server/, 'a file needs pg_read_server_files');
is($node->safe_psql('hub', q{SELECT events FROM mhub.load_access_log(ARRAY['198.18.0.1 - - [01/Apr/2025:10:00:00 +0800] "GET / HTTP/1.1" 200 1 "-" "curl/8.0"'])}, extra_params => [ '-U', 'app' ]),
	1, 'lines do not');
for my $case ([ '/no/such.log', qr/could not open file/ ], [ 'relative.log', qr/is not absolute/ ], [ '/tmp', qr/is not a regular file/ ])
{
	(undef, undef, $error) = $node->psql('hub', "SELECT * FROM mhub.load_access_log('$case->[0]')");
	like($error, $case->[1], "$case->[0] is refused");
}
open my $broken, '>', "$folder/broken.gz";
print $broken substr(slurp_file("$folder/big.log.gz"), 0, 20_000);
close $broken;
(undef, undef, $error) = $node->psql('hub', "SELECT * FROM mhub.load_access_log('$folder/broken.gz')");
like($error, qr/could not read file .*unexpected end of file/, 'a truncated file is an error, not a short answer');

# Real logs, where they are here.
SKIP:
{
	my $zanbil = shared_data('demo/access_zanbil_2019.log.gz');
	my $elastic = shared_data('demo/access_elastic_2015.log.gz');
	skip 'the real access logs are not here', 4 unless $zanbil && $elastic;
	hub_database($node, 'zanbil');
	is($node->safe_psql('zanbil', "SELECT lines_read, events, rejected, host FROM mhub.load_access_log('$zanbil')"), '10000|10000|0|www.zanbil.ir', 'zanbil: every line is an event, the shop\'s own host is found');
	is($node->safe_psql('zanbil', q{SELECT abs(avg((invalid_reason IS NOT NULL)::integer) - 0.39) < 0.05 FROM mhub.event}), 't', 'zanbil: about 39 % bots');
	hub_database($node, 'elastic');
	is($node->safe_psql('elastic', "SELECT lines_read, events, rejected FROM mhub.load_access_log('$elastic')"), '10000|9999|1', 'elastic: one line has no closing quote');
	is($node->safe_psql('elastic', 'SELECT detail FROM mhub.rejected'), 'user agent is not closed by a quote', 'and is kept aside');
}

done_testing();
