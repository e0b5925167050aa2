# Sessions: always those of a naive reading of all events, however and in whatever order the events came.
use strict;
use warnings;
use Test::More;
use Mhub;

my $node = mhub_node('session');
my $db = hub_database($node, 'session');
my $agent = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36';

# A reading of all events in one loop: the reference for everything below.
$node->safe_psql($db, q{
CREATE TABLE public.naive_session (session_id bigint, person_id bigint, identifier_id bigint, started_at timestamptz, ended_at timestamptz, events integer, pages integer,
	entry_page text, exit_page text, channel text, source text, medium text, campaign text, is_paid boolean, engaged interval, value numeric);
CREATE TABLE public.naive_page (session_id bigint, "position" integer, event_id bigint, page text, entered_at timestamptz, dwell interval, engaged interval);
CREATE FUNCTION public.naive_sessions() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	policy mhub.session_policy;
	e record;
	s public.naive_session;
	p public.naive_page;
	arrival text;
	there text;
	engaged interval;
BEGIN
	TRUNCATE public.naive_session, public.naive_page;
	SELECT * INTO policy FROM mhub.session_policy;
	FOR e IN
		SELECT i.person_id, v.*, coalesce(regexp_replace(v.url, '[?#].*', ''), v.properties ->> 'name') AS page FROM mhub.event AS v JOIN mhub.identifier AS i USING (identifier_id)
		WHERE v.invalid_reason IS NULL AND v.type <> 'hub' AND (v.type IN ('page', 'screen') OR v.url IS NOT NULL OR v.user_agent IS NOT NULL)
		ORDER BY i.person_id, v.occurred_at, v.event_id
	LOOP
		there := CASE WHEN e.channel <> 'Direct' THEN format('%L %L %L', e.source, e.medium, e.campaign) END;
		IF s.person_id IS NULL OR e.person_id <> s.person_id OR e.occurred_at - s.ended_at > policy.gap
			OR policy.midnight_time_zone IS NOT NULL AND (e.occurred_at AT TIME ZONE policy.midnight_time_zone)::date <> (s.ended_at AT TIME ZONE policy.midnight_time_zone)::date
			OR there IS NOT NULL AND there IS DISTINCT FROM arrival
		THEN
			IF p.session_id IS NOT NULL THEN INSERT INTO public.naive_page SELECT p.*; END IF;
			IF s.session_id IS NOT NULL THEN INSERT INTO public.naive_session SELECT s.*; END IF;
			s := ROW (e.event_id, e.person_id, e.identifier_id, e.occurred_at, e.occurred_at, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '0', 0);
			p := NULL;
			arrival := NULL;
		END IF;
		arrival := coalesce(there, arrival);
		IF s.channel IS NULL AND e.channel IS NOT NULL THEN
			s.channel := e.channel; s.source := e.source; s.medium := e.medium; s.campaign := e.campaign; s.is_paid := coalesce(e.is_paid, false);
		END IF;
		engaged := CASE WHEN jsonb_typeof(e.properties -> 'engaged_time') = 'number'
				THEN CASE WHEN (e.properties ->> 'engaged_time')::numeric < 0 THEN '0' WHEN (e.properties ->> 'engaged_time')::numeric > 86400 THEN '24:00' ELSE make_interval(secs => round((e.properties ->> 'engaged_time')::numeric, 6)::float8) END
			WHEN e.name = 'Heartbeat' AND s.events > 0 THEN least(e.occurred_at - s.ended_at, policy.heartbeat) ELSE '0' END;
		p.dwell := e.occurred_at - p.entered_at;
		IF e.type IN ('page', 'screen') THEN
			IF p.session_id IS NOT NULL THEN INSERT INTO public.naive_page SELECT p.*; END IF;
			s.pages := s.pages + 1;
			p := ROW (s.session_id, s.pages, e.event_id, e.page, e.occurred_at, '0', '0');
			IF s.pages = 1 THEN s.entry_page := e.page; END IF;
			s.exit_page := e.page;
		END IF;
		p.engaged := p.engaged + engaged;
		s.engaged := s.engaged + engaged;
		s.ended_at := e.occurred_at; s.events := s.events + 1; s.value := s.value + coalesce(e.value, 0);
	END LOOP;
	IF p.session_id IS NOT NULL THEN INSERT INTO public.naive_page SELECT p.*; END IF;
	IF s.session_id IS NOT NULL THEN INSERT INTO public.naive_session SELECT s.*; END IF;
	UPDATE public.naive_session SET channel = coalesce(channel, 'Direct'), is_paid = coalesce(is_paid, false);
END $$});

sub same_as_naive
{
	my ($what) = @_;
	is($node->safe_psql($db, q{
		SET client_min_messages = warning;
		SELECT public.naive_sessions();
		(SELECT 'too many', s.* FROM mhub.session AS s EXCEPT SELECT 'too many', n.* FROM public.naive_session AS n)
		UNION ALL
		(SELECT 'missing', n.* FROM public.naive_session AS n EXCEPT SELECT 'missing', s.* FROM mhub.session AS s)
		LIMIT 5}), '', $what);
	is($node->safe_psql($db, q{
		(SELECT 'too many', s.* FROM mhub.session_page AS s EXCEPT SELECT 'too many', n.* FROM public.naive_page AS n)
		UNION ALL
		(SELECT 'missing', n.* FROM public.naive_page AS n EXCEPT SELECT 'missing', s.* FROM mhub.session_page AS s)
		LIMIT 5}), '', "$what: pages");
	return;
}

# Hand-made: gap, campaign, internal move, payment return, heartbeats.
$node->safe_psql($db, qq{
	SELECT mhub.page('Home', '{"cookie": "h"}', '{"url": "https://www.example.com/?utm_source=wechat&utm_medium=social"}', '{"userAgent": "$agent"}', '2024-03-01 08:00+00', 'h1');
	SELECT mhub.track('Heartbeat', '{"cookie": "h"}', '{}', '{"userAgent": "$agent"}', '2024-03-01 08:00:20+00', 'h2');
	SELECT mhub.track('Heartbeat', '{"cookie": "h"}', '{}', '{"userAgent": "$agent"}', '2024-03-01 08:01:20+00', 'h3');
	SELECT mhub.page('Course', '{"cookie": "h"}', '{"url": "https://www.example.com/course?id=1", "referrer": "https://www.example.com/"}', '{"userAgent": "$agent"}', '2024-03-01 08:02+00', 'h4');
	SELECT mhub.page('Paid', '{"cookie": "h"}', '{"url": "https://www.example.com/paid", "referrer": "https://openapi.alipay.com/", "engaged_time": 7.5}', '{"userAgent": "$agent"}', '2024-03-01 08:10+00', 'h5');
	SELECT mhub.page('Ad', '{"cookie": "h"}', '{"url": "https://www.example.com/ad?utm_source=baidu&utm_medium=cpc"}', '{"userAgent": "$agent"}', '2024-03-01 08:20+00', 'h6');
	SELECT mhub.page('Later', '{"cookie": "h"}', '{"url": "https://www.example.com/later"}', '{"userAgent": "$agent"}', '2024-03-01 08:50:01+00', 'h7');
	SELECT mhub.track('Order Completed', '{"cookie": "h"}', '{"total": 5, "currency": "CNY"}', '{}', '2024-03-01 09:10+00', 'h8');
	CALL mhub.refresh_sessions();
});
is($node->safe_psql($db, q{
	SELECT string_agg(concat_ws(' ', s.channel, s.events, s.pages, s.entry_page, s.exit_page, s.ended_at - s.started_at, s.engaged), E'\n' ORDER BY s.started_at) FROM mhub.session AS s}),
	"Organic Social 5 3 https://www.example.com/ https://www.example.com/paid 00:10:00 00:00:57.5\n"
	. "Paid Search 1 1 https://www.example.com/ad https://www.example.com/ad 00:00:00 00:00:00\n"
	. 'Direct 1 1 https://www.example.com/later https://www.example.com/later 00:00:00 00:00:00',
	'a day by hand: a payment page is no new session, a campaign is, and so is what comes after more than 30 minutes; a server\'s event is none');
is($node->safe_psql($db, q{SELECT string_agg(p.page || ' ' || p.dwell || ' ' || p.engaged, ', ' ORDER BY p.session_id, p.position) FROM mhub.session_page AS p WHERE p.session_id = (SELECT min(session_id) FROM mhub.session)}),
	'https://www.example.com/ 00:02:00 00:00:50, https://www.example.com/course 00:08:00 00:00:00, https://www.example.com/paid 00:00:00 00:00:07.5',
	'dwell and engaged time by page');
same_as_naive('by hand');

# At random: many persons, events in random order and often at the same time, refreshed in between, some judged
# invalid, persons merged and split.
sub random_events
{
	my ($seed, $n) = @_;
	$node->safe_psql($db, qq{
		SELECT setseed($seed);
		INSERT INTO mhub.event (occurred_at, identifier_id, type, name, url, channel, source, medium, campaign, is_paid, value, properties, user_agent)
		SELECT CASE WHEN random() < 0.5 THEN date_bin('5 minutes', t.at, '2024-01-01') ELSE t.at END, i.identifier_id,
		       (ARRAY['page', 'page', 'screen', 'track', 'hub'])[1 + floor(random() * 5)], CASE WHEN random() < 0.2 THEN 'Heartbeat' ELSE 'X' END,
		       CASE WHEN random() < 0.9 THEN 'https://example.com/' || floor(random() * 5) || CASE WHEN random() < 0.3 THEN '?a=1#b' ELSE '' END END,
		       c.channel, c.source, c.medium, c.campaign, c.channel = 'Paid Search', floor(random() * 3), coalesce(p.properties, '{}')::jsonb,
		       CASE WHEN random() < 0.5 THEN 'Agent' END
		FROM generate_series(1, $n) AS n
		CROSS JOIN LATERAL (SELECT timestamptz '2024-03-10 00:00+00' + random() * interval '2 days' + n * interval '0' AS at) AS t
		CROSS JOIN LATERAL (SELECT identifier_id FROM mhub.identifier WHERE kind = 'cookie' AND value LIKE 'r%' AND n > 0 ORDER BY random() LIMIT 1) AS i
		CROSS JOIN LATERAL (SELECT floor(random() * 12 + n * 0) AS c, floor(random() * 40 + n * 0) AS p) AS r
		LEFT JOIN (VALUES (1, 'Paid Search', 'baidu', 'cpc', 'spring'), (2, 'Direct', '(direct)', '(none)', NULL),
		                  (3, 'Organic Social', 'wechat', 'social', NULL), (4, 'Paid Search', 'baidu', 'cpc', 'autumn'))
		     AS c(r, channel, source, medium, campaign) ON c.r = r.c
		LEFT JOIN (VALUES (1, '{"engaged_time": 2.5}'), (2, '{"engaged_time": 1e-400}'), (3, '{"engaged_time": 9e999}'), (4, '{"engaged_time": "5"}'),
		                  (5, '{"engaged_time": -1}'), (6, '{"name": "首页"}'), (7, '{"engaged_time": 0.1234567}')) AS p(r, properties) ON p.r = r.p;
	});
	return;
}

# Links some, cuts some: what was one person becomes two, and the other way round.
sub random_persons
{
	my ($seed) = @_;
	$node->safe_psql($db, qq{
		SELECT setseed($seed);
		SELECT mhub.identify(jsonb_build_object('cookie', 'r' || floor(1 + random() * 30), 'user_id', 'u' || floor(random() * 10))) FROM generate_series(1, 4);
		SELECT mhub.unlink(a.kind, a.value, b.kind, b.value, 'a mistake')
		FROM (SELECT l.identifier_a, l.identifier_b FROM mhub.link AS l JOIN mhub.identifier AS i ON i.identifier_id = l.identifier_a
		      WHERE i.value LIKE 'r%' OR i.value LIKE 'u%' ORDER BY random() LIMIT 2) AS l
		JOIN mhub.identifier AS a ON a.identifier_id = l.identifier_a JOIN mhub.identifier AS b ON b.identifier_id = l.identifier_b;
	});
	return;
}

$node->safe_psql($db, q{SELECT mhub.identify(jsonb_build_object('cookie', 'r' || n)) FROM generate_series(1, 30) AS n});
for my $round (1 .. 8)
{
	random_events(0.1 * $round, 300);
	random_persons(0.1 * $round) if $round > 2;
	$node->safe_psql($db, qq{
		SELECT setseed(0.01 * $round);
		WITH judged AS (UPDATE mhub.event SET invalid_reason = CASE WHEN invalid_reason IS NULL THEN 'doubtful' END
		                WHERE event_id IN (SELECT event_id FROM mhub.event ORDER BY random() LIMIT 10) RETURNING event_id)
		SELECT mhub.follow_judgement(array_agg(event_id)) FROM judged}) if $round % 2 == 0;
	$node->safe_psql($db, 'CALL mhub.refresh_sessions()');
	same_as_naive("random events, round $round: those of later rounds come late");
}

# A merge that is committed while another is still under way, behind which mhub.merge_horizon() stays.
my $slow = $node->background_psql($db);
$slow->query_safe('BEGIN');
$slow->query_safe(q{SELECT mhub.identify('{"cookie": "s1"}'), mhub.identify('{"cookie": "s2"}')});
$slow->query_safe(q{SELECT mhub.identify('{"cookie": "s1", "user_id": "slow"}'), mhub.identify('{"cookie": "s2", "user_id": "slow"}')});
random_persons(0.77);
random_events(0.88, 300);
$node->safe_psql($db, 'CALL mhub.refresh_sessions()');
same_as_naive('persons merged while another merge is under way');
$slow->query_safe('COMMIT');
$slow->quit;
$node->safe_psql($db, 'CALL mhub.refresh_sessions()');
same_as_naive('and when that is done');

$node->safe_psql($db, q{
	INSERT INTO mhub.invalid_rule (position, reason, url) VALUES (50, 'test_visit', '{https://example.com/3*}');
	CALL mhub.reclassify_events('2024-01-01');
	CALL mhub.refresh_sessions();
});
same_as_naive('events judged anew');
$node->safe_psql($db, q{
	UPDATE mhub.session_policy SET gap = '10 minutes', midnight_time_zone = 'Asia/Shanghai';
	SELECT mhub.rebuild_sessions('-infinity');
	CALL mhub.refresh_sessions();
});
same_as_naive('another gap, and midnight in Shanghai');

is($node->safe_psql($db, q{SELECT count(*) FROM mhub.session_page AS p WHERE NOT EXISTS (SELECT FROM mhub.session AS s WHERE s.session_id = p.session_id)}), 0, 'no page without its session');
is($node->safe_psql($db, q{SELECT sum(sessions) = (SELECT count(*) FROM mhub.session) FROM mhub.session_day}), 't', 'the view by day loses none');
is($node->safe_psql($db, q{SELECT sum(views) = (SELECT sum(pages) FROM mhub.session) AND sum(entries) = count(DISTINCT 1) * (SELECT count(*) FROM mhub.session WHERE pages > 0) FROM mhub.page_summary}),
	't', 'the view by page loses none');

# From the beginning in many small steps, each of which sees only a part of what came: in the order of arrival, not of time.
$node->safe_psql($db, q{
	TRUNCATE mhub.session, mhub.session_page;
	UPDATE mhub.consumer SET last_event_id = 0 WHERE name = 'sessions';
	DO $$
	DECLARE
		step record;
	BEGIN
		LOOP
			SELECT * INTO step FROM mhub.claim_events('sessions', 97);
			EXIT WHEN step.upto_event_id = step.after_event_id;
			PERFORM mhub.refresh_session_step(step.after_event_id, step.upto_event_id, mhub.merge_horizon());
		END LOOP;
	END $$});
same_as_naive('made anew in many steps');

# Erased with their events, or made anonymous: the sessions of others are what they were.
$node->safe_psql($db, q{
	CREATE TABLE public.others AS SELECT s.* FROM mhub.session AS s
		WHERE s.person_id <> (SELECT i.person_id FROM mhub.identifier AS i WHERE i.value = 'r20');
	SELECT mhub.erase_person((SELECT person_id FROM mhub.identifier WHERE value = 'r20'), 'asked for it', 'delete');
	CALL mhub.refresh_sessions()});
same_as_naive('a person erased with all events');
is($node->safe_psql($db, q{SELECT (SELECT count(*) > 10 FROM public.others), count(*) FROM (TABLE mhub.session EXCEPT TABLE public.others) AS new
	FULL JOIN (TABLE public.others EXCEPT TABLE mhub.session) AS gone USING (session_id)}), 't|0', 'the sessions of others are what they were');
random_events(0.66, 100);
$node->safe_psql($db, q{
	SELECT mhub.erase_person((SELECT person_id FROM mhub.identifier WHERE value = 'r21'), 'asked for it', 'anonymise');
	CALL mhub.refresh_sessions()});
is($node->safe_psql($db, q{SELECT count(*) FROM mhub.session AS s JOIN mhub.identifier AS i USING (identifier_id) WHERE i.person_id <> s.person_id}), '0', 'sessions of an anonymous person are that person\'s');
is($node->safe_psql($db, q{SELECT count(*) FROM mhub.session_page AS p JOIN mhub.session AS s USING (session_id) JOIN mhub.event AS e USING (event_id) WHERE e.url IS NULL AND p.page IS NOT NULL AND e.properties = '{}'}), '0', 'and name no page');

# Sessions whose events are retired stay, go over to who is their person now, and nothing is counted twice.
$node->safe_psql($db, q{
	UPDATE mhub.partition_policy SET keep = now() - '2024-03-11 00:00+00', period = 'day' WHERE parent = 'event';
	CREATE TABLE public.before AS SELECT s.* FROM mhub.session AS s WHERE s.started_at < date_trunc('day', timestamptz '2024-03-11 00:00+00', 'UTC');
	SELECT mhub.create_partition('event', '2024-03-10 12:00+00'), mhub.create_partition('event', '2024-03-11 12:00+00');
	CALL mhub.maintain_partitions();
});
is($node->safe_psql($db, q{SELECT retired_before AT TIME ZONE 'UTC' FROM mhub.partition_policy WHERE parent = 'event'}), '2024-03-11 00:00:00', 'a day of events is retired');
random_persons(0.33);
$node->safe_psql($db, q{
	SELECT mhub.identify('{"cookie": "r1", "user_id": "all"}'), mhub.identify('{"cookie": "r2", "user_id": "all"}'), mhub.identify('{"cookie": "r3", "user_id": "all"}');
	SELECT mhub.rebuild_sessions('-infinity');
	CALL mhub.refresh_sessions()});
is($node->safe_psql($db, q{SELECT count(*) > 10 FROM public.before}), 't', 'there were sessions');
is($node->safe_psql($db, q{SELECT count(*) FROM public.before AS b LEFT JOIN mhub.session AS s USING (session_id)
	WHERE to_jsonb(b) - 'person_id' IS DISTINCT FROM to_jsonb(s) - 'person_id' OR s.person_id <> (SELECT i.person_id FROM mhub.identifier AS i WHERE i.identifier_id = s.identifier_id)}), '0', 'sessions without events stay, with their person');
is($node->safe_psql($db, q{SELECT count(*) FROM mhub.session AS a JOIN mhub.session AS b ON b.person_id = a.person_id AND b.session_id <> a.session_id
	WHERE a.started_at < (SELECT retired_before FROM mhub.partition_policy WHERE parent = 'event') AND b.started_at > a.started_at AND b.started_at < a.ended_at
	AND b.identifier_id = a.identifier_id}), '0', 'none of the new ones overlaps the old');

done_testing();
