/*
 * statement.c
 *	  Executing the delivery engine's statements.
 */
#include "delivery/delivery.h"

/*
 * Executes a kept plan; what says in words what it does.  SPI would leave its
 * own memory context behind as the current one, which lasts as long as the
 * call: we go back to the one we came from.
 */
void
delivery_execute(MhubPlan *plan, Datum *values, const char *nulls, int expected, const char *what)
{
	MemoryContext context = CurrentMemoryContext;
	int			result = SPI_execute_plan(mhub_plan(plan), values, nulls, false, 0);

	MemoryContextSwitchTo(context);
	if (result != expected)
		elog(ERROR, "could not %s: %s", what, SPI_result_code_string(result));
}

/* The same for a statement that joins array parameters to tables by their keys. */
void
delivery_execute_batch(MhubPlan *plan, Datum *values, int expected)
{
	MemoryContext context = CurrentMemoryContext;

	mhub_execute_batch(plan, values, NULL, expected);
	MemoryContextSwitchTo(context);
}
