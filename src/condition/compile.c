/*
 * compile.c
 *	  From canonical text to a condition that can be evaluated.
 */
#include "condition/condition.h"

#include "common/error_caught.h"
#include "mb/pg_wchar.h"

static void
set_context(CondNode *node, MemoryContext context)
{
	node->context = context;
	for (int i = 0; i < node->nchildren; i++)
		set_context(node->children[i], context);
}

/*
 * Compiles the canonical text of a condition into the current memory context.
 * attributes may be NULL: then nothing is shared between evaluations.
 */
MhubCondition *
mhub_condition_compile(const char *text, int length, MhubAttributes *attributes)
{
	MhubCondition *condition = palloc(sizeof(MhubCondition));
	CondError	error;

	condition->context = CurrentMemoryContext;
	condition->root = condition_parse_text(text, length, &error);
	if (condition->root == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("stored condition cannot be read: %s", error.message),
				 errdetail("Condition: %.*s", pg_mbcliplen(text, length, 200), text)));
	set_context(condition->root, CurrentMemoryContext);
	if (attributes != NULL)
		mhub_attributes_bind(attributes, condition->root);
	return condition;
}

/* The same for a condition that must not be in the way of others: NULL with the reason where it cannot be compiled. */
MhubCondition *
mhub_condition_try_compile(const char *text, int length, MhubAttributes *attributes, const char **problem)
{
	MemoryContext context = CurrentMemoryContext;
	MhubCondition *volatile condition = NULL;

	PG_TRY();
	{
		condition = mhub_condition_compile(text, length, attributes);
	}
	PG_CATCH();
	{
		*problem = mhub_catch_error(context)->message;
	}
	PG_END_TRY();
	return condition;
}
