-- The closed loop: from events to touches and conversions, from these to credits; always incrementally.
--
-- What changed goes to mhub.attribution_dirty by identifier and time; a batch then derives that stretch anew from the
-- events and writes the differences. Nothing depends on the order in which things arrive, which is why the result equals
-- that of starting over.

-- What may change
CREATE FUNCTION mhub.goal_changed() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.rescan := true;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION mhub.goal_changed() IS 'Trigger of mhub.goal: a new or changed goal is to be applied to all past events.';

CREATE FUNCTION mhub.conversion_deleted() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM mhub.credit AS c USING gone WHERE c.conversion_id = gone.conversion_id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION mhub.conversion_deleted() IS 'Trigger of mhub.conversion: credits go with their conversion.';

CREATE FUNCTION mhub.attribution_setting_changed() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- An empty aggregate reads the options, so that wrong ones are refused here rather than in every refresh.
    PERFORM mhub.attribution(NULL, NULL, NULL, NULL, NULL, NEW.options);
    IF NEW.visit_gap <> OLD.visit_gap THEN
        PERFORM mhub.rebuild_attribution();
    ELSIF NEW.options <> OLD.options THEN
        INSERT INTO mhub.attribution_dirty (identifier_id, since, events)
        SELECT DISTINCT c.identifier_id, '-infinity'::timestamptz, false FROM mhub.conversion AS c;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION mhub.attribution_setting_changed() IS 'Trigger of mhub.attribution_setting: other options mean other credits for everybody, another visit gap other touches.';

CREATE FUNCTION mhub.attribution_event_changed() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO mhub.attribution_dirty (identifier_id, since, events)
    SELECT a.identifier_id, min(a.occurred_at), true
    FROM after AS a JOIN before AS b USING (event_id, occurred_at)
    WHERE (a.invalid_reason IS NULL) <> (b.invalid_reason IS NULL)
       OR (a.channel, a.source, a.medium, a.campaign, a.campaign_id, a.content, a.term, a.value, a.currency)
          IS DISTINCT FROM (b.channel, b.source, b.medium, b.campaign, b.campaign_id, b.content, b.term, b.value, b.currency)
    GROUP BY a.identifier_id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION mhub.attribution_event_changed() IS 'Trigger of mhub.event: events that are classified anew (as a bot''s, as another channel''s) change touches and conversions.';

CREATE FUNCTION mhub.rebuild_attribution() RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH marked AS (
        INSERT INTO mhub.attribution_dirty (identifier_id, since, events)
        SELECT e.identifier_id, min(e.occurred_at), true FROM mhub.event AS e GROUP BY e.identifier_id
        RETURNING 1)
    SELECT count(*) FROM marked
$$;
COMMENT ON FUNCTION mhub.rebuild_attribution() IS
'Has touches, conversions and credits of everybody derived anew from the events by the next mhub.refresh_attribution(). Not needed in normal operation: the incremental result is the same. What precedes a person''s oldest event still kept stays as it is, as does all of erased persons. Returns the number of identifiers marked.';

-- From events to touches and conversions
CREATE FUNCTION mhub.landing_page(url text) RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_landing_page';
COMMENT ON FUNCTION mhub.landing_page(text) IS 'An address as reports name it: without scheme, query, fragment and trailing slash. NULL for NULL or nothing left.';

CREATE FUNCTION mhub.touches_of(identifier_ids bigint[], since timestamptz[])
RETURNS TABLE (touch_id bigint, identifier_id bigint, occurred_at timestamptz, kind text, channel text, source text, medium text, campaign text,
               campaign_id text, content text, term text, landing_page text)
LANGUAGE sql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
    WITH seen AS (
        -- One visit gap more, so that the first event that matters knows what preceded it.
        SELECT d.since, s.visit_gap, e.event_id, e.identifier_id, e.occurred_at, k.kind, e.url,
               CASE WHEN k.kind = 'content_click' THEN coalesce(e.channel, 'Content') ELSE e.channel END AS channel,
               e.source, e.medium, coalesce(e.campaign, CASE WHEN k.kind = 'content_click' THEN e.properties ->> 'slot' END) AS campaign, e.campaign_id,
               coalesce(e.content, CASE WHEN k.kind = 'content_click' THEN e.properties ->> 'content' END) AS content, e.term, e.click_id,
               lag(e.occurred_at) OVER (PARTITION BY e.identifier_id ORDER BY e.occurred_at, e.event_id) AS before
        FROM mhub.attribution_setting AS s
        CROSS JOIN unnest(identifier_ids, since) AS d (identifier_id, since)
        JOIN mhub.event AS e ON e.identifier_id = d.identifier_id AND e.occurred_at >= d.since - s.visit_gap
        CROSS JOIN LATERAL (SELECT CASE e.name WHEN 'Link Clicked' THEN 'message_click' WHEN 'Content Clicked' THEN 'content_click' ELSE 'visit' END AS kind) AS k
        WHERE e.invalid_reason IS NULL AND (e.url IS NOT NULL OR e.channel IS NOT NULL OR k.kind = 'content_click')
    ), arrival AS (
        SELECT a.*, a.channel <> 'Direct' AS sourced, (a.channel, a.source, a.medium, a.campaign, a.campaign_id, a.content, a.term, a.click_id) AS origin,
               lag((a.channel, a.source, a.medium, a.campaign, a.campaign_id, a.content, a.term, a.click_id)) OVER w AS origin_before,
               lag(a.kind) OVER w AS kind_before, lag(a.channel) OVER w AS channel_before, lag(a.occurred_at) OVER w AS arrived_before
        FROM seen AS a WHERE a.channel IS NOT NULL
        WINDOW w AS (PARTITION BY a.identifier_id, a.channel <> 'Direct' ORDER BY a.occurred_at, a.event_id)
    )
    SELECT a.event_id, a.identifier_id, a.occurred_at, a.kind, a.channel, a.source, a.medium, a.campaign, a.campaign_id,
           a.content, a.term, mhub.landing_page(a.url)
    FROM arrival AS a
    WHERE a.occurred_at >= a.since
      AND CASE WHEN NOT a.sourced THEN a.url IS NOT NULL AND (a.before IS NULL OR a.before < a.occurred_at - a.visit_gap)
               WHEN a.arrived_before IS NULL OR a.arrived_before < a.occurred_at - a.visit_gap THEN true
               WHEN a.kind_before = 'message_click' AND a.kind = 'visit' THEN a.channel_before <> a.channel
               ELSE a.origin_before IS DISTINCT FROM a.origin END
$$;
COMMENT ON FUNCTION mhub.touches_of(bigint[], timestamptz[]) IS
'The touches of some identifiers from a time on (one for each), derived from their valid events. An event with a source is a touch unless the same source (channel, campaign, click id and all) brought the identifier within the visit gap before, or it is the visit that a click in a message led to; an event of direct traffic is one when the identifier did nothing at all within the visit gap before. Moves inside the site have no source and are none. Clicks on contents (events named Content Clicked, with properties slot and content) are touches of the channel Content.';

CREATE FUNCTION mhub.goal_entries_of(identifier_ids bigint[], since timestamptz[], goal_ids integer[] DEFAULT NULL)
RETURNS TABLE (goal_id integer, event_id bigint, identifier_id bigint, occurred_at timestamptz, refund boolean, value numeric, whole boolean,
               currency text, order_id text, form text)
LANGUAGE sql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
    SELECT g.goal_id, e.event_id, e.identifier_id, e.occurred_at, r.refund,
           CASE WHEN r.refund THEN -abs(coalesce(v.value, 0)) ELSE coalesce(v.value, g.value, 0) END, r.refund AND v.value IS NULL,
           coalesce(upper(substring(e.currency FROM '^[A-Za-z]{3}$')), g.currency, s.currency),
           nullif(e.properties ->> 'order_id', ''),
           coalesce(e.properties ->> 'form_id', e.properties ->> 'form_name', e.properties ->> 'form', g.key)
    FROM mhub.attribution_setting AS s
    CROSS JOIN unnest(identifier_ids, since) AS d (identifier_id, since)
    JOIN mhub.event AS e ON e.identifier_id = d.identifier_id AND e.occurred_at >= d.since
    JOIN mhub.goal AS g ON e.name = g.event_name OR e.name = ANY (g.refund_event_names)
    CROSS JOIN LATERAL (SELECT e.name = ANY (g.refund_event_names) AS refund) AS r
    CROSS JOIN LATERAL (SELECT greatest(4, (s.options ->> 'scale')::integer) AS scale) AS a
    -- Anybody can send any number: one that no money is must not stop the attribution of all others.
    CROSS JOIN LATERAL (SELECT CASE WHEN abs(e.value) < 10::numeric ^ (16 - a.scale) THEN round(e.value, least(scale(e.value), a.scale)) END AS value) AS v
    WHERE e.invalid_reason IS NULL
      AND (goal_ids IS NULL OR g.goal_id = ANY (goal_ids))
      AND (r.refund OR mhub.matches(e.properties, g.filter, e.occurred_at))
$$;
COMMENT ON FUNCTION mhub.goal_entries_of(bigint[], timestamptz[], integer[]) IS
'The events of some identifiers, from a time on (one for each), that reach a goal or take value back from it, as entries for mhub.conversion; goal_ids NULL means all goals. Values are rounded to 4 decimals (or the setting''s scale, if that is more); from 10^12 on (with scale s above 4: 10^(16 - s)) they count as none.';

CREATE FUNCTION mhub.refresh_touches(identifier_ids bigint[], since timestamptz[]) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH wanted AS MATERIALIZED (
        SELECT t.* FROM mhub.touches_of(identifier_ids, since) AS t
    ), gone AS (
        DELETE FROM mhub.touch AS t USING unnest(identifier_ids, since) AS d (identifier_id, since)
        WHERE t.identifier_id = d.identifier_id AND t.occurred_at >= d.since AND NOT EXISTS (SELECT FROM wanted AS w WHERE w.touch_id = t.touch_id)
    )
    INSERT INTO mhub.touch AS t SELECT w.* FROM wanted AS w
    ON CONFLICT (touch_id) DO UPDATE
        SET channel = excluded.channel, source = excluded.source, medium = excluded.medium, campaign = excluded.campaign,
            campaign_id = excluded.campaign_id, content = excluded.content, term = excluded.term, landing_page = excluded.landing_page
        WHERE (t.channel, t.source, t.medium, t.campaign, t.campaign_id, t.content, t.term, t.landing_page) IS DISTINCT FROM
              (excluded.channel, excluded.source, excluded.medium, excluded.campaign, excluded.campaign_id, excluded.content, excluded.term, excluded.landing_page)
$$;
COMMENT ON FUNCTION mhub.refresh_touches(bigint[], timestamptz[]) IS 'Makes mhub.touch agree with the events of some identifiers, each from a time on.';

CREATE FUNCTION mhub.refresh_orders(goal_ids integer[], order_ids text[]) RETURNS SETOF bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH entry AS (
        SELECT c.conversion_id, c.goal_id, c.order_id, c.currency, c.occurred_at, c.event_id, c.value, c.whole,
               c.kind IN ('refund', 'unmatched_refund') AS refund
        FROM (SELECT DISTINCT * FROM unnest(goal_ids, order_ids)) AS o (goal_id, order_id)
        JOIN mhub.conversion AS c ON c.goal_id = o.goal_id AND c.order_id = o.order_id
    ), original AS (
        SELECT DISTINCT ON (e.goal_id, e.order_id) e.* FROM entry AS e WHERE NOT e.refund
        ORDER BY e.goal_id, e.order_id, e.occurred_at, e.event_id
    ), resolved AS (
        SELECT e.conversion_id, e.refund AND o.conversion_id IS NOT NULL AS matched,
               CASE WHEN NOT e.refund THEN CASE WHEN e.conversion_id = o.conversion_id THEN 'conversion' ELSE 'duplicate' END
                    WHEN o.conversion_id IS NULL THEN 'unmatched_refund' ELSE 'refund' END AS kind,
               CASE WHEN e.refund THEN o.conversion_id END AS amends,
               -- What is left when a refund of everything comes: nothing when there was one before.
               CASE WHEN NOT e.whole THEN e.value
                    WHEN o.conversion_id IS NULL OR coalesce(bool_or(e.whole) OVER earlier, false) THEN 0
                    ELSE -greatest(0, o.value + coalesce(sum(e.value) FILTER (WHERE e.refund AND NOT e.whole) OVER earlier, 0)) END AS value
        FROM entry AS e
        LEFT JOIN original AS o ON o.goal_id = e.goal_id AND o.order_id = e.order_id AND (NOT e.refund OR o.currency = e.currency)
        WINDOW earlier AS (PARTITION BY o.conversion_id ORDER BY e.occurred_at, e.event_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ), changed AS (
        UPDATE mhub.conversion AS c SET kind = r.kind, amends = r.amends, value = r.value, path = NULL, first_touch_at = NULL
        FROM resolved AS r
        WHERE c.conversion_id = r.conversion_id AND (c.kind, c.amends, c.value) IS DISTINCT FROM (r.kind, r.amends, r.value)
    )
    SELECT e.conversion_id FROM entry AS e
$$;
COMMENT ON FUNCTION mhub.refresh_orders(integer[], text[]) IS
'Settles which entry of each of some orders (goal and order id) is the conversion (the earliest event), which are duplicates, and what its refunds take back. Returns the entries of these orders.';

CREATE FUNCTION mhub.refresh_conversions(identifier_ids bigint[], since timestamptz[], goal_ids integer[] DEFAULT NULL)
RETURNS SETOF bigint LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    orders_goal integer[];
    orders text[];
BEGIN
    WITH wanted AS MATERIALIZED (
        SELECT w.* FROM mhub.goal_entries_of(identifier_ids, since, goal_ids) AS w
    ), gone AS (
        DELETE FROM mhub.conversion AS c USING unnest(identifier_ids, since) AS d (identifier_id, since)
        WHERE c.identifier_id = d.identifier_id AND c.occurred_at >= d.since
          AND (refresh_conversions.goal_ids IS NULL OR c.goal_id = ANY (refresh_conversions.goal_ids))
          AND NOT EXISTS (SELECT FROM wanted AS w WHERE w.goal_id = c.goal_id AND w.event_id = c.event_id)
        RETURNING c.goal_id, c.order_id
    ), written AS (
        INSERT INTO mhub.conversion AS c (goal_id, event_id, identifier_id, occurred_at, kind, value, whole, currency, order_id, form)
        SELECT w.goal_id, w.event_id, w.identifier_id, w.occurred_at, CASE WHEN w.refund THEN 'unmatched_refund' ELSE 'conversion' END,
               w.value, w.whole, w.currency, w.order_id, w.form
        FROM wanted AS w
        ON CONFLICT (goal_id, event_id) DO UPDATE
            SET value = CASE WHEN c.whole THEN c.value ELSE excluded.value END, currency = excluded.currency, form = excluded.form
            WHERE (c.currency, c.form) IS DISTINCT FROM (excluded.currency, excluded.form) OR NOT c.whole AND c.value <> excluded.value
        RETURNING c.goal_id, c.order_id
    )
    SELECT array_agg(o.goal_id), array_agg(o.order_id) INTO orders_goal, orders
    FROM (SELECT * FROM gone UNION SELECT * FROM written) AS o WHERE o.order_id IS NOT NULL;
    RETURN QUERY SELECT * FROM mhub.refresh_orders(orders_goal, orders);
END
$$;
COMMENT ON FUNCTION mhub.refresh_conversions(bigint[], timestamptz[], integer[]) IS
'Makes mhub.conversion agree with the events of some identifiers, each from a time on, for some goals (NULL: all). Returns the entries of the orders concerned, which may belong to other identifiers.';

-- From touches and conversions to credits
CREATE FUNCTION mhub.split_amount(amount numeric, shares double precision[], scale integer DEFAULT 2) RETURNS numeric[]
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_split_amount';
COMMENT ON FUNCTION mhub.split_amount(numeric, double precision[], integer) IS
'Splits an amount by shares (any non-negative numbers, not all 0) into parts of scale decimals that sum to it exactly: largest remainder, ties to the later part. What the amount has beyond scale decimals goes to the largest part. A negative amount is split like the positive one. NULL for a NULL argument. Errors: invalid_parameter_value for shares that are negative, NULL or all 0, or a scale not within 0 and 9; numeric_value_out_of_range for an amount of more than 18 digits.';

CREATE FUNCTION mhub.attribution_reach(options jsonb) RETURNS interval
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT least((options ->> 'lookback')::interval, make_interval(days => (options ->> 'lookback_days')::integer + 2))
$$;
COMMENT ON FUNCTION mhub.attribution_reach(jsonb) IS 'How long before a conversion a touch may lie at most under these options of mhub.attribution(); NULL when there is no limit.';

CREATE FUNCTION mhub.credit_conversions(conversion_ids bigint[], person_keys bigint[]) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH setting AS (
        SELECT s.options, mhub.attribution_reach(s.options) AS reach FROM mhub.attribution_setting AS s
    ), person AS MATERIALIZED (
        SELECT d.person_key, coalesce(min(c.occurred_at) - s.reach, '-infinity'::timestamptz) AS since, max(c.occurred_at) AS until
        FROM setting AS s CROSS JOIN unnest(conversion_ids, person_keys) AS d (conversion_id, person_key)
        JOIN mhub.conversion AS c USING (conversion_id)
        GROUP BY d.person_key, s.reach
    ), member AS MATERIALIZED (
        SELECT p.*, i.identifier_id FROM person AS p JOIN mhub.identifier AS i ON i.person_id = p.person_key
        UNION ALL
        SELECT p.*, -p.person_key FROM person AS p WHERE p.person_key < 0
    ), earning AS MATERIALIZED (
        -- Numbered by time and event, so that of conversions at one time the order does not depend on when each was found.
        SELECT m.person_key, c.conversion_id, c.occurred_at, c.value, g.milestone,
               row_number() OVER (ORDER BY c.occurred_at, c.event_id, c.goal_id) AS nth
        FROM member AS m
        JOIN mhub.conversion AS c ON c.identifier_id = m.identifier_id AND c.occurred_at BETWEEN m.since AND m.until AND c.kind = 'conversion'
        JOIN mhub.goal AS g USING (goal_id)
    ), step AS (
        SELECT m.person_key, 'touch' AS kind, t.occurred_at AS at, t.channel AS label, t.touch_id AS id, NULL::numeric AS value
        FROM member AS m JOIN mhub.touch AS t ON t.identifier_id = m.identifier_id AND t.occurred_at BETWEEN m.since AND m.until
        UNION ALL
        SELECT e.person_key, k.kind, e.occurred_at, NULL, e.nth, e.value
        FROM earning AS e CROSS JOIN LATERAL (VALUES ('conversion'), (e.milestone)) AS k (kind)
    ), share AS MATERIALIZED (
        -- The linear model names every touch, which makes the path, whether it is one of those in use or not.
        SELECT u.*
        FROM (SELECT mhub.attribution(j.kind, j.at, j.label, j.id, j.value,
                  s.options || jsonb_build_object('models', (SELECT jsonb_agg(m.model) FROM mhub.attribution_models() AS m (model)) || '["linear"]')) AS shares
              FROM step AS j CROSS JOIN setting AS s GROUP BY j.person_key) AS p
        CROSS JOIN LATERAL unnest(p.shares) AS u
    ), credited AS MATERIALIZED (
        SELECT e.conversion_id, h.model, h.touch_id, h.touched_at, h.label, h.share, h.value
        FROM share AS h JOIN earning AS e ON e.nth = h.conversion_id
        JOIN unnest(conversion_ids) AS d (conversion_id) ON d.conversion_id = e.conversion_id
    ), path AS (
        UPDATE mhub.conversion AS c SET path = p.path, first_touch_at = p.first_touch_at
        FROM (SELECT k.conversion_id, mhub.path(k.label, k.touched_at, k.touch_id) FILTER (WHERE k.touch_id IS NOT NULL) AS path, min(k.touched_at) AS first_touch_at
              FROM credited AS k WHERE k.model = 'linear' GROUP BY k.conversion_id) AS p
        WHERE c.conversion_id = p.conversion_id AND (c.path, c.first_touch_at) IS DISTINCT FROM (p.path, p.first_touch_at)
    )
    INSERT INTO mhub.credit (conversion_id, model, touch_id, share, value)
    SELECT k.conversion_id, k.model, coalesce(k.touch_id, 0), k.share, k.value
    FROM credited AS k WHERE k.model IN (SELECT m.model FROM mhub.attribution_models() AS m (model))
$$;
COMMENT ON FUNCTION mhub.credit_conversions(bigint[], bigint[]) IS
'Writes the credits and paths of some conversions; person_keys are their persons (minus the identifier where it belongs to none). Their earlier credits must be gone.';

CREATE FUNCTION mhub.credit_refunds(conversion_ids bigint[]) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    -- A refund's part is the difference between the split of what was left before and the split of what is left after:
    -- however many partial refunds there are, when all is taken back every touch is at 0 exactly.
    WITH setting AS (
        SELECT coalesce((s.options ->> 'scale')::integer, 2) AS scale FROM mhub.attribution_setting AS s
    ), entry AS (
        SELECT r.conversion_id, r.amends, r.value,
               o.value + sum(r.value) OVER (PARTITION BY r.amends ORDER BY r.occurred_at, r.event_id) AS left_after
        FROM mhub.conversion AS r JOIN mhub.conversion AS o ON o.conversion_id = r.amends
        WHERE r.amends = ANY (conversion_ids) AND r.kind = 'refund'
    ), path AS (
        SELECT c.conversion_id, c.model, array_agg(c.touch_id ORDER BY t.occurred_at, c.touch_id) AS touch_ids,
               array_agg(c.share ORDER BY t.occurred_at, c.touch_id) AS shares
        FROM mhub.credit AS c LEFT JOIN mhub.touch AS t USING (touch_id)
        WHERE c.conversion_id = ANY (conversion_ids) AND EXISTS (SELECT FROM entry AS e WHERE e.amends = c.conversion_id)
        GROUP BY c.conversion_id, c.model
    )
    INSERT INTO mhub.credit (conversion_id, model, touch_id, share, value)
    SELECT e.conversion_id, p.model, u.touch_id, 0, CASE WHEN p.model = 'participation' THEN e.value ELSE u.after - u.before END
    FROM entry AS e JOIN path AS p ON p.conversion_id = e.amends
    CROSS JOIN setting AS s
    CROSS JOIN LATERAL unnest(p.touch_ids, mhub.split_amount(e.left_after, p.shares, s.scale),
                              mhub.split_amount(e.left_after - e.value, p.shares, s.scale)) AS u (touch_id, after, before)
$$;
COMMENT ON FUNCTION mhub.credit_refunds(bigint[]) IS 'Writes the credits of the refunds of some conversions, by the shares these have in mhub.credit.';

CREATE FUNCTION mhub.credit_unmatched(conversion_ids bigint[]) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO mhub.credit (conversion_id, model, touch_id, share, value)
    SELECT h.conversion_id, h.model, 0, 0, h.value
    FROM (SELECT mhub.attribution('conversion', c.occurred_at, NULL, c.conversion_id, c.value, s.options) AS shares
          FROM mhub.conversion AS c CROSS JOIN mhub.attribution_setting AS s
          WHERE c.conversion_id = ANY (conversion_ids) AND c.kind = 'unmatched_refund'
          GROUP BY c.conversion_id) AS p
    CROSS JOIN LATERAL unnest(p.shares) AS h
$$;
COMMENT ON FUNCTION mhub.credit_unmatched(bigint[]) IS 'Writes the (unattributed) credits of refunds whose order is unknown.';

CREATE FUNCTION mhub.refresh_credits(identifier_ids bigint[], since timestamptz[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    due bigint[];
    persons bigint[];
BEGIN
    WITH person AS MATERIALIZED (
        SELECT coalesce(i.person_id, -d.identifier_id) AS person_key, min(d.since) AS since
        FROM unnest(identifier_ids, since) AS d (identifier_id, since) LEFT JOIN mhub.identifier AS i USING (identifier_id)
        GROUP BY 1
    ), member AS (
        SELECT p.*, i.identifier_id FROM person AS p JOIN mhub.identifier AS i ON i.person_id = p.person_key
        UNION ALL
        SELECT p.*, -p.person_key FROM person AS p WHERE p.person_key < 0
    )
    SELECT array_agg(c.conversion_id ORDER BY c.conversion_id), array_agg(m.person_key ORDER BY c.conversion_id) INTO due, persons
    FROM member AS m JOIN mhub.conversion AS c ON c.identifier_id = m.identifier_id AND c.occurred_at >= m.since
    WHERE c.kind <> 'refund';
    IF due IS NULL THEN
        RETURN;
    END IF;

    DELETE FROM mhub.credit AS k WHERE k.conversion_id = ANY (due)
        OR k.conversion_id IN (SELECT r.conversion_id FROM mhub.conversion AS r WHERE r.amends = ANY (due));
    PERFORM mhub.credit_unmatched(due);

    SELECT array_agg(c.conversion_id), array_agg(d.person_key) INTO due, persons
    FROM unnest(due, persons) AS d (conversion_id, person_key) JOIN mhub.conversion AS c USING (conversion_id)
    WHERE c.kind = 'conversion';
    PERFORM mhub.credit_conversions(due, persons);
    PERFORM mhub.credit_refunds(due);
END
$$;
COMMENT ON FUNCTION mhub.refresh_credits(bigint[], timestamptz[]) IS
'Computes the credits of some identifiers'' persons anew, for their conversions from a time on (one for each identifier), with those conversions'' refunds.';

-- The job.  Short statements over arrays, whose sizes the planner overestimates: compiling them takes seconds (jit = off).
CREATE FUNCTION mhub.note_events(max_events bigint DEFAULT 50000) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
    claim record;
BEGIN
    SELECT * INTO claim FROM mhub.claim_events('attribution', max_events);
    INSERT INTO mhub.attribution_dirty (identifier_id, since, events)
    SELECT e.identifier_id, min(e.occurred_at), true
    FROM mhub.event AS e
    WHERE e.event_id > claim.after_event_id AND e.event_id <= claim.upto_event_id AND e.invalid_reason IS NULL
    GROUP BY e.identifier_id;
    RETURN claim.upto_event_id > claim.after_event_id;
END
$$;
COMMENT ON FUNCTION mhub.note_events(bigint) IS
'Puts the identifiers of the next new events (at most so many, NULL: all) on the work list mhub.attribution_dirty. Returns false when there were none.';

CREATE FUNCTION mhub.note_merges() RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
    horizon bigint := mhub.merge_horizon();
    last_id bigint;
BEGIN
    SELECT s.last_merge_id INTO last_id FROM mhub.attribution_setting AS s;
    IF last_id >= horizon THEN
        RETURN false;
    END IF;
    -- Any identifier stands for its whole person, with which credits are computed.
    INSERT INTO mhub.attribution_dirty (identifier_id, since, events)
    SELECT min(i.identifier_id), '-infinity', false
    FROM (SELECT DISTINCT mhub.resolve_person(p.person_id) AS person_id
          FROM mhub.merge_log AS m CROSS JOIN LATERAL (VALUES (m.person_id), (m.other_person_id)) AS p (person_id)
          WHERE m.merge_id > last_id AND m.merge_id <= horizon) AS p
    JOIN mhub.identifier AS i USING (person_id)
    GROUP BY i.person_id
    HAVING EXISTS (SELECT FROM mhub.identifier AS o JOIN mhub.conversion AS c USING (identifier_id) WHERE o.person_id = i.person_id);
    UPDATE mhub.attribution_setting AS s SET last_merge_id = horizon;
    RETURN true;
END
$$;
COMMENT ON FUNCTION mhub.note_merges() IS
'Puts the persons merged or split since the last time on the work list, as far as they have conversions. Returns false when there were none.';

CREATE FUNCTION mhub.note_goals() RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
    goals integer[];
BEGIN
    WITH taken AS (UPDATE mhub.goal AS g SET rescan = false WHERE g.rescan RETURNING g.*)
    SELECT array_agg(t.goal_id) INTO goals FROM taken AS t;
    IF goals IS NULL THEN
        RETURN false;
    END IF;
    -- Newer events come to mhub.note_events() yet, which looks at all goals.
    INSERT INTO mhub.attribution_dirty (identifier_id, since, events)
    SELECT e.identifier_id, min(e.occurred_at), true
    FROM mhub.event AS e JOIN mhub.goal AS g ON e.name = g.event_name OR e.name = ANY (g.refund_event_names)
    WHERE g.goal_id = ANY (goals) AND e.event_id <= (SELECT max(c.last_event_id) FROM mhub.consumer AS c WHERE c.name = 'attribution')
    GROUP BY e.identifier_id
    UNION ALL
    SELECT c.identifier_id, min(c.occurred_at), true FROM mhub.conversion AS c WHERE c.goal_id = ANY (goals)
    GROUP BY c.identifier_id;
    RETURN true;
END
$$;
COMMENT ON FUNCTION mhub.note_goals() IS
'Puts on the work list whoever may have reached a new or changed goal, or had reached it. Returns false when no goal is new or changed.';

CREATE FUNCTION mhub.attribute_batch(max_identifiers integer DEFAULT 5000) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
    changed bigint[];
    changed_since timestamptz[];
    every_id bigint[];
    every_since timestamptz[];
    entries bigint[];
BEGIN
    WITH batch AS (
        SELECT DISTINCT b.identifier_id FROM (SELECT d.identifier_id FROM mhub.attribution_dirty AS d ORDER BY d.identifier_id LIMIT max_identifiers) AS b
    ), taken AS (
        DELETE FROM mhub.attribution_dirty AS d USING batch AS b WHERE d.identifier_id = b.identifier_id RETURNING d.*
    ), summed AS (
        -- The events of the erased no longer tell what they told: what was derived from them stays as it is.
        SELECT t.identifier_id, min(t.since) AS since, min(t.since) FILTER (WHERE t.events AND i.kind IS DISTINCT FROM 'erased') AS events_since
        FROM taken AS t LEFT JOIN mhub.identifier AS i USING (identifier_id) GROUP BY t.identifier_id
    )
    SELECT array_agg(s.identifier_id), array_agg(s.since),
           array_agg(s.identifier_id) FILTER (WHERE s.events_since IS NOT NULL), array_agg(s.events_since) FILTER (WHERE s.events_since IS NOT NULL)
    INTO every_id, every_since, changed, changed_since FROM summed AS s;
    IF every_id IS NULL THEN
        RETURN 0;
    END IF;

    PERFORM mhub.refresh_touches(changed, changed_since);
    SELECT array_agg(r) INTO entries FROM mhub.refresh_conversions(changed, changed_since) AS r;
    SELECT array_agg(d.identifier_id), array_agg(d.since) INTO every_id, every_since
    FROM (SELECT * FROM unnest(every_id, every_since) UNION ALL
          SELECT c.identifier_id, c.occurred_at FROM mhub.conversion AS c WHERE c.conversion_id = ANY (entries)) AS d (identifier_id, since);
    PERFORM mhub.refresh_credits(every_id, every_since);
    RETURN cardinality(every_id);
END
$$;
COMMENT ON FUNCTION mhub.attribute_batch(integer) IS
'Takes up to so many entries from the work list mhub.attribution_dirty and brings the touches, conversions and credits of their identifiers up to date. Returns how many it handled; 0 when the list is empty.';

CREATE PROCEDURE mhub.refresh_attribution(max_time interval DEFAULT NULL)
LANGUAGE plpgsql AS $$
DECLARE
    started timestamptz := pg_catalog.clock_timestamp();
    found boolean := true;
BEGIN
    WHILE found AND (max_time IS NULL OR pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) started OPERATOR(pg_catalog.<) max_time) LOOP
        -- One at a time; another session at it is as good.
        EXIT WHEN NOT pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtextextended('mhub.refresh_attribution', 0));
        found := mhub.note_goals();
        found := mhub.note_merges() OR found;
        found := mhub.attribute_batch() OPERATOR(pg_catalog.>) 0 OR found;
        IF NOT found THEN
            found := mhub.note_events();
        END IF;
        IF NOT found THEN
            UPDATE mhub.consumer SET updated_at = pg_catalog.now() WHERE name OPERATOR(pg_catalog.=) 'attribution';
        END IF;
        COMMIT;
    END LOOP;
END
$$;
COMMENT ON PROCEDURE mhub.refresh_attribution(interval) IS
'Brings mhub.touch, mhub.conversion and mhub.credit up to date with the events, goals, persons and settings: what changed since the last time is noted on a work list, which is then worked off in batches, each with a commit of its own. Stops after max_time (NULL: when all is done), and can be interrupted at any time; the next call goes on. Leaves at once when another session is at it. Call it outside a transaction block.';
