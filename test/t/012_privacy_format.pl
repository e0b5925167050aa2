# The format of sealed values, of wrapped keys and of blind indexes is what its description says: an independent reader
# (sealed_reader.py, on the library "cryptography") opens what mhub seals and seals what mhub opens. And nothing else opens.
use strict;
use warnings;
use File::Basename;
use IPC::Run;
use JSON::PP;
use Mhub;
use Test::More;

plan skip_all => 'python3 has no module cryptography' if system("python3 -c 'import cryptography' 2>/dev/null") != 0;

my $key_file = key_file();
my $node = mhub_node('format', 'mhub.key_file' => $key_file, 'session_preload_libraries' => 'mhub');
my $db = hub_database($node, 'format');
my $json = JSON::PP->new->utf8->canonical->allow_nonref;

sub sql { return $node->safe_psql($db, $_[0]); }

sub ask_reader
{
	my (@asked) = @_;
	my $in = join '', map { $json->encode($_) . "\n" } @asked;
	my ($out, $error) = ('', '');
	IPC::Run::run([ 'python3', dirname(__FILE__) . '/sealed_reader.py' ], '<', \$in, '>', \$out, '2>', \$error) or die $error;
	return map { $json->decode($_) } split /\n/, $out;
}

# Every value in a column with padding and in one without, bound to its row or not; sealed by mhub and read by the reader.
sql(q{
	CREATE TABLE public.sample AS
	SELECT row_number() OVER () AS n, value, mhub.register_enc_column(name, name LIKE '%padded') AS column_id, name, name LIKE '%padded' AS padded, row_key, 100 + length(value) % 3 AS person_id
	FROM unnest(ARRAY['', 'x', '李伟', repeat('a', 16), repeat('b', 15), repeat('上海', 500)]) AS value,
		unnest('{public.sample.plain,public.sample.padded}'::text[]) AS name, unnest('{NULL,42,主键}'::text[]) AS row_key;
	ALTER TABLE public.sample ADD sealed mhub.enc;
	UPDATE public.sample SET sealed = mhub.encrypt(value, person_id, name, row_key);
});
my $samples = $json->decode(sql(qq{
	SELECT jsonb_agg(jsonb_build_object('value', s.value, 'column_id', s.column_id, 'padded', s.padded, 'row_key', s.row_key, 'sealed', substr(s.sealed::text, 3),
		'key_id', k.key_id, 'epoch', k.epoch, 'wrapped', encode(k.wrapped, 'hex'), 'key_file', '$key_file', 'n', s.n) ORDER BY s.n)
	FROM public.sample AS s JOIN mhub.person_key AS k USING (person_id)}));
is(scalar @$samples, 36, 'values are sealed');
my @opened = ask_reader(map { { %$_, do => 'open' } } @$samples);
is_deeply(\@opened, [ map { $_->{value} } @$samples ], 'the reader opens them all');

# And the other way round.
my @made = ask_reader(map { { %$_, do => 'seal' } } @$samples);
my $values = join ', ', map { "($samples->[$_]{n}, '\\x$made[$_]'::mhub.enc)" } 0 .. $#made;
is(sql("SET mhub.purpose = 'test'; SELECT count(*) FROM public.sample AS s JOIN (VALUES $values) AS m (n, sealed) USING (n)
	WHERE mhub.decrypt(m.sealed, s.name, s.person_id, s.row_key) = s.value"), '36', 'mhub opens what the reader has sealed');

# Blind indexes of normalised values, for look-ups and for the suppression list
sql("SELECT mhub.blind_index('x', 'cookie'), mhub.suppression_index('x', 'cookie', 'exact')");
my @indexed = ([ 'index', 'email', 'Li@Example.com', 'li@example.com' ], [ 'index', 'phone', '138 0013 8000', '+8613800138000' ],
	[ 'index', 'user_id', ' 李伟 ', '李伟' ], [ 'suppress', 'email', 'LI@EXAMPLE.COM', 'li@example.com' ]);
for (@indexed)
{
	my ($purpose, $domain, $spelling, $normalised) = @$_;
	my ($epoch, $wrapped) = split /\|/, sql("SELECT epoch, encode(wrapped, 'hex') FROM mhub.keyring WHERE purpose = '$purpose'");
	my $function = $purpose eq 'index' ? "mhub.blind_index('$spelling', '$domain')" : "mhub.suppression_index('$spelling', '$domain', '$domain')";
	utf8::decode(my $value = $normalised);
	is_deeply([ ask_reader({ do => 'index', purpose => $purpose, domain => $domain, value => $value, epoch => $epoch + 0, wrapped => $wrapped, key_file => $key_file }) ],
		[ sql("SELECT encode($function, 'hex')") ], "$purpose of $domain");
}

# No bit of a value can be changed, and no byte left away.
sql(q{CREATE FUNCTION public.answer(sealed text) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		RETURN coalesce(mhub.decrypt(sealed::mhub.enc, 'public.sample.plain'), 'NULL');
	EXCEPTION WHEN OTHERS THEN
		RETURN SQLSTATE;
	END $$});
is(sql(q{
	SET mhub.purpose = 'test';
	WITH value AS (SELECT mhub.enc_send(sealed) AS raw FROM public.sample WHERE value = '李伟' AND name LIKE '%plain' AND row_key IS NULL),
	changed AS (
		SELECT set_bit(raw, bit, 1 - get_bit(raw, bit)) AS raw FROM value, generate_series(0, octet_length(raw) * 8 - 1) AS bit
		UNION ALL SELECT substr(raw, 1, n) FROM value, generate_series(0, octet_length(raw) - 1) AS n)
	SELECT string_agg(DISTINCT public.answer(raw::text), ' ' ORDER BY public.answer(raw::text)) FROM changed}), 'MH004 MH005', 'what was changed or cut off does not open');

# Nor does a key whose row was changed.
my $moved = q{UPDATE mhub.person_key AS k SET wrapped = o.wrapped FROM mhub.person_key AS o WHERE k.person_id = 100 AND o.person_id = 101};
like(($node->psql($db, "SET mhub.purpose = 'test'; $moved; SELECT mhub.decrypt(sealed, name, person_id, row_key) FROM public.sample WHERE person_id = 100"))[2],
	qr/person key \d+ does not open/, 'a wrapped key moved to another row does not open');
$node->stop;
done_testing();
