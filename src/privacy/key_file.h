/*
 * key_file.h
 *	  The epoch keys, which live outside the database.
 */
#ifndef MHUB_PRIVACY_KEY_FILE_H
#define MHUB_PRIVACY_KEY_FILE_H

#include "common/pgcompat.h"

/* Settings, defined in privacy.c */
extern char *mhub_key_file;
extern char *mhub_key_command;

extern bool mhub_key_source_set(void);
extern const uint8 *mhub_epoch_key(uint32 epoch);
extern const uint8 *mhub_newest_epoch(uint32 *epoch);
extern int	mhub_epochs(const uint32 **epochs);
extern void mhub_forget_epochs(void);

#endif							/* MHUB_PRIVACY_KEY_FILE_H */
