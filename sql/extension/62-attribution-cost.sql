-- Spend: imports, exchange rates, and what reports share.

CREATE FUNCTION mhub.import_cost(entries jsonb, mapping jsonb DEFAULT '{}', defaults jsonb DEFAULT '{}', day_format text DEFAULT 'YYYY-MM-DD',
    OUT inserted bigint, OUT updated bigint, OUT unchanged bigint, OUT amount numeric)
RETURNS record LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    problem text;
BEGIN
    IF jsonb_typeof(entries) IS DISTINCT FROM 'array' THEN
        RAISE EXCEPTION 'cost entries must be a JSON array of objects' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT format('unknown column "%s" in mapping or defaults', k.key) INTO problem
    FROM (SELECT jsonb_object_keys(mapping) UNION ALL SELECT jsonb_object_keys(defaults)) AS k (key)
    WHERE k.key NOT IN ('day', 'platform', 'channel', 'campaign', 'campaign_id', 'ad', 'keyword', 'impressions', 'clicks', 'amount', 'currency');
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION '%', problem USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Columns are day, platform, channel, campaign, campaign_id, ad, keyword, impressions, clicks, amount and currency.';
    END IF;
    SELECT format('entry %s of the cost import has no %s', v.i, CASE WHEN v.day IS NULL THEN 'day' WHEN v.platform IS NULL THEN 'platform' ELSE 'amount' END)
    INTO problem
    FROM mhub.cost_entries(entries, mapping, defaults) AS v WHERE v.day IS NULL OR v.platform IS NULL OR v.amount IS NULL ORDER BY v.i LIMIT 1;
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION '%', problem USING ERRCODE = 'not_null_violation',
            HINT = 'Name the source''s column in mapping, for example {"amount": "mark_spent"}, or give a value for all entries in defaults.';
    END IF;

    WITH given AS (
        -- Entries of one key (a breakdown by age, say) add up.
        SELECT to_date(v.day, day_format) AS day, v.platform, min(v.channel) AS channel, v.campaign, v.campaign_id, v.ad, v.keyword,
               sum(v.impressions) AS impressions, sum(v.clicks) AS clicks, sum(v.amount) AS amount, v.currency
        FROM mhub.cost_entries(entries, mapping, defaults) AS v
        GROUP BY to_date(v.day, day_format), v.platform, v.campaign, v.campaign_id, v.ad, v.keyword, v.currency
    ), written AS (
        INSERT INTO mhub.cost AS c (day, platform, channel, campaign, campaign_id, ad, keyword, impressions, clicks, amount, currency)
        SELECT g.day, g.platform, g.channel, g.campaign, g.campaign_id, g.ad, g.keyword, g.impressions, g.clicks, g.amount, g.currency FROM given AS g
        ON CONFLICT (day, platform, campaign_id, campaign, ad, keyword, currency) DO UPDATE
            SET channel = excluded.channel, impressions = excluded.impressions, clicks = excluded.clicks, amount = excluded.amount, imported_at = now()
            WHERE (c.channel, c.impressions, c.clicks, c.amount) IS DISTINCT FROM (excluded.channel, excluded.impressions, excluded.clicks, excluded.amount)
        RETURNING c.xmax = 0 AS fresh
    )
    SELECT count(*) FILTER (WHERE w.fresh), count(*) FILTER (WHERE NOT w.fresh), (SELECT count(*) FROM given) - count(*), (SELECT sum(g.amount) FROM given AS g)
    INTO inserted, updated, unchanged, amount FROM written AS w;
END
$$;
COMMENT ON FUNCTION mhub.import_cost(jsonb, jsonb, jsonb, text) IS
'Loads spend into mhub.cost. entries: JSON array of objects; mapping: for each column of mhub.cost (day, platform, channel, campaign, campaign_id, ad, keyword, impressions, clicks, amount, currency) the key it has in the entries where that differs; defaults: values for columns the entries lack; day_format: of the days, as for to_date(), e.g. DD-MM-YYYY. day, platform and amount are required; currency defaults to the reports''. Idempotent: an entry for a key (day, platform, campaign_id, campaign, ad, keyword, currency) that is there replaces it, entries of one key within one import add up. Returns the numbers of rows inserted, updated and left as they were, and the amount imported. Errors: invalid_parameter_value for no array or an unknown column, not_null_violation for a missing value (nothing is imported).
From a table or query: SELECT * FROM mhub.import_cost((SELECT jsonb_agg(to_jsonb(q)) FROM (SELECT ...) AS q), ...).';

CREATE FUNCTION mhub.cost_entries(entries jsonb, mapping jsonb, defaults jsonb)
RETURNS TABLE (i bigint, day text, platform text, channel text, campaign text, campaign_id text, ad text, keyword text, impressions bigint, clicks bigint, amount numeric, currency text)
LANGUAGE sql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
    SELECT e.i, v.day, lower(v.platform), v.channel, coalesce(v.campaign, ''), coalesce(v.campaign_id, ''), coalesce(v.ad, ''), coalesce(v.keyword, ''),
           coalesce(round(v.impressions::numeric)::bigint, 0), coalesce(round(v.clicks::numeric)::bigint, 0), v.amount::numeric,
           upper(coalesce(v.currency, s.currency))
    FROM mhub.attribution_setting AS s
    CROSS JOIN jsonb_array_elements(entries) WITH ORDINALITY AS e (entry, i)
    CROSS JOIN LATERAL (
        SELECT max(n.value) FILTER (WHERE n.name = 'day') AS day, max(n.value) FILTER (WHERE n.name = 'platform') AS platform,
               max(n.value) FILTER (WHERE n.name = 'channel') AS channel, max(n.value) FILTER (WHERE n.name = 'campaign') AS campaign,
               max(n.value) FILTER (WHERE n.name = 'campaign_id') AS campaign_id, max(n.value) FILTER (WHERE n.name = 'ad') AS ad,
               max(n.value) FILTER (WHERE n.name = 'keyword') AS keyword, max(n.value) FILTER (WHERE n.name = 'impressions') AS impressions,
               max(n.value) FILTER (WHERE n.name = 'clicks') AS clicks, max(n.value) FILTER (WHERE n.name = 'amount') AS amount,
               max(n.value) FILTER (WHERE n.name = 'currency') AS currency
        FROM (SELECT c.name, coalesce(nullif(btrim(e.entry ->> coalesce(mapping ->> c.name, c.name)), ''), defaults ->> c.name) AS value
              FROM unnest(ARRAY['day', 'platform', 'channel', 'campaign', 'campaign_id', 'ad', 'keyword', 'impressions', 'clicks', 'amount', 'currency']) AS c (name)) AS n) AS v
$$;
COMMENT ON FUNCTION mhub.cost_entries(jsonb, jsonb, jsonb) IS 'The entries given to mhub.import_cost() as columns, numbered in their order; day still as text.';

CREATE FUNCTION mhub.exchange_rate_on(from_currency text, to_currency text, day date) RETURNS numeric
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN from_currency = exchange_rate_on.to_currency THEN 1 ELSE
        (SELECT CASE WHEN r.currency = from_currency THEN r.rate ELSE 1 / r.rate END
         FROM mhub.exchange_rate AS r
         WHERE (r.currency, r.to_currency) IN ((from_currency, exchange_rate_on.to_currency), (exchange_rate_on.to_currency, from_currency))
           AND r.day <= exchange_rate_on.day
         ORDER BY r.day DESC, r.currency = from_currency DESC LIMIT 1) END
$$;
COMMENT ON FUNCTION mhub.exchange_rate_on(text, text, date) IS
'What one unit of from_currency is worth in to_currency on a day: the latest rate of mhub.exchange_rate up to that day, in either direction (the direct one first). 1 for equal currencies, NULL when there is no rate.';

CREATE FUNCTION mhub.attribution_models() RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL SAFE ROWS 6 SET search_path = pg_catalog, pg_temp AS $$
    SELECT m.model FROM mhub.attribution_setting AS s
    CROSS JOIN LATERAL jsonb_array_elements_text(coalesce(s.options -> 'models',
        '["first_touch", "last_touch", "last_non_direct_touch", "linear", "position_based", "time_decay"]')) WITH ORDINALITY AS m (model, i)
    GROUP BY m.model ORDER BY min(m.i)
$$;
COMMENT ON FUNCTION mhub.attribution_models() IS 'The attribution models in use: those of mhub.attribution_setting, each once.';

CREATE FUNCTION mhub.report_model() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT m.model FROM mhub.attribution_setting AS s CROSS JOIN mhub.attribution_models() WITH ORDINALITY AS m (model, i)
    ORDER BY m.model = s.report_model DESC, m.i LIMIT 1
$$;
COMMENT ON FUNCTION mhub.report_model() IS 'The attribution model by which the ROI reports count: report_model of mhub.attribution_setting, the first model in use when that one is not.';

CREATE FUNCTION mhub.roi(by text DEFAULT 'channel', since date DEFAULT NULL, until date DEFAULT NULL, goal text DEFAULT NULL, model text DEFAULT NULL)
RETURNS TABLE (place text, currency text, cost numeric, conversions double precision, revenue numeric, cost_per_conversion numeric, roas numeric, roi numeric)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF by IS NULL OR by NOT IN ('channel', 'campaign', 'landing page', 'path', 'day', 'week', 'month', 'quarter', 'all') THEN
        RAISE EXCEPTION 'roi() cannot report by "%"', by USING ERRCODE = 'invalid_parameter_value', HINT = 'By channel, campaign, landing page, path, day, week, month, quarter or all.';
    END IF;
    IF goal IS NOT NULL AND NOT EXISTS (SELECT FROM mhub.goal AS g WHERE g.key = roi.goal) THEN
        RAISE EXCEPTION 'goal "%" does not exist', goal USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF model IS NOT NULL AND NOT EXISTS (SELECT FROM mhub.attribution_models() AS m (name) WHERE m.name = roi.model) THEN
        RAISE EXCEPTION 'attribution model "%" is not in use', model USING ERRCODE = 'invalid_parameter_value', HINT = 'See mhub.attribution_setting.';
    END IF;
    IF by = 'path' AND goal IS NULL THEN
        SELECT max(g.key) INTO goal FROM mhub.goal AS g HAVING count(*) = 1;
        IF goal IS NULL THEN
            RAISE EXCEPTION 'roi() by path needs a goal' USING ERRCODE = 'invalid_parameter_value',
                HINT = 'A page''s cost is shared by the forms of one goal. See mhub.goal.';
        END IF;
    END IF;
    RETURN QUERY
    WITH entry AS (
        SELECT CASE roi.by WHEN 'channel' THEN e.channel WHEN 'campaign' THEN e.channel || ' > ' || e.campaign WHEN 'all' THEN '(all)'
                    ELSE to_char(date_trunc(roi.by, e.day), 'YYYY-MM-DD') END AS place,
               e.currency, CASE WHEN roi.goal IS NULL THEN e.cost ELSE e.goal_cost END AS cost, e.conversions, e.revenue
        FROM mhub.roi_entry AS e
        WHERE roi.by NOT IN ('path', 'landing page') AND e.model IN (coalesce(roi.model, mhub.report_model()), '(spend)')
          AND (e.goal = roi.goal) IS NOT FALSE AND (e.day >= roi.since) IS NOT FALSE AND (e.day <= roi.until) IS NOT FALSE
        UNION ALL
        SELECT e.channel || ' > ' || e.landing_page || CASE roi.by WHEN 'path' THEN ' > ' || e.form ELSE '' END,
               e.currency, CASE WHEN roi.goal IS NULL THEN e.cost ELSE e.goal_cost END, e.conversions, e.revenue
        FROM mhub.roi_path_entry AS e
        WHERE roi.by IN ('path', 'landing page') AND e.model IN (coalesce(roi.model, mhub.report_model()), '(spend)')
          AND (e.goal = roi.goal) IS NOT FALSE AND (e.day >= roi.since) IS NOT FALSE AND (e.day <= roi.until) IS NOT FALSE
    )
    SELECT e.place, e.currency, sum(e.cost), sum(e.conversions), sum(e.revenue), round(sum(e.cost) / nullif(sum(e.conversions), 0)::numeric, 2),
           round(sum(e.revenue) / nullif(sum(e.cost), 0), 4), round((sum(e.revenue) - sum(e.cost)) / nullif(sum(e.cost), 0), 4)
    FROM entry AS e GROUP BY e.place, e.currency
    HAVING sum(e.cost) <> 0 OR sum(e.conversions) <> 0 OR sum(e.revenue) <> 0
    ORDER BY e.place, e.currency;
END
$$;
COMMENT ON FUNCTION mhub.roi(text, date, date, text, text) IS
'Cost and return over a period, summed first and divided then. by: channel, campaign, landing page, path (channel > landing page > form), day, week, month, quarter or all; since and until: first and last day in the hub''s time zone (NULL: no limit); goal: key of the only goal to count, NULL for all together (not by path, where a page''s cost is shared by the forms of one goal, unless there is only one); model: NULL for mhub.report_model().
Returns for each place and currency the cost, conversions (in shares), revenue less refunds, cost per conversion, ROAS (revenue / cost) and ROI ((revenue - cost) / cost), NULL where there is nothing to divide by. Errors: invalid_parameter_value for an unknown by, goal or model, or a path without a goal.';
