/*
 * big_state.c
 *	  Aggregate state of one big group: any structure, as an expanded bytea.
 *
 * The executor passes an expanded object that lives below the aggregate's
 * memory along without copying it, and flattens it to an ordinary bytea where
 * it must travel (to the leader of a parallel query, to another Citus node).
 * It has a memory context of its own, so it is for few and big groups;
 * log_state.h is for many small ones.
 */
#include "attribution/big_state.h"

#include "utils/expandeddatum.h"
#include "utils/memutils.h"

typedef struct BigState
{
	ExpandedObjectHeader header;
	const MhubBigStateMethods *methods;
	MemoryContext aggregate;	/* parent of the header's context */
	void	   *content;		/* in the header's context, as all it points to */
} BigState;

static Size
flat_size(ExpandedObjectHeader *header)
{
	const BigState *state = (const BigState *) header;
	Size		size = VARHDRSZ + state->methods->flat_size(state->content);

	if (!AllocSizeIsValid(size))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the state of %s is too large to be passed on", state->methods->aggregate),
				 errdetail("It would take %zu bytes.", size),
				 errhint("Set max_parallel_workers_per_gather to 0, or aggregate less at once.")));
	return size;
}

static void
flatten_into(ExpandedObjectHeader *header, void *result, Size allocated_size)
{
	const BigState *state = (const BigState *) header;

	SET_VARSIZE(result, allocated_size);
	state->methods->flatten(state->content, VARDATA(result));
}

static const ExpandedObjectMethods expanded_methods = {flat_size, flatten_into};

static BigState *
create_state(FunctionCallInfo fcinfo, const MhubBigStateMethods *methods)
{
	MemoryContext aggregate;
	MemoryContext context;
	BigState   *state;

	if (!AggCheckCallContext(fcinfo, &aggregate))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s can only be called as part of an aggregate", methods->aggregate)));
	context = AllocSetContextCreate(aggregate, "mhub aggregate state", ALLOCSET_DEFAULT_SIZES);
	state = MemoryContextAllocZero(context, sizeof(BigState));
	EOH_init_header(&state->header, &expanded_methods, context);
	state->methods = methods;
	state->aggregate = aggregate;
	return state;
}

static void
set_content(FunctionCallInfo fcinfo, BigState *state, void *content)
{
	state->content = content;
	if (state->methods->attach != NULL)
		state->methods->attach(content, mhub_spill_create(fcinfo, state->aggregate, state->header.eoh_context));
}

static bool
is_expanded(Datum state)
{
	return VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(state));
}

static BigState *
unflattened(FunctionCallInfo fcinfo, const MhubBigStateMethods *methods, Datum flat)
{
	BigState   *state = create_state(fcinfo, methods);
	MemoryContext old = MemoryContextSwitchTo(state->header.eoh_context);
	const char *bytes = VARDATA_ANY(DatumGetByteaPP(flat));

	set_content(fcinfo, state, methods->create_like(bytes));
	methods->merge(state->content, bytes);
	MemoryContextSwitchTo(old);
	return state;
}

/*
 * The structure for a transition function to change, created when there is none
 * yet; also the datum to return and the context to allocate in.
 */
void *
mhub_big_state(FunctionCallInfo fcinfo, const MhubBigStateMethods *methods,
			   MhubBigStateCreate create, Datum *result, MemoryContext *context)
{
	BigState   *state;

	if (PG_ARGISNULL(0))
	{
		MemoryContext old;

		state = create_state(fcinfo, methods);
		old = MemoryContextSwitchTo(state->header.eoh_context);
		set_content(fcinfo, state, create(fcinfo));
		MemoryContextSwitchTo(old);
	}
	else if (is_expanded(PG_GETARG_DATUM(0)))
		state = (BigState *) DatumGetEOHP(PG_GETARG_DATUM(0));
	else
		state = unflattened(fcinfo, methods, PG_GETARG_DATUM(0));
	*result = EOHPGetRWDatum(&state->header);
	*context = state->header.eoh_context;
	return state->content;
}

/* The structure for a final function to read. */
void *
mhub_big_state_content(FunctionCallInfo fcinfo, const MhubBigStateMethods *methods)
{
	if (!AggCheckCallContext(fcinfo, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s can only be called as part of an aggregate", methods->aggregate)));
	if (is_expanded(PG_GETARG_DATUM(0)))
		return ((BigState *) DatumGetEOHP(PG_GETARG_DATUM(0)))->content;
	return unflattened(fcinfo, methods, PG_GETARG_DATUM(0))->content;
}

/* Combine function. */
Datum
mhub_big_state_combine(FunctionCallInfo fcinfo, const MhubBigStateMethods *methods)
{
	BigState   *state;
	MemoryContext old;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	if (PG_ARGISNULL(0))
	{
		state = unflattened(fcinfo, methods, PG_GETARG_DATUM(1));
		PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
	}
	state = is_expanded(PG_GETARG_DATUM(0)) ? (BigState *) DatumGetEOHP(PG_GETARG_DATUM(0))
		: unflattened(fcinfo, methods, PG_GETARG_DATUM(0));
	old = MemoryContextSwitchTo(state->header.eoh_context);
	methods->merge(state->content, VARDATA_ANY(DatumGetByteaPP(PG_GETARG_DATUM(1))));
	MemoryContextSwitchTo(old);
	PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
}
