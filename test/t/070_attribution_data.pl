# Attribution against data that the project does not ship; each part is skipped where its data is absent. Also what only
# a procedure with commits shows.
use strict;
use warnings;
use JSON::PP;
use Test::More;
use Mhub;

my $node = mhub_node('attribution', jit => 'off');
my $db = hub_database($node, 'attribution');

sub answer
{
	my ($sql) = @_;
	return $node->safe_psql($db, "SET client_encoding = 'UTF8'; $sql");
}

# A CSV file as a table of text columns.
sub load_csv
{
	my ($table, $columns, $path) = @_;
	my $file = shared_data($path) // return;
	my $source = $path =~ /\.gz$/ ? "PROGRAM 'zcat $file'" : "'$file'";
	answer("CREATE TABLE $table (" . join(', ', map { "$_ text" } @$columns) . "); COPY $table FROM $source WITH (FORMAT csv, HEADER)");
	return 1;
}

subtest 'PathData: heuristics and Markov of order 1' => sub {
	load_csv('path', [qw(path conversions value non_conversions)], 'attribution/pathdata.csv.gz') or plan skip_all => 'no data';
	my @heuristics = qw(first_touch_conversions first_touch_value last_touch_conversions last_touch_value linear_touch_conversions linear_touch_value);
	load_csv('heuristic', [ 'channel', @heuristics ], 'attribution/expected_heuristic.csv');
	load_csv('markov', [qw(channel effect effect_value conversions value)], 'attribution/pathdata_exact_markov_order1.csv');

	# One conversion stands for all of a path: its shares times their number are the conversions, its value is theirs. To
	# compare all digits, cents are left out: the shares times the value.
	answer(q{CREATE TABLE credit AS
		SELECT p.conversions::float8 * s.share AS conversions, p.value::float8 * s.share AS value, s.label, s.model
		FROM (SELECT row_number() OVER () AS n, * FROM path) AS p
		CROSS JOIN LATERAL (SELECT (unnest(mhub.attribution(e.kind, e.at, e.label, e.id, 1, '{"models": ["first_touch", "last_touch", "linear"]}'))).*
			FROM (SELECT 'touch' AS kind, timestamptz '2026-01-01' + i * interval '1 hour' AS at, label, i AS id
				  FROM string_to_table(p.path, ' > ') WITH ORDINALITY AS t (label, i)
				  UNION ALL SELECT 'conversion', '2027-01-01', NULL, 1) AS e) AS s});
	is(answer(q{SELECT count(*), count(*) FILTER (WHERE abs(c - e.expected) > 1e-9 * greatest(1, e.expected)) FROM heuristic AS h
		CROSS JOIN LATERAL (VALUES ('first_touch', 'c', h.first_touch_conversions::float8), ('first_touch', 'v', h.first_touch_value::float8),
			('last_touch', 'c', h.last_touch_conversions::float8), ('last_touch', 'v', h.last_touch_value::float8),
			('linear', 'c', h.linear_touch_conversions::float8), ('linear', 'v', h.linear_touch_value::float8)) AS e (model, measure, expected)
		CROSS JOIN LATERAL (SELECT sum(CASE e.measure WHEN 'c' THEN k.conversions ELSE k.value END) AS c FROM credit AS k WHERE k.model = e.model AND k.label = h.channel) AS k}),
		'72|0', 'first touch, last touch and linear of 12 channels, conversions and value');

	is(answer(q{SELECT count(*), count(*) FILTER (WHERE abs(m.effect - e.effect::float8) > 1e-9 OR abs(m.effect_value - e.effect_value::float8) > 1e-9
			OR abs(m.conversions - e.conversions::float8) > 1e-9 * e.conversions::float8 OR abs(m.value - e.value::float8) > 1e-9 * e.value::float8)
		FROM (SELECT (unnest(mhub.markov_attribution(string_to_array(path, ' > '), conversions::float8, value::float8, non_conversions::float8))).* FROM path) AS m
		JOIN markov AS e ON e.channel = m.label}), '12|0', 'removal effects to 1e-9');

	is(answer(q{SELECT bool_and(abs(s - 19785) < 1e-6 AND abs(v - 74802.97) < 0.01) FROM (
		SELECT sum(m.conversions) AS s, sum(m.value) AS v FROM generate_series(1, 4) AS k
		CROSS JOIN LATERAL (SELECT (unnest(mhub.markov_attribution(string_to_array(path, ' > '), conversions::float8, value::float8, non_conversions::float8, k))).* FROM path) AS m
		GROUP BY k) AS t}), 't', 'orders 1 to 4 share all conversions and value');
};

subtest 'hand-checkable vectors' => sub {
	my $file = shared_data('attribution/hand_vectors.json') or plan skip_all => 'no data';
	open my $handle, '<:raw', $file or die "$file: $!";
	my $cases = decode_json(do { local $/; <$handle> })->{cases};

	# { model => { label => [share, value] } } of a path of [label, days before the conversion]
	my $credit = sub {
		my ($touches, $value, $options) = @_;
		my $i = 0;
		my $rows = join ', ', map { $i++; "('touch', timestamptz '2026-03-01' - interval '1 day' * $_->[1], \$l\$$_->[0]\$l\$, $i)" } @$touches;
		my %credit;
		for (split /\n/, answer("SELECT model, touch_id, share, value FROM (SELECT (unnest(mhub.attribution(k, t, l, i, $value, '" . encode_json($options) . "'))).*
			FROM (VALUES $rows, ('conversion', '2026-03-01', NULL, 1)) AS e (k, t, l, i)) AS c"))
		{
			my ($model, $touch, $share, $part) = split /\|/;
			$credit{$model}[ $touch - 1 ] = [ $share, $part ];
		}
		return \%credit;
	};

	my ($adobe) = grep { $_->{half_life_days} } @$cases;
	my $is = $credit->($adobe->{touches_days_before}, $adobe->{value}, { models => [qw(time_decay linear j_shaped participation)], half_life => "$adobe->{half_life_days} days" });
	for my $model (sort keys %{ $adobe->{expect} })
	{
		for my $i (0 .. $#{ $adobe->{touches_days_before} })
		{
			my $label = $adobe->{touches_days_before}[$i][0];
			my $want = ref $adobe->{expect}{$model} ? $adobe->{expect}{$model}{$label} : $adobe->{expect}{$model};
			cmp_ok($is->{$model}[$i][1], '==', $want, "$model of $label is $want");
		}
	}

	my ($two) = map { $_->{two_touch} } grep { $_->{two_touch} } @$cases;
	my %name = (u => 'position_based', j => 'j_shaped', inverse_j => 'inverse_j_shaped');
	for my $key (sort keys %name)
	{
		my $got = $credit->([ [ 'a', 2 ], [ 'b', 1 ] ], 1, { models => [ $name{$key} ] })->{ $name{$key} };
		is_deeply([ map { $_->[0] + 0 } @$got ], $two->{$key}, "two touches, $name{$key}");
	}

	my ($snowplow) = grep { $_->{revenue} } @$cases;
	my @path = map { [ $_, 1 ] } split / > /, $snowplow->{path};
	my $got = $credit->(\@path, $snowplow->{revenue}, { models => [qw(first_touch last_touch linear position_based)] });
	my %ours = (first => 'first_touch', last => 'last_touch', linear => 'linear', position_based => 'position_based');
	for my $key (sort keys %ours)
	{
		my @far = grep { abs(($got->{ $ours{$key} }[$_][1] // 0) - $snowplow->{$key}[$_]) > 0.01 } 0 .. 2;
		my $sum = 0;
		$sum += int(0.5 + 100 * ($_->[1] // 0)) for grep { defined } @{ $got->{ $ours{$key} } };
		ok(!@far && $sum == 100 * $snowplow->{revenue}, "$key to the cent, and the cents add up");
	}

	my ($markov) = grep { $_->{derived_here} } @$cases;
	my $paths = join ', ', map { "(string_to_array('$_->[0]', ' > '), $_->[1], $_->[2])" } @{ $markov->{paths} };
	for (split /\n/, answer("SELECT (unnest(mhub.markov_attribution(p, c, 0, n))).* FROM (VALUES $paths) AS v (p, c, n)"))
	{
		my ($label, $effect, undef, $conversions) = split /\|/;
		ok(abs($effect - $markov->{derived_here}{removal_effect}{$label}) < 1e-9
			&& abs($conversions - $markov->{derived_here}{attributed_of_4}{$label}) < 1e-9, "Markov: $label");
	}
	my ($shapley) = grep { $_->{shapley} } @$cases;
	$paths = join ', ', map { "(string_to_array('$_->[0]', ' > '), $_->[1])" } @{ $shapley->{paths} };
	for (split /\n/, answer("SELECT (unnest(mhub.shapley_attribution(p, c))).* FROM (VALUES $paths) AS v (p, c)"))
	{
		my ($label, undef, undef, $conversions) = split /\|/;
		cmp_ok($conversions, '==', $shapley->{shapley}{$label}, "Shapley: $label");
	}

	my ($transform) = grep { $_->{exposure} } @$cases;
	my $given = '{' . join(',', @{ $transform->{path} }) . '}';
	my %transform = (exposure => 'consecutive', first => 'first', frequency => 'frequency');
	is(answer("SELECT mhub.transform_path('$given', '$transform{$_}')"), '{' . join(',', @{ $transform->{$_} }) . '}', "transform $_") for sort keys %transform;
};

subtest 'Olist: win rate by channel' => sub {
	load_csv('lead', [qw(mql_id first_contact landing_page origin)], 'roi/olist_marketing_qualified_leads.csv') or plan skip_all => 'no data';
	load_csv('deal', [qw(mql_id a b c won_at d e f g h i j k l)], 'roi/olist_closed_deals.csv');
	# Each lead is a visit, each deal a conversion of the hub.
	answer(q{INSERT INTO mhub.identifier_kind (kind) VALUES ('mql');
		INSERT INTO mhub.person (person_id) OVERRIDING SYSTEM VALUE SELECT row_number() OVER (ORDER BY mql_id) FROM lead;
		INSERT INTO mhub.identifier SELECT i.* FROM (SELECT row_number() OVER (ORDER BY mql_id) AS n, * FROM lead) AS l
			CROSS JOIN jsonb_populate_record(NULL::mhub.identifier, jsonb_build_object('identifier_id', l.n, 'person_id', l.n, 'first_person_id', l.n,
				'kind', 'mql', 'value', l.mql_id, 'first_seen_at', l.first_contact, 'last_seen_at', l.first_contact)) AS i;
		INSERT INTO mhub.event (identifier_id, occurred_at, name, type, channel, url)
			SELECT i.identifier_id, l.first_contact::timestamptz, 'Page Viewed', 'page', coalesce(l.origin, 'unknown'), 'https://olist.example/' || l.landing_page
			FROM lead AS l JOIN mhub.identifier AS i ON i.value = l.mql_id;
		INSERT INTO mhub.event (identifier_id, occurred_at, name, properties)
			SELECT i.identifier_id, d.won_at::timestamptz, 'Deal Won', jsonb_build_object('order_id', d.mql_id) FROM deal AS d JOIN mhub.identifier AS i ON i.value = d.mql_id;
		UPDATE mhub.attribution_setting SET options = '{"models": ["first_touch", "linear"]}';
		INSERT INTO mhub.goal (key, event_name) VALUES ('deal', 'Deal Won');});
	answer('CALL mhub.refresh_attribution()');
	is(answer('SELECT count(*) FROM mhub.conversion'), 842, 'every deal is a conversion');
	is(answer(q{SELECT string_agg(channel || ' ' || rate, ', ' ORDER BY rate DESC) FROM (
		SELECT t.channel, round((100 * sum(k.share) / count(DISTINCT t.touch_id))::numeric, 1) AS rate
		FROM mhub.touch AS t LEFT JOIN mhub.credit AS k ON k.touch_id = t.touch_id AND k.model = 'first_touch'
		WHERE t.channel IN ('paid search', 'organic search', 'social', 'email') GROUP BY t.channel) AS r}),
		'paid search 12.3, organic search 11.8, social 5.6, email 3.0', 'win rates');
	is(answer(q{SELECT count(*) FROM mhub.conversion WHERE first_touch_at > occurred_at OR path IS NULL}),
		answer(q{SELECT count(*) FROM deal AS d JOIN lead AS l USING (mql_id) WHERE l.first_contact::timestamptz > d.won_at::timestamptz}), 'only deals won before the first contact lack a path');
};

subtest 'cost files' => sub {
	load_csv('spend', [qw(id c_date campaign_name category campaign_id impressions mark_spent clicks leads orders revenue)], 'roi/campaign_spend_daily.csv') or plan skip_all => 'no data';
	load_csv('ad', [qw(date ad_id xyz_campaign_id fb_campaign_id age gender interest impressions clicks spent total approved)], 'roi/kag_facebook_conversion.csv');
	my $import = q{SELECT inserted, updated, unchanged, round(amount, 2) FROM mhub.import_cost((SELECT jsonb_agg(to_jsonb(s)) FROM (SELECT *, split_part(lower(campaign_name), '_', 1) AS platform FROM spend) AS s),
		'{"day": "c_date", "campaign": "campaign_name", "amount": "mark_spent"}', '{}', 'DD-MM-YYYY')};
	my $rows = answer('SELECT count(*) FROM spend');
	my $total = answer('SELECT round(sum(mark_spent::numeric), 2) FROM spend');
	is(answer($import), "$rows|0|0|$total", 'campaign spend: every row, all of the money');
	is(answer($import), "0|0|$rows|$total", 'again: nothing changes');
	is(answer(q{SELECT round(sum(amount)) FROM mhub.cost}), 30590880, 'as its source says');
	answer(q{INSERT INTO mhub.event (identifier_id, occurred_at, name, type, channel, campaign, url) VALUES (1, '2021-02-01', 'Page Viewed', 'page', 'Paid Social', 'facebook_tier2', 'https://s.example/')});
	answer('CALL mhub.refresh_attribution()');
	is(answer(q{SELECT DISTINCT matched_by || ' ' || campaign FROM mhub.cost_assigned WHERE campaign ILIKE 'facebook_tier2'}), 'utm_campaign facebook_tier2', 'facebOOK_tier2 finds its campaign');
	answer(q{SELECT mhub.import_cost((SELECT jsonb_agg(to_jsonb(a)) FROM ad AS a), '{"day": "date", "campaign_id": "fb_campaign_id", "ad": "ad_id", "amount": "spent"}', '{"platform": "facebook", "currency": "USD"}', 'DD-MM-YYYY')});
	is(answer(q{SELECT round(sum(amount)) FROM mhub.cost WHERE currency = 'USD'}), answer('SELECT round(sum(spent::numeric)) FROM ad'), 'ad level: all of the money');
	is(answer(q{SELECT string_agg(r.currency || ' ' || (r.cost = (SELECT sum(amount) FROM mhub.cost AS c WHERE c.currency = r.currency)), ', ' ORDER BY r.currency)
		FROM (SELECT currency, sum(cost) AS cost FROM mhub.roi_by_campaign GROUP BY currency) AS r}), 'CNY true, USD true', 'the spend loaded is reported once, in each currency');
};

subtest 'the procedure commits as it goes and can be resumed' => sub {
	answer(q{INSERT INTO mhub.event (identifier_id, occurred_at, name, channel, url) VALUES (1, '2021-02-01', 'Page Viewed', 'Email', 'https://s.example/')});
	answer(q{SELECT mhub.rebuild_attribution()});
	answer(q{CALL mhub.refresh_attribution('0 seconds')});
	my $left = answer('SELECT count(*) FROM mhub.attribution_dirty');
	cmp_ok($left, '>', 0, 'nothing done in no time');
	answer('CALL mhub.refresh_attribution()');
	is(answer('SELECT count(*) FROM mhub.attribution_dirty'), 0, 'the next call goes on');
	my ($code, undef, $error) = $node->psql($db, 'BEGIN; CALL mhub.refresh_attribution(); COMMIT;');
	like($error, qr/invalid transaction termination/, 'not inside a transaction block');
};

$node->stop;
done_testing();
