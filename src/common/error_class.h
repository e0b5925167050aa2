/*
 * error_class.h
 *	  What an error is about, by its code.
 */
#ifndef MHUB_ERROR_CLASS_H
#define MHUB_ERROR_CLASS_H

#include "common/pgcompat.h"

/*
 * Whether an error may be about somebody's data, so that it is worth going on
 * without: values, constraints, limits, and what triggers raise.  Others concern
 * everybody.
 */
extern bool mhub_error_is_about_data(int sqlerrcode);

#endif							/* MHUB_ERROR_CLASS_H */
