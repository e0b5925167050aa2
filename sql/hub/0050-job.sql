-- The hub's recurring work: what mhub.run_jobs() runs, how often, for how long, and how it went.

CREATE TABLE mhub.job (
    name text PRIMARY KEY,
    enabled boolean NOT NULL DEFAULT true,
    runner text CHECK (runner ~ '^[a-z][a-z0-9_]*$'),
    tended_at timestamptz,
    every interval NOT NULL CHECK (every >= '0'),
    max_time interval NOT NULL DEFAULT '10 seconds' CHECK (max_time > '0'),
    next_run_at timestamptz NOT NULL DEFAULT '-infinity',
    last_started_at timestamptz,
    last_finished_at timestamptz,
    runs bigint NOT NULL DEFAULT 0,
    busy interval NOT NULL DEFAULT '0',
    failures integer NOT NULL DEFAULT 0,
    last_error text,
    last_error_at timestamptz
) WITH (fillfactor = 50);
COMMENT ON TABLE mhub.job IS 'Recurring work of the hub, run by mhub.run_jobs(). Change enabled, every and max_time as you like.';
COMMENT ON COLUMN mhub.job.name IS 'The procedure, without its schema: mhub.<name>.';
COMMENT ON COLUMN mhub.job.enabled IS 'False: not run.';
COMMENT ON COLUMN mhub.job.runner IS 'The runner of its own that it has: mhub.run_jobs(max_time, runner) in a session of its own, which mhub.start() schedules, so that no other job waits when this one waits for other machines. NULL: it shares the runner of all.';
COMMENT ON COLUMN mhub.job.tended_at IS 'When its own runner last looked after it. The runner of all leaves the job alone for two minutes from then, and does it when no other one does.';
COMMENT ON COLUMN mhub.job.every IS 'Time from the end of one run to the start of the next.';
COMMENT ON COLUMN mhub.job.max_time IS 'Budget of one run, for procedures that take one. It is handed to them in stretches of at most a second, so that other jobs get their turn; a job that is the only one of its runner has all the time there is.';
COMMENT ON COLUMN mhub.job.next_run_at IS 'Not run before this time; after a failure it moves away, doubling up to an hour.';
COMMENT ON COLUMN mhub.job.last_started_at IS 'Start of the last run.';
COMMENT ON COLUMN mhub.job.last_finished_at IS 'End of the last run that succeeded.';
COMMENT ON COLUMN mhub.job.runs IS 'Runs that succeeded, ever.';
COMMENT ON COLUMN mhub.job.busy IS 'Time spent in those runs.';
COMMENT ON COLUMN mhub.job.failures IS 'Failures since the last success.';
COMMENT ON COLUMN mhub.job.last_error IS 'SQLSTATE and message of the last failure; kept after a success.';
COMMENT ON COLUMN mhub.job.last_error_at IS 'When it failed.';

INSERT INTO mhub.job (name, every, max_time) VALUES
    ('advance_workflows', '1 second', '20 seconds'),
    ('deliver_messages', '1 second', '20 seconds'),
    ('refresh_segments', '5 seconds', '15 seconds'),
    ('refresh_rollups', '20 seconds', '15 seconds'),
    ('refresh_sessions', '30 seconds', '15 seconds'),
    ('flag_rates', '1 minute', '15 seconds'),
    ('refresh_attribution', '1 minute', '20 seconds'),
    ('finish_erasures', '1 minute', '20 seconds'),
    ('maintain_partitions', '1 hour', '20 seconds'),
    ('apply_retention', '1 hour', '20 seconds');
UPDATE mhub.job SET runner = 'delivery' WHERE name = 'deliver_messages';
