/*
 * id_range.h
 *	  Many ids of a sequence at once.
 */
#ifndef MHUB_ID_RANGE_H
#define MHUB_ID_RANGE_H

#include "common/pgcompat.h"

/* Ids drawn before they are used; where none are left mhub_next_id() draws one */
typedef struct MhubIdRange
{
	Oid			sequence;
	int64		next;
	int64		left;
} MhubIdRange;

/* Draws n ids where that is possible at once; those that are not used are lost. */
extern void mhub_draw_id_range(MhubIdRange *range, int64 n);
extern int64 mhub_next_id(MhubIdRange *range);

#endif							/* MHUB_ID_RANGE_H */
