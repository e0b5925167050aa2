-- The tracking plan: which events are expected, with which properties.

CREATE TABLE mhub.event_schema (
    name text PRIMARY KEY CHECK (name <> ''),
    description text NOT NULL DEFAULT '',
    is_key boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE mhub.event_schema IS 'The tracking plan: the events that are expected. mhub.tracking_coverage() compares it with what came.';
COMMENT ON COLUMN mhub.event_schema.name IS 'Name of the event.';
COMMENT ON COLUMN mhub.event_schema.description IS 'What it means and when it is sent.';
COMMENT ON COLUMN mhub.event_schema.is_key IS 'True for a node that conversions pass through: its absence is reported first.';
COMMENT ON COLUMN mhub.event_schema.created_at IS 'When it was planned.';

CREATE TABLE mhub.event_schema_property (
    name text NOT NULL REFERENCES mhub.event_schema ON DELETE CASCADE ON UPDATE CASCADE,
    property text NOT NULL CHECK (property <> ''),
    type text CHECK (type IN ('string', 'number', 'integer', 'boolean', 'timestamp', 'array', 'object')),
    required boolean NOT NULL DEFAULT false,
    allowed jsonb CHECK (jsonb_typeof(allowed) = 'array'),
    description text NOT NULL DEFAULT '',
    PRIMARY KEY (name, property)
);
COMMENT ON TABLE mhub.event_schema_property IS 'The properties that a planned event has.';
COMMENT ON COLUMN mhub.event_schema_property.name IS 'The event.';
COMMENT ON COLUMN mhub.event_schema_property.property IS 'Key in the event''s properties.';
COMMENT ON COLUMN mhub.event_schema_property.type IS 'JSON type of its values; integer: a number without fraction; timestamp: a string such as 2026-03-01T08:00:00Z; NULL: any.';
COMMENT ON COLUMN mhub.event_schema_property.required IS 'True: every such event must have it, and not null.';
COMMENT ON COLUMN mhub.event_schema_property.allowed IS 'The values that are allowed, as a JSON array; NULL: any.';
COMMENT ON COLUMN mhub.event_schema_property.description IS 'What it means.';

CREATE VIEW mhub.tracked_event AS
SELECT e.event_id, e.occurred_at, e.name, e.properties FROM mhub.event AS e WHERE e.invalid_reason IS NULL AND e.type <> 'hub';
COMMENT ON VIEW mhub.tracked_event IS 'The valid events that were sent to the hub, without who did them: what the tracking plan is compared with.';
COMMENT ON COLUMN mhub.tracked_event.event_id IS 'The event.';
COMMENT ON COLUMN mhub.tracked_event.occurred_at IS 'When it happened.';
COMMENT ON COLUMN mhub.tracked_event.name IS 'Name of the event.';
COMMENT ON COLUMN mhub.tracked_event.properties IS 'Properties as sent.';
