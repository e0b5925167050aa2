/*
 * access_log.h
 *	  Who read whose personal data, and why: mhub.access_log.
 */
#ifndef MHUB_PRIVACY_ACCESS_LOG_H
#define MHUB_PRIVACY_ACCESS_LOG_H

#include "common/pgcompat.h"

/* Setting mhub.purpose, defined in privacy.c */
extern char *mhub_purpose;

extern void mhub_require_purpose(const char *function);
extern void mhub_log_access(const char *action, const char *purpose, const char *column_name,
							int64 person_id);
extern void mhub_access_log_init(void);

#endif							/* MHUB_PRIVACY_ACCESS_LOG_H */
