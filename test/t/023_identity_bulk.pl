# Bulk linking that is interrupted and called again ends where one by one ends; and shapes that hurt: a star of 50,000, a
# chain of 5,001, links to oneself.
use strict;
use warnings;
use IPC::Run;
use Mhub;
use Test::More;

my $node = mhub_node('identity_bulk');
my $seed = $ENV{MHUB_TEST_SEED} // 20261122;
note("seed $seed (MHUB_TEST_SEED)");

# Kinds with a limit, unique ones, and free ones; pairs that make persons of all sizes. No limit has a period, so an
# observation that comes twice changes nothing.
sub database
{
	my ($name) = @_;
	hub_database($node, $name);
	$node->safe_psql($name, qq{
		DELETE FROM mhub.identifier_kind;
		INSERT INTO mhub.identifier_kind (kind, priority, max_per_person, unique_per_person)
		VALUES ('free', 3, NULL, false), ('limited', 2, 3, false), ('account', 1, NULL, true);
		SELECT setseed(0.$seed);
		CREATE TABLE pair AS SELECT i, (ARRAY['free', 'free', 'limited', 'account'])[1 + floor(random() * 4)::int] AS ka, 'v' || floor(random() * 9000)::int AS va,
			(ARRAY['free', 'free', 'limited', 'account'])[1 + floor(random() * 4)::int] AS kb, 'v' || floor(random() * 9000)::int AS vb
		FROM generate_series(1, 12000) AS i;
	});
	return;
}

my $partition = q{SELECT md5(string_agg(ids, E'\n' ORDER BY ids)) FROM
	(SELECT string_agg(kind || ':' || value, ' ' ORDER BY kind, value) AS ids FROM mhub.identifier GROUP BY person_id) AS p};

# One by one, the way it has to come out
database('single');
$node->safe_psql('single', q{SELECT count(mhub.identify(CASE WHEN ka = kb THEN jsonb_build_object(ka, jsonb_build_array(va, vb))
	ELSE jsonb_build_object(ka, va, kb, vb) END)) FROM (SELECT * FROM pair ORDER BY i) AS p});
my $expected = $node->safe_psql('single', $partition);
cmp_ok($node->safe_psql('single', 'SELECT count(*) FROM mhub.identity_conflict'), '>', 50, 'limits and unique kinds had a say');

# Makes runs in a database stop for as long as it takes before they commit the batch that goes beyond gate.rows.
sub gate
{
	my ($database) = @_;
	$node->safe_psql($database, q{
		CREATE TABLE gate AS SELECT 0 AS rows;
		CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			IF NEW.rows_done > (SELECT rows FROM public.gate) THEN PERFORM pg_sleep(600); END IF;
			RETURN NEW;
		END $$;
		CREATE TRIGGER gate BEFORE UPDATE ON mhub.link_job FOR EACH ROW EXECUTE FUNCTION wait_at_gate();
	});
	return;
}

# Starts a run and interrupts it, in a way of the caller's, when so many rows are done.
sub interrupt
{
	my ($database, $query, $rows, $how) = @_;
	my ($out, $error) = ('', '');
	$node->safe_psql($database, "UPDATE gate SET rows = $rows");
	my $run = IPC::Run::start([ 'psql', '-Xq', '-d', $node->connstr($database), '-c',
		"CALL mhub.link_identifiers(\$\$$query\$\$, 'bulk', 200)" ], '>', \$out, '2>', \$error);
	$node->poll_query_until($database, "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep'") or die 'it does not get on';
	$how->();
	$run->finish;
	return $error;
}

sub backend { return "SELECT $_[0](pid) FROM pg_stat_activity WHERE query LIKE 'CALL mhub.link%'"; }
sub done { return $node->safe_psql('bulk', 'SELECT rows_done FROM mhub.link_job'); }

database('bulk');
gate('bulk');
my $ordered = 'SELECT ka, va, kb, vb FROM pair ORDER BY i';
like(interrupt('bulk', $ordered, 1000, sub { $node->safe_psql('bulk', backend('pg_cancel_backend')) }),
	qr/canceling statement/, 'a run is cancelled');
is(done(), 1000, 'the batches before are done');
is($node->safe_psql('bulk', 'SELECT finished_at IS NULL FROM mhub.link_progress'), 't', 'and the view of progress says so');
interrupt('bulk', $ordered, 5000, sub { $node->safe_psql('bulk', backend('pg_terminate_backend')) });
is(done(), 5000, 'another goes on behind them, and its session is ended');
interrupt('bulk', $ordered, 9000, sub { $node->stop('immediate') });
$node->start;
is(done(), 9000, 'a third ends with the server');
$node->safe_psql('bulk', "UPDATE gate SET rows = 12000; CALL mhub.link_identifiers(\$\$$ordered\$\$, 'bulk', 200)");
is($node->safe_psql('bulk', "SELECT rows_done, rows_at_start, finished_at IS NOT NULL FROM mhub.link_job"), '12000|9000|t', 'the last goes on and finishes');
is($node->safe_psql('bulk', $partition), $expected, 'the persons are those that identify() makes one by one');
is($node->safe_psql('bulk', q{SELECT count(*) FROM mhub.doctor_identity() WHERE status = 'fail'}), '0', 'and nothing is loose');

database('unordered');
gate('unordered');
my $unordered = 'SELECT ka, va, kb, vb FROM pair';
interrupt('unordered', $unordered, 1000, sub { $node->safe_psql('unordered', backend('pg_cancel_backend')) });
$node->safe_psql('unordered', "UPDATE gate SET rows = 12000; CALL mhub.link_identifiers(\$\$$unordered\$\$, 'bulk', 5000)");
is($node->safe_psql('unordered', 'SELECT rows_done, rows_at_start FROM mhub.link_job'), '12000|0', 'without ORDER BY it starts over');
is($node->safe_psql('unordered', $partition), $expected, 'with the same persons in the end');

# One account with 50,000 devices, without limits, one observation at a time
hub_database($node, 'shapes');
$node->safe_psql('shapes', q{
	INSERT INTO mhub.identifier_kind (kind, priority) VALUES ('hub', 1), ('spoke', 2), ('ring', 3);
	SELECT count(mhub.identify(jsonb_build_object('hub', 'h', 'spoke', 's' || i))) FROM generate_series(1, 50000) AS i;
});
is($node->safe_psql('shapes', 'SELECT count(*), count(DISTINCT person_id) FROM mhub.identifier'), '50001|1', 'a star of 50,001');

# Merging into it moves and reads the small side only.
my ($moved, $read) = split /\|/, (split /\n/, $node->safe_psql('shapes', q{
	SELECT mhub.identify('{"ring": "r0"}');
	BEGIN;
	SELECT mhub.identify('{"hub": "h", "ring": "r0"}');
	SELECT n_tup_upd, idx_tup_fetch + seq_tup_read FROM pg_stat_xact_user_tables WHERE relid = 'mhub.identifier'::regclass;
	COMMIT;
}))[-1];
is($moved, 1, 'a merge into it moves one row');
cmp_ok($read, '<', 200, 'and reads a few');
is($node->safe_psql('shapes', q{SELECT mhub.unlink('hub', 'h', 'spoke', 's77')}), 't', 'one is taken out of it');
is($node->safe_psql('shapes', q{SELECT count(*) FROM mhub.identifier WHERE person_id = mhub.person_id('hub', 'h')}), '50001', 'and the rest stays');

# A chain whose links come in random order, and links to oneself
$node->safe_psql('shapes', q{
	SELECT count(mhub.identify(jsonb_build_object('ring', jsonb_build_array('c' || i, 'c' || i + 1)))) FROM (SELECT i FROM generate_series(1, 5000) AS i ORDER BY hashint4(i)) AS x;
});
is($node->safe_psql('shapes', q{SELECT count(*), count(DISTINCT person_id) FROM mhub.identifier WHERE value LIKE 'c%'}), '5001|1', 'a chain of 5,001');
$node->safe_psql('shapes', q{
	SELECT mhub.identify('{"ring": ["self", "self"]}');
	CALL mhub.link_identifiers($$SELECT 'ring', 'own', 'ring', 'own'$$);
});
is($node->safe_psql('shapes', q{SELECT count(*), count(DISTINCT person_id), (SELECT count(*) FROM mhub.link AS l WHERE l.identifier_a = l.identifier_b)
	FROM mhub.identifier WHERE value IN ('self', 'own')}), '2|2|0', 'links to oneself make a person of one and no link');
$node->stop;
done_testing();
