/*
 * kinds.c
 *	  mhub.identifier_kind and mhub.blocked_value as each backend knows them.
 */
#include "mhub.h"

#include "identity/kinds.h"

#include "catalog/pg_collation.h"
#include "common/spi_plan.h"
#include "common/table_cache.h"
#include "privacy/privacy.h"
#include "regex/regex.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
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
	char	   *value;
	text	   *expression;
} BlockedValue;

static MhubTableCache cache = {.tables = {"identifier_kind", "blocked_value"}};
static MemoryContext context = NULL;
static IdentityKinds kinds;
static BlockedValue *blocked;
static int	nblocked;

static MhubPlan select_kinds = {
	"SELECT kind, pii, normaliser, priority, max_per_person, period, unique_per_person, mergeable"
	" FROM mhub.identifier_kind ORDER BY kind", 0, {0}, NULL
};
static MhubPlan select_blocked = {
	"SELECT kind, match, value FROM mhub.blocked_value", 0, {0}, NULL
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
	kind->lower = strcmp(name, "lower") == 0;
	kind->normaliser = MHUB_NORMALISE_EXACT;
	if (!kind->lower && !mhub_normaliser_named(name, &kind->normaliser))
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
	kinds.n = (int) SPI_processed;
	kinds.kinds = MemoryContextAllocZero(context, sizeof(IdentityKind) * (kinds.n + 1));
	kinds.limits = MemoryContextAllocZero(context, sizeof(PlanLimit) * (kinds.n + 1));
	for (row = 0; row < SPI_processed; row++)
		load_kind(row, &kinds.kinds[row], &kinds.limits[row]);
	SPI_freetuptable(SPI_tuptable);
}

static void
load_blocked(void)
{
	uint64		row;

	mhub_execute_latest(mhub_plan(&select_blocked));
	nblocked = (int) SPI_processed;
	blocked = MemoryContextAllocZero(context, sizeof(BlockedValue) * (nblocked + 1));
	for (row = 0; row < SPI_processed; row++)
	{
		BlockedValue *entry = &blocked[row];
		const char *kind = text_column(row, 1);
		const char *match = text_column(row, 2);
		MemoryContext old = MemoryContextSwitchTo(context);

		/* A kind that does not exist gets a number that no kind has. */
		entry->kind = kind[0] == '\0' ? -1 : identity_kind_number(&kinds, kind, strlen(kind));
		if (kind[0] != '\0' && entry->kind < 0)
			entry->kind = kinds.n;
		entry->value = text_column(row, 3);
		entry->match = strcmp(match, "exact") == 0 ? BLOCKED_EXACT :
			strcmp(match, "regex") == 0 ? BLOCKED_REGEX : BLOCKED_IGNORE_CASE;
		entry->expression = cstring_to_text(entry->value);
		MemoryContextSwitchTo(old);
	}
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
	return &kinds;
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
matches_expression(text *expression, const char *value, int length)
{
	return RE_compile_and_execute(expression, unconstify(char *, value), length, REG_ADVANCED,
								  C_COLLATION_OID, 0, NULL);
}

static bool
is_blocked(int kind, const char *value, int length)
{
	int			i;

	for (i = 0; i < nblocked; i++)
	{
		const BlockedValue *entry = &blocked[i];

		if (entry->kind != -1 && entry->kind != kind)
			continue;
		if (entry->match == BLOCKED_EXACT ? strcmp(entry->value, value) == 0 :
			entry->match == BLOCKED_IGNORE_CASE ? pg_strcasecmp(entry->value, value) == 0 :
			matches_expression(entry->expression, value, length))
			return true;
	}
	return false;
}

/* The value within a pair of quotes, or NULL: programs quote what they do not know, too. */
static char *
unquoted(const char *value, int length)
{
	if (length >= 2 && (value[0] == '"' || value[0] == '\'') && value[length - 1] == value[0])
		return pnstrdup(value + 1, length - 2);
	return NULL;
}

/* Length of the white space or invisible mark that UTF-8 text begins with, 0 if none */
static int
blank_length(const char *text, int length)
{
	static const char *const blanks[] = {
		"\xC2\xA0", "\xE2\x80\x8B", "\xE2\x80\x8E", "\xE2\x80\x8F", "\xE3\x80\x80", "\xEF\xBB\xBF"
	};

	if (length > 0 && ((unsigned char) *text <= 0x20 || *text == 0x7F))
		return 1;
	for (int i = 0; i < (int) lengthof(blanks); i++)
	{
		int			n = strlen(blanks[i]);

		if (n <= length && memcmp(text, blanks[i], n) == 0)
			return n;
	}
	return 0;
}

/* A copy without the white space around it */
static char *
trimmed(const char *value, int length)
{
	int			n;

	while ((n = blank_length(value, length)) > 0)
	{
		value += n;
		length -= n;
	}
	while (length > 0)
	{
		for (n = 1; n <= 3; n++)
		{
			if (n <= length && blank_length(value + length - n, n) == n)
				break;
		}
		if (n > 3)
			break;
		length -= n;
	}
	return pnstrdup(value, length);
}

char *
identity_normalise(const IdentityKind *kind, const char *value, int length, const char **reason)
{
	char	   *raw = trimmed(value, length);
	char	   *normal = mhub_normalise(MHUB_NORMALISE_EXACT, raw);
	char	   *inner;
	int			n;

	*reason = "empty";
	if (normal == NULL)
		return NULL;
	*reason = "blocked";
	n = strlen(normal);
	if (n <= IDENTITY_MAX_VALUE && is_blocked(kind->number, normal, n))
		return NULL;
	inner = unquoted(normal, n);
	if (inner != NULL && n <= IDENTITY_MAX_VALUE && (inner[0] == '\0' || is_blocked(kind->number, inner, n - 2)))
		return NULL;

	*reason = "malformed";
	if (kind->normaliser != MHUB_NORMALISE_EXACT)
		normal = mhub_normalise(kind->normaliser, raw);
	if (normal == NULL)
		return NULL;
	if (kind->lower)
		normal = str_tolower(normal, strlen(normal), DEFAULT_COLLATION_OID);
	*reason = "too_long";
	if (strlen(normal) > IDENTITY_MAX_VALUE)
		return NULL;
	*reason = NULL;
	return normal;
}
