/*
 * hub_access.h
 *	  The key tables, reached with their owner's rights.
 */
#ifndef MHUB_PRIVACY_HUB_ACCESS_H
#define MHUB_PRIVACY_HUB_ACCESS_H

#include "common/pgcompat.h"

typedef struct MhubOwnerContext
{
	Oid			user;
	int			security;
} MhubOwnerContext;

extern void mhub_become_owner(const char *table, MhubOwnerContext *saved);
extern void mhub_become_owner_of(Oid table, MhubOwnerContext *saved);
extern void mhub_become_self_again(const MhubOwnerContext *saved);

#endif							/* MHUB_PRIVACY_HUB_ACCESS_H */
