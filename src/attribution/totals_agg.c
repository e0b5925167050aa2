/*
 * totals_agg.c
 *	  mhub.conversion_set() and mhub.attribution_totals().
 */
#include "attribution/log_state.h"

#include "access/htup_details.h"
#include "attribution/amount.h"
#include "attribution/big_state.h"
#include "attribution/totals.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(mhub_conversion_set_transfn);
PG_FUNCTION_INFO_V1(mhub_conversion_set_combinefn);
PG_FUNCTION_INFO_V1(mhub_conversion_set_finalfn);
PG_FUNCTION_INFO_V1(mhub_attribution_totals_transfn);
PG_FUNCTION_INFO_V1(mhub_attribution_totals_combinefn);
PG_FUNCTION_INFO_V1(mhub_attribution_totals_finalfn);

/* A conversion in the log of mhub.conversion_set(), before all have one scale. */
typedef struct Row
{
	MhubPersonConversion conversion;
	int64		scale;
} Row;

/* Arguments: state, person, at, id, value.  A row without person or time does not count. */
Datum
mhub_conversion_set_transfn(PG_FUNCTION_ARGS)
{
	MhubLog    *log;
	Row			row = {.scale = 0};

	mhub_require_aggregate(fcinfo, "mhub.conversion_set()");
	log = mhub_log_reserve(MHUB_LOG_STATE(), sizeof(Row));
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_POINTER(log);
	row.conversion.person = PG_GETARG_INT64(1);
	row.conversion.at = PG_GETARG_TIMESTAMPTZ(2);
	row.conversion.id = PG_ARGISNULL(3) ? 0 : PG_GETARG_INT64(3);
	if (!PG_ARGISNULL(4))
	{
		MhubAmount	amount = mhub_amount_of(PG_GETARG_DATUM(4), 0);

		row.conversion.units = amount.units;
		row.scale = amount.scale;
	}
	memcpy(log->data + log->used, &row, sizeof(Row));
	log->used += sizeof(Row);
	PG_RETURN_POINTER(log);
}

Datum
mhub_conversion_set_combinefn(PG_FUNCTION_ARGS)
{
	return mhub_log_combine(fcinfo, 0, "mhub.conversion_set()");
}

static inline int
compare_rows(const MhubPersonConversion *left, const MhubPersonConversion *right)
{
	if (left->person != right->person)
		return left->person < right->person ? -1 : 1;
	if (left->at != right->at)
		return left->at < right->at ? -1 : 1;
	if (left->id != right->id)
		return left->id < right->id ? -1 : 1;
	return left->units < right->units ? -1 : left->units > right->units;
}

#define ST_SORT sort_rows
#define ST_ELEMENT_TYPE Row
#define ST_COMPARE(a, b) compare_rows(&(a)->conversion, &(b)->conversion)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* The set, flat: sorted, all amounts of the finest scale. */
Datum
mhub_conversion_set_finalfn(PG_FUNCTION_ARGS)
{
	MhubLog    *log;
	int			n = 0;
	MhubConversionSetHead head = {0, MHUB_CONVERSION_SET_MAGIC, 0, 0};
	Row		   *rows;
	Size		size;
	bytea	   *result;
	char	   *to;

	mhub_require_aggregate(fcinfo, "mhub.conversion_set()");
	log = MHUB_LOG_STATE();
	n = log == NULL ? 0 : log->used / sizeof(Row);
	rows = palloc_extended(sizeof(Row) * ((Size) n + 1), MCXT_ALLOC_HUGE);
	if (n > 0)
		memcpy(rows, log->data, sizeof(Row) * n);
	for (int i = 0; i < n; i++)
		head.scale = Max(head.scale, rows[i].scale);
	sort_rows(rows, n);
	head.n = n;
	size = VARHDRSZ + sizeof(head) + (Size) n * sizeof(MhubPersonConversion);
	result = palloc(size);
	SET_VARSIZE(result, size);
	to = VARDATA(result);
	to += sizeof(head);
	for (int i = 0; i < n; i++, to += sizeof(MhubPersonConversion))
	{
		rows[i].conversion.units = mhub_amount_rescaled((MhubAmount) {rows[i].conversion.units, rows[i].scale}, head.scale);
		memcpy(to, &rows[i].conversion, sizeof(MhubPersonConversion));
	}
	to = VARDATA(result);
	head.fingerprint = hash_bytes_extended((unsigned char *) to + sizeof(head), (Size) n * sizeof(MhubPersonConversion), 0);
	memcpy(to, &head, sizeof(head));
	pfree(rows);
	PG_RETURN_BYTEA_P(result);
}

static const MhubBigStateMethods totals_methods = {
	"mhub.attribution_totals()", mhub_totals_flat_size, mhub_totals_flatten, mhub_totals_create_like, mhub_totals_merge,
	mhub_totals_attach
};

/* Arguments 1 and 6: conversions, options. */
static void *
create_totals(FunctionCallInfo fcinfo)
{
	MhubCreditOptions *options = mhub_credit_options(PG_NARGS() > 6 && !PG_ARGISNULL(6) ? PG_GETARG_JSONB_P(6) : NULL);
	bytea	   *flat;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("conversions must not be null")));
	if ((options->models & (1 << MHUB_W_SHAPED | 1 << MHUB_FULL_PATH)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("mhub.attribution_totals() knows no milestones"),
				 errhint("Use mhub.attribution() for the models w_shaped and full_path.")));
	flat = PG_GETARG_BYTEA_PP(1);
	return mhub_totals_create(options, mhub_conversion_set_open(VARDATA_ANY(flat), VARSIZE_ANY_EXHDR(flat), options->scale));
}

/* Arguments: state, conversions, person, at, label, id [, options].  A row without person or time does not count. */
Datum
mhub_attribution_totals_transfn(PG_FUNCTION_ARGS)
{
	Datum		result;
	MemoryContext context;
	MhubTotals *totals = mhub_big_state(fcinfo, &totals_methods, create_totals, &result, &context);

	if (!PG_ARGISNULL(2) && !PG_ARGISNULL(3))
	{
		const text *label = PG_ARGISNULL(4) ? NULL : PG_GETARG_TEXT_PP(4);
		MemoryContext old = MemoryContextSwitchTo(context);

		mhub_totals_add(totals, PG_GETARG_INT64(2), PG_GETARG_TIMESTAMPTZ(3), PG_ARGISNULL(5) ? 0 : PG_GETARG_INT64(5),
						label == NULL ? "(not set)" : VARDATA_ANY(label),
						label == NULL ? (int) strlen("(not set)") : (int) VARSIZE_ANY_EXHDR(label));
		MemoryContextSwitchTo(old);
	}
	PG_RETURN_DATUM(result);
}

Datum
mhub_attribution_totals_combinefn(PG_FUNCTION_ARGS)
{
	return mhub_big_state_combine(fcinfo, &totals_methods);
}

/* A sum of money: it may be beyond what a bigint holds. */
static Datum
money(int128 units, int scale)
{
	char		digits[64];
	char	   *at = digits + sizeof(digits) - 1;
	bool		negative = units < 0;
	int			place = 0;

	*at = '\0';
	do
	{
		int			digit = (int) (units % 10);

		*--at = '0' + (digit < 0 ? -digit : digit);
		units /= 10;
		if (++place == scale)
			*--at = '.';
	} while (units != 0 || place <= scale);
	if (negative)
		*--at = '-';
	return DirectFunctionCall3(numeric_in, CStringGetDatum(at), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

static int
compare_labels(const void *a, const void *b, void *arg)
{
	const MhubLabel *labels = arg;

	return mhub_label_compare(&labels[*(const int *) a], &labels[*(const int *) b]);
}

/* The labels in byte order, then (unattributed). */
static int *
label_order(const MhubLabelSet *labels)
{
	int		   *order = palloc(sizeof(int) * ((Size) labels->n + 1));

	for (int i = 0; i <= labels->n; i++)
		order[i] = i;
	qsort_arg(order, labels->n, sizeof(int), compare_labels, labels->labels);
	return order;
}

Datum
mhub_attribution_totals_finalfn(PG_FUNCTION_ARGS)
{
	Oid			element = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));
	MhubTotals *totals;
	MhubTotal  *sums;
	int		   *order;
	Datum	   *rows;
	int			n = 0;
	TupleDesc	descriptor;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	totals = mhub_big_state_content(fcinfo, &totals_methods);
	sums = mhub_totals_credit(totals);
	order = label_order(&totals->labels);
	rows = palloc_extended(sizeof(Datum) * MHUB_MODELS * ((Size) totals->labels.n + 1), MCXT_ALLOC_HUGE);
	descriptor = lookup_rowtype_tupdesc(element, -1);
	for (int model = 0; model < MHUB_MODELS; model++)
	{
		for (int i = 0; i <= totals->labels.n; i++)
		{
			const MhubTotal *sum = &sums[(Size) model * (totals->labels.n + 1) + order[i]];
			const MhubLabel *label = order[i] == totals->labels.n ? NULL : &totals->labels.labels[order[i]];
			Datum		values[4];
			bool		nulls[4] = {false};

			if (sum->conversions == 0)
				continue;
			values[0] = CStringGetTextDatum(mhub_model_names[model]);
			values[1] = PointerGetDatum(label == NULL ? cstring_to_text("(unattributed)")
										: cstring_to_text_with_len(label->text, label->length));
			values[2] = Float8GetDatum(sum->conversions);
			values[3] = money(sum->units, totals->conversions->scale);
			rows[n++] = HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
		}
	}
	ReleaseTupleDesc(descriptor);
	PG_RETURN_ARRAYTYPE_P(construct_array(rows, n, element, -1, false, TYPALIGN_DOUBLE));
}
