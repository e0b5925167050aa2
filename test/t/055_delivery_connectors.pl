# Connectors: events and conversions out to subscribers, in order for each person; spend in, day by day and page by page.
use strict;
use warnings;
use utf8;
use DeliveryServer;
use IPC::Run;
use JSON::PP;
use Mhub;
use Test::More;

my $node = mhub_node('connectors', 'mhub.key_file' => key_file(), 'mhub.allowed_networks' => '127.0.0.0/8');
my $db = hub_database($node, 'connectors');
my $server = start_server('http_server.py');
my $base = "http://127.0.0.1:$server->{port}";
sub sql { my ($text) = @_; utf8::encode($text); my $result = $node->safe_psql($db, $text); utf8::decode($result); return $result; }
sub pump { sql('CALL mhub.feed_webhooks()'); sql("CALL mhub.deliver_messages('20 s')"); return; }
sub bodies { return map { my $b = $_->{body}; utf8::encode($b); decode_json($b) } requests_of($server); }

sql(qq{SELECT mhub.create_provider('crm', 'webhook', '{"url": "$base/once/503"}', jsonb_build_object('signing_key', mhub.new_signing_key()));
	UPDATE mhub.provider SET retry_base = '50 ms', retry_max = '50 ms', breaker_failures = 1000 WHERE name = 'crm';
	SELECT mhub.track('Before', '{"user_id": "u0"}');
	SELECT mhub.subscribe_webhook('orders', 'crm', ARRAY['Order Completed', 'Order Cancelled'], true, '{"shop": "上海"}')});

# Ten events each of twenty persons; every first attempt fails, and still each person's come in order.
sql(q{SELECT mhub.track('Order Completed', jsonb_build_object('user_id', 'u' || p), jsonb_build_object('shop', '上海', 'n', n, 'order_id', format('%s-%s', p, n), 'revenue', 10))
	FROM generate_series(1, 10) AS n, generate_series(1, 20) AS p;
	SELECT mhub.track('Order Completed', '{"user_id": "u1"}', '{"shop": "北京"}');
	SELECT mhub.track('Page Seen', '{"user_id": "u1"}', '{"shop": "上海"}')});
for (1 .. 200)
{
	pump();
	last if sql('SELECT count(*) FROM mhub.message WHERE pending') == 0;
}
is(sql('SELECT state || count(*) FROM mhub.message GROUP BY state'), 'sent200', 'what was subscribed to is sent, and nothing else');
my (%order, %attempts, %person);
for my $request (requests_of($server))
{
	my $body = $request->{body};
	utf8::encode($body);
	my $event = decode_json($body);
	$attempts{ $request->{key} }++;
	push @{ $order{ $event->{data}{person_id} } }, $event->{data}{properties}{n} if $request->{attempt} == 2;
	$person{ $event->{data}{properties}{order_id} } = $event;
}
is(scalar(grep { $_ != 2 } values %attempts), 0, 'each in two attempts');
is(scalar keys %order, 20, 'of twenty persons');
is(scalar(grep { "@$_" ne '1 2 3 4 5 6 7 8 9 10' } values %order), 0, 'in order for each');
my ($event) = (bodies())[0];
is($event->{type}, 'Order Completed', 'type');
like($event->{timestamp}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'timestamp');
is($event->{data}{properties}{shop}, '上海', 'data');
like((requests_of($server))[0]{key}, qr/^sub_orders_event_\d+$/, 'the id is the event\'s');
pump();
is(scalar requests_of($server), 400, 'nothing is queued twice');

# Again from the log, with the same ids.
forget_requests($server);
is(sql("SELECT mhub.replay_webhook('orders', now() - interval '1 hour', now() + interval '1 s')"), 200, 'replay');
sql("UPDATE mhub.provider SET parameters = '{\"url\": \"$base/ok\"}' WHERE name = 'crm'");
pump() while sql('SELECT count(*) FROM mhub.message WHERE pending') > 0;
is(scalar(grep { exists $attempts{ $_->{key} } } requests_of($server)), 200, 'the same ids go out again');
is(sql("SELECT mhub.replay_webhook('orders', now() + interval '1 hour')"), 0, 'a span with nothing');

# Conversions, in the transaction that finds them.
forget_requests($server);
sql(q{INSERT INTO mhub.goal (key, event_name) VALUES ('order', 'Order Completed')});
sql('CALL mhub.refresh_attribution()');
pump() while sql('SELECT count(*) FROM mhub.message WHERE pending') > 0;
my @conversions = grep { $_->{type} eq 'conversion' } bodies();
is(scalar @conversions, sql('SELECT count(*) FROM mhub.conversion'), 'every conversion is told');
cmp_ok(scalar @conversions, '>', 100, 'and there are some');
is($conversions[0]{data}{goal}, 'order', 'with its goal');

# Segments and goals with conditions: who comes and goes, and what counts, signed and in order for each person.
forget_requests($server);
sql(qq{SELECT mhub.create_provider('erp', 'webhook', '{"url": "$base/once/503"}', '{"signing_key": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}');
	UPDATE mhub.provider SET retry_base = '20 ms', retry_max = '20 ms', breaker_failures = 1000 WHERE name = 'erp';
	UPDATE mhub.webhook_subscription SET active = false;
	INSERT INTO mhub.segment (key, condition) VALUES ('大客户', 'did(''Paid'', at least 2 times) and not vip = false'), ('other', 'did(''Paid'')');
	INSERT INTO mhub.goal (key, event_name, filter) VALUES ('large order', 'Paid', 'shop = ''上海'' and total >= 100')});
sql('CALL mhub.refresh_segments(); CALL mhub.refresh_attribution(); CALL mhub.feed_webhooks()');
sql(q{SELECT mhub.subscribe_webhook('大客户', 'erp', ARRAY['Segment Entered', 'Segment Left'], true, '{"segment": "大客户"}')});
for my $round (['true', 2], ['false', 1], ['true', 1])
{
	my ($vip, $payments) = @$round;
	sql(qq{SELECT mhub.identify(jsonb_build_object('user_id', 'v' || p), '{"vip": $vip}') FROM generate_series(1, 15) AS p;
		SELECT mhub.track('Paid', jsonb_build_object('user_id', 'v' || p), jsonb_build_object('shop', CASE WHEN p <= 5 THEN '上海' ELSE '北京' END, 'total', 60 * n + p))
		FROM generate_series(1, $payments) AS n, generate_series(1, 15) AS p});
	sql('CALL mhub.refresh_segments(); CALL mhub.refresh_attribution()');
}
for (1 .. 200)
{
	pump();
	last if sql('SELECT count(*) FROM mhub.message WHERE pending') == 0;
}
my (%came_and_went, %goals);
for my $request (grep { $_->{attempt} == 2 } requests_of($server))
{
	my $body = $request->{body};
	utf8::encode($body);
	my $event = decode_json($body);
	push @{ $came_and_went{ $event->{data}{person_id} } }, $event->{type} if $event->{type} =~ /^Segment/;
	$goals{ $event->{data}{goal} }++ if $event->{type} eq 'conversion';
}
like((requests_of($server))[0]{key}, qr/^sub__-[0-9a-f]{8}_(event|conversion)_\d+$/, 'an id that headers can carry');
is(scalar keys %came_and_went, 15, 'fifteen come to the segment and leave it');
is(scalar(grep { "@$_" ne 'Segment Entered Segment Left Segment Entered' } values %came_and_went), 0, 'and come again: told in this order');
is_deeply(\%goals, { 'large order' => 5, (map { $_ => $goals{$_} } grep { $_ ne 'large order' } keys %goals) }, 'the goal counts what its condition says');
is(scalar(grep { my $b = $_->{body}; $b =~ s/'/''/g; sql("SELECT mhub.verify_webhook('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', '" . encode_json($_->{headers}) . "', '$b')") ne 't' } (requests_of($server))[ 0 .. 9 ]), 0, 'signed');
my %before = map { $_->{key} => $_->{body} } requests_of($server);
forget_requests($server);
is(sql("SELECT mhub.replay_webhook('大客户', now() - interval '1 hour', now() + interval '1 s')"), scalar keys %before, 'replayed');
sql("UPDATE mhub.provider SET parameters = '{\"url\": \"$base/ok\"}' WHERE name = 'erp'");
pump() while sql('SELECT count(*) FROM mhub.message WHERE pending') > 0;
is(scalar(grep { $before{ $_->{key} } eq $_->{body} } requests_of($server)), scalar keys %before, 'the very same');

# Spend: three days up to yesterday, three pages each.
sql(qq{INSERT INTO mhub.delivery_channel (channel) VALUES ('unused');
	INSERT INTO mhub.provider (name, channel, kind, method, url, signer) VALUES ('ads', 'cost', 'http', 'GET', '$base/costs/3?day={{data.day}}&page={{data.page}}', 'bearer');
	SELECT mhub.set_provider_secret('ads', 'token', 'geheim');
	INSERT INTO mhub.cost_source (name, provider, rows_path, next_path, mapping, defaults, next_day, look_back)
	VALUES ('baidu', 'ads', '\$.data.list[*]', '\$.data.more', '{"day": "stat_date", "campaign": "plan", "amount": "spend", "clicks": "clk"}', '{"currency": "CNY"}', mhub.hub_day(now()) - 3, 1)});
forget_requests($server);
sql('CALL mhub.fetch_costs()');
is(sql('SELECT count(*) || \' \' || sum(amount) || \' \' || count(DISTINCT day) || \' \' || min(platform) || min(currency) FROM mhub.cost'), '18 3618.00 3 baiduCNY', 'all pages of all days');
is((requests_of($server))[0]{headers}{authorization}, 'Bearer geheim', 'with the sealed token');
is(scalar requests_of($server), 9, 'nine requests');
is(sql("SELECT next_day = mhub.hub_day(now()) - 2 AND not_before > now() + interval '5 h' AND entries = '[]' FROM mhub.cost_source"), 't', 'then it looks back, later');
sql('CALL mhub.fetch_costs()');
is(scalar requests_of($server), 9, 'not before its time');
sql("UPDATE mhub.cost_source SET not_before = now()");
sql('CALL mhub.fetch_costs()');
is(sql('SELECT count(*) || \' \' || sum(amount) FROM mhub.cost'), '18 3618.00', 'loading a day again changes nothing');

# A page fails in the middle of a day: nothing of the day is imported; the next round goes on with that page.
sql(qq{UPDATE mhub.provider SET url = '$base/costs/3?day={{data.day}}&page={{data.page}}&fail=2&again=1' WHERE name = 'ads';
	INSERT INTO mhub.cost_source (name, provider, rows_path, next_path, mapping, defaults, next_day)
	VALUES ('resumed', 'ads', '\$.data.list[*]', '\$.data.more', '{"day": "stat_date", "campaign": "plan", "amount": "spend", "clicks": "clk"}', '{"currency": "CNY"}', mhub.hub_day(now()) - 9);
	UPDATE mhub.cost_source SET active = (name = 'resumed')});
my $pages = sub { join ' ', map { $_->{target} =~ /page=(\d)/ } requests_of($server) };
forget_requests($server);
sql('CALL mhub.fetch_costs()');
is($pages->(), '1 2', 'the second page fails');
is(sql("SELECT (SELECT count(*) FROM mhub.cost WHERE platform = 'resumed') || ' ' || page || ' ' || jsonb_array_length(entries) || ' ' || last_error FROM mhub.cost_source WHERE name = 'resumed'"), '0 2 2 http_500', 'no half day');
forget_requests($server);
sql("UPDATE mhub.cost_source SET not_before = now(), active = (name = 'resumed') AND next_day = next_day; UPDATE mhub.cost_source SET look_back = 0");
sql('CALL mhub.fetch_costs()');
like($pages->(), qr/^2 3 1 2$/, 'it goes on there, up to the next failure');
is(sql("SELECT count(*) || ' ' || sum(amount) || ' ' || count(DISTINCT day) FROM mhub.cost WHERE platform = 'resumed'"), '6 1206.00 1', 'the day is complete, each row once');
# Another day is asked for while pages of this one are at hand: they are not mixed.
sql("UPDATE mhub.cost_source SET next_day = mhub.hub_day(now()) - 5, not_before = now() WHERE name = 'resumed'");
forget_requests($server);
sql('CALL mhub.fetch_costs()');
is($pages->(), '1 2', 'from its first page');
# A page that keeps failing: the day begins anew, as its cursor may be no good any more.
sql("UPDATE mhub.cost_source SET failures = 2, page = 9, not_before = now() WHERE name = 'resumed'; UPDATE mhub.provider SET url = '$base/status/404' WHERE name = 'ads'");
sql('CALL mhub.fetch_costs()');
sql("UPDATE mhub.cost_source SET not_before = now() WHERE name = 'resumed'; UPDATE mhub.provider SET url = '$base/costs/3?day={{data.day}}&page={{data.page}}' WHERE name = 'ads'");
forget_requests($server);
sql('CALL mhub.fetch_costs()');
is($pages->(), join(' ', ('1 2 3') x 5), 'then all days up to yesterday');
is(sql("SELECT count(*) || ' ' || sum(amount) || ' ' || count(DISTINCT day) FROM mhub.cost WHERE platform = 'resumed'"), '36 7236.00 6', 'complete');
# Two fetch at a time: no page is fetched twice. What the platform has taken back goes.
sql("UPDATE mhub.cost_source SET next_day = mhub.hub_day(now()) - 5, not_before = now() WHERE name = 'resumed'; UPDATE mhub.provider SET url = '$base/costs/1?day={{data.day}}&page={{data.page}}&only=' || '%E8%AE%A1%E5%88%923' WHERE name = 'ads'");
forget_requests($server);
my @fetching = map { my ($in, $said) = ('', ''); IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr($db), '-c', 'CALL mhub.fetch_costs()' ], '<', \$in, '>', \$said) } 1, 2;
$_->finish for @fetching;
sql('CALL mhub.fetch_costs()');
is(scalar requests_of($server), 5, 'five days, one page each, once each');
is(sql("SELECT count(*) || ' ' || sum(amount) FROM mhub.cost WHERE platform = 'resumed' AND day >= mhub.hub_day(now()) - 5"), '5 507.50', 'only what is reported now');
is(sql("SELECT count(*) FROM mhub.cost WHERE platform = 'baidu'"), 18, 'other platforms are left alone');
sql("UPDATE mhub.cost_source SET active = true");

# What goes wrong is noted and tried again later; another source is not held up.
sql(qq{UPDATE mhub.provider SET url = '$base/status/500' WHERE name = 'ads'; UPDATE mhub.cost_source SET not_before = now() - interval '1 h';
	INSERT INTO mhub.provider (name, channel, kind, method, url) VALUES ('odd', 'cost', 'http', 'GET', '$base/status/200?body=nonsense'), ('long', 'cost', 'http', 'GET', '$base/huge'), ('good', 'cost', 'http', 'GET', '$base/costs/1?day={{data.day}}&page={{data.page}}');
	INSERT INTO mhub.cost_source (name, provider, rows_path, mapping, defaults, next_day) SELECT p, p, '\$.data.list[*]', '{"day": "stat_date", "campaign": "plan", "amount": "spend"}', '{"currency": "CNY"}', mhub.hub_day(now()) - 1 FROM unnest(ARRAY['odd', 'long', 'good']) AS p});
sql('CALL mhub.fetch_costs()');
is(sql("SELECT string_agg(concat_ws(':', name, failures, last_error), ' ' ORDER BY name) FROM mhub.cost_source WHERE name <> 'resumed'"), 'baidu:1:http_500 good:0 long:1:answer is too long odd:1:invalid input syntax for type json', 'failures are noted');
is(sql("SELECT count(*) FROM mhub.cost WHERE platform = 'good'"), 2, 'the good one is loaded');
is(sql("SELECT count(*) FROM mhub.cost_source WHERE name <> 'resumed' AND failures > 0 AND not_before > now() + interval '30 s'"), 3, 'the others wait');
my ($code, $out, $err) = $node->psql($db, 'BEGIN; CALL mhub.fetch_costs()');
like($err, qr/mhub.fetch_costs\(\) cannot run inside a transaction block/, 'not inside a transaction block');

stop_server($server);
$node->stop;
done_testing();
