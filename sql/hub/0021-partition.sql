-- How the hub's tables that are partitioned by time are cut, how far ahead, and for how long they are kept.

CREATE TABLE mhub.partition_policy (
    parent text PRIMARY KEY,
    period text NOT NULL DEFAULT 'month' CHECK (period IN ('day', 'week', 'month')),
    ahead integer NOT NULL DEFAULT 3 CHECK (ahead BETWEEN 0 AND 366),
    min_rows integer NOT NULL DEFAULT 1000 CHECK (min_rows > 0),
    keep interval CHECK (keep > '0'),
    at_end text NOT NULL DEFAULT 'detach' CHECK (at_end IN ('detach', 'drop')),
    retired_before timestamptz
);
COMMENT ON TABLE mhub.partition_policy IS 'Tables of schema mhub partitioned by one timestamptz column, looked after by mhub.maintain_partitions(). Change the rows as you like; existing partitions stay as they are.';
COMMENT ON COLUMN mhub.partition_policy.parent IS 'Name of the partitioned table, without schema.';
COMMENT ON COLUMN mhub.partition_policy.period IS 'Length of a new partition: day, week (from Monday) or month, in UTC.';
COMMENT ON COLUMN mhub.partition_policy.ahead IS 'How many periods after the current one are created in advance.';
COMMENT ON COLUMN mhub.partition_policy.min_rows IS 'Rows of one period that must wait in the default partition before it gets a partition of its own; fewer stay there. Clocks gone wrong (1970, 2007 ...) would make partitions by the thousand otherwise, and a table of thousands is slow for everybody.';
COMMENT ON COLUMN mhub.partition_policy.keep IS 'Partitions that ended longer ago than this leave the table; NULL keeps everything.';
COMMENT ON COLUMN mhub.partition_policy.at_end IS 'What happens to them: detach leaves an ordinary table behind (archive it, drop it later), drop deletes the data.';
COMMENT ON COLUMN mhub.partition_policy.retired_before IS 'Partitions up to this time have left the table (set by mhub.retire_partition()): sessions, counters and rollups from before are kept as they are, since they cannot be made anew. NULL: none has left.';
INSERT INTO mhub.partition_policy (parent) VALUES ('event');
SELECT mhub.create_partition('event', now() + step * interval '1 month') FROM generate_series(0, 3) AS step;
