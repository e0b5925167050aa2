/*
 * marked_event.c
 *	  An event reduced to its time and the conditions it meets.
 */
#include "attribution/marked_event.h"

static int
compare_events(const void *a, const void *b)
{
	const MhubMarkedEvent *left = a;
	const MhubMarkedEvent *right = b;

	if (left->at != right->at)
		return left->at < right->at ? -1 : 1;
	return left->marks < right->marks ? -1 : left->marks > right->marks;
}

void
mhub_sort_marked_events(MhubMarkedEvent *events, int n)
{
	for (int i = 1; i < n; i++)
	{
		if (compare_events(&events[i - 1], &events[i]) > 0)
		{
			qsort(events, n, sizeof(MhubMarkedEvent), compare_events);
			return;
		}
	}
}
