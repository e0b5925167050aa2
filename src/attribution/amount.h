/*
 * amount.h
 *	  From numeric to exact units.
 */
#ifndef MHUB_AMOUNT_H
#define MHUB_AMOUNT_H

#include "attribution/money.h"

extern MhubAmount mhub_amount_of(Datum numeric, int min_scale);
extern int64 mhub_amount_rescaled(MhubAmount amount, int scale);

#endif							/* MHUB_AMOUNT_H */
