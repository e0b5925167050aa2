/*
 * glob.h
 *	  Shell patterns for short words: * ? [abc] [!a-z].
 */
#ifndef MHUB_GLOB_H
#define MHUB_GLOB_H

#include "common/pgcompat.h"

extern bool mhub_glob_match(const char *pattern, const char *text);

#endif							/* MHUB_GLOB_H */
