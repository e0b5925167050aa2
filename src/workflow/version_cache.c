/*
 * version_cache.c
 *	  Programs of workflow versions, kept by each backend.
 *
 * Versions never change, so what is cached stays right; only when the table
 * itself changes or goes (the hub was removed and installed again) the cache
 * is emptied.
 */
#include "workflow/version_cache.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "common/spi_plan.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"

static HTAB *versions;
static bool stale;
static Oid	version_table = InvalidOid;

static MhubPlan load_plan = {
	.sql = "SELECT v.definition, w.key, 'mhub.workflow_version'::pg_catalog.regclass::pg_catalog.oid "
	"FROM mhub.workflow_version AS v JOIN mhub.workflow AS w USING (workflow_id) WHERE v.version_id = $1",
	.nargs = 1,
	.argtypes = {INT4OID},
};

static void
forget(Datum arg pg_attribute_unused(), Oid relation)
{
	if (relation == InvalidOid || relation == version_table)
		stale = true;
}

static void
create_cache(void)
{
	HASHCTL		control = {.keysize = sizeof(int32), .entrysize = sizeof(WfVersion)};

	versions = hash_create("mhub workflow versions", 64, &control, HASH_ELEM | HASH_BLOBS);
	CacheRegisterRelcacheCallback(forget, (Datum) 0);
}

static void
empty_cache(void)
{
	HASH_SEQ_STATUS scan;
	WfVersion  *version;

	hash_seq_init(&scan, versions);
	while ((version = hash_seq_search(&scan)) != NULL)
	{
		MemoryContextDelete(version->context);
		hash_search(versions, &version->version_id, HASH_REMOVE, NULL);
	}
	stale = false;
}

static void
add_item_condition(StringInfo conditions, const WfPredicate *predicate)
{
	if (predicate == NULL || !predicate->needs_items)
		return;
	appendStringInfo(conditions, "%s(%s)", conditions->len > 0 ? " or " : "", predicate->text);
}

/* The conditions for which a profile must list single events, joined into one. */
static text *
item_condition(const WfProgram *program)
{
	StringInfoData conditions;

	initStringInfo(&conditions);
	for (int i = 0; i < program->ncriteria; i++)
		add_item_condition(&conditions, program->criteria[i].predicate);
	for (int i = 0; i < program->nsteps; i++)
	{
		add_item_condition(&conditions, program->steps[i].predicate);
		for (int j = 0; j < program->steps[i].nbranches; j++)
			add_item_condition(&conditions, program->steps[i].branches[j].predicate);
	}
	return conditions.len == 0 ? NULL : cstring_to_text_with_len(conditions.data, conditions.len);
}

/* Reads a version into a context of its own; the caller moves that under TopMemoryContext when all went well. */
static void
load(WfVersion *version, int32 version_id)
{
	Datum		argument = Int32GetDatum(version_id);
	List	   *problems = NIL;
	bool		isnull;
	MemoryContext caller;

	SPI_connect();
	if (SPI_execute_plan(mhub_plan(&load_plan), &argument, NULL, true, 1) != SPI_OK_SELECT || SPI_processed != 1)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("workflow version %d does not exist", version_id)));
	caller = MemoryContextSwitchTo(version->context);
	version->version_id = version_id;
	version->program = wf_program_read(DatumGetJsonbPCopy(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)),
									   &problems);
	version->workflow = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2);
	version->workflow = MemoryContextStrdup(version->context, version->workflow);
	version_table = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3, &isnull));
	if (problems != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("version %d of workflow \"%s\" cannot be read", version_id, version->workflow),
				 errdetail("%s: %s", ((WfProblem *) linitial(problems))->path, ((WfProblem *) linitial(problems))->message)));
	version->facts = wf_facts_create(version->program->attributes);
	version->needs = palloc(version->program->nsteps * sizeof(int));
	for (int i = 0; i < version->program->nsteps; i++)
		version->needs[i] = wf_step_needs(version->program, i);
	version->item_condition = item_condition(version->program);
	MemoryContextSwitchTo(caller);
	SPI_finish();
}

/* The version's program.  Stays valid until the end of the statement. */
WfVersion *
wf_version(int32 version_id)
{
	static WfVersion *latest = NULL;
	WfVersion  *version;
	WfVersion	loaded = {0};

	if (versions == NULL)
		create_cache();
	if (stale)
	{
		latest = NULL;
		empty_cache();
	}
	if (latest != NULL && latest->version_id == version_id)
		return latest;
	version = hash_search(versions, &version_id, HASH_FIND, NULL);
	if (version == NULL)
	{
		loaded.context = AllocSetContextCreate(CurrentMemoryContext, "mhub workflow version", ALLOCSET_DEFAULT_SIZES);
		load(&loaded, version_id);
		MemoryContextSetParent(loaded.context, TopMemoryContext);
		version = hash_search(versions, &version_id, HASH_ENTER, NULL);
		*version = loaded;
	}
	latest = version;
	return version;
}
