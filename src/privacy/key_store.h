/*
 * key_store.h
 *	  Keys that live wrapped in the hub's tables: keyring and person keys.
 */
#ifndef MHUB_PRIVACY_KEY_STORE_H
#define MHUB_PRIVACY_KEY_STORE_H

#include "privacy/crypto.h"
#include "privacy/privacy.h"

/* A person's key, unwrapped.  A pointer to one is valid until the next catalog access. */
typedef struct MhubPersonKey
{
	int64		key_id;
	int64		person_id;		/* whom it was created for */
	bool		destroyed;
	uint8		dek[MHUB_KEY_LEN];
} MhubPersonKey;

#define MHUB_KEYRING_VERSION 1
#define MHUB_PERSON_KEY_VERSION 1

/* person_key.c */
extern const MhubPersonKey *mhub_key_of_person(int64 person_id);
extern const MhubPersonKey *mhub_person_key(int64 key_id);
extern void mhub_wrap_person_key(int64 key_id, uint32 *epoch, const uint8 *dek, uint8 *wrapped);
extern void mhub_unwrap_person_key(int64 key_id, uint32 epoch, const bytea *wrapped, uint8 *dek);

/* keyring.c */
extern MhubHmac *mhub_index_hmac(MhubIndexKey key);
extern const uint8 *mhub_secret_key(void);
extern void mhub_wrap_keyring_key(const char *purpose, int32 version, uint32 *epoch, const uint8 *key, uint8 *wrapped);
extern void mhub_unwrap_keyring_key(const char *purpose, int32 version, uint32 epoch, const bytea *wrapped, uint8 *key);
extern void mhub_keyring_clear(void);

/* column.c */
typedef struct MhubEncColumn
{
	int32		id;
	bool		padded;
} MhubEncColumn;

extern MhubEncColumn mhub_column(const char *name);
extern void mhub_columns_clear(void);

/* key_store.c */
typedef enum MhubWatched
{
	MHUB_WATCH_PERSON_KEY,
	MHUB_WATCH_KEYRING,
	MHUB_WATCH_COLUMN,
	MHUB_WATCHED
} MhubWatched;

extern void mhub_watch(MhubWatched which, Oid table);
extern uint64 mhub_key_generation(void);
extern void mhub_keys_uncommitted(void);
extern void mhub_key_store_init(void);

#endif							/* MHUB_PRIVACY_KEY_STORE_H */
