/*
 * kinds.c
 *	  mhub.identifier_kind and mhub.blocked_value as each backend knows them.
 */
#include "mhub.h"

#include "identity/kinds.h"

#include "catalog/pg_collation.h"
#include "common/spi_plan.h"
#include "common/table_cache.h"
#include "identity/pattern_bytes.h"
#include "privacy/privacy.h"
#include "regex/regex.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

typedef enum BlockedMatch
{
	BLOCKED_EXACT,
	BLOCKED_IGNORE_CASE,
	BLOCKED_REGEX
} BlockedMatch;

typedef struct BlockedValue
{
	int			kind;			/* -1: every kind */
	BlockedMatch match;
	int			length;
	char	   *value;
	char	   *normal;			/* as values of its kind are kept; NULL for every kind and regex */
	text	   *expression;
	bool	   *bytes;			/* which a value that the expression matches is made of; NULL where unknown */
} BlockedValue;

static MhubTableCache cache = {.tables = {"identifier_kind", "blocked_value"}};
static MemoryContext context = NULL;
static IdentityKinds *kinds;
static BlockedValue *blocked;	/* expressions first */
static int	nblocked;
static int	nexpressions;
static uint64 blocked_lengths;	/* those that the others have, as bits; LONG_VALUE and more are one */

#define LONG_VALUE 63

static MhubPlan select_kinds = {
	"SELECT kind, pii, normaliser, priority, max_per_person, period, unique_per_person, mergeable"
	" FROM mhub.identifier_kind ORDER BY kind", 0, {0}, NULL
};
static MhubPlan select_blocked = {
	"SELECT kind, match, value FROM mhub.blocked_value ORDER BY match <> 'regex'", 0, {0}, NULL
};

static Datum
column(uint64 row, int number, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number, isnull);
}

static char *
text_column(uint64 row, int number)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number);
}

/* Months count as 30 days, as the column's comment says. */
static int64
period_length(Datum period)
{
	const Interval *interval = DatumGetIntervalP(period);

	return interval->time + ((int64) interval->month * DAYS_PER_MONTH + interval->day) * USECS_PER_DAY;
}

static void
set_normaliser(IdentityKind *kind, const char *name)
{
	if (!mhub_normaliser_named(name, &kind->normaliser))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown normaliser \"%s\" for identifier kind \"%s\"", name, kind->name),
				 errhint("Set mhub.identifier_kind.normaliser to exact, lower, email or phone.")));
}

static text *
lasting_text(const char *value)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	text	   *copy = cstring_to_text(value);

	MemoryContextSwitchTo(old);
	return copy;
}

static void
load_kind(uint64 row, IdentityKind *kind, PlanLimit *limit)
{
	bool		isnull;
	Datum		value;

	kind->number = (int) row;
	kind->name = MemoryContextStrdup(context, text_column(row, 1));
	kind->length = strlen(kind->name);
	kind->name_text = lasting_text(kind->name);
	kind->pii = DatumGetBool(column(row, 2, &isnull));
	set_normaliser(kind, text_column(row, 3));
	kind->priority = DatumGetInt32(column(row, 4, &isnull));
	value = column(row, 5, &isnull);
	limit->most = isnull ? 0 : DatumGetInt32(value);
	value = column(row, 6, &isnull);
	limit->period = isnull ? 0 : period_length(value);
	limit->unique = DatumGetBool(column(row, 7, &isnull));
	if (limit->unique)
	{
		limit->most = 1;
		limit->period = 0;
	}
	kind->mergeable = DatumGetBool(column(row, 8, &isnull));
}

static void
load_kinds(void)
{
	uint64		row;

	mhub_execute_latest(mhub_plan(&select_kinds));
	kinds = MemoryContextAlloc(context, sizeof(IdentityKinds));
	kinds->n = (int) SPI_processed;
	kinds->kinds = MemoryContextAllocZero(context, sizeof(IdentityKind) * (kinds->n + 1));
	kinds->limits = MemoryContextAllocZero(context, sizeof(PlanLimit) * (kinds->n + 1));
	for (row = 0; row < SPI_processed; row++)
		load_kind(row, &kinds->kinds[row], &kinds->limits[row]);
	SPI_freetuptable(SPI_tuptable);
}

static bool *
known_bytes(const char *pattern)
{
	bool	   *bytes = palloc(256 * sizeof(bool));

	return mhub_pattern_bytes(pattern, bytes) ? bytes : NULL;
}

static void
load_blocked_value(uint64 row, BlockedValue *entry)
{
	const char *kind = text_column(row, 1);
	const char *match = text_column(row, 2);

	/* A kind that does not exist gets a number that no kind has. */
	entry->kind = kind[0] == '\0' ? -1 : identity_kind_number(kinds, kind, strlen(kind));
	if (kind[0] != '\0' && entry->kind < 0)
		entry->kind = kinds->n;
	entry->value = text_column(row, 3);
	entry->length = strlen(entry->value);
	entry->match = strcmp(match, "exact") == 0 ? BLOCKED_EXACT :
		strcmp(match, "regex") == 0 ? BLOCKED_REGEX : BLOCKED_IGNORE_CASE;
	if (entry->kind >= 0 && entry->kind < kinds->n && entry->match != BLOCKED_REGEX)
		entry->normal = mhub_normalise(kinds->kinds[entry->kind].normaliser, entry->value);
	entry->expression = cstring_to_text(entry->value);
	if (entry->match == BLOCKED_REGEX)
		entry->bytes = known_bytes(entry->value);
}

static uint64
length_bit(int length)
{
	return UINT64CONST(1) << Min(length, LONG_VALUE);
}

static void
load_blocked(void)
{
	MemoryContext old;
	uint64		row;

	mhub_execute_latest(mhub_plan(&select_blocked));
	nblocked = (int) SPI_processed;
	blocked = MemoryContextAllocZero(context, sizeof(BlockedValue) * (nblocked + 1));
	nexpressions = 0;
	blocked_lengths = 0;
	old = MemoryContextSwitchTo(context);
	for (row = 0; row < SPI_processed; row++)
	{
		BlockedValue *entry = &blocked[row];

		load_blocked_value(row, entry);
		if (entry->match == BLOCKED_REGEX)
			nexpressions++;
		else
			blocked_lengths |= length_bit(entry->length);
		if (entry->normal != NULL)
			blocked_lengths |= length_bit(strlen(entry->normal));
	}
	MemoryContextSwitchTo(old);
	SPI_freetuptable(SPI_tuptable);
}

static void
load(void)
{
	uint64		seen;

	/* A trigger may call us while our caller works with the old kinds: they live on for this transaction. */
	if (context != NULL)
		MemoryContextSetParent(context, TopTransactionContext);
	context = AllocSetContextCreate(CacheMemoryContext, "mhub identifier kinds", ALLOCSET_SMALL_SIZES);
	SPI_connect();
	seen = mhub_table_cache_begin(&cache);
	load_kinds();
	load_blocked();
	mhub_table_cache_end(&cache, seen);
	SPI_finish();
}

const IdentityKinds *
identity_kinds(void)
{
	if (!cache.valid)
		load();
	return kinds;
}

/* They are sorted by name, bytewise. */
int
identity_kind_number(const IdentityKinds *all, const char *name, int length)
{
	int			low = 0;
	int			high = all->n - 1;

	while (low <= high)
	{
		int			middle = (low + high) / 2;
		const IdentityKind *kind = &all->kinds[middle];
		int			order = memcmp(name, kind->name, Min(length, kind->length));

		if (order == 0)
			order = length - kind->length;
		if (order == 0)
			return middle;
		if (order < 0)
			high = middle - 1;
		else
			low = middle + 1;
	}
	return -1;
}

static bool
matches_expression(const BlockedValue *entry, const char *value, int length)
{
	for (int i = 0; entry->bytes != NULL && i < length; i++)
	{
		if (!entry->bytes[(unsigned char) value[i]])
			return false;
	}
	return RE_compile_and_execute(entry->expression, unconstify(char *, value), length, REG_ADVANCED,
								  C_COLLATION_OID, 0, NULL);
}

static bool
matches(const BlockedValue *entry, const char *value, int length)
{
	if (entry->normal != NULL && strcmp(entry->normal, value) == 0)
		return true;
	switch (entry->match)
	{
		case BLOCKED_EXACT:
			return entry->length == length && memcmp(entry->value, value, length) == 0;
		case BLOCKED_IGNORE_CASE:
			/* it folds byte by byte */
			return entry->length == length && pg_strcasecmp(entry->value, value) == 0;
		default:
			return matches_expression(entry, value, length);
	}
}

static bool
is_blocked(int kind, const char *value, int length)
{
	int			n = (blocked_lengths & length_bit(length)) != 0 ? nblocked : nexpressions;
	int			i;

	for (i = 0; i < n; i++)
	{
		const BlockedValue *entry = &blocked[i];

		if ((entry->kind == -1 || entry->kind == kind) && matches(entry, value, length))
			return true;
	}
	return false;
}

static bool
is_quoted(const char *value, int length)
{
	return length >= 2 && (value[0] == '"' || value[0] == '\'') && value[length - 1] == value[0];
}

/* Blocked as it is, or without its quotes, of which there may be several: programs quote what they do not know, too. */
static bool
identifies_nobody(const IdentityKind *kind, const char *value)
{
	int			n = strlen(value);

	if (n > IDENTITY_MAX_VALUE)
		return false;
	while (!is_blocked(kind->number, value, n))
	{
		if (!is_quoted(value, n))
			return false;
		value = mhub_normalise(MHUB_NORMALISE_EXACT, pnstrdup(value + 1, n - 2));
		if (value == NULL)
			return true;
		n = strlen(value);
	}
	return true;
}

char *
identity_normalise(const IdentityKind *kind, const char *value, int length, const char **reason)
{
	char	   *raw = pnstrdup(value, length);
	char	   *exact = mhub_is_trimmed(value, length) ? raw : mhub_normalise(MHUB_NORMALISE_EXACT, raw);
	char	   *normal = exact;

	*reason = "empty";
	if (exact == NULL)
		return NULL;
	*reason = "blocked";
	if (identifies_nobody(kind, exact))
		return NULL;

	*reason = "malformed";
	if (kind->normaliser != MHUB_NORMALISE_EXACT)
		normal = mhub_normalise(kind->normaliser, raw);
	if (normal == NULL)
		return NULL;
	*reason = "blocked";
	if (strcmp(normal, exact) != 0 && identifies_nobody(kind, normal))
		return NULL;
	*reason = "too_long";
	if (strlen(normal) > IDENTITY_MAX_VALUE)
		return NULL;
	*reason = NULL;
	return normal;
}
