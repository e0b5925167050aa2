/*
 * compile.c
 *	  From canonical text to a condition that can be evaluated.
 */
#include "condition/condition.h"

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
