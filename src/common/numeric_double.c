/*
 * numeric_double.c
 *	  Small numerics as doubles.
 *
 * Reads the short form that numerics have on disk: a word with flags, sign,
 * display scale and weight, then digits to the base of 10,000, the first of
 * which counts 10,000 to the power of the weight.  That form outlives
 * releases, for pg_upgrade keeps data as it is.
 */
#include "common/numeric_double.h"

#define FORM_MASK 0xC000
#define SHORT_FORM 0x8000
#define SHORT_SIGN 0x2000
#define SHORT_WEIGHT_SIGN 0x0040
#define SHORT_WEIGHT 0x003F
#define BASE 10000

/* Three digits are below 10 to the power of 12, which a double holds exactly, and so is what they are divided by. */
#define MOST_DIGITS 3

bool
mhub_small_numeric(Numeric numeric, double *number)
{
	const char *data = VARDATA_ANY(numeric);
	int			ndigits = (int) (VARSIZE_ANY_EXHDR(numeric) / sizeof(uint16)) - 1;
	uint16		header;
	int			weight;
	double		whole = 0;
	double		divisor = 1;

	memcpy(&header, data, sizeof(header));
	if ((header & FORM_MASK) != SHORT_FORM || ndigits > MOST_DIGITS)
		return false;
	weight = (int) (header & SHORT_WEIGHT) - ((header & SHORT_WEIGHT_SIGN) ? SHORT_WEIGHT + 1 : 0);
	if (weight >= MOST_DIGITS || weight < -1)
		return false;
	for (int i = 0; i < Max(ndigits, weight + 1); i++)
	{
		int16		digit = 0;

		if (i < ndigits)
			memcpy(&digit, data + (i + 1) * sizeof(digit), sizeof(digit));
		whole = whole * BASE + digit;
		if (i > weight)
			divisor *= BASE;
	}
	/* one rounding, of a quotient of two exact numbers: the nearest double */
	*number = (header & SHORT_SIGN) ? -whole / divisor : whole / divisor;
	return true;
}
