-- Content: deciding for somebody, clicks, and help for the people who write rules.

CREATE FUNCTION mhub.choose_content(slot text, identifiers jsonb, context jsonb DEFAULT '{}') RETURNS mhub.decision
LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT AS 'MODULE_PATHNAME', 'mhub_choose_content';
COMMENT ON FUNCTION mhub.choose_content(text, jsonb, jsonb) IS
'Decides what a slot shows to somebody, and records the impression. identifiers: who, as in mhub.identify(), e.g. {"cookie": "c-1"}; an unknown one becomes a new person, an empty object somebody unknown; of an unknown kind it is left out, with a warning. context: this visit, as $context in conditions; locale picks the language, page.url and page.referrer add $context.source (mhub.parse_source()). Builds the profile (mhub.profile()), then decides as mhub.decide() does, and keeps frequency caps and stocks: a rule whose stock is used up gives way to the next. Who has withdrawn consent to profiling gets the default and an impression without a name. An unknown slot answers with reason ERROR. NULL gives NULL; errors: those of mhub.identify(), invalid_parameter_value when context is no object.';

CREATE FUNCTION mhub.choice_profile(slot text, person_id bigint, context jsonb, at timestamptz) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE STRICT AS 'MODULE_PATHNAME', 'mhub_choice_profile';
COMMENT ON FUNCTION mhub.choice_profile(text, bigint, jsonb, timestamptz) IS
'The profile by which mhub.choose_content() would decide for a person (0: somebody unknown) in a slot: with the events its rules look at one by one, $context, and $shown for its frequency caps. NULL gives NULL.';

CREATE FUNCTION mhub.explain_slot(slot text, profile jsonb, at timestamptz DEFAULT mhub.now(), OUT place integer, OUT rule_key text,
    OUT outcome text, OUT variant text, OUT content_key text, OUT payload jsonb, OUT detail text)
RETURNS SETOF record LANGUAGE c STABLE PARALLEL RESTRICTED STRICT AS 'MODULE_PATHNAME', 'mhub_explain_slot';
COMMENT ON FUNCTION mhub.explain_slot(text, jsonb, timestamptz) IS
'Every enabled rule of a slot, in the order it is tried, with what becomes of it for a profile: applies, held out, no match, unknown, not now, frequency cap, no unit, outside coverage, content expired or broken; all are slot off where the slot is, and profiling refused where $consent says so. detail names the parts of the condition that fail and the values found. The first that applies or is held out decides. Stocks are not looked at. NULL or an unknown slot gives no row.';

CREATE FUNCTION mhub.explain_choice(slot text, identifiers jsonb, context jsonb DEFAULT '{}', OUT place integer, OUT rule_key text,
    OUT outcome text, OUT variant text, OUT content_key text, OUT payload jsonb, OUT detail text)
RETURNS SETOF record LANGUAGE sql STABLE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    WITH viewer AS MATERIALIZED (
        SELECT coalesce((
            SELECT p.person_id FROM jsonb_each_text($2) AS i (kind, value) JOIN mhub.identifier_kind AS k ON k.kind = i.kind
            CROSS JOIN LATERAL mhub.person_id(i.kind, i.value) AS p (person_id)
            WHERE p.person_id IS NOT NULL ORDER BY k.priority, k.kind LIMIT 1), 0) AS person_id
    ), gone AS MATERIALIZED (
        SELECT r.key FROM mhub.content_rule AS r LEFT JOIN mhub.content_stock AS s ON s.rule_id = r.rule_id CROSS JOIN viewer AS v
        WHERE r.slot = $1 AND coalesce(s.used, 0) >= r.stock
          AND NOT (r.stock_per_person AND r.stock > 0 AND EXISTS (
              SELECT FROM mhub.identifier AS i JOIN mhub.impression AS m ON m.identifier_id = i.identifier_id
              WHERE i.person_id = v.person_id AND m.slot = $1 AND m.rule_key = r.key AND m.variant IS DISTINCT FROM 'holdout'))
    )
    SELECT e.place, e.rule_key, CASE WHEN u.used_up THEN 'stock used up' ELSE e.outcome END, e.variant,
           CASE WHEN NOT u.used_up THEN e.content_key END, CASE WHEN NOT u.used_up THEN e.payload END, e.detail
    FROM viewer AS v CROSS JOIN LATERAL mhub.explain_slot($1, mhub.choice_profile($1, v.person_id, $3, mhub.now()), mhub.now()) AS e
    CROSS JOIN LATERAL (SELECT e.outcome = 'applies' AND EXISTS (SELECT FROM gone AS g WHERE g.key = e.rule_key) AS used_up) AS u
    ORDER BY e.place
$$;
COMMENT ON FUNCTION mhub.explain_choice(text, jsonb, jsonb) IS
'Why mhub.choose_content() would show somebody what it does: mhub.explain_slot() for the profile of the known one of identifiers that ranks first (identifier_kind.priority), and outcome stock used up for a rule that would apply but has nothing left. Writes nothing. NULL gives no row.';

CREATE FUNCTION mhub.preview(slot text, profile jsonb, at timestamptz DEFAULT mhub.now(), OUT place integer, OUT content_key text,
    OUT payload jsonb, OUT variant text, OUT rule_key text, OUT reason text)
RETURNS SETOF record LANGUAGE sql STABLE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT 1, d.content_key, d.payload, d.variant, d.rule_key, d.reason FROM mhub.decide($1, $2, $3) AS d
    UNION ALL
    SELECT (1 + row_number() OVER (ORDER BY e.place))::integer, e.content_key, e.payload, e.variant, e.rule_key,
           CASE WHEN e.variant IS NULL THEN 'TARGETING_MATCH' ELSE 'SPLIT' END
    FROM mhub.explain_slot($1, $2, $3) AS e, mhub.decide($1, $2, $3) AS d
    WHERE e.outcome = 'applies' AND d.rule_key IS NOT NULL
      AND e.place > (SELECT f.place FROM mhub.explain_slot($1, $2, $3) AS f WHERE f.rule_key = d.rule_key)
    ORDER BY 1
$$;
COMMENT ON FUNCTION mhub.preview(text, jsonb, timestamptz) IS
'What a slot would show to a profile: first what mhub.decide() answers, then what would come next if that were gone (stock, cap, end of schedule). Writes nothing. NULL gives no row.';

CREATE FUNCTION mhub.click_content(slot text, identifiers jsonb, content_key text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    viewer record;
    shown record;
BEGIN
    SELECT * INTO viewer FROM mhub.observe(click_content.identifiers, mhub.now(), 'content');
    UPDATE mhub.impression AS m SET clicks = m.clicks + 1, clicked_at = coalesce(m.clicked_at, mhub.now())
    FROM (SELECT l.identifier_id, l.shown_at, l.impression_id
          FROM mhub.identifier AS i CROSS JOIN LATERAL (
              SELECT n.identifier_id, n.shown_at, n.impression_id FROM mhub.impression AS n
              WHERE n.identifier_id = i.identifier_id AND n.slot = click_content.slot AND n.content_key IS NOT NULL
                AND (click_content.content_key IS NULL OR n.content_key = click_content.content_key)
              ORDER BY n.shown_at DESC, n.impression_id DESC LIMIT 1) AS l
          WHERE i.person_id = viewer.person_id ORDER BY l.shown_at DESC, l.impression_id DESC LIMIT 1) AS last
    WHERE m.identifier_id = last.identifier_id AND m.shown_at = last.shown_at AND m.impression_id = last.impression_id
    RETURNING m.impression_id, m.identifier_id, m.rule_key, m.content_key, m.variant INTO shown;
    IF FOUND THEN
        PERFORM mhub.record_event(shown.identifier_id, 'Content Clicked', jsonb_strip_nulls(jsonb_build_object('slot', click_content.slot,
            'content', shown.content_key, 'rule', shown.rule_key, 'variant', shown.variant)));
    END IF;
    RETURN shown.impression_id;
END
$$;
COMMENT ON FUNCTION mhub.click_content(text, jsonb, text) IS
'Records a click on what was last shown to somebody in a slot (content_key: on that content, NULL on whatever it was), with an event Content Clicked (properties slot, content, rule, variant). Returns the impression, NULL when nothing was shown there. Errors as mhub.observe().';

CREATE FUNCTION mhub.condition_implies(given mhub.condition, wanted mhub.condition) RETURNS boolean
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_condition_implies';
COMMENT ON FUNCTION mhub.condition_implies(mhub.condition, mhub.condition) IS
'True when wanted certainly holds for every profile for which given does; false when that cannot be shown. Looks at predicates about the same attribute (values, lists, intervals, has), and at how often something was done. NULL gives NULL.';

CREATE FUNCTION mhub.condition_never(condition mhub.condition) RETURNS boolean
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_condition_never';
COMMENT ON FUNCTION mhub.condition_never(mhub.condition) IS
'True when the condition certainly holds for no profile (age < 20 and age > 30, say); false when that cannot be shown. NULL gives NULL.';

CREATE FUNCTION mhub.condition_problem(condition mhub.condition) RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_condition_problem';
COMMENT ON FUNCTION mhub.condition_problem(mhub.condition) IS
'Why a stored condition cannot be read; NULL when it can, as all can that went through the type''s input. NULL gives NULL.';

CREATE FUNCTION mhub.check_rules(slot text, OUT rule_key text, OUT problem text, OUT detail text)
RETURNS SETOF record LANGUAGE sql STABLE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    WITH stored AS MATERIALIZED (
        SELECT r.*, row_number() OVER (ORDER BY r.priority, r.rule_id) AS place, mhub.condition_problem(r.condition) AS broken
        FROM mhub.content_rule AS r WHERE r.slot = $1 AND r.enabled
    ), rule AS MATERIALIZED (
        SELECT s.* FROM stored AS s WHERE s.broken IS NULL
    ), used AS (
        SELECT r.key, r.place, v.content FROM rule AS r CROSS JOIN LATERAL (
            SELECT r.content_key WHERE r.content_key IS NOT NULL
            UNION ALL SELECT v->>'content' FROM jsonb_array_elements(r.variants) AS v) AS v (content)
        UNION ALL
        SELECT NULL, 0, s.default_content FROM mhub.slot AS s WHERE s.slot = $1 AND s.default_content IS NOT NULL
    ), known AS MATERIALIZED (
        SELECT DISTINCT t.name FROM (SELECT p.traits FROM mhub.person AS p ORDER BY p.person_id DESC LIMIT 10000) AS p, jsonb_object_keys(p.traits) AS t (name)
    ), reference AS (
        SELECT r.key, r.place, f.kind, f.name FROM rule AS r CROSS JOIN LATERAL mhub.condition_references(r.condition) AS f
    ), problem AS (
        SELECT s.place, s.key, 'broken' AS problem, s.broken AS detail FROM stored AS s WHERE s.broken IS NOT NULL
        UNION ALL
        SELECT r.place, r.key, 'can never match', r.condition::text FROM rule AS r WHERE mhub.condition_never(r.condition)
        UNION ALL
        SELECT later.place, later.key, 'shadowed', format('Rule "%s" comes first and matches whenever this one does.', earlier.key)
        FROM rule AS later CROSS JOIN LATERAL (
            SELECT e.key FROM rule AS e
            WHERE e.place < later.place AND e.coverage >= 1 AND e.namespace IS NULL AND e.frequency_cap IS NULL AND e.stock IS NULL
              AND e.valid_from IS NULL AND e.valid_to IS NULL AND e.weekdays IS NULL AND e.hours_from IS NULL
              AND mhub.condition_implies(later.condition, e.condition)
              AND NOT EXISTS (SELECT FROM used AS u WHERE u.key = e.key AND NOT EXISTS (SELECT FROM mhub.content AS c WHERE c.key = u.content AND c.expires_at IS NULL))
            ORDER BY e.place LIMIT 1) AS earlier
        WHERE NOT mhub.condition_never(later.condition)
        UNION ALL
        SELECT u.place, u.key, 'no such content', format('Content "%s" does not exist.', u.content) FROM used AS u
        WHERE NOT EXISTS (SELECT FROM mhub.content AS c WHERE c.key = u.content)
        UNION ALL
        SELECT u.place, u.key, 'expired content', format('Content "%s" expired at %s.', u.content, to_char(e.at AT TIME ZONE mhub.hub_time_zone(), 'YYYY-MM-DD HH24:MI')) FROM used AS u
        CROSS JOIN LATERAL (SELECT max(coalesce(c.expires_at, 'infinity')) AS at FROM mhub.content AS c WHERE c.key = u.content) AS e WHERE e.at <= mhub.now()
        UNION ALL
        SELECT r.place, r.key, 'is over', format('It was valid until %s.', to_char(r.valid_to AT TIME ZONE mhub.hub_time_zone(), 'YYYY-MM-DD HH24:MI')) FROM rule AS r WHERE r.valid_to <= mhub.now()
        UNION ALL
        SELECT DISTINCT f.place, f.key, 'unknown attribute', format('None of the newest 10,000 people has a trait "%s".', t.name) FROM reference AS f
        CROSS JOIN LATERAL (SELECT CASE WHEN f.name LIKE '"%' THEN replace(substring(f.name FROM '^"((?:[^"]|"")*)"'), '""', '"') ELSE split_part(f.name, '.', 1) END AS name) AS t
        WHERE f.kind = 'attribute' AND t.name NOT LIKE '$%' AND NOT EXISTS (SELECT FROM known AS k WHERE k.name = t.name)
        UNION ALL
        SELECT DISTINCT f.place, f.key, 'unknown event', format('Nobody ever did "%s".', f.name) FROM reference AS f
        WHERE f.kind = 'event' AND NOT EXISTS (SELECT FROM mhub.event_counter AS c WHERE c.name = f.name)
        UNION ALL
        SELECT DISTINCT f.place, f.key, 'unknown segment', format('Segment "%s" does not exist.', f.name) FROM reference AS f
        WHERE f.kind = 'segment' AND NOT EXISTS (SELECT FROM mhub.segment AS s WHERE s.key = f.name)
        UNION ALL
        SELECT r.place, r.key, 'stock used up', format('All %s are gone.', r.stock) FROM rule AS r JOIN mhub.content_stock AS t ON t.rule_id = r.rule_id WHERE t.used >= r.stock
    )
    SELECT p.key, p.problem, p.detail FROM problem AS p ORDER BY p.place, p.problem, p.detail
$$;
COMMENT ON FUNCTION mhub.check_rules(text) IS
'What is wrong, or likely so, with the enabled rules of a slot, in their order: broken (its condition cannot be read), can never match, shadowed (an earlier rule without limits matches whenever this one does), no such content, expired content, is over, unknown attribute (no trait of recent people), unknown event, unknown segment, stock used up. rule_key is NULL for the slot''s default content. NULL or an unknown slot gives no row.';

CREATE FUNCTION mhub.doctor_content(OUT check_name text, OUT status text, OUT detail text, OUT hint text)
RETURNS SETOF record LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'content rules', CASE WHEN count(*) = 0 THEN 'ok' ELSE 'warn' END,
           CASE WHEN count(*) = 0 THEN 'no rule of an enabled slot is broken'
                ELSE format('%s broken: %s', count(*), string_agg(format('%s/%s %s', s.slot, coalesce(c.rule_key, 'default'), c.problem), ', ' ORDER BY s.slot, c.rule_key)) END,
           CASE WHEN count(*) > 0 THEN 'SELECT * FROM mhub.check_rules(slot) tells what is wrong.' END
    FROM mhub.slot AS s CROSS JOIN LATERAL mhub.check_rules(s.slot) AS c
    WHERE s.enabled AND c.problem IN ('broken', 'no such content', 'expired content', 'can never match', 'unknown segment')
$$;
COMMENT ON FUNCTION mhub.doctor_content() IS 'Rows of mhub.doctor() about content: rules that cannot work.';
