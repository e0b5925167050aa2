# Sources and robots against data that the project does not ship; each part is skipped where its data is absent.
use strict;
use warnings;
use Encode qw(encode_utf8);
use JSON::PP;
use Test::More;
use Mhub;

my $node = mhub_node('traffic');
my $db = hub_database($node, 'traffic');

sub read_file
{
	my ($path) = @_;
	open my $file, '<:raw', $path or die "$path: $!";
	local $/;
	return <$file>;
}

# The rows of a query as hashes; the input goes in as one JSON value, dollar-quoted.
sub rows
{
	my ($sql, $input) = @_;
	my $json = JSON::PP->new->utf8->encode($input);
	my $out = $node->safe_psql($db,
		"SET client_encoding = 'UTF8'; SELECT coalesce(jsonb_agg(to_jsonb(answer)), '[]') FROM ($sql) AS answer"
		  =~ s/:input/\$input\$$json\$input\$::jsonb/r);
	return @{ JSON::PP->new->utf8->decode($out) };
}

my $parse = q{SELECT i.n, p.*, mhub.clean_url(i.url) AS stored_url
	FROM jsonb_to_recordset(:input) AS i(n int, url text, referrer text),
	     mhub.parse_source(i.url, i.referrer, i.own) AS p ORDER BY i.n};

# Their words for a medium, and ours: UTM's and Google Analytics'.
my %medium = (search => 'organic', social => 'social', email => 'email', chatbot => 'ai-assistant', paid => 'cpc');


# One expectation of an edge case against our answer; undef where it holds.
my %judge = (
	source => sub { my ($want, $is) = @_; return lc($is->{source} // '') eq lc $want },
	medium => sub { my ($want, $is) = @_; return ($is->{medium} // '') eq ($medium{$want} // $want) },
	term => sub { my ($want, $is) = @_; return ($is->{search_term} // '') eq $want },
	channel => sub { my ($want, $is) = @_; return $want eq 'Internal/none' ? !defined $is->{channel} : ($is->{channel} // '') eq $want },
	channel_not => sub { my ($want, $is) = @_; return ($is->{channel} // '') ne $want },
	click_network => sub { my ($want, $is) = @_; return ($is->{click_network} // '') eq ($want // '') },
	click_id => sub { my ($want, $is) = @_; return ($is->{click_id} // '') eq ($want // '') },
	campaign => sub { my ($want, $is) = @_; return ($is->{campaign} // '') eq ($want // '') },
	campaign_valid_utf8 => sub { my ($want, $is) = @_; return length $is->{campaign} > 0 },
	macro_unreplaced => sub { my ($want, $is) = @_; return $is->{source} eq '(direct)' && !defined $is->{campaign} },
	stored_url => sub { my ($want, $is) = @_; return $is->{stored_url} eq $want },
	# the referrer is our own, though the campaign in the address still counts
	internal => sub { my ($want, $is) = @_; return !defined $is->{referrer_host} },
	ok => sub { my ($want, $is) = @_; return length($is->{stored_url}) <= 8192 },
);

SKIP:
{
	my $file = shared_data('traffic/parse_source_edge_cases.json') or skip 'no edge cases', 1;
	my @cases = @{ JSON::PP->new->utf8->decode(read_file($file))->{cases} };
	my @input;
	for my $n (0 .. $#cases)
	{
		(my $url = $cases[$n][0]) =~ s/AAAA\(100 kB\)/'A' x 100_000/e;
		push @input, { n => $n, url => $url, referrer => $cases[$n][1], own => $url =~ /xn--/ ? [] : ['example.com'] };
	}
	my @is = rows($parse =~ s/referrer text\)/referrer text, own text[])/r, \@input);
	is(scalar @is, scalar @cases, 'every edge case is answered');
	for my $n (0 .. $#cases)
	{
		my ($url, $referrer, $expected, $why) = @{ $cases[$n] };
		my @wrong = grep { !($judge{$_} // die "unknown expectation $_")->($expected->{$_}, $is[$n]) } sort keys %$expected;
		is("@wrong", '', encode_utf8(substr("$url | $referrer: $why", 0, 150))) or diag(explain($is[$n]));
	}
}

SKIP:
{
	my $file = shared_data('traffic/referer_tests.json') or skip 'no referrer tests', 1;
	my @cases = @{ JSON::PP->new->utf8->decode(read_file($file)) };
	my @input = map { { n => $_, url => 'http://www.example.com/', referrer => $cases[$_]{uri}, own => [] } } 0 .. $#cases;
	my @is = rows($parse =~ s/referrer text\)/referrer text, own text[])/r, \@input);
	for my $n (0 .. $#cases)
	{
		my ($case, $is) = ($cases[$n], $is[$n]);
		is(join('|', $is->{medium} // '', $is->{search_term} // ''),
			join('|', $medium{ $case->{medium} }, $case->{term} // ''), "$case->{spec}: medium and search words");

		# Brands are spelled differently (Web.de and web.de mail): the first word must be the same, but for these.
		my %other_name = ('IXquick' => 'ixquick', 'Google Gemini' => 'gemini', 'Microsoft Copilot' => 'copilot');
		my $want = $other_name{ $case->{source} } // lc $case->{source};
		my ($theirs) = $want =~ /^([a-z0-9]+)/;
		like($is->{source}, qr/\Q$theirs\E/, "$case->{spec}: source");
	}
}

SKIP:
{
	my $file = shared_data('traffic/clickids.tsv') or skip 'no click ids', 1;
	my (undef, @lines) = split /\r?\n/, read_file($file);
	my @input;
	for (@lines)
	{
		my ($names, undef, $paid) = split /\t/;
		push @input, map { { n => scalar @input, url => "https://example.com/?$_=Ab1", name => $_, theirs => lc $paid } } split m{\s*[/,]\s*}, $names;
		$input[$_]{n} = $_ for 0 .. $#input;
	}
	my @is = rows($parse =~ s/referrer text\)/referrer text, own text[])/r, \@input);
	# Names that others use too, and qualifiers, are an ad's only beside a source that says so.
	my @wrong = grep { my $theirs = $input[$_]{theirs};
		($theirs eq 'yes' ? 't' : 'f') ne ($is[$_]{is_paid} ? 't' : 'f') } grep { $input[$_]{theirs} =~ /^(?:yes|no)\b(?! if)/ } 0 .. $#input;
	cmp_ok(scalar @input, '>=', 29, 'click ids');
	is(join(' ', map { $input[$_]{name} } @wrong), '', 'every click id alone is an ad exactly where its evidence says so');
	my @unknown = grep { $input[$_]{theirs} =~ /^(?:yes|no \(email\))$/ && $is[$_]{source} eq '(direct)' } 0 .. $#input;
	is(join(' ', map { $input[$_]{name} } @unknown), '', 'and names a source');
}

SKIP:
{
	my $file = shared_data('traffic/ga4_source_categories.csv') or skip 'no categories', 1;
	my (undef, @lines) = split /\r?\n/, read_file($file);
	my @input = map { my ($source, $category) = /^(.*),SOURCE_CATEGORY_(\w+)$/; { source => $source, theirs => lc $category } } @lines;
	my @is = rows(q{SELECT i.source, i.theirs, mhub.source_category(i.source) AS ours
		FROM jsonb_to_recordset(:input) AS i(source text, theirs text)}, \@input);

	# Web mail of search companies is mail; payment pages are no shops; Tudou shows videos.
	my %ours = map { $_ => 1 } 'search email', 'shopping excluded', 'social video';
	my @unknown = grep { !defined $_->{ours} } @is;
	my @wrong = grep { defined $_->{ours} && $_->{ours} ne $_->{theirs} && !$ours{"$_->{theirs} $_->{ours}"} } @is;
	# Viadeo's other address is no more a video than its own one.
	@wrong = grep { $_->{source} ne 'viadeo.journaldunet.com' } @wrong;
	is(join(' ', map { "$_->{source}:$_->{theirs}/$_->{ours}" } @wrong), '', 'no other category than Google Analytics, but for three sorts');
	# Its social list also has newspapers, shops, recipes and trades, which we call referrals.
	is(join(' ', map { $_->{source} } @unknown), 'allrecipes.com care.com deluxe.com epicurious.com pro.homeadvisor.com rtl.de '
		. 'screenrant screenrant.com ssense.com vg.no video.ibm.com woot.com', 'all of its sources are known but for some that are no networks');
}

SKIP:
{
	my $file = shared_data('traffic/ua_train.tsv.gz') or skip 'no user agents', 1;
	my $copy = PostgreSQL::Test::Utils::tempdir() . '/ua.tsv';
	system("gzip -dc '$file' | iconv -c -f UTF-8 -t UTF-8 > '$copy'") == 0 or die 'cannot unpack the user agents';
	$node->safe_psql($db, qq{
		CREATE TABLE public.ua (label text, grade text, sources text, user_agent text);
		\\copy public.ua FROM '$copy' WITH (FORMAT csv, DELIMITER E'\\t', QUOTE E'\\b')
	});
	my ($bots, $recall, $humans, $false) = split /\|/, $node->safe_psql($db, q{
		SELECT count(*) FILTER (WHERE label = 'bot'),
		       100.0 * count(*) FILTER (WHERE label = 'bot' AND verdict) / count(*) FILTER (WHERE label = 'bot'),
		       count(*) FILTER (WHERE label = 'human'),
		       100.0 * count(*) FILTER (WHERE label = 'human' AND verdict) / count(*) FILTER (WHERE label = 'human')
		FROM (SELECT label, mhub.user_agent_is_bot(user_agent) AS verdict FROM public.ua WHERE grade = 'gold') AS judged});
	cmp_ok($bots, '>', 1000, "$bots trusted robots");
	cmp_ok($recall, '>=', 99.5, "recall of robots: $recall %");
	cmp_ok($false, '<=', 0.15, "people called robots, of $humans: $false %");

	# Of Weibo's there are doubtful ones only.
	is( $node->safe_psql($db, q{
		WITH family (name, pattern) AS (VALUES
			('wechat', 'micromessenger'), ('weibo', 'weibo'), ('qq', '[ ;]qq/|qqbrowser'), ('uc', 'ucbrowser|ucweb|ubrowser'),
			('baidu', 'baidu'), ('sogou', 'sogou|metasr'), ('360', '360se|360ee|qihoo|qihu|360 aphone|360browser'), ('quark', 'quark'),
			('miui', 'miuibrowser'), ('huawei', 'huaweibrowser'), ('vivo', 'vivobrowser'), ('oppo', 'heytapbrowser|oppobrowser'),
			('liebao', 'lbbrowser|liebao'), ('maxthon', 'maxthon'), ('alibaba', 'alipay|taobao|dingtalk|aliapp'))
		SELECT string_agg(concat_ws(' ', f.name, round(j.share, 3)), ', ') FROM family AS f
		CROSS JOIN LATERAL (SELECT avg(mhub.user_agent_is_bot(u.user_agent)::int) AS share FROM public.ua AS u
			WHERE u.label = 'human' AND lower(u.user_agent) ~ f.pattern AND (u.grade = 'gold' OR f.name = 'weibo')) AS j
		WHERE j.share > 0.01 OR j.share IS NULL}),
		'', 'every Chinese family of browsers is there, and none is called robots more than once in a hundred');
}

# Bytes that are no text of any encoding, where the database takes them.
$node->safe_psql('postgres', "CREATE DATABASE bytes TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'");
$node->safe_psql('bytes', 'CREATE EXTENSION mhub');
is($node->safe_psql('bytes', q{SELECT string_agg(mhub.user_agent_is_bot(convert_from(agent, 'SQL_ASCII'))::text, ' ')
	FROM (VALUES ('\xfffe80c0'::bytea), ('Mozilla/5.0 (Windows NT 10.0; Win64; x64) \377\300\200 Chrome/120.0.0.0 Safari/537.36 \200'::bytea),
		('Mozilla/5.0 (iPhone; \344\270 (KHTML, like Gecko'::bytea), ('Googlebot\300'::bytea),
		('Mozilla/5.0 (Linux; Android 10; (((((([[[[ \377 @ @. a@b. ('::bytea)) AS agents(agent)}),
	'true false false true false', 'bytes that are no text are judged as well');

done_testing();
