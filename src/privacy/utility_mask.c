/*
 * utility_mask.c
 *	  Keeping personal data out of what others record of utility statements.
 *
 * pg_stat_statements puts a parameter in the place of each constant of a
 * query, but stores utility statements (DO, CALL, EXPLAIN, CREATE TABLE AS,
 * DECLARE ...) as they were written.  They are parsed by then: the text is
 * only looked at to be recorded, and for the place of an error, which a text
 * of the same length with its values blotted out serves as well.
 */
#include "privacy/utility_mask.h"

#include "privacy/log_mask.h"
#include "privacy/mask_text.h"

#include "commands/extension.h"
#include "tcop/utility.h"

static ProcessUtility_hook_type next_hook = NULL;

/* A copy of the text in which this statement of it is masked */
static const char *
masked_text(const char *text, const PlannedStmt *statement)
{
	char	   *copy = pstrdup(text);
	char	   *start = copy + Max(statement->stmt_location, 0);
	char	   *end = statement->stmt_len > 0 ? start + statement->stmt_len : start + strlen(start);
	char		behind = *end;

	*end = '\0';
	mhub_mask_literals(start);
	*end = behind;
	return copy;
}

/* Scripts of extensions have no personal data in them, but some are very long. */
static void
process_utility(PlannedStmt *statement, const char *text, bool read_only_tree, ProcessUtilityContext context,
				ParamListInfo params, QueryEnvironment *environment, DestReceiver *dest, QueryCompletion *completion)
{
	if (!creating_extension && mhub_statement_is_masked(text))
		text = masked_text(text, statement);
	if (next_hook != NULL)
		next_hook(statement, text, read_only_tree, context, params, environment, dest, completion);
	else
		standard_ProcessUtility(statement, text, read_only_tree, context, params, environment, dest, completion);
}

void
mhub_utility_mask_init(void)
{
	next_hook = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
}
