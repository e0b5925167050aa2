/*
 * condition_cache.h
 *	  Compiled conditions, kept per backend by their text.
 */
#ifndef MHUB_CONDITION_CACHE_H
#define MHUB_CONDITION_CACHE_H

#include "condition/condition.h"

/* A compiled condition with room for one open profile. */
typedef struct CachedCondition
{
	MhubCondition *condition;
	MhubProfile profile;
} CachedCondition;

extern CachedCondition *condition_cached(const text *condition);

#endif							/* MHUB_CONDITION_CACHE_H */
