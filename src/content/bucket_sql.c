/*
 * bucket_sql.c
 *	  mhub.bucket(), mhub.choose_variant() and their parts.
 */
#include "mhub.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "content/bucket.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(mhub_bucket);
PG_FUNCTION_INFO_V1(mhub_bucket_ranges);
PG_FUNCTION_INFO_V1(mhub_choose_variation);
PG_FUNCTION_INFO_V1(mhub_choose_variant);

#define MOST_VARIANTS 1000

/* A text as UTF-8. */
typedef struct Utf8
{
	const char *data;
	int			length;
} Utf8;

static Utf8
to_utf8(const text *value)
{
	Utf8		utf8 = {VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)};
	char	   *converted = pg_server_to_any(utf8.data, utf8.length, PG_UTF8);

	if (converted != utf8.data)
	{
		utf8.data = converted;
		utf8.length = strlen(converted);
	}
	return utf8;
}

static bool
is_utf16(const text *encoding)
{
	const char *name = text_to_cstring(encoding);

	if (pg_strcasecmp(name, "utf16") == 0)
		return true;
	if (pg_strcasecmp(name, "utf8") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown encoding \"%s\" for a bucket", name),
				 errhint("Use utf8, or utf16 to agree with JavaScript SDKs for ids that are not ASCII.")));
	return false;
}

static double
bucket(const text *seed, const text *unit, int version, const text *encoding)
{
	Utf8		s = to_utf8(seed);
	Utf8		u = to_utf8(unit);

	return mhub_bucket_of(s.data, s.length, u.data, u.length, version, is_utf16(encoding));
}

Datum
mhub_bucket(PG_FUNCTION_ARGS)
{
	double		result = bucket(PG_GETARG_TEXT_PP(0), PG_GETARG_TEXT_PP(1), PG_GETARG_INT32(2), PG_GETARG_TEXT_PP(3));

	if (isnan(result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result);
}

/* The numbers of a one-dimensional array without nulls. */
static double *
get_numbers(ArrayType *array, int *count)
{
	*count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (ARR_NDIM(array) > 1 || array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weights must be a one-dimensional array without NULL")));
	return (double *) ARR_DATA_PTR(array);
}

static void
check_variants(int variants)
{
	if (variants > MOST_VARIANTS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%d variants are too many", variants),
				 errdetail("At most %d are allowed.", MOST_VARIANTS)));
}

Datum
mhub_bucket_ranges(PG_FUNCTION_ARGS)
{
	BucketRange ranges[MOST_VARIANTS];
	Datum		values[2 * MOST_VARIANTS];
	int			variants;
	int			nweights = 0;
	double	   *weights = NULL;
	int			dims[2];
	int			lower[2] = {1, 1};

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	variants = PG_GETARG_INT32(0);
	check_variants(variants);
	if (variants <= 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(FLOAT8OID));
	if (!PG_ARGISNULL(2))
		weights = get_numbers(PG_GETARG_ARRAYTYPE_P(2), &nweights);
	mhub_bucket_ranges_of(variants, PG_GETARG_FLOAT8(1), weights, nweights, ranges);
	for (int i = 0; i < variants; i++)
	{
		values[2 * i] = Float8GetDatum(ranges[i].start);
		values[2 * i + 1] = Float8GetDatum(ranges[i].end);
	}
	dims[0] = variants;
	dims[1] = 2;
	PG_RETURN_ARRAYTYPE_P(construct_md_array(values, NULL, 2, dims, lower, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, 'd'));
}

Datum
mhub_choose_variation(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(1);

	if (ARR_NDIM(array) == 0)
		PG_RETURN_INT32(-1);
	if (ARR_NDIM(array) != 2 || ARR_DIMS(array)[1] != 2 || array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ranges must be an array of pairs {start, end}")));
	PG_RETURN_INT32(mhub_choose_range(PG_GETARG_FLOAT8(0), (BucketRange *) ARR_DATA_PTR(array), ARR_DIMS(array)[0]));
}

Datum
mhub_choose_variant(PG_FUNCTION_ARGS)
{
	text	   *unit = PG_GETARG_TEXT_PP(1);
	int			variants;
	double	   *weights = get_numbers(PG_GETARG_ARRAYTYPE_P(2), &variants);
	BucketRange ranges[MOST_VARIANTS];
	double		position;
	int			chosen;

	check_variants(variants);
	/* Nobody in particular is in no experiment. */
	if (VARSIZE_ANY_EXHDR(unit) == 0)
		PG_RETURN_NULL();
	position = bucket(PG_GETARG_TEXT_PP(0), unit, PG_GETARG_INT32(4), PG_GETARG_TEXT_PP(5));
	if (isnan(position))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown hash version %d", PG_GETARG_INT32(4)),
				 errhint("Versions are 1 and 2.")));
	mhub_bucket_ranges_of(variants, PG_GETARG_FLOAT8(3), weights, variants, ranges);
	chosen = mhub_choose_range(position, ranges, variants);
	if (chosen < 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(chosen);
}
