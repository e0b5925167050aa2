/*
 * credit_options.c
 *	  The options of mhub.attribution(): from jsonb to a flat struct.
 */
#include "attribution/credit_options.h"

#include <math.h>

#include "attribution/duration.h"
#include "attribution/money.h"
#include "lib/stringinfo.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#define DEFAULT_MODELS \
	(1 << MHUB_FIRST_TOUCH | 1 << MHUB_LAST_TOUCH | 1 << MHUB_LAST_NON_DIRECT_TOUCH | \
	 1 << MHUB_LINEAR | 1 << MHUB_POSITION_BASED | 1 << MHUB_TIME_DECAY)

/* The names under which direct traffic usually appears. */
static const char *const default_direct[] = {
	"Direct", "direct", "(direct)", "(none)", "direct / none", "(direct) / (none)"
};

typedef struct Parsed
{
	MhubCreditOptions options;
	char	   *time_zone;
	StringInfoData direct;
} Parsed;

pg_noreturn static void bad_option(const char *key, const char *expected);

static void
bad_option(const char *key, const char *expected)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid attribution option \"%s\"", key),
			 errdetail("It must be %s.", expected)));
}

static char *
string_option(const char *key, const JsonbValue *value, const char *expected)
{
	if (value->type != jbvString)
		bad_option(key, expected);
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static double
number_option(const char *key, const JsonbValue *value, const char *expected)
{
	if (value->type != jbvNumeric)
		bad_option(key, expected);
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8, NumericGetDatum(value->val.numeric)));
}

static int
integer_option(const char *key, const JsonbValue *value, int min, int max, const char *expected)
{
	double		number = number_option(key, value, expected);

	if (!(number >= min && number <= max) || number != (int) number)
		bad_option(key, expected);
	return (int) number;
}

/* Exact: a month has no length in time, so intervals with months are refused; a day is 24 hours. */
static int64
duration_option(const char *key, const JsonbValue *value)
{
	const char *expected = "a positive interval in days, hours or smaller, for example \"30 days\"";
	char	   *text = string_option(key, value, expected);
	Interval   *interval = DatumGetIntervalP(DirectFunctionCall3(interval_in, CStringGetDatum(text),
																 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	int64		duration;

	if (!mhub_duration(interval, &duration) || duration == 0)
		bad_option(key, expected);
	return duration;
}

static void
add_model(Parsed *parsed, const JsonbValue *element)
{
	char	   *name = string_option("models", element, "an array of texts");
	int			model = mhub_model_by_name(name);

	if (model < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown attribution model \"%s\"", name),
				 errhint("Models are first_touch, last_touch, last_non_direct_touch, linear, position_based, w_shaped, "
						 "full_path, j_shaped, inverse_j_shaped, time_decay, custom and participation.")));
	parsed->options.models |= 1 << model;
}

static void
add_direct(Parsed *parsed, const JsonbValue *element)
{
	char	   *label = string_option("direct", element, "an array of at most 1000 labels");

	if (parsed->options.direct_labels++ >= 1000)
		bad_option("direct", "an array of at most 1000 labels");
	appendBinaryStringInfo(&parsed->direct, label, strlen(label) + 1);
}

static void
each_element(Parsed *parsed, const char *key, const JsonbValue *array, void (*handle) (Parsed *, const JsonbValue *))
{
	JsonbIterator *iterator;
	JsonbValue	element;
	JsonbIteratorToken token;

	if (array->type != jbvBinary || !JsonContainerIsArray(array->val.binary.data))
		bad_option(key, "an array of texts");
	iterator = JsonbIteratorInit(array->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
	{
		if (token == WJB_ELEM)
			handle(parsed, &element);
	}
}

static MhubShape
shape_option(const char *key, const JsonbValue *value)
{
	const char *expected = "an array of three weights for the first, all middle and the last touch, none negative, not all 0, their sum finite";
	double		weights[3] = {0};
	double		sum;
	int			n = 0;
	JsonbIterator *iterator;
	JsonbValue	element;
	JsonbIteratorToken token;

	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		bad_option(key, expected);
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		if (n == 3 || !((weights[n] = number_option(key, &element, expected)) >= 0))
			bad_option(key, expected);
		n++;
	}
	sum = weights[0] + weights[1] + weights[2];
	if (n != 3 || sum <= 0 || isinf(sum))
		bad_option(key, expected);
	return (MhubShape) {weights[0], weights[1], weights[2]};
}

static MhubDedupe
dedupe_option(const JsonbValue *value)
{
	const char *expected = "\"none\", \"consecutive\" or \"first\"";
	char	   *word = string_option("dedupe", value, expected);

	if (strcmp(word, "none") == 0)
		return MHUB_DEDUPE_NONE;
	if (strcmp(word, "consecutive") == 0)
		return MHUB_DEDUPE_CONSECUTIVE;
	if (strcmp(word, "first") != 0)
		bad_option("dedupe", expected);
	return MHUB_DEDUPE_FIRST;
}

static bool
conversions_option(const JsonbValue *value)
{
	const char *expected = "\"reuse\" (each conversion looks back over all touches) or \"cut\" (only since the previous conversion)";
	char	   *word = string_option("conversions", value, expected);

	if (strcmp(word, "cut") != 0 && strcmp(word, "reuse") != 0)
		bad_option("conversions", expected);
	return strcmp(word, "cut") == 0;
}

static char *
time_zone_option(const JsonbValue *value)
{
	char	   *name = string_option("time_zone", value, "the name of a time zone, for example \"Asia/Shanghai\"");

	if (pg_tzset(name) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" not recognized", name)));
	return name;
}

static void
set_option(Parsed *parsed, const char *key, const JsonbValue *value)
{
	MhubCreditOptions *options = &parsed->options;

	if (strcmp(key, "models") == 0)
	{
		options->models = 0;
		each_element(parsed, key, value, add_model);
		if (options->models == 0)
			bad_option(key, "an array of at least one model");
	}
	else if (strcmp(key, "lookback") == 0)
		options->lookback = value->type == jbvNull ? -1 : duration_option(key, value);
	else if (strcmp(key, "lookback_days") == 0)
		options->lookback_days = integer_option(key, value, 0, 36500, "a number of calendar days from 0 to 36500");
	else if (strcmp(key, "time_zone") == 0)
		parsed->time_zone = time_zone_option(value);
	else if (strcmp(key, "half_life") == 0)
		options->model.half_life = duration_option(key, value);
	else if (strcmp(key, "conversions") == 0)
		options->cut = conversions_option(value);
	else if (strcmp(key, "dedupe") == 0)
		options->dedupe = dedupe_option(value);
	else if (strcmp(key, "touch_limit") == 0)
		options->touch_limit = integer_option(key, value, 1, 1000000, "a number of touches from 1 to 1000000");
	else if (strcmp(key, "position_weights") == 0)
		options->model.position = shape_option(key, value);
	else if (strcmp(key, "custom_weights") == 0)
		options->model.custom = shape_option(key, value);
	else if (strcmp(key, "scale") == 0)
		options->scale = integer_option(key, value, 0, 9, "a number of decimals from 0 to 9");
	else if (strcmp(key, "direct") == 0)
	{
		options->direct_labels = 0;
		each_element(parsed, key, value, add_direct);
	}
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown attribution option \"%s\"", key),
				 errhint("Options are models, lookback, lookback_days, time_zone, half_life, conversions, dedupe, touch_limit, "
						 "position_weights, custom_weights, direct and scale.")));
}

static MhubCreditOptions *
flattened(const Parsed *parsed)
{
	Size		zone = strlen(parsed->time_zone) + 1;
	Size		size = MAXALIGN(offsetof(MhubCreditOptions, texts) + zone + parsed->direct.len);
	MhubCreditOptions *options = palloc0(size);

	memcpy(options, &parsed->options, offsetof(MhubCreditOptions, texts));
	memcpy(options->texts, parsed->time_zone, zone);
	memcpy(options->texts + zone, parsed->direct.data, parsed->direct.len);
	options->size = size;
	return options;
}

/* Reads the options; NULL stands for all defaults. */
MhubCreditOptions *
mhub_credit_options(Jsonb *json)
{
	Parsed		parsed = {
		.options = {
			.models = DEFAULT_MODELS,.lookback = -1,.lookback_days = -1,.direct_labels = -1,.scale = 2,
			.model = {.half_life = 7 * USECS_PER_DAY,.position = {0.4, 0.2, 0.4},.custom = {0.4, 0.2, 0.4}}
		},
		.time_zone = ""
	};
	JsonbIterator *iterator;
	JsonbValue	value;
	JsonbIteratorToken token;
	char	   *key = NULL;

	initStringInfo(&parsed.direct);
	if (json != NULL)
	{
		if (!JB_ROOT_IS_OBJECT(json))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("attribution options must be a JSON object")));
		iterator = JsonbIteratorInit(&json->root);
		while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		{
			if (token == WJB_KEY)
				key = pnstrdup(value.val.string.val, value.val.string.len);
			else if (token == WJB_VALUE)
				set_option(&parsed, key, &value);
		}
	}
	return flattened(&parsed);
}

/* The size of options that need not be aligned. */
uint32
mhub_credit_options_size(const char *flat)
{
	uint32		size;

	memcpy(&size, flat + offsetof(MhubCreditOptions, size), sizeof(size));
	return size;
}

bool
mhub_is_default_direct(const char *label, int length)
{
	for (size_t i = 0; i < lengthof(default_direct); i++)
	{
		if (strlen(default_direct[i]) == (size_t) length && memcmp(default_direct[i], label, length) == 0)
			return true;
	}
	return false;
}

/* Is it a label of direct traffic? */
bool
mhub_is_direct(const MhubCreditOptions *options, const char *label, int length)
{
	const char *text = options->texts + strlen(options->texts) + 1;

	if (options->direct_labels < 0)
		return mhub_is_default_direct(label, length);
	for (int i = 0; i < options->direct_labels; i++, text += strlen(text) + 1)
	{
		if (strlen(text) == (size_t) length && memcmp(text, label, length) == 0)
			return true;
	}
	return false;
}
