/*
 * table_update.c
 *	  Changing rows of the hub's ordinary tables where triggers listen to
 *	  UPDATE statements.
 *
 * Triggers of statements, with their transition tables, are fired as an UPDATE
 * fires them.  Those of rows would cost what the statement costs, so where one
 * listens to the columns to be changed the statement has to do it.
 */
#include "common/table_state.h"

#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "utils/rel.h"

static bool
is_among(AttrNumber column, const Trigger *trigger)
{
	int			i;

	for (i = 0; i < trigger->tgnattr; i++)
	{
		if (trigger->tgattr[i] == column)
			return true;
	}
	return false;
}

/* Does the trigger look at rows, or wait for one of these columns? */
static bool
stands_in_the_way(const MhubTableAccess *access, const Trigger *trigger, const int *columns, int n)
{
	int			i;

	if (!TRIGGER_FOR_UPDATE(trigger->tgtype))
		return false;
	if (trigger->tgnattr == 0)
		return TRIGGER_FOR_ROW(trigger->tgtype);
	for (i = 0; i < n; i++)
	{
		if (is_among(access->columns[columns[i]], trigger))
			return true;
	}
	return false;
}

bool
mhub_table_is_updatable(const MhubTableAccess *access, const int *columns, int n)
{
	const TriggerDesc *triggers = access->result->ri_TrigDesc;
	int			i;

	for (i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		if (stands_in_the_way(access, &triggers->triggers[i], columns, n))
			return false;
	}
	return true;
}

void
mhub_table_begin_update(MhubTableAccess *access)
{
	const TriggerDesc *triggers = access->result->ri_TrigDesc;

	if (triggers == NULL || !(triggers->trig_update_before_statement || triggers->trig_update_after_statement))
		return;
	access->updating = true;
	AfterTriggerBeginQuery();
	access->capture = MakeTransitionCaptureState(access->result->ri_TrigDesc, access->table->relid, CMD_UPDATE);
	ExecBSUpdateTriggers(access->estate, access->result);
}

/* The row that was at this place is now the one in the slot of written rows. */
void
mhub_table_note_update(MhubTableAccess *access, ItemPointer before)
{
	if (access->capture != NULL)
		mhub_after_row_update(access->estate, access->result, before, access->written, access->capture);
}

void
mhub_table_end_update(MhubTableAccess *access)
{
	if (!access->updating)
		return;
	ExecASUpdateTriggers(access->estate, access->result, access->capture);
	AfterTriggerEndQuery(access->estate);
	access->updating = false;
	access->capture = NULL;
}
