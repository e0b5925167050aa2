/*
 * privacy.h
 *	  Sealing personal data: what other rooms use of the privacy room.
 *
 * Text goes in and comes out in the database's encoding.  Without a key every
 * function that needs one raises MH001 with the two shell lines that make one.
 */
#ifndef MHUB_PRIVACY_H
#define MHUB_PRIVACY_H

#include "common/pgcompat.h"

#include "privacy/normalise.h"

/* Version byte and 16 bytes of HMAC-SHA256 */
#define MHUB_BLIND_INDEX_LEN 17

/* Persons whose keys are made ready at once; the cache holds at least so many */
#define MHUB_KEY_BATCH 512

/* Which key of the keyring a blind index hangs on */
typedef enum MhubIndexKey
{
	MHUB_INDEX_KEY,				/* look-ups; its rows go when the person is erased */
	MHUB_SUPPRESS_KEY			/* suppression list; survives erasure */
} MhubIndexKey;

/* True when mhub.key_file or mhub.key_command is set (not: that it works). */
extern bool mhub_key_source_set(void);

/*
 * The normalised text, or NULL when value is not what the normaliser is for
 * (an address without @, a telephone number nobody can have, an empty id).
 */
extern char *mhub_normalise(MhubNormaliser normaliser, const char *value);

/*
 * Blind index of an already normalised value.  domain keeps equal values of
 * different kinds apart; for identifiers it is the kind's name.  The hex form
 * is what mhub.identifier.value holds for a pii kind.
 */
extern void mhub_blind_index_bytes(MhubIndexKey key, const char *normalised,
								   const char *domain, uint8 out[MHUB_BLIND_INDEX_LEN]);
extern char *mhub_blind_index_hex(const char *normalised, const char *domain);

/*
 * Makes sure that each of at most MHUB_KEY_BATCH persons has a key, in two or
 * three statements for all of them; sealing for them then needs none.  A
 * person's key is otherwise created when a value is first sealed for it.
 * Should one of them have been erased, that one is returned (0: none) and
 * nobody gets a key; sealing for it would raise MH003.
 */
extern int64 mhub_prepare_person_keys(const int64 *persons, int n);

/*
 * Seals a value of mhub.enc_column.name column_name under the person's key.
 * row_key, if not NULL, is the key of the row that the value shall not leave:
 * opening it takes the same.
 */
extern bytea *mhub_seal(const char *value, int64 person_id, const char *column_name);
extern bytea *mhub_seal_in_row(const char *value, int64 person_id, const char *column_name, const char *row_key);

/* Seals a secret of the hub itself (a provider's token, say): no person's erasure touches it. */
extern bytea *mhub_seal_secret(const char *value, const char *column_name);

/*
 * Opens what either of them sealed.  NULL when the person's key is destroyed;
 * MH004 when value or column were tampered with; MH002, MH005 as named in
 * doc/privacy.md.  It neither asks for mhub.purpose nor logs: that is
 * mhub.decrypt()'s, for people; rooms use this to do their own work.
 */
extern char *mhub_open(const bytea *sealed, const char *column_name);
extern char *mhub_open_in_row(const bytea *sealed, const char *column_name, const char *row_key);

/* The person whose key seals the value (as recorded at creation; resolve merges yourself), 0 for secrets. */
extern int64 mhub_sealed_for(const bytea *sealed);

extern void mhub_privacy_init(void);

#endif							/* MHUB_PRIVACY_H */
