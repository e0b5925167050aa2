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

/* Parameters of every statement below: the effects as parallel arrays, and the time. */
#define EFFECT_SOURCE \
	"FROM unnest($1, $2, $3, $4, $5) AS u (enrollment_id, person_id, version_id, hops, step) " \
	"JOIN mhub.workflow_step AS s ON s.version_id = u.version_id AND s.step = u.step " \
	"JOIN mhub.workflow_version AS v ON v.version_id = u.version_id " \
	"JOIN mhub.workflow AS w ON w.workflow_id = v.workflow_id " \
	"JOIN mhub.enrollment AS e ON e.enrollment_id = u.enrollment_id "
#define EFFECT_ARGUMENTS \
	.nargs = 6, .argtypes = {INT8ARRAYOID, INT8ARRAYOID, INT4ARRAYOID, INT4ARRAYOID, INT2ARRAYOID, TIMESTAMPTZOID}

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

static MhubPlan update_plan = {
	.sql = "UPDATE mhub.person AS p "
	"SET traits = (p.traits - x.unset) || x.set, trait_times = (p.trait_times - x.unset) || x.times, updated_at = $6 "
	"FROM (SELECT u.person_id, "
	"    coalesce(pg_catalog.jsonb_object_agg(t.key, t.value ORDER BY u.enrollment_id, u.step) FILTER (WHERE t.key IS NOT NULL), '{}') AS set, "
	"    coalesce(pg_catalog.jsonb_object_agg(t.key, $6) FILTER (WHERE t.key IS NOT NULL), '{}') AS times, "
	"    coalesce(pg_catalog.array_agg(n.key) FILTER (WHERE n.key IS NOT NULL), '{}') AS unset "
	EFFECT_SOURCE
	"  LEFT JOIN LATERAL pg_catalog.jsonb_each(s.settings -> 'set') AS t ON true "
	"  LEFT JOIN LATERAL pg_catalog.jsonb_array_elements_text(s.settings -> 'unset') AS n (key) ON true "
	"  WHERE s.type = 'update' GROUP BY u.person_id) AS x "
	"WHERE p.person_id = x.person_id",
	EFFECT_ARGUMENTS
};

static MhubPlan enter_plan = {
	.sql = "SELECT count(*) FROM (SELECT pg_catalog.array_agg(o.workflow_id) AS workflow_ids, pg_catalog.array_agg(u.person_id) AS person_ids, "
	"    pg_catalog.array_agg($6) AS times, "
	"    pg_catalog.array_agg(CASE WHEN o.concurrent THEN 'enrollment ' || u.enrollment_id || ' ' || u.hops "
	"      ELSE coalesce(s.settings -> 'data' ->> o.reentry_per, e.context ->> o.reentry_per, "
	"        e.context -> 'event' -> 'properties' ->> o.reentry_per, '') END) AS keys, "
	"    pg_catalog.array_agg(coalesce(e.context, '{}') || coalesce(s.settings -> 'data', '{}')) AS contexts "
	EFFECT_SOURCE "JOIN mhub.workflow AS o ON o.key = s.settings ->> 'workflow' "
	"WHERE s.type = 'enter_workflow') AS x, "
	"LATERAL mhub.enroll_people(x.workflow_ids, x.person_ids, x.times, x.keys, x.contexts, x.times) AS n",
	EFFECT_ARGUMENTS
};

static MhubPlan leave_plan = {
	.sql = "INSERT INTO mhub.enrollment_request (person_id, workflow_id, requested_at) "
	"SELECT u.person_id, o.workflow_id, $6 "
	EFFECT_SOURCE "JOIN mhub.workflow AS o ON o.key = s.settings ->> 'workflow' WHERE s.type = 'exit_workflow'",
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
	{WF_EFFECT_ENTER, &enter_plan},
	{WF_EFFECT_LEAVE, &leave_plan},
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

void
wf_run_effects(MoveSink *sink, TimestampTz now)
{
	Datum		values[6];

	if (sink->neffects == 0)
		return;
	effect_arrays(sink, values);
	values[5] = TimestampTzGetDatum(now);
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
