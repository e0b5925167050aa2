# GrowthBook's own cases (specification 0.8.0): targeting conditions, hashes, ranges, variations, namespaces, weights.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use Mhub;

my $file = shared_data('rules/growthbook_cases.json');
plan skip_all => 'GrowthBook\'s cases are not here' unless $file;
open my $handle, '<', $file or die "$file: $!";
my $cases = do { local $/; <$handle> };
close $handle;

my $node = mhub_node('growthbook');
my $database = hub_database($node, 'growthbook');
my $load = PostgreSQL::Test::Utils::tempdir() . '/load.sql';
open my $sql, '>', $load or die "$load: $!";
print $sql "CREATE TABLE suite AS SELECT \$cases\$$cases\$cases\$::jsonb AS cases;\n";
print $sql "CREATE VIEW one AS SELECT key AS topic, c AS item FROM suite, jsonb_each(cases) AS s (key, list), jsonb_array_elements(list) AS e (c) WHERE jsonb_typeof(list) = 'array';\n";
close $sql;
$node->safe_psql($database, "\\i $load");

# [topic, how many there are, SQL that is true for a case that passes]
my $near = 'abs(%s - %s) < 1e-6';
my @topics = (
	['evalCondition', 248,
		"mhub.growthbook_matches(item->1, item->2, coalesce(item->4, '{}')) = (item->>3)::boolean"],
	['hash', 15,
		"mhub.bucket(item->>0, item->>1, (item->>2)::integer) IS NOT DISTINCT FROM (item->>3)::double precision"],
	['getBucketRange', 13,
		"(SELECT coalesce(bool_and(abs(want.v - got.v) < 1e-6), false) FROM
		   (SELECT row_number() OVER () AS n, v::float8 FROM jsonb_array_elements(item->2) AS p, jsonb_array_elements_text(p) AS v) AS want
		   FULL JOIN (SELECT row_number() OVER () AS n, v FROM unnest(mhub.bucket_ranges((item->1->>0)::integer, (item->1->>1)::float8,
		       CASE WHEN jsonb_typeof(item->1->2) = 'array' THEN ARRAY(SELECT w::float8 FROM jsonb_array_elements_text(item->1->2) AS w) END)) AS v) AS got USING (n))"],
	['chooseVariation', 13,
		"mhub.choose_variation((item->>1)::float8, ARRAY(SELECT ARRAY[(r->>0)::float8, (r->>1)::float8] FROM jsonb_array_elements(item->2) AS r)) = (item->>3)::integer"],
	['inNamespace', 16,
		"mhub.in_namespace(item->>1, item->2->>0, (item->2->>1)::float8, (item->2->>2)::float8) = (item->>3)::boolean"],
	['getEqualWeights', 6,
		"(SELECT count(*) = jsonb_array_length(item->1) AND coalesce(bool_and(abs(got.v - (item->1->>(n - 1)::int)::float8) < 1e-6), true)
		  FROM unnest(mhub.equal_weights((item->>0)::integer)) WITH ORDINALITY AS got (v, n))"],
);
for my $topic (@topics)
{
	my ($name, $count, $passes) = @$topic;
	is($node->safe_psql($database, "SELECT count(*) FROM one WHERE topic = '$name'"), $count, "$name has $count cases");
	is($node->safe_psql($database, "SELECT item FROM one WHERE topic = '$name' AND ($passes) IS NOT TRUE"), '', "every case of $name passes");
}
done_testing();
