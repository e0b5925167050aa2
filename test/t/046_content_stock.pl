# A stock is given out exactly, however many ask for it at once.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use Mhub;

my $node = mhub_node('stock');
my $database = hub_database($node, 'stock');
$node->safe_psql($database, q{
	INSERT INTO mhub.content (key) VALUES ('coupon'), ('plain');
	INSERT INTO mhub.slot (slot, default_content) VALUES ('deal', 'plain');
	INSERT INTO mhub.content_rule (slot, key, priority, content_key, stock, stock_per_person) VALUES
		('deal', 'first', 1, 'coupon', 150, false), ('deal', 'second', 2, 'coupon', 20, true);
	SELECT count(mhub.identify(jsonb_build_object('user_id', 'u' || n))) FROM generate_series(1, 30) AS n});
my $script = PostgreSQL::Test::Utils::tempdir() . '/choose.sql';
open my $file, '>', $script or die "$script: $!";
print $file "\\set who random(1, 30)\nSELECT content_key FROM mhub.choose_content('deal', '{\"user_id\": \"u:who\"}');\n";
close $file;
$node->command_ok([ 'pgbench', '-n', '-c', '8', '-t', '60', '-f', $script, '-d', $database ], 'eight at once');

sub sql { return $node->safe_psql($database, $_[0]) }
is(sql('SELECT count(*) FROM mhub.impression'), 480, 'everybody saw something');
is(sql("SELECT count(*) FROM mhub.impression WHERE rule_key = 'first'"), 150, 'as many as there were');
is(sql('SELECT string_agg(used::text, \',\' ORDER BY rule_id) FROM mhub.content_stock'), '150,20', 'no more were taken');
my $people = q{FROM mhub.impression AS m JOIN mhub.identifier AS i ON i.identifier_id = m.identifier_id WHERE m.rule_key = 'second'};
cmp_ok(sql("SELECT count(DISTINCT i.person_id) $people"), '<=', 20, 'and for no more people');
cmp_ok(sql("SELECT count(*) $people"), '>', 20, 'each as often as they look');
is(sql(q{SELECT bool_and(content_key = 'plain' AND reason = 'DEFAULT') FROM mhub.impression WHERE rule_key IS NULL}), 't', 'the others see the default');
done_testing();
