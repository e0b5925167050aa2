/*
 * pattern_column.c
 *	  Patterns from a text[] column of an SPI result.
 */
#include "traffic/pattern_column.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* text in lower case, in context */
char *
mhub_kept_lower(const char *text, MemoryContext context)
{
	char	   *copy = MemoryContextStrdup(context, text);
	char	   *c;

	for (c = copy; *c != '\0'; c++)
		*c = pg_ascii_tolower((unsigned char) *c);
	return copy;
}

/* The words of a text[] column of SPI_tuptable in lower case, in context; NULLs among them are left out */
MhubPatterns
mhub_patterns_column(HeapTuple tuple, int column, MemoryContext context)
{
	MhubPatterns result = {NULL, -1};
	bool		isnull;
	Datum		value = SPI_getbinval(tuple, SPI_tuptable->tupdesc, column, &isnull);
	Datum	   *words;
	bool	   *nulls;
	int			n;
	int			i;

	if (isnull)
		return result;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT, &words, &nulls, &n);
	result.patterns = MemoryContextAlloc(context, sizeof(char *) * Max(n, 1));
	result.n = 0;
	for (i = 0; i < n; i++)
	{
		if (!nulls[i])
			result.patterns[result.n++] = mhub_kept_lower(TextDatumGetCString(words[i]), context);
	}
	return result;
}
