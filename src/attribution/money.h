/*
 * money.h
 *	  Exact amounts: decimal text to integer units, and shares that sum up.
 */
#ifndef MHUB_MONEY_H
#define MHUB_MONEY_H

#include "common/pgcompat.h"

/* An amount is units * 10^-scale. */
typedef struct MhubAmount
{
	int64		units;
	int			scale;
} MhubAmount;

#define MHUB_MONEY_MAX_SCALE 18

extern bool mhub_amount_parse(const char *text, int min_scale, MhubAmount *amount);
extern void mhub_money_split(MhubAmount amount, int cent_scale, const double *weights, int n, int64 *parts);

#endif							/* MHUB_MONEY_H */
