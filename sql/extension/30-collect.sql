-- The collection calls, with the names and meaning of Segment's specification.

CREATE FUNCTION mhub.client_time(written text) RETURNS timestamptz
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_client_time';
COMMENT ON FUNCTION mhub.client_time(text) IS
'A time as clients write it and as the collection calls read it: ISO 8601 with T or a space, seconds and a zone or without (none is UTC), or a date alone. NULL for anything else, and for NULL.';

CREATE FUNCTION mhub.track(event text, identifiers jsonb, properties jsonb DEFAULT '{}', context jsonb DEFAULT '{}',
    occurred_at timestamptz DEFAULT NULL, message_id text DEFAULT NULL) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_track';
COMMENT ON FUNCTION mhub.track(text, jsonb, jsonb, jsonb, timestamptz, text) IS
'Records that somebody did something and returns the event_id. event: its name, e.g. Order Completed. identifiers: who, as in mhub.identify(), e.g. {"cookie": "c-1", "user_id": "42"}; they are linked. properties: what about it; revenue, total or value (number) with currency become the event''s value. context: page.url, page.referrer, ip, userAgent, campaign, traits ... as Segment''s libraries send it. occurred_at: when, NULL is now; never later than now. message_id: a unique id of your own; a call repeated with it changes nothing and returns the first event''s id. Errors: invalid_parameter_value without name or usable identifier, for an infinite time or JSON that is no object.';

CREATE FUNCTION mhub.page(name text, identifiers jsonb, properties jsonb DEFAULT '{}', context jsonb DEFAULT '{}',
    occurred_at timestamptz DEFAULT NULL, message_id text DEFAULT NULL) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_page';
COMMENT ON FUNCTION mhub.page(text, jsonb, jsonb, jsonb, timestamptz, text) IS
'Records that somebody looked at a page, as an event named Page Viewed, and returns the event_id. name: of the page, kept in properties.name; NULL when it has none. The address is properties.url or context.page.url, where one came from properties.referrer or context.page.referrer. The rest as for mhub.track().';

CREATE FUNCTION mhub.screen(name text, identifiers jsonb, properties jsonb DEFAULT '{}', context jsonb DEFAULT '{}',
    occurred_at timestamptz DEFAULT NULL, message_id text DEFAULT NULL) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_screen';
COMMENT ON FUNCTION mhub.screen(text, jsonb, jsonb, jsonb, timestamptz, text) IS
'Records that somebody looked at a screen of an app, as an event named Screen Viewed, and returns the event_id. name: of the screen, kept in properties.name; NULL when it has none. The rest as for mhub.track().';

CREATE FUNCTION mhub.record_event(identifier_id bigint, name text, properties jsonb DEFAULT '{}',
    occurred_at timestamptz DEFAULT NULL, message_id text DEFAULT NULL) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_record_event';
COMMENT ON FUNCTION mhub.record_event(bigint, text, jsonb, timestamptz, text) IS
'Records an event of the hub itself (type hub: a segment entered, a link clicked) for a known identifier_id and returns the event_id. It counts in mhub.event_counter like any other. message_id as in mhub.track(): derive it from what happened and the event is recorded once, however often that is tried. Errors: invalid_parameter_value without name or identifier_id, for an infinite time or properties that are no object.';

CREATE FUNCTION mhub.ingest(payload jsonb, OUT "position" integer, OUT message_id text, OUT status text, OUT reason text,
    OUT detail text, OUT event_id bigint, OUT person_id bigint)
RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT AS 'MODULE_PATHNAME', 'mhub_ingest';
COMMENT ON FUNCTION mhub.ingest(jsonb) IS
'Takes what Segment''s libraries send: one message, an array of them, or a body {"batch": [...], "sentAt": ..., "context": ...}; types track, page, screen, identify, group and alias. Returns a row per message: its position from 1, message_id, and status accepted, duplicate (its messageId was seen before, ever; event_id is the first one''s) or rejected, with the reason as a stable word and detail; rejected messages are also kept in mhub.rejected. One bad message never spoils the others. Times: timestamp or originalTimestamp, corrected by receiving less sentAt when the client''s clock is off by more than mhub.clock_skew_threshold (default 5 minutes), never later than now. A message without messageId but with a time gets an id from its content. NULL gives no row. Raises only errors of the database itself.';

CREATE FUNCTION mhub.ingest(body text, OUT "position" integer, OUT message_id text, OUT status text, OUT reason text,
    OUT detail text, OUT event_id bigint, OUT person_id bigint)
RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT AS 'MODULE_PATHNAME', 'mhub_ingest_text';
COMMENT ON FUNCTION mhub.ingest(text) IS
'mhub.ingest() for a body as it came over the network: faster than a cast to jsonb, and text that is no JSON is one rejected message, kept in mhub.rejected with reason not_json, instead of an error. A message in a list that is no JSON, or such as the server cannot hold (\u0000, half an emoji, nested by the thousand), is rejected by itself.';
