/*
 * components.c
 *	  mhub.connected_components(a, b) and mhub.components(state).
 *
 * The state is bytea as far as SQL can see.  While it grows it is an expanded
 * object, so nothing is copied from row to row; it becomes flat when it
 * travels: between parallel workers, or between nodes under Citus.
 */
#include "mhub.h"

#include "access/htup_details.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "identity/component_set.h"
#include "miscadmin.h"
#include "utils/expandeddatum.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(mhub_connected_components_add);
PG_FUNCTION_INFO_V1(mhub_connected_components_add_int4);
PG_FUNCTION_INFO_V1(mhub_connected_components_combine);
PG_FUNCTION_INFO_V1(mhub_components);

/* "MCC1", in the flat form; bytes of a host's own order, as states do not leave a cluster */
#define FLAT_MAGIC 0x4d434331

typedef struct FlatComponents
{
	int32		length;			/* varlena header */
	uint32		magic;
	ComponentPair pairs[FLEXIBLE_ARRAY_MEMBER];
} FlatComponents;

typedef struct ExpandedComponents
{
	ExpandedObjectHeader header;
	ComponentSet set;
} ExpandedComponents;

static Size
flat_size(ExpandedObjectHeader *header)
{
	ComponentSet *set = &((ExpandedComponents *) header)->set;
	Size		size;

	component_set_compact(set);
	size = offsetof(FlatComponents, pairs) + set->n * sizeof(ComponentPair);
	if (!AllocSizeIsValid(size))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("state of connected_components exceeds 1 GB"),
				 errdetail("It has " UINT64_FORMAT " nodes of 16 bytes each.", set->n)));
	return size;
}

static void
flatten(ExpandedObjectHeader *header, void *result, Size size)
{
	ComponentSet *set = &((ExpandedComponents *) header)->set;
	FlatComponents *flat = result;

	SET_VARSIZE(flat, size);
	flat->magic = FLAT_MAGIC;
	memcpy(flat->pairs, set->pairs, set->n * sizeof(ComponentPair));
}

static const ExpandedObjectMethods methods = {flat_size, flatten};

static ExpandedComponents *
new_state(MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "mhub connected components", ALLOCSET_START_SMALL_SIZES);
	ExpandedComponents *state = MemoryContextAllocZero(context, sizeof(ExpandedComponents));

	EOH_init_header(&state->header, &methods, context);
	component_set_init(&state->set, context);
	return state;
}

static bool
is_expanded(Datum state)
{
	return VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(state)) && DatumGetEOHP(state)->eoh_methods == &methods;
}

/* The pairs of a flat state.  Anybody may make a bytea, so nothing in it is taken on trust but the ids. */
static const ComponentPair *
flat_pairs(Datum state, uint64 *n)
{
	FlatComponents *flat = (FlatComponents *) PG_DETOAST_DATUM(state);
	Size		size = VARSIZE(flat);

	if (size < offsetof(FlatComponents, pairs) || flat->magic != FLAT_MAGIC ||
		(size - offsetof(FlatComponents, pairs)) % sizeof(ComponentPair) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("not a state of connected_components")));
	*n = (size - offsetof(FlatComponents, pairs)) / sizeof(ComponentPair);
	return flat->pairs;
}

/* Adds what a state holds to a set. */
static void
add_state(ComponentSet *set, Datum state)
{
	if (is_expanded(state))
	{
		ComponentSet *other = &((ExpandedComponents *) DatumGetEOHP(state))->set;

		component_set_add_all(set, other->pairs, other->n);
	}
	else
	{
		uint64		n;
		const ComponentPair *pairs = flat_pairs(state, &n);

		component_set_add_all(set, pairs, n);
	}
}

/* The state to be written to: the one given, where we may, else a copy */
static ExpandedComponents *
writable_state(FunctionCallInfo fcinfo)
{
	MemoryContext aggregate;
	ExpandedComponents *state;

	if (!PG_ARGISNULL(0) && VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(PG_GETARG_DATUM(0))) &&
		is_expanded(PG_GETARG_DATUM(0)))
		return (ExpandedComponents *) DatumGetEOHP(PG_GETARG_DATUM(0));
	if (AggCheckCallContext(fcinfo, &aggregate) == 0)
		aggregate = CurrentMemoryContext;
	state = new_state(aggregate);
	if (!PG_ARGISNULL(0))
		add_state(&state->set, PG_GETARG_DATUM(0));
	return state;
}

Datum
mhub_connected_components_add(PG_FUNCTION_ARGS)
{
	ExpandedComponents *state = writable_state(fcinfo);

	if (!PG_ARGISNULL(1) || !PG_ARGISNULL(2))
		component_set_add(&state->set,
						  PG_ARGISNULL(1) ? PG_GETARG_INT64(2) : PG_GETARG_INT64(1),
						  PG_ARGISNULL(2) ? PG_GETARG_INT64(1) : PG_GETARG_INT64(2));
	return EOHPGetRWDatum(&state->header);
}

Datum
mhub_connected_components_add_int4(PG_FUNCTION_ARGS)
{
	ExpandedComponents *state = writable_state(fcinfo);

	if (!PG_ARGISNULL(1) || !PG_ARGISNULL(2))
		component_set_add(&state->set,
						  PG_ARGISNULL(1) ? PG_GETARG_INT32(2) : PG_GETARG_INT32(1),
						  PG_ARGISNULL(2) ? PG_GETARG_INT32(1) : PG_GETARG_INT32(2));
	return EOHPGetRWDatum(&state->header);
}

Datum
mhub_connected_components_combine(PG_FUNCTION_ARGS)
{
	ExpandedComponents *state;

	if (PG_ARGISNULL(0) && PG_ARGISNULL(1))
		PG_RETURN_NULL();
	state = writable_state(fcinfo);
	if (!PG_ARGISNULL(1))
		add_state(&state->set, PG_GETARG_DATUM(1));
	return EOHPGetRWDatum(&state->header);
}

/* All rows have the form of the first, so only their two numbers are written anew: forming each would cost as much as the rest. */
static void
put_rows(ReturnSetInfo *result, const ComponentPair *pairs, uint64 n)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(result->setDesc, &TTSOpsMinimalTuple);
	Datum		values[2] = {0, 0};
	bool		nulls[2] = {false, false};
	MinimalTuple row = heap_form_minimal_tuple(result->setDesc, values, nulls, 0);
	ComponentPair *written = (ComponentPair *) ((char *) row + row->t_hoff - MINIMAL_TUPLE_OFFSET);

	ExecStoreMinimalTuple(row, slot, false);
	for (uint64 i = 0; i < n; i++)
	{
		*written = pairs[i];
		tuplestore_puttupleslot(result->setResult, slot);
		if ((i & 0xffff) == 0)
			CHECK_FOR_INTERRUPTS();
	}
	ExecDropSingleTupleTableSlot(slot);
}

/* Is it what compacting leaves?  The flat form of a state is, unless somebody wrote it by hand. */
static bool
is_compact(const ComponentPair *pairs, uint64 n)
{
	for (uint64 i = 0; i < n; i++)
	{
		if (pairs[i].component > pairs[i].node || (i > 0 && pairs[i].node <= pairs[i - 1].node))
			return false;
	}
	return true;
}

Datum
mhub_components(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Datum		state = PG_GETARG_DATUM(0);
	const ComponentPair *pairs;
	uint64		n;
	ComponentSet own;
	ComponentSet *set = &own;

	InitMaterializedSRF(fcinfo, 0);
	if (is_expanded(state))
		set = &((ExpandedComponents *) DatumGetEOHP(state))->set;
	else
	{
		pairs = flat_pairs(state, &n);
		if (is_compact(pairs, n))
		{
			put_rows(result, pairs, n);
			return (Datum) 0;
		}
		component_set_init(set, CurrentMemoryContext);
		component_set_add_all(set, pairs, n);
	}
	/* A read-only state may be compacted, too: it keeps its meaning. */
	component_set_compact(set);
	put_rows(result, set->pairs, set->n);
	return (Datum) 0;
}
