/*
 * money.c
 *	  Exact amounts: decimal text to integer units, and shares that sum up.
 *
 * Pure: no SPI, no fmgr.
 */
#include "attribution/money.h"

#include <math.h>

#include "common/int.h"

static bool
append_digit(int64 *units, int digit)
{
	return !pg_mul_s64_overflow(*units, 10, units) && !pg_add_s64_overflow(*units, digit, units);
}

/*
 * Reads a decimal number as numeric_out writes it.  The scale is the number of
 * its decimals without trailing zeros, at least min_scale.  False when it does
 * not fit (NaN, infinity, or more than 18 digits).
 */
bool
mhub_amount_parse(const char *text, int min_scale, MhubAmount *amount)
{
	bool		negative = *text == '-';
	bool		decimals = false;
	const char *end = text + strlen(text);
	int64		units = 0;
	int			scale = 0;

	if (strchr(text, '.') != NULL)
	{
		while (end[-1] == '0')
			end--;
	}
	for (text += negative; text < end; text++)
	{
		if (*text == '.')
		{
			decimals = true;
			continue;
		}
		if (*text < '0' || *text > '9' || !append_digit(&units, *text - '0'))
			return false;
		scale += decimals;
	}
	for (; scale < min_scale; scale++)
	{
		if (!append_digit(&units, 0))
			return false;
	}
	amount->units = negative ? -units : units;
	amount->scale = scale;
	return scale <= MHUB_MONEY_MAX_SCALE;
}

/* What rounding a part down took away, in billionths of a cent: coarse enough to hide a double's noise. */
typedef struct Remainder
{
	int32		lost;
	int32		part;
} Remainder;

static inline int
larger_first(const Remainder *a, const Remainder *b)
{
	if (a->lost != b->lost)
		return a->lost > b->lost ? -1 : 1;
	return a->part > b->part ? -1 : a->part < b->part;
}

#define ST_SORT sort_remainders
#define ST_ELEMENT_TYPE Remainder
#define ST_COMPARE(a, b) larger_first(a, b)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

static int
greatest_weight(const double *weights, int n)
{
	int			best = n - 1;

	for (int i = n - 2; i >= 0; i--)
	{
		if (weights[i] > weights[best])
			best = i;
	}
	return best;
}

/* Gives the cents that rounding down left over to the largest remainders, one each; among equals to the later part. */
static int64
give_back(int64 left, Remainder *remainders, int n, int64 *parts)
{
	if (left > 0)
		sort_remainders(remainders, n);
	for (int i = 0; i < n && left > 0 && remainders[i].lost >= 0; i++, left--)
		parts[remainders[i].part]++;
	return left;
}

static void
split_cents(int64 cents, const double *weights, int n, Remainder *remainders, int64 *parts)
{
	int64		left = cents;

	for (int i = 0; i < n; i++)
	{
		double		exact = (double) cents * weights[i];
		double		whole = floor(exact);

		parts[i] = (int64) whole;
		left -= parts[i];
		remainders[i].lost = weights[i] == 0 ? -1 : (int32) rint((exact - whole) * 1e9);
		remainders[i].part = i;
	}
	left = give_back(left, remainders, n, parts);
	/* Beyond 2^53 cents a double's own error exceeds a cent a part, either way. */
	parts[greatest_weight(weights, n)] += left;
}

/*
 * Splits an amount by weights that sum to 1, with the largest-remainder
 * method: each part is a whole number of cents (10^-cent_scale), and the parts
 * sum to the amount exactly.  What the amount has below a cent goes to the
 * part of greatest weight.  The parts are in units of the amount's scale,
 * which must be at least cent_scale.  A part of weight 0 stays 0.
 */
void
mhub_money_split(MhubAmount amount, int cent_scale, const double *weights, int n, int64 *parts)
{
	int64		cent = 1;
	int64		cents;
	int			best = greatest_weight(weights, n);
	Remainder	few[32];
	Remainder  *remainders;

	if (weights[best] == 1)
	{
		memset(parts, 0, sizeof(int64) * n);
		parts[best] = amount.units;
		return;
	}
	remainders = n <= (int) lengthof(few) ? few : palloc_extended(sizeof(Remainder) * n, MCXT_ALLOC_HUGE);

	for (int i = amount.scale; i > cent_scale; i--)
		cent *= 10;
	/* Division truncates towards zero and magnitudes are split, so that a refund mirrors its sale exactly. */
	cents = amount.units / cent;
	split_cents(cents < 0 ? -cents : cents, weights, n, remainders, parts);
	for (int i = 0; i < n; i++)
		parts[i] *= cents < 0 ? -cent : cent;
	parts[best] += amount.units % cent;
	if (remainders != few)
		pfree(remainders);
}
