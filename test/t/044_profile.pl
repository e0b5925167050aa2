# Profiles are what one plain query over the tables says; they are so as well where the tables must be read by statements
# (row security, rights on columns only) and where only what a slot's rules look at is read (mhub.choose_content()).
use strict;
use warnings;
use utf8;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use Mhub;

my $seed = $ENV{MHUB_TEST_SEED} // 20261122;
srand($seed);
note("seed $seed");
sub pick { return $_[ int rand @_ ] }

my $node = mhub_node('profile');
my $database = hub_database($node, 'profile', "TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'");
my $now = '2026-02-10 04:00:00';
sub sql
{
	my ($text, $role) = @_;
	$text = "SET mhub.simulated_time = '$now'; SET mhub.time_zone = 'Asia/Shanghai'; SET client_min_messages = warning; " . ($role ? "SET ROLE $role; " : '') . $text;
	utf8::encode($text);
	return $node->safe_psql($database, $text);
}

# Random people: several identifiers each, merges, events of before and after now, consent, lists.
my @events = ('Page Viewed', 'Order Completed', '课程', 'Video Played');
sub random_act
{
	my $who = pick('"user_id": "u%d"', '"cookie": "c%d"');
	$who = sprintf $who, int rand 30;
	my $at = sprintf '2026-%02d-%02d %02d:10+08', pick([ 1, 5 + int rand 25 ], [ 2, 1 + int rand 10 ])->@*, int rand 12;
	my $kind = int rand 10;
	return "SELECT mhub.track('" . pick(@events) . "', '{$who}', '{\"course\": \"" . pick('考研', '雅思') . '", "value": ' . int(rand 500) . "}', '{}', '$at')" if $kind < 5;
	return "SELECT mhub.identify('{\"user_id\": \"u" . int(rand 30) . '", "cookie": "c' . int(rand 30) . "\"}')" if $kind == 5;
	return "SELECT mhub.identify('{$who}', '{\"age\": " . int(rand 60) . ', "city": "' . pick('上海', '北京') . '", "score": ' . int(rand 9) . "}', '$at')" if $kind < 8;
	return "SELECT mhub.record_consent('{$who}', '" . pick('profiling', 'marketing') . "', " . pick('NULL', "'email'") . ', granted => ' . pick('true', 'true', 'false') . ')' if $kind == 8;
	return 'SELECT mhub.' . pick('add_to_segment', 'remove_from_segment') . "('挑选', (SELECT array_agg(person_id) FROM mhub.person WHERE person_id % 5 = " . int(rand 5) . '))';
}
sql(q{INSERT INTO mhub.segment (key, condition) VALUES ('挑选', NULL), ('上海', $$city = '上海'$$), ('active', $$did('Page Viewed', at least 2 times, within '20 days')$$),
	('exam', $$did('Page Viewed', within '30 hours') or did('课程', where course = '考研')$$), ('picked', $$in segment '挑选' and in segment 'active'$$)});
sql(join '; ', map { random_act() } 1 .. 400);

# The reference: what is said about $1, all of it in SQL, and what segments make of it in the test's own words.
my $reference = q{
	WITH RECURSIVE family (id, survivor) AS (
		SELECT person_id, person_id FROM mhub.person WHERE merged_into IS NULL
		UNION ALL SELECT p.person_id, f.survivor FROM family AS f JOIN mhub.person AS p ON p.merged_into = f.id
	), day AS (
		SELECT i.person_id, c.name, c.day, sum(c.count) AS count, sum(c.value_sum) AS value, min(c.first_at) AS first_at, max(c.last_at) AS last_at
		FROM mhub.identifier AS i JOIN mhub.event_counter AS c USING (identifier_id) WHERE c.first_at <= mhub.now() GROUP BY 1, 2, 3
	), event AS (
		SELECT person_id, name, jsonb_build_object('count', sum(count), 'value', sum(value), 'first_at', min(first_at), 'last_at', max(last_at), 'days', jsonb_object_agg(day, count)) ||
			CASE WHEN name IN ('Page Viewed', '课程') THEN jsonb_build_object('items', (
				SELECT coalesce(jsonb_agg(jsonb_build_object('at', v.occurred_at, 'value', v.value, 'properties', v.properties) ORDER BY v.occurred_at), '[]')
				FROM mhub.identifier AS i JOIN mhub.event AS v USING (identifier_id) WHERE i.person_id = day.person_id AND v.name = day.name AND v.invalid_reason IS NULL AND v.occurred_at <= mhub.now())) ELSE '{}' END AS said
		FROM day GROUP BY 1, 2
	), latest AS (
		SELECT DISTINCT ON (c.person_id, purpose, channel) f.survivor, purpose, granted FROM mhub.consent AS c JOIN family AS f ON f.id = c.person_id ORDER BY c.person_id, purpose, channel, consent_id DESC
	), consent AS (
		SELECT survivor, purpose, bool_and(granted) AS granted FROM latest GROUP BY 1, 2
	)
	SELECT p.person_id, p.traits || jsonb_build_object('$unit', p.person_id::text,
		'$events', coalesce((SELECT jsonb_object_agg(name, said) FROM event AS e WHERE e.person_id = p.person_id), '{}'),
		'$consent', coalesce((SELECT jsonb_object_agg(purpose, granted) FROM consent AS c WHERE c.survivor = p.person_id), '{}'))
		|| CASE WHEN p.traits ? 'score' THEN jsonb_build_object('$score', p.traits->'score') ELSE '{}' END AS profile,
		EXISTS (SELECT FROM mhub.segment_listed AS l JOIN family AS f ON f.id = l.person_id WHERE f.survivor = p.person_id) AS listed
	FROM mhub.person AS p WHERE p.merged_into IS NULL};
my $all = '(SELECT array_agg(person_id) FROM mhub.person)';
sub differences
{
	my ($role) = @_;
	return sql("SELECT string_agg(format('%s: %s <> %s', r.person_id, r.profile, p.profile), E'\\n') FROM ($reference) AS r FULL JOIN mhub.profiles($all || $all) AS p USING (person_id) WHERE r.profile IS DISTINCT FROM p.profile - '\$segments'", $role);
}
is(differences(), '', 'profiles are what the reference says');
cmp_ok(sql("SELECT count(*) FROM ($reference) AS r WHERE listed"), '>', 2, 'some are on the list');
is(sql("SELECT string_agg(r.person_id::text, ' ') FROM ($reference) AS r JOIN mhub.profiles($all) AS p USING (person_id) WHERE r.listed <> (p.profile->'\$segments' ? '挑选')"), '', 'lists');
is(sql("SELECT string_agg(r.person_id::text, ' ') FROM ($reference) AS r JOIN mhub.profiles($all) AS p USING (person_id), mhub.segment AS s WHERE s.key IN ('上海', 'active', 'exam') AND coalesce(mhub.matches(r.profile, s.condition), false) <> (p.profile->'\$segments' ? s.key)"), '', 'segments');
is(sql("SELECT count(*) FROM mhub.person AS p WHERE merged_into IS NOT NULL AND mhub.profile(p.person_id) IS DISTINCT FROM mhub.profile(mhub.resolve_person(p.person_id))"), 0, 'merged ids stand for the survivor');
is(sql("SELECT count(*) FROM mhub.profiles('{}')") . sql("SELECT count(*) FROM mhub.profiles('{-1}')"), '00', 'nobody');

# What rules look at, read for them alone, decides like the whole profile.
sql(q{INSERT INTO mhub.content (key) VALUES ('a'), ('b'), ('c'); INSERT INTO mhub.slot (slot, default_content) VALUES ('traits', 'c'), ('events', 'c'), ('segments', 'c'), ('mixed', 'c'), ('dollar', 'c'), ('counts', 'c');
	INSERT INTO mhub.content_rule (slot, key, priority, condition, content_key, frequency_cap) VALUES
		('traits', '1', 1, $$age > 30 and city = '上海'$$, 'a', NULL), ('traits', '2', 2, $$score >= 4$$, 'b', NULL),
		('events', '1', 1, $$did('Page Viewed', at least 2 times, within '20 days') and did not('Order Completed')$$, 'a', NULL), ('events', '2', 2, $$did('课程', where course = '考研')$$, 'a', NULL),
		('events', '3', 3, $$last('Video Played') older than '10 days'$$, 'b', NULL),
		('segments', '1', 1, $$in segment 'picked'$$, 'a', NULL), ('segments', '2', 2, $$in segment 'exam' and not in segment '上海'$$, 'b', NULL), ('segments', '3', 3, $$"$segments" has '挑选'$$, 'a', NULL),
		('mixed', '1', 1, $$"$context".page.path = '/a' and "$consent".marketing = true$$, 'a', NULL), ('mixed', '2', 2, $$"$context".source.source = 'baidu' and did('Order Completed', exactly 0 times)$$, 'b', NULL),
		('mixed', '3', 3, $$"$score" > 3$$, 'a', '1 per 2 days'), ('mixed', '4', 4, $$"$unit" exists$$, 'b', NULL),
		('dollar', '1', 1, $$"$events"."Page Viewed".count > 3$$, 'a', NULL), ('dollar', '2', 2, $$"$events" is missing$$, 'b', NULL), ('dollar', '3', 3, $$"$consent".profiling exists$$, 'b', NULL);
	INSERT INTO mhub.content_rule (slot, key, priority, condition, content_key) SELECT 'counts', format('%s %s in %s', e, n, d), n * 100 + d, format('did(%L, exactly %s times, within ''%s days'')', e, n, d)::mhub.condition, 'a'
		FROM unnest('{Page Viewed,Order Completed,课程}'::text[]) AS e, generate_series(1, 3) AS n, unnest('{1,2,3,5,8,12,17,25}'::integer[]) AS d;
	INSERT INTO mhub.content_rule (slot, key, priority, condition, content_key) VALUES ('counts', 'months', 900, $$did('Page Viewed', at least 2 times, within '1 month')$$, 'b'),
		('counts', 'ever', 1000, $$did('Video Played', at most 2 times) and in segment 'active'$$, 'b');
	UPDATE mhub.content_rule SET variants = '[{"key": "x", "content": "a"}, {"key": "y", "content": "b"}]', content_key = NULL WHERE slot = 'mixed' AND key = '4'});
my @contexts = ('{}', '{"page": {"path": "/a", "url": "https://x.example/?utm_source=baidu&utm_medium=cpc"}}', '{"locale": "zh"}');
sub choices
{
	my ($role) = @_;
	my $wrong = '';
	for my $context (@contexts)
	{
		$wrong .= sql(qq{
			SELECT string_agg(format('%s %s: %s, not %s', i.value, s.slot, c, d), E'\\n')
			FROM mhub.identifier AS i CROSS JOIN mhub.slot AS s
			CROSS JOIN LATERAL (SELECT mhub.decide(s.slot, mhub.choice_profile(s.slot, i.person_id, '$context', mhub.now()), mhub.now()) AS d OFFSET 0) AS d
			CROSS JOIN LATERAL (SELECT mhub.choose_content(s.slot, jsonb_build_object(i.kind, i.value), '$context') AS c OFFSET 0) AS c
			WHERE (d).content_key IS DISTINCT FROM (c).content_key OR (d).rule_key IS DISTINCT FROM (c).rule_key OR (d).reason <> (c).reason OR (d).variant IS DISTINCT FROM (c).variant}, $role);
	}
	return $wrong;
}
is(choices(), '', 'choices are decisions by the whole profile');
cmp_ok(sql('SELECT count(DISTINCT slot || rule_key) FROM mhub.impression'), '>=', 30, 'by many rules');

# The same by statements: columns only, and row security that lets everything through.
sql(q{CREATE ROLE clerk; CREATE ROLE guarded; SELECT mhub.grant_access('clerk', 'app'), mhub.grant_access('clerk', 'marketer'), mhub.grant_access('guarded', 'app'), mhub.grant_access('guarded', 'marketer');
	REVOKE SELECT ON mhub.person, mhub.event_counter FROM clerk; GRANT SELECT (person_id, merged_into, traits) ON mhub.person TO clerk; GRANT SELECT ON mhub.event_counter TO clerk});
is(differences('clerk'), '', 'rights on the columns that are read will do');
sql(qq{ALTER TABLE mhub.$_ ENABLE ROW LEVEL SECURITY; CREATE POLICY everything ON mhub.$_ USING (true)}) for qw(person identifier event_counter consent segment_listed impression);
is(differences('guarded'), '', 'row security that lets everything through changes nothing');
is(choices('guarded'), '', 'nor does it for choices');
sql(q{DROP POLICY everything ON mhub.person; CREATE POLICY even ON mhub.person USING (person_id % 2 = 0)});
is(sql("SELECT count(*) FILTER (WHERE person_id % 2 = 1) || ' ' || (count(*) > 3) FROM mhub.profiles((SELECT array_agg(n) FROM generate_series(1, 100) AS n))", 'guarded'), '0 true', 'row security that hides persons hides their profiles');
my (undef, undef, $error) = $node->psql($database, 'SET ROLE guarded; RESET ROLE; REVOKE SELECT ON mhub.consent FROM guarded; SET ROLE guarded; SELECT mhub.profiles(ARRAY[2, 4, 6])');
like($error, qr/permission denied for table consent/, 'rights are asked for');

# Others may build indexes meanwhile.
sql('DROP POLICY even ON mhub.person');
sql("ALTER TABLE mhub.$_ DISABLE ROW LEVEL SECURITY") for qw(person identifier event_counter consent segment_listed impression);
is(sql(q{BEGIN; DO $$BEGIN PERFORM mhub.profile(1); PERFORM mhub.profile(2); END$$; SELECT count(DISTINCT relation) > 8 FROM pg_locks WHERE pid = pg_backend_pid() AND relation::regclass::text LIKE 'mhub.%';
	SELECT DISTINCT mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation::regclass::text LIKE 'mhub.%'}), "t\nAccessShareLock", 'reading takes the locks of readers');

# Statements again: a table has got a child, a column another type.
sql(q{CREATE TABLE public.more_counters () INHERITS (mhub.event_counter); INSERT INTO public.more_counters (identifier_id, name, day, count, value_sum, first_at, last_at)
	SELECT identifier_id, '直播', '2026-01-05', 2, 7, '2026-01-05', '2026-01-05' FROM mhub.identifier WHERE identifier_id % 2 = 0});
is(differences(), '', 'rows of a child of the table');
sql('DROP TABLE public.more_counters; ALTER TABLE mhub.event_counter ALTER COLUMN count TYPE numeric');
is(differences(), '', 'a column of another type');
sql('ALTER TABLE mhub.event_counter ALTER COLUMN count TYPE bigint');

# An index gone, a column's place changed: statements again, or another index.
sql('DROP INDEX mhub.segment_listed_person_id_idx, mhub.person_merged_into_idx, mhub.identifier_person_id_kind_idx; ALTER TABLE mhub.event_counter DROP CONSTRAINT event_counter_pkey; CREATE INDEX ON mhub.event_counter USING hash (identifier_id)');
is(differences(), '', 'without indexes');
is(choices(), '', 'and choices');
done_testing();
