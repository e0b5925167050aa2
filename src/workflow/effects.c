/*
 * effects.c
 *	  What a chunk's steps do to the world: messages, tasks, webhooks, traits,
 *	  other workflows.  One statement per kind and chunk, in the transaction
 *	  that moves the people, so each happens exactly once.
 */
#include "workflow/advance.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "workflow/run.h"

/* Parameters of every statement below: the effects as parallel arrays, in the order in which they came, and the time. */
#define EFFECT_SOURCE \
	"FROM unnest($1, $2, $3, $4, $5, $7) WITH ORDINALITY AS u (enrollment_id, person_id, version_id, hops, step, filled, place) " \
	"JOIN mhub.workflow_step AS d ON d.version_id = u.version_id AND d.step = u.step " \
	"CROSS JOIN LATERAL (SELECT d.key, d.type, coalesce(u.filled, d.settings) AS settings) AS s " \
	"JOIN mhub.workflow_version AS v ON v.version_id = u.version_id " \
	"JOIN mhub.workflow AS w ON w.workflow_id = v.workflow_id " \
	"JOIN mhub.enrollment AS e ON e.enrollment_id = u.enrollment_id "
#define EFFECT_ARGUMENTS \
	.nargs = 7, .argtypes = {INT8ARRAYOID, INT8ARRAYOID, INT4ARRAYOID, INT4ARRAYOID, INT2ARRAYOID, TIMESTAMPTZOID, JSONBARRAYOID}

static MhubPlan message_plan = {
	.sql = "INSERT INTO mhub.message (created_at, person_id, channel, purpose, provider, template, data, idempotency_key, "
	"  not_before, workflow, enrollment_id, step, campaign, content) "
	"SELECT $6, u.person_id, s.settings ->> 'channel', coalesce(s.settings ->> 'purpose', 'marketing'), "
	"  s.settings ->> 'provider', s.settings ->> 'template', "
	"  coalesce(e.context, '{}') || coalesce(s.settings -> 'data', '{}'), "
	"  'workflow-' || u.enrollment_id || '-' || u.hops || '-' || u.step, "
	"  $6, w.key, u.enrollment_id, s.key, coalesce(s.settings ->> 'campaign', w.key), s.settings ->> 'content' "
	EFFECT_SOURCE "WHERE s.type = 'message'",
	EFFECT_ARGUMENTS
};

static MhubPlan webhook_plan = {
	.sql = "INSERT INTO mhub.message (created_at, person_id, channel, purpose, provider, recipient, data, idempotency_key, "
	"  not_before, workflow, enrollment_id, step) "
	"SELECT $6, u.person_id, 'webhook', 'system', s.settings ->> 'provider', s.settings ->> 'url', "
	"  pg_catalog.jsonb_build_object('type', 'workflow.step', 'timestamp', $6, 'data', pg_catalog.jsonb_build_object( "
	"    'workflow', w.key, 'version', v.version, 'step', s.key, 'enrollment_id', u.enrollment_id, 'person_id', u.person_id, "
	"    'context', coalesce(e.context, '{}')) || coalesce(s.settings -> 'data', '{}')), "
	"  'workflow-' || u.enrollment_id || '-' || u.hops || '-' || u.step, $6, w.key, u.enrollment_id, s.key "
	EFFECT_SOURCE "WHERE s.type = 'webhook'",
	EFFECT_ARGUMENTS
};

static MhubPlan task_plan = {
	.sql = "INSERT INTO mhub.task (queue, priority, title, person_id, data, workflow, enrollment_id, step, created_at, due_at) "
	"SELECT s.settings ->> 'queue', coalesce((s.settings ->> 'priority')::smallint, 3), s.settings ->> 'title', u.person_id, "
	"  coalesce(e.context, '{}') || coalesce(s.settings -> 'data', '{}'), w.key, u.enrollment_id, s.key, $6, "
	"  $6 + (s.settings ->> 'due_in')::interval "
	EFFECT_SOURCE "WHERE s.type = 'task'",
	EFFECT_ARGUMENTS
};

/* Persons are locked in the order of their ids, as everywhere in the hub. */
static MhubPlan lock_persons_plan = {
	.sql = "SELECT p.person_id FROM mhub.person AS p WHERE p.person_id IN (SELECT u.person_id " EFFECT_SOURCE
	"WHERE s.type = 'update') ORDER BY p.person_id FOR NO KEY UPDATE",
	EFFECT_ARGUMENTS
};

/*
 * Of what several steps of one wake-up do to the same trait, the last counts.
 * Who has been merged away while we waited for the lock is another person now.
 */
static MhubPlan update_plan = {
	.sql = "UPDATE mhub.person AS p "
	"SET traits = (p.traits - x.unset) || x.set, trait_times = (p.trait_times - x.unset) || x.times, updated_at = $6 "
	"FROM (SELECT l.person_id, "
	"    coalesce(pg_catalog.jsonb_object_agg(l.key, l.value) FILTER (WHERE l.value IS NOT NULL), '{}') AS set, "
	"    coalesce(pg_catalog.jsonb_object_agg(l.key, $6) FILTER (WHERE l.value IS NOT NULL), '{}') AS times, "
	"    coalesce(pg_catalog.array_agg(l.key) FILTER (WHERE l.value IS NULL), '{}') AS unset "
	"  FROM (SELECT DISTINCT ON (q.person_id, t.key) q.person_id, t.key, t.value "
	EFFECT_SOURCE
	"    JOIN mhub.person AS o ON o.person_id = u.person_id "
	"    CROSS JOIN LATERAL (SELECT CASE WHEN o.merged_into IS NULL THEN u.person_id ELSE mhub.resolve_person(u.person_id) END AS person_id) AS q "
	"    CROSS JOIN LATERAL (SELECT n.key, n.value FROM pg_catalog.jsonb_each(s.settings -> 'set') AS n "
	"      UNION ALL SELECT n.key, NULL FROM pg_catalog.jsonb_array_elements_text(s.settings -> 'unset') AS n (key)) AS t "
	"    WHERE s.type = 'update' ORDER BY q.person_id, t.key, u.place DESC, t.value IS NULL) AS l "
	"  GROUP BY l.person_id) AS x "
	"WHERE p.person_id = x.person_id",
	EFFECT_ARGUMENTS
};

/*
 * One call per segment, in the order of their names, so that engines lock them
 * in the same order.  A list that has been dropped since must not stop people.
 */
static MhubPlan segment_plan = {
	.sql = "SELECT CASE WHEN x.adds THEN mhub.add_to_segment(x.segment, x.person_ids) ELSE mhub.remove_from_segment(x.segment, x.person_ids) END "
	"FROM (SELECT l.segment, l.adds, pg_catalog.array_agg(l.person_id) AS person_ids "
	"  FROM (SELECT DISTINCT ON (u.person_id, t.segment) u.person_id, t.segment, t.adds "
	EFFECT_SOURCE
	"    CROSS JOIN LATERAL (SELECT true, a.name FROM pg_catalog.jsonb_array_elements_text(s.settings -> 'add_to') AS a (name) "
	"      UNION ALL SELECT false, r.name FROM pg_catalog.jsonb_array_elements_text(s.settings -> 'remove_from') AS r (name)) AS t (adds, segment) "
	"    WHERE s.type = 'update' ORDER BY u.person_id, t.segment, u.place DESC, t.adds DESC) AS l "
	"  WHERE mhub.static_segment_problem(l.segment) IS NULL "
	"  GROUP BY l.segment, l.adds ORDER BY l.segment, l.adds) AS x",
	EFFECT_ARGUMENTS
};

/* Entering and leaving other workflows is asked for; the intake does it, in one place. */
static MhubPlan enter_plan = {
	.sql = "INSERT INTO mhub.enrollment_request (action, person_id, workflow_id, requested_at, entry_key, context) "
	"SELECT 'enter', u.person_id, o.workflow_id, $6, "
	"  CASE WHEN o.concurrent THEN 'enrollment ' || u.enrollment_id || ' ' || u.hops || ' ' || u.step "
	"    ELSE coalesce(s.settings -> 'data' ->> o.reentry_per, e.context ->> o.reentry_per, "
	"      e.context -> 'event' -> 'properties' ->> o.reentry_per, '') END, "
	"  coalesce(e.context, '{}') || coalesce(s.settings -> 'data', '{}') || mhub.workflow_as_context(w.key, u.enrollment_id, 'step', NULL) "
	EFFECT_SOURCE "JOIN mhub.workflow AS o ON o.key = s.settings ->> 'workflow' WHERE s.type = 'enter_workflow'",
	EFFECT_ARGUMENTS
};

static MhubPlan leave_plan = {
	.sql = "INSERT INTO mhub.enrollment_request (action, person_id, workflow_id, requested_at) "
	"SELECT 'leave', u.person_id, o.workflow_id, $6 "
	EFFECT_SOURCE "JOIN mhub.workflow AS o ON o.key = s.settings ->> 'workflow' WHERE s.type = 'exit_workflow'",
	EFFECT_ARGUMENTS
};

static MhubPlan ended_plan = {
	.sql = "SELECT mhub.announce_ends(pg_catalog.array_agg(u.enrollment_id)) "
	"FROM unnest($1, $5) AS u (enrollment_id, step) WHERE u.step < 0",
	EFFECT_ARGUMENTS
};

/* Which statements an effect needs, in this order. */
static const struct
{
	int			effect;
	MhubPlan   *plan;
}			effect_plans[] = {
	{WF_EFFECT_MESSAGE, &message_plan},
	{WF_EFFECT_WEBHOOK, &webhook_plan},
	{WF_EFFECT_TASK, &task_plan},
	{WF_EFFECT_UPDATE, &lock_persons_plan},
	{WF_EFFECT_UPDATE, &update_plan},
	{WF_EFFECT_SEGMENT, &segment_plan},
	{WF_EFFECT_ENTER, &enter_plan},
	{WF_EFFECT_LEAVE, &leave_plan},
	{WF_EFFECT_ENDED, &ended_plan},
};

static Datum
array_datum(Datum *elements, int count, Oid type, int length, char align)
{
	return PointerGetDatum(construct_array(elements, count, type, length, true, align));
}

static void
effect_arrays(const MoveSink *sink, Datum *values)
{
	Datum	   *column[5];

	for (int i = 0; i < 5; i++)
		column[i] = palloc_extended(sink->neffects * sizeof(Datum), MCXT_ALLOC_HUGE);
	for (int i = 0; i < sink->neffects; i++)
	{
		const MoveEffect *effect = &sink->effect_list[i];

		column[0][i] = Int64GetDatum(effect->enrollment_id);
		column[1][i] = Int64GetDatum(effect->person_id);
		column[2][i] = Int32GetDatum(effect->version_id);
		column[3][i] = Int32GetDatum(effect->hops);
		column[4][i] = Int16GetDatum(effect->step);
	}
	values[0] = array_datum(column[0], sink->neffects, INT8OID, sizeof(int64), TYPALIGN_DOUBLE);
	values[1] = array_datum(column[1], sink->neffects, INT8OID, sizeof(int64), TYPALIGN_DOUBLE);
	values[2] = array_datum(column[2], sink->neffects, INT4OID, sizeof(int32), TYPALIGN_INT);
	values[3] = array_datum(column[3], sink->neffects, INT4OID, sizeof(int32), TYPALIGN_INT);
	values[4] = array_datum(column[4], sink->neffects, INT2OID, sizeof(int16), TYPALIGN_SHORT);
}

/* NULL for steps that are the same for everybody. */
static Datum
filled_array(const MoveSink *sink)
{
	Datum	   *elements = palloc_extended(sink->neffects * sizeof(Datum), MCXT_ALLOC_HUGE);
	bool	   *nulls = palloc_extended(sink->neffects * sizeof(bool), MCXT_ALLOC_HUGE);
	int			dimensions[1] = {sink->neffects};
	int			bounds[1] = {1};

	for (int i = 0; i < sink->neffects; i++)
	{
		nulls[i] = sink->effect_list[i].filled == NULL;
		elements[i] = JsonbPGetDatum(sink->effect_list[i].filled);
	}
	return PointerGetDatum(construct_md_array(elements, nulls, 1, dimensions, bounds, JSONBOID, -1, false, TYPALIGN_INT));
}

void
wf_run_effects(MoveSink *sink, TimestampTz now)
{
	Datum		values[7];

	if (sink->neffects == 0)
		return;
	effect_arrays(sink, values);
	values[5] = TimestampTzGetDatum(now);
	values[6] = filled_array(sink);
	for (int i = 0; i < (int) lengthof(effect_plans); i++)
	{
		int			result;

		if ((sink->effects & effect_plans[i].effect) == 0)
			continue;
		result = SPI_execute_plan(mhub_plan(effect_plans[i].plan), values, NULL, false, 0);
		if (result < 0)
			elog(ERROR, "could not carry out effects: %s", SPI_result_code_string(result));
	}
}
