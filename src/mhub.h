/*
 * mhub.h
 *	  What every room of mhub shares: error codes and the rooms' initialisers.
 */
#ifndef MHUB_H
#define MHUB_H

#include "common/pgcompat.h"

#include "fmgr.h"

/* SQLSTATE class MH: conditions that are mhub's own (doc/errors.md) */
#define ERRCODE_MHUB_NO_KEY MAKE_SQLSTATE('M', 'H', '0', '0', '1')
#define ERRCODE_MHUB_UNKNOWN_EPOCH MAKE_SQLSTATE('M', 'H', '0', '0', '2')
#define ERRCODE_MHUB_KEY_DESTROYED MAKE_SQLSTATE('M', 'H', '0', '0', '3')
#define ERRCODE_MHUB_TAMPERED MAKE_SQLSTATE('M', 'H', '0', '0', '4')
#define ERRCODE_MHUB_BAD_CIPHERTEXT MAKE_SQLSTATE('M', 'H', '0', '0', '5')
#define ERRCODE_MHUB_NO_PURPOSE MAKE_SQLSTATE('M', 'H', '0', '0', '6')
#define ERRCODE_MHUB_HUB_INSTALLED MAKE_SQLSTATE('M', 'H', '0', '1', '0')

#endif							/* MHUB_H */
