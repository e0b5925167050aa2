/*
 * version.h
 *	  Order of version numbers (semver.org 2.0.0, read generously).
 */
#ifndef MHUB_CONDITION_VERSION_H
#define MHUB_CONDITION_VERSION_H

#include "common/pgcompat.h"

#define CONDITION_VERSION_MAX 255

extern bool condition_is_version(const char *text, int length);
extern int	condition_compare_versions(const char *a, int a_length, const char *b, int b_length);

#endif							/* MHUB_CONDITION_VERSION_H */
