# CALL mhub.maintain_partitions(): step by step, without waiting for anybody, and what it leaves behind is in order.
use strict;
use warnings;
use Test::More;
use PostgreSQL::Test::Utils;
use Mhub;

my $node = mhub_node('partitions');
hub_database($node, 'hub');
sub sql { my ($query) = @_; return $node->safe_psql('hub', $query); }

sql(q{INSERT INTO mhub.event (occurred_at, identifier_id, name)
	SELECT at, 1, '历史' FROM generate_series('2024-01-15Z'::timestamptz, '2024-06-15Z', '10 days') AS at});
sql('UPDATE mhub.partition_policy SET min_rows = 1');
sql(q{INSERT INTO mhub.partition_policy (parent) VALUES ('no_such_table')});
is(sql('SELECT count(*) FROM mhub.event_default'), '16', 'history waits in the default partition');
sql('CALL mhub.maintain_partitions()');
is(sql('SELECT count(*) FROM mhub.event_default'), '0', 'and is moved out of it');
is(sql('SELECT count(DISTINCT tableoid) FROM mhub.event'), '6', 'to a partition each month');
is(sql('SELECT count(*) FROM mhub.wanted_partition()'), '0', 'nothing more is wanted');
is(sql(q{SELECT status FROM mhub.doctor() WHERE check_name = 'partitions ahead'}), 'ok', 'doctor agrees');

# Somebody reads the default partition for long: the job leaves it for the next run.
sql(q{INSERT INTO mhub.event (occurred_at, identifier_id, name) VALUES ('2023-05-05Z', 1, 'x')});
my $reader = $node->background_psql('hub');
$reader->query_safe('BEGIN');
$reader->query_safe('SELECT count(*) FROM mhub.event_default');
my ($rc, $stdout, $stderr) = $node->psql('hub', 'CALL mhub.maintain_partitions()');
is($rc, 0, 'a busy table is no error');
like($stderr, qr/left for the next run/, 'the job says so');
is(sql('SELECT count(*) FROM mhub.event_default'), '1', 'nothing happened to the row');
$reader->query_safe('COMMIT');
$reader->quit;
sql('CALL mhub.maintain_partitions()');
is(sql(q{SELECT tableoid::regclass FROM mhub.event WHERE occurred_at = '2023-05-05Z'}), 'mhub.event_2023_05', 'the next run does it');

sql(q{UPDATE mhub.partition_policy SET keep = '1 year' WHERE parent = 'event'});
sql('CALL mhub.maintain_partitions()');
is(sql('SELECT count(*) FROM mhub.event'), '0', 'what is past its time left the table');
is(sql('SELECT count(*) FROM mhub.event_2024_03'), '3', 'and is still there by itself');
is(sql('SELECT count(*) > 3 FROM mhub.time_partition(\'event\')'), 't', 'the partitions ahead stay');

# A retry is a duplicate also when its event's partition is gone.
sql(q{UPDATE mhub.partition_policy SET keep = NULL, at_end = 'drop' WHERE parent = 'event'});
my $message = q{'{"event": "旧", "userId": "u", "messageId": "old-1", "timestamp": "2024-09-09T00:00:00Z"}'};
is(sql("SELECT status FROM mhub.ingest($message)"), 'accepted', 'a message of long ago');
sql(q{CALL mhub.maintain_partitions()});
sql(q{UPDATE mhub.partition_policy SET keep = '1 year' WHERE parent = 'event'});
sql(q{CALL mhub.maintain_partitions()});
is(sql(q{SELECT count(*) FROM mhub.event WHERE name = '旧'}), '0', 'its event is gone with its partition');
is(sql("SELECT status FROM mhub.ingest($message)"), 'duplicate', 'its retry is a duplicate');
is(sql(q{SELECT count FROM mhub.event_counter WHERE name = '旧'}), '1', 'and counted once');

# Clocks gone wrong make no partitions by the thousand: rows of periods that are few stay in the default partition.
sql(q{UPDATE mhub.partition_policy SET keep = NULL, min_rows = DEFAULT WHERE parent = 'event'});
sql(q{SELECT count(*) FROM mhub.ingest((SELECT jsonb_agg(jsonb_build_object('event', '错时', 'userId', n, 'timestamp', timestamptz '0001-06-01Z' + n * interval '1 year')) FROM generate_series(1, 2000) AS n))});
sql('CALL mhub.maintain_partitions()');
is(sql(q{SELECT count(*) FROM mhub.time_partition('event') WHERE to_time < '2022-01-01'}), '0', 'no partition for a row each');
is(sql('SELECT count(*) FROM mhub.event_default'), '2000', 'they are kept where they were');
sql(q{INSERT INTO mhub.event (occurred_at, identifier_id, name) SELECT '2021-05-05Z', 1, 'x' FROM generate_series(1, 1000)});
sql('CALL mhub.maintain_partitions()');
is(sql(q{SELECT partition_name FROM mhub.time_partition('event') WHERE to_time < '2022-01-01'}), 'event_2021_05', 'a period of many gets one');

done_testing();
