-- Events by hour and channel, added up by mhub.refresh_rollups() shortly after they arrive.

CREATE TABLE mhub.rollup_hour (
    hour timestamptz NOT NULL,
    channel text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    events bigint NOT NULL,
    value_sum numeric NOT NULL,
    PRIMARY KEY (hour, channel, name)
) WITH (fillfactor = 80);
COMMENT ON TABLE mhub.rollup_hour IS 'Valid events per hour, channel and name. Exact up to the event that mhub.consumer has for rollups. Kept when partitions of mhub.event are retired.';
COMMENT ON COLUMN mhub.rollup_hour.hour IS 'Start of the hour of occurred_at, in UTC.';
COMMENT ON COLUMN mhub.rollup_hour.channel IS 'Channel group of the event; empty when it has none.';
COMMENT ON COLUMN mhub.rollup_hour.name IS 'Name of the event.';
COMMENT ON COLUMN mhub.rollup_hour.events IS 'How many.';
COMMENT ON COLUMN mhub.rollup_hour.value_sum IS 'Sum of their values in the hub''s currency (mhub.counted_value()).';

CREATE TABLE mhub.rollup_visitor (
    hour timestamptz NOT NULL,
    channel text COLLATE "C" NOT NULL,
    identifier_id bigint NOT NULL,
    PRIMARY KEY (hour, channel, identifier_id)
);
COMMENT ON TABLE mhub.rollup_visitor IS 'Who was there, per hour and channel: filled where extension hll is absent. Read it through mhub.traffic_by_hour() and mhub.unique_visitors().';
COMMENT ON COLUMN mhub.rollup_visitor.hour IS 'Start of the hour, in UTC.';
COMMENT ON COLUMN mhub.rollup_visitor.channel IS 'Channel group of the event; empty when it has none.';
COMMENT ON COLUMN mhub.rollup_visitor.identifier_id IS 'An identifier with a valid event in that hour and channel, other than those of the hub itself (type hub).';

CREATE TABLE mhub.rollup_sketch (
    hour timestamptz NOT NULL,
    channel text COLLATE "C" NOT NULL,
    persons bytea NOT NULL,
    PRIMARY KEY (hour, channel)
) WITH (fillfactor = 80);
COMMENT ON TABLE mhub.rollup_sketch IS 'Who was there, per hour and channel, as a HyperLogLog sketch of extension hll: filled where that is installed. Read it through mhub.traffic_by_hour() and mhub.unique_visitors().';
COMMENT ON COLUMN mhub.rollup_sketch.hour IS 'Start of the hour, in UTC.';
COMMENT ON COLUMN mhub.rollup_sketch.channel IS 'Channel group of the event; empty when it has none.';
COMMENT ON COLUMN mhub.rollup_sketch.persons IS 'Sketch of the persons, as they were known when it was made; cast it to hll.';
