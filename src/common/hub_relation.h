/*
 * hub_relation.h
 *	  Tables and sequences of schema mhub by their names.
 */
#ifndef MHUB_HUB_RELATION_H
#define MHUB_HUB_RELATION_H

#include "common/pgcompat.h"

/* InvalidOid: there is none */
extern Oid	mhub_find_relation(const char *name);

/* An error that says what to do when there is no hub */
extern Oid	mhub_relation(const char *name);

#endif							/* MHUB_HUB_RELATION_H */
