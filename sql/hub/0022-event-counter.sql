-- How often, when and for how much: per identifier, event and day, kept up to date by every write of events.

CREATE TABLE mhub.event_counter (
    identifier_id bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    day date NOT NULL,
    count bigint NOT NULL,
    value_sum numeric NOT NULL DEFAULT 0,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (identifier_id, name, day)
) WITH (fillfactor = 80);
COMMENT ON TABLE mhub.event_counter IS 'Valid events (invalid_reason is NULL) per identifier, name and day. A person''s counts are the sums over its identifiers, so merges and splits of persons need no change here. Kept when partitions of mhub.event are retired.';
COMMENT ON COLUMN mhub.event_counter.identifier_id IS 'The identifier that did it.';
COMMENT ON COLUMN mhub.event_counter.name IS 'Name of the event.';
COMMENT ON COLUMN mhub.event_counter.day IS 'Day of occurred_at in the hub''s time zone (mhub.hub_day()).';
COMMENT ON COLUMN mhub.event_counter.count IS 'How many events.';
COMMENT ON COLUMN mhub.event_counter.value_sum IS 'Sum of their values in the hub''s currency, by the rates known when they were counted (mhub.counted_value()); events without value count as 0.';
COMMENT ON COLUMN mhub.event_counter.first_at IS 'The first of that day.';
COMMENT ON COLUMN mhub.event_counter.last_at IS 'The last of that day.';
