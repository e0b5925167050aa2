/*
 * split_amount.c
 *	  mhub.split_amount(): an amount in parts that sum up, from SQL.
 */
#include "mhub.h"

#include <math.h>

#include "attribution/amount.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

PG_FUNCTION_INFO_V1(mhub_split_amount);

/* The shares, scaled to sum to 1. */
static double *
read_shares(ArrayType *array, int *n)
{
	Datum	   *elements;
	bool	   *nulls;
	double	   *shares;
	double		sum = 0;
	bool		valid = true;

	deconstruct_array(array, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &elements, &nulls, n);
	shares = palloc_extended(sizeof(double) * Max(*n, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < *n; i++)
	{
		shares[i] = nulls[i] ? -1 : DatumGetFloat8(elements[i]);
		valid = valid && shares[i] >= 0;
		sum += shares[i];
	}
	if (!valid || !(sum > 0) || isinf(sum))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("shares must be non-negative numbers, and not all 0")));
	for (int i = 0; i < *n; i++)
		shares[i] /= sum;
	return shares;
}

Datum
mhub_split_amount(PG_FUNCTION_ARGS)
{
	int			scale = PG_GETARG_INT32(2);
	int			n;
	double	   *shares;
	MhubAmount	amount;
	int64	   *parts;
	Datum	   *result;

	if (scale < 0 || scale > 9)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("scale %d is not within 0 and 9", scale)));
	amount = mhub_amount_of(PG_GETARG_DATUM(0), scale);
	shares = read_shares(PG_GETARG_ARRAYTYPE_P(1), &n);
	parts = palloc_extended(sizeof(int64) * n, MCXT_ALLOC_HUGE);
	result = palloc_extended(sizeof(Datum) * n, MCXT_ALLOC_HUGE);
	mhub_money_split(amount, scale, shares, n, parts);
	for (int i = 0; i < n; i++)
		result[i] = NumericGetDatum(int64_div_fast_to_numeric(parts[i], amount.scale));
	PG_RETURN_ARRAYTYPE_P(construct_array(result, n, NUMERICOID, -1, false, TYPALIGN_INT));
}
