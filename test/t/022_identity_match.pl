# mhub.match_candidates() on two public sets of labelled duplicates, with the weights as shipped: what share of the pairs
# it proposes at the threshold is right, and what share of the right pairs it proposes.
use strict;
use warnings;
use Mhub;
use Test::More;

my %files = (febrl3 => shared_data('identity/febrl3.csv'), splink => shared_data('identity/splink_fake_1000.csv'));
plan skip_all => 'no labelled duplicates here (MHUB_SHARED)' unless $files{febrl3} && $files{splink};

my $node = mhub_node('identity_match');

sub load
{
	my ($set, $columns, $cluster, $traits) = @_;
	hub_database($node, $set);
	my $definition = join ', ', map { "$_ text" } split /,\s*/, $columns;
	# Only traits that are kept in the open are compared.
	$node->safe_psql($set, qq{
		DELETE FROM mhub.pii_trait;
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
		SELECT count(c.candidate_id), count(*) FILTER (WHERE o.cluster = l.cluster),
		       (SELECT count(*) FROM labelled AS a JOIN labelled AS b ON b.cluster = a.cluster AND b.person_id <> a.person_id WHERE a.person_id % $every = 0)
		FROM labelled AS l CROSS JOIN LATERAL mhub.match_candidates(l.person_id) AS c JOIN labelled AS o ON o.person_id = c.candidate_id
		WHERE l.person_id % $every = 0 AND c.probability >= $threshold});
	my ($precision, $recall) = ($right / $proposed, $right / $all);
	diag(sprintf '%s at %s: precision %.4f, recall %.4f (%d proposed, %d right, %d pairs)', $set, $threshold, $precision, $recall, $proposed, $right, $all);
	return ($precision, $recall);
}

load('febrl3', 'rec_id, given_name, surname, street_number, address_1, address_2, suburb, postcode, state, date_of_birth, soc_sec_id',
	q{split_part(rec_id, '-', 2)},
	q{'first_name', given_name, 'last_name', surname, 'address', address_1, 'city', suburb, 'postcode', postcode, 'region', state,
	  'birthday', date_of_birth, 'national_id', soc_sec_id});
my ($precision, $recall) = measure('febrl3', 10, 0.99);
cmp_ok($precision, '>', 0.99, 'febrl3: precision');
cmp_ok($recall, '>', 0.9, 'febrl3: recall');

load('splink', 'unique_id, first_name, surname, dob, city, email, cluster', 'cluster',
	q{'first_name', first_name, 'last_name', surname, 'birthday', dob, 'city', city, 'email', email});
($precision, $recall) = measure('splink', 2, 0.99);
cmp_ok($precision, '>', 0.95, 'splink: precision');
cmp_ok($recall, '>', 0.4, 'splink: recall');
($precision, $recall) = measure('splink', 2, 0.5);
cmp_ok($precision, '>', 0.8, 'splink at even odds: precision');
cmp_ok($recall, '>', 0.6, 'splink at even odds: recall');
$node->stop;
done_testing();
