/*
 * marked_event.c
 *	  An event reduced to its time and the conditions it meets.
 */
#include "attribution/marked_event.h"

static inline int
compare_events(const MhubMarkedEvent *a, const MhubMarkedEvent *b)
{
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return a->marks < b->marks ? -1 : a->marks > b->marks;
}

#define ST_SORT sort_events
#define ST_ELEMENT_TYPE MhubMarkedEvent
#define ST_COMPARE(a, b) compare_events(a, b)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

void
mhub_sort_marked_events(MhubMarkedEvent *events, int n)
{
	sort_events(events, n);
}
