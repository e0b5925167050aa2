/*
 * memory_reuse.h
 *	  Keeping memory that is given back and asked for again and again.
 */
#ifndef MHUB_MEMORY_REUSE_H
#define MHUB_MEMORY_REUSE_H

#include "common/pgcompat.h"

/* From here on what is freed stays with the process; errors in between must not keep the end from being reached. */
extern void mhub_memory_begin_reuse(void);
extern void mhub_memory_end_reuse(void);

#endif							/* MHUB_MEMORY_REUSE_H */
