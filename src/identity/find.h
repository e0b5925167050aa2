/*
 * find.h
 *	  Looking identifiers up without writing anything.
 */
#ifndef MHUB_IDENTITY_FIND_H
#define MHUB_IDENTITY_FIND_H

#include "common/pgcompat.h"

typedef struct FoundIdentifier
{
	int64		identifier_id;	/* 0: never seen, or a value that identifies nobody */
	int64		person_id;
} FoundIdentifier;

/* Normalises the value and looks it up.  Needs no SPI connection and works within one. */
extern FoundIdentifier identity_find(const char *kind, int kind_length, const char *value, int value_length);

#endif							/* MHUB_IDENTITY_FIND_H */
