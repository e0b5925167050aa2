# 60 scheduling cases of another system, where its data is at hand.  Where we differ on purpose is listed with the reason.
use strict;
use warnings;
use JSON::PP;
use Mhub;
use PostgreSQL::Test::Utils;
use Test::More;

my $file = shared_data('workflow/mautic_interval_cases.json') or plan skip_all => 'needs shared data';
my $cases = decode_json(slurp_file($file));
my $node = mhub_node('intervals');
hub_database($node, 'hub');

# Local result we expect instead of theirs, by list and name, and why.
my %differs = (
	# theirs: the window's ends change places.  Ours: 10:00 to 8:00 goes on over midnight, as in "20:00 to 02:00".
	'batch test in between wrong start/end time order' => '2018-10-19 10:00',
	# theirs reads New York's 09:00 as UTC.  Ours: 09:00 in New York is inside 8:00 to 10:00 there.
	'batch test valid timezone' => '2018-10-19 09:00',
	# Their single mode ignores a window that has passed, its exclusive end, and weekdays; ours has one rule for both.
	'single test in time range' => '2018-10-20 08:00',
	'single test on after end time range' => '2018-10-20 08:00',
	'single test on after end time range previous day' => '2018-10-19 08:00',
	'single test on after end time range next day' => '2018-10-21 08:00',
	'single test on restricted days' => '2018-10-24 08:00',
	'single test combination of rules' => '2018-10-26 08:00');

my $sql = '';
my @expected;
for my $list (qw(batch single))
{
	for my $case (@{ $cases->{$list} })
	{
		# Their fallback for a name that is no zone (UTC2) is the account's zone; the time then was meant in UTC.
		my $zone = $case->{tz} // 'UTC';
		my $both = defined $case->{window_start} && defined $case->{window_end};
		my ($from, $until) = $both ? map { "'$_'" } @$case{qw(window_start window_end)} : ('NULL', 'NULL');
		my $hour = defined $case->{at_hour} ? "'$case->{at_hour}'" : 'NULL';
		my @days = map { $_ == 0 ? 7 : $_ } @{ $case->{days_of_week} // [] };
		my $days = "'{" . join(',', @days) . "}'";
		$sql .= "SELECT to_char(mhub.next_local_time('$case->{scheduled_on}'::timestamp AT TIME ZONE CASE WHEN mhub.is_time_zone(z) THEN z ELSE 'UTC' END, zone, $hour, $from, $until, $days)"
		  . " AT TIME ZONE zone, 'YYYY-MM-DD HH24:MI')"
		  . " FROM (SELECT z, CASE WHEN mhub.is_time_zone(z) THEN z ELSE 'America/New_York' END AS zone FROM (VALUES ('$zone')) AS v (z)) AS zones;\n";
		push @expected, [ "$list $case->{name}", $case->{expected} ];
	}
}
my @got = split /\n/, $node->safe_psql('hub', $sql);
is(scalar @got, scalar @expected, 'every case answered');
for my $i (0 .. $#expected)
{
	my ($name, $theirs) = @{ $expected[$i] };
	my $ours = delete $differs{$name};
	is($got[$i], $ours // $theirs, $name . (defined $ours ? " (theirs: $theirs)" : ''));
	isnt($got[$i], $theirs, "$name: a real difference") if defined $ours;
}
is(join(', ', keys %differs), '', 'every listed difference occurred');
$node->stop;
done_testing();
