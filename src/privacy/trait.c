/*
 * trait.c
 *	  Traits that are personal data: sealed when they are about to be stored.
 *
 * A trigger on mhub.person takes the traits named in mhub.pii_trait out of
 * the row and seals them into mhub.sealed_trait.  Whoever writes traits, and
 * in whatever way, they never reach the heap in the clear.
 */
#include "mhub.h"

#include "privacy/privacy.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "common/spi_plan.h"
#include "common/table_cache.h"
#include "executor/spi.h"
#include "privacy/hub_access.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(mhub_canonical_trait);
PG_FUNCTION_INFO_V1(mhub_has_pii_trait);
PG_FUNCTION_INFO_V1(mhub_seal_traits);

#define NAME_MAX_LEN 128
#define SEALED_COLUMN "sealed_trait.sealed"

static MhubPlan select_names = {
	.sql = "SELECT name, normaliser FROM mhub.pii_trait"
};
/* The latest observation wins, as for other traits. */
static MhubPlan keep_sealed = {
	.sql = "INSERT INTO mhub.sealed_trait AS s (person_id, name, sealed, observed_at, value_index)"
	" SELECT $1, n.name, n.sealed::mhub.enc, coalesce(($4 OPERATOR(pg_catalog.->>) n.name)::timestamptz, pg_catalog.now()),"
	"  CASE WHEN n.value_index OPERATOR(pg_catalog.<>) '' THEN pg_catalog.decode(n.value_index, 'hex') END"
	" FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($5)) AS n (name, sealed, value_index)"
	" ON CONFLICT (person_id, name) DO UPDATE SET sealed = excluded.sealed, observed_at = excluded.observed_at, value_index = excluded.value_index"
	" WHERE excluded.observed_at OPERATOR(pg_catalog.>=) s.observed_at",
	.nargs = 5, .argtypes = {INT8OID, TEXTARRAYOID, TEXTARRAYOID, JSONBOID, TEXTARRAYOID}
};

/* A row of mhub.pii_trait */
typedef struct PiiTrait
{
	char		name[NAME_MAX_LEN]; /* canonical */
	bool		looked_up;		/* a blind index is kept */
	MhubNormaliser normaliser;
} PiiTrait;

static MhubTableCache names_cache = {.tables = {"pii_trait"}};
static HTAB *names = NULL;

/* first_name, firstName and "First Name" are one: lower case, no separators. */
static bool
canonical_name(const char *name, int len, char *canonical)
{
	int			n = 0;

	memset(canonical, 0, NAME_MAX_LEN);
	for (int i = 0; i < len; i++)
	{
		if (name[i] == '_' || name[i] == '-' || name[i] == ' ')
			continue;
		if (n == NAME_MAX_LEN - 1)
			return false;
		canonical[n++] = (char) (IS_HIGHBIT_SET(name[i]) ? name[i] : pg_tolower((unsigned char) name[i]));
	}
	return n > 0;
}

Datum
mhub_canonical_trait(PG_FUNCTION_ARGS)
{
	text	   *name = PG_GETARG_TEXT_PP(0);
	char		canonical[NAME_MAX_LEN];

	if (!canonical_name(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name), canonical))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(canonical));
}

static void
set_normaliser(PiiTrait *trait, uint64 row)
{
	char	   *normaliser = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 2);

	trait->looked_up = normaliser != NULL && mhub_normaliser_named(normaliser, &trait->normaliser);
}

static void
fill_names(void)
{
	HASHCTL		control = {.keysize = NAME_MAX_LEN, .entrysize = sizeof(PiiTrait), .hcxt = TopMemoryContext};
	char		canonical[NAME_MAX_LEN];
	bool		isnull;

	if (names != NULL)
		hash_destroy(names);
	names = hash_create("mhub personal traits", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		text	   *name = DatumGetTextPP(SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1, &isnull));

		if (canonical_name(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name), canonical))
			set_normaliser(hash_search(names, canonical, HASH_ENTER, NULL), row);
	}
}

static void
load_names(void)
{
	MhubOwnerContext saved;
	uint64		seen = mhub_table_cache_begin(&names_cache);

	mhub_become_owner("pii_trait", &saved);
	SPI_connect();
	mhub_execute_latest(mhub_plan(&select_names));
	fill_names();
	SPI_finish();
	mhub_become_self_again(&saved);
	mhub_table_cache_end(&names_cache, seen);
}

/* NULL when it is not personal data */
static const PiiTrait *
pii_trait(const char *name, int len)
{
	char		canonical[NAME_MAX_LEN];

	return canonical_name(name, len, canonical) ? hash_search(names, canonical, HASH_FIND, NULL) : NULL;
}

/* Calls found for each key of an object that is personal data; returns how many there are. */
static int
each_pii_trait(Jsonb *traits, void (*found) (void *context, const PiiTrait *trait, const char *name, JsonbValue *value), void *context)
{
	JsonbIterator *iterator;
	JsonbValue	key;
	JsonbValue	value;
	const PiiTrait *trait;
	int			n = 0;

	if (!names_cache.valid)
		load_names();
	if (!JB_ROOT_IS_OBJECT(traits))
		return 0;
	iterator = JsonbIteratorInit(&traits->root);
	JsonbIteratorNext(&iterator, &key, true);
	while (JsonbIteratorNext(&iterator, &key, true) == WJB_KEY)
	{
		JsonbIteratorNext(&iterator, &value, true);
		trait = pii_trait(key.val.string.val, key.val.string.len);
		if (trait == NULL)
			continue;
		n++;
		if (found != NULL)
			found(context, trait, pnstrdup(key.val.string.val, key.val.string.len), &value);
	}
	return n;
}

Datum
mhub_has_pii_trait(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(each_pii_trait(PG_GETARG_JSONB_P(0), NULL, NULL) > 0);
}

typedef struct SealedTraits
{
	int64		person_id;
	int			n;
	Datum	   *names;
	Datum	   *sealed;
	Datum	   *indexes;		/* blind index in hex, or empty */
} SealedTraits;

static char *
value_text(JsonbValue *value)
{
	Jsonb	   *json;

	if (value->type == jbvString)
		return pnstrdup(value->val.string.val, value->val.string.len);
	json = JsonbValueToJsonb(value);
	return JsonbToCString(NULL, &json->root, VARSIZE(json));
}

static char *
hex_of(const bytea *sealed)
{
	size_t		len = VARSIZE_ANY_EXHDR(sealed);
	char	   *hex = palloc(len * 2 + 3);

	strcpy(hex, "\\x");
	hex_encode(VARDATA_ANY(sealed), len, hex + 2);
	hex[len * 2 + 2] = '\0';
	return hex;
}

/* All e-mail addresses are looked up as one kind of value, whatever the trait is called, and so are telephone numbers. */
static const char *
index_of(const PiiTrait *trait, const char *value)
{
	char	   *normalised = trait->looked_up ? mhub_normalise(trait->normaliser, value) : NULL;
	const char *kind = trait->normaliser == MHUB_NORMALISE_EMAIL ? "email" : trait->normaliser == MHUB_NORMALISE_PHONE ? "phone" : trait->name;

	return normalised == NULL ? "" : mhub_blind_index_hex(normalised, psprintf("trait %s", kind));
}

static void
seal_trait(void *context, const PiiTrait *trait, const char *name, JsonbValue *value)
{
	SealedTraits *traits = context;
	char	   *text = value_text(value);

	traits->names[traits->n] = CStringGetTextDatum(name);
	traits->indexes[traits->n] = CStringGetTextDatum(index_of(trait, text));
	traits->sealed[traits->n] = CStringGetTextDatum(hex_of(mhub_seal(text, traits->person_id, SEALED_COLUMN)));
	traits->n++;
}

static Datum
text_array(Datum *elements, int n)
{
	return PointerGetDatum(construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT));
}

static void
store(const SealedTraits *traits, Datum times)
{
	MhubOwnerContext saved;
	Datum		args[5];

	args[0] = Int64GetDatum(traits->person_id);
	args[1] = text_array(traits->names, traits->n);
	args[2] = text_array(traits->sealed, traits->n);
	args[3] = times;
	args[4] = text_array(traits->indexes, traits->n);
	mhub_become_owner("sealed_trait", &saved);
	SPI_connect();
	if (SPI_execute_plan(mhub_plan(&keep_sealed), args, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not write mhub.sealed_trait");
	SPI_finish();
	mhub_become_self_again(&saved);
}

static Datum
column(TriggerData *trigger, HeapTuple row, const char *name, int *number)
{
	bool		isnull;

	*number = SPI_fnumber(trigger->tg_relation->rd_att, name);
	return SPI_getbinval(row, trigger->tg_relation->rd_att, *number, &isnull);
}

/* The row without the traits that were sealed */
static HeapTuple
without_traits(TriggerData *trigger, HeapTuple row, const SealedTraits *traits)
{
	Datum		sealed_names = text_array(traits->names, traits->n);
	int			numbers[2];
	Datum		values[2];
	bool		nulls[2] = {false, false};

	values[0] = DirectFunctionCall2(jsonb_delete_array, column(trigger, row, "traits", &numbers[0]), sealed_names);
	values[1] = DirectFunctionCall2(jsonb_delete_array, column(trigger, row, "trait_times", &numbers[1]), sealed_names);
	return heap_modify_tuple_by_cols(row, trigger->tg_relation->rd_att, 2, numbers, values, nulls);
}

Datum
mhub_seal_traits(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	HeapTuple	row;
	Jsonb	   *json;
	SealedTraits traits = {0};
	int			number;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("mhub.seal_traits() must be called as a trigger before a row is written")));
	row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple;
	json = DatumGetJsonbP(column(trigger, row, "traits", &number));
	traits.person_id = DatumGetInt64(column(trigger, row, "person_id", &number));
	traits.names = palloc(JB_ROOT_COUNT(json) * sizeof(Datum) + 1);
	traits.sealed = palloc(JB_ROOT_COUNT(json) * sizeof(Datum) + 1);
	traits.indexes = palloc(JB_ROOT_COUNT(json) * sizeof(Datum) + 1);
	if (each_pii_trait(json, seal_trait, &traits) == 0)
		return PointerGetDatum(row);
	store(&traits, column(trigger, row, "trait_times", &number));
	return PointerGetDatum(without_traits(trigger, row, &traits));
}
