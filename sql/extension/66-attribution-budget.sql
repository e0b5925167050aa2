-- Where the next budget should go.

CREATE FUNCTION mhub.spend_response(model text, level text, weeks integer)
RETURNS TABLE (place text, weeks_observed bigint, cost double precision, revenue double precision, elasticity double precision, scale double precision, fit double precision)
LANGUAGE sql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
    WITH entry AS (
        SELECT CASE spend_response.level WHEN 'campaign' THEN e.channel || ' > ' || e.campaign ELSE e.channel END AS place, e.day, e.model, e.currency, e.cost, e.revenue
        FROM mhub.roi_entry AS e WHERE spend_response.level <> 'path'
        UNION ALL
        SELECT e.channel || ' > ' || e.landing_page, e.day, e.model, e.currency, e.cost, e.revenue
        FROM mhub.roi_path_entry AS e WHERE spend_response.level = 'path'
    ), weekly AS (
        -- Seven days each, back from the last spend: a calendar's last week would be a part of one, and later ones have no spend yet.
        SELECT d.place, (l.day - d.day) / 7 AS weeks_ago, sum(d.cost)::double precision AS cost, sum(d.revenue)::double precision AS revenue
        FROM entry AS d CROSS JOIN mhub.attribution_setting AS s CROSS JOIN (SELECT max(c.day) AS day FROM mhub.cost AS c) AS l
        WHERE d.model IN (spend_response.model, '(spend)') AND d.currency = s.currency
          AND d.day > l.day - 7 * spend_response.weeks AND d.day <= l.day
        GROUP BY d.place, (l.day - d.day) / 7
    ), usable AS (
        SELECT w.* FROM weekly AS w WHERE w.cost > 0 AND w.revenue > 0
    ), line AS (
        SELECT u.place, count(*) AS n, regr_slope(ln(u.revenue), ln(u.cost)) AS slope, regr_r2(ln(u.revenue), ln(u.cost)) AS fit, stddev_pop(ln(u.cost)) AS spread
        FROM usable AS u GROUP BY u.place
    ), bounded AS (
        -- Below 0 more spend would bring less, from 1 on returns would not diminish: neither is a basis for moving money.
        SELECT l.*, CASE WHEN l.spread >= 0.05 THEN least(greatest(l.slope, 0.05), 0.95) END AS elasticity FROM line AS l
    )
    SELECT w.place, max(b.n), sum(w.cost) / count(*), sum(w.revenue) / count(*), b.elasticity,
           sum(w.revenue) FILTER (WHERE w.cost > 0) / nullif(sum(power(w.cost, b.elasticity)) FILTER (WHERE w.cost > 0), 0), b.fit
    FROM weekly AS w JOIN bounded AS b USING (place)
    GROUP BY w.place, b.elasticity, b.fit
    HAVING sum(w.cost) > 0
$$;
COMMENT ON FUNCTION mhub.spend_response(text, text, integer) IS
'How revenue answers to spend, by channel, campaign or path, which is channel > landing page (level), from so many weeks of seven days up to the last day of spend: mean weekly cost and revenue under the attribution model, and the curve revenue = scale * cost ^ elasticity (least squares of logarithms over the weeks with both; elasticity kept within 0.05 and 0.95, NULL when the spend hardly varied; scale such that the curve sums to the revenue), fit its r squared.';

CREATE FUNCTION mhub.recommend_budget(total numeric, model text DEFAULT 'linear', level text DEFAULT 'channel', weeks integer DEFAULT 13,
    min_change numeric DEFAULT 0.5, max_change numeric DEFAULT 1.5)
RETURNS TABLE (place text, weeks_observed bigint, cost numeric, recommended_cost numeric, revenue numeric, expected_revenue numeric, expected_gain numeric,
    marginal_return numeric, marginal_return_then numeric, elasticity numeric, fit numeric, assumption text)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    free numeric;
    lowest double precision;
    highest double precision;
    low double precision := -60;
    high double precision := 60;
    spent double precision;
    costs double precision[];
    scales double precision[];
    elasticities double precision[];
BEGIN
    IF NOT coalesce(total > 0 AND level IN ('channel', 'campaign', 'path') AND weeks BETWEEN 1 AND 520 AND min_change >= 0 AND min_change <= 1 AND max_change >= 1, false) THEN
        RAISE EXCEPTION 'invalid argument of recommend_budget()' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'total must be positive, level channel, campaign or path, weeks within 1 and 520, min_change within 0 and 1, max_change at least 1.';
    END IF;
    IF NOT EXISTS (SELECT FROM mhub.attribution_models() AS m (name) WHERE m.name = recommend_budget.model) THEN
        RAISE EXCEPTION 'attribution model "%" is not in use', model USING ERRCODE = 'invalid_parameter_value', HINT = 'See mhub.attribution_setting.';
    END IF;
    -- Whoever cannot be estimated keeps what he has; the rest is what there is to distribute.
    SELECT total - coalesce(sum(r.cost) FILTER (WHERE r.weeks_observed < 6 OR r.elasticity IS NULL), 0),
           sum(r.cost * min_change) FILTER (WHERE r.weeks_observed >= 6 AND r.elasticity IS NOT NULL),
           sum(r.cost * max_change) FILTER (WHERE r.weeks_observed >= 6 AND r.elasticity IS NOT NULL),
           array_agg(r.cost) FILTER (WHERE r.weeks_observed >= 6 AND r.elasticity IS NOT NULL),
           array_agg(r.scale) FILTER (WHERE r.weeks_observed >= 6 AND r.elasticity IS NOT NULL),
           array_agg(r.elasticity) FILTER (WHERE r.weeks_observed >= 6 AND r.elasticity IS NOT NULL)
    INTO free, lowest, highest, costs, scales, elasticities FROM mhub.spend_response(model, level, weeks) AS r;
    IF lowest IS NULL THEN
        RAISE EXCEPTION 'too little data to recommend a budget' USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = 'No ' || level || ' has six weeks with spend and revenue, and a spend that varied.',
            HINT = 'Vary the spend from week to week, or look at more weeks.';
    END IF;
    IF free < lowest - 0.005 OR free > highest + 0.005 THEN
        RAISE EXCEPTION 'a weekly budget of % cannot be reached within the floors and caps', total USING ERRCODE = 'invalid_parameter_value',
            DETAIL = format('Within them it is between %s and %s.', round((total - free + lowest::numeric), 2), round((total - free + highest::numeric), 2)),
            HINT = 'Change total, min_change or max_change.';
    END IF;
    -- At the optimum all that are neither at floor nor cap have one marginal return, exp(low): the more it is, the less is spent.
    FOR i IN 1 .. 200 LOOP
        SELECT sum(least(greatest(exp(least(greatest((ln(r.scale * r.elasticity) - (low + high) / 2) / (1 - r.elasticity), -700), 700)), r.cost * min_change), r.cost * max_change))
        INTO spent FROM unnest(costs, scales, elasticities) AS r (cost, scale, elasticity);
        IF spent > free THEN
            low := (low + high) / 2;
        ELSE
            high := (low + high) / 2;
        END IF;
        EXIT WHEN high - low < 1e-12;
    END LOOP;

    RETURN QUERY
    WITH answer AS (
        SELECT r.*, r.scale * power(r.cost, r.elasticity) AS now, r.weeks_observed >= 6 AND r.elasticity IS NOT NULL AS known,
               least(greatest(exp(least(greatest((ln(r.scale * r.elasticity) - (low + high) / 2) / (1 - r.elasticity), -700), 700)), r.cost * min_change), r.cost * max_change) AS best
        FROM mhub.spend_response(model, level, weeks) AS r
    )
    SELECT a.place, a.weeks_observed, round(a.cost::numeric, 2), round((CASE WHEN a.known THEN a.best ELSE a.cost END)::numeric, 2),
           round((CASE WHEN a.known THEN a.now ELSE a.revenue END)::numeric, 2),
           round((CASE WHEN a.known THEN a.scale * power(a.best, a.elasticity) ELSE a.revenue END)::numeric, 2),
           round((CASE WHEN a.known THEN a.scale * power(a.best, a.elasticity) - a.now ELSE 0 END)::numeric, 2),
           round((CASE WHEN a.known THEN a.scale * a.elasticity * power(a.cost, a.elasticity - 1) END)::numeric, 4),
           round((CASE WHEN a.known AND a.best > 0 THEN a.scale * a.elasticity * power(a.best, a.elasticity - 1) END)::numeric, 4),
           round(a.elasticity::numeric, 3), round(a.fit::numeric, 3),
           CASE WHEN NOT a.known THEN 'kept: too little data (six weeks with spend and revenue, and a spend that varied, are needed)'
                ELSE format('revenue grows with the power %s of spend, as over %s weeks (%s model)', round(a.elasticity::numeric, 2), a.weeks_observed, model)
                     || CASE WHEN a.best <= a.cost * min_change * 1.000001 AND min_change < 1 THEN '; at its floor' WHEN a.best >= a.cost * max_change * 0.999999 AND max_change > 1 THEN '; at its cap' ELSE '' END END
    FROM answer AS a ORDER BY a.place;
END
$$;
COMMENT ON FUNCTION mhub.recommend_budget(numeric, text, text, integer, numeric, numeric) IS
'Distributes a weekly budget (total, in the reports'' currency) so that the expected revenue is greatest. For every channel, campaign or path (level; of a path the channel and landing page, between which money can be moved) a curve of diminishing returns is fitted to its weeks (mhub.spend_response); money moves to where the next unit brings most until all marginal returns are equal, within floors and caps: min_change and max_change times the present weekly spend. Whoever has too little data keeps its spend.
Returns for each place: weeks_observed; cost and recommended_cost a week; revenue and expected_revenue a week by the curve, expected_gain the difference, to be summed; the marginal return now and then (revenue for one more unit of money); elasticity and fit (r squared: below 0.3 the curve explains little); assumption in words. It assumes that weeks to come are like those seen, that spend works in its own week, and that channels do not help each other: test it by moving a little first.
Errors: object_not_in_prerequisite_state when no place has enough data, invalid_parameter_value for wrong arguments or a total that floors and caps do not allow.';
