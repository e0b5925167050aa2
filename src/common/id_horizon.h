/*
 * id_horizon.h
 *	  Ids in order, and the horizon below which all of them are settled.
 */
#ifndef MHUB_ID_HORIZON_H
#define MHUB_ID_HORIZON_H

#include "common/pgcompat.h"

#include "storage/lock.h"

/* Declare it static; held is for id_horizon.c. */
typedef struct MhubIdSource
{
	const char *sequence;		/* in schema mhub */
	uint32		lock_class;		/* first key of two-key advisory locks, one of its own for each source */
	const char *horizon_function;	/* for error messages */
	LOCKTAG		held;
} MhubIdSource;

extern void mhub_draw_ids(MhubIdSource *source, int64 *ids, int n);
extern int64 mhub_id_horizon(const MhubIdSource *source);

#endif							/* MHUB_ID_HORIZON_H */
