/*
 * person_lock.h
 *	  Locks on persons, in a bounded number of buckets.
 */
#ifndef MHUB_IDENTITY_PERSON_LOCK_H
#define MHUB_IDENTITY_PERSON_LOCK_H

#include "common/pgcompat.h"

/* The locks that one attempt took and had not held before */
typedef struct PersonLocks
{
	int			n;
	uint32	   *buckets;
} PersonLocks;

extern void person_lock(const int64 *persons, int n, PersonLocks *taken);
extern void person_unlock(PersonLocks *taken);

#endif							/* MHUB_IDENTITY_PERSON_LOCK_H */
