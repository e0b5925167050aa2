/*
 * credit_agg.c
 *	  mhub.attribution(): the credits of any number of models in one pass.
 *
 * The state is a log of rows (log_state.h); everything else happens in the
 * final function.
 */
#include "attribution/log_state.h"

#include "access/htup_details.h"
#include "attribution/amount.h"
#include "attribution/flat.h"
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
	ROW_OPPORTUNITY,
	ROW_OPTIONS
} RowKind;

/*
 * The log begins with a byte of bits, which kinds of rows it has.  A row is its
 * kind, time and id; of a touch, length and text of the label; of a conversion,
 * scale and units of the amount.  None is aligned.  Of conversions at least one
 * is preceded by the options: most people never convert, and need none.
 */
#define HEAD 1
#define ROW_SIZE (1 + 2 * sizeof(int64))

/* Per call site: the options as given and as parsed. */
typedef struct OptionsCache
{
	Jsonb	   *json;
	MhubCreditOptions *options;
} OptionsCache;

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

static inline bool
has_kind(const MhubLog *log, RowKind kind)
{
	return (log->data[0] & 1 << kind) != 0;
}

/* Room for a row of that kind with so many bytes more; its end is where these go. */
static MhubLog *
begin_row(MhubLog *log, RowKind kind, int64 at, int64 id, Size more, char **end)
{
	log = mhub_log_reserve(log, ROW_SIZE + more);
	*end = log->data + log->used;
	log->data[0] |= 1 << kind;
	log->used += ROW_SIZE + more;
	*(*end)++ = kind;
	mhub_flat_put(end, &at, sizeof(at));
	mhub_flat_put(end, &id, sizeof(id));
	return log;
}

static MhubLog *
append_touch(MhubLog *log, int64 at, int64 id, const char *label, int32 length)
{
	char	   *end;

	log = begin_row(log, ROW_TOUCH, at, id, sizeof(length) + length, &end);
	mhub_flat_put_int(&end, length);
	mhub_flat_put(&end, label, length);
	return log;
}

static MhubLog *
append_conversion(MhubLog *log, int64 at, int64 id, MhubAmount amount)
{
	char	   *end;

	log = begin_row(log, ROW_CONVERSION, at, id, 1 + sizeof(amount.units), &end);
	*end++ = amount.scale;
	mhub_flat_put(&end, &amount.units, sizeof(amount.units));
	return log;
}

static MhubLog *
append_options(MhubLog *log, const MhubCreditOptions *options)
{
	char	   *end;

	log = begin_row(log, ROW_OPTIONS, 0, 0, options->size, &end);
	mhub_flat_put(&end, options, options->size);
	return log;
}

static MhubLog *
begin_log(void)
{
	MhubLog    *log = mhub_log_reserve(NULL, HEAD);

	log->used = HEAD;
	return log;
}

/* Arguments: state, kind, at, label, id, value [, options].  A row without kind or time does not count. */
Datum
mhub_attribution_transfn(PG_FUNCTION_ARGS)
{
	MhubLog    *log;
	RowKind		kind;
	int64		at;
	int64		id;
	char	   *end;

	mhub_require_aggregate(fcinfo, AGGREGATE);
	log = MHUB_LOG_STATE();
	if (log == NULL)
	{
		/* Wrong options are an error even when no conversion follows. */
		options_of_call(fcinfo);
		log = begin_log();
	}
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_POINTER(log);

	kind = row_kind(PG_GETARG_TEXT_PP(1));
	at = PG_GETARG_TIMESTAMPTZ(2);
	id = PG_ARGISNULL(4) ? 0 : PG_GETARG_INT64(4);
	if (kind == ROW_TOUCH)
	{
		text	   *label = PG_ARGISNULL(3) ? NULL : PG_GETARG_TEXT_PP(3);

		log = label == NULL ? append_touch(log, at, id, "(not set)", strlen("(not set)"))
			: append_touch(log, at, id, VARDATA_ANY(label), VARSIZE_ANY_EXHDR(label));
	}
	else if (kind == ROW_CONVERSION)
	{
		const MhubCreditOptions *options = options_of_call(fcinfo);

		if (!has_kind(log, ROW_OPTIONS))
			log = append_options(log, options);
		log = append_conversion(log, at, id, PG_ARGISNULL(5) ? (MhubAmount) {0, options->scale} : mhub_amount_of(PG_GETARG_DATUM(5), options->scale));
	}
	else
		log = begin_row(log, kind, at, id, 0, &end);
	PG_RETURN_POINTER(log);
}

Datum
mhub_attribution_combinefn(PG_FUNCTION_ARGS)
{
	uint8		kinds = PG_ARGISNULL(1) ? 0 : ((MhubLog *) PG_GETARG_BYTEA_P(1))->data[0];
	Datum		log = mhub_log_combine(fcinfo, HEAD, AGGREGATE);

	if (kinds != 0)
		((MhubLog *) DatumGetPointer(log))->data[0] |= kinds;
	return log;
}

/* A row as it is read back; the label and the options are where they are in the log. */
typedef struct Row
{
	RowKind		kind;
	int64		at;
	int64		id;
	const char *label;
	int32		length;
	MhubAmount	amount;
	const char *options;
} Row;

static const char *
read_row(const char *from, Row *row)
{
	row->kind = (uint8) *from++;
	mhub_flat_get(&from, &row->at, sizeof(row->at));
	mhub_flat_get(&from, &row->id, sizeof(row->id));
	if (row->kind == ROW_TOUCH)
	{
		row->length = mhub_flat_get_int(&from);
		row->label = from;
		from += row->length;
	}
	else if (row->kind == ROW_CONVERSION)
	{
		row->amount.scale = (uint8) *from++;
		mhub_flat_get(&from, &row->amount.units, sizeof(row->amount.units));
	}
	else if (row->kind == ROW_OPTIONS)
	{
		row->options = from;
		from += mhub_credit_options_size(from);
	}
	return from;
}

/* The options, aligned, and how many rows of each kind there are. */
static MhubCreditOptions *
survey(const MhubLog *log, int *counts)
{
	const char *end = log->data + log->used;
	Row			row = {.options = NULL};
	MhubCreditOptions *options;
	Size		size;

	for (const char *at = log->data + HEAD; at < end;)
	{
		at = read_row(at, &row);
		counts[row.kind]++;
	}
	size = mhub_credit_options_size(row.options);
	options = palloc(size);
	memcpy(options, row.options, size);
	return options;
}

static void
add_row(MhubJourney *journey, MhubLabelSet *labels, const MhubCreditOptions *options, const Row *row)
{
	if (row->kind == ROW_CONVERSION)
		journey->conversions[journey->n_conversions++] = (MhubConversion) {row->at, row->id, row->amount};
	else if (row->kind == ROW_TOUCH)
		journey->touches[journey->n_touches++] =
			(MhubTouch) {row->at, row->id, mhub_label_number(labels, row->label, row->length),
						 mhub_is_direct(options, row->label, row->length), 0};
	else if (row->kind != ROW_OPTIONS)
		journey->milestones[journey->n_milestones++] =
			(MhubMilestoneReached) {row->at, row->kind == ROW_LEAD ? MHUB_LEAD : MHUB_OPPORTUNITY};
}

static MhubJourney
journey_of(const MhubLog *log, MhubCreditOptions **options)
{
	const char *end = log->data + log->used;
	int			counts[ROW_OPTIONS + 1] = {0};
	MhubJourney journey = {0};
	MhubLabelSet labels;
	Row			row;

	*options = survey(log, counts);
	mhub_label_set_init(&labels);
	journey.touches = palloc_extended(sizeof(MhubTouch) * (counts[ROW_TOUCH] + 1), MCXT_ALLOC_HUGE);
	journey.conversions = palloc_extended(sizeof(MhubConversion) * (counts[ROW_CONVERSION] + 1), MCXT_ALLOC_HUGE);
	journey.milestones = palloc_extended(sizeof(MhubMilestoneReached) * (counts[ROW_LEAD] + counts[ROW_OPPORTUNITY] + 1), MCXT_ALLOC_HUGE);
	for (const char *at = log->data + HEAD; at < end;)
	{
		at = read_row(at, &row);
		add_row(&journey, &labels, *options, &row);
	}
	journey.labels = labels.labels;
	journey.n_labels = labels.n;
	mhub_journey_sort(&journey);
	return journey;
}

/* What does not change from group to group, kept with the call site. */
typedef struct ResultCache
{
	Oid			element;
	Datum		model_names[MHUB_MODELS];
} ResultCache;

/* The result as it grows: rows of mhub.credit_share. */
typedef struct Output
{
	const MhubJourney *journey;
	const ResultCache *cache;
	TupleDesc	descriptor;
	Datum	   *labels;			/* texts of the journey's labels; 0 until one is needed */
	Datum	   *rows;
	int			n;
	int			capacity;
} Output;

static Datum
label_datum(Output *output, const MhubTouch *touch)
{
	int			number = touch == NULL ? output->journey->n_labels : touch->label;

	if (output->labels[number] == 0)
		output->labels[number] = PointerGetDatum(
			touch == NULL ? cstring_to_text("(unattributed)")
			: cstring_to_text_with_len(output->journey->labels[number].text, output->journey->labels[number].length));
	return output->labels[number];
}

static void
emit(void *arg, const MhubConversion *conversion, MhubModel model, const MhubTouch *touch, double share, int64 units)
{
	Output	   *output = arg;
	Datum		values[7];
	bool		nulls[7] = {false};

	if (output->n == output->capacity)
	{
		output->capacity *= 2;
		output->rows = repalloc_huge(output->rows, sizeof(Datum) * output->capacity);
	}
	values[0] = Int64GetDatum(conversion->id);
	values[1] = output->cache->model_names[model];
	values[2] = Int64GetDatum(touch == NULL ? 0 : touch->id);
	values[3] = TimestampTzGetDatum(touch == NULL ? 0 : touch->at);
	nulls[2] = nulls[3] = touch == NULL;
	values[4] = label_datum(output, touch);
	values[5] = Float8GetDatum(share);
	values[6] = NumericGetDatum(int64_div_fast_to_numeric(units, conversion->amount.scale));
	output->rows[output->n++] = HeapTupleGetDatum(heap_form_tuple(output->descriptor, values, nulls));
}

static const ResultCache *
result_cache(FunctionCallInfo fcinfo)
{
	ResultCache *cache = fcinfo->flinfo->fn_extra;
	MemoryContext old;

	if (cache != NULL)
		return cache;
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	cache = palloc(sizeof(ResultCache));
	cache->element = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));
	for (int i = 0; i < MHUB_MODELS; i++)
		cache->model_names[i] = CStringGetTextDatum(mhub_model_names[i]);
	MemoryContextSwitchTo(old);
	fcinfo->flinfo->fn_extra = cache;
	return cache;
}

Datum
mhub_attribution_finalfn(PG_FUNCTION_ARGS)
{
	MhubLog    *log;
	MhubCreditOptions *options;
	MhubJourney journey;
	Output		output = {.capacity = 32};

	mhub_require_aggregate(fcinfo, AGGREGATE);
	log = MHUB_LOG_STATE();
	if (log == NULL)
		PG_RETURN_NULL();
	output.cache = result_cache(fcinfo);
	/* Most people never convert. */
	if (!has_kind(log, ROW_CONVERSION))
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(output.cache->element));
	journey = journey_of(log, &options);
	output.journey = &journey;
	output.descriptor = lookup_rowtype_tupdesc(output.cache->element, -1);
	output.labels = palloc0(sizeof(Datum) * (journey.n_labels + 1));
	output.rows = palloc(sizeof(Datum) * output.capacity);
	mhub_journey_credit(&journey, options, emit, &output);
	ReleaseTupleDesc(output.descriptor);
	PG_RETURN_ARRAYTYPE_P(construct_array(output.rows, output.n, output.cache->element, -1, false, TYPALIGN_DOUBLE));
}
