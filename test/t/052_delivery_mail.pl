# E-mail through a real SMTP server: content, headers, refusals; consent, suppression, caps and quiet hours at send time;
# links, unsubscribing and what comes back.
use strict;
use warnings;
use utf8;
use DeliveryServer;
use Mhub;
use Test::More;

plan skip_all => 'python3-aiosmtpd is not installed' if system(q{/usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null}) != 0;

my ($authority, @certificate) = test_authority('127.0.0.1');
my $node = mhub_node('mail', 'mhub.key_file' => key_file(), 'mhub.allowed_networks' => '127.0.0.0/8', 'mhub.ca_file' => $authority,
	'mhub.link_url' => 'https://go.example.com/l/', 'mhub.unsubscribe_url' => 'https://go.example.com/u/');
my $db = hub_database($node, 'mail');
my $plain = start_server('mail_server.py');
my $secure = start_server('mail_server.py', @certificate);

sub sql { my ($text) = @_; utf8::encode($text); my $result = $node->safe_psql($db, $text); utf8::decode($result); return $result; }
sub deliver { return sql("CALL mhub.deliver_messages('20 s')"); }
sub state_of { return sql("SELECT concat_ws(':', state, reason) FROM mhub.message WHERE message_id = $_[0]"); }

# A person with an e-mail address who agreed to marketing.
sub person
{
	my ($address, $traits) = @_;
	my $id = sql("SELECT mhub.identify(jsonb_build_object('email', '$address'), '" . ($traits // '{}') . "')");
	sql("SELECT mhub.record_person_consent($id, 'marketing')");
	return $id;
}

sub queue
{
	my ($person, %columns) = @_;
	my %all = (person_id => $person, channel => 'email', template => 'welcome', data => '{"course": "新概念英语"}', %columns);
	my @names = grep { defined $all{$_} } sort keys %all;
	return sql('INSERT INTO mhub.message (' . join(', ', @names) . ') VALUES (' . join(', ', map { "'$all{$_}'" } @names) . ') RETURNING message_id');
}

sql(qq{INSERT INTO mhub.provider (name, channel, kind, url, tls, parameters, headers, retry_base) VALUES ('relay', 'email', 'smtp',
	'smtp://127.0.0.1:$plain->{port}', 'none', '{"from": "news\@example.com", "from_name": "学习中心, \\"VIP\\"", "reply_to": "help\@example.com"}', '{"X-Campaign": "{{data.course}}"}', '10 ms')});
sql(q{INSERT INTO mhub.tracked_link (name, url) VALUES ('shop', 'https://shop.example.com/?c={{campaign}}&m={{message_id}}');
	INSERT INTO mhub.template_partial (name, text_body, html_body) VALUES ('foot', 'Unsubscribe: {{unsubscribe_url}}', '<a href="{{unsubscribe_url}}">退订</a>');
	INSERT INTO mhub.template (key, channel, locale, subject, text_body, html_body) VALUES
	('welcome', 'email', '', '{{first_name|朋友}}，欢迎来到{{course}}', 'Hi {{first_name|there}}: {{links.shop}} {{>foot}}', '<p>{{first_name}} &amp; {{course}}</p> {{>foot}}'),
	('welcome', 'email', 'en', 'Welcome, {{first_name}}', 'Hello {{first_name}}', NULL)});

# One message, looked at from all sides.
my $li = person('Li.Lei@example.cn', '{"first_name": "李<雷>"}');
my $id = queue($li, campaign => 'autumn');
deliver();
is(state_of($id), 'sent', 'a message is taken by the server');
my ($mail) = requests_of($plain);
my $key = sql("SELECT idempotency_key FROM mhub.message WHERE message_id = $id");
is_deeply($mail->{to}, ['li.lei@example.cn'], 'to the unsealed, normalised address');
is($mail->{from}, 'news@example.com', 'envelope sender');
is($mail->{type}, 'multipart/alternative', 'text and HTML are alternatives');
my %h = %{ $mail->{headers} };
is($h{subject}, '李<雷>，欢迎来到新概念英语', 'subject in UTF-8');
is($h{from}, '"学习中心, \"VIP\"" <news@example.com>', 'sender with a name that needs care');
is($h{to}, 'li.lei@example.cn', 'recipient') or diag $h{to};
is($h{'reply-to'}, 'help@example.com', 'reply-to');
is($h{'message-id'}, "<$key\@example.com>", 'Message-ID is the idempotency key');
like($h{date}, qr/^\w{3}, \d\d? \w{3} \d{4} \d\d:\d\d:\d\d \+0000$/, 'date');
is($h{'list-unsubscribe-post'}, 'List-Unsubscribe=One-Click', 'RFC 8058');
like($h{'list-unsubscribe'}, qr{^<https://go\.example\.com/u/[\w-]{34}>$}, 'one-click address');
is(scalar(grep { $_ eq 'subject' } @{ $mail->{names} }), 1, 'one subject');
is($h{'x-campaign'}, '新概念英语', 'a header of the provider is encoded too');
unlike($mail->{head}, qr/\x{fffd}/, 'no byte beyond ASCII in the headers');
is(scalar(grep { /=\?/ && length > 76 } split /\r?\n/, $mail->{head}), 0, 'lines with encoded words have up to 76 characters (RFC 2047)');
like($mail->{parts}{'text/plain'}, qr{^Hi 李<雷>: https://go\.example\.com/l/[\w-]{34} Unsubscribe: https://go\.example\.com/u/[\w-]{34}}, 'text is not escaped');
like($mail->{parts}{'text/html'}, qr{^<p>李&lt;雷&gt; &amp; 新概念英语</p> <a href="https://}, 'HTML is');
is(sql("SELECT m.identifier_id = i.identifier_id FROM mhub.message AS m, mhub.identifier AS i WHERE m.message_id = $id AND i.person_id = $li AND i.kind = 'email'"), 't', 'the identifier is on record, not the address');

# Header injection has nowhere to go.
my $evil = person('evil@example.com', '{"first_name": "x\r\nBcc: all@example.com\r\n\r\nbody"}');
$id = queue($evil);
deliver();
is(state_of($id), 'sent', 'a name with line breaks');
$mail = (requests_of($plain))[-1];
is($mail->{headers}{subject}, 'x Bcc: all@example.com body，欢迎来到新概念英语', 'stays inside the subject');
ok(!exists $mail->{headers}{bcc}, 'and makes no header');
$id = queue(undef, recipient => $_, template => undef, data => '{"subject": "s", "text": "t"}', purpose => 'system'), deliver(), is(state_of($id), 'failed:bad_address', 'a recipient that is none')
  for "a\@example.com>\r\nRCPT TO:<b\@example.com", 'a b@example.com', 'a@b@c', 'nobody';
$id = queue(undef, recipient => 'ops@example.com', template => undef, data => '{"subject": "s", "text": "line\r\n.\r\nQUIT\r\nmore"}', purpose => 'system');
deliver();
like((requests_of($plain))[-1]{parts}{'text/plain'}, qr/^line\r?\n\.\r?\nQUIT\r?\nmore/, 'a lonely dot ends nothing');

# Locales.
my $amy = person('amy@example.com', '{"first_name": "Amy", "locale": "en-GB"}');
queue($amy);
deliver();
is((requests_of($plain))[-1]{headers}{subject}, 'Welcome, Amy', 'the language of the locale');
is(sql("SELECT subject || '|' || encoding || segments || '|' || array_to_string(missing, ',') FROM mhub.preview_message('welcome', 'email', $amy, '{}', 'zh')"), 'Amy，欢迎来到|GSM-71|course,links.shop', 'preview');

# One bad address does not harm the others.
my @ids = map { queue(person("$_\@example.com")) } qw(a bounce b full c shy d);
deliver();
is(join(' ', map { state_of($_) } @ids), 'sent failed:smtp_550 sent deferred:smtp_452 sent deferred:smtp_421 sent', 'each message has its own fate');

# STARTTLS, a certificate of mhub.ca_file, and a log-in.
sql(qq{UPDATE mhub.provider SET active = false;
	INSERT INTO mhub.provider (name, channel, kind, url, parameters, retry_base, retry_max, max_attempts, breaker_failures) VALUES ('secure', 'email', 'smtp', 'smtp://127.0.0.1:$secure->{port}', '{"from": "news\@example.com"}', '1 s', '1 s', 100, 100);
	SELECT mhub.set_provider_secret('secure', 'user', 'hub'), mhub.set_provider_secret('secure', 'password', 'wrong')});
$id = queue($amy);
deliver();
is(state_of($id), 'deferred:login_denied', 'a wrong password is the provider\'s fault, not the message\'s');
sql(q{SELECT mhub.set_provider_secret('secure', 'password', 'geheim')});
select undef, undef, undef, 1.1;
deliver();
is(state_of($id), 'sent', 'and once it is right the message goes out');
ok((requests_of($secure))[-1]{tls} && (requests_of($secure))[-1]{user}, 'encrypted and logged in');
unlike(sql('SELECT value FROM mhub.provider_secret LIMIT 1'), qr/geheim/, 'secrets are sealed');
sql(qq{UPDATE mhub.provider SET url = 'smtp://127.0.0.1:$plain->{port}' WHERE name = 'secure'});
$id = queue($amy);
deliver();
is(state_of($id), 'deferred:tls', 'a server without TLS gets nothing where TLS is required');
sql(q{UPDATE mhub.provider SET active = (name = 'relay'); UPDATE mhub.message SET pending = false; UPDATE mhub.provider_state SET breaker = 'closed', failures = 0, paused_until = NULL});

# What may be sent is asked at the moment of sending.
my $han = person('han@example.com');
$id = queue($han);
sql("SELECT mhub.record_person_consent($han, 'marketing', 'email', false)");
deliver();
is(state_of($id), 'suppressed:no_consent', 'consent withdrawn after queueing');
$id = queue($han, purpose => 'transactional');
deliver();
is(state_of($id), 'sent', 'a receipt still goes out');
sql("SELECT mhub.suppress('email', 'han\@example.com')");
$id = queue($han, purpose => 'transactional');
deliver();
is(state_of($id), 'suppressed:suppressed', 'but not to a suppressed address');
$id = queue(sql(q{SELECT mhub.identify('{"cookie": "c-1"}')}), purpose => 'transactional');
deliver();
is(state_of($id), 'suppressed:no_address', 'nobody without an address');
$id = queue($amy, template => 'no such');
deliver();
is(state_of($id), 'failed:no_template', 'unknown template');

# A repetition asks again, too: the person buys between the first attempt, which fails, and the second. Nothing but the
# event tells; the workflow's engine has not run since.
sql(q{SELECT mhub.create_workflow('course', '{"triggers": [{"type": "api"}], "start": "mail", "exit_when": [{"event": "Course Bought"}], "steps": {
	"mail": {"type": "message", "channel": "email", "template": "welcome", "data": {"course": "新概念英语"}, "next": "wait"},
	"wait": {"type": "delay", "for": "7 days", "next": null}}}'); SELECT mhub.publish_workflow('course')});
my ($buyer, $idler) = (person('full@example.cn'), person('idler@example.cn'));
sql("SELECT mhub.enroll_person('course', p) FROM unnest(ARRAY[$buyer, $idler]) AS p; CALL mhub.advance_workflows()");
deliver();
sub enrolled { return sql("SELECT concat_ws(':', m.state, m.reason) FROM mhub.message AS m WHERE m.person_id = $_[0] AND m.workflow = 'course'"); }
is(enrolled($buyer) . ' ' . enrolled($idler), 'deferred:smtp_452 sent', 'a mailbox is full');
sql(q{SELECT mhub.track('Course Bought', '{"email": "full@example.cn"}')});
select undef, undef, undef, 0.05;
deliver();
is(enrolled($buyer), 'suppressed:left_workflow', 'who has left the workflow gets no repetition');

# The whole profile, where a template asks for it.
sql(q{INSERT INTO mhub.segment (key, condition) VALUES ('big spender', 'did(''Order Completed'', at least 2 times)'), ('快走的人', 'did(''Left'')');
	INSERT INTO mhub.pii_trait (name) VALUES ('nickname') ON CONFLICT DO NOTHING;
	INSERT INTO mhub.template (key, channel, subject, text_body) VALUES
	('stats', 'email', '{{profile.city}} {{profile.nickname}} {{nickname}}', '{{profile.events.Order_Completed.count}} orders, {{profile.events.Order_Completed.value}} CNY{{#profile.is.big_spender}}, VIP{{/profile.is.big_spender}}{{#profile.is.快走的人}}, gone{{/profile.is.快走的人}}; {{#profile.segments}}[{{.}}]{{/profile.segments}} {{#profile.consent.marketing}}agreed{{/profile.consent.marketing}}{{profile.events.None.count|0}}')});
my $zhou = person('zhou@example.cn', '{"city": "上海", "nickname": "小周"}');
sql(q{SELECT mhub.track('Order Completed', '{"email": "zhou@example.cn"}', jsonb_build_object('revenue', n, 'order_id', n)) FROM generate_series(10, 30, 10) AS n});
queue($zhou, template => 'stats');
deliver();
$mail = (requests_of($plain))[-1];
is($mail->{headers}{subject}, '上海 小周 小周', 'traits, sealed ones among them');
like($mail->{parts}{'text/plain'}, qr/^3 orders, 60(\.0+)? CNY, VIP; \[big spender\] agreed0/, 'counters, segments and consent') or diag $mail->{parts}{'text/plain'};
like(sql("SELECT text_body FROM mhub.preview_message('stats', 'email', $zhou)"), qr/^3 orders.*VIP/, 'so does a preview');
like(sql("SELECT array_to_string(missing, ' ') FROM mhub.preview_message('stats', 'email', $zhou)"), qr/^profile\.events\.None\.count profile\.is\.快走的人$/, 'which tells what has no value');

# Caps count what was sent and what is being sent, and a batch for one person does not cancel itself out.
sql(q{UPDATE mhub.delivery_channel SET cap_count = 2, cap_period = '1 day' WHERE channel = 'email'});
my $mei = person('mei@example.com');
@ids = map { queue($mei) } 1 .. 4;
deliver();
is(join(' ', sort map { state_of($_) } @ids), 'sent sent suppressed:cap suppressed:cap', 'a cap of two');
is(state_of(queue($mei, purpose => 'transactional')) && sql('SELECT 1'), 1, 'queued');
deliver();
is(sql("SELECT state FROM mhub.message WHERE person_id = $mei AND purpose = 'transactional'"), 'sent', 'caps are for marketing');
sql(q{UPDATE mhub.delivery_channel SET cap_count = NULL WHERE channel = 'email'});

# Quiet hours by the person's clock.
my $now = sql(q{SELECT to_char(now() AT TIME ZONE 'Asia/Shanghai', 'HH24:MI')});
sql(q{UPDATE mhub.delivery_channel SET quiet_from = (now() AT TIME ZONE 'Asia/Shanghai' - interval '1 h')::time, quiet_until = (now() AT TIME ZONE 'Asia/Shanghai' + interval '1 h')::time WHERE channel = 'email'});
my $late = person('late@example.com', '{"time_zone": "Asia/Shanghai"}');
my $early = person('early@example.com', '{"time_zone": "America/New_York"}');
@ids = (queue($late), queue($early), queue($late, purpose => 'transactional'));
deliver();
is(join(' ', map { state_of($_) } @ids), 'deferred:quiet_hours sent sent', 'quiet in Shanghai, not in New York');
is(sql("SELECT abs(extract(epoch FROM not_before - now() - interval '1 h')) < 5 AND attempts = 0 FROM mhub.message WHERE message_id = $ids[0]"), 't', 'until they end');
sql(q{UPDATE mhub.delivery_channel SET quiet_from = NULL, quiet_until = NULL WHERE channel = 'email'});

# Links: forged ones lead nowhere, real ones to the target, and the click is known.
my $wang = person('wang@example.com');
$id = queue($wang, campaign => '双11', workflow => 'sale');
deliver();
my ($link) = (requests_of($plain))[-1]{parts}{'text/plain'} =~ m{/l/([\w-]{34})};
is(sql("SELECT mhub.open_link('$link')"), "https://shop.example.com/?c=%E5%8F%8C11&m=$id", 'the target');
is(sql("SELECT concat_ws('|', e.name, e.source, e.medium, e.campaign, e.channel, e.properties ->> 'link') FROM mhub.event AS e JOIN mhub.identifier AS i USING (identifier_id) WHERE i.person_id = $wang AND e.name = 'Link Clicked'"), 'Link Clicked|sale|email|双11|Email|shop', 'the click is an event with a source');
my @forged = map { my $t = $link; substr($t, $_, 1) = substr($t, $_, 1) eq 'A' ? 'B' : 'A'; $t } 0 .. 32;
is(sql('SELECT count(*) FROM unnest(ARRAY[' . join(',', map { "'$_'" } @forged, '', 'x', "${link}A", substr($link, 1)) . ']) AS t WHERE mhub.open_link(t) IS NOT NULL OR mhub.unsubscribe(t)'), 0, 'no changed token works');
sql("INSERT INTO mhub.revoked_token VALUES ($id)");
is(sql("SELECT mhub.open_link('$link') IS NULL"), 't', 'a revoked message');
sql("DELETE FROM mhub.revoked_token; UPDATE mhub.tracked_link SET revoked_at = now()");
is(sql("SELECT mhub.open_link('$link') IS NULL"), 't', 'a revoked link');

# Unsubscribing, once and again; what is queued is not sent.
my ($token) = (requests_of($plain))[-1]{headers}{'list-unsubscribe'} =~ m{/u/([\w-]{34})};
is(sql("SELECT mhub.open_link('$token') IS NULL"), 't', 'an unsubscribe token is no link');
$id = queue($wang);
is(sql("SELECT mhub.unsubscribe('$token')"), 't', 'one click');
is(sql("SELECT mhub.unsubscribe('$token')"), 't', 'twice is fine');
is(sql("SELECT count(*) FROM mhub.consent WHERE person_id = $wang AND NOT granted AND channel = 'email'"), 1, 'recorded once');
deliver();
is(state_of($id), 'suppressed:no_consent', 'nothing more is sent');
is(sql("SELECT mhub.has_consent($wang, 'marketing', 'sms')"), 't', 'other channels are untouched');

# What providers report.
my $zhao = person('zhao@example.com');
$id = queue($zhao);
deliver();
$key = sql("SELECT idempotency_key FROM mhub.message WHERE message_id = $id");
is(sql("SELECT mhub.record_delivery_event('delivered', idempotency_key => '$key', source_id => 'n1')"), 't', 'delivered');
is(sql("SELECT mhub.record_delivery_event('delivered', idempotency_key => '$key', source_id => 'n1')"), 'f', 'the same notification again');
is(state_of($id), 'delivered', 'is its state');
is(sql("SELECT mhub.record_delivery_event('delivered', idempotency_key => 'never heard of')"), 'f', 'unknown message');
is(sql("SELECT mhub.record_delivery_event('bounced', idempotency_key => '$key', detail => '5.1.1')"), 't', 'a hard bounce');
is(state_of($id), 'failed:bounced', 'fails the message');
is(sql("SELECT mhub.is_suppressed('email', 'zhao\@example.com', 'email')"), 't', 'and suppresses the address');
is(sql("SELECT mhub.is_suppressed('email', 'zhao\@example.com', 'sms')"), 'f', 'on this channel');
# The list is about addresses: one that bounced says nothing about a new one, and it holds for those that a message names.
$id = queue($zhao);
deliver();
is(state_of($id), 'suppressed:suppressed', 'nothing more goes to an address that bounced');
sql("SELECT mhub.identify('{\"email\": [\"zhao\@example.com\", \"zhao.new\@example.cn\"]}')");
sql("SELECT mhub.identify('{\"email\": \"zhao\@example.com\"}')");
$id = queue($zhao);
deliver();
is(state_of($id), 'sent', 'but another address of the person gets it');
is_deeply((requests_of($plain))[-1]{to}, ['zhao.new@example.cn'], 'the one that did not bounce');
for (['zhao@example.com', 'system', 'suppressed:suppressed'], ['Zhao@Example.com', 'transactional', 'suppressed:suppressed'], ['new@example.com', 'marketing', 'suppressed:no_consent'], ['new@example.com', 'system', 'sent'])
{
	my ($address, $purpose, $expected) = @$_;
	$id = queue(undef, recipient => $address, template => undef, data => '{"subject": "s", "text": "t"}', purpose => $purpose);
	deliver();
	is(state_of($id), $expected, "a recipient by name: $address, $purpose");
}
my $lost = person('lost@example.com');
sql("UPDATE mhub.identifier SET sealed = NULL WHERE person_id = $lost");
$id = queue($lost);
deliver();
is(state_of($id), 'suppressed:no_address', 'the index of an address that is not kept is no address');
# Each kind of report has its consequence, and no other: [kind, state afterwards, suppressed, still consents].
for (['soft_bounced', 'sent', 'f', 't'], ['opened', 'sent', 'f', 't'], ['complained', 'sent', 't', 'f'], ['unsubscribed', 'sent', 'f', 'f'], ['failed', 'failed:failed', 'f', 't'])
{
	my ($kind, $state, $suppressed, $consents) = @$_;
	(my $name = $kind) =~ tr/_//d;
	my $person = person("$name\@example.com");
	my $of = queue($person);
	deliver();
	sql("SELECT mhub.record_delivery_event('$kind', idempotency_key => m.idempotency_key, source_id => 'r') FROM mhub.message AS m WHERE m.message_id = $of");
	is(join(' ', state_of($of), sql("SELECT mhub.is_suppressed('email', '$name\@example.com', 'email')"), sql("SELECT mhub.has_consent($person, 'marketing', 'email')")), "$state $suppressed $consents", "reported: $kind");
}
# A frequency cap holds however many deliver at a time; what comes to nothing leaves room for the next.
sql(q{INSERT INTO mhub.delivery_channel (channel, identifier_kind, consent_required, cap_count) VALUES ('note', 'user_id', false, 1);
	INSERT INTO mhub.provider (name, channel, kind) VALUES ('dry', 'note', 'log');
	SELECT count(mhub.identify(jsonb_build_object('user_id', '人' || n))) FROM generate_series(1, 400) AS n;
	INSERT INTO mhub.template (key, channel, text_body) VALUES ('fine', 'note', 'x'), ('broken', 'note', '{{>loop}}');
	INSERT INTO mhub.template_partial (name, text_body) VALUES ('loop', '{{>loop}}');
	INSERT INTO mhub.message (person_id, channel, template) SELECT i.person_id, 'note', CASE g WHEN 1 THEN 'nothing' ELSE 'fine' END
	FROM mhub.identifier AS i, generate_series(1, 4) AS g WHERE i.value LIKE '人%' ORDER BY g <> 1, random();
	INSERT INTO mhub.message (person_id, channel, template) SELECT i.person_id, 'note', 'broken' FROM mhub.identifier AS i WHERE i.value LIKE '人1%'});
my @deliverers = map { $node->background_psql($db, on_error_stop => 0) } 1 .. 4;
$_->query_until(qr/started/, "\\echo started\nCALL mhub.deliver_messages('20 s');\n") for @deliverers;
$_->quit for @deliverers;
deliver();
is(sql("SELECT count(*) FROM mhub.message_queue WHERE channel = 'note'"), 0, 'all are settled');
is(sql(q{SELECT string_agg(n || ' persons got ' || sent, ', ') FROM (SELECT sent, count(*) AS n FROM (SELECT count(*) FILTER (WHERE state = 'sent') AS sent FROM mhub.message WHERE channel = 'note' GROUP BY person_id) AS p GROUP BY sent) AS x}),
	'400 persons got 1', 'four deliverers, one message a person');
is(sql(q{SELECT string_agg(template || ' ' || state || ' ' || coalesce(reason, ''), ', ' ORDER BY template, state) FROM (SELECT DISTINCT template, state, reason FROM mhub.message WHERE channel = 'note' AND template <> 'broken') AS x}),
	'fine sent , fine suppressed cap, nothing failed no_template', 'the rest did not fail for other reasons');

my ($code, $out, $err) = $node->psql($db, "SELECT mhub.record_delivery_event('delivered')");
like($err, qr/neither idempotency_key/, 'an event about nothing');

# The profiles suffice: an operator delivers, an app hands in what comes back.
sql(q{CREATE ROLE shop_operator; CREATE ROLE shop_app; SELECT mhub.grant_access('shop_operator', 'operator'), mhub.grant_access('shop_app', 'app');
	UPDATE mhub.tracked_link SET revoked_at = NULL});
my $sun = person('sun@example.com');
my $full = queue($sun, template => 'stats');
$id = queue($sun);
sql(q{SET ROLE shop_operator; CALL mhub.deliver_messages('20 s')});
is(state_of($id) . ' ' . state_of($full), 'sent sent', 'the operator delivers, whole profiles too');
($link) = map { $_->{parts}{'text/plain'} =~ m{/l/([\w-]{34})} ? $1 : () } reverse requests_of($plain);
($token) = (requests_of($plain))[-1]{headers}{'list-unsubscribe'} =~ m{/u/([\w-]{34})};
$key = sql("SELECT idempotency_key FROM mhub.message WHERE message_id = $id");
like(sql("SET ROLE shop_app; SELECT mhub.open_link('$link')"), qr/^https:/, 'the app opens links');
is(sql("SET ROLE shop_app; SELECT mhub.unsubscribe('$token')"), 't', 'takes unsubscriptions');
is(sql("SET ROLE shop_app; SELECT mhub.record_delivery_event('bounced', idempotency_key => '$key')"), 't', 'and bounces');

stop_server($_) for $plain, $secure;
$node->stop;
done_testing();
