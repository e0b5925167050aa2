/*
 * normalise.h
 *	  One spelling for each e-mail address, telephone number and id.
 */
#ifndef MHUB_PRIVACY_NORMALISE_H
#define MHUB_PRIVACY_NORMALISE_H

#include "common/pgcompat.h"

/* Goes into every blind index: raise it when a rule below changes an answer. */
#define MHUB_NORMALISER_VERSION 1

typedef enum MhubNormaliser
{
	MHUB_NORMALISE_EXACT,
	MHUB_NORMALISE_EMAIL,
	MHUB_NORMALISE_PHONE,
	MHUB_NORMALISE_LOWER
} MhubNormaliser;

/* Neither begins nor ends with what might be white space, so there is nothing to trim */
static inline bool
mhub_is_trimmed(const char *value, size_t len)
{
	return len > 0 && value[0] > ' ' && value[0] < 0x7F && value[len - 1] > ' ' && value[len - 1] < 0x7F;
}

extern bool mhub_normaliser_named(const char *name, MhubNormaliser *normaliser);
extern char *mhub_normalise_utf8(MhubNormaliser normaliser, const char *value, size_t len,
								 const char *country);
extern bool mhub_country_known(const char *country);

/* Setting mhub.default_country, defined in privacy.c */
extern char *mhub_default_country;

/* telephone.c */
extern char *mhub_phone_e164(const char *digits_and_signs, const char *country);

#endif							/* MHUB_PRIVACY_NORMALISE_H */
