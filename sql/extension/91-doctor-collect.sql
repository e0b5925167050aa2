CREATE FUNCTION mhub.doctor_collect(OUT check_name text, OUT status text, OUT detail text, OUT hint text)
RETURNS SETOF record LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    missing bigint;
    waiting bigint;
BEGIN
    SELECT count(*) INTO missing FROM mhub.wanted_partition() AS w;
    SELECT count(*) INTO waiting FROM (SELECT FROM mhub.event_default LIMIT 100000) AS d;
    check_name := 'partitions ahead';
    status := CASE WHEN missing > 0 THEN 'warn' ELSE 'ok' END;
    detail := format('%s periods want a partition, %s events in the default partition%s', missing, waiting, CASE WHEN waiting = 100000 THEN ' at least' END);
    hint := CASE WHEN status = 'warn' THEN 'Run CALL mhub.maintain_partitions(); and have mhub.run_jobs() run regularly.' END;
    RETURN NEXT;

    RETURN QUERY
    SELECT 'readers of events', CASE WHEN max(behind.events) > 1000000 THEN 'warn' ELSE 'ok' END,
           coalesce(string_agg(format('%s is %s events behind', behind.name, behind.events), ', ' ORDER BY behind.events DESC, behind.name), 'none yet'),
           CASE WHEN max(behind.events) > 1000000 THEN 'Run CALL mhub.run_jobs(); more often, and see whether one of them fails.' END
    FROM (SELECT c.name, coalesce(pg_sequence_last_value('mhub.event_id_seq'), 0) - c.last_event_id AS events FROM mhub.consumer AS c) AS behind;
END
$$;
COMMENT ON FUNCTION mhub.doctor_collect() IS 'Rows of mhub.doctor() about collection: partitions ahead, events waiting in the default partition, readers of events that lag behind.';
