/*
 * similarity.h
 *	  How alike two words are: the Jaro-Winkler similarity.
 */
#ifndef MHUB_IDENTITY_SIMILARITY_H
#define MHUB_IDENTITY_SIMILARITY_H

#include "common/pgcompat.h"

#include "mb/pg_wchar.h"

/* 0 nothing in common, 1 the same; of characters, not bytes */
extern double jaro_winkler(const pg_wchar *a, int na, const pg_wchar *b, int nb);

#endif							/* MHUB_IDENTITY_SIMILARITY_H */
