/*
 * drop_guard.c
 *	  Refuses DROP EXTENSION mhub while the hub's tables exist.
 *
 * The hub is ordinary tables whose columns use the extension's types, so a
 * CASCADE would take people's data along.  An event trigger on
 * ddl_command_start sees the parsed statement before anything is dropped;
 * sql_drop would come too late, after the trigger itself is gone.
 */
#include "mhub.h"

#include "commands/event_trigger.h"
#include "common/hub_relation.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"

PG_FUNCTION_INFO_V1(mhub_guard_drop_extension);

static bool
drops_mhub(DropStmt *stmt)
{
	ListCell   *cell;

	foreach(cell, stmt->objects)
	{
		if (strcmp(strVal(lfirst(cell)), "mhub") == 0)
			return true;
	}
	return false;
}

Datum
mhub_guard_drop_extension(PG_FUNCTION_ARGS)
{
	EventTriggerData *trigger;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("mhub.guard_drop_extension() must be called as an event trigger")));

	trigger = (EventTriggerData *) fcinfo->context;
	if (IsA(trigger->parsetree, DropStmt) && drops_mhub((DropStmt *) trigger->parsetree) && OidIsValid(mhub_find_relation("migration")))
		ereport(ERROR,
				(errcode(ERRCODE_MHUB_HUB_INSTALLED),
				 errmsg("cannot drop extension mhub while the hub is installed"),
				 errdetail("The hub's tables hold data and use the extension's types."),
				 errhint("Remove the hub and its data first: SELECT mhub.uninstall(current_database()::text);")));

	PG_RETURN_NULL();
}
