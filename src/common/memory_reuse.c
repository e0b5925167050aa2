/*
 * memory_reuse.c
 *	  Keeping memory that is given back and asked for again and again.
 *
 * The C library returns what is free at the end of the heap to the kernel, and
 * the kernel hands it out again page by page, each zeroed.  Building several
 * indexes in a row, each in a few hundred megabytes, spends a tenth of its time
 * there.
 */
#include "common/memory_reuse.h"

#ifdef __GLIBC__

#include <malloc.h>

/*
 * What the library arrives at by itself once a block of that size has been
 * freed, which is the largest it looks at.  Setting it ends that growing.
 */
#define LARGEST_FROM_HEAP (32 * 1024 * 1024)

void
mhub_memory_begin_reuse(void)
{
	(void) mallopt(M_MMAP_THRESHOLD, LARGEST_FROM_HEAP);
	(void) mallopt(M_TRIM_THRESHOLD, -1);
}

void
mhub_memory_end_reuse(void)
{
	(void) mallopt(M_TRIM_THRESHOLD, LARGEST_FROM_HEAP * 2);
	(void) malloc_trim(0);
}

#else

void
mhub_memory_begin_reuse(void)
{
}

void
mhub_memory_end_reuse(void)
{
}

#endif
