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
 * Blocks up to this size come from the heap.  It is what the library arrives at
 * by itself once it has seen one so large freed, and as far as it goes; setting
 * anything ends its own search.
 */
#define LARGEST_FROM_HEAP (32 * 1024 * 1024)

/* The library's own limit to blocks that are not from the heap */
#define MOST_APART 65536

void
mhub_memory_begin_reuse(void)
{
	(void) mallopt(M_MMAP_MAX, 0);
	(void) mallopt(M_TRIM_THRESHOLD, -1);
}

void
mhub_memory_end_reuse(void)
{
	(void) mallopt(M_MMAP_MAX, MOST_APART);
	(void) mallopt(M_MMAP_THRESHOLD, LARGEST_FROM_HEAP);
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
