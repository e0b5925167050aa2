# With extension hll the rollups' visitors are sketches; with and without it, and from one to the other.
use strict;
use warnings;
use Test::More;
use PostgreSQL::Test::Utils;
use Mhub;

my $node = mhub_node('hll');
hub_database($node, 'hub');
sub sql { my ($query) = @_; return $node->safe_psql('hub', $query); }

plan skip_all => 'extension hll (postgresql-15-hll) is not installed'
  if $node->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'hll'}) eq '0';

sub visits
{
	my ($from, $to) = @_;
	sql(qq{SELECT count(*) FROM mhub.ingest((SELECT jsonb_agg(jsonb_build_object('event', '浏览', 'anonymousId', 'a-' || n,
		'timestamp', '2026-03-01T10:30:00Z'::timestamptz + n % 2 * interval '1 hour')) FROM generate_series($from, $to) AS n))});
	sql('CALL mhub.refresh_rollups()');
	return;
}
sub all_visitors { return sql(q{SELECT mhub.unique_visitors('-infinity', 'infinity')}); }
sub near
{
	my ($is, $wanted, $what) = @_;
	cmp_ok(abs($is - $wanted), '<=', 0.06 * $wanted, "$what: $is for $wanted");
	return;
}

visits(1, 500);
is(all_visitors(), '500', 'exact without hll');
is(sql(q{SELECT sum(visitors) FROM mhub.traffic_by_hour('-infinity', 'infinity')}), '500', 'by hour, too');

sql('CREATE SCHEMA "Ext"; CREATE EXTENSION hll SCHEMA "Ext"');
visits(401, 2000);
is(sql('SELECT count(*) FROM mhub.rollup_visitor'), '500', 'with hll nobody is added one by one');
near(all_visitors(), 2000, 'sketches and single visitors add up');
near(sql(q{SELECT mhub.unique_visitors('2026-03-01 11:00Z', '2026-03-01 12:00Z', '')}), 1000, 'one hour, one channel');
near(sql(q{SELECT visitors FROM mhub.traffic_by_hour('2026-03-01 10:00Z', '2026-03-01 11:00Z')}), 1000, 'by hour');
is(sql(q{SELECT mhub.unique_visitors('2020-01-01', '2020-02-01')}), '0', 'nobody in an empty month');
sql(q{SELECT mhub.recount_events(array_agg(event_id)) FROM mhub.event});
is(sql('SELECT count(*) FROM mhub.rollup_visitor'), '0', 'rebuilt as sketches');
near(all_visitors(), 2000, 'rebuilt');

sql('DROP EXTENSION hll');
my ($rc, $out, $err) = $node->psql('hub', q{SELECT mhub.unique_visitors('-infinity', 'infinity')});
like($err, qr/kept as sketches of extension hll/, 'without hll sketches cannot be read');
sql(q{SELECT mhub.rebuild_rollups('2026-03-01 10:00Z', '2026-03-01 11:00Z')});
is(all_visitors(), '2000', 'and exact again when made anew');

done_testing();
