# Where an address is, which visits do not count, and judging them anew.
use strict;
use warnings;
use utf8;
use Encode qw(decode_utf8);
use Test::More;
use Mhub;
use MmdbWriter;
use PostgreSQL::Test::Utils;

my $node = mhub_node('invalid');
my $db = hub_database($node, 'invalid');
my $dir = PostgreSQL::Test::Utils::tempdir();

sub city
{
	my (%is) = @_;
	return {
		country => { iso_code => $is{country} },
		city => { names => { en => $is{city}, 'zh-CN' => $is{zh} } },
		subdivisions => [ [ { iso_code => 'X', names => { en => $is{region} } } ] ],
		location => { time_zone => 'Asia/Shanghai' },
	};
}

for my $size (24, 28, 32)
{
	my $writer = MmdbWriter->new(type => 'Test-City', record_size => $size);
	$writer->add('1.2.0.0/16', city(country => 'CN', city => 'Shanghai', zh => '上海', region => 'Shanghai Shi'));
	$writer->add('1.2.3.0/24', city(country => 'CN', city => 'Beijing', zh => '北京', region => 'Beijing'));
	$writer->add('2001:db8::/32', city(country => 'DE', city => 'Köln', zh => '科隆', region => 'NRW'));
	$writer->write("$dir/city$size.mmdb");
}
my $asn = MmdbWriter->new(type => 'Test-ASN');
$asn->add('1.2.3.0/24', { autonomous_system_number => 4134, autonomous_system_organization => '中国电信' });
$asn->add('47.90.0.0/16', { autonomous_system_number => 45102, autonomous_system_organization => 'Alibaba' });
$asn->write("$dir/asn.mmdb");
my $flat = MmdbWriter->new(type => 'flat');
$flat->add('9.9.9.0/24', { country_code => 'US', city => 'Berkeley', asn => 'AS19281', as_name => 'Quad9' });
$flat->write("$dir/flat.mmdb");

sub lookup
{
	my ($ip) = @_;
	return decode_utf8($node->safe_psql($db, "SELECT l::text FROM mhub.ip_lookup('$ip') AS l"));
}

is(lookup('1.2.3.4'), '(,,,,,)', 'without a file nothing is known, and nothing fails');

for my $size (24, 28, 32)
{
	$node->safe_psql($db, "INSERT INTO mhub.ip_database (name, path, language) VALUES ('city', '$dir/city$size.mmdb', 'zh-CN')
		ON CONFLICT (name) DO UPDATE SET path = excluded.path");
	is(lookup('1.2.3.4'), '(CN,Beijing,北京,,,Asia/Shanghai)', "records of $size bits: the narrowest network counts");
	is(lookup('1.2.200.1'), '(CN,"Shanghai Shi",上海,,,Asia/Shanghai)', "records of $size bits: the network around it");
	is(lookup('2001:db8::1'), '(DE,NRW,科隆,,,Asia/Shanghai)', "records of $size bits: IPv6");
	is(lookup('8.8.8.8'), '(,,,,,)', "records of $size bits: unknown address");
}
$node->safe_psql($db, "INSERT INTO mhub.ip_database (name, path, position) VALUES ('asn', '$dir/asn.mmdb', 1), ('flat', '$dir/flat.mmdb', 2)");
is(lookup('1.2.3.4'), '(CN,Beijing,北京,4134,中国电信,Asia/Shanghai)', 'several files complete each other');
is(lookup('9.9.9.9'), '(US,,Berkeley,19281,Quad9,)', 'the flat layout of other vendors');
is(lookup('::ffff:1.2.3.4'), lookup('1.2.3.4'), 'an IPv4 address as servers of both families write it');
is(lookup('1.2.3.0/24'), '(CN,Beijing,北京,4134,中国电信,Asia/Shanghai)', 'a truncated address');

# Bad files
sub bad_file
{
	my ($content) = @_;
	open my $file, '>:raw', "$dir/bad.mmdb" or die $!;
	print $file $content;
	close $file;
	my (undef, undef, $stderr) = $node->psql($db, "INSERT INTO mhub.ip_database (name, path) VALUES ('bad', '$dir/bad.mmdb')");
	return $stderr;
}
my $good = do { local $/; open my $file, '<:raw', "$dir/city24.mmdb" or die $!; <$file> };
like(bad_file('hello'), qr/cannot use ".*bad\.mmdb" as an IP database.*metadata/is, 'no such file format is refused');
like(bad_file(''), qr/cannot use/, 'an empty file is refused');
like(bad_file(substr($good, 0, length($good) - 40)), qr/cannot use/, 'a file that was cut is refused');
like(bad_file(("\xFF" x 60) . substr($good, 60)), qr/node 0 of \d+ of its search tree is damaged/, 'a damaged tree is refused');
my (undef, undef, $stderr) = $node->psql($db, "INSERT INTO mhub.ip_database (name, path) VALUES ('none', '$dir/none.mmdb')");
like($stderr, qr/No such file/, 'a missing file is refused');
(undef, undef, $stderr) = $node->psql($db, "INSERT INTO mhub.ip_database (name, path) VALUES ('none', 'relative.mmdb')");
like($stderr, qr/not absolute/, 'a relative path is refused');
$node->safe_psql($db, 'CREATE ROLE op LOGIN; SELECT mhub.grant_access(\'op\', \'operator\')');
(undef, undef, $stderr) = $node->psql($db, "INSERT INTO mhub.ip_database (name, path) VALUES ('mine', '$dir/asn.mmdb')", extra_params => ['-U', 'op']);
like($stderr, qr/permission denied to name files of the server/, 'naming a file needs pg_read_server_files');

# Damage that came after the check: whatever the file says, the server goes on.
srand(20240301);
my $damaged = '';
for my $n (1 .. 150)
{
	my $bytes = $good;
	substr($bytes, int rand length $bytes, 1) = chr int rand 256 for 1 .. 1 << int rand 6;
	$bytes = substr($bytes, 0, int rand length $bytes) if $n % 10 == 0;
	open my $file, '>:raw', "$dir/damaged$n.mmdb" or die $!;
	print $file $bytes;
	close $file;
	$damaged .= "UPDATE mhub.ip_database SET path = '$dir/damaged$n.mmdb' WHERE name = 'damaged';
		SELECT mhub.ip_file_state('$dir/damaged$n.mmdb') IS NULL;
		SELECT count(mhub.ip_lookup(ip)) FROM unnest('{1.2.3.4,1.2.200.1,2001:db8::1,::1,8.8.8.8,255.255.255.255,0.0.0.0,1.0.0.1,1.2.255.255}'::inet[]) AS ip;\n";
}
is($node->safe_psql($db, "SET client_min_messages = error; BEGIN; ALTER TABLE mhub.ip_database DISABLE TRIGGER check_ip_database;
	INSERT INTO mhub.ip_database (name, path, position) VALUES ('damaged', '$dir/city24.mmdb', -1);\n$damaged ROLLBACK"),
	"f\n9\n" x 149 . "f\n9", 'damaged files are looked up in without harm');

# Cut in place while a session has it mapped, as cp over it does, and put back
system("cp '$dir/city24.mmdb' '$dir/cut.mmdb'") == 0 or die $!;
my ($cut_rc, $cut_out, $cut_stderr) = $node->psql($db, qq{
	BEGIN;
	UPDATE mhub.ip_database SET path = '$dir/cut.mmdb' WHERE name = 'city';
	SELECT (mhub.ip_lookup('1.2.3.4')).country;
	\\! truncate -s 0 '$dir/cut.mmdb'
	SELECT coalesce((mhub.ip_lookup('1.2.3.4')).country, 'unknown'), mhub.invalid_reason(NULL, '1.2.3.4') IS NULL;
	SELECT mhub.ip_file_state('$dir/cut.mmdb') ~ '^ok';
	ROLLBACK;
	SELECT (mhub.ip_lookup('1.2.3.4')).country});
is($cut_out, "CN\nunknown|t\nf\nCN", 'a file that is cut while it is mapped takes nothing down');
like($cut_stderr, qr/WARNING:  IP database ".*cut\.mmdb" was written in place while it was in use/, 'and is warned of');

# Replaced under a running session
system("cp '$dir/city24.mmdb' '$dir/live.mmdb' && cp '$dir/flat.mmdb' '$dir/next.mmdb'") == 0 or die $!;
is($node->safe_psql($db, qq{
	UPDATE mhub.ip_database SET path = '$dir/live.mmdb' WHERE name = 'city';
	UPDATE mhub.ip_database SET enabled = false WHERE name = 'flat';
	SELECT (mhub.ip_lookup('1.2.3.4')).country, (mhub.ip_lookup('9.9.9.9')).country;
	\\! mv '$dir/next.mmdb' '$dir/live.mmdb'
	SELECT pg_sleep(1.1);
	SELECT (mhub.ip_lookup('1.2.3.4')).country, (mhub.ip_lookup('9.9.9.9')).country;
	UPDATE mhub.ip_database SET path = '$dir/city32.mmdb' WHERE name = 'city';
	UPDATE mhub.ip_database SET enabled = true WHERE name = 'flat'}), "CN|\n\n|US", 'a new file is noticed by sessions that run');

# Removed
rename "$dir/flat.mmdb", "$dir/flat.old" or die $!;
my ($rc, $out, $warning) = $node->psql($db, "SELECT l::text FROM mhub.ip_lookup('9.9.9.9') AS l");
is($out, '(,,,,,)', 'a file that has gone is done without');
like($warning, qr/WARNING:.*could not use IP database.*flat\.mmdb/s, 'with a warning');
like($node->safe_psql($db, "SELECT status || hint FROM mhub.doctor_traffic() WHERE check_name = 'IP database flat'"), qr/^failPut the file/, 'the doctor says so');
rename "$dir/flat.old", "$dir/flat.mmdb" or die $!;

# Judging
$node->safe_psql($db, q{
	INSERT INTO mhub.source_host (host, category) VALUES ('spam.example', 'spam');
	UPDATE mhub.invalid_rule SET enabled = true WHERE position = 400;
});
my $human = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36';
my @judged = (
	[ '', "'$human'" ],
	[ 'bot_user_agent', "'curl/8.0'" ],
	[ 'prefetch', "'$human', context => '{\"purpose\": \"prefetch\"}'" ],
	[ 'test_visit', "'$human', url => 'https://example.com/?a=1&mhub_test=1'" ],
	[ 'test_visit', "'$human', properties => '{\"test\": true}'" ],
	[ 'internal_ip', "'$human', ip => '192.168.3.4'" ],
	[ 'spam_referrer', "'$human', referrer_host => 'www.spam.example'" ],
	[ 'spam_referrer', "'$human', referrer_host => '12.semalt.com'" ],
	[ 'datacentre_ip', "'$human', ip => '47.90.1.2'" ],
	[ '', "'$human', ip => '1.2.3.4'" ],
	[ '', 'NULL' ],
);
is($node->safe_psql($db, "SELECT mhub.invalid_reason($_->[1])"), $_->[0], "judged $_->[1]") for @judged;
$node->safe_psql($db, q{INSERT INTO mhub.invalid_rule (position, reason, user_agent) VALUES (50, NULL, '{*our own monitor*}')});
is($node->safe_psql($db, q{SELECT mhub.invalid_reason('Our Own Monitor/1.0 bot')}), '', 'an exception comes first');

# Judged anew when rules change, in batches, with the counters
$node->safe_psql($db, qq{
	INSERT INTO mhub.event (occurred_at, identifier_id, name, user_agent, url, invalid_reason)
	SELECT timestamptz '2024-03-01 00:00+00' + n * interval '1 minute', n % 10 + 1, 'Page Viewed', '$human', 'https://example.com/' || n,
	       CASE WHEN n = 7 THEN 'employee' WHEN n = 8 THEN 'bot_user_agent' END
	FROM generate_series(1, 1000) AS n;
	INSERT INTO mhub.event (occurred_at, identifier_id, name, user_agent)
	SELECT timestamptz '2024-03-01 05:00:00+00' + n * interval '0.05 seconds', 15, 'Page Viewed', '$human' FROM generate_series(1, 700) AS n;
	INSERT INTO mhub.invalid_rule (position, reason, url) VALUES (350, 'test_visit', '{https://example.com/5*}');
	CALL mhub.reclassify_events('2024-01-01', batch_size => 130);
});
sub reasons
{
	return $node->safe_psql($db, q{SELECT string_agg(reason || ' ' || n, ', ' ORDER BY reason)
		FROM (SELECT coalesce(invalid_reason, 'valid') AS reason, count(*) AS n FROM mhub.event GROUP BY 1) AS r});
}
is(reasons(), 'employee 1, rate 700, test_visit 111, valid 888', 'judged anew: a new rule, a reason taken back, a caller\'s kept, a rate');
$node->safe_psql($db, q{
	UPDATE mhub.invalid_rule SET enabled = false WHERE position IN (350, 900);
	CALL mhub.reclassify_events('2024-01-01', batch_size => 333);
});
is(reasons(), 'employee 1, valid 1699', 'disabled rules take their reasons back');
is($node->safe_psql($db, q{
	SELECT count(*) FROM mhub.event_counter AS c
	WHERE c.count <> (SELECT count(*) FROM mhub.event AS e WHERE e.identifier_id = c.identifier_id AND e.name = c.name
	                  AND e.invalid_reason IS NULL AND mhub.hub_day(e.occurred_at) = c.day)}), 0, 'the counters follow');

# Other channel rules for events that are there already
$node->safe_psql($db, q{
	INSERT INTO mhub.event (occurred_at, identifier_id, name, url, channel, source, medium, is_paid) VALUES
		('2024-02-01 08:10+00', 20, 'Page Viewed', 'https://example.com/?utm_source=zhihu&utm_medium=answer', 'Unassigned', 'zhihu', 'answer', false),
		('2024-02-01 08:20+00', 20, 'Page Viewed', 'https://example.com/?gclid=1', 'Paid Search', 'google', 'cpc', true),
		('2024-02-01 08:30+00', 20, 'Page Viewed', 'https://example.com/', NULL, NULL, NULL, NULL);
	CALL mhub.refresh_rollups();
	SELECT mhub.new_channel_rules('answers are ads');
	INSERT INTO mhub.channel_rule (version, position, channel, is_paid, medium) VALUES (2, 1, '知乎', true, '{answer}');
	SELECT mhub.use_channel_rules(2);
	CALL mhub.reassign_channels('2024-01-01', '2024-02-15', batch_size => 2);
});
is(decode_utf8($node->safe_psql($db, q{SELECT channel, is_paid FROM mhub.event WHERE identifier_id = 20 ORDER BY occurred_at})), "知乎|t\nPaid Search|t\n|",
	'events get the channel of the rules of now');
is(decode_utf8($node->safe_psql($db, q{SELECT channel, events FROM mhub.rollup_hour WHERE hour = '2024-02-01 08:00+00' ORDER BY channel COLLATE "C"})),
	"|1\nPaid Search|1\n知乎|1", 'and so do the rollups');
$node->safe_psql($db, q{DELETE FROM mhub.event WHERE identifier_id = 20; SELECT mhub.use_channel_rules(1)});

# Rates as events come
$node->safe_psql($db, qq{
	UPDATE mhub.invalid_rule SET enabled = true WHERE position = 900;
	CALL mhub.flag_rates();
});
is(reasons(), 'employee 1, rate 700, valid 999', 'rates are judged as events come');
$node->safe_psql($db, qq{
	INSERT INTO mhub.event (occurred_at, identifier_id, name) SELECT timestamptz '2024-03-02 05:00:30+00', 16, 'Page Viewed' FROM generate_series(1, 400);
	CALL mhub.flag_rates();
	INSERT INTO mhub.event (occurred_at, identifier_id, name) SELECT timestamptz '2024-03-02 05:00:40+00', 16, 'Page Viewed' FROM generate_series(1, 400);
	CALL mhub.flag_rates();
});
is(reasons(), 'employee 1, rate 1500, valid 999', 'a limit exceeded only by later events flags the earlier ones too');

# Collection judges by the same rules, and by the whole address although it keeps only the network.
$node->safe_psql($db, qq{
	SELECT mhub.track('Seen', '{"cookie": "a"}', '{}', '{"ip": "47.90.1.2", "userAgent": "$human"}', '2024-03-03 05:00+00', 'm1');
	SELECT mhub.track('Seen', '{"cookie": "a"}', '{}', '{"purpose": "prefetch", "userAgent": "$human"}', '2024-03-03 05:00+00', 'm2');
	SELECT mhub.track('Seen', '{"cookie": "a"}', '{}', '{"userAgent": "curl/8.4.0"}', '2024-03-03 05:00+00', 'm3');
	SELECT mhub.track('Seen', '{"cookie": "a"}', '{}', '{"ip": "1.2.3.4", "userAgent": "$human"}', '2024-03-03 05:00+00', 'm4');
	SELECT mhub.track('Proxied', '{"cookie": "a"}', '{}', '{"ip": "::ffff:47.90.1.2", "userAgent": "$human"}', '2024-03-03 05:00+00', 'p5');
	SELECT mhub.track('Proxied', '{"cookie": "a"}', '{}', '{"ip": "47.90.1.2:51234, 10.0.0.1", "userAgent": "$human"}', '2024-03-03 05:00+00', 'p6');
	SELECT mhub.track('Proxied', '{"cookie": "a"}', '{}', '{"ip": "[2001:db8::1]:443", "userAgent": "$human"}', '2024-03-03 05:00+00', 'p7');
	SELECT mhub.track('Proxied', '{"cookie": "a"}', '{}', '{"ip": "[2001:db8::1", "userAgent": "$human"}', '2024-03-03 05:00+00', 'p8');
});
is($node->safe_psql($db, q{SELECT string_agg(coalesce(invalid_reason, 'valid'), ' ' ORDER BY message_id) FROM mhub.event WHERE name = 'Seen'}),
	'datacentre_ip prefetch bot_user_agent valid', 'collected events are judged');
is($node->safe_psql($db, q{SELECT string_agg(concat_ws(' ', coalesce(invalid_reason, 'valid'), ip), ', ' ORDER BY message_id) FROM mhub.event WHERE name = 'Proxied'}),
	'datacentre_ip 47.90.1.0/24, datacentre_ip 47.90.1.0/24, valid 2001:db8::/48, valid', 'however proxies write the address');

# What was judged by things that are kept shortened, or scrubbed in time, is not taken back because they are gone.
sub seen
{
	my ($change) = @_;
	$node->safe_psql($db, "$change; CALL mhub.reclassify_events('2024-03-03')");
	return $node->safe_psql($db, q{SELECT string_agg(coalesce(invalid_reason, 'valid'), ' ' ORDER BY message_id) FROM mhub.event WHERE name = 'Seen'});
}
$node->safe_psql($db, qq{
	INSERT INTO mhub.invalid_rule (position, reason, network) VALUES (401, 'internal_ip', '{203.0.113.77/32,2001:db8::7/128}');
	SELECT mhub.track('Seen', '{"cookie": "b"}', '{}', '{"ip": "203.0.113.77", "userAgent": "$human"}', '2024-03-03 05:00+00', 'm5');
	SELECT mhub.track('Seen', '{"cookie": "b"}', '{}', '{"ip": "2001:db8::7", "userAgent": "$human"}', '2024-03-03 05:00+00', 'm6');
	SELECT mhub.track('Seen', '{"cookie": "b"}', '{}', '{"ip": "203.0.113.78", "userAgent": "$human"}', '2024-03-03 05:00+00', 'm7');
	SELECT mhub.track('Seen', '{"cookie": "b"}', '{"test": true}', '{"userAgent": "$human"}', '2024-03-03 05:00+00', 'm8')});
my $all = 'datacentre_ip prefetch bot_user_agent valid internal_ip internal_ip valid test_visit';
is(seen('SELECT'), $all, 'addresses kept as networks');
is(seen(q{UPDATE mhub.event SET user_agent = NULL, ip = NULL WHERE name = 'Seen'}), $all, 'user agents and addresses scrubbed');
is(seen(q{UPDATE mhub.event SET properties = '{}', context = '{}' WHERE name = 'Seen'}), $all, 'everything scrubbed, as by an erasure');
is(seen('UPDATE mhub.invalid_rule SET enabled = false WHERE max_events IS NULL'), join(' ', ('valid') x 8), 'a rule that is off takes its reason back all the same');

# Only networks are kept, and rules about parts of them go on as they were: without a change of rules nothing changes, and what
# follows the reasons agrees with them after judging, also where judging was interrupted.
$node->safe_psql($db, qq{
	UPDATE mhub.invalid_rule SET enabled = true WHERE position BETWEEN 50 AND 601 AND position <> 350;
	UPDATE mhub.invalid_rule SET network = '{203.0.113.7/32,2001:db8:1:2::5/128,10.0.0.0/8}' WHERE position = 400;
	INSERT INTO mhub.invalid_rule (position, reason, network) VALUES (51, NULL, '{203.0.113.200/32}'), (601, 'datacentre_ip', '{192.0.2.0/26}');
	SELECT count(mhub.page('Kept', jsonb_build_object('anonymous_id', 'k' || n % 7), jsonb_build_object('url', 'https://example.com/' || n % 9, 'referrer', ref),
		context || jsonb_strip_nulls(jsonb_build_object('ip', ip, 'userAgent', ua)), '2024-04-01 00:00+00'::timestamptz + n * interval '7 minutes', 'k' || n))
	FROM (SELECT (row_number() OVER ())::int AS n, *
	      FROM unnest('{203.0.113.7,203.0.113.8,203.0.113.200,2001:db8:1:2::5,2001:db8:1:3::5,192.0.2.10,192.0.2.100,10.1.2.3,47.90.1.2,1.2.3.4,NULL}'::text[]) AS ip
	      CROSS JOIN unnest(ARRAY['$human', 'curl/8.0', NULL]) AS ua
	      CROSS JOIN unnest('{https://www.spam.example/,https://www.baidu.com/,NULL}'::text[]) AS ref
	      CROSS JOIN unnest(ARRAY['{}', '{"purpose": "prefetch"}', '{"sec-purpose": "prefetch;prerender"}']::jsonb[]) AS context) AS v;
	CALL mhub.refresh_rollups();
	CALL mhub.refresh_sessions();
	CREATE TABLE public.judged AS SELECT event_id, invalid_reason FROM mhub.event WHERE message_id ~ '^k';
	CREATE TABLE public.made AS SELECT to_jsonb(s) - 'session_id' AS session FROM mhub.session AS s WHERE started_at >= '2024-04-01';
	CREATE VIEW public.disagreement AS
	SELECT (SELECT count(*) FROM mhub.event_counter AS c
	        FULL JOIN (SELECT identifier_id, name, mhub.hub_day(occurred_at) AS day, count(*) FROM mhub.event WHERE invalid_reason IS NULL AND occurred_at >= '2024-04-01' GROUP BY 1, 2, 3) AS e USING (identifier_id, name, day)
	        WHERE day >= '2024-04-01' AND c.count IS DISTINCT FROM e.count) AS counters,
	       (SELECT count(*) FROM (SELECT hour, channel, sum(events) AS events FROM mhub.rollup_hour GROUP BY 1, 2) AS r
	        FULL JOIN (SELECT date_trunc('hour', occurred_at, 'UTC') AS hour, coalesce(channel, '') AS channel, count(*) AS events FROM mhub.event WHERE invalid_reason IS NULL AND occurred_at >= '2024-04-01' GROUP BY 1, 2) AS e USING (hour, channel)
	        WHERE hour >= '2024-04-01' AND r.events IS DISTINCT FROM e.events) AS rollups;
	CALL mhub.reclassify_events('2024-01-01', batch_size => 77);
	CALL mhub.refresh_sessions();
});
is($node->safe_psql($db, q{SELECT count(*) FROM mhub.event AS e JOIN public.judged AS j USING (event_id) WHERE e.invalid_reason IS DISTINCT FROM j.invalid_reason}), 0,
	'judged anew by the same rules nothing changes, though only networks are known');
is($node->safe_psql($db, q{SELECT count(*) FROM (TABLE public.made EXCEPT ALL SELECT to_jsonb(s) - 'session_id' FROM mhub.session AS s) AS gone}), 0, 'nor do sessions');
is($node->safe_psql($db, q{SELECT string_agg(DISTINCT coalesce(e.invalid_reason, 'valid'), ' ') FROM mhub.event AS e WHERE e.message_id ~ '^k' AND e.ip <<= '203.0.113.0/24' AND e.user_agent IS NULL AND e.referrer_host IS NULL AND e.context = '{}'}),
	'internal_ip valid', 'an office is told from its neighbours by what was known when they came');
my $robots = $node->safe_psql($db, q{SELECT count(*) FROM mhub.event WHERE invalid_reason = 'bot_user_agent'});
$node->psql($db, q{
	CREATE FUNCTION public.stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'stopped'; END $$;
	CREATE TRIGGER stop BEFORE UPDATE ON mhub.event FOR EACH ROW WHEN (old.message_id = 'k200') EXECUTE FUNCTION public.stop();
	UPDATE mhub.invalid_rule SET enabled = position NOT IN (100, 200, 201) WHERE max_events IS NULL;
	CALL mhub.reclassify_events('2024-01-01', batch_size => 20);
});
my $left = $node->safe_psql($db, q{SELECT count(*) FROM mhub.event WHERE invalid_reason = 'bot_user_agent'});
ok(0 < $left && $left < $robots, "stopped in between: $left of $robots");
is($node->safe_psql($db, 'SELECT * FROM public.disagreement'), '0|0', 'interrupted, what was judged so far is counted');
$node->safe_psql($db, 'DROP TRIGGER stop ON mhub.event');
$node->safe_psql($db, q{CALL mhub.reclassify_events('2024-01-01', batch_size => 20)});
is($node->safe_psql($db, 'SELECT * FROM public.disagreement'), '0|0', 'called again it goes on');
is($node->safe_psql($db, q{SELECT count(*) FROM mhub.event WHERE invalid_reason = 'bot_user_agent'}), 0, 'a disabled rule takes all its reasons back');

done_testing();
