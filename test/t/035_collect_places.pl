# A session remembers where rows of identifiers and counters were. Whatever becomes of those places (other rows, no rows, no
# pages), it finds the right rows or none.
use strict;
use warnings;
use Test::More;
use Mhub;

my $node = mhub_node('places', autovacuum => 'off', fsync => 'off');
hub_database($node, 'hub');

my $sent = 0;

# One message of each visitor
sub visit
{
	my ($first, $last) = @_;
	$sent++;
	return "SELECT count(*) FILTER (WHERE status = 'accepted') FROM mhub.ingest((SELECT jsonb_agg(jsonb_build_object('event', 'View', 'messageId', '$sent-' || n,"
	  . "'anonymousId', '访客' || n, 'timestamp', '2026-04-01T12:00:00Z')) FROM generate_series($first, $last) AS n));\n";
}

# Are there the identifiers of these visitors and no others, each with one counter of so many events?
sub check
{
	my ($visitors, $events) = @_;
	return "SELECT 'right: ' || (count(*) = $visitors AND count(DISTINCT i.value) = $visitors AND bool_and(c.count = $events)) "
	  . "FROM mhub.identifier AS i LEFT JOIN mhub.event_counter AS c USING (identifier_id);\n";
}

sub forget
{
	my ($where) = @_;
	return "DELETE FROM mhub.event_counter WHERE identifier_id IN (SELECT identifier_id FROM mhub.identifier WHERE $where);\nDELETE FROM mhub.identifier WHERE $where;\n";
}

my $vacuum = "VACUUM (INDEX_CLEANUP on) mhub.identifier;\nVACUUM (INDEX_CLEANUP on) mhub.event_counter;\n";
# All in one session
my $answers = $node->safe_psql('hub', join('',
	visit(1, 900), visit(1, 900), visit(1, 900), check(900, 3),
	# no pages any more
	forget('true'), $vacuum, visit(1, 900), visit(1, 900), check(900, 2),
	# other rows in the places of half of them
	forget("substr(value, 3)::int % 2 = 0"), $vacuum, visit(901, 1350), visit(901, 1350), check(900, 2),
	forget("substr(value, 3)::int > 900"), $vacuum, visit(2, 2), forget("value = '访客2'"), check(450, 2),
	# tables made anew
	"VACUUM FULL mhub.identifier;\nVACUUM FULL mhub.event_counter;\n", visit(1, 1), check(450, 2) =~ s/bool_and\(c.count = 2\)/sum(c.count) = 901/r,
	"TRUNCATE mhub.identifier, mhub.event_counter;\n", visit(1, 100), visit(1, 100), check(100, 2),
	"ALTER TABLE mhub.event_counter ALTER count TYPE numeric;\nALTER TABLE mhub.event_counter ALTER count TYPE bigint;\n", visit(1, 100), check(100, 3),
	# places that rows moved away from, within one transaction and after it was rolled back
	"BEGIN;\n", visit(1, 100), visit(1, 100), check(100, 5), "ROLLBACK;\n", check(100, 3), visit(1, 100), check(100, 4),
	"BEGIN;\n", visit(5001, 5100), check(200, 4) =~ s/bool_and\(c.count = 4\)/sum(c.count) = 500/r, "ROLLBACK;\n", visit(5051, 5100), check(150, 4) =~ s/bool_and\(c.count = 4\)/sum(c.count) = 450/r));
my @wrong = grep { /^right: / && $_ ne 'right: true' } split /\n/, $answers;
is(scalar(@wrong), 0, 'each check found the right rows') or diag($answers);
is(scalar(() = $answers =~ /right: true/g), 12, 'all checks were made');

done_testing();
