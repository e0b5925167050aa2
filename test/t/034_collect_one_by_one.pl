# A batch in which one message has bad data is recorded without it, all others together and in one order of locks: clients
# with the same messages in opposite orders do not deadlock. Where messages work only one by one, each is tried by itself.
use strict;
use warnings;
use IPC::Run qw(start);
use Test::More;
use PostgreSQL::Test::Utils;
use Mhub;

my $node = mhub_node('onebyone', deadlock_timeout => '20ms', log_statement => 'none', session_preload_libraries => 'mhub');
hub_database($node, 'hub');
# Bad data that only the table refuses, and time between two statements for the other client to get on
$node->safe_psql('hub', q{
	ALTER TABLE mhub.event ADD CHECK (name <> '坏');
	CREATE FUNCTION public.wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.03); RETURN NULL; END $$;
	CREATE TRIGGER wait AFTER INSERT ON mhub.event_message FOR EACH STATEMENT EXECUTE FUNCTION public.wait();});

my $folder = PostgreSQL::Test::Utils::tempdir();

sub body
{
	my ($test, $round, @numbers) = @_;
	my @messages = map { qq({"messageId": "$test-$round-$_", "event": "$test", "anonymousId": "访客$_"}) } @numbers;
	splice @messages, 2, 0, qq({"messageId": "$test-$round-bad-$numbers[0]", "event": "坏", "anonymousId": "x"});
	return '[' . join(', ', @messages) . ']';
}

sub client
{
	my ($test, $rounds, @numbers) = @_;
	my $name = "$test$numbers[0]";
	open my $script, '>', "$folder/$name.sql" or die $!;
	print $script map { "SELECT status FROM mhub.ingest('" . body($test, $_, @numbers) . "');\n" } 1 .. $rounds;
	close $script;
	return start([ 'psql', '-XqAt', '-d', $node->connstr('hub'), '-f', "$folder/$name.sql" ],
		'>', "$folder/out$name", '2>', "$folder/err$name");
}

# Two clients with six messages and a bad one each, in opposite orders
sub race
{
	my ($test, $rounds) = @_;
	my @clients = (client($test, $rounds, 1 .. 6), client($test, $rounds, reverse 1 .. 6));
	$_->finish for @clients;
	is(slurp_file("$folder/err$test$_"), '', "$test: no error of the client that begins with $_") for 1, 6;
	my %count;
	$count{$_}++ for split /\n/, slurp_file("$folder/out${test}1") . slurp_file("$folder/out${test}6");
	is_deeply(\%count, { accepted => 6 * $rounds, duplicate => 6 * $rounds, rejected => 2 * $rounds }, "$test: each message was accepted once");
	is($node->safe_psql('hub', "SELECT count(*), sum(count) FROM mhub.event_counter WHERE name = '$test'"), '6|' . 6 * $rounds, "$test: and counted once");
	is($node->safe_psql('hub', "SELECT count(*) FROM mhub.event WHERE name = '$test'"), 6 * $rounds, "$test: and is there once");
	return;
}

sub deadlocks
{
	return $node->safe_psql('hub', "SELECT deadlocks FROM pg_stat_database WHERE datname = 'hub'");
}

race('together', 6);
is(deadlocks(), '0', 'nobody deadlocked');

# Only one event a statement
$node->safe_psql('hub', q{
	DROP TRIGGER wait ON mhub.event_message;
	CREATE FUNCTION public.single() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN IF (SELECT count(*) > 1 FROM added) THEN RAISE 'one at a time'; END IF; RETURN NULL; END $$;
	CREATE TRIGGER single AFTER INSERT ON mhub.event REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.single();});
is($node->safe_psql('hub', "SELECT string_agg(status || coalesce(' ' || reason, ''), ', ' ORDER BY \"position\") FROM mhub.ingest('" . body('alone', 1, 1 .. 3, 2) . "')"),
	'accepted, accepted, rejected sqlstate_23514, accepted, duplicate', 'what works alone only is recorded alone');
$node->safe_psql('hub', 'DROP TRIGGER single ON mhub.event');

# Several calls in one transaction hold on to what the earlier ones locked, so only the whole transaction can be made again.
my @crossing = map {
	my ($name, $first, $second) = @$_;
	my $sql = "BEGIN; SELECT count(*) FROM mhub.ingest('[{\"messageId\": \"$first\", \"event\": \"A\", \"anonymousId\": \"$first\"}]'); SELECT pg_sleep(0.5);"
	  . " SELECT count(*) FROM mhub.ingest('[{\"messageId\": \"$second\", \"event\": \"A\", \"anonymousId\": \"$second\"}]'); COMMIT;";
	start([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('hub'), '-c', $sql ], '>', "$folder/out$name", '2>', "$folder/err$name");
} (['left', 'm-1', 'm-2'], ['right', 'm-2', 'm-1']);
$_->finish for @crossing;
my $errors = slurp_file("$folder/errleft") . slurp_file("$folder/errright");
is(() = $errors =~ /ERROR/g, 1, 'of two transactions whose calls cross, one goes through');
like($errors, qr/because of deadlocks.*send them again/s, 'the other is told why');
is($node->safe_psql('hub', q{SELECT count(*) FROM mhub.event WHERE name = 'A'}), '2', 'nothing is there twice or lost');

done_testing();
