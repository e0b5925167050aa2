# The delivery engine against a server that misbehaves in every way the network knows.
use strict;
use warnings;
use DeliveryServer;
use JSON::PP;
use Mhub;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time sleep);

my $node = mhub_node('delivery', 'mhub.key_file' => key_file(), 'mhub.allowed_networks' => '127.0.0.0/8',
	log_statement => 'none');
my $db = hub_database($node, 'delivery');
my $server = start_server('http_server.py');
my ($authority, @certificate) = test_authority('127.0.0.1');
my $tls_server = start_server('http_server.py', @certificate);
my $base = "http://127.0.0.1:$server->{port}";

sub sql { return $node->safe_psql($db, $_[0]); }

# A channel with a single webhook provider, both called $name, that goes to $path; further columns as text.
sub provider
{
	my ($name, $path, %columns) = @_;
	my $channel = delete $columns{channel} // $name;
	$columns{kind} //= 'webhook';
	my @names = sort keys %columns;
	sql("INSERT INTO mhub.delivery_channel (channel, consent_required) VALUES ('$channel', false) ON CONFLICT DO NOTHING");
	sql("INSERT INTO mhub.provider (name, channel, url" . join('', map { ", $_" } @names)
		  . ") VALUES ('$name', '$channel', '" . ($path =~ /^http/ ? $path : "$base$path") . "'"
		  . join('', map { ", '$columns{$_}'" } @names) . ')');
	sql("SELECT mhub.set_provider_secret('$name', 'signing_key', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')");
	return;
}

sub queue
{
	my ($channel, $count) = @_;
	sql("INSERT INTO mhub.message (channel, data) SELECT '$channel', jsonb_build_object('n', n, 'name', '李雷') FROM generate_series(1, $count) AS n");
	return;
}

sub deliver { sql("CALL mhub.deliver_messages('" . ($_[0] // '20 s') . "')"); return; }

# state:reason:count, sorted
sub states
{
	my ($channel) = @_;
	return sql("SELECT string_agg(s, ' ' ORDER BY s) FROM (SELECT concat_ws(':', state, reason, count(*)) AS s FROM mhub.message WHERE channel = '$channel' GROUP BY state, reason) AS x");
}

sub duplicates
{
	my %seen;
	$seen{ $_->{key} }++ for requests_of($server);
	return grep { $_ > 1 } values %seen;
}

# Standard Webhooks vectors, and cases that must not verify.
SKIP:
{
	my $file = shared_data('workflow/standard_webhooks_vectors.json') or skip 'no vectors', 1;
	my $vectors = decode_json(do { local (@ARGV, $/) = ($file); <> });
	for my $v (@{ $vectors->{sign} })
	{
		(my $payload = $v->{payload}) =~ s/'/''/g;
		utf8::encode($payload);
		is(sql("SELECT mhub.sign_webhook('$v->{secret}', '$v->{id}', to_timestamp($v->{timestamp}), '$payload')"), $v->{signature}, "vector $v->{signature}");
	}
	my $v = $vectors->{sign}[0];
	my $verify = sub {
		my ($headers, %with) = @_;
		my $secret = $with{secret} // $v->{secret};
		my $at = $v->{timestamp} + ($with{after} // 0);
		return sql("SELECT mhub.verify_webhook('$secret', '" . encode_json($headers) . "', '$v->{payload}', to_timestamp($at))");
	};
	my %good = ('webhook-id' => $v->{id}, 'webhook-timestamp' => "$v->{timestamp}", 'webhook-signature' => $v->{signature});
	my $other = 'v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=';
	is($verify->(\%good), 't', 'valid');
	is($verify->({ %good, 'webhook-signature' => "$other v2,x $v->{signature} $other" }), 't', 'one of several is right');
	is($verify->({ %good, 'webhook-signature' => $other }), 'f', 'wrong signature');
	is($verify->({ %good, 'webhook-signature' => substr($v->{signature}, 0, 8) }), 'f', 'cut signature');
	is($verify->({ %good, 'webhook-signature' => 'v1,' }), 'f', 'empty signature');
	is($verify->({ %good, 'webhook-signature' => 'v1,dawfeoifkpqwoekfpqoekf' }), 'f', 'nonsense for a signature');
	is($verify->({ %good, 'webhook-timestamp' => 'hello' }), 'f', 'timestamp hello');
	is($verify->(\%good, after => 301), 'f', 'too old');
	is($verify->(\%good, after => -301), 'f', 'too new');
	is($verify->(\%good, after => 299), 't', 'old but within the tolerance');
	is($verify->(\%good, secret => $_), 'f', "secret '$_'") for '', 'whsec_';
	for my $missing (sort keys %good)
	{
		my %headers = %good;
		delete $headers{$missing};
		is($verify->(\%headers), 'f', "$missing is missing");
	}
}

# The address guard.  The list's own port (4750) stands for our denied addresses.
SKIP:
{
	my $file = shared_data('workflow/ssrf_addresses.json') or skip 'no address list', 1;
	my $rows = decode_json(do { local (@ARGV, $/) = ($file); <> })->{rows};
	my $lists = "SET mhub.allowed_networks = '8.8.9.0/24, 10.0.1.0/24, 172.16.1.0/24, 192.168.1.0/24, 127.0.1.0/24, 10.0.0.1:321';"
	  . "SET mhub.denied_networks = '1.1.1.1/32, 8.8.8.8:321, 192.168.1.100:4750, 127.0.0.1:4750, [::1]:4750';";
	for my $row (@$rows)
	{
		my $expected = $row->{smokescreen} =~ /^ipAllow/ ? 'allowed' : 'refused';
		is(sql("$lists SELECT CASE WHEN mhub.address_refusal('$row->{ip}', $row->{port}) IS NULL THEN 'allowed' ELSE 'refused' END"),
			$expected, "$row->{ip} port $row->{port}: $row->{smokescreen}");
		is(sql("SET mhub.allowed_networks = ''; SELECT mhub.address_refusal('$row->{ip}', 443) IS NULL"),
			$row->{smokescreen} =~ /^ipDeny(?!User)/ || $row->{ip} =~ /^(10|127|172|192)\./ ? 'f' : 't', "$row->{ip} without any lists");
	}
}
is(sql("SELECT string_agg(a, ' ') FROM unnest(ARRAY['::ffff:8.8.8.8', '::ffff:127.0.0.1', '::', 'fe80::1', 'fd00::1', '0.0.0.0', '224.0.0.1']) AS a WHERE mhub.address_refusal(a::inet) IS NULL"), '', 'further special addresses are refused');
for my $bad ('10.0.0.0/33', 'example.com', '10.0.0.1:x', '[::1', '::1/129', '1.2.3.4:99999')
{
	my ($code) = $node->psql($db, "SELECT mhub.version(); SET mhub.allowed_networks = '$bad'");
	isnt($code, 0, "mhub.allowed_networks does not take $bad");
}

# The plain case: every message once, signed, with what the row says.
provider('ok', '/status/200?n={{n}}&name={{name}}', concurrency => 32);
queue('ok', 3000);
deliver();
is(states('ok'), 'sent:3000', '3,000 messages are sent');
my @requests = requests_of($server);
is(scalar @requests, 3000, 'in 3,000 requests');
is(scalar duplicates(), 0, 'none twice');
is(sql("SELECT mhub.verify_webhook('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', '" . encode_json($requests[7]{headers}) . "', '" . do { my $b = $requests[7]{body}; utf8::encode($b); $b } . "')"), 't', 'the signature verifies');
like($requests[0]{target}, qr/^\/status\/200\?n=\d+&name=%E6%9D%8E%E9%9B%B7$/, 'values in the URL are escaped');
is(sql("SELECT count(*) FROM mhub.message WHERE channel = 'ok' AND sent_by = 'ok' AND sent_at IS NOT NULL AND attempts = 1 AND response_code = 200 AND NOT pending AND latency_ms IS NOT NULL"), 3000, 'fully recorded');
is(sql('SELECT count(*) FROM mhub.message_queue'), 0, 'and out of the queue');

# Every way to fail, each on a channel of its own and all at once; the good channel among them is not delayed.
my %modes = (
	s500 => ['/status/500', 'deferred:http_500:2'],
	s404 => ['/status/404', 'failed:http_404:2'],
	s302 => ['/redirect', 'failed:http_302:2'],
	s401 => ['/status/401', 'deferred:http_401:2'],
	s429 => ['/status/429?retry=7', undef],
	hang => ['/hang', 'deferred:timeout:2'],
	reset => ['/reset', qr/^deferred:(connection_lost|empty_answer):2$/],
	garbage => ['/garbage', 'deferred:bad_answer:2'],
	huge => ['/huge', 'sent:2'],
	closed => ['http://127.0.0.1:9/', 'deferred:connect:2'],
	inside => ['http://10.255.0.1/', 'failed:address_refused:2'],
	noname => ['http://no-such-host.invalid/', 'deferred:resolve:2'],
	scheme => ['file:///etc/passwd', 'failed:bad_url:2'],
	spaces => ['/a b', 'failed:bad_url:2'],
	tls => ["https://127.0.0.1:$tls_server->{port}/", 'deferred:tls:2'],
	fine => ['/status/204', 'sent:2'],
);
provider($_, ref $modes{$_} && $modes{$_}[0] =~ /^file/ ? 'http://x' : $modes{$_}[0], timeout => '1 s') for sort keys %modes;
sql("UPDATE mhub.provider SET url = 'file:///etc/passwd' WHERE name = 'scheme'");
queue($_, 2) for sort keys %modes;
my $start = time;
deliver();
cmp_ok(time - $start, '<', 6, 'all failures together take no longer than one time-out');
for my $mode (sort keys %modes)
{
	my $expected = $modes{$mode}[1] or next;
	ref $expected ? like(states($mode), $expected, $mode) : is(states($mode), $expected, $mode);
}
is(sql("SELECT bool_and(not_before BETWEEN now() AND now() + interval '30 s') FROM mhub.message WHERE channel = 's500'"), 't', 'a repetition is due within retry_base');
like(states('s429'), qr/deferred:http_429:/, 'throttled');
is(sql("SELECT pause_reason || (paused_until BETWEEN now() + interval '2 s' AND now() + interval '7 s') FROM mhub.provider_state WHERE provider = 's429'"), 'throttledtrue', 'Retry-After pauses the provider');
# Retry-After may also be a date (RFC 9110).
{
	my @t = gmtime(time + 120);
	my $date = sprintf '%s, %02d %s %d %02d:%02d:%02d GMT', (qw(Sun Mon Tue Wed Thu Fri Sat))[ $t[6] ], $t[3], (qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec))[ $t[4] ], $t[5] + 1900, @t[ 2, 1, 0 ];
	$date =~ s/ /%20/g;
	provider('dated', "/status/503?retry=$date");
	queue('dated', 1);
	deliver();
	like(states('dated'), qr/^deferred:http_503:1$/, 'unavailable until a date');
	is(sql("SELECT pause_reason || (paused_until BETWEEN now() + interval '90 s' AND now() + interval '121 s') FROM mhub.provider_state WHERE provider = 'dated'"), 'throttledtrue', 'pauses the provider until then');
	is(sql("SELECT not_before BETWEEN now() + interval '90 s' AND now() + interval '121 s' FROM mhub.message WHERE channel = 'dated'"), 't', 'and the message');
}
is(sql("SELECT count(*) FROM mhub.delivery_failure AS f JOIN mhub.message AS m USING (message_id) WHERE m.channel = 's500' AND f.response_code = 500 AND f.answer = '{}'"), 2, 'failures are kept with the answer');

# 410 switches the provider off.
provider('gone', '/status/410');
queue('gone', 3);
deliver();
is(sql("SELECT active FROM mhub.provider WHERE name = 'gone'"), 'f', '410 switches the provider off');
like(states('gone'), qr/^failed:http_410:\d/, 'and fails the message');

# A message that fails first is sent later, under the same id.
provider('once', '/once/503', retry_base => '100 ms', breaker_failures => 100);
queue('once', 20);
forget_requests($server);
deliver();
sleep 0.2;
deliver();
is(states('once'), 'sent:20', 'repetitions succeed');
my %attempts;
push @{ $attempts{ $_->{key} } }, $_->{attempt} for requests_of($server);
is(scalar(grep { "@$_" eq '1 2' } values %attempts), 20, 'each with one key in two attempts');

# Giving up, and starting again by hand.
provider('dead', '/status/500', max_attempts => 2, retry_base => '10 ms');
queue('dead', 1);
deliver(); sleep 0.1; deliver(); sleep 0.1; deliver();
is(states('dead'), 'dead:http_500:1', 'dead after max_attempts');
is(sql("SELECT count(*) FROM mhub.delivery_failure AS f JOIN mhub.message AS m USING (message_id) WHERE m.channel = 'dead'"), 2, 'after two attempts');
sql("UPDATE mhub.provider SET url = '$base/status/200' WHERE name = 'dead'; SELECT mhub.retry_message(message_id) FROM mhub.message WHERE channel = 'dead'");
deliver();
is(states('dead'), 'sent:1', 'retry_message revives it');
sql("INSERT INTO mhub.message (channel, not_before) VALUES ('ok', now() - interval '4 days')");
deliver();
is(sql("SELECT count(*) FROM mhub.message WHERE state = 'dead' AND reason = 'expired'"), 1, 'what was due too long ago is not sent');

# Failover: the second provider takes over at once, and a pinned message stays with the first.
provider('first', '/status/500', channel => 'pair', priority => 1, breaker_failures => 5);
provider('second', '/status/200', channel => 'pair', priority => 2);
queue('pair', 50);
sql("INSERT INTO mhub.message (channel, provider) VALUES ('pair', 'first')");
deliver();
is(states('pair'), 'deferred:http_500:1 sent:50', 'all but the pinned message go by the second provider');
is(sql("SELECT breaker FROM mhub.provider_state WHERE provider = 'first'"), 'open', 'the breaker of the first is open');
forget_requests($server);
queue('pair', 10);
deliver();
is(join(' ', map { $_->{target} } requests_of($server)), join(' ', ('/status/200') x 10), 'and it is not even tried');
# Once the pause is over a single probe goes out; its success closes the breaker.
sql("UPDATE mhub.provider_state SET paused_until = now() WHERE provider = 'first'");
queue('pair', 10);
forget_requests($server);
deliver();
is(scalar(grep { $_->{target} eq '/status/500' } requests_of($server)), 1, 'a failed probe is the only request');
is(sql("SELECT breaker || trips FROM mhub.provider_state WHERE provider = 'first'"), 'open2', 'the breaker is open again');
sql("UPDATE mhub.provider SET url = '$base/status/200' WHERE name = 'first'; UPDATE mhub.provider_state SET paused_until = now() WHERE provider = 'first'");
queue('pair', 30);
deliver();
is(sql("SELECT breaker || trips || failures FROM mhub.provider_state WHERE provider = 'first'"), 'closed00', 'a good probe closes it');

# A message bound for a provider that is then switched off goes through another one.
sql("INSERT INTO mhub.message (channel, attempts, state, data) VALUES ('pair', 1, 'deferred', '{\"rescued\": 1}'); UPDATE mhub.message_queue SET provider = 'second' WHERE channel = 'pair'; UPDATE mhub.provider SET active = false WHERE name = 'second'");
deliver();
is(sql("SELECT state || sent_by FROM mhub.message WHERE data ? 'rescued'"), 'sentfirst', 'a switched-off provider strands nobody');

# At most once: a request without an answer is not repeated.
sql("INSERT INTO mhub.delivery_channel (channel, consent_required, at_most_once) VALUES ('amo', false, true)");
provider('amo', '/hang', timeout => '500 ms');
queue('amo', 3);
deliver();
is(states('amo'), 'unknown:timeout:3', 'at_most_once sets it aside');
sql("INSERT INTO mhub.message (channel, state, attempts) VALUES ('amo', 'sending', 1); UPDATE mhub.message_queue SET lease_until = now() - interval '1 s' WHERE channel = 'amo'");
deliver();
is(states('amo'), 'unknown:deliverer_lost:1 unknown:timeout:3', 'and so does a lost deliverer');

# Rates.
provider('rate', '/status/200', rate_per_second => 20);
queue('rate', 60);
$start = time;
deliver();
is(states('rate'), 'sent:60', 'a limited provider sends everything');
cmp_ok(time - $start, '>', 1.8, 'but takes its time');
provider('daily', '/status/200', rate_per_day => 5);
queue('daily', 8);
deliver('2 s');
is(states('daily'), 'queued:3 sent:5', 'a daily rate ends the day');

# Headers that would break out are refused, and harm nobody else.
provider('header', '/status/200', kind => 'http', method => 'POST', body => '{"to": "{{to}}", "text": "{{text}}"}', headers => '{"X-Name": "{{data.name}}"}');
sql("INSERT INTO mhub.message (channel, recipient, data) VALUES ('header', '+86\"}', jsonb_build_object('name', E'x\\r\\nX-Evil: 1', 'text', 'a')), ('header', '+86\"}', jsonb_build_object('name', '李', 'text', E'换行\\n\"x\"'))");
forget_requests($server);
deliver();
is(states('header'), 'failed:bad_header:1 sent:1', 'a line break in a header');
is_deeply(decode_json(do { my $b = (requests_of($server))[0]{body}; utf8::encode($b); $b }), { to => '+86"}', text => "\x{6362}\x{884c}\n\"x\"" }, 'values in a JSON body cannot leave their string');

# APIs that say no with status 200.
provider('api', '/status/200?body=%7B%22Code%22%3A%22{{data.code}}%22%2C%22BizId%22%3A%22b1%22%7D', kind => 'http', body => '{}',
	success_path => '$.Code == "OK"', retry_path => '$.Code == "BUSY"', message_id_path => '$.BizId');
sql("INSERT INTO mhub.message (channel, data) SELECT 'api', jsonb_build_object('code', c) FROM unnest(ARRAY['OK', 'BUSY', 'BAD']) AS c");
deliver();
is(states('api'), 'deferred:api_refused:1 failed:api_refused:1 sent:1', 'the answer decides');
is(sql("SELECT provider_message_id FROM mhub.message WHERE channel = 'api' AND state = 'sent'"), 'b1', 'and names the id');

# Somebody sits on rows in an open transaction: all the others go out, and are recorded, meanwhile; then these too, once.
provider('locked', '/status/200');
provider('locking', '/slow/700');
queue('locked', 300);
queue('locking', 3);
my $sitting = $node->background_psql($db, on_error_stop => 0);
$sitting->query_safe("BEGIN; UPDATE mhub.message SET campaign = 'x' WHERE channel = 'locked' AND (data ->> 'n')::integer IN (1, 100, 200)");
forget_requests($server);
my $began_locked = time;
my $sender = $node->background_psql($db, on_error_stop => 0);
$sender->query_until(qr/started/, "\\echo started\nCALL mhub.deliver_messages('20 s');\n");
# Those on their way are locked, and one of them deleted, before their answers are there.
ok($node->poll_query_until($db, "SELECT count(*) = 3 FROM mhub.message WHERE channel = 'locking' AND state = 'sending'"), 'under way');
my $other = $node->background_psql($db, on_error_stop => 0);
$other->query_safe("BEGIN; SELECT FROM mhub.message WHERE channel = 'locking' AND (data ->> 'n')::integer = 1 FOR UPDATE");
sql("DELETE FROM mhub.message WHERE channel = 'locking' AND (data ->> 'n')::integer = 3");
ok($node->poll_query_until($db, "SELECT count(*) = 298 FROM mhub.message WHERE channel IN ('locked', 'locking') AND state = 'sent'"), 'all but the locked ones are sent and recorded');
is(states('locked') . ' ' . states('locking'), 'queued:3 sent:297 sending:1 sent:1', 'these wait');
$other->query_safe('COMMIT');
ok($node->poll_query_until($db, "SELECT count(*) = 1 FROM mhub.message WHERE channel = 'locking' AND state = 'sent' AND (data ->> 'n')::integer = 1"), 'what was locked is recorded as soon as it can be');
$sitting->query_safe('COMMIT');
$sender->quit;
$other->quit;
$sitting->quit;
sql("UPDATE mhub.message_queue SET not_before = now()");
deliver();
is(states('locked'), 'sent:300', 'and sent');
is(scalar(duplicates()), 0, 'nothing twice');
is(sql("SELECT count(*) FROM mhub.message_queue WHERE channel IN ('locked', 'locking')"), 0, 'the queue is empty');

# What takes long is not begun when the time is nearly up: the call ends in time, for the others' sake.
provider('slow', '/slow/900', concurrency => 1);
queue('slow', 10);
my $began_slow = time;
deliver('3 s');
cmp_ok(time - $began_slow, '<', 3.4, 'a slow provider does not prolong the call');
is(states('slow'), 'queued:7 sent:3', 'its messages go on next time');

# An answer that cannot be read says neither: once more, but not where that could send it twice.
provider('html', '/status/200?body=%3Chtml%3E', kind => 'http', body => '{}', success_path => '$.ok', breaker_failures => 100);
queue('html', 1);
deliver();
is(states('html'), 'deferred:bad_answer:1', 'an unreadable answer');
is(sql("SELECT failures FROM mhub.provider_state WHERE provider = 'html'"), 1, 'counts against the provider');
sql("UPDATE mhub.delivery_channel SET at_most_once = true WHERE channel = 'html'; DELETE FROM mhub.message WHERE channel = 'html'");
queue('html', 1);
deliver();
is(states('html'), 'unknown:bad_answer:1', 'an unreadable answer, at most once');

# Refusals of an account make the breaker open, whatever their status.
provider('broke', '/status/200?body=%7B%22Code%22%3A%22no%20credit%22%7D', kind => 'http', body => '{}', success_path => '$.Code == "OK"', fault_path => '$.Code == "no credit"',
	breaker_failures => 3, concurrency => 1);
queue('broke', 20);
forget_requests($server);
deliver();
is(states('broke') =~ /failed/ ? 'failed' : 'kept', 'kept', 'no message is lost to an empty account');
is(sql("SELECT breaker FROM mhub.provider_state WHERE provider = 'broke'"), 'open', 'the breaker opens');
cmp_ok(scalar(requests_of($server)), '<', 20, 'before all have been tried');

# A provider whose secret is missing, a broken partial: only their own messages suffer.
provider('nokey', '/status/200');
sql("SELECT mhub.set_provider_secret('nokey', 'signing_key', NULL)");
queue('nokey', 1);
sql("INSERT INTO mhub.template_partial (name, text_body) VALUES ('loop', '{{>loop}}');
	INSERT INTO mhub.template (key, channel, text_body) VALUES ('bad', 'header', '{{>loop}}'), ('good', 'header', '{{name}}');
	INSERT INTO mhub.message (channel, template, data) SELECT 'header', CASE n WHEN 3 THEN 'bad' WHEN 4 THEN 'none' ELSE 'good' END, '{\"name\": \"n\"}' FROM generate_series(1, 6) AS n");
deliver();
is(states('nokey'), 'failed:secret_missing:1', 'no signing key');
is(states('header'), 'failed:bad_header:1 failed:content_error_54000:1 failed:no_template:1 sent:5', 'one message that cannot be written out');

# The queue follows the messages: what was settled otherwise or deleted is dropped in its turn, unsent.
provider('drop', '/status/200');
queue('drop', 30);
sql("UPDATE mhub.message SET pending = false, state = 'suppressed', reason = 'by hand' WHERE channel = 'drop' AND (data ->> 'n')::integer % 3 = 0;
	DELETE FROM mhub.message WHERE channel = 'drop' AND (data ->> 'n')::integer % 3 = 1");
deliver();
is(states('drop'), 'sent:10 suppressed:by hand:10', 'only what is pending is sent');
is(sql("SELECT count(*) FROM mhub.message_queue WHERE channel = 'drop'"), 0, 'and the queue is empty');
is(sql("SELECT mhub.retry_message(min(message_id)) FROM mhub.message WHERE channel = 'drop' AND state = 'suppressed'"), 't', 'one is revived');
deliver();
is(states('drop'), 'sent:11 suppressed:by hand:9', 'and sent');
# What others say of a message while it is under way stays.
provider('race', '/slow/700', concurrency => 4);
queue('race', 2);
{
	my ($in, $said, $errors) = ('', '', '');
	my $psql = IPC::Run::start([ 'psql', '-XAt', '-d', $node->connstr($db), '-c', "CALL mhub.deliver_messages('20 s')" ], '<', \$in, '>', \$said, '2>', \$errors, IPC::Run::timeout(30));
	$node->poll_query_until($db, "SELECT count(*) = 2 FROM mhub.message WHERE channel = 'race' AND state = 'sending'") or die;
	sql("SELECT mhub.record_delivery_event('delivered', idempotency_key => m.idempotency_key) FROM mhub.message AS m WHERE m.channel = 'race' AND m.data ->> 'n' = '1';
		UPDATE mhub.message SET state = 'suppressed', reason = 'person_erased', pending = false WHERE channel = 'race' AND data ->> 'n' = '2'");
	$psql->finish;
}
is(states('race'), 'delivered:1 suppressed:person_erased:1', 'the last word on a message');
is(sql("SELECT bool_and(sent_by = 'race' AND sent_at IS NOT NULL) FROM mhub.message WHERE channel = 'race'"), 't', 'though it went out');
# A provider may be renamed while messages wait for it, but not taken away.
provider('old', '/status/200');
sql("INSERT INTO mhub.message (channel, provider) VALUES ('old', 'old'); UPDATE mhub.provider SET name = 'new' WHERE name = 'old'");
like(($node->psql($db, "DELETE FROM mhub.provider WHERE name = 'new'"))[2], qr/violates foreign key/, 'messages wait for it');
deliver();
is(sql("SELECT state || sent_by FROM mhub.message WHERE channel = 'old'"), 'sentnew', 'under its new name');
like(($node->psql($db, "INSERT INTO mhub.message (channel) VALUES ('pigeon')"))[2], qr/violates foreign key/, 'an unknown channel');
like(($node->psql($db, "INSERT INTO mhub.message (channel, provider) VALUES ('old', 'nobody')"))[2], qr/violates foreign key/, 'an unknown provider');

# Log providers send nothing.
provider('dry', '', kind => 'log');
queue('dry', 500);
forget_requests($server);
deliver();
is(states('dry'), 'sent:500', 'log');
my %dry = map { $_ => 1 } split /\n/, sql("SELECT idempotency_key FROM mhub.message WHERE channel = 'dry'");
is(scalar(grep { $dry{ $_->{key} } } requests_of($server)), 0, 'sends nothing');

# Inside a transaction block it refuses, with a hint.
my ($code, $out, $err) = $node->psql($db, "BEGIN; CALL mhub.deliver_messages();");
like($err, qr/cannot run inside a transaction block.*HINT/s, 'refused in a transaction block');
($code, $out, $err) = $node->psql($db, "CALL mhub.deliver_messages('0')");
like($err, qr/max_time must be/, 'max_time is checked');

# While it waits it holds no snapshot and no transaction id; cancelled, it records and ends within 200 ms. Time is taken
# in the server, and the median of several tries counts, since other work on the machine may hold up any one of them.
sql("UPDATE mhub.provider SET active = false");
sql(q{CREATE FUNCTION public.ms_to_end(how text) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
	deliverer integer := (SELECT a.pid FROM pg_stat_activity AS a WHERE a.query LIKE 'CALL mhub.deliver%' AND a.state = 'active');
	began timestamptz := clock_timestamp();
BEGIN
	EXECUTE format('SELECT %I($1)', how) USING deliverer;
	LOOP
		PERFORM pg_stat_clear_snapshot();
		EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity AS a WHERE a.pid = deliverer AND a.state = 'active');
		PERFORM pg_sleep(0.002);
	END LOOP;
	RETURN 1000 * extract(epoch FROM clock_timestamp() - began);
END $$});
provider('wait', '/hang', timeout => '30 s', concurrency => 4);
provider('wait2', '/slow/20', timeout => '30 s', concurrency => 2);
for my $how ('pg_cancel_backend', 'pg_terminate_backend')
{
	my @times;
	for my $try (1 .. 5)
	{
		sql("UPDATE mhub.message SET pending = false");
		queue('wait', 10);
		queue('wait2', 200);
		forget_requests($server);
		my ($in, $said, $errors) = ('', '', '');
		my $psql = IPC::Run::start([ 'psql', '-XAt', '-d', $node->connstr($db), '-c', "CALL mhub.deliver_messages('20 s')" ], '<', \$in, '>', \$said, '2>', \$errors, IPC::Run::timeout(30));
		$node->poll_query_until($db, "SELECT count(*) > 5 FROM mhub.message WHERE channel = 'wait2' AND state = 'sent'") or die;
		if ($try == 1)
		{
			my $quiet = grep { sql("SELECT backend_xid IS NULL AND backend_xmin IS NULL FROM pg_stat_activity WHERE query LIKE 'CALL mhub.deliver%'") eq 't' } 1 .. 20;
			cmp_ok($quiet, '>', 15, 'no snapshot and no transaction id while waiting');
		}
		push @times, sql("SELECT public.ms_to_end('$how')");
		$psql->finish;
		like($errors, $how =~ /cancel/ ? qr/canceling statement due to user request/ : qr/terminating connection/, "$how takes effect");
		is(sql("SELECT count(*) FROM mhub.message WHERE state = 'sending' AND pending"), 0, 'nothing is left behind as sending');
		my $recorded = sql("SELECT count(*) FROM mhub.message WHERE channel = 'wait2' AND state = 'sent'");
		my %sent = map { $_->{key} => 1 } grep { $_->{target} eq '/slow/20' } requests_of($server);
		cmp_ok(abs($recorded - keys %sent), '<=', 2, 'what was sent is recorded');
		sql("DELETE FROM mhub.message WHERE channel IN ('wait', 'wait2')");
	}
	@times = sort { $a <=> $b } @times;
	cmp_ok($times[2], '<', 200, "$how is answered within 200 ms") or diag "@times";
}
is(sql("SELECT count(*) FROM mhub.message_queue AS q WHERE q.lease_until IS NOT NULL"), 0, 'nothing is left leased');
queue('wait', 1);
$start = time;
($code, $out, $err) = $node->psql($db, "SET statement_timeout = '500 ms'; CALL mhub.deliver_messages('20 s')");
like($err, qr/statement timeout/, 'statement_timeout is honoured');
cmp_ok(time - $start, '<', 1.2, 'in time');
is(states('wait'), 'deferred:cancelled:1', 'and the message is kept for later');

# TLS: with the test's authority the same server is trusted, though not under another name.
sql("UPDATE mhub.provider SET active = false; DELETE FROM mhub.message");
provider('trusted', "https://127.0.0.1:$tls_server->{port}/status/200");
provider('othername', "https://localhost:$tls_server->{port}/status/200");
queue($_, 1) for qw(trusted othername);
sql("SELECT mhub.version(); SET mhub.ca_file = '$authority'; CALL mhub.deliver_messages('20 s')");
is(states('trusted'), 'sent:1', 'a certificate of mhub.ca_file');
is(states('othername'), 'deferred:tls:1', 'must be for the very name');
is(scalar requests_of($tls_server), 1, 'and nothing was sent to the other');

stop_server($_) for $server, $tls_server;
$node->stop;
done_testing();
