# Bulk linking that is interrupted and called again ends where one by one ends; and shapes that hurt: a star of 50,000, a
# chain of 5,001, links to oneself.
use strict;
use warnings;
use IPC::Run;
use Mhub;
use Test::More;

my $node = mhub_node('identity_bulk', 'mhub.key_file' => key_file(), autovacuum => 'off');    # which would be somebody using the tables
my $seed = $ENV{MHUB_TEST_SEED} // 20261122;
note("seed $seed (MHUB_TEST_SEED)");

# Kinds with a limit, unique ones, and free ones; pairs that make persons of all sizes. Values begin alike for eight bytes, which are
# compared together. No limit has a period, so an
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
		CREATE TABLE pair AS SELECT i, (ARRAY['free', 'free', 'limited', 'account'])[1 + floor(random() * 4)::int] AS ka, 'visitor ' || floor(random() * 9000)::int AS va,
			(ARRAY['free', 'free', 'limited', 'account'])[1 + floor(random() * 4)::int] AS kb, 'visitor ' || floor(random() * 9000)::int AS vb
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

# Starts a statement and waits until it stops at the gate, when so many rows are done.
sub start_at_gate
{
	my ($database, $statement, $rows) = @_;
	my ($out, $error) = ('', '');
	$node->safe_psql($database, "UPDATE gate SET rows = $rows");
	my $run = IPC::Run::start([ 'psql', '-Xq', '-d', $node->connstr($database), '-c', $statement ], '>', \$out, '2>', \$error);
	$node->poll_query_until($database, "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep'") or die 'it does not get on';
	return ($run, \$error);
}

# Starts a run and interrupts it, in a way of the caller's, when so many rows are done.
sub interrupt
{
	my ($database, $query, $rows, $how) = @_;
	my ($run, $error) = start_at_gate($database, "CALL mhub.link_identifiers(\$\$$query\$\$, 'bulk', 200)", $rows);
	$how->();
	$run->finish;
	return $$error;
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

# The first large batch into an empty hub is written as a restore does: rows first, then new indexes.
my $whole = "CALL mhub.link_identifiers(\$\$$ordered\$\$, 'bulk', 12000)";
my $rebuilt = q{SELECT bool_and(pg_relation_filenode(indexrelid) <> indexrelid::bigint) FROM pg_index
	WHERE indrelid IN ('mhub.identifier'::regclass, 'mhub.link'::regclass)};
my $sizes = 'SELECT md5(string_agg(n::text, $$ $$ ORDER BY n)) FROM (SELECT count(*) AS n FROM mhub.identifier GROUP BY person_id) AS p';
my $conflicts = q{SELECT count(*), count(DISTINCT (identifier_id, left_out_identifier_id)) FROM mhub.identity_conflict};

sub looks_right
{
	my ($database, $how) = @_;
	is($node->safe_psql($database, $partition), $expected, "$how: the same persons");
	is($node->safe_psql($database, $conflicts), $node->safe_psql('bulk', $conflicts), "$how: the same conflicts");
	is($node->safe_psql($database, q{SELECT count(*) FROM mhub.doctor_identity() WHERE status = 'fail'}), '0', "$how: nothing is loose");
	whole_indexes($database, $how);
	return;
}

sub whole_indexes
{
	my ($database, $how) = @_;
	is($node->safe_psql($database, q{CREATE EXTENSION IF NOT EXISTS amcheck;
		SELECT count(bt_index_check(indexrelid, true)) > 6 FROM pg_index JOIN pg_class AS i ON i.oid = indexrelid JOIN pg_am AS a ON a.oid = i.relam AND amname = 'btree'
		WHERE indrelid IN ('mhub.identifier'::regclass, 'mhub.link'::regclass, 'mhub.person'::regclass)}), 't', "$how: every row is in every index");
	return;
}

database('first');
gate('first');
interrupt('first', $ordered, 0, sub { $node->safe_psql('first', backend('pg_cancel_backend')) });
$node->safe_psql('first', "UPDATE gate SET rows = 12000; CREATE INDEX ON mhub.identifier (lower(value)) WHERE kind = 'free'");
is($node->safe_psql('first', $rebuilt), 'f', 'a small batch builds no indexes');
my ($run, $run_error) = start_at_gate('first', $whole, 0);
is($node->safe_psql('first', "SELECT mode FROM pg_locks WHERE relation = 'mhub.identifier'::regclass AND mode = 'ShareRowExclusiveLock'"),
	'ShareRowExclusiveLock', 'a large one has the table for itself');
my ($other_out, $other_error) = ('', '');
my $other = IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('first'), '-c', q{SELECT mhub.identify('{"free": ["visitor 1", "alone"]}')} ], '>', \$other_out, '2>', \$other_error);
$node->poll_query_until('first', q{SELECT count(*) = 1 FROM pg_locks WHERE NOT granted}) or die 'the other does not wait';
$node->safe_psql('first', backend('pg_cancel_backend'));
$run->finish;
$other->finish;
like($$run_error, qr/canceling statement/, 'it is cancelled');
is($other_error, '', 'and who waited for it goes on');
is($node->safe_psql('first', 'SELECT count(*) FROM mhub.identifier'), '2', 'alone');
is($node->safe_psql('first', $rebuilt), 'f', 'with the old indexes');
$node->safe_psql('first', 'DELETE FROM mhub.identifier; DELETE FROM mhub.link');
($run) = start_at_gate('first', $whole, 0);
$node->stop('immediate');
$run->finish;
$node->start;
is($node->safe_psql('first', 'SELECT (SELECT count(*) FROM mhub.identifier), (SELECT count(*) FROM mhub.link)'), '0|0', 'a crash leaves nothing of it');
$node->safe_psql('first', 'UPDATE gate SET rows = 12000');
$node->safe_psql('first', $whole);
is($node->safe_psql('first', $rebuilt), 't', 'what remains of what was deleted is no obstacle');
looks_right('first', 'indexes built afterwards');
$node->safe_psql('first', "CALL mhub.link_identifiers(\$\$$unordered\$\$, 'again', 12000)");
looks_right('first', 'the same pairs again');

# In a table that never had rows, what is in memory feeds the indexes, also partial ones; others are built from the table.
database('fed');
$node->safe_psql('fed', q{
	UPDATE mhub.identifier_kind SET pii = kind = 'limited';
	INSERT INTO mhub.identifier_kind (kind, priority, mergeable) VALUES ('print', 9, false);
	INSERT INTO pair SELECT 20000, 'print', 'p1', 'free', va FROM (SELECT DISTINCT va FROM pair WHERE ka = 'free' LIMIT 100) AS known;
	CREATE INDEX ON mhub.identifier (last_seen_at, source) WHERE kind IN ('free', 'print');
	CREATE INDEX ON mhub.identifier (value) INCLUDE (person_id) WHERE sealed IS NULL;
	CREATE INDEX ON mhub.identifier (lower(value)) WHERE kind = 'free';
	CREATE INDEX ON mhub.identifier USING brin (identifier_id);
	CREATE INDEX ON mhub.link (last_seen_at, removed_at);
	CREATE INDEX ON mhub.person (updated_at);
	CREATE INDEX ON mhub.person (created_at DESC, merged_into);
});
$node->safe_psql('fed', $whole =~ s/12000\)$/20000)/r);
is($node->safe_psql('fed', $rebuilt), 't', 'with indexes of all sorts they are built afterwards');
is($node->safe_psql('fed', 'SELECT count(*) > 50 FROM mhub.link WHERE NOT joins'), 't', 'some links are evidence only');
$node->safe_psql('fed', q{DELETE FROM mhub.link WHERE NOT joins; DELETE FROM mhub.identifier WHERE kind = 'print'});
is($node->safe_psql('fed', $sizes), $node->safe_psql('bulk', $sizes), 'the same persons');
whole_indexes('fed', 'fed from memory');

# Ids are drawn at once where the sequence allows it, and are new ones in any case.
for my $sequence ('INCREMENT 1', 'CACHE 7', 'INCREMENT -1 MINVALUE -99999 MAXVALUE 99999')
{
	my $name = 'ids_' . lc($sequence =~ s/\W+/_/gr);
	database($name);
	$node->safe_psql($name, "ALTER SEQUENCE mhub.$_ $sequence") for qw(person_person_id_seq identifier_identifier_id_seq);
	$node->safe_psql($name, "SELECT nextval('mhub.identifier_identifier_id_seq'), nextval('mhub.person_person_id_seq'); $whole");
	is($node->safe_psql($name, $rebuilt), 't', "sequence $sequence: filled");
	is($node->safe_psql($name, q{SELECT nextval('mhub.identifier_identifier_id_seq') IN (SELECT identifier_id FROM mhub.identifier),
		nextval('mhub.person_person_id_seq') IN (SELECT person_id FROM mhub.person),
		(SELECT count(*) FROM mhub.identifier WHERE person_id NOT IN (SELECT person_id FROM mhub.person))}), 'f|f|0', "sequence $sequence: and the next is another");
	is($node->safe_psql($name, $partition), $expected, "sequence $sequence: the same persons");
}

# Batches as large as memory allows
for my $case ([ '1mb', 'f' ], [ '64mb', 't' ])
{
	my ($memory, $one) = @$case;
	database("memory_$memory");
	$node->safe_psql("memory_$memory", "SET maintenance_work_mem = '\U$memory\E'; CALL mhub.link_identifiers(\$\$$ordered\$\$, 'bulk')");
	is($node->safe_psql("memory_$memory", 'SELECT count(DISTINCT xmin::text) = 1 FROM mhub.link'), $one, "$memory are " . ($one eq 't' ? 'one batch' : 'several batches'));
	is($node->safe_psql("memory_$memory", $partition), $expected, 'with the same persons');
}

# Somebody who has the table open is not waited for.
database('busy');
my $reader = $node->background_psql('busy', on_error_die => 1);
$reader->query_safe('BEGIN; SELECT count(*) FROM mhub.identifier WHERE identifier_id = 1');
$node->safe_psql('busy', $whole);
is($node->safe_psql('busy', $rebuilt), 'f', 'with a reader of an index the indexes grow');
$reader->query_safe('COMMIT');
$reader->quit;
looks_right('busy', 'indexes grown');
database('itself');
$node->safe_psql('itself', q{SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off;
	CALL mhub.link_identifiers('SELECT ka, va, kb, coalesce(known.value, vb) FROM (SELECT * FROM pair ORDER BY i) AS p LEFT JOIN mhub.identifier AS known ON known.identifier_id = p.i', 'bulk', 11000)});
is($node->safe_psql('itself', $rebuilt), 'f', 'nor rebuilt is what the query itself reads');
looks_right('itself', 'read while written');
database('watched');
$node->safe_psql('watched', q{
	CREATE TABLE seen (kind text);
	CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen VALUES (NEW.kind); RETURN NEW; END $$;
	CREATE TRIGGER watch AFTER INSERT ON mhub.identifier FOR EACH ROW EXECUTE FUNCTION watch();
});
$node->safe_psql('watched', $whole);
is($node->safe_psql('watched', 'SELECT (SELECT count(*) FROM seen) = count(*) FROM mhub.identifier'), 't', 'a trigger sees every row');
looks_right('watched', 'with a trigger');

# Values of a kind that is personal data are sealed on this way, too.
database('sealed');
$node->safe_psql('sealed', "UPDATE mhub.identifier_kind SET pii = true WHERE kind = 'limited'");
$node->safe_psql('sealed', $whole);
is($node->safe_psql('sealed', $rebuilt), 't', 'with a kind that is sealed indexes are built afterwards');
is($node->safe_psql('sealed', $sizes), $node->safe_psql('bulk', $sizes), 'with the same persons');
is($node->safe_psql('sealed', q{SET mhub.purpose = 'test';
	SELECT bool_and((sealed IS NOT NULL) = (kind = 'limited')), bool_and(mhub.decrypt(sealed, 'identifier.sealed') ~ '^visitor [0-9]+$' OR kind <> 'limited') FROM mhub.identifier}),
	't|t', 'whose values open');

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
