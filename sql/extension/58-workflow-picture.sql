-- Pictures of workflows.

CREATE FUNCTION mhub.workflow_edge(definition jsonb, OUT from_step text, OUT label text, OUT to_step text)
RETURNS SETOF record LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT s.key, e.label, e.target
    FROM jsonb_each(definition -> 'steps') WITH ORDINALITY AS s (key, step, place),
        LATERAL (
            SELECT 1 AS part, b.place, coalesce(b.branch ->> 'name', b.branch ->> 'if') AS label, b.branch ->> 'next' AS target
            FROM jsonb_array_elements(s.step -> 'branches') WITH ORDINALITY AS b (branch, place) WHERE s.step ->> 'type' = 'decision'
            UNION ALL
            SELECT 1, v.place, concat(v.variant ->> 'key', ' ', v.variant ->> 'weight'), v.variant ->> 'next'
            FROM jsonb_array_elements(s.step -> 'variants') WITH ORDINALITY AS v (variant, place) WHERE s.step ->> 'type' = 'experiment'
            UNION ALL
            SELECT 2, 1, 'else', s.step ->> 'else' WHERE s.step ->> 'type' = 'decision'
            UNION ALL
            SELECT 1, 1, CASE s.step ->> 'type' WHEN 'wait_for' THEN 'came' END, s.step ->> 'next'
            WHERE s.step ->> 'type' NOT IN ('decision', 'experiment', 'exit') AND (s.step ? 'next' OR s.step ->> 'type' <> 'goal')
            UNION ALL
            SELECT 2, 1, 'timeout', s.step ->> 'on_timeout' WHERE s.step ->> 'type' = 'wait_for') AS e
    ORDER BY s.place, e.part, e.place
$$;
COMMENT ON FUNCTION mhub.workflow_edge(jsonb) IS
'The transitions of a workflow''s definition: from_step, label (branch, variant, came, timeout; NULL for a plain next) and to_step (NULL is the end).';

CREATE FUNCTION mhub.step_caption(step jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE step ->> 'type'
        WHEN 'delay' THEN concat_ws(' ', 'wait', step ->> 'for', CASE WHEN step -> 'until' IS NOT NULL THEN concat_ws(' ', 'until', step #>> '{until,time}',
            step #>> '{until,window,0}' || '-' || (step #>> '{until,window,1}'), (SELECT string_agg(d.day, ' ') FROM jsonb_array_elements_text(step #> '{until,weekdays}') AS d (day))) END)
        WHEN 'wait_for' THEN concat('wait for ', coalesce(step ->> 'event', step ->> 'if'), ', at most ', step ->> 'timeout')
        WHEN 'message' THEN concat(step ->> 'channel', ': ', step ->> 'template')
        WHEN 'task' THEN concat(step ->> 'queue', ': ', step ->> 'title')
        WHEN 'webhook' THEN concat('webhook ', coalesce(step ->> 'url', step ->> 'provider'))
        WHEN 'update' THEN concat_ws(', ', 'set ' || nullif(coalesce(step -> 'set', '{}') || coalesce(step -> 'context', '{}'), '{}')::text,
            'unset ' || (step ->> 'unset'), 'add to ' || (step ->> 'add_to'), 'remove from ' || (step ->> 'remove_from'))
        WHEN 'enter_workflow' THEN concat('enter ', step ->> 'workflow')
        WHEN 'exit_workflow' THEN concat('leave ', step ->> 'workflow')
        WHEN 'goal' THEN concat('goal: ', step ->> 'goal')
        WHEN 'exit' THEN concat_ws(': ', 'exit', step ->> 'reason')
        ELSE step ->> 'type' END
$$;
COMMENT ON FUNCTION mhub.step_caption(jsonb) IS 'A step of a definition in a few words, for pictures. NULL gives NULL.';

CREATE FUNCTION mhub.picture_definition(key text, version integer, OUT definition jsonb, OUT version_id integer)
RETURNS record LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT v.definition, v.version_id
    FROM mhub.workflow AS w JOIN mhub.workflow_version AS v USING (workflow_id)
    WHERE w.key = $1 AND CASE WHEN $2 IS NOT NULL THEN v.version = $2 WHEN w.active_version_id IS NOT NULL THEN v.version_id = w.active_version_id ELSE true END
    ORDER BY v.version DESC LIMIT 1
$$;
COMMENT ON FUNCTION mhub.picture_definition(text, integer) IS
'The definition to draw: the given version, else the published one, else the newest. Internal.';

CREATE FUNCTION mhub.workflow_mermaid(key text, version integer DEFAULT NULL) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH d AS (
        SELECT p.definition, p.version_id FROM mhub.picture_definition($1, $2) AS p WHERE p.definition IS NOT NULL
    ), step AS (
        SELECT s.place, s.key, s.step ->> 'type' AS type,
               replace(concat('<b>', s.key, '</b><br/>', mhub.step_caption(s.step), '<br/>' || n.waiting || ' waiting'), '"', '#quot;') AS text
        FROM d CROSS JOIN LATERAL jsonb_each(d.definition -> 'steps') WITH ORDINALITY AS s (key, step, place)
        LEFT JOIN mhub.workflow_waiting AS n ON n.version_id = d.version_id AND n.step = s.key
    ), line (part, place, text) AS (
        SELECT 1, s.place, concat('    s', s.place, CASE s.type WHEN 'decision' THEN '{"' WHEN 'experiment' THEN '{{"' WHEN 'delay' THEN '(["' WHEN 'wait_for' THEN '(["' WHEN 'exit' THEN '(("' ELSE '["' END,
               s.text, CASE s.type WHEN 'decision' THEN '"}' WHEN 'experiment' THEN '"}}' WHEN 'delay' THEN '"])' WHEN 'wait_for' THEN '"])' WHEN 'exit' THEN '"))' ELSE '"]' END)
        FROM step AS s
        UNION ALL
        SELECT 2, 1, concat('    start((start)) --> s', s.place) FROM step AS s, d WHERE s.key = d.definition ->> 'start'
        UNION ALL
        SELECT 3, row_number() OVER (), concat('    s', f.place, ' -->', '|"' || replace(e.label, '"', '#quot;') || '"|', ' ', coalesce('s' || t.place, 'finish((end))'))
        FROM d CROSS JOIN LATERAL mhub.workflow_edge(d.definition) AS e JOIN step AS f ON f.key = e.from_step LEFT JOIN step AS t ON t.key = e.to_step
    )
    SELECT E'flowchart TD\n' || string_agg(l.text, E'\n' ORDER BY l.part, l.place) FROM line AS l
$$;
COMMENT ON FUNCTION mhub.workflow_mermaid(text, integer) IS
'A workflow as a Mermaid flowchart, with how many people wait at each step now: the given version, else the published one, else the newest. NULL for an unknown workflow.';

CREATE FUNCTION mhub.svg_text(value text, longest integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT replace(replace(replace(CASE WHEN length(value) > longest THEN left(value, longest - 3) || '...' ELSE value END, '&', '&amp;'), '<', '&lt;'), '>', '&gt;')
$$;
COMMENT ON FUNCTION mhub.svg_text(text, integer) IS 'Text for an SVG: at most so many characters, markup escaped. NULL gives NULL.';

CREATE FUNCTION mhub.workflow_svg(key text, version integer DEFAULT NULL) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE d AS (
        SELECT p.definition, p.version_id FROM mhub.picture_definition($1, $2) AS p WHERE p.definition IS NOT NULL
    ), edge AS (
        SELECT e.from_step, e.label, coalesce(e.to_step, '') AS to_step FROM d, LATERAL mhub.workflow_edge(d.definition) AS e
    ), reach (key, depth) AS (
        -- UNION without ALL ends the walk; no way is longer than there are steps
        SELECT d.definition ->> 'start', 0 FROM d
        UNION
        SELECT e.to_step, r.depth + 1 FROM reach AS r JOIN edge AS e ON e.from_step = r.key
        WHERE r.depth < (SELECT count(*) FROM (SELECT DISTINCT x.from_step FROM edge AS x) AS steps) AND NOT EXISTS (SELECT FROM d WHERE d.definition ->> 'start' = e.to_step)
    ), layer AS (
        SELECT r.key, min(r.depth) AS depth FROM reach AS r GROUP BY r.key
    ), box AS (
        SELECT l.key, 40 + 240 * (row_number() OVER (PARTITION BY l.depth ORDER BY l.key) - 1) AS x, 40 + 110 * l.depth AS y,
               d.definition -> 'steps' -> l.key AS step, n.waiting
        FROM layer AS l CROSS JOIN d
        LEFT JOIN mhub.workflow_waiting AS n ON n.version_id = d.version_id AND n.step = l.key
    ), part (place, text) AS (
        SELECT 1, format('<path d="M%s %s C %s %s, %s %s, %s %s" fill="none" stroke="#667" marker-end="url(#a)"/>', f.x + 100, f.y + 60,
                         f.x + 100, f.y + 90, t.x + 100, t.y - 30, t.x + 100, t.y)
               || coalesce(format('<text x="%s" y="%s" class="l">%s</text>', (f.x + t.x) / 2 + 106, (f.y + t.y) / 2 + 34, mhub.svg_text(e.label, 28)), '')
        FROM edge AS e JOIN box AS f ON f.key = e.from_step JOIN box AS t ON t.key = e.to_step
        UNION ALL
        SELECT 2, CASE WHEN b.key = '' THEN format('<circle cx="%s" cy="%s" r="14" class="end"/>', b.x + 100, b.y + 14)
                       ELSE format('<rect x="%s" y="%s" width="200" height="60" rx="%s" class="%s"/><text x="%s" y="%s" class="k">%s</text><text x="%s" y="%s">%s</text>',
                                   b.x, b.y, CASE WHEN b.step ->> 'type' IN ('delay', 'wait_for') THEN 28 ELSE 6 END, b.step ->> 'type',
                                   b.x + 100, b.y + 20, mhub.svg_text(b.key, 24), b.x + 100, b.y + 37, mhub.svg_text(mhub.step_caption(b.step), 32))
                       || CASE WHEN b.waiting > 0 THEN format('<text x="%s" y="%s" class="n">%s waiting</text>', b.x + 100, b.y + 53, b.waiting) ELSE '' END END
        FROM box AS b
    )
    SELECT format('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" font-family="sans-serif" font-size="11" text-anchor="middle">'
                  '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#667"/></marker></defs>'
                  '<style>rect{fill:#eef;stroke:#667}.decision,.experiment{fill:#fec}.message{fill:#dfd}.task,.webhook{fill:#ddf}.goal{fill:#9e9}.exit,.end{fill:#ccc}.k{font-weight:bold}.l{fill:#456}.n{fill:#b00}</style>',
                  (SELECT max(b.x) + 240 FROM box AS b), (SELECT max(b.y) + 100 FROM box AS b))
           || string_agg(p.text, '' ORDER BY p.place, p.text) || '</svg>'
    FROM part AS p HAVING count(*) > 0
$$;
COMMENT ON FUNCTION mhub.workflow_svg(text, integer) IS
'A workflow as an SVG picture, with how many people wait at each step now: the given version, else the published one, else the newest. NULL for an unknown workflow.';
