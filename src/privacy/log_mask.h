/*
 * log_mask.h
 *	  Keeping personal data out of the server's log.
 */
#ifndef MHUB_PRIVACY_LOG_MASK_H
#define MHUB_PRIVACY_LOG_MASK_H

extern bool mhub_statement_is_masked(const char *statement);
extern void mhub_log_mask_init(void);

#endif							/* MHUB_PRIVACY_LOG_MASK_H */
