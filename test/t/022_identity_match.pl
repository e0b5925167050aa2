# mhub.match_candidates() on two public sets of labelled duplicates, with the weights as shipped: what share of the pairs
# it proposes at the threshold is right, and what share of the right pairs it proposes.
use strict;
use warnings;
use Mhub;
use Test::More;

my %files = (febrl3 => shared_data('identity/febrl3.csv'), splink => shared_data('identity/splink_fake_1000.csv'));
plan skip_all => 'no labelled duplicates here (MHUB_SHARED)' unless $files{febrl3} && $files{splink};

my $node = mhub_node('identity_match', 'mhub.key_file' => key_file());

# A database of its own, with the traits in the open or, as shipped, those of mhub.pii_trait sealed
sub load
{
	my ($set, $database, $sealed, $columns, $cluster, $traits) = @_;
	my $open = $sealed ? '' : 'DELETE FROM mhub.pii_trait;';
	hub_database($node, $database);
	my $definition = join ', ', map { "$_ text" } split /,\s*/, $columns;
	$node->safe_psql($database, qq{
		$open
		CREATE TABLE record ($definition);
		\\copy record FROM '$files{$set}' (FORMAT csv, HEADER)
		CREATE TABLE labelled AS SELECT row_number() OVER () AS person_id, $cluster AS cluster, jsonb_strip_nulls(jsonb_build_object($traits)) AS traits FROM record;
		UPDATE labelled AS l SET traits = (SELECT coalesce(jsonb_object_agg(key, to_jsonb(btrim(value))), '{}') FROM jsonb_each_text(l.traits) WHERE btrim(value) <> '');
		INSERT INTO mhub.person (person_id, traits) SELECT person_id, traits FROM labelled;
		CREATE INDEX ON labelled (cluster);
		VACUUM ANALYZE mhub.person, labelled;
	});
	return;
}

# Of every n-th record: proposed pairs, right ones among them, and right ones in all
sub measure
{
	my ($set, $every, $threshold) = @_;
	my ($proposed, $right, $all) = split /\|/, $node->safe_psql($set, qq{
		SET mhub.purpose = 'duplicates';
		SELECT count(c.candidate_id), count(*) FILTER (WHERE o.cluster = l.cluster),
		       (SELECT count(*) FROM labelled AS a JOIN labelled AS b ON b.cluster = a.cluster AND b.person_id <> a.person_id WHERE a.person_id % $every = 0)
		FROM labelled AS l CROSS JOIN LATERAL mhub.match_candidates(l.person_id) AS c JOIN labelled AS o ON o.person_id = c.candidate_id
		WHERE l.person_id % $every = 0 AND c.probability >= $threshold});
	my ($precision, $recall) = ($right / $proposed, $right / $all);
	diag(sprintf '%s at %s: precision %.4f, recall %.4f (%d proposed, %d right, %d pairs)', $set, $threshold, $precision, $recall, $proposed, $right, $all);
	return ($precision, $recall);
}

my @febrl3 = ('rec_id, given_name, surname, street_number, address_1, address_2, suburb, postcode, state, date_of_birth, soc_sec_id',
	q{split_part(rec_id, '-', 2)},
	q{'first_name', given_name, 'last_name', surname, 'address', address_1, 'city', suburb, 'postcode', postcode, 'region', state,
	  'birthday', date_of_birth, 'national_id', soc_sec_id});
my @splink = ('unique_id, first_name, surname, dob, city, email, cluster', 'cluster',
	q{'first_name', first_name, 'last_name', surname, 'birthday', dob, 'city', city, 'email', email});

load('febrl3', 'febrl3_open', 0, @febrl3);
my ($precision, $recall) = measure('febrl3_open', 10, 0.99);
cmp_ok($precision, '>', 0.99, 'febrl3, open: precision');
cmp_ok($recall, '>', 0.9, 'febrl3, open: recall');

load('splink', 'splink_open', 0, @splink);
($precision, $recall) = measure('splink_open', 2, 0.99);
cmp_ok($precision, '>', 0.95, 'splink, open: precision');
cmp_ok($recall, '>', 0.4, 'splink, open: recall');
($precision, $recall) = measure('splink_open', 2, 0.5);
cmp_ok($precision, '>', 0.8, 'splink at even odds, open: precision');
cmp_ok($recall, '>', 0.6, 'splink at even odds, open: recall');
is($node->safe_psql('splink_open', 'SELECT count(*) FROM mhub.access_log'), 0, 'nothing sealed, nothing opened');

# As shipped: names, addresses and e-mail addresses are sealed; candidates are found by what is open and by blind indexes.
load('febrl3', 'febrl3_sealed', 1, @febrl3);
is($node->safe_psql('febrl3_sealed', q{SELECT count(*) FROM mhub.person WHERE traits ?| ARRAY['first_name', 'last_name', 'address']}), 0, 'febrl3: names are sealed');
($precision, $recall) = measure('febrl3_sealed', 25, 0.99);
cmp_ok($precision, '>', 0.99, 'febrl3, sealed: precision');
cmp_ok($recall, '>', 0.9, 'febrl3, sealed: recall');

load('splink', 'splink_sealed', 1, @splink);
($precision, $recall) = measure('splink_sealed', 2, 0.99);
cmp_ok($precision, '>', 0.95, 'splink, sealed: precision');
cmp_ok($recall, '>', 0.45, 'splink, sealed: recall');
($precision, $recall) = measure('splink_sealed', 2, 0.5);
cmp_ok($precision, '>', 0.8, 'splink at even odds, sealed: precision');
cmp_ok($recall, '>', 0.6, 'splink at even odds, sealed: recall');
cmp_ok($node->safe_psql('splink_sealed', q{SELECT count(*) FROM mhub.access_log WHERE purpose = 'duplicates'}), '>', 0, 'the log has what was opened, and why');
$node->stop;
done_testing();
