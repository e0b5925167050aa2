/*
 * column.c
 *	  mhub.enc_column: the small numbers that stand for columns in ciphertexts,
 *	  and whether values of a column are padded.
 *
 * A value is bound to its column by number, so that renaming a column does
 * not make its values unreadable.
 */
#include "privacy/key_store.h"

#include "catalog/pg_type.h"
#include "common/hub_relation.h"
#include "common/spi_plan.h"
#include "privacy/hub_access.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#define COLUMN_NAME_MAX 128

static MhubPlan select_column = {
	.sql = "SELECT column_id, padded FROM mhub.enc_column WHERE name OPERATOR(pg_catalog.=) $1",
	.nargs = 1, .argtypes = {TEXTOID}
};

typedef struct KnownColumn
{
	char		name[COLUMN_NAME_MAX];
	MhubEncColumn	column;			/* id 0 = to be read again */
} KnownColumn;

static HTAB *columns = NULL;

/* Allocates nothing, see mhub_key_cache_clear(). */
void
mhub_columns_clear(void)
{
	HASH_SEQ_STATUS scan;
	KnownColumn *known;

	if (columns == NULL)
		return;
	hash_seq_init(&scan, columns);
	while ((known = hash_seq_search(&scan)) != NULL)
		known->column.id = 0;
}

static void
create_columns(void)
{
	HASHCTL		control = {.keysize = COLUMN_NAME_MAX, .entrysize = sizeof(KnownColumn), .hcxt = TopMemoryContext};

	columns = hash_create("mhub columns", 64, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

static MhubEncColumn
read_column(const char *name)
{
	MhubOwnerContext saved;
	Datum		arg = CStringGetTextDatum(name);
	MhubEncColumn	column = {0};
	bool		isnull;

	mhub_watch(MHUB_WATCH_COLUMN, mhub_relation("enc_column"));
	mhub_become_owner("enc_column", &saved);
	SPI_connect();
	if (SPI_execute_plan(mhub_plan(&select_column), &arg, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read mhub.enc_column");
	if (SPI_processed > 0)
	{
		column.id = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
		column.padded = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	}
	SPI_finish();
	mhub_become_self_again(&saved);
	return column;
}

/* A registered column */
MhubEncColumn
mhub_column(const char *name)
{
	KnownColumn *known = NULL;
	MhubEncColumn	column;

	if (columns == NULL)
		create_columns();
	if (strlen(name) < COLUMN_NAME_MAX)
		known = hash_search(columns, name, HASH_FIND, NULL);
	if (known != NULL && known->column.id != 0)
		return known->column;
	column = read_column(name);
	if (column.id == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("\"%.*s\" is not a registered column for sealed values", COLUMN_NAME_MAX, name),
				 errhint("Register it once: SELECT mhub.register_enc_column('schema.table.column');"),
				 errhidestmt(true), errhidecontext(true)));
	known = hash_search(columns, name, HASH_ENTER, NULL);
	known->column = column;
	return column;
}
