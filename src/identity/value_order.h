/*
 * value_order.h
 *	  Sorting many values, bytewise.
 */
#ifndef MHUB_IDENTITY_VALUE_ORDER_H
#define MHUB_IDENTITY_VALUE_ORDER_H

#include "common/pgcompat.h"

typedef struct OrderedValue
{
	const char *value;			/* ends with a zero */
	int			tie;			/* decides between equal values */
	int			number;			/* the caller's */
	uint64		part;			/* for value_order.c */
} OrderedValue;

extern void sort_values(OrderedValue *values, int n);
extern int *numbers_of_values(const OrderedValue *values, int n);

#endif							/* MHUB_IDENTITY_VALUE_ORDER_H */
