/*
 * flat.h
 *	  Writing structures to bytes and reading them back, without regard to alignment.
 */
#ifndef MHUB_FLAT_H
#define MHUB_FLAT_H

#include "common/pgcompat.h"

static inline void
mhub_flat_put(char **at, const void *data, Size size)
{
	memcpy(*at, data, size);
	*at += size;
}

static inline void
mhub_flat_get(const char **at, void *data, Size size)
{
	memcpy(data, *at, size);
	*at += size;
}

static inline void
mhub_flat_put_int(char **at, int32 value)
{
	mhub_flat_put(at, &value, sizeof(value));
}

static inline int32
mhub_flat_get_int(const char **at)
{
	int32		value;

	mhub_flat_get(at, &value, sizeof(value));
	return value;
}

#endif							/* MHUB_FLAT_H */
