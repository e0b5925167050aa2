# The key file: refused where it is unsafe, read again without restart, rotated while in use; retention.
use strict;
use warnings;
use Mhub;
use PostgreSQL::Test::Utils;
use Test::More;

my $key_file = key_file();
my $node = mhub_node('keys', 'autovacuum' => 'off');
my $db = hub_database($node, 'shop');

sub sql { return $node->safe_psql($db, $_[0]); }

# The error's SQLSTATE and text; '' when there is none.
sub failure
{
	my ($statement) = @_;
	my ($code, $out, $error) = $node->psql($db, "\\set VERBOSITY verbose\n$statement", on_error_stop => 1);
	return $code == 0 ? '' : $error;
}

sub use_key_file
{
	my ($path) = @_;
	sql("LOAD 'mhub'; ALTER SYSTEM SET mhub.key_file = '$path'");
	$node->reload;
	# sessions started from now on see it
	$node->poll_query_until($db, "SELECT mhub.version() <> '' AND current_setting('mhub.key_file') = '$path'") or die 'setting did not arrive';
	return;
}

sub write_file
{
	my ($path, $text) = @_;
	open my $file, '>', $path or die "$path: $!";
	print $file $text;
	close $file;
	chmod 0600, $path;
	return $path;
}

my $encrypt = "SELECT mhub.encrypt('x', 1, 'identifier.sealed')";

# Without a key everything that needs none works.
like(failure($encrypt), qr/ERROR:  MH001: mhub has no key.*openssl rand -base64 32.*ALTER SYSTEM SET mhub.key_file/s, 'no key: the error tells how to make one');
is(sql(q{SELECT mhub.identify('{"cookie": "c-1"}', '{"city": "上海"}')}), '1', 'no key: what is not personal data works');
is(sql("SELECT mhub.has_consent(1, 'marketing')"), 'f', 'no key: consent can be asked for');
is(sql(q{SELECT mhub.record_consent('{"cookie": "c-1"}', 'marketing')}), '1', 'no key: and recorded, without a proof');
like(failure(q{SELECT mhub.identify('{"email": "li@example.com"}')}), qr/MH001/, 'no key: personal data is refused');
is(sql("SELECT (mhub.erase_person(mhub.identify('{\"cookie\": \"c-2\"}'), 'test') ->> 'keys_destroyed')"), '0', 'no key: erasure works');
is(sql("SELECT status FROM mhub.doctor() WHERE check_name = 'key file'"), 'warn', 'no key: the doctor says so');

# Files that are refused.
my $folder = PostgreSQL::Test::Utils::tempdir();
my $good = do { open my $file, '<', $key_file or die; local $/; <$file> };
my %refused = (
	'missing' => ["$folder/none", qr/MH001: could not resolve the path/],
	'empty' => [write_file("$folder/empty", ''), qr/MH001: the mhub key file holds no key/],
	'text' => [write_file("$folder/text", "secret-of-mine\n"), qr/MH001: line 1 of the mhub key file is malformed/],
	'short key' => [write_file("$folder/short", "1:c2hvcnQ=\n"), qr/line 1 of/],
	'no epoch' => [write_file("$folder/zero", "# comment\n\n0:" . ($good =~ s/^1://r)), qr/line 3 of/],
	'epoch twice' => [write_file("$folder/twice", $good . $good), qr/line 2 of/],
	'epoch too large' => [write_file("$folder/large", $good =~ s/^1:/4294967296:/r), qr/line 1 of/],
	'negative epoch' => [write_file("$folder/negative", $good =~ s/^1:/-1:/r), qr/line 1 of/],
	'too long' => [write_file("$folder/long", '#' x 70000), qr/longer than 64 kB/],
	'folder' => [$folder, qr/not a regular file|could not open/],
	'in the data directory' => [write_file($node->data_dir . '/mhub.keys', $good), qr/lies in the server's data directory/],
);
symlink($node->data_dir . '/mhub.keys', "$folder/link");
$refused{'link into the data directory'} = ["$folder/link", qr/lies in the server's data directory/];
chmod 0640, write_file("$folder/group", $good);
$refused{'readable by the group'} = ["$folder/group", qr/Others than its owner have rights/];
for my $case (sort keys %refused)
{
	my ($path, $expected) = @{ $refused{$case} };
	use_key_file($path);
	my $error = failure($encrypt);
	like($error, $expected, "refused: $case");
	unlike($error, qr/secret-of-mine|c2hvcnQ/, "and not quoted: $case");
}

# A good one, two of them, and one that changes while sessions are open.
use_key_file(write_file("$folder/keys", $good));
is(failure($encrypt), '', 'a good key file is used');
sql(q{
	CREATE TABLE public.box (n integer, person_id bigint, sealed mhub.enc);
	INSERT INTO public.box SELECT n, 1001 + n % 500, mhub.encrypt('value ' || n, 1001 + n % 500, 'identifier.sealed') FROM generate_series(1, 1000) AS n;
	SELECT mhub.blind_index('x', 'user_id'), mhub.suppression_index('x', 'user_id', 'exact'), mhub.encrypt_secret('token', 'identifier.sealed');
});
my $readable = "SET mhub.purpose = 'test'; SELECT count(*) FROM public.box WHERE mhub.decrypt(sealed, 'identifier.sealed', person_id) = 'value ' || n";
my $index = sql("SELECT mhub.blind_index('x', 'user_id')");
is(sql($readable), '1000', 'everything is readable');
is(sql('SELECT * FROM mhub.key_status()'), '1|t|t|3|501', 'the status shows one epoch');

my $key2 = `openssl rand -base64 32`;
write_file("$folder/keys", "$good# new\n2:$key2");
is(sql('SELECT mhub.keys_reload()'), '2', 'a line is added and read without restart');
is(sql('SELECT * FROM mhub.key_status()'), "1|t|f|3|501\n2|t|t|0|0", 'the new epoch is the newest');
sql("INSERT INTO public.box SELECT 1001, 2001, mhub.encrypt('value 1001', 2001, 'identifier.sealed')");
is(sql($readable), '1001', 'old and new epoch are readable together');
is(sql("SELECT status FROM mhub.doctor() WHERE check_name = 'key rotation'"), 'warn', 'the doctor reminds of re-wrapping');

# Re-wrapping is stopped in the middle by a server that goes down hard.
sql('SELECT mhub.rewrap_batch(100), mhub.rewrap_batch(100), mhub.rewrap_batch(100)');
is(sql('SELECT * FROM mhub.key_status()'), "1|t|f|0|301\n2|t|t|3|201", 'the keyring first, then 200 person keys');
$node->stop('immediate');
$node->start;
is(sql($readable), '1001', 'everything is readable after a crash in the middle');
sql('CALL mhub.rewrap_keys(70)');
is(sql('SELECT * FROM mhub.key_status()'), "1|t|f|0|0\n2|t|t|3|502", 'the rest is re-wrapped');
is(sql($readable), '1001', 'everything is readable');
is(sql("SELECT mhub.blind_index('x', 'user_id')"), $index, 'blind indexes have not changed');
like(failure('BEGIN; CALL mhub.rewrap_keys(); COMMIT'), qr/invalid transaction termination/, 'inside a transaction block it is refused');

# The old epoch's end; and the new one's loss.
write_file("$folder/keys", "2:$key2");
is(sql('SELECT mhub.keys_reload()'), '1', 'the old line is taken away');
is(sql($readable), '1001', 'everything is readable without it');
write_file("$folder/keys", $good);
like(failure($readable), qr/MH002: the key of epoch 2 is not known/, 'without the new line nothing is');
is(sql("SELECT status FROM mhub.doctor() WHERE check_name = 'key file'"), 'fail', 'and the doctor says so');
write_file("$folder/keys", "2:$good" =~ s/2:1:/2:/r);
like(failure($readable), qr/MH004/, 'with another key for the epoch neither');

# A command in place of the file.
write_file("$folder/source", "2:$key2");
sql("LOAD 'mhub'; ALTER SYSTEM SET mhub.key_command = 'cat $folder/source'; ");
use_key_file('');
is(sql($readable), '1001', 'the keys come from a command');
sql("LOAD 'mhub'; ALTER SYSTEM SET mhub.key_command = 'cat $folder/source; exit 3'");
$node->reload;
$node->poll_query_until($db, "SELECT mhub.version() <> '' AND current_setting('mhub.key_command') LIKE '%exit 3'") or die;
like(failure($readable), qr/MH001: mhub.key_command failed/, 'a failing command is refused');

# Two sessions make the first keys of the same persons, and of the keyring, at the same time.
sql("LOAD 'mhub'; ALTER SYSTEM RESET mhub.key_command");
use_key_file($key_file);
my $race = hub_database($node, 'race');
my $script = write_file("$folder/race.sql", "SELECT mhub.encrypt('x', (random() * 50)::bigint, 'identifier.sealed'), mhub.blind_index('x', 'user_id');\n");
$node->command_ok([ 'pgbench', '-n', '-c', '8', '-t', '100', '-f', $script, $node->connstr($race) ], 'sessions race for keys');
is($node->safe_psql($race, 'SELECT count(*) FROM mhub.keyring'), '1', 'and agree on one index key');

# Retention.
$node->safe_psql($race, q{
	CREATE TABLE public.visit (at timestamptz, ip inet, note text) PARTITION BY RANGE (at);
	CREATE TABLE public.visit_old PARTITION OF public.visit FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
	CREATE TABLE public.visit_new PARTITION OF public.visit DEFAULT;
	INSERT INTO public.visit SELECT now() - n * interval '1 hour', '203.0.113.9', repeat('x', 500) FROM generate_series(0, 9999) AS n;
	INSERT INTO public.visit SELECT '2019-01-01', '203.0.113.9', 'old' FROM generate_series(1, 1000);
	DELETE FROM mhub.retention;
	INSERT INTO mhub.retention (policy, relation, time_column, keep, action, scrub, condition) VALUES
		('visit ip', 'public.visit', 'at', '100 days', 'scrub', 'ip = NULL', 't.ip IS NOT NULL'),
		('visits', 'public.visit', 'at', '300 days', 'delete', NULL, 'true'), ('kept', 'public.visit', 'at', NULL, 'delete', NULL, 'true');
});
$node->safe_psql($race, "CALL mhub.apply_retention('0 seconds', 10)");
cmp_ok($node->safe_psql($race, 'SELECT count(*) FROM public.visit WHERE ip IS NOT NULL'), '>', 5000, 'out of time it stops');
$node->safe_psql($race, 'CALL mhub.apply_retention(NULL, 10)');
is($node->safe_psql($race, "SELECT count(*), count(*) FILTER (WHERE at < now() - interval '300 days'), count(*) FILTER (WHERE ip IS NOT NULL AND at < now() - interval '100 days'), count(*) FILTER (WHERE ip IS NULL AND at >= now() - interval '100 days') FROM public.visit"),
	'7200|0|0|0', 'and goes on to the end at the next call');
is($node->safe_psql($race, "SELECT policy, rows_done, done_until IS NOT NULL, pass_until IS NULL FROM mhub.retention ORDER BY 1"), "kept|0|f|t\nvisit ip|8600|t|t\nvisits|3800|t|t", 'what it did is on record');
$node->safe_psql($race, "INSERT INTO public.visit VALUES (now() - interval '1 year', NULL, 'late')");
$node->safe_psql($race, 'CALL mhub.apply_retention()');
is($node->safe_psql($race, "SELECT count(*) FROM public.visit WHERE note = 'late'"), '1', 'a pass that is not due does nothing');
$node->safe_psql($race, "UPDATE mhub.retention SET done_until = done_until - interval '2 days', full_pass_at = now() - interval '31 days'; CALL mhub.apply_retention()");
is($node->safe_psql($race, "SELECT count(*) FROM public.visit WHERE note = 'late'"), '0', 'the monthly full pass finds what came late');

done_testing();
