/*
 * numeric_double.h
 *	  Small numerics as doubles, at a fraction of numeric_out() and strtod().
 */
#ifndef MHUB_NUMERIC_DOUBLE_H
#define MHUB_NUMERIC_DOUBLE_H

#include "common/pgcompat.h"

#include "utils/numeric.h"

/*
 * The double nearest to a number of few digits, which tells it from all other
 * such numbers.  False for any other number: it has to go through its text.
 */
extern bool mhub_small_numeric(Numeric numeric, double *number);

#endif							/* MHUB_NUMERIC_DOUBLE_H */
