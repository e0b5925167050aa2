# pg_dump | pg_restore -j4 -e into a new database: every table's rows, and whatever a DBA added to the hub.
use strict;
use warnings;
use Test::More;
use PostgreSQL::Test::Utils;
use PostgreSQL::Test::Cluster;
use Mhub;

my $node = mhub_node('dump', 'mhub.key_file' => key_file());
hub_database($node, 'original');
$node->safe_psql('original', <<'SQL');
SELECT mhub.identify('{"cookie":"c-1","email":"Li@Example.com"}', '{"city":"上海","age":31}');
SELECT mhub.track('Order Completed', '{"cookie":"c-1"}', '{"order_id":"o-1","revenue":120.50,"currency":"CNY"}');
INSERT INTO mhub.goal (key, event_name) VALUES ('order', 'Order Completed');
INSERT INTO mhub.cost (day, platform, campaign, amount, currency) VALUES ('2026-01-01', 'baidu', '春季', 100, 'CNY');

-- what a DBA adds
CREATE INDEX person_city_idx ON mhub.person ((traits ->> 'city'));
ALTER TABLE mhub.person ADD COLUMN crm_id text;
UPDATE mhub.person SET crm_id = 'crm-1';
ALTER TABLE mhub.person ENABLE ROW LEVEL SECURITY;
CREATE ROLE reader;
CREATE POLICY reader_sees_shanghai ON mhub.person FOR SELECT TO reader USING (traits ->> 'city' = '上海');
GRANT SELECT ON mhub.person TO reader;
SELECT mhub.grant_access('reader', 'analyst');
CREATE VIEW public.my_report AS SELECT count(*) FROM mhub.event;
SQL

my $dump = PostgreSQL::Test::Utils::tempdir() . '/hub.dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('original') ], 'dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '-j4', '-e', '-d', $node->connstr('restored'), $dump ], 'restore with four jobs, stopping at any error');

sub same
{
	my ($query, $what) = @_;
	my $expected = $node->safe_psql('original', $query);
	isnt($expected, '', "$what: there is something to compare");
	is($node->safe_psql('restored', $query), $expected, "$what: the same");
	return;
}

# Every row of every table, as text, in one digest a table.
my $tables = $node->safe_psql('original', q{
	SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'mhub'::regnamespace AND c.relkind IN ('r', 'p')
	AND NOT c.relispartition ORDER BY 1});
my @tables = split /\n/, $tables;
cmp_ok(scalar @tables, '>', 10, 'the hub has tables');
for my $table (@tables)
{
	my $digest = "SELECT count(*), md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE \"C\"), '')) FROM $table AS t";
	is($node->safe_psql('restored', $digest), $node->safe_psql('original', $digest), "$table: the same rows");
}

same(q{SELECT c.oid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)
	FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
	WHERE c.relnamespace = 'mhub'::regnamespace AND c.relkind IN ('r', 'p', 'v') ORDER BY c.oid::regclass::text, a.attname}, 'columns');
same(q{SELECT indexdef FROM pg_indexes WHERE schemaname = 'mhub' ORDER BY 1}, 'indexes');
same(q{SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'mhub'::regnamespace AND conrelid <> 0 ORDER BY conrelid::regclass::text, conname}, 'constraints');
same(q{SELECT tgrelid::regclass, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY tgrelid::regclass::text, tgname}, 'triggers')
  if $node->safe_psql('original', 'SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal');
same(q{SELECT * FROM pg_policies WHERE schemaname = 'mhub' ORDER BY policyname}, 'policies');
same(q{SELECT oid::regclass, relrowsecurity, relacl FROM pg_class WHERE relnamespace = 'mhub'::regnamespace AND relkind IN ('r','p','v') ORDER BY oid::regclass::text}, 'privileges on tables');
same(q{SELECT oid::regprocedure, proacl FROM pg_proc WHERE pronamespace = 'mhub'::regnamespace ORDER BY oid::regprocedure::text}, 'privileges on functions');
same(q{SELECT viewname, definition FROM pg_views WHERE schemaname IN ('mhub', 'public') ORDER BY 1}, 'views');

# The restored hub goes on working: ids continue, nothing is left to migrate, sealed values open.
is($node->safe_psql('restored', 'SELECT mhub.install()'), 0, 'nothing is left to migrate');
is($node->safe_psql('restored', q{SELECT mhub.person_id('email', 'li@example.com') = mhub.person_id('cookie', 'c-1')}), 't', 'a sealed identifier is found');
is($node->safe_psql('restored', q{SELECT mhub.identify('{"cookie":"c-2"}') > max(person_id) FROM mhub.person}), 't', 'new ids do not collide with restored ones');
is($node->safe_psql('restored', q{SELECT count(*) FROM mhub.doctor() WHERE check_name IN ('versions', 'hub migrated') AND status <> 'ok'}), 0, 'the doctor agrees');

done_testing();
