# Personal data and keys stay out of logs, statistics, files and dumps; what is erased is gone, also from a restored dump;
# no ciphertext, however malformed, does more than raise its error.
use strict;
use warnings;
use File::Find;
use Mhub;
use PostgreSQL::Test::Utils;
use Test::More;

my $key_file = key_file();
my $node = mhub_node(
	'leaks',
	'mhub.key_file' => $key_file,
	'session_preload_libraries' => 'mhub, auto_explain',
	'shared_preload_libraries' => 'pg_stat_statements',
	'log_statement' => 'all',
	'log_min_duration_statement' => '0',
	'log_error_verbosity' => 'verbose',
	'log_parameter_max_length_on_error' => '-1',
	'auto_explain.log_min_duration' => '0',
	'auto_explain.log_verbose' => 'on',
	'pg_stat_statements.track_utility' => 'on',
	'autovacuum' => 'off');
my $db = hub_database($node, 'shop');

# What must be found nowhere, in every form in which it is given.
my %secret = (
	email => 'geheim.person@example.com',
	phone => '13912345678',
	name => '王小明的秘密',
	proof => 'formular-7391-unterschrift',
);
my $key = do { open my $file, '<', $key_file or die; local $/; <$file> };
$key =~ s/^1:|\s//g;
my @secrets = values %secret;

sub sql { return $node->safe_psql($db, $_[0]); }
sub failing { my ($code) = $node->psql($db, $_[0], on_error_stop => 1); return $code; }

# The values among @wanted that are in a text; every one, so that a failure names them.
sub found_in
{
	my ($text, @wanted) = @_;
	return join(', ', grep { index($text, $_) >= 0 } @wanted);
}

sub file_text
{
	my ($path) = @_;
	open my $file, '<:raw', $path or return '';
	local $/;
	return <$file> // '';
}

# In which files below the data directory the values are; WAL included unless told otherwise.
sub found_in_files
{
	my ($folders, @wanted) = @_;
	my @hits;
	for my $folder (@$folders)
	{
		find({ no_chdir => 1, wanted => sub { push @hits, "$_: " . found_in(file_text($_), @wanted) if -f $_ && found_in(file_text($_), @wanted) ne '' } },
			$node->data_dir . "/$folder");
	}
	return join("\n", @hits);
}

# The checks can find something.
is(found_in("a $secret{phone} b", @secrets), $secret{phone}, 'the search itself works');
sql("CREATE TABLE public.plain (v text UNIQUE); INSERT INTO public.plain VALUES ('found-in-heap-4711'); CHECKPOINT");
isnt(found_in_files(['base'], 'found-in-heap-4711'), '', 'also in files');

# Statements with values as literals, good and bad; with parameters; in functions; in plans.
sql(qq{
	CREATE EXTENSION pg_stat_statements;
	SELECT mhub.identify('{"email": "$secret{email}", "phone": "$secret{phone}", "cookie": "c-4711-cookie"}', '{"city": "上海", "first_name": "$secret{name}"}');
	SELECT mhub.register_enc_column('public.customer.name');
	CREATE TABLE public.customer (id integer, name mhub.enc);
	INSERT INTO public.customer SELECT n, mhub.encrypt('$secret{name}', 1, 'public.customer.name') FROM generate_series(1, 200) AS n;
	SELECT mhub.person_id('email', '$secret{email}'), mhub.blind_index('$secret{phone}', 'phone'), mhub.normalise('$secret{phone}', 'phone');
	SELECT mhub.record_consent('{"email": "$secret{email}"}', 'marketing', proof => '$secret{proof}');
	SELECT mhub.suppress('phone', '$secret{phone}', 'sms'), mhub.is_suppressed('phone', \$\$$secret{phone}\$\$), mhub.is_suppressed('phone', E'it\\'s $secret{phone}');
	SET mhub.purpose = 'leak test';
	SELECT count(*) FROM public.customer WHERE mhub.decrypt(name, 'public.customer.name') = '$secret{name}';
	EXPLAIN (VERBOSE) SELECT mhub.decrypt(name, 'public.customer.name') = '$secret{name}' FROM public.customer;
	DO 'BEGIN PERFORM mhub.blind_index(''$secret{email}'', ''email''); END';
	PREPARE p AS SELECT mhub.blind_index(\$1, 'email'); EXECUTE p('$secret{email}'); -- of mhub
	SELECT length(mhub.export_person(1)::text) > 100;
});
my @failing = (
	"SELECT mhub.encrypt('$secret{name}', 1, 'no.such.column')",
	"SELECT mhub.encrypt('$secret{name}', 1, 'identifier.sealed'), 1 / 0",
	"SELECT mhub.identify('{\"email\": \"$secret{email}\"')",
	"SELECT mhub.identify('\"$secret{email}\"')",
	"SELECT mhub.has_consent('$secret{phone}x', 'marketing')",
	"SELECT mhub.has_consent($secret{phone}$secret{phone}, 'marketing')",
	"SELECT mhub.suppress('email', '$secret{name} $secret{phone}')",
	"SELECT mhub.decrypt('$secret{name}', 'identifier.sealed')",
	"SELECT mhub.blind_index('$secret{phone}', 'phone', '$secret{phone}')",
	"INSERT INTO public.plain SELECT mhub.normalise('$secret{phone}', 'phone') FROM generate_series(1, 2)",
	"DO 'BEGIN PERFORM mhub.record_consent(''{\"email\": \"$secret{email}\"}'', ''marketing'', legal_basis => ''$secret{name}''); END'",
	"SELECT mhub.decrypt_strict((SELECT name FROM public.customer LIMIT 1), 'identifier.sealed')",
	"SELECT mhub.record_consent('{\"email\": \"$secret{email}\"}' unterminated");
isnt(failing($_), 0, 'fails: ' . substr($_, 0, 40)) for @failing;

my $script = PostgreSQL::Test::Utils::tempdir() . '/extended.sql';
open my $file, '>', $script or die;
print $file "SELECT mhub.blind_index(:v, 'phone');\nSELECT mhub.encrypt(:v, 1, 'identifier.sealed');\nSELECT mhub.encrypt(:v, 1, 'identifier.sealed'), 1 / (length(:v) - 11);\n";
close $file;
for my $protocol ('extended', 'prepared')
{
	$node->command_fails([ 'pgbench', '-n', '-t', '2', '-M', $protocol, '-D', "v=$secret{phone}", '-f', $script, $node->connstr($db) ], "parameters, $protocol protocol");
}

my $log = file_text($node->logfile);
is(found_in($log, @secrets), '', 'no personal data in the log');
is(found_in($log, $key), '', 'no key in the log');
cmp_ok(scalar(() = $log =~ /statement: .*mhub\.identify/g), '>=', 1, 'though the statements are there');
cmp_ok(scalar(() = $log =~ /Query Text: .*mhub\./g), '>=', 5, 'and the plans');
cmp_ok(scalar(() = $log =~ /(?:ERROR|LOG):.*(?:22P02|22003|23505|22012|MH005)/g), '>=', 5, 'and the errors');
like($log, qr/[Pp]arameters: \$1 = '\*+'/, 'and the parameters, masked');

is(found_in(sql('SELECT query FROM pg_stat_statements'), @secrets), '', 'no personal data in pg_stat_statements');
sql('ANALYZE');
is(found_in(sql("SELECT concat(most_common_vals, histogram_bounds) FROM pg_stats WHERE schemaname IN ('mhub', 'public')"), @secrets, $key), '', 'none in statistics');
sql('CHECKPOINT');
is(found_in_files([ 'base', 'pg_wal' ], $secret{email}, $secret{name}, $secret{proof}, $key), '', 'none in tables, indexes and WAL');

# A dump has no personal data and no key, and restores without trigger or key file; with it everything opens.
my $dump_file = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $dump_file, $node->connstr($db) ], 'dump');
my $dump = file_text($dump_file);
is(found_in($dump, @secrets, $key), '', 'no personal data and no key in a dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-f', $dump_file, $node->connstr('restored') ], 'restore');
is($node->safe_psql('restored', "SET mhub.purpose = 'test'; SELECT count(*) FROM public.customer WHERE mhub.decrypt(name, 'public.customer.name', 1) = '$secret{name}'"), '200', 'restored values open');
is($node->safe_psql('restored', "SELECT mhub.person_id('email', '$secret{email}')"), '1', 'restored people are found');

# The access log: one row, or one per 1,000 persons, written at commit; what is rolled back is in the server's log.
sql(q{
	CREATE TABLE public.many AS SELECT n, mhub.encrypt('x', 100000 + n % 2345, 'identifier.sealed') AS sealed FROM generate_series(1, 4690) AS n;
	SET mhub.purpose = 'newsletter of 双十一';
	SELECT count(mhub.decrypt(sealed, 'identifier.sealed')) FROM public.many;
	BEGIN; SELECT mhub.decrypt(sealed, 'identifier.sealed') FROM public.many LIMIT 7; ROLLBACK;
});
is(sql(q{SELECT action, column_name, role_name = session_user, count(*), count(DISTINCT p), max(cardinality(persons)) FROM mhub.access_log, unnest(persons) AS p
	WHERE purpose = 'newsletter of 双十一' GROUP BY 1, 2, 3}), 'decrypt|identifier.sealed|t|2345|2345|1000', 'whose values were opened is on record');
is(sql(q{SELECT count(*), sum(value_count) FROM mhub.access_log WHERE purpose = 'newsletter of 双十一'}), '3|4690', 'in one row per 1,000 persons');
like(file_text($node->logfile), qr/rolled back: 7 so far.*\n.*for the purpose "newsletter/, 'what was rolled back is in the log of the server');

# Erasure: the blind index, the wrapped key, the cookie and the ciphertext leave tables and indexes.
my @traces = split(/\n/, sql("SELECT value FROM mhub.identifier WHERE kind IN ('email', 'phone', 'cookie') AND person_id = 1"));
my @binary = map { pack('H*', $_) } split(/\n/, sql("SELECT encode(wrapped, 'hex') FROM mhub.person_key WHERE person_id = 1 UNION ALL SELECT encode(substr(sealed::text::bytea, 17), 'hex') FROM mhub.identifier WHERE sealed IS NOT NULL AND person_id = 1"));
is(scalar(@traces) + scalar(@binary), 6, 'traces to look for');
isnt(found_in_files(['base'], @traces), '', 'they are there before');
sql(q{SELECT mhub.erase_person(1, 'request 4711', suppress => true)});
$node->safe_psql('postgres', 'DROP DATABASE restored');
sql('VACUUM FULL mhub.identifier, mhub.person_key, mhub.link, mhub.person, mhub.event_default, mhub.consent; VACUUM FULL pg_statistic; CHECKPOINT');
is(found_in_files(['base'], @traces, @binary), '', 'nowhere in tables and indexes after erasure');
is(found_in(sql("SELECT concat(most_common_vals, histogram_bounds) FROM pg_stats WHERE schemaname = 'mhub'"), @traces), '', 'nor in statistics');
$node->command_ok([ 'pg_dump', '-f', "$dump_file.2", $node->connstr($db) ], 'dump after erasure');
is(found_in(file_text("$dump_file.2"), @secrets, @traces), '', 'nor in a later dump');
is(sql("SET mhub.purpose = 'test'; SELECT count(*), count(mhub.decrypt(name, 'public.customer.name')) FROM public.customer"), '200|0', 'what your own tables have sealed opens to NULL');
is(sql("SELECT mhub.is_suppressed('phone', '$secret{phone}')"), 't', 'the objection works on');

# An old dump brings the person back; the erasure log sends it away again.
$node->safe_psql('postgres', 'CREATE DATABASE old');
$node->command_ok([ 'psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-f', $dump_file, $node->connstr('old') ], 'an old dump is restored');
is($node->safe_psql('old', "SELECT mhub.person_id('email', '$secret{email}')"), '1', 'the person is back');
my $copy = "$dump_file.log";
sql("COPY mhub.erasure_log TO '$copy'");
$node->safe_psql('old', "COPY mhub.erasure_log FROM '$copy'");
is($node->safe_psql('old', 'SELECT mhub.replay_erasures()'), '1', 'the erasure is repeated');
is($node->safe_psql('old', "SELECT mhub.person_id('email', '$secret{email}') IS NULL, count(*) FROM mhub.person_key WHERE destroyed_at IS NULL"), 't|0', 'the person is gone again');
is($node->safe_psql('old', 'SELECT mhub.replay_erasures()'), '0', 'there is nothing left to repeat');

# Random bytes, random lengths, random damage: only ever one of the two errors.
is(sql(q{
	SELECT mhub.identify('{"email": "other@example.com"}') IS NOT NULL;
	SET mhub.purpose = 'fuzz';
	CREATE FUNCTION public.answer(text) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		RETURN coalesce(mhub.decrypt($1::mhub.enc, 'identifier.sealed'),
			CASE substr($1, 19, 16) WHEN '0000000000000001' THEN 'MH004' ELSE 'null' END); -- that key is destroyed
	EXCEPTION WHEN OTHERS THEN
		RETURN SQLSTATE;
	END $$;
	CREATE FUNCTION public.noise(n integer) RETURNS text LANGUAGE sql VOLATILE AS $$
		SELECT coalesce(string_agg(lpad(to_hex((random() * 255)::integer), 2, '0'), ''), '') FROM generate_series(1, n)
	$$;
	SELECT setseed(0.4711) IS NOT NULL;
	SELECT string_agg(DISTINCT answer, ',' ORDER BY answer) FROM (
		SELECT public.answer('\x' || public.noise(n % 120)) AS answer FROM generate_series(1, 3000) AS n
		UNION ALL
		SELECT public.answer('\x010101000000000100000000000000' || lpad(to_hex(2 + n % 8), 2, '0') || public.noise(n % 90)) FROM generate_series(1, 3000) AS n
		UNION ALL
		SELECT public.answer(overlay(sealed::text PLACING public.noise(1) FROM 3 + 2 * (random() * (length(sealed::text) / 2 - 2))::integer) || public.noise(n % 3))
		FROM mhub.identifier, generate_series(1, 3000) AS n WHERE kind = 'email' AND n % 3 <> 0
	) AS answers;
}) =~ s/^.*\n//sr, 'MH004,MH005', 'malformed ciphertext raises MH004 or MH005, nothing else');

done_testing();
