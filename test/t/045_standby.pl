# What only reads works on a hot standby, and what writes says why it cannot.
use strict;
use warnings;
use utf8;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use Mhub;

my $primary = PostgreSQL::Test::Cluster->new('standby_primary');
$primary->init(allows_streaming => 1);
$primary->start;
my $database = hub_database($primary, 'hub', "TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'");
$primary->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby_standby');
$standby->init_from_backup($primary, 'copy', has_streaming => 1);
$standby->start;

sub on_primary
{
	my ($text) = @_;
	utf8::encode($text);
	$primary->safe_psql($database, $text);
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('write'));
}

on_primary(<<'SQL');
INSERT INTO mhub.segment (key, condition) VALUES ('上海', $$city = '上海'$$);
INSERT INTO mhub.content (key, payload) VALUES ('coupon', '{"discount": 0.8}'), ('plain', '{}'), ('new', '{}');
INSERT INTO mhub.slot (slot, default_content) VALUES ('banner', 'plain');
INSERT INTO mhub.content_rule (slot, key, condition, content_key) VALUES
    ('banner', 'buyers', $$in segment '上海' and did('Order Completed', within '3 hours')$$, 'coupon');
SELECT mhub.identify('{"user_id": "王芳"}', '{"city": "上海"}');
SELECT mhub.track('Order Completed', '{"user_id": "王芳"}');
CALL mhub.refresh_segments();
SQL

my $wang = q{mhub.person_id('user_id', '王芳')};
my %reads = (
	q{SELECT mhub.profile(} . $wang . q{)->>'city'} => '上海',
	qq{SELECT mhub.profile($wang)->'\$events'->'Order Completed'->>'count'} => '1',
	qq{SELECT mhub.person_segments($wang)} => '上海',
	q{SELECT content_key FROM mhub.decide('banner', '{"city": "上海"}')} => 'plain',
	qq{SELECT content_key, reason FROM mhub.decide('banner', mhub.choice_profile('banner', $wang, '{}', mhub.now()))} => 'coupon|TARGETING_MATCH',
	q{SELECT rule_key, outcome FROM mhub.explain_choice('banner', '{"user_id": "王芳"}')} => 'buyers|applies',
	q{SELECT count(*) FROM mhub.people_matching($$city = '上海'$$)} => '1',
	q{SELECT count(*) FROM mhub.check_rules('banner')} => '0',
	q{SELECT content_key FROM mhub.preview('banner', '{"city": "上海"}') LIMIT 1} => 'plain',);

# twice in one session: what was cached by the first must serve the second
for my $query (sort keys %reads)
{
	my $text = "$query; $query;";
	my $expected = "$reads{$query}\n$reads{$query}";
	utf8::encode($_) for $text, $expected;
	is($standby->safe_psql($database, $text), $expected, "on a standby: $query");
}

# A rule changed on the primary is seen by a session of the standby that has the old one compiled.
my $session = $standby->background_psql($database);
my $ask = q{SELECT content_key FROM mhub.decide('banner', '{"city": "上海"}')};
utf8::encode($ask);
is($session->query_safe($ask), 'plain', 'before the change');
on_primary(q{UPDATE mhub.content_rule SET condition = 'city exists', content_key = 'new' WHERE key = 'buyers'});
is($session->query_safe($ask), 'new', 'a rule changed on the primary is seen by the next statement of the standby');
$session->quit;

my (undef, undef, $error) = $standby->psql($database, q{SELECT mhub.choose_content('banner', '{"user_id": "王芳"}')});
like($error, qr/cannot execute INSERT in a read-only transaction/, 'choosing on a standby says why it cannot');
(undef, undef, $error) = $primary->psql($database, q{BEGIN READ ONLY; SELECT mhub.choose_content('banner', '{}')});
like($error, qr/cannot execute INSERT in a read-only transaction/, 'as does a read-only transaction');

done_testing();
