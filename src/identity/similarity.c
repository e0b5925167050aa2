/*
 * similarity.c
 *	  How alike two words are: the Jaro-Winkler similarity.
 *
 * Winkler, "String Comparator Metrics and Enhanced Decision Rules in the
 * Fellegi-Sunter Model of Record Linkage", 1990.
 */
#include "identity/similarity.h"

#include "miscadmin.h"

#define PREFIX_SCALE 0.1
#define PREFIX_MAX 4

/*
 * Marks the characters that a and b have in common, each at most half the
 * longer word away from its counterpart; returns how many.
 */
static int
mark_common(const pg_wchar *a, int na, const pg_wchar *b, int nb, bool *in_a, bool *in_b)
{
	int			reach = Max(Max(na, nb) / 2 - 1, 0);
	int			common = 0;

	for (int i = 0; i < na; i++)
	{
		int			last = Min(nb - 1, i + reach);

		CHECK_FOR_INTERRUPTS(); /* the time grows with the product of the lengths */
		for (int j = Max(0, i - reach); j <= last; j++)
		{
			if (in_b[j] || a[i] != b[j])
				continue;
			in_a[i] = in_b[j] = true;
			common++;
			break;
		}
	}
	return common;
}

/* Common characters that come in another order, counted twice */
static int
out_of_order(const pg_wchar *a, int na, const pg_wchar *b, const bool *in_a, const bool *in_b)
{
	int			n = 0;
	int			j = 0;

	for (int i = 0; i < na; i++)
	{
		if (!in_a[i])
			continue;
		while (!in_b[j])
			j++;
		if (a[i] != b[j])
			n++;
		j++;
	}
	return n;
}

static int
common_prefix(const pg_wchar *a, int na, const pg_wchar *b, int nb)
{
	int			n = 0;

	while (n < na && n < nb && n < PREFIX_MAX && a[n] == b[n])
		n++;
	return n;
}

double
jaro_winkler(const pg_wchar *a, int na, const pg_wchar *b, int nb)
{
	bool	   *in_a;
	bool	   *in_b;
	double		common;
	double		jaro;

	if (na == 0 || nb == 0)
		return na == nb ? 1 : 0;
	in_a = palloc0(na + nb);
	in_b = in_a + na;
	common = mark_common(a, na, b, nb, in_a, in_b);
	if (common == 0)
		jaro = 0;
	else
		jaro = (common / na + common / nb +
				(common - out_of_order(a, na, b, in_a, in_b) / 2) / common) / 3;
	pfree(in_a);
	return jaro + common_prefix(a, na, b, nb) * PREFIX_SCALE * (1 - jaro);
}
