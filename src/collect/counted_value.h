/*
 * counted_value.h
 *	  What an event's value adds to sums of values.
 */
#ifndef MHUB_COUNTED_VALUE_H
#define MHUB_COUNTED_VALUE_H

#include "common/pgcompat.h"

#include "datatype/timestamp.h"
#include "utils/numeric.h"

/* The value in the hub's currency; as it is without a rate, a currency or (NULL) a value.  In the caller's memory. */
extern Numeric mhub_value_counted(Numeric value, const char *currency, TimestampTz at);

#endif							/* MHUB_COUNTED_VALUE_H */
