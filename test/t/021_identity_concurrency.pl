# Four clients at once: whatever they do, no client sees an error, and in the end the persons are the connected
# components of the links, computed naively.
use strict;
use warnings;
use IPC::Run;
use Mhub;
use Test::More;

my $node = mhub_node('identity_concurrency');
hub_database($node, 'hub');
$node->safe_psql('hub', q{
    INSERT INTO mhub.identifier_kind (kind, priority, max_per_person, unique_per_person)
    VALUES ('p', 1, NULL, false), ('q', 2, NULL, false), ('limited', 3, 3, false), ('account', 0, NULL, true);
});
# The identifier may have left the person between the look and the split; that much is the caller's business.
$node->safe_psql('hub', q{
    CREATE FUNCTION public.split(kind text, value text) RETURNS bigint LANGUAGE plpgsql AS $$
    BEGIN
        RETURN mhub.split_person(mhub.person_id(kind, value), jsonb_build_object(kind, value));
    EXCEPTION WHEN invalid_parameter_value THEN
        RETURN NULL;
    END $$
});
my $seed = $ENV{MHUB_TEST_SEED} // 20261122;
note("seed $seed (MHUB_TEST_SEED)");
srand($seed);

sub pick { return $_[int rand @_]; }

# An identifier of one of the kinds, out of n of each
sub identifier { my ($n, @kinds) = @_; return [ pick(@kinds), 'v' . int rand $n ]; }

sub as_jsonb
{
	my %by_kind;
	push @{ $by_kind{ $_->[0] } }, qq("$_->[1]") for @_;
	return q('{) . join(', ', map { qq("$_": [) . join(', ', @{ $by_kind{$_} }) . ']' } sort keys %by_kind) . q(}');
}

sub arguments { return join ', ', map { "'$_->[0]', '$_->[1]'" } @_; }

# Runs the clients' statements, each its own transaction, at the same time; returns what they complained of.
sub run_clients
{
	my (@clients) = @_;
	my (@runs, @errors);
	for my $client (0 .. $#clients)
	{
		my $file = $node->basedir . "/client$client.sql";
		open my $handle, '>', $file or die "$file: $!";
		print $handle "$_;\n" for @{ $clients[$client] };
		close $handle;
		my ($out, $error) = ('', '');
		push @errors, \$error;
		push @runs, IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('hub'), '-f', $file ],
			'>', '/dev/null', '2>', $errors[-1]);
	}
	$_->finish for @runs;
	return join '', map { $$_ } @errors;
}

my $naive = q{
    WITH RECURSIVE edge AS (
        SELECT identifier_a AS a, identifier_b AS b FROM mhub.link WHERE joins
        UNION SELECT identifier_b, identifier_a FROM mhub.link WHERE joins
    ), reach AS (
        SELECT identifier_id AS node, identifier_id AS root FROM mhub.identifier
        UNION SELECT e.b, r.root FROM reach AS r JOIN edge AS e ON e.a = r.node
    ), component AS (SELECT node, min(root) AS root FROM reach GROUP BY node)
    SELECT count(*) FROM (
        SELECT i.person_id FROM component AS c JOIN mhub.identifier AS i ON i.identifier_id = c.node
        GROUP BY i.person_id HAVING count(DISTINCT c.root) > 1
        UNION ALL SELECT c.root FROM component AS c JOIN mhub.identifier AS i ON i.identifier_id = c.node
        GROUP BY c.root HAVING count(DISTINCT i.person_id) > 1) AS wrong};

sub check_invariants
{
	my ($phase) = @_;
	is($node->safe_psql('hub', $naive), '0', "$phase: persons are the components of the links");
	is($node->safe_psql('hub', q{SELECT count(*) FROM mhub.identifier AS i LEFT JOIN mhub.person AS p USING (person_id)
		WHERE p.person_id IS NULL OR p.merged_into IS NOT NULL}), '0', "$phase: every identifier has a living person");
	is($node->safe_psql('hub', q{SELECT count(*) FROM mhub.person AS p WHERE p.merged_into IS NULL
		AND NOT EXISTS (SELECT FROM mhub.identifier AS i WHERE i.person_id = p.person_id)}), '0', "$phase: every living person has an identifier");
	is($node->safe_psql('hub', q{SELECT count(*) FROM mhub.person AS p WHERE p.merged_into IS NOT NULL AND mhub.resolve_person(p.person_id) IS NULL}),
		'0', "$phase: every other resolves");
	is($node->safe_psql('hub', q{SELECT count(*) FROM (SELECT FROM mhub.identifier AS i JOIN mhub.identifier_kind AS k USING (kind)
		GROUP BY i.person_id, i.kind, k.max_per_person, k.unique_per_person
		HAVING count(*) > coalesce(CASE WHEN k.unique_per_person THEN 1 ELSE k.max_per_person END, 1000000)) AS broken}),
		'0', "$phase: no limit is broken");
	return;
}

# Links only, without limits: the outcome does not depend on the order, so it is known beforehand.
my (@clients, %parent);
sub root { my ($x) = @_; $x = $parent{$x} while defined $parent{$x} && $parent{$x} ne $x; return $x; }
for my $client (0 .. 3)
{
	for (1 .. 400)
	{
		my @seen = map { identifier(300, 'p', 'q') } 1 .. pick(1, 2, 2, 2, 3);
		push @{ $clients[$client] }, 'SELECT mhub.identify(' . as_jsonb(@seen) . ')';
		my @names = map { "$_->[0]:$_->[1]" } @seen;
		$parent{$_} //= $_ for @names;
		$parent{ root($names[0]) } = root($_) for @names;
	}
}
is(run_clients(@clients), '', 'linking: no client saw an error');
check_invariants('linking');
my %groups;
push @{ $groups{ root($_) } }, $_ for sort keys %parent;
is($node->safe_psql('hub', q{SELECT string_agg(ids, E'\n' ORDER BY ids) FROM
	(SELECT string_agg(kind || ':' || value, ' ' ORDER BY kind, value) AS ids FROM mhub.identifier GROUP BY person_id) AS p}),
	join("\n", sort map { join ' ', sort @$_ } values %groups), 'linking: the persons that all links together make');

# Everything at once: limits, unlinking, splitting, relinking what is not forced together, batches of observations.
@clients = ();
my @kinds = ('p', 'q', 'limited', 'account');
for my $client (0 .. 3)
{
	for (1 .. 500)
	{
		my ($a, $b) = map { identifier(40, @kinds) } 1 .. 2;
		next if "@$a" eq "@$b";
		my $what = rand;
		my $statement =
			$what < 0.70 ? 'SELECT mhub.identify(' . as_jsonb(map { identifier(40, @kinds) } 1 .. pick(1, 2, 3, 4)) . ')'
		  : $what < 0.85 ? 'SELECT mhub.unlink(' . arguments($a, $b) . ')'
		  : $what < 0.95 ? "SELECT public.split('$a->[0]', '$a->[1]')"
		  : "SELECT mhub.alias('$a->[1]', '$b->[1]', previous_kind => 'p')";
		push @{ $clients[$client] }, $statement;
	}
}
my $errors = run_clients(@clients);
is($errors, '', 'everything at once: no client saw an error');
check_invariants('everything at once');
cmp_ok($node->safe_psql('hub', 'SELECT count(*) FROM mhub.merge_log WHERE action = \'split\''), '>', 50, 'there were splits');
cmp_ok($node->safe_psql('hub', 'SELECT count(*) FROM mhub.identity_conflict'), '>', 50, 'there were conflicts');

# The log replayed from the beginning ends with the persons there are.
is($node->safe_psql('hub', q{
	WITH RECURSIVE living AS (SELECT person_id FROM mhub.person WHERE merged_into IS NULL),
	last AS (SELECT DISTINCT ON (other_person_id) other_person_id, action FROM mhub.merge_log ORDER BY other_person_id, merge_id DESC)
	SELECT count(*) FROM last LEFT JOIN living ON living.person_id = last.other_person_id
	WHERE (last.action = 'merge') = (living.person_id IS NOT NULL)}), '0', 'the last word of the log on a person is true');
$node->stop;
done_testing();
