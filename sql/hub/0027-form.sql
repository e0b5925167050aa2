-- Where people leave forms.

CREATE VIEW mhub.form_event AS
SELECT e.event_id, e.occurred_at, i.person_id, e.name, e.properties ->> 'form' AS form, e.properties ->> 'attempt' AS attempt,
       e.properties ->> 'field' AS field,
       CASE WHEN jsonb_typeof(e.properties -> 'seconds') = 'number' THEN least(greatest((e.properties ->> 'seconds')::numeric, 0), 86400) END AS seconds,
       coalesce(e.properties -> 'error', 'null') NOT IN ('null', 'false', '""') AS is_error
FROM mhub.event AS e JOIN mhub.identifier AS i ON i.identifier_id = e.identifier_id
WHERE e.name IN ('Form Started', 'Form Field Filled', 'Form Submitted', 'Form Abandoned') AND e.properties ? 'form'
  AND e.invalid_reason IS NULL;
COMMENT ON VIEW mhub.form_event IS 'The valid events of forms, without what else they carry.';
COMMENT ON COLUMN mhub.form_event.event_id IS 'The event.';
COMMENT ON COLUMN mhub.form_event.occurred_at IS 'When it happened.';
COMMENT ON COLUMN mhub.form_event.person_id IS 'Who.';
COMMENT ON COLUMN mhub.form_event.name IS 'Form Started, Form Field Filled, Form Submitted or Form Abandoned.';
COMMENT ON COLUMN mhub.form_event.form IS 'The form.';
COMMENT ON COLUMN mhub.form_event.attempt IS 'The client''s id of this filling-in; NULL: none given.';
COMMENT ON COLUMN mhub.form_event.field IS 'The field.';
COMMENT ON COLUMN mhub.form_event.seconds IS 'Time spent in the field, a day at most.';
COMMENT ON COLUMN mhub.form_event.is_error IS 'Whether the form complained about it.';

CREATE VIEW mhub.form_field_dropoff AS
SELECT d.form, d.field, d.place, d.reached, d.dropped, d.submitted, d.drop_rate, d.errors, d.average_seconds
FROM mhub.form_dropoff(mhub.now() - interval '30 days', mhub.now()) AS d;
COMMENT ON VIEW mhub.form_field_dropoff IS 'Where people left forms in the last 30 days; mhub.form_dropoff() reports about any time.';
COMMENT ON COLUMN mhub.form_field_dropoff.form IS 'The form.';
COMMENT ON COLUMN mhub.form_field_dropoff.field IS 'The field; NULL: the form as a whole.';
COMMENT ON COLUMN mhub.form_field_dropoff.place IS 'Average order in which the field came.';
COMMENT ON COLUMN mhub.form_field_dropoff.reached IS 'Attempts that got to it.';
COMMENT ON COLUMN mhub.form_field_dropoff.dropped IS 'Attempts that ended with it; for the form as a whole: before any field.';
COMMENT ON COLUMN mhub.form_field_dropoff.submitted IS 'Attempts that reached it and were submitted.';
COMMENT ON COLUMN mhub.form_field_dropoff.drop_rate IS 'dropped / reached.';
COMMENT ON COLUMN mhub.form_field_dropoff.errors IS 'Times the form complained about it.';
COMMENT ON COLUMN mhub.form_field_dropoff.average_seconds IS 'Average time spent in it.';
