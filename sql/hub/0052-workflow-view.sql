-- Workflows for reports.

CREATE VIEW mhub.enrollment_status AS
SELECT e.enrollment_id, e.person_id, w.key AS workflow, v.version, s.key AS step, s.type AS step_type,
       mhub.enrollment_outcome(e.outcome) AS outcome, e.entered_at, e.arrived_at, e.wake_at, e.entry_key, e.entry_no, e.context
FROM mhub.enrollment AS e
JOIN mhub.workflow AS w ON w.workflow_id = e.workflow_id
JOIN mhub.workflow_version AS v ON v.version_id = e.version_id
JOIN mhub.workflow_step AS s ON s.version_id = e.version_id AND s.step = e.step;
COMMENT ON VIEW mhub.enrollment_status IS 'Who is, or was, where in which workflow.';
COMMENT ON COLUMN mhub.enrollment_status.enrollment_id IS 'The enrollment.';
COMMENT ON COLUMN mhub.enrollment_status.person_id IS 'The person.';
COMMENT ON COLUMN mhub.enrollment_status.workflow IS 'Key of the workflow.';
COMMENT ON COLUMN mhub.enrollment_status.version IS 'Version the person is in.';
COMMENT ON COLUMN mhub.enrollment_status.step IS 'Step the person is at, or ended at.';
COMMENT ON COLUMN mhub.enrollment_status.step_type IS 'Type of that step.';
COMMENT ON COLUMN mhub.enrollment_status.outcome IS 'in flight, or how it ended: completed, goal reached, exit criterion, removed, merged, no consent, frequency cap, archived.';
COMMENT ON COLUMN mhub.enrollment_status.entered_at IS 'When the person entered.';
COMMENT ON COLUMN mhub.enrollment_status.arrived_at IS 'When the person came to the step.';
COMMENT ON COLUMN mhub.enrollment_status.wake_at IS 'When there is something to do next; NULL once it has ended.';
COMMENT ON COLUMN mhub.enrollment_status.entry_key IS 'Value of the re-entry key; empty without one.';
COMMENT ON COLUMN mhub.enrollment_status.entry_no IS 'The how-manieth entry with this key.';
COMMENT ON COLUMN mhub.enrollment_status.context IS 'What the workflow knows besides the profile.';

CREATE VIEW mhub.enrollment_step AS
SELECT ids.enrollment_id, h.at, p.place, w.key AS workflow, v.version, s.key AS step, s.type AS step_type,
       mhub.step_outcome(p.visit % 1000, s.type, s.settings) AS outcome
FROM mhub.enrollment_history AS h
CROSS JOIN LATERAL unnest(h.enrollment_ids) AS ids (enrollment_id)
CROSS JOIN LATERAL unnest(h.path) WITH ORDINALITY AS p (visit, place)
JOIN mhub.workflow_step AS s ON s.version_id = h.version_id AND s.step = p.visit / 1000
JOIN mhub.workflow_version AS v ON v.version_id = h.version_id
JOIN mhub.workflow AS w ON w.workflow_id = v.workflow_id;
COMMENT ON VIEW mhub.enrollment_step IS 'What happened, one visit of a step a row. For one enrollment use mhub.trace_enrollment(), which need not look at everybody.';
COMMENT ON COLUMN mhub.enrollment_step.enrollment_id IS 'The enrollment.';
COMMENT ON COLUMN mhub.enrollment_step.at IS 'When.';
COMMENT ON COLUMN mhub.enrollment_step.place IS 'Order of the visits of one wake-up, from 1.';
COMMENT ON COLUMN mhub.enrollment_step.workflow IS 'Key of the workflow.';
COMMENT ON COLUMN mhub.enrollment_step.version IS 'Version.';
COMMENT ON COLUMN mhub.enrollment_step.step IS 'Step.';
COMMENT ON COLUMN mhub.enrollment_step.step_type IS 'Type of the step.';
COMMENT ON COLUMN mhub.enrollment_step.outcome IS 'How it went: name of the branch or variant, waiting, came, timeout, sent, done, skipped or deferred and why.';

CREATE VIEW mhub.workflow_metrics AS
WITH visit AS (
    SELECT c.version_id, c.step, c.outcome, c.bucket, sum(c.visits) AS visits
    FROM mhub.workflow_counter AS c WHERE c.outcome < 1000 GROUP BY c.version_id, c.step, c.outcome, c.bucket
), total AS (
    SELECT x.version_id, x.step, x.outcome, sum(x.visits) AS visits FROM visit AS x WHERE x.outcome <> 99 OR x.step < 0 GROUP BY x.version_id, x.step, x.outcome
), median AS (
    -- buckets are half an octave wide; the middle of the one that holds the median is within a fifth of it
    SELECT DISTINCT ON (r.version_id, r.step, r.outcome) r.version_id, r.step, r.outcome,
           CASE r.bucket WHEN 0 THEN interval '0' ELSE make_interval(secs => power(2, (r.bucket - 0.5) / 2)) END AS typical
    FROM (SELECT x.*, sum(x.visits) OVER (PARTITION BY x.version_id, x.step, x.outcome ORDER BY x.bucket) AS upto,
                 sum(x.visits) OVER (PARTITION BY x.version_id, x.step, x.outcome) AS every
          FROM visit AS x) AS r
    WHERE r.upto * 2 >= r.every ORDER BY r.version_id, r.step, r.outcome, r.bucket
), step AS (
    SELECT t.version_id, t.step,
           sum(t.visits) FILTER (WHERE t.outcome NOT BETWEEN 100 AND 102) AS passed
    FROM total AS t WHERE t.step >= 0 GROUP BY t.version_id, t.step
)
SELECT w.key AS workflow, v.version, s.key AS step, s.type AS step_type, mhub.step_outcome(t.outcome, s.type, s.settings) AS outcome,
       t.visits,
       CASE WHEN t.outcome NOT BETWEEN 100 AND 102 THEN round(100.0 * t.visits / p.passed, 2) END AS percent, m.typical AS median_time
FROM total AS t
JOIN step AS p ON p.version_id = t.version_id AND p.step = t.step
JOIN median AS m ON m.version_id = t.version_id AND m.step = t.step AND m.outcome = t.outcome
JOIN mhub.workflow_step AS s ON s.version_id = t.version_id AND s.step = t.step
JOIN mhub.workflow_version AS v ON v.version_id = t.version_id
JOIN mhub.workflow AS w ON w.workflow_id = v.workflow_id
UNION ALL
SELECT w.key, v.version, NULL, NULL, CASE t.outcome WHEN 0 THEN 'entered' WHEN 9 THEN 'turned away' ELSE mhub.enrollment_outcome(t.outcome) END, t.visits,
       CASE WHEN t.outcome NOT IN (0, 9) THEN round(100.0 * t.visits / sum(t.visits) FILTER (WHERE t.outcome NOT IN (0, 9)) OVER (PARTITION BY t.version_id), 2) END, NULL
FROM total AS t
JOIN mhub.workflow_version AS v ON v.version_id = t.version_id
JOIN mhub.workflow AS w ON w.workflow_id = v.workflow_id
WHERE t.step = -1;
COMMENT ON VIEW mhub.workflow_metrics IS 'Numbers per workflow, version, step and way out of it (branch, variant, skipped ...), and per workflow as a whole (step NULL: entered, goal reached with the goal rate as percent, completed and so on; turned away: by the limit on entries through other workflows). From counters that the engine keeps; no table of people is read.';
COMMENT ON COLUMN mhub.workflow_metrics.workflow IS 'Key of the workflow.';
COMMENT ON COLUMN mhub.workflow_metrics.version IS 'Version.';
COMMENT ON COLUMN mhub.workflow_metrics.step IS 'Step; NULL in the rows about how enrollments ended.';
COMMENT ON COLUMN mhub.workflow_metrics.step_type IS 'Type of the step.';
COMMENT ON COLUMN mhub.workflow_metrics.outcome IS 'How people left the step, or "waiting"/"deferred": how often they stopped there; with step NULL entered, turned away, or how they left the workflow.';
COMMENT ON COLUMN mhub.workflow_metrics.visits IS 'How often.';
COMMENT ON COLUMN mhub.workflow_metrics.percent IS 'Share of all who left the step; with step NULL of all who left the workflow. NULL for stops and entries.';
COMMENT ON COLUMN mhub.workflow_metrics.median_time IS 'How long the middle one of them was at the step, to about a fifth.';

CREATE VIEW mhub.workflow_variant AS
SELECT w.key AS workflow, v.version, s.key AS step, x.variant ->> 'key' AS variant, n.entered, n.ended, n.goals,
       round(100.0 * n.goals / nullif(n.ended, 0), 2) AS goal_rate
FROM mhub.workflow_step AS s
JOIN mhub.workflow_version AS v ON v.version_id = s.version_id
JOIN mhub.workflow AS w ON w.workflow_id = v.workflow_id
CROSS JOIN LATERAL jsonb_array_elements(s.settings -> 'variants') WITH ORDINALITY AS x (variant, place)
CROSS JOIN LATERAL (
    SELECT coalesce(sum(c.visits) FILTER (WHERE c.outcome = x.place - 1), 0)::bigint AS entered,
           coalesce(sum(c.visits) FILTER (WHERE c.outcome / 10 = 99 + x.place), 0)::bigint AS ended,
           coalesce(sum(c.visits) FILTER (WHERE c.outcome = 992 + x.place * 10), 0)::bigint AS goals
    FROM mhub.workflow_counter AS c WHERE c.version_id = s.version_id AND c.step = s.step) AS n
WHERE s.type = 'experiment';
COMMENT ON VIEW mhub.workflow_variant IS 'The variants of experiments against each other: how many people came in, how many of them have left the workflow, and how many of these reached its goal. From counters that the engine keeps.';
COMMENT ON COLUMN mhub.workflow_variant.workflow IS 'Key of the workflow.';
COMMENT ON COLUMN mhub.workflow_variant.version IS 'Version.';
COMMENT ON COLUMN mhub.workflow_variant.step IS 'The experiment.';
COMMENT ON COLUMN mhub.workflow_variant.variant IS 'Key of the variant.';
COMMENT ON COLUMN mhub.workflow_variant.entered IS 'How often it was drawn; in a loop more than once a person.';
COMMENT ON COLUMN mhub.workflow_variant.ended IS 'Enrollments of it that have ended.';
COMMENT ON COLUMN mhub.workflow_variant.goals IS 'Those that ended with a goal reached.';
COMMENT ON COLUMN mhub.workflow_variant.goal_rate IS 'Goals as a share of the ended ones, in percent; NULL while nobody has ended.';

CREATE VIEW mhub.workflow_waiting AS
SELECT w.key AS workflow, v.version, c.version_id, s.key AS step, s.type AS step_type,
       sum(CASE WHEN c.outcome = 99 THEN -c.visits ELSE c.visits END)::bigint AS waiting
FROM mhub.workflow_counter AS c
JOIN mhub.workflow_step AS s ON s.version_id = c.version_id AND s.step = c.step
JOIN mhub.workflow_version AS v ON v.version_id = c.version_id
JOIN mhub.workflow AS w ON w.workflow_id = v.workflow_id
WHERE c.outcome BETWEEN 99 AND 102
GROUP BY w.key, v.version, c.version_id, s.key, s.type;
COMMENT ON VIEW mhub.workflow_waiting IS 'How many people wait at each step now, from the engine''s counters.';
COMMENT ON COLUMN mhub.workflow_waiting.workflow IS 'Key of the workflow.';
COMMENT ON COLUMN mhub.workflow_waiting.version IS 'Version.';
COMMENT ON COLUMN mhub.workflow_waiting.version_id IS 'Surrogate id of the version.';
COMMENT ON COLUMN mhub.workflow_waiting.step IS 'Step.';
COMMENT ON COLUMN mhub.workflow_waiting.step_type IS 'Type of the step.';
COMMENT ON COLUMN mhub.workflow_waiting.waiting IS 'People waiting there.';
