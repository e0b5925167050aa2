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
CREATE FUNCTION public.naive_sessions() RETURNS TABLE (session_id bigint, person_id bigint, started_at timestamptz, ended_at timestamptz,
	events bigint, pages bigint, channel text, campaign text, engaged interval, value numeric) LANGUAGE plpgsql AS $$
DECLARE
	policy mhub.session_policy;
	e record;
	arrival text;
BEGIN
	SELECT * INTO policy FROM mhub.session_policy;
	person_id := NULL;
	FOR e IN
		SELECT i.person_id, v.* FROM mhub.event AS v JOIN mhub.identifier AS i USING (identifier_id)
		WHERE v.invalid_reason IS NULL AND v.type <> 'hub' AND (v.type IN ('page', 'screen') OR v.url IS NOT NULL OR v.user_agent IS NOT NULL)
		ORDER BY i.person_id, v.occurred_at, v.event_id
	LOOP
		IF person_id IS NULL OR e.person_id <> person_id OR e.occurred_at - ended_at > policy.gap
			OR policy.midnight_time_zone IS NOT NULL AND (e.occurred_at AT TIME ZONE policy.midnight_time_zone)::date <> (ended_at AT TIME ZONE policy.midnight_time_zone)::date
			OR e.channel <> 'Direct' AND format('%L %L %L', e.source, e.medium, e.campaign) IS DISTINCT FROM arrival
		THEN
			IF person_id IS NOT NULL THEN
				channel := coalesce(channel, 'Direct');
				RETURN NEXT;
			END IF;
			session_id := e.event_id; person_id := e.person_id; started_at := e.occurred_at; ended_at := e.occurred_at;
			events := 0; pages := 0; channel := NULL; campaign := NULL; engaged := '0'; value := 0; arrival := NULL;
		END IF;
		IF e.channel <> 'Direct' THEN arrival := format('%L %L %L', e.source, e.medium, e.campaign); END IF;
		IF channel IS NULL AND e.channel IS NOT NULL THEN channel := e.channel; campaign := e.campaign; END IF;
		IF e.properties ? 'engaged_time' THEN engaged := engaged + (e.properties ->> 'engaged_time')::numeric * interval '1 second';
		ELSIF e.name = 'Heartbeat' AND events > 0 THEN engaged := engaged + least(e.occurred_at - ended_at, policy.heartbeat);
		END IF;
		ended_at := e.occurred_at; events := events + 1; value := value + coalesce(e.value, 0);
		IF e.type IN ('page', 'screen') THEN pages := pages + 1; END IF;
	END LOOP;
	IF person_id IS NOT NULL THEN
		channel := coalesce(channel, 'Direct');
		RETURN NEXT;
	END IF;
END $$});

sub same_as_naive
{
	my ($what) = @_;
	my $columns = 'session_id, person_id, started_at, ended_at, events, pages, channel, campaign, engaged, value';
	is($node->safe_psql($db, qq{
		(SELECT 'too many', $columns FROM mhub.session EXCEPT SELECT 'too many', $columns FROM public.naive_sessions())
		UNION ALL
		(SELECT 'missing', $columns FROM public.naive_sessions() EXCEPT SELECT 'missing', $columns FROM mhub.session)
		LIMIT 5}), '', $what);
	is($node->safe_psql($db, q{
		SELECT count(*) FROM mhub.session AS s
		WHERE s.pages <> (SELECT count(*) FROM mhub.session_page AS p WHERE p.session_id = s.session_id)
		   OR s.pages > 0 AND (SELECT sum(p.dwell) FROM mhub.session_page AS p WHERE p.session_id = s.session_id)
		      <> s.ended_at - (SELECT p.entered_at FROM mhub.session_page AS p WHERE p.session_id = s.session_id AND p.position = 1)}),
		0, "$what: pages and their times add up");
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

# At random: many persons, events in random order, refreshed in between, some judged invalid, persons merged.
sub random_events
{
	my ($seed, $n) = @_;
	$node->safe_psql($db, qq{
		SELECT setseed($seed);
		INSERT INTO mhub.event (occurred_at, identifier_id, type, name, url, channel, source, medium, campaign, value, properties)
		SELECT timestamptz '2024-03-10 00:00+00' + random() * interval '2 days', i.identifier_id,
		       CASE WHEN random() < 0.6 THEN 'page' ELSE 'track' END, CASE WHEN random() < 0.2 THEN 'Heartbeat' ELSE 'X' END,
		       'https://example.com/' || floor(random() * 5), c.channel, c.source, c.medium, c.campaign, floor(random() * 3),
		       CASE WHEN random() < 0.1 THEN '{"engaged_time": 2.5}' ELSE '{}' END::jsonb
		FROM generate_series(1, $n) AS n
		CROSS JOIN LATERAL (SELECT identifier_id FROM mhub.identifier WHERE kind = 'cookie' AND value LIKE 'r%' AND n > 0 ORDER BY random() LIMIT 1) AS i
		CROSS JOIN LATERAL (SELECT floor(random() * 12 + n * 0) AS r) AS r
		LEFT JOIN (VALUES (1, 'Paid Search', 'baidu', 'cpc', 'spring'), (2, 'Direct', '(direct)', '(none)', NULL),
		                  (3, 'Organic Social', 'wechat', 'social', NULL), (4, 'Paid Search', 'baidu', 'cpc', 'autumn'))
		     AS c(r, channel, source, medium, campaign) ON c.r = r.r;
	});
	return;
}
$node->safe_psql($db, q{SELECT mhub.identify(jsonb_build_object('cookie', 'r' || n)) FROM generate_series(1, 30) AS n});
for my $round (1 .. 6)
{
	random_events(0.1 * $round, 400);
	$node->safe_psql($db, 'CALL mhub.refresh_sessions()');
	same_as_naive("random events, round $round: those of later rounds come late");
}
$node->safe_psql($db, q{
	SELECT mhub.identify(jsonb_build_object('cookie', 'r' || n, 'user_id', 'u' || n / 3)) FROM generate_series(1, 12) AS n;
	CALL mhub.refresh_sessions();
});
same_as_naive('persons merged');
$node->safe_psql($db, q{
	SELECT mhub.unlink('cookie', 'r4', 'user_id', 'u1', 'a mistake');
	CALL mhub.refresh_sessions();
});
same_as_naive('a person split');

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

done_testing();
