# The presets: what each sends, and the clouds' signatures checked by an independent reckoning.
use strict;
use warnings;
use utf8;
use DeliveryServer;
use Digest::SHA qw(sha256_hex hmac_sha256 hmac_sha256_hex);
use JSON::PP;
use Mhub;
use MIME::Base64;
use Test::More;

my $node = mhub_node('presets', 'mhub.key_file' => key_file(), 'mhub.allowed_networks' => '127.0.0.0/8', 'mhub.unsubscribe_url' => 'https://u.example.com/');
my $db = hub_database($node, 'presets');
my $server = start_server('http_server.py');
sub sql { my ($text) = @_; utf8::encode($text); my $result = $node->safe_psql($db, $text); utf8::decode($result); return $result; }

my %parameters = (account_sid => 'AC1', from => 'shop@example.com', from_name => '书店', sign_name => '新东方', sdk_app_id => '1400006666', domain => 'mg.example.com', region => 'eu-west-1',
	url => "http://127.0.0.1:$server->{port}/hook?x=1&y=2");
my %secrets = (user => 'u', password => 'p', access_key_id => 'LTAI1', access_key_secret => 'aks', secret_id => 'AKID1', secret_key => 'sk', token => 'tok', key => 'k1', access_token => 'at',
	hook => 'h1', sign_key => 'SEC1', signing_key => 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
my %answers = (twilio => '{"sid":"SM1"}', aliyun_sms => '{"Code":"OK","BizId":"b1"}', tencent_sms => '{"Response":{"SendStatusSet":[{"Code":"Ok","SerialNo":"s1"}]}}', mailgun => '{"id":"<1@mg>"}',
	wecom_robot => '{"errcode":0}', dingtalk_robot => '{"errcode":0}', feishu_robot => '{"code":0}');
my $json = JSON::PP->new->utf8;
sub object { my $text = $json->encode($_[0]); utf8::decode($text); $text =~ s/'/''/g; return "'$text'"; }
sub escaped { my ($text) = @_; utf8::encode($text); $text =~ s/([^A-Za-z0-9\-._~])/sprintf '%%%02X', ord $1/ge; return $text; }

sql(q{INSERT INTO mhub.template (key, channel, subject, text_body, html_body, code, parameters)
	SELECT 'hello', c.channel, '你好 {{name}}', '{{name}}，"课程"已开', '<p>{{name}}</p>', 'SMS_15', CASE WHEN c.channel = 'sms' THEN '["{{name}}", "10"]'::jsonb ELSE '{"name": "{{name}}"}' END FROM mhub.delivery_channel AS c});

# Each preset is made, pointed at our server with its path and query, and sends one message.
my %seen;
for my $preset (split /\n/, sql('SELECT preset FROM mhub.provider_preset() ORDER BY preset'))
{
	my ($parameters, $secrets, $channel) = split /\|/, sql("SELECT to_json(parameters), to_json(secrets), coalesce(channel, 'push') FROM mhub.provider_preset() WHERE preset = '$preset'");
	my %given = map { $_ => $parameters{$_} } @{ decode_json($parameters) };
	my %secret = map { $_ => $secrets{$_} } @{ decode_json($secrets) };
	$secret{sign_key} = $secrets{sign_key} if $preset =~ /dingtalk|feishu/;
	is(sql("SELECT mhub.create_provider('$preset', '$preset', " . object(\%given) . ', ' . object(\%secret) . ", '$channel')"), $preset, "$preset is made");
	next if $preset =~ /smtp|log/;
	my $answer = $answers{$preset} // '{}';
	sql(qq{UPDATE mhub.provider SET url = regexp_replace(url, '^https://[^/]*', 'http://127.0.0.1:$server->{port}') WHERE name = '$preset'});
	sql(qq{UPDATE mhub.provider SET url = replace(url, 'http://127.0.0.1:$server->{port}', 'http://127.0.0.1:$server->{port}/status/200?body=' || '}
		  . escaped($answer) . qq{&path=') WHERE name = '$preset'}) if $preset !~ /^(webhook|http|aliyun_sms|tencent_sms)$/;
	sql(qq{UPDATE mhub.provider SET success_path = NULL, message_id_path = NULL WHERE name = '$preset'}) if $preset =~ /aliyun|tencent/;
	sql("INSERT INTO mhub.message (channel, provider, template, recipient, purpose, data) VALUES ('$channel', '$preset', 'hello', '+8613800138000', 'system', '{\"name\": \"李雷\\n\"}')");
	sql("CALL mhub.deliver_messages('10 s')");
	is(sql("SELECT concat_ws(':', state, reason) FROM mhub.message WHERE provider = '$preset'"), 'sent', "$preset sends");
	$seen{$preset} = (requests_of($server))[-1];
}

is($seen{twilio}{body}, 'To=%2B8613800138000&From=shop%40example.com&Body=' . escaped(qq(李雷\n，"课程"已开)), 'twilio: form');
is($seen{twilio}{headers}{authorization}, 'Basic ' . encode_base64('u:p', ''), 'twilio: basic');
is(sql("SELECT provider_message_id FROM mhub.message WHERE provider = 'twilio'"), 'SM1', 'twilio: id');
is($seen{sendgrid}{headers}{authorization}, 'Bearer tok', 'sendgrid: bearer');
sub body_of { my $b = $seen{ $_[0] }{body}; utf8::encode($b); return decode_json($b); }
is(body_of('sendgrid')->{content}[1]{value}, "<p>李雷\n</p>", 'sendgrid: JSON with HTML');
is(body_of('sendgrid')->{from}{name}, '书店', 'sendgrid: sender');
like($seen{mailgun}{body}, qr/h%3AList-Unsubscribe|^from=shop%40example.com&to=%2B86/, 'mailgun: form');
is(body_of('wecom_robot')->{text}{content}, qq(李雷\n，"课程"已开), 'wecom: text');
like($seen{wecom_robot}{target}, qr/key=k1$/, 'wecom: key');
is(body_of('http')->{to}, '+8613800138000', 'http: body');
is($seen{http}{target}, '/hook?x=1&y=2', 'http: the address as given');
is(sql("SELECT mhub.verify_webhook('$secrets{signing_key}', " . object($seen{webhook}{headers}) . ", '" . $seen{webhook}{body} . "')"), 't', 'webhook: signature');

# DingTalk and Feishu
my ($stamp, $sign) = $seen{dingtalk_robot}{target} =~ /timestamp=(\d+)&sign=([^&]+)$/;
is($sign, escaped(encode_base64(hmac_sha256("$stamp\nSEC1", 'SEC1'), '')), 'dingtalk: sign');
cmp_ok(abs($stamp / 1000 - time), '<', 60, 'dingtalk: milliseconds');
my $feishu = body_of('feishu_robot');
is($feishu->{sign}, encode_base64(hmac_sha256('', "$feishu->{timestamp}\nSEC1"), ''), 'feishu: sign');

# Aliyun, ACS3-HMAC-SHA256
{
	my $r = $seen{aliyun_sms};
	my ($path, $query) = split /\?/, $r->{target}, 2;
	my %h = %{ $r->{headers} };
	my $canonical = join "\n", 'POST', $path, join('&', sort split /&/, $query), (map { "$_:$h{$_}" } qw(host x-acs-action x-acs-content-sha256 x-acs-date x-acs-signature-nonce x-acs-version)),
	  '', 'host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version', sha256_hex($r->{body});
	my $signature = hmac_sha256_hex("ACS3-HMAC-SHA256\n" . sha256_hex($canonical), 'aks');
	like($h{authorization}, qr/^ACS3-HMAC-SHA256 Credential=LTAI1,SignedHeaders=[\w;-]+,Signature=$signature$/, 'aliyun: signature');
	is("$h{'x-acs-action'} $h{'x-acs-version'}", 'SendSms 2017-05-25', 'aliyun: action');
	like($query, qr/TemplateCode=SMS_15&TemplateParam=%5B%22%E6%9D%8E%E9%9B%B7%5Cn%22%2C%20%2210%22%5D$/, 'aliyun: parameters as JSON');
}

# Tencent, TC3-HMAC-SHA256
{
	my $r = $seen{tencent_sms};
	my %h = %{ $r->{headers} };
	my $body = $r->{body};
	utf8::encode($body);
	my @t = gmtime $h{'x-tc-timestamp'};
	my $day = sprintf '%04d-%02d-%02d', $t[5] + 1900, $t[4] + 1, $t[3];
	my $canonical = "POST\n/\n\ncontent-type:application/json\nhost:$h{host}\n\ncontent-type;host\n" . sha256_hex($body);
	my $key = hmac_sha256('tc3_request', hmac_sha256('sms', hmac_sha256($day, 'TC3sk')));
	my $signature = hmac_sha256_hex("TC3-HMAC-SHA256\n$h{'x-tc-timestamp'}\n$day/sms/tc3_request\n" . sha256_hex($canonical), $key);
	is($h{authorization}, "TC3-HMAC-SHA256 Credential=AKID1/$day/sms/tc3_request, SignedHeaders=content-type;host, Signature=$signature", 'tencent: signature');
	is_deeply(body_of('tencent_sms')->{TemplateParamSet}, ["李雷\n", '10'], 'tencent: parameters');
}

is($seen{aliyun_sms}{headers}{'content-length'} // 'none', '0', 'aliyun: a POST without body says so');
is($seen{aliyun_sms}{headers}{'content-type'} // 'none', 'none', 'aliyun: and claims no form');
is($seen{aliyun_sms}{headers}{accept}, 'application/json', 'aliyun: asks for JSON');
is(scalar(grep { ($_->{headers}{'user-agent'} // '') ne 'mhub' } values %seen), 0, 'all: we say who we are');

# What the gateways answer, with which status, and what becomes of the message: as their error lists have it.
my $bad_login = '{"message": "Authenticate"}';
my @answers = (['aliyun_sms', 200, '{"Code": "OK", "BizId": "9006", "Message": "OK"}', 'sent'], ['aliyun_sms', 200, '{"Code": "isv.BUSINESS_LIMIT_CONTROL"}', 'again'],
	['aliyun_sms', 200, '{"Code": "isv.MOBILE_NUMBER_ILLEGAL"}', 'failed'], ['aliyun_sms', 200, '{"Code": "isp.SYSTEM_ERROR"}', 'again'],
	['aliyun_sms', 200, '{"Code": "isv.DAY_LIMIT_CONTROL"}', 'again'], ['aliyun_sms', 200, '{"Code": "isv.AMOUNT_NOT_ENOUGH"}', 'fault'],
	['aliyun_sms', 200, '{"Code": "isv.SMS_SIGNATURE_ILLEGAL"}', 'fault'], ['aliyun_sms', 200, '{"Code": "isv.SMS_TEMPLATE_ILLEGAL"}', 'failed'],
	['aliyun_sms', 400, '{"Code": "Throttling.User"}', 'again'], ['aliyun_sms', 400, '{"Code": "SignatureDoesNotMatch"}', 'fault'],
	['aliyun_sms', 404, '{"Code": "InvalidAccessKeyId.NotFound"}', 'fault'], ['aliyun_sms', 400, '{"Code": "MissingTemplateCode"}', 'failed'],
	['aliyun_sms', 400, 'oops', 'failed'], ['aliyun_sms', 200, '<?xml version="1.0"?>', 'fault'],
	['tencent_sms', 200, '{"Response": {"SendStatusSet": [{"SerialNo": "5000:1", "Code": "Ok"}]}}', 'sent'],
	['tencent_sms', 200, '{"Response": {"SendStatusSet": [{"Code": "LimitExceeded.PhoneNumberThirtySecondLimit"}]}}', 'again'],
	['tencent_sms', 200, '{"Response": {"SendStatusSet": [{"Code": "FailedOperation.PhoneNumberInBlacklist"}]}}', 'failed'],
	['tencent_sms', 200, '{"Response": {"SendStatusSet": [{"Code": "FailedOperation.InsufficientBalanceInSmsPackage"}]}}', 'fault'],
	['tencent_sms', 200, '{"Response": {"SendStatusSet": [{"Code": "FailedOperation.TemplateIncorrectOrUnapproved"}]}}', 'failed'],
	['tencent_sms', 200, '{"Response": {"Error": {"Code": "RequestLimitExceeded", "Message": "x"}}}', 'again'],
	['tencent_sms', 200, '{"Response": {"Error": {"Code": "AuthFailure.SignatureFailure"}}}', 'fault'],
	['tencent_sms', 200, '{"Response": {"Error": {"Code": "InvalidParameterValue.IncorrectPhoneNumber"}}}', 'failed'],
	['wecom_robot', 200, '{"errcode": 0, "errmsg": "ok"}', 'sent'], ['wecom_robot', 200, '{"errcode": 45009}', 'again'], ['wecom_robot', 200, '{"errcode": 93000}', 'fault'],
	['wecom_robot', 200, '{"errcode": 40008}', 'failed'],
	['dingtalk_robot', 200, '{"errcode": 0}', 'sent'], ['dingtalk_robot', 200, '{"errcode": 130101}', 'again'],
	['dingtalk_robot', 200, '{"errcode": 310000, "errmsg": "keywords not in content"}', 'failed'], ['dingtalk_robot', 200, '{"errcode": 310000, "errmsg": "sign not match"}', 'fault'],
	['feishu_robot', 200, '{"code": 0, "msg": "success"}', 'sent'], ['feishu_robot', 200, '{"StatusCode": 0}', 'sent'], ['feishu_robot', 200, '{"code": 11232}', 'again'],
	['feishu_robot', 200, '{"code": 9499, "msg": "too many request"}', 'again'], ['feishu_robot', 400, '{"code": 9499, "msg": "Bad Request"}', 'failed'],
	['feishu_robot', 200, '{"code": 19021, "msg": "sign match fail"}', 'fault'], ['feishu_robot', 200, '{"code": 19024, "msg": "Key Words Not Found"}', 'failed'],
	['twilio', 201, '{"sid": "SM2"}', 'sent'], ['twilio', 400, '{"code": 21211}', 'failed'], ['twilio', 401, '{"code": 20003}', 'fault'],
	['sendgrid', 202, '', 'sent'], ['sendgrid', 400, '{"errors": []}', 'failed'], ['sendgrid', 403, '{}', 'fault'],
	['mailgun', 200, '{"id": "<2@mg>"}', 'sent'], ['mailgun', 401, $bad_login, 'fault'], ['mailgun', 400, $bad_login, 'failed']);
sql(qq{UPDATE mhub.provider SET url = 'http://127.0.0.1:$server->{port}/status/{{data.status}}?body={{data.answer}}', breaker_failures = 1000,
	(success_path, message_id_path) = (SELECT p.success_path, p.message_id_path FROM mhub.provider_preset() AS p WHERE p.preset = name) WHERE kind = 'http'});
sql(join ';', map { my ($preset, $status, $answer) = @{ $answers[$_] }; "INSERT INTO mhub.message (channel, provider, template, recipient, purpose, idempotency_key, data)"
	  . " SELECT channel, name, 'hello', '+8613800138000', 'system', 'answer-$_', jsonb_build_object('status', $status, 'answer', '$answer') FROM mhub.provider WHERE name = '$preset'" } 0 .. $#answers);
for my $i (0 .. $#answers)
{
	my ($preset, $status, $answer, $expected) = @{ $answers[$i] };
	# One at a time, so that the provider's failures tell whether it was to blame.
	sql("UPDATE mhub.message_queue SET not_before = now() + (message_id = (SELECT message_id FROM mhub.message WHERE idempotency_key = 'answer-$i'))::integer * interval '-1 day' + interval '1 hour';
		UPDATE mhub.provider_state SET failures = 0, paused_until = NULL");
	sql("CALL mhub.deliver_messages('10 s')");
	is(sql("SELECT CASE state WHEN 'deferred' THEN CASE WHEN s.failures > 0 THEN 'fault' ELSE 'again' END ELSE state END FROM mhub.message AS m JOIN mhub.provider_state AS s ON s.provider = m.provider WHERE idempotency_key = 'answer-$i'"),
		$expected, "$preset: $status $answer");
}
is(sql("SELECT mhub.record_delivery_event('delivered', 'mailgun', '2\@mg')"), 't', "mailgun: the id in its events has no brackets");

# What is missing is named.
my ($code, $out, $err) = $node->psql($db, q{SELECT mhub.create_provider('x', 'aliyun_sms')});
like($err, qr/lacks parameter sign_name, secret access_key_id, secret access_key_secret/, 'what is missing is named');
($code, $out, $err) = $node->psql($db, q{SELECT mhub.create_provider('x', 'fax')});
like($err, qr/no provider preset "fax"/, 'unknown preset');

stop_server($server);
$node->stop;
done_testing();
