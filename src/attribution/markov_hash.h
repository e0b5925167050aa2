/*
 * markov_hash.h
 *	  The hash table of transitions.
 */
#ifndef MHUB_MARKOV_HASH_H
#define MHUB_MARKOV_HASH_H

#include "attribution/markov.h"

#include "common/hashfn.h"

#define SH_PREFIX transition
#define SH_ELEMENT_TYPE MhubTransition
#define SH_KEY_TYPE uint64
#define SH_KEY key
#define SH_HASH_KEY(table, key) ((uint32) murmurhash32((uint32) (key) ^ (murmurhash32((uint32) ((key) >> 32)) + 1)))
#define SH_EQUAL(table, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

#endif							/* MHUB_MARKOV_HASH_H */
