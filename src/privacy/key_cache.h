/*
 * key_cache.h
 *	  A backend's unwrapped person keys: bounded, and wiped when dropped.
 */
#ifndef MHUB_PRIVACY_KEY_CACHE_H
#define MHUB_PRIVACY_KEY_CACHE_H

#include "privacy/key_store.h"

extern const MhubPersonKey *mhub_cached_key(int64 key_id);
extern const MhubPersonKey *mhub_cached_key_of(int64 person_id);
extern const MhubPersonKey *mhub_cache_key(const MhubPersonKey *key);
extern void mhub_key_cache_clear(void);

#endif							/* MHUB_PRIVACY_KEY_CACHE_H */
