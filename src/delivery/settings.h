/*
 * settings.h
 *	  Settings of the delivery room.
 */
#ifndef MHUB_DELIVERY_SETTINGS_H
#define MHUB_DELIVERY_SETTINGS_H

#include "common/pgcompat.h"

#include "delivery/address_guard.h"

extern int	mhub_delivery_concurrency;
extern int	mhub_delivery_lease;

extern void settings_address_guard(AddressGuard *guard);
extern const char *settings_ca_file(void);
extern void mhub_delivery_init(void);

#endif							/* MHUB_DELIVERY_SETTINGS_H */
