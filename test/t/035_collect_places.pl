# A session remembers where rows of identifiers, counters and people were. Whatever becomes of those places (other rows, no
# rows, no pages), it finds the right rows or none.
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

# Does each of these visitors get what is meant for him, and in his own name?  That goes by a trait, which sorts them in thirds.
sub show
{
	my ($first, $last) = @_;
	my $who = "jsonb_build_object('anonymous_id', '访客' || n)";
	return "TRUNCATE mhub.impression;\nSELECT count(mhub.identify($who, jsonb_build_object('third', n % 3))) FROM generate_series($first, $last) AS n;\n"
	  . "SELECT count(*) FROM generate_series(1, 2) AS turn, generate_series($first, $last) AS n, LATERAL mhub.choose_content('场地', $who) AS c WHERE turn > 0;\n"
	  . "SELECT 'right: ' || (count(*) = 2 * ($last - $first + 1) AND bool_and(i.value = '访客' || m.n AND m.rule_key = 'third ' || m.n % 3)) "
	  . "FROM (SELECT *, $first + (row_number() OVER (ORDER BY impression_id) - 1) % ($last - $first + 1) AS n FROM mhub.impression) AS m LEFT JOIN mhub.identifier AS i USING (identifier_id);\n";
}

sub forget
{
	my ($where) = @_;
	return "DELETE FROM mhub.event_counter WHERE identifier_id IN (SELECT identifier_id FROM mhub.identifier WHERE $where);\n"
	  . "DELETE FROM mhub.person WHERE person_id IN (SELECT person_id FROM mhub.identifier WHERE $where);\nDELETE FROM mhub.identifier WHERE $where;\n";
}

$node->safe_psql('hub', q{INSERT INTO mhub.content (key) VALUES ('内容'); INSERT INTO mhub.slot (slot) VALUES ('场地');
	INSERT INTO mhub.content_rule (slot, key, condition, content_key) SELECT '场地', 'third ' || n, format('third = %s', n)::mhub.condition, '内容' FROM generate_series(0, 2) AS n});
my $vacuum = join '', map { "VACUUM (INDEX_CLEANUP on) mhub.$_;\n" } qw(identifier event_counter person);
# All in one session
my $answers = $node->safe_psql('hub', join('',
	visit(1, 900), visit(1, 900), visit(1, 900), check(900, 3), show(1, 900),
	# no pages any more
	forget('true'), $vacuum, visit(1, 900), visit(1, 900), check(900, 2), show(1, 900),
	# other rows in the places of half of them
	forget("substr(value, 3)::int % 2 = 0"), $vacuum, visit(901, 1350), visit(901, 1350), check(900, 2), show(901, 1350),
	forget("substr(value, 3)::int > 900"), $vacuum, visit(2, 2), forget("value = '访客2'"), check(450, 2),
	# tables made anew
	"VACUUM FULL mhub.identifier;\nVACUUM FULL mhub.event_counter;\nVACUUM FULL mhub.person;\n", visit(1, 1), check(450, 2) =~ s/bool_and\(c.count = 2\)/sum(c.count) = 901/r, show(1001, 1010) =~ s/^/BEGIN;\n/r, "ROLLBACK;\n", show(1010, 1020) =~ s/^/BEGIN;\n/r, "ROLLBACK;\n",
	"TRUNCATE mhub.identifier, mhub.event_counter, mhub.person;\n", visit(1, 100), visit(1, 100), check(100, 2), show(1, 100),
	"ALTER TABLE mhub.event_counter ALTER count TYPE numeric;\nALTER TABLE mhub.event_counter ALTER count TYPE bigint;\n", visit(1, 100), check(100, 3),
	# places that rows moved away from, within one transaction and after it was rolled back
	"BEGIN;\n", visit(1, 100), visit(1, 100), check(100, 5), "ROLLBACK;\n", check(100, 3), visit(1, 100), check(100, 4),
	"BEGIN;\n", visit(5001, 5100), check(200, 4) =~ s/bool_and\(c.count = 4\)/sum(c.count) = 500/r, "ROLLBACK;\n", visit(5051, 5100), check(150, 4) =~ s/bool_and\(c.count = 4\)/sum(c.count) = 450/r,
	# people in the places of others
	show(1, 100), forget("substr(value, 3)::int % 2 = 0"), $vacuum, show(6001, 6100), show(1, 100)));
my @wrong = grep { /^right: / && $_ ne 'right: true' } split /\n/, $answers;
is(scalar(@wrong), 0, 'each check found the right rows') or diag($answers);
is(scalar(() = $answers =~ /right: true/g), 21, 'all checks were made');

done_testing();
