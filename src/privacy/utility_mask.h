/*
 * utility_mask.h
 *	  Keeping personal data out of what others record of utility statements.
 */
#ifndef MHUB_PRIVACY_UTILITY_MASK_H
#define MHUB_PRIVACY_UTILITY_MASK_H

#include "common/pgcompat.h"

extern void mhub_utility_mask_init(void);

#endif							/* MHUB_PRIVACY_UTILITY_MASK_H */
