# The engine-neutral cases of identity_conformance.jsonl. One transaction a case, rolled back.
#
# Ids there read kind:value. Their kind x, used with PostHog's words, is an anonymous id, or a user id where the case
# calls it identified or identifies into it; everything else is a kind made for the case, unlimited unless it says so.
use strict;
use warnings;
use Encode 'encode_utf8';
use IPC::Run;
use JSON::PP;
use Mhub;
use PostgreSQL::Test::Utils;
use Test::More;

my $file = shared_data('identity/identity_conformance.jsonl');
plan skip_all => 'no conformance cases here (MHUB_SHARED)' unless $file;

my $node = mhub_node('identity_conformance', 'mhub.key_file' => key_file());
hub_database($node, 'hub');
my $json = JSON::PP->new->utf8->canonical;
open my $handle, '<', $file or die "$file: $!";
my @cases = map { $json->decode($_) } <$handle>;
close $handle;

sub quoted { my ($text) = @_; $text =~ s/'/''/g; return "'" . encode_utf8($text) . "'"; }

# Which ids of kind x are users
sub user_ids
{
	my ($case) = @_;
	my %user;
	for my $event (@{ $case->{events} })
	{
		$user{ $event->{into} } = 1 if $event->{op} eq 'identify';
		if ($event->{identified}) { $user{$_} = 1 for @{ $event->{ids} }; }
	}
	return \%user;
}

sub kind_and_value
{
	my ($case, $id) = @_;
	my ($kind, $value) = split /:/, $id, 2;
	$kind = $case->{user}{$id} ? 'user_id' : 'anonymous_id' if $kind eq 'x' && %{ $case->{user} };
	return ($kind, $value);
}

sub identifiers
{
	my ($case, @ids) = @_;
	my %by_kind;
	for my $id (@ids)
	{
		my ($kind, $value) = kind_and_value($case, $id);
		push @{ $by_kind{$kind} }, $value;
	}
	my $text = $json->encode(\%by_kind);
	$text =~ s/'/''/g;
	return "'$text'";
}

sub pair
{
	my ($case, $id) = @_;
	return join ', ', map { quoted($_) } kind_and_value($case, $id);
}

sub statement
{
	my ($case, $event) = @_;
	my $op = $event->{op};
	if ($op eq 'link')
	{
		my $at = defined $event->{t} ? ", occurred_at => to_timestamp($event->{t})" : '';
		return 'SELECT mhub.identify(' . identifiers($case, @{ $event->{ids} }) . "$at)";
	}
	if ($op eq 'identify')
	{
		my ($kind, $value) = kind_and_value($case, $event->{anon});
		my (undef, $user) = kind_and_value($case, $event->{into});
		return 'SELECT mhub.alias(' . quoted($value) . ', ' . quoted($user) . ', previous_kind => ' . quoted($kind) . ')';
	}
	return 'SELECT mhub.relink(' . pair($case, $event->{ids}[0]) . ', ' . pair($case, $event->{ids}[1]) . ')' if $op eq 'force';
	return 'SELECT mhub.split_person(mhub.person_id(' . pair($case, $event->{ids}[0]) . '), ' . identifiers($case, @{ $event->{ids} }) . ')'
	  if $op eq 'split';
	return 'SELECT mhub.erase_person(mhub.person_id(' . pair($case, $event->{id}) . "), 'test')" if $op eq 'erase';
	die "unknown op $op";
}

sub kinds_sql
{
	my ($case) = @_;
	my %kinds = map { (split /:/)[0] => {} } map { @{ $_->{ids} // [] } } map { $_, map { @$_ } @{ $_->{sessions} // [] } } @{ $case->{events} };
	%kinds = (%kinds, %{ $case->{cfg}{kinds} // {} });
	my @rows = map {
		my $kind = $kinds{$_};
		sprintf q{('%s', %d, %s, %s)}, $_, $kind->{prio} // 100, $kind->{max} // 'NULL', $kind->{unique} ? 'true' : 'false'
	} grep { $_ ne 'x' || !%{ $case->{user} } } sort keys %kinds;
	my $blocked = $case->{cfg}{block} ? '' : 'DELETE FROM mhub.blocked_value; ';
	return $blocked unless @rows;
	return $blocked . 'INSERT INTO mhub.identifier_kind (kind, priority, max_per_person, unique_per_person) VALUES ' . join(', ', @rows)
	  . ' ON CONFLICT (kind) DO UPDATE SET pii = false, normaliser = \'exact\', priority = excluded.priority,'
	  . ' max_per_person = excluded.max_per_person, period = NULL, unique_per_person = excluded.unique_per_person;';
}

# Names of kinds back into the case's own, and what one wants to know in the end
my $outcome = <<'SQL';
SELECT 'partition=' || coalesce(jsonb_agg(ids ORDER BY ids)::text, '[]') FROM (
    SELECT array_agg(kind || ':' || value ORDER BY kind, value) AS ids FROM mhub.identifier WHERE kind <> 'erased' GROUP BY person_id) AS p;
SELECT 'merges=' || count(*) FROM mhub.merge_log WHERE action = 'merge';
SELECT 'refused=' || count(*) FROM mhub.identity_conflict;
SQL

sub run_case
{
	my ($case) = @_;
	my $sql = 'BEGIN; ' . kinds_sql($case) . "\n";
	my $step = 0;
	for my $event (@{ $case->{events} })
	{
		$step++;
		$sql .= "SELECT 'step$step=' || coalesce((" . statement($case, $event) . ")::text, 'none');\n";
	}
	$sql .= $outcome;
	for my $id (sort keys %{ $case->{expect_first_seen} // {} })
	{
		my ($kind, $value) = map { quoted($_) } kind_and_value($case, $id);
		$sql .= "SELECT 'first_seen=' || extract(epoch FROM first_seen_at)::bigint FROM mhub.identifier WHERE kind = $kind AND value = $value;\n";
	}
	$sql .= "SELECT 'created_at=' || extract(epoch FROM min(created_at))::bigint FROM mhub.person WHERE merged_into IS NULL;\n";
	$sql .= "SELECT 'identified=' || count(*) FROM mhub.identifier WHERE kind = 'user_id';\n";
	$sql .= "SELECT 'survivors=' || string_agg(DISTINCT person_id::text, ',') FROM mhub.identifier;\nROLLBACK;";
	my $output = $node->safe_psql('hub', $sql);
	return { map { split /=/, $_, 2 } grep { /^\w+=/ } split /\n/, $output };
}

sub partition
{
	my ($case, $groups) = @_;
	my @named = map { [ sort map { join ':', kind_and_value($case, $_) } @$_ ] } @$groups;
	return [ sort { "@$a" cmp "@$b" } @named ];
}

sub found_partition
{
	my ($result) = @_;
	return [ sort { "@$a" cmp "@$b" } map { [ sort @$_ ] } @{ $json->decode($result->{partition}) } ];
}

# The person that the first event naming an id found
sub person_of_step
{
	my ($case, $result, $id) = @_;
	my $step = 0;
	for my $event (@{ $case->{events} })
	{
		$step++;
		return $result->{"step$step"} if grep { $_ eq $id } @{ $event->{ids} // [] };
	}
	return;
}

sub check_case
{
	my ($case, $result) = @_;
	my $found = found_partition($result);
	is_deeply($found, partition($case, $case->{expect}), 'partition') if $case->{expect};
	if ($case->{policies})
	{
		is_deeply($found, partition($case, $case->{policies}{device_stays_with_first}), 'a shared device stays with the first');
	}
	for my $apart (@{ $case->{expect_not_together} // [] })
	{
		my %with = map { my $group = $_; map { $_ => "@$group" } @$group } @$found;
		isnt($with{ $apart->[0] }, $with{ $apart->[1] }, "@$apart are not together");
	}
	is($result->{merges}, $case->{expect_merges}, 'merges') if defined $case->{expect_merges};
	is($result->{refused}, $case->{expect_refused}, 'refused') if defined $case->{expect_refused};
	is($result->{created_at}, $case->{expect_created_at}, 'created at') if defined $case->{expect_created_at};
	cmp_ok($result->{identified}, '>', 0, 'identified') if $case->{expect_identified};
	is($result->{first_seen}, (values %{ $case->{expect_first_seen} })[0], 'first seen') if $case->{expect_first_seen};
	isnt($result->{step3}, $result->{step1}, 'a new person') if $case->{expect_new_person};
	my $survivor = $case->{expect_survivor} // '';
	is($result->{survivors}, $result->{step1}, 'the oldest survives') if $survivor eq 'oldest';
	is($result->{survivors}, person_of_step($case, $result, $1), "survivor is $survivor") if $survivor =~ /^person of (.*)/;
	return;
}

# Three sessions at once; these commit.
sub check_parallel
{
	my ($case) = @_;
	$node->safe_psql('hub', kinds_sql($case));
	my @runs;
	for my $event (@{ $case->{events} })
	{
		my @sessions = $event->{op} eq 'parallel' ? @{ $event->{sessions} } : ([$event]);
		for my $session (@sessions)
		{
			my ($out, $err) = ('', '');
			my $sql = join ";\n", map { statement($case, $_) } @$session;
			push @runs, { out => \$out, err => \$err };
			$runs[-1]{run} = IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('hub'), '-c', $sql ], '>', \$out, '2>', \$err);
			$runs[-1]{run}->finish unless $event->{op} eq 'parallel';
		}
	}
	$_->{run}->finish for @runs;
	is(join('', map { ${ $_->{err} } } @runs), '', 'no session saw an error');
	my $result = { map { split /=/, $_, 2 } split /\n/, $node->safe_psql('hub', $outcome) };
	is_deeply(found_partition($result), partition($case, $case->{expect}), 'partition');
	is($result->{merges}, 2, 'exactly two merges');
	return;
}

my $can_erase = $node->safe_psql('hub', q{SELECT to_regproc('mhub.erase_person') IS NOT NULL}) eq 't';
for my $case (@cases)
{
	$case->{user} = user_ids($case);
	subtest $case->{id} => sub {
		plan skip_all => 'mhub.erase_person() is not there' if !$can_erase && grep { $_->{op} eq 'erase' } @{ $case->{events} };
		if (grep { $_->{op} eq 'parallel' } @{ $case->{events} }) { check_parallel($case); }
		else { check_case($case, run_case($case)); }
	};
}
$node->stop;
done_testing();
