/*
 * data_driven_agg.c
 *	  mhub.markov_attribution() and mhub.shapley_attribution().
 */
#include "attribution/big_state.h"

#include <math.h>

#include "access/htup_details.h"
#include "attribution/markov.h"
#include "attribution/shapley.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(mhub_markov_transfn);
PG_FUNCTION_INFO_V1(mhub_markov_combinefn);
PG_FUNCTION_INFO_V1(mhub_markov_finalfn);
PG_FUNCTION_INFO_V1(mhub_shapley_transfn);
PG_FUNCTION_INFO_V1(mhub_shapley_combinefn);
PG_FUNCTION_INFO_V1(mhub_shapley_finalfn);

static const MhubBigStateMethods markov_methods = {
	"mhub.markov_attribution()", mhub_markov_flat_size, mhub_markov_flatten, mhub_markov_create_like, mhub_markov_merge, NULL
};

static const MhubBigStateMethods shapley_methods = {
	"mhub.shapley_attribution()", mhub_shapley_flat_size, mhub_shapley_flatten, mhub_shapley_create_like, mhub_shapley_merge, NULL
};

static double
weight_argument(FunctionCallInfo fcinfo, int argument)
{
	double		weight = PG_NARGS() > argument && !PG_ARGISNULL(argument) ? PG_GETARG_FLOAT8(argument) : 0;

	if (isnan(weight) || isinf(weight))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("weights of a path must be finite numbers")));
	return weight;
}

/* Arguments 2 to 4: conversions, value, paths that did not convert; NULL counts as 0. */
static MhubMarkovState
weight_arguments(FunctionCallInfo fcinfo)
{
	MhubMarkovState weight;

	weight.conversions = weight_argument(fcinfo, 2);
	weight.value = weight_argument(fcinfo, 3);
	weight.others = weight_argument(fcinfo, 4);
	if (weight.conversions < 0 || weight.others < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("numbers of paths must not be negative")));
	return weight;
}

/* The path as numbers of labels; new labels are copied to the state's context. */
static int32 *
path_argument(ArrayType *array, MhubLabelSet *channels, MemoryContext context, int *n)
{
	Datum	   *elements;
	bool	   *nulls;
	int32	   *path;
	MemoryContext old;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, n);
	path = palloc_extended(sizeof(int32) * ((Size) *n + 1), MCXT_ALLOC_HUGE);
	old = MemoryContextSwitchTo(context);
	for (int i = 0; i < *n; i++)
	{
		const text *label = nulls[i] ? NULL : DatumGetTextPP(elements[i]);

		path[i] = label == NULL ? mhub_label_number_copied(channels, "(not set)", strlen("(not set)"))
			: mhub_label_number_copied(channels, VARDATA_ANY(label), VARSIZE_ANY_EXHDR(label));
	}
	MemoryContextSwitchTo(old);
	return path;
}

static void *
create_markov(FunctionCallInfo fcinfo)
{
	int			order = PG_NARGS() > 5 && !PG_ARGISNULL(5) ? PG_GETARG_INT32(5) : 1;

	if (order < 1 || order > MHUB_MARKOV_MAX_ORDER)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("order %d of a Markov chain is not within 1 and %d", order, MHUB_MARKOV_MAX_ORDER)));
	return mhub_markov_create(order);
}

/* Arguments: state, path, conversions [, value, others [, order]]. */
Datum
mhub_markov_transfn(PG_FUNCTION_ARGS)
{
	Datum		result;
	MemoryContext context;
	MhubMarkov *markov = mhub_big_state(fcinfo, &markov_methods, create_markov, &result, &context);

	if (!PG_ARGISNULL(1))
	{
		MhubMarkovState weight = weight_arguments(fcinfo);
		int			n;
		int32	   *path = path_argument(PG_GETARG_ARRAYTYPE_P(1), &markov->channels, context, &n);
		MemoryContext old = MemoryContextSwitchTo(context);

		mhub_markov_add(markov, path, n, weight);
		MemoryContextSwitchTo(old);
	}
	PG_RETURN_DATUM(result);
}

Datum
mhub_markov_combinefn(PG_FUNCTION_ARGS)
{
	return mhub_big_state_combine(fcinfo, &markov_methods);
}

static void *
create_shapley(FunctionCallInfo fcinfo)
{
	char	   *game = PG_NARGS() > 5 && !PG_ARGISNULL(5) ? text_to_cstring(PG_GETARG_TEXT_PP(5)) : "counts";

	if (strcmp(game, "counts") != 0 && strcmp(game, "rates") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown game \"%s\" for Shapley values", game),
				 errhint("Games are counts and rates.")));
	return mhub_shapley_create(strcmp(game, "rates") == 0);
}

/* Arguments: state, path, conversions [, value, others [, game]]. */
Datum
mhub_shapley_transfn(PG_FUNCTION_ARGS)
{
	Datum		result;
	MemoryContext context;
	MhubShapley *shapley = mhub_big_state(fcinfo, &shapley_methods, create_shapley, &result, &context);

	if (!PG_ARGISNULL(1))
	{
		MhubMarkovState weight = weight_arguments(fcinfo);
		int			n;
		int32	   *path = path_argument(PG_GETARG_ARRAYTYPE_P(1), &shapley->channels, context, &n);
		MemoryContext old = MemoryContextSwitchTo(context);

		mhub_shapley_add(shapley, path, n, weight);
		MemoryContextSwitchTo(old);
	}
	PG_RETURN_DATUM(result);
}

Datum
mhub_shapley_combinefn(PG_FUNCTION_ARGS)
{
	return mhub_big_state_combine(fcinfo, &shapley_methods);
}

typedef struct Row
{
	MhubLabel	label;
	MhubEffect	effect;
} Row;

static int
compare_rows(const void *a, const void *b)
{
	return mhub_label_compare(&((const Row *) a)->label, &((const Row *) b)->label);
}

static double
portion(double effect, double sum, double total)
{
	return sum != 0 ? total * (effect / sum) : 0;
}

/* The result: rows of mhub.channel_effect in order of the label; the total is shared in proportion to the effects. */
static Datum
effect_array(FunctionCallInfo fcinfo, const MhubLabelSet *channels, const MhubEffect *effects, MhubMarkovState total)
{
	Oid			element = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));
	TupleDesc	descriptor = lookup_rowtype_tupdesc(element, -1);
	Row		   *rows = palloc(sizeof(Row) * Max(channels->n, 1));
	Datum	   *result = palloc(sizeof(Datum) * Max(channels->n, 1));
	MhubEffect	sum = {0};

	for (int i = 0; i < channels->n; i++)
		rows[i] = (Row) {channels->labels[i], effects[i]};
	qsort(rows, channels->n, sizeof(Row), compare_rows);
	for (int i = 0; i < channels->n; i++)
	{
		sum.conversions += rows[i].effect.conversions;
		sum.value += rows[i].effect.value;
	}
	for (int i = 0; i < channels->n; i++)
	{
		Datum		values[5];
		bool		nulls[5] = {false};

		values[0] = PointerGetDatum(cstring_to_text_with_len(rows[i].label.text, rows[i].label.length));
		values[1] = Float8GetDatum(rows[i].effect.conversions);
		values[2] = Float8GetDatum(rows[i].effect.value);
		values[3] = Float8GetDatum(portion(rows[i].effect.conversions, sum.conversions, total.conversions));
		values[4] = Float8GetDatum(portion(rows[i].effect.value, sum.value, total.value));
		result[i] = HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
	}
	ReleaseTupleDesc(descriptor);
	return PointerGetDatum(construct_array(result, channels->n, element, -1, false, TYPALIGN_DOUBLE));
}

Datum
mhub_markov_finalfn(PG_FUNCTION_ARGS)
{
	const MhubMarkov *markov;
	MhubEffect *effects;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	markov = mhub_big_state_content(fcinfo, &markov_methods);
	effects = palloc0(sizeof(MhubEffect) * Max(markov->channels.n, 1));
	mhub_markov_removal_effects(markov, effects);
	PG_RETURN_DATUM(effect_array(fcinfo, &markov->channels, effects, mhub_markov_total(markov)));
}

Datum
mhub_shapley_finalfn(PG_FUNCTION_ARGS)
{
	const MhubShapley *shapley;
	MhubEffect *values;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	shapley = mhub_big_state_content(fcinfo, &shapley_methods);
	values = palloc0(sizeof(MhubEffect) * Max(shapley->channels.n, 1));
	mhub_shapley_values(shapley, values);
	PG_RETURN_DATUM(effect_array(fcinfo, &shapley->channels, values, mhub_shapley_total(shapley)));
}
