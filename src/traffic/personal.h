/*
 * personal.h
 *	  Does a value in an address look like personal data or a secret?
 */
#ifndef MHUB_PERSONAL_H
#define MHUB_PERSONAL_H

#include "common/pgcompat.h"

extern bool mhub_name_is_personal(const char *name);
extern bool mhub_value_is_email(const char *value);
extern bool mhub_value_is_secret(const char *value);
extern bool mhub_value_is_personal(const char *value);
extern bool mhub_segment_is_personal(const char *segment);

#endif							/* MHUB_PERSONAL_H */
