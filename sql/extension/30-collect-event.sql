-- The order of events: ids, and up to where it is safe to read.

CREATE FUNCTION mhub.next_event_id() RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_next_event_id';
COMMENT ON FUNCTION mhub.next_event_id() IS
'The next event_id; the default of mhub.event.event_id. Also marks the transaction as one that is writing events (a shared advisory lock of the transaction, seen in pg_locks with classid 1835562338), which is how mhub.event_horizon() knows. Use no other source of ids.';

CREATE FUNCTION mhub.event_horizon() RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_event_horizon';
COMMENT ON FUNCTION mhub.event_horizon() IS
'The largest event_id below which everything is settled: each event up to it is committed, or will never be (rolled back, duplicate). Never waits: another transaction still writing events holds the horizon just below its first event; the caller''s own events count as settled. Without it a reader of "event_id > last" would lose events that get a smaller id but commit later. Take the horizon first and read the events in a later statement of a READ COMMITTED transaction. Errors: active_sql_transaction in REPEATABLE READ or SERIALIZABLE, where the snapshot would be older than the answer.';

CREATE FUNCTION mhub.claim_events(consumer text, max_events bigint DEFAULT NULL, OUT after_event_id bigint, OUT upto_event_id bigint)
RETURNS record LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO mhub.consumer (name) VALUES (consumer) ON CONFLICT DO NOTHING;
    SELECT c.last_event_id INTO after_event_id FROM mhub.consumer AS c WHERE c.name = consumer FOR UPDATE;
    upto_event_id := greatest(after_event_id, mhub.event_horizon());
    IF upto_event_id > after_event_id + max_events THEN
        upto_event_id := after_event_id + max_events;
    END IF;
    UPDATE mhub.consumer AS c SET last_event_id = upto_event_id, updated_at = now()
    WHERE c.name = consumer AND upto_event_id > after_event_id;
END
$$;
COMMENT ON FUNCTION mhub.claim_events(text, bigint) IS
'Gives an incremental reader its next events: those with after_event_id < event_id <= upto_event_id, each exactly once over all calls that commit. Process them in the same transaction; a rollback gives them back. max_events limits the width of the range (NULL: no limit). Both bounds are equal when there is nothing new. A second caller with the same name waits for the first to finish. Errors as mhub.event_horizon().';
