# mhub.run_jobs(): jobs commit, fail alone, leave a second runner out, answer a cancel, and pg_cron runs them.
use strict;
use warnings;
use DeliveryServer;
use Mhub;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = PostgreSQL::Test::Cluster->new('jobs');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_cron'\ncron.host = '" . $node->host . "'\nmhub.key_file = '" . key_file() . "'\nmhub.allowed_networks = '127.0.0.0/8'\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_cron; CREATE EXTENSION mhub; SELECT mhub.install();');
hub_database($node, 'elsewhere');

sub psql { return $node->safe_psql('postgres', $_[0]); }

# Jobs of our own instead of the shipped ones.
psql(q{
	UPDATE mhub.job SET enabled = false;
	CREATE TABLE public.tick (id bigserial, job text, at timestamptz DEFAULT now(), real_at timestamptz DEFAULT clock_timestamp(), pid integer DEFAULT pg_backend_pid());
	CREATE PROCEDURE mhub.good(max_time interval) LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO public.tick (job) VALUES ('good'); COMMIT; INSERT INTO public.tick (job) VALUES ('good, 2nd transaction'); END $$;
	CREATE PROCEDURE mhub.bad() LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO public.tick (job) VALUES ('bad'); COMMIT; INSERT INTO public.tick (job) VALUES ('lost');
		PERFORM 1 / 0; END $$;
	CREATE PROCEDURE mhub.nested() LANGUAGE plpgsql AS $$ BEGIN
		CALL mhub.bad(); EXCEPTION WHEN division_by_zero THEN RAISE EXCEPTION 'nested: %', SQLERRM; END $$;
	CREATE PROCEDURE mhub.atomic_one() LANGUAGE sql SET search_path = pg_catalog AS $$ INSERT INTO public.tick (job) VALUES ('atomic') $$;
	CREATE PROCEDURE mhub.defaults(max_time interval DEFAULT NULL, number integer DEFAULT 2 + 5, word text DEFAULT NULL, day date DEFAULT current_date) LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO public.tick (job) SELECT 'defaults' WHERE max_time <= interval '1 second' AND number = 7 AND word IS NULL AND day = current_date; END $$;
	INSERT INTO mhub.job (name, every) VALUES ('defaults', '1 hour');
	INSERT INTO mhub.job (name, every) VALUES ('good', '300 ms'), ('bad', '300 ms'), ('nested', '300 ms'), ('atomic_one', '1 second'), ('no_such_job', '1 second');
});
psql("CALL mhub.run_jobs('3 seconds')");
cmp_ok(psql("SELECT count(*) FROM public.tick WHERE job = 'good'"), '>=', 4, 'a job runs again and again');
is(psql("SELECT count(*) FROM public.tick WHERE job = 'good'"), psql("SELECT runs FROM mhub.job WHERE name = 'good'"), 'its runs are counted');
is(psql("SELECT count(*) FROM public.tick WHERE job = 'good'"), psql("SELECT count(*) FROM public.tick WHERE job LIKE 'good,%'"), 'both of its transactions committed');
is(psql("SELECT count(*) FROM public.tick WHERE job = 'bad'"), '1', 'a failing job waits before it is tried again');
is(psql("SELECT count(*) FROM public.tick WHERE job = 'defaults'"), '1', 'further parameters have their defaults');
is(psql("SELECT count(*) FROM public.tick WHERE job = 'lost'"), '0', 'what it had not committed is rolled back');
is(psql("SELECT failures || ' ' || last_error || ' ' || (next_run_at > clock_timestamp() + '5 seconds') FROM mhub.job WHERE name = 'bad'"),
	'1 22012: division by zero true', 'its failure is recorded');
is(psql("SELECT failures || ' ' || last_error FROM mhub.job WHERE name = 'nested'"), '1 2D000: invalid transaction termination', 'an error from nested code too')
	or diag(psql("SELECT last_error FROM mhub.job WHERE name = 'nested'"));
is(psql("SELECT count(*) FROM public.tick WHERE real_at - at > '1 second'"), '0', 'every run sees the current time as now()');
is(psql("SELECT status FROM mhub.doctor() WHERE check_name = 'jobs failing'"), 'warn', 'doctor tells');
like(psql("SELECT state FROM mhub.schedule_status() WHERE job = 'no_such_job'"), qr/no such procedure/, 'a job without procedure is passed over');

# the end of a run is clean: no warning, no lock left
unlike(slurp_file($node->logfile), qr/WARNING:  (?!job (bad|nested) failed: )|leak|PANIC|TRAP/, 'no other warning in the log');
is(psql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), '0', 'no lock is left');

# two runners, a cancelled runner
psql("UPDATE mhub.job SET enabled = name = 'good', next_run_at = '-infinity', failures = 0");
my $first = $node->background_psql('postgres', on_error_stop => 0);
$first->query_until(qr/started/, "\\echo started\nCALL mhub.run_jobs('40 seconds');\n");
ok($node->poll_query_until('postgres', 'SELECT mhub.jobs_running()'), 'a runner is seen');
psql('TRUNCATE public.tick');
psql("CALL mhub.run_jobs('20 seconds')");
is(psql('SELECT count(DISTINCT pid) <= 1 FROM public.tick'), 't', 'a second runner leaves at once');
like(psql("SELECT state FROM mhub.schedule_status() WHERE job = 'pg_cron'"), qr/running/, 'the status tells that it runs');
psql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL mhub.run_jobs(''40%'");
ok($node->poll_query_until('postgres', 'SELECT NOT mhub.jobs_running()'), 'a cancelled runner lets go of its lock');
$first->quit;

my ($code, $out, $err) = $node->psql('postgres', "BEGIN; CALL mhub.run_jobs(); COMMIT;");
like($err, qr/must be called by itself/, 'refused in a transaction block');
($code, $out, $err) = $node->psql('postgres', "DO \$\$ BEGIN CALL mhub.run_jobs('1 second'); END \$\$");
like($err, qr/must be called by itself/, 'refused inside other code');

# A gateway that hangs holds up neither the other jobs, nor the messages of other providers.
my $server = start_server('http_server.py');
psql(qq{UPDATE mhub.job SET enabled = name IN ('good', 'deliver_messages'), next_run_at = '-infinity', failures = 0;
	INSERT INTO mhub.provider (name, channel, kind, url, body, timeout, priority) SELECT n, 'webhook', 'http', 'http://127.0.0.1:$server->{port}/' || n, '{}', '6 s', 1 FROM unnest(ARRAY['hang', 'fine']) AS n;
	INSERT INTO mhub.message (channel, purpose, provider) VALUES ('webhook', 'system', 'hang')});
my $sender = $node->background_psql('postgres', on_error_stop => 0);
$sender->query_until(qr/started/, "\\echo started\nCALL mhub.run_jobs('7 seconds', 'delivery');\n");
ok($node->poll_query_until('postgres', q{SELECT mhub.jobs_running('delivery') AND state = 'sending' FROM mhub.message}), 'a runner of its own is sending');
psql("TRUNCATE public.tick; INSERT INTO mhub.message (channel, purpose, provider) VALUES ('webhook', 'system', 'fine')");
my $began = time;
psql("CALL mhub.run_jobs('2 seconds')");
cmp_ok(time - $began, '<', 3.5, 'the runner of all ends in time');
cmp_ok(psql("SELECT count(*) FROM public.tick WHERE job = 'good'"), '>=', 3, 'its jobs go on');
is(psql("SELECT string_agg(provider || ' ' || state, ', ' ORDER BY provider) FROM mhub.message"), 'fine sent, hang sending', 'another provider is served meanwhile');
is(psql("SELECT count(*) FROM public.tick WHERE pid IN (SELECT pid FROM pg_stat_activity WHERE query LIKE '%delivery%')"), '0', 'each runner does its own jobs');
$sender->quit;
is(psql("SELECT state || ' ' || reason FROM mhub.message WHERE provider = 'hang'"), 'deferred timeout', 'the one that hung is tried again later');
psql("INSERT INTO mhub.message (channel, purpose, provider) VALUES ('webhook', 'system', 'fine'); UPDATE mhub.job SET next_run_at = '-infinity'; CALL mhub.run_jobs('1 second')");
is(psql("SELECT count(*) FROM mhub.message WHERE provider = 'fine' AND state = 'sent'"), '1', 'its job is left alone for a while');
psql("UPDATE mhub.job SET tended_at = now() - interval '3 minutes', enabled = name = 'deliver_messages'");
psql("CALL mhub.run_jobs('2 seconds')");
is(psql("SELECT count(*) FROM mhub.message WHERE provider = 'fine' AND state = 'sent'"), '2', 'and done by the runner of all when its own does not come');
psql("UPDATE mhub.job SET enabled = name = 'good', next_run_at = '-infinity'");
stop_server($server);

# pg_cron: the schedule, from its own database and from another one
($code, $out, $err) = $node->psql('elsewhere', 'SELECT mhub.start()');
like($err, qr/schedule_in_database\('mhub elsewhere', .*'CALL mhub\.run_jobs\(\)', 'elsewhere'\), cron\.schedule_in_database\('mhub elsewhere: costs', .*schedule_in_database\('mhub elsewhere: delivery', .*, cron\.schedule\('mhub elsewhere: history'/, 'elsewhere the hint is the statement to run');
psql('TRUNCATE public.tick');
is(psql('SELECT mhub.start()'), 'mhub postgres', 'start');
is(psql('SELECT mhub.start()'), 'mhub postgres', 'start again');
is(psql("SELECT mhub.start('elsewhere')"), 'mhub elsewhere', 'start for another database');
is(psql("SELECT count(*) FROM cron.job"), '8', 'four jobs each: three runners and the purge of their records');
like(psql("SELECT state FROM mhub.schedule_status() WHERE job = 'pg_cron: delivery'"), qr/^scheduled/, 'a status of each');
ok($node->poll_query_until('postgres', 'SELECT mhub.jobs_running()'), 'pg_cron started the runner');
ok($node->poll_query_until('postgres', 'SELECT count(*) > 3 FROM public.tick'), 'and the job runs');
like(psql("SELECT state FROM mhub.schedule_status() WHERE job = 'pg_cron'"), qr/scheduled, running/, 'status');
is(psql("SELECT status FROM mhub.doctor() WHERE check_name = 'pg_cron'"), 'ok', 'doctor is content');

# a standby says what it is; the schedule is there for its promotion
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
is($standby->safe_psql('postgres', "SELECT status || ': ' || detail FROM mhub.doctor_jobs() WHERE check_name = 'pg_cron'"), 'ok: this is a standby: jobs run on the primary only', 'the doctor on a standby');
($code, $out, $err) = $standby->psql('postgres', 'CALL mhub.run_jobs()');
like($err, qr/jobs run on the primary only/, 'no jobs on a standby');
($code, $out, $err) = $standby->psql('postgres', 'SELECT mhub.start()');
like($err, qr/cannot schedule jobs on a standby/, 'and no scheduling');
$standby->stop('immediate');

is(psql("SELECT mhub.stop('elsewhere')"), '4', 'stop one database');
is(psql("SELECT mhub.stop()"), '4', 'stop');
is(psql("SELECT mhub.stop()"), '0', 'stop again');
psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL mhub.run_jobs%' AND pid <> pg_backend_pid()");
ok($node->poll_query_until('postgres', 'SELECT NOT mhub.jobs_running()'), 'a terminated runner is gone');

$node->stop;
done_testing();
