-- What shown content achieved.

CREATE VIEW mhub.content_exposure AS
SELECT i.person_id::text AS user_id, m.shown_at AS "timestamp", m.slot || '/' || m.rule_key AS experiment_id, m.variant AS variation_id
FROM mhub.impression AS m JOIN mhub.identifier AS i ON i.identifier_id = m.identifier_id
WHERE m.variant IS NOT NULL;
COMMENT ON VIEW mhub.content_exposure IS 'Who was in which variant of which experiment, one row an impression, in the shape that statistics tools ask for.';
COMMENT ON COLUMN mhub.content_exposure.user_id IS 'The person.';
COMMENT ON COLUMN mhub.content_exposure."timestamp" IS 'When it was shown.';
COMMENT ON COLUMN mhub.content_exposure.experiment_id IS 'The experiment: slot/rule.';
COMMENT ON COLUMN mhub.content_exposure.variation_id IS 'The variant; holdout for those kept from the rule.';

CREATE VIEW mhub.content_report AS
WITH shown AS (
    SELECT m.slot, m.rule_key, m.content_key, m.variant, count(*) AS impressions, count(DISTINCT i.person_id) AS people,
           sum(m.clicks) AS clicks, count(*) FILTER (WHERE m.clicks > 0) AS clicked_impressions
    FROM mhub.impression AS m LEFT JOIN mhub.identifier AS i ON i.identifier_id = m.identifier_id
    GROUP BY m.slot, m.rule_key, m.content_key, m.variant
), reached AS (
    SELECT DISTINCT m.slot, m.rule_key, m.content_key, m.variant, i.person_id, c.conversion_id, c.value
    FROM mhub.impression AS m
    JOIN mhub.slot AS s ON s.slot = m.slot
    JOIN mhub.identifier AS i ON i.identifier_id = m.identifier_id
    JOIN mhub.identifier AS same ON same.person_id = i.person_id
    JOIN mhub.conversion AS c ON c.identifier_id = same.identifier_id
        AND c.occurred_at >= m.shown_at AND c.occurred_at < m.shown_at + s.conversion_window
    JOIN mhub.goal AS g ON g.goal_id = c.goal_id AND (s.conversion_goal IS NULL OR g.key = s.conversion_goal)
), converted AS (
    SELECT r.slot, r.rule_key, r.content_key, r.variant, count(*) AS conversions, count(DISTINCT r.person_id) AS converted_people
    FROM reached AS r GROUP BY r.slot, r.rule_key, r.content_key, r.variant
)
SELECT h.slot, h.rule_key, h.content_key, h.variant, h.impressions, h.people, h.clicks, h.clicked_impressions,
       h.clicked_impressions::double precision / h.impressions AS click_rate,
       coalesce(c.conversions, 0) AS conversions, coalesce(c.converted_people, 0) AS converted_people,
       coalesce(c.converted_people, 0)::double precision / nullif(h.people, 0) AS conversion_rate
FROM shown AS h
LEFT JOIN converted AS c ON c.slot = h.slot AND c.rule_key IS NOT DISTINCT FROM h.rule_key
    AND c.content_key IS NOT DISTINCT FROM h.content_key AND c.variant IS NOT DISTINCT FROM h.variant;
COMMENT ON VIEW mhub.content_report IS 'Impressions, clicks and conversions of every content, by slot, rule and variant. Compare a rule''s variants with its holdout.';
COMMENT ON COLUMN mhub.content_report.slot IS 'Where it was shown.';
COMMENT ON COLUMN mhub.content_report.rule_key IS 'By which rule; NULL for the default.';
COMMENT ON COLUMN mhub.content_report.content_key IS 'What was shown.';
COMMENT ON COLUMN mhub.content_report.variant IS 'Variant of the rule; NULL for a rule without variants.';
COMMENT ON COLUMN mhub.content_report.impressions IS 'How often it was shown.';
COMMENT ON COLUMN mhub.content_report.people IS 'To how many people; impressions of unknown people are in nobody''s name.';
COMMENT ON COLUMN mhub.content_report.clicks IS 'Clicks in all.';
COMMENT ON COLUMN mhub.content_report.clicked_impressions IS 'Impressions that were clicked at least once.';
COMMENT ON COLUMN mhub.content_report.click_rate IS 'clicked_impressions / impressions, 0 to 1.';
COMMENT ON COLUMN mhub.content_report.conversions IS 'Conversions of the slot''s goal, by those people, within the slot''s conversion_window after an impression; each once a row.';
COMMENT ON COLUMN mhub.content_report.converted_people IS 'People with such a conversion.';
COMMENT ON COLUMN mhub.content_report.conversion_rate IS 'converted_people / people, 0 to 1; NULL without known people.';
