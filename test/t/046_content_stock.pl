# Stocks and frequency caps are kept exactly, however many ask at once.
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

# One person on four pages at once, by two names, of which the second comes up meanwhile.
$node->safe_psql($database, q{
	INSERT INTO mhub.slot (slot, default_content) VALUES ('banner', 'plain');
	INSERT INTO mhub.content_rule (slot, key, content_key, frequency_cap) VALUES ('banner', 'thrice', 'coupon', '3 per 7 days');
	INSERT INTO mhub.slot (slot, default_content) VALUES ('gift', 'plain');
	INSERT INTO mhub.content_rule (slot, key, content_key, stock, stock_per_person) VALUES ('gift', 'once', 'coupon', 5, true)});
open $file, '>', $script or die "$script: $!";
print $file qq{SELECT content_key FROM mhub.choose_content('banner', '{"user_id": "王芳", "cookie": "c-:client_id"}');\n},
	qq{SELECT content_key FROM mhub.choose_content('gift', '{"cookie": "c-:client_id"}');\n};
close $file;
$node->command_ok([ 'pgbench', '-n', '-c', '4', '-t', '40', '-f', $script, '-d', $database ], 'four pages of one person');
is(sql(q{SELECT count(*) FROM mhub.impression WHERE slot = 'banner'}), 160, 'all four saw something each time');
is(sql(q{SELECT count(*) FROM mhub.impression WHERE rule_key = 'thrice'}), 3, 'the cap held');
is(sql(q{SELECT used FROM mhub.content_stock AS s JOIN mhub.content_rule AS r USING (rule_id) WHERE r.key = 'once'}), 1, 'one person took one');
is(sql(q{SELECT count(*) FROM mhub.impression WHERE rule_key = 'once'}), 160, 'and kept it');
done_testing();
