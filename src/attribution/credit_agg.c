/*
 * credit_agg.c
 *	  mhub.attribution(): the credits of any number of models in one pass.
 *
 * The state is a log of rows behind the options (log_state.h); everything else
 * happens in the final function.
 */
#include "attribution/log_state.h"

#include "access/htup_details.h"
#include "attribution/amount.h"
#include "attribution/journey.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(mhub_attribution_transfn);
PG_FUNCTION_INFO_V1(mhub_attribution_combinefn);
PG_FUNCTION_INFO_V1(mhub_attribution_finalfn);

#define AGGREGATE "mhub.attribution()"

typedef enum RowKind
{
	ROW_TOUCH,
	ROW_CONVERSION,
	ROW_LEAD,
	ROW_OPPORTUNITY
} RowKind;

/* A row in the log; its label follows, padded to a multiple of 8 bytes. */
typedef struct Row
{
	int64		at;
	int64		id;
	int64		units;			/* of a conversion */
	uint8		kind;
	uint8		scale;			/* of units */
	uint32		label_length;
} Row;

/* Per call site: the options as given and as parsed. */
typedef struct OptionsCache
{
	Jsonb	   *json;
	MhubCreditOptions *options;
} OptionsCache;

/* The options stand at the head of every log. */
static uint32
options_size(const MhubLog *log)
{
	return ((const MhubCreditOptions *) log->data)->size;
}

static MhubCreditOptions *
options_of_call(FunctionCallInfo fcinfo)
{
	OptionsCache *cache = fcinfo->flinfo->fn_extra;
	bool		given = PG_NARGS() > 6 && !PG_ARGISNULL(6);
	Jsonb	   *json = given ? PG_GETARG_JSONB_P(6) : NULL;
	MemoryContext old;

	if (cache != NULL && (cache->json == NULL) == (json == NULL) &&
		(json == NULL || (VARSIZE(json) == VARSIZE(cache->json) && memcmp(json, cache->json, VARSIZE(json)) == 0)))
		return cache->options;
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	if (cache == NULL)
		cache = palloc0(sizeof(OptionsCache));
	cache->options = mhub_credit_options(json);
	cache->json = NULL;
	if (json != NULL)
	{
		cache->json = palloc(VARSIZE(json));
		memcpy(cache->json, json, VARSIZE(json));
	}
	fcinfo->flinfo->fn_extra = cache;
	MemoryContextSwitchTo(old);
	return cache->options;
}

static RowKind
row_kind(const text *kind)
{
	static const char *const words[] = {"touch", "conversion", "lead", "opportunity"};

	for (size_t i = 0; i < lengthof(words); i++)
	{
		if (VARSIZE_ANY_EXHDR(kind) == strlen(words[i]) && memcmp(VARDATA_ANY(kind), words[i], strlen(words[i])) == 0)
			return (RowKind) i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown kind of row \"%s\" for " AGGREGATE, text_to_cstring(kind)),
			 errhint("Kinds are touch, conversion, lead and opportunity.")));
}

static MhubLog *
appended(MhubLog *log, const Row *row, const char *label)
{
	Size		size = sizeof(Row) + MAXALIGN(row->label_length);

	log = mhub_log_reserve(log, size);
	memcpy(log->data + log->used, row, sizeof(Row));
	if (row->label_length > 0)
		memcpy(log->data + log->used + sizeof(Row), label, row->label_length);
	log->used += size;
	return log;
}

/* Arguments: state, kind, at, label, id, value [, options].  A row without kind or time does not count. */
Datum
mhub_attribution_transfn(PG_FUNCTION_ARGS)
{
	MhubLog    *log;
	Row			row = {0};
	const char *label = NULL;

	mhub_require_aggregate(fcinfo, AGGREGATE);
	log = MHUB_LOG_STATE();
	if (log == NULL)
	{
		const MhubCreditOptions *options = options_of_call(fcinfo);

		log = mhub_log_reserve(NULL, options->size);
		memcpy(log->data, options, options->size);
		log->used = options->size;
	}
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_POINTER(log);

	row.kind = row_kind(PG_GETARG_TEXT_PP(1));
	row.at = PG_GETARG_TIMESTAMPTZ(2);
	row.id = PG_ARGISNULL(4) ? 0 : PG_GETARG_INT64(4);
	if (row.kind == ROW_TOUCH)
	{
		text	   *given = PG_ARGISNULL(3) ? NULL : PG_GETARG_TEXT_PP(3);

		label = given == NULL ? "(not set)" : VARDATA_ANY(given);
		row.label_length = given == NULL ? strlen(label) : VARSIZE_ANY_EXHDR(given);
	}
	else if (row.kind == ROW_CONVERSION)
	{
		int			scale = ((MhubCreditOptions *) log->data)->scale;
		MhubAmount	amount = PG_ARGISNULL(5) ? (MhubAmount) {0, scale} : mhub_amount_of(PG_GETARG_DATUM(5), scale);

		row.units = amount.units;
		row.scale = amount.scale;
	}
	PG_RETURN_POINTER(appended(log, &row, label));
}

Datum
mhub_attribution_combinefn(PG_FUNCTION_ARGS)
{
	MhubLog    *log;

	mhub_require_aggregate(fcinfo, AGGREGATE);
	log = MHUB_LOG_STATE();
	return mhub_log_combine(fcinfo, log == NULL ? 0 : options_size(log), AGGREGATE);
}

/* What the log holds of each kind of row. */
typedef struct Counts
{
	int			touches;
	int			conversions;
	int			milestones;
} Counts;

static const Row *
next_row(const Row *row)
{
	return (const Row *) ((const char *) row + sizeof(Row) + MAXALIGN(row->label_length));
}

static Counts
count_rows(const Row *row, const Row *end)
{
	Counts		counts = {0};

	for (; row < end; row = next_row(row))
	{
		if (row->kind == ROW_TOUCH)
			counts.touches++;
		else if (row->kind == ROW_CONVERSION)
			counts.conversions++;
		else
			counts.milestones++;
	}
	return counts;
}

static bool
has_conversions(const MhubLog *log, const MhubCreditOptions *options)
{
	const Row  *end = (const Row *) (log->data + log->used);

	for (const Row *row = (const Row *) (log->data + options->size); row < end; row = next_row(row))
	{
		if (row->kind == ROW_CONVERSION)
			return true;
	}
	return false;
}

static void
add_row(MhubJourney *journey, MhubLabelSet *labels, const MhubCreditOptions *options, const Row *row)
{
	const char *label = (const char *) (row + 1);

	if (row->kind == ROW_CONVERSION)
		journey->conversions[journey->n_conversions++] =
			(MhubConversion) {row->at, row->id, {row->units, row->scale}};
	else if (row->kind == ROW_TOUCH)
		journey->touches[journey->n_touches++] =
			(MhubTouch) {row->at, row->id, mhub_label_number(labels, label, row->label_length),
						 mhub_is_direct(options, label, row->label_length), 0};
	else
		journey->milestones[journey->n_milestones++] =
			(MhubMilestoneReached) {row->at, row->kind == ROW_LEAD ? MHUB_LEAD : MHUB_OPPORTUNITY};
}

static MhubJourney
journey_of(const MhubLog *log, const MhubCreditOptions *options)
{
	const Row  *row = (const Row *) (log->data + options->size);
	const Row  *end = (const Row *) (log->data + log->used);
	Counts		counts = count_rows(row, end);
	MhubJourney journey = {0};
	MhubLabelSet labels;

	mhub_label_set_init(&labels);
	journey.touches = palloc_extended(sizeof(MhubTouch) * (counts.touches + 1), MCXT_ALLOC_HUGE);
	journey.conversions = palloc_extended(sizeof(MhubConversion) * (counts.conversions + 1), MCXT_ALLOC_HUGE);
	journey.milestones = palloc_extended(sizeof(MhubMilestoneReached) * (counts.milestones + 1), MCXT_ALLOC_HUGE);
	for (; row < end; row = next_row(row))
		add_row(&journey, &labels, options, row);
	journey.labels = labels.labels;
	journey.n_labels = labels.n;
	mhub_journey_sort(&journey);
	return journey;
}

/* The result as it grows: rows of mhub.credit_share. */
typedef struct Output
{
	const MhubJourney *journey;
	TupleDesc	descriptor;
	Datum		model_names[MHUB_MODELS];
	Datum	   *rows;
	int			n;
	int			capacity;
} Output;

static void
emit(void *arg, const MhubConversion *conversion, MhubModel model, const MhubTouch *touch, double share, int64 units)
{
	Output	   *output = arg;
	Datum		values[7];
	bool		nulls[7] = {false};
	const MhubLabel *label = touch == NULL ? NULL : &output->journey->labels[touch->label];

	if (output->n == output->capacity)
	{
		output->capacity *= 2;
		output->rows = repalloc_huge(output->rows, sizeof(Datum) * output->capacity);
	}
	values[0] = Int64GetDatum(conversion->id);
	values[1] = output->model_names[model];
	values[2] = Int64GetDatum(touch == NULL ? 0 : touch->id);
	values[3] = TimestampTzGetDatum(touch == NULL ? 0 : touch->at);
	nulls[2] = nulls[3] = touch == NULL;
	values[4] = PointerGetDatum(label == NULL ? cstring_to_text("(unattributed)")
								: cstring_to_text_with_len(label->text, label->length));
	values[5] = Float8GetDatum(share);
	values[6] = NumericGetDatum(int64_div_fast_to_numeric(units, conversion->amount.scale));
	output->rows[output->n++] = HeapTupleGetDatum(heap_form_tuple(output->descriptor, values, nulls));
}

static TupleDesc
element_descriptor(FunctionCallInfo fcinfo, Oid *element)
{
	*element = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));
	return lookup_rowtype_tupdesc(*element, -1);
}

Datum
mhub_attribution_finalfn(PG_FUNCTION_ARGS)
{
	MhubLog    *log;
	const MhubCreditOptions *options;
	MhubJourney journey;
	Output		output = {.capacity = 16};
	Oid			element;
	ArrayType  *result;

	mhub_require_aggregate(fcinfo, AGGREGATE);
	log = MHUB_LOG_STATE();
	if (log == NULL)
		PG_RETURN_NULL();
	options = (const MhubCreditOptions *) log->data;
	/* Most people never convert. */
	if (!has_conversions(log, options))
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(get_element_type(get_fn_expr_rettype(fcinfo->flinfo))));
	journey = journey_of(log, options);
	output.journey = &journey;
	output.descriptor = element_descriptor(fcinfo, &element);
	output.rows = palloc(sizeof(Datum) * output.capacity);
	for (int i = 0; i < MHUB_MODELS; i++)
		output.model_names[i] = CStringGetTextDatum(mhub_model_names[i]);
	mhub_journey_credit(&journey, options, emit, &output);
	ReleaseTupleDesc(output.descriptor);
	result = construct_array(output.rows, output.n, element, -1, false, TYPALIGN_DOUBLE);
	PG_RETURN_ARRAYTYPE_P(result);
}
