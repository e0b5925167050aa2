CREATE FUNCTION mhub.doctor_attribution(OUT check_name text, OUT status text, OUT detail text, OUT hint text)
RETURNS SETOF record LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found record;
BEGIN
    SELECT (SELECT count(*) FROM mhub.goal) AS goals, (SELECT count(*) FROM mhub.attribution_dirty) AS waiting, (SELECT f.fresh_as_of FROM mhub.fresh_as_of AS f) AS fresh INTO found;
    RETURN QUERY SELECT 'attribution is fresh',
        CASE WHEN found.goals > 0 AND coalesce(found.fresh < now() - interval '1 hour', true) THEN 'warn' ELSE 'ok' END,
        format('%s goals, %s identifiers waiting, %s', found.goals, found.waiting, coalesce('fresh as of ' || found.fresh, 'never refreshed')),
        CASE WHEN found.goals > 0 AND coalesce(found.fresh < now() - interval '1 hour', true) THEN 'Run CALL mhub.refresh_attribution(); and have mhub.run_jobs() run regularly.' END;

    SELECT string_agg(DISTINCT m.currency, ', ' ORDER BY m.currency) AS currencies INTO found
    FROM (SELECT DISTINCT c.currency FROM mhub.cost AS c UNION SELECT DISTINCT c.currency FROM mhub.conversion AS c) AS m CROSS JOIN mhub.attribution_setting AS s
    WHERE mhub.exchange_rate_on(m.currency, s.currency, current_date) IS NULL;
    RETURN QUERY SELECT 'exchange rates', CASE WHEN found.currencies IS NULL THEN 'ok' ELSE 'warn' END,
        coalesce('no rate for ' || found.currencies || ': reports show these amounts in rows of their own', 'every currency has a rate'),
        CASE WHEN found.currencies IS NOT NULL THEN 'Add rows to mhub.exchange_rate.' END;

    SELECT count(*) AS all_rows, count(*) FILTER (WHERE c.matched_by = 'unmatched' AND c.campaign <> '(none)') AS unmatched, count(*) FILTER (WHERE c.channel = '(unknown)') AS no_channel
    INTO found FROM mhub.cost_assigned AS c;
    RETURN QUERY SELECT 'spend finds its campaigns', CASE WHEN found.unmatched * 5 > found.all_rows OR found.no_channel > 0 THEN 'warn' ELSE 'ok' END,
        format('%s rows of spend, %s name a campaign that no touch names, %s have no channel', found.all_rows, found.unmatched, found.no_channel),
        CASE WHEN found.unmatched * 5 > found.all_rows OR found.no_channel > 0 THEN 'See mhub.cost_unmatched; add names to mhub.cost_mapping and platforms to mhub.cost_channel.' END;
END
$$;
COMMENT ON FUNCTION mhub.doctor_attribution() IS 'Rows of mhub.doctor() about attribution: is it fresh, are exchange rates missing, does the spend find its campaigns.';
