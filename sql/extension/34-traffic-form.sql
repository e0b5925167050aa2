-- What people do on a page: forms, field by field, and clicks.

CREATE FUNCTION mhub.form_started(form text, identifiers jsonb, attempt text DEFAULT NULL, context jsonb DEFAULT '{}', occurred_at timestamptz DEFAULT NULL, message_id text DEFAULT NULL) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT mhub.track('Form Started', identifiers, jsonb_strip_nulls(jsonb_build_object('form', form, 'attempt', attempt)), context, occurred_at, message_id)
$$;
COMMENT ON FUNCTION mhub.form_started(text, jsonb, text, jsonb, timestamptz, text) IS
'Records that somebody began a form (event Form Started) and returns the event_id. form: its name. attempt: an id of the client''s for this filling-in; NULL: each Form Started begins a new one. The rest, and errors, as for mhub.track(); mhub.form_dropoff() reports.';

CREATE FUNCTION mhub.form_field(form text, field text, identifiers jsonb, seconds numeric DEFAULT NULL, error text DEFAULT NULL, attempt text DEFAULT NULL, context jsonb DEFAULT '{}', occurred_at timestamptz DEFAULT NULL, message_id text DEFAULT NULL) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT mhub.track('Form Field Filled', identifiers,
        jsonb_strip_nulls(jsonb_build_object('form', form, 'field', field, 'seconds', seconds, 'error', error, 'attempt', attempt)), context, occurred_at, message_id)
$$;
COMMENT ON FUNCTION mhub.form_field(text, text, jsonb, numeric, text, text, jsonb, timestamptz, text) IS
'Records that somebody left a field of a form (event Form Field Filled) and returns the event_id. field: its name; what was put into it has no place here. seconds: time spent in it. error: what the form complained about, NULL: nothing. The rest as for mhub.form_started().';

CREATE FUNCTION mhub.form_submitted(form text, identifiers jsonb, attempt text DEFAULT NULL, context jsonb DEFAULT '{}', occurred_at timestamptz DEFAULT NULL, message_id text DEFAULT NULL) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT mhub.track('Form Submitted', identifiers, jsonb_strip_nulls(jsonb_build_object('form', form, 'attempt', attempt)), context, occurred_at, message_id)
$$;
COMMENT ON FUNCTION mhub.form_submitted(text, jsonb, text, jsonb, timestamptz, text) IS
'Records that somebody submitted a form (event Form Submitted) and returns the event_id. Arguments as for mhub.form_started().';

CREATE FUNCTION mhub.form_abandoned(form text, identifiers jsonb, field text DEFAULT NULL, attempt text DEFAULT NULL, context jsonb DEFAULT '{}', occurred_at timestamptz DEFAULT NULL, message_id text DEFAULT NULL) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT mhub.track('Form Abandoned', identifiers, jsonb_strip_nulls(jsonb_build_object('form', form, 'field', field, 'attempt', attempt)), context, occurred_at, message_id)
$$;
COMMENT ON FUNCTION mhub.form_abandoned(text, jsonb, text, text, jsonb, timestamptz, text) IS
'Records that somebody left a form without submitting it (event Form Abandoned) and returns the event_id. field: the one they were in, NULL: unknown. Not needed for the report: who does nothing for mhub.session_policy.gap has left too. The rest as for mhub.form_started().';

CREATE FUNCTION mhub.click(element text, identifiers jsonb, target text DEFAULT NULL, properties jsonb DEFAULT '{}', context jsonb DEFAULT '{}', occurred_at timestamptz DEFAULT NULL, message_id text DEFAULT NULL) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT mhub.track('Element Clicked', identifiers, coalesce(properties, '{}') || jsonb_strip_nulls(jsonb_build_object('element', element, 'target', mhub.clean_url(target))), context, occurred_at, message_id)
$$;
COMMENT ON FUNCTION mhub.click(text, jsonb, text, jsonb, jsonb, timestamptz, text) IS
'Records a click (event Element Clicked) and returns the event_id. element: what was clicked, e.g. buy-button. target: where it leads, stored as mhub.clean_url() leaves it; NULL: nowhere. The rest, and errors, as for mhub.track().';

CREATE FUNCTION mhub.form_dropoff(since timestamptz, upto timestamptz DEFAULT mhub.now(), OUT form text, OUT field text, OUT place numeric, OUT reached bigint, OUT dropped bigint, OUT submitted bigint, OUT drop_rate numeric, OUT errors bigint, OUT average_seconds numeric)
RETURNS SETOF record LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH seen AS (
        SELECT e.person_id, e.occurred_at, e.name, e.form, e.field, e.seconds, e.is_error, row_number() OVER form_order AS turn,
               coalesce('id ' || e.attempt,
                        'no ' || count(*) FILTER (WHERE e.name = 'Form Started') OVER form_order) AS attempt
        FROM mhub.form_event AS e
        WHERE e.occurred_at >= since AND e.occurred_at < upto
        WINDOW form_order AS (PARTITION BY e.person_id, e.form ORDER BY e.occurred_at, e.event_id)
    ), attempts AS (
        SELECT s.form, s.person_id, s.attempt, bool_or(s.name = 'Form Submitted') AS is_submitted,
               -- Whoever is still within the gap may be filling in the next field right now.
               NOT bool_or(s.name = 'Form Submitted')
               AND (bool_or(s.name = 'Form Abandoned') OR max(s.occurred_at) < upto - (SELECT p.gap FROM mhub.session_policy AS p)) AS is_dropped,
               (array_agg(s.field ORDER BY s.turn DESC) FILTER (WHERE s.field IS NOT NULL))[1] AS last_field
        FROM seen AS s GROUP BY s.form, s.person_id, s.attempt
    ), fields AS (
        SELECT s.form, s.person_id, s.attempt, s.field, row_number() OVER (PARTITION BY s.form, s.person_id, s.attempt ORDER BY min(s.turn)) AS place,
               sum(s.seconds) AS seconds, count(*) FILTER (WHERE s.is_error) AS errors
        FROM seen AS s WHERE s.field IS NOT NULL GROUP BY s.form, s.person_id, s.attempt, s.field
        UNION ALL
        SELECT a.form, a.person_id, a.attempt, NULL, 0, NULL, 0 FROM attempts AS a
    )
    SELECT f.form, f.field, round(avg(f.place), 1), count(*),
           count(*) FILTER (WHERE a.is_dropped AND a.last_field IS NOT DISTINCT FROM f.field),
           count(*) FILTER (WHERE a.is_submitted),
           round(count(*) FILTER (WHERE a.is_dropped AND a.last_field IS NOT DISTINCT FROM f.field)::numeric / count(*), 4),
           sum(f.errors)::bigint, round(avg(f.seconds), 1)
    FROM fields AS f JOIN attempts AS a ON a.form = f.form AND a.person_id = f.person_id AND a.attempt = f.attempt
    GROUP BY f.form, f.field
    ORDER BY f.form COLLATE "C", 3, f.field COLLATE "C"
$$;
COMMENT ON FUNCTION mhub.form_dropoff(timestamptz, timestamptz) IS
'Where people leave forms, from the form events with since <= occurred_at < upto. One row for each form and field, and one with field NULL for the form as a whole: place (average order in which the field came), reached (attempts that got to it), dropped (attempts that ended with it: abandoned, or nothing done for mhub.session_policy.gap; with field NULL: before any field), submitted (of those that reached it), drop_rate (dropped / reached), errors (complaints of the form), average_seconds (spent in it). An attempt begins with Form Started, or is named by properties.attempt.';
