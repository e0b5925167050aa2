/*
 * pattern.c
 *	  Regular expressions of conditions: PostgreSQL's own, compiled once.
 *
 * Up to PostgreSQL 15 a compiled expression is malloc'd, later it lives in a
 * memory context; either way it is freed by a callback of the context that
 * the condition lives in.
 */
#include "condition/pattern.h"

#include "catalog/pg_collation.h"
#include "mb/pg_wchar.h"

/* Long enough for what people write, short enough to compile at once. */
#define LONGEST_PATTERN 2000

static int
compile(regex_t *regex, const char *pattern, int length, int flags)
{
	pg_wchar   *wide = palloc((length + 1) * sizeof(pg_wchar));
	int			wide_length = pg_mb2wchar_with_len(pattern, wide, length);
	int			result = pg_regcomp(regex, wide, wide_length, REG_ADVANCED | REG_NOSUB | flags, DEFAULT_COLLATION_OID);

	pfree(wide);
	return result;
}

/* What is wrong with a pattern, or NULL. */
const char *
condition_check_pattern(const char *pattern, int length)
{
	regex_t		regex;
	char		reason[100];
	int			result;

	if (length > LONGEST_PATTERN)
		return "expected a regular expression of at most 2000 bytes";
	result = compile(&regex, pattern, length, 0);
	if (result == REG_OKAY)
	{
		pg_regfree(&regex);
		return NULL;
	}
	pg_regerror(result, &regex, reason, sizeof(reason));
	return psprintf("expected a regular expression: %s", reason);
}

static void
free_regex(void *regex)
{
	pg_regfree(regex);
}

/* Compiles a pattern that has been checked, for as long as the context lives. */
regex_t *
condition_compile_pattern(const char *pattern, int length, MemoryContext context)
{
	MemoryContext before = MemoryContextSwitchTo(context);
	regex_t    *regex = palloc(sizeof(regex_t));
	MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));

	if (compile(regex, pattern, length, 0) != REG_OKAY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_REGULAR_EXPRESSION),
				 errmsg("could not compile a regular expression that was valid when the condition was written")));
	callback->func = free_regex;
	callback->arg = regex;
	MemoryContextRegisterResetCallback(context, callback);
	MemoryContextSwitchTo(before);
	return regex;
}

bool
condition_match_pattern(regex_t *regex, const char *string, int length)
{
	pg_wchar   *wide = palloc((length + 1) * sizeof(pg_wchar));
	int			wide_length = pg_mb2wchar_with_len(string, wide, length);
	int			result = pg_regexec(regex, wide, wide_length, 0, NULL, 0, NULL, 0);

	pfree(wide);
	if (result != REG_OKAY && result != REG_NOMATCH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_REGULAR_EXPRESSION),
				 errmsg("regular expression of a condition failed while matching")));
	return result == REG_OKAY;
}

/* Compiles, matches and forgets; a pattern that cannot be compiled matches nothing. */
bool
condition_match_once(const char *pattern, int length, const char *string, bool ignore_case)
{
	regex_t		regex;
	volatile bool matches = false;

	if (length > LONGEST_PATTERN || compile(&regex, pattern, length, ignore_case ? REG_ICASE : 0) != REG_OKAY)
		return false;
	PG_TRY();
	{
		matches = condition_match_pattern(&regex, string, strlen(string));
	}
	PG_FINALLY();
	{
		pg_regfree(&regex);
	}
	PG_END_TRY();
	return matches;
}
