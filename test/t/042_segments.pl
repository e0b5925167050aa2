# Segments kept up to date incrementally are what computing them all afresh gives, after random changes and with time going by.
use strict;
use warnings;
use utf8;
use Encode qw(encode_utf8);
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use Mhub;
use IPC::Run ();

my $seed = $ENV{MHUB_TEST_SEED} // 20261122;
srand($seed);
note("seed $seed");
sub pick { return $_[ int rand @_ ] }

my $node = mhub_node('segments');
my $database = hub_database($node, 'segments', "TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'");
my $day = 0;
sub now { return sprintf '2026-01-%02d %02d:30:00', 1 + int($day), int(24 * ($day - int $day)) }
sub sql
{
	my ($text) = @_;
	utf8::encode($text);
	return $node->safe_psql($database, "SET mhub.simulated_time = '" . now() . "'; SET mhub.time_zone = 'Asia/Shanghai'; $text");
}

sql(q{INSERT INTO mhub.segment (key, condition) VALUES
	('上海', $$city = '上海'$$), ('adult', 'age >= 18'), ('active', $$did('Page Viewed', at least 2 times, within '3 days')$$), ('dormant', $$last('Page Viewed') older than '4 days'$$), ('考研 lately', $$last('Page Viewed', where course = '考研') within '2 days'$$),
	('fresh', $$did('Page Viewed', within '30 hours')$$), ('exam', $$did('Page Viewed', where course = '考研')$$), ('never', $$did not('Order Completed')$$),
	('birthday', $$birthday within next '3 days'$$), ('trial over', $$trial_ends before now()$$), ('local adult', $$in segment '上海' and in segment 'adult'$$), ('others', $$not in segment 'local adult' and in segment 'active'$$),
	('consenting', $$"$consent".marketing = true$$), ('挑选', NULL), ('picked locals', $$in segment '挑选' and in segment '上海'$$)});

sub random_change
{
	my $who = 'u' . int rand 25;
	my $kind = int rand 17;
	return random_removal($who) if $kind >= 15;
	return "SELECT mhub.track('Page Viewed', '{\"user_id\": \"$who\"}', '{\"course\": \"考研\"}', '{}', mhub.now() - " . int(rand 200) . " * interval '1 hour')" if $kind == 14;
	return 'SELECT mhub.' . pick('add_to_segment', 'add_to_segment', 'remove_from_segment') . "('挑选', (SELECT array_agg(person_id) FROM mhub.person WHERE person_id % 7 = " . int(rand 7) . '))' if $kind >= 12;
	return "SELECT mhub.identify('{\"user_id\": \"$who\"}', '{\"city\": \"" . pick('上海', '北京', '广州') . '", "age": ' . int(rand 40) . "}', mhub.now())" if $kind < 3;
	return "SELECT mhub.identify('{\"user_id\": \"$who\"}', '{\"birthday\": \"2026-01-" . sprintf('%02d', 1 + int rand 28) . '", "trial_ends": "2026-01-' . sprintf('%02d', 1 + int rand 28) . "T05:00:00Z\"}', mhub.now())" if $kind < 5;
	return "SELECT mhub.track('Page Viewed', '{\"user_id\": \"$who\"}', '{\"course\": \"" . pick('考研', '雅思') . "\"}', '{}', mhub.now())" if $kind < 9;
	return "SELECT mhub.track('Order Completed', '{\"user_id\": \"$who\"}', '{}', '{}', mhub.now())" if $kind == 9;
	return "SELECT mhub.identify('{\"user_id\": \"$who\", \"cookie\": \"c" . int(rand 12) . "\"}', '{}', mhub.now())" if $kind == 10;
	return "SELECT mhub.record_consent('{\"user_id\": \"$who\"}', 'marketing', granted => " . pick('true', 'false') . ')';
}

# Cookies leave their people, and now and then somebody is erased.
sub random_removal
{
	my ($who) = @_;
	my $person = "(SELECT i.person_id FROM mhub.identifier AS i WHERE i.value = '$who')";
	return "SELECT mhub.erase_person(p.id, 'asked to', analyze_tables => false) FROM $person AS p (id)" if rand() < 0.2;
	return "SELECT mhub.unlink('user_id', b.value, 'cookie', a.value) FROM mhub.identifier AS a JOIN mhub.identifier AS b ON b.person_id = a.person_id AND b.kind = 'user_id' WHERE a.kind = 'cookie' AND a.person_id = $person" if rand() < 0.5;
	return "SELECT mhub.split_person(a.person_id, jsonb_build_object('cookie', min(a.value))) FROM mhub.identifier AS a WHERE a.person_id = $person AND a.kind = 'cookie' AND EXISTS (SELECT FROM mhub.identifier AS b WHERE b.person_id = a.person_id AND b.kind = 'user_id') GROUP BY a.person_id";
}

# What is in one and not in the other, by computing every profile.
my $difference = q{
	WITH afresh AS (SELECT s.key AS segment, p.person_id FROM mhub.profiles((SELECT array_agg(person_id) FROM mhub.identifier WHERE kind <> 'erased'), mhub.now()) AS p, jsonb_array_elements_text(p.profile->'$segments') AS s (key))
	SELECT string_agg(format('%s %s %s', side, segment, person_id), ', ') FROM (
		SELECT 'missing' AS side, * FROM (SELECT segment, person_id FROM afresh EXCEPT SELECT segment, person_id FROM mhub.segment_member) AS m
		UNION ALL SELECT 'too many', * FROM (SELECT segment, person_id FROM mhub.segment_member EXCEPT SELECT segment, person_id FROM afresh) AS m) AS d};
my $miscounted = 'SELECT string_agg(s.key, \', \') FROM mhub.segment AS s WHERE s.member_count <> (SELECT count(*) FROM mhub.segment_member AS m WHERE m.segment = s.key)';

sql(random_change()) for 1 .. 5;
sql('CALL mhub.refresh_segments()');
is(sql($difference), '', 'filled');
is(sql("SELECT count(*) FROM mhub.event WHERE name LIKE 'Segment %'"), 0, 'filling makes no events');
for my $round (1 .. 25)
{
	$day += rand() < 0.3 ? 1.5 * rand() : 0.3 * rand();
	sql(join '; ', map { random_change() } 1 .. int rand 8);
	sql('CALL mhub.refresh_segments()');
	my $found = sql($difference);
	if ($found ne '' || $round == 25)
	{
		is($found, '', "round $round, " . now());
		last if $found ne '';
	}
}
is(sql($miscounted), '', 'counts of members');
is(sql("SELECT count(*) > 30 AND count(DISTINCT properties->>'segment') > 8 FROM mhub.event WHERE name LIKE 'Segment %'"), 't', 'people came and went, in most segments');

# Time alone: everybody still, ten days pass in steps.
for (1 .. 10)
{
	$day += 0.7;
	sql('CALL mhub.refresh_segments()');
}
is(sql($difference), '', 'time alone moves people');
cmp_ok(sql('SELECT count(*) FROM mhub.segment_touched'), '==', 0, 'nothing waits');

# Nobody is missed while others write: three sessions change people, a fourth refreshes all the time.
my @scripts = map {
	my $file = PostgreSQL::Test::Utils::tempdir() . "/change$_.sql";
	open my $out, '>:encoding(UTF-8)', $file or die "$file: $!";
	print $out random_change(), ";\n";
	close $out;
	('-f', $file);
} 1 .. 40;
my $refresh = PostgreSQL::Test::Utils::tempdir() . '/refresh.sql';
open my $out, '>', $refresh or die "$refresh: $!";
print $out "CALL mhub.refresh_segments();\n";
close $out;
{
	local $ENV{PGOPTIONS} = "-c mhub.simulated_time=" . now() =~ s/ /T/r . " -c mhub.time_zone=Asia/Shanghai";
	my $refresher = IPC::Run::start([ 'pgbench', '-n', '-T', '6', '-f', $refresh, '-h', $node->host, '-p', $node->port, $database ], '>', \my $told, '2>', \my $complained);
	$node->command_ok([ 'pgbench', '-n', '-c', '3', '-T', '5', '--max-tries', '100', @scripts, $database ], 'changes at the same time');
	ok($refresher->finish, 'refreshed at the same time');
	unlike($complained, qr/error/i, 'without an error');
}
sql('CALL mhub.refresh_segments()');
is(sql($difference), '', 'and all is as if they had come one by one');
is(sql($miscounted), '', 'counted, too');

# Only those who changed are looked at, and a second refresh finds nothing.
is(sql('SELECT mhub.refresh_segment_batch()'), 0, 'nothing left to do');

# Lists: in at once for conditions, and of one person whatever ids it goes by.
sub listed { return sql("SELECT string_agg(DISTINCT s, ',') FROM mhub.person_segments(mhub.person_id('user_id', 'u$_[0]')) AS s WHERE s = 'hand'") }
sql(q{INSERT INTO mhub.segment (key) VALUES ('hand'); CALL mhub.refresh_segments(); SELECT mhub.identify('{"user_id": "u90"}'), mhub.identify('{"cookie": "c90"}')});
is(sql(q{SELECT mhub.add_to_segment('hand', ARRAY[mhub.person_id('cookie', 'c90'), mhub.person_id('cookie', 'c90'), -5])}), 1, 'one was added');
is(sql(q{SELECT mhub.add_to_segment('hand', ARRAY[mhub.person_id('cookie', 'c90')])}), 0, 'and is not added again');
is(listed(90), '', 'not this one');
sql(q{SELECT mhub.identify('{"user_id": "u90", "cookie": "c90"}')});
is(listed(90), 'hand', 'a merge brings the list along');
sql('CALL mhub.refresh_segments()');
is(sql(q{SELECT string_agg(m.person_id::text, ',') = mhub.person_id('user_id', 'u90')::text FROM mhub.segment_member AS m WHERE m.segment = 'hand'}), 't', 'one member');
is(sql(q{SELECT string_agg(name, ',' ORDER BY event_id) FROM mhub.event WHERE properties->>'segment' = 'hand'}), 'Segment Entered', 'it entered');
is(sql(q{SELECT count(*) FROM mhub.people_matching($$in segment 'hand'$$)}), 1, 'and is found');
is(sql(q{SELECT mhub.remove_from_segment('hand', ARRAY[mhub.person_id('user_id', 'u90')])}), 1, 'one was removed');
is(listed(90), '', 'it is out at once');
is(sql(q{SELECT mhub.remove_from_segment('hand', ARRAY[mhub.person_id('user_id', 'u90')])}), 0, 'and cannot be removed again');
sql('CALL mhub.refresh_segments()');
is(sql(q{SELECT string_agg(name, ',' ORDER BY event_id) FROM mhub.event WHERE properties->>'segment' = 'hand'}), 'Segment Entered,Segment Left', 'it left');
is(sql($difference), '', 'lists are kept like the others');
for my $bad ([ q{SELECT mhub.add_to_segment('nowhere', '{1}')}, 'segment "nowhere" does not exist' ], [ q{SELECT mhub.remove_from_segment('adult', '{1}')}, 'segment "adult" is no list' ])
{
	my (undef, undef, $error) = $node->psql($database, $bad->[0]);
	like($error, qr/$bad->[1]/, $bad->[1]);
}

# A condition becomes a list and back: emptied, then filled, without events.
my $before = sql("SELECT count(*) FROM mhub.event");
sql(q{UPDATE mhub.segment SET condition = NULL WHERE key = 'adult'; CALL mhub.refresh_segments()});
is(sql("SELECT member_count FROM mhub.segment WHERE key = 'adult'"), 0, 'an empty list');
sql(q{UPDATE mhub.segment SET condition = 'age >= 18' WHERE key = 'adult'; CALL mhub.refresh_segments()});
is(sql($difference), '', 'a condition again');
is(sql("SELECT count(*) FROM mhub.event WHERE name LIKE 'Segment %' AND properties->>'segment' = 'adult' AND event_id > (SELECT max(event_id) FROM mhub.event) - (SELECT count(*) - $before FROM mhub.event)"), 0, 'without events of its own');

# A new definition: filled anew with those that build on it, without events.
my $events = sql("SELECT count(*) FROM mhub.event");
sql(q{UPDATE mhub.segment SET condition = 'age >= 30' WHERE key = 'adult'; CALL mhub.refresh_segments()});
is(sql($difference), '', 'redefined');
is(sql("SELECT count(*) FROM mhub.segment WHERE refreshed_condition IS NULL AND condition IS NOT NULL"), 0, 'all are filled');

# From a condition to its people, whichever index helps.
for my $condition (q{city = '上海'}, q{city in ('上海', '北京') and age > 20}, q{did('Page Viewed', at least 3 times)}, q{in segment 'adult'}, q{age > 20}, q{did not('Order Completed') and did('Page Viewed', where course = '考研')})
{
	is(sql("SELECT array_agg(p ORDER BY p) FROM mhub.people_matching(\$\$$condition\$\$) AS p"),
		sql("SELECT array_agg(p.person_id ORDER BY p.person_id) FROM mhub.profiles((SELECT array_agg(person_id) FROM mhub.identifier WHERE kind <> 'erased'), mhub.now(), \$\$$condition\$\$) AS p WHERE mhub.matches(p.profile, \$\$$condition\$\$, mhub.now())"),
		encode_utf8("people for which $condition"));
}
like(sql(q{SET enable_seqscan = off; EXPLAIN SELECT p.person_id FROM unnest('{"{\"city\": \"x\"}"}'::jsonb[]) AS d (document) JOIN mhub.person AS p ON p.traits @> d.document AND p.traits <> '{}'}), qr/person_traits_idx/, 'traits are found through their index');
is(sql("SELECT array_agg(access) FROM unnest(ARRAY['city = ''x'' and age > 3', 'did(''X'') and age > 3', 'in segment ''adult''', 'age > 3', 'city = ''x'' or age > 3', 'did(''X'', at most 2 times)']::mhub.condition[]) AS c, mhub.condition_candidates(c)"),
	'{trait,event,segment,all,all,all}', 'ways to candidates');

# Definitions that cannot be.
for my $bad ([ q{INSERT INTO mhub.segment VALUES ('x', $$in segment 'x'$$)}, 'would refer to itself' ], [ q{INSERT INTO mhub.segment VALUES ('x', $$in segment 'nowhere'$$)}, 'does not exist' ],
	[ q{UPDATE mhub.segment SET condition = $$in segment 'others'$$ WHERE key = 'active'}, 'would refer to itself' ])
{
	my ($result, undef, $error) = $node->psql($database, $bad->[0]);
	isnt($result, 0, 'refused') and like($error, qr/$bad->[1]/, $bad->[1]);
}
done_testing();
