/*
 * split_parts.c
 *	  What a person falls apart into when links are gone: the pure part.
 */
#include "identity/split_parts.h"

#include "identity/union_find.h"

/* Place of an identifier among the members, -1 if it is none */
static int
place_of(const SplitMember *members, int n, int64 identifier_id)
{
	int			low = 0;
	int			high = n - 1;

	while (low <= high)
	{
		int			middle = (low + high) / 2;

		if (members[middle].identifier_id == identifier_id)
			return middle;
		if (members[middle].identifier_id < identifier_id)
			low = middle + 1;
		else
			high = middle - 1;
	}
	return -1;
}

static void
find_parts(SplitMember *members, int n, const int64 (*links)[2], int m)
{
	uint32	   *parent = palloc_extended(sizeof(uint32) * (Size) n, MCXT_ALLOC_HUGE);
	int			i;

	for (i = 0; i < n; i++)
		parent[i] = i;
	for (i = 0; i < m; i++)
	{
		int			a = place_of(members, n, links[i][0]);
		int			b = place_of(members, n, links[i][1]);

		if (a >= 0 && b >= 0)
			union_find_join(parent, a, b);
	}
	for (i = 0; i < n; i++)
		members[i].part = union_find_root(parent, i);
	pfree(parent);
}

/* The part of the oldest identifier that the caller did not name keeps the id; failing that, the oldest. */
static int
keeping_part(const SplitMember *members, int n)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		if (!members[i].named)
			return members[i].part;
	}
	return members[0].part;
}

static int
compare_origin(const void *a, const void *b)
{
	const SplitMember *x = *(const SplitMember *const *) a;
	const SplitMember *y = *(const SplitMember *const *) b;

	if (x->former_person_id != y->former_person_id)
		return x->former_person_id < y->former_person_id ? -1 : 1;
	return x->identifier_id < y->identifier_id ? -1 : 1;
}

/* The part that holds the oldest identifier of a former person may go on as that person. */
static void
take_back_ids(SplitMember *members, int n, SplitPart **by_member)
{
	SplitMember **sorted = palloc_extended(sizeof(SplitMember *) * (Size) n, MCXT_ALLOC_HUGE);
	int			i;

	for (i = 0; i < n; i++)
		sorted[i] = &members[i];
	qsort(sorted, n, sizeof(SplitMember *), compare_origin);
	for (i = 0; i < n; i++)
	{
		int64		former = sorted[i]->former_person_id;
		SplitPart  *part = by_member[sorted[i]->part];

		sorted[i]->oldest = former != 0 && (i == 0 || sorted[i - 1]->former_person_id != former);
		if (sorted[i]->oldest && part->person_id == 0)
		{
			part->person_id = former;
			part->revived = true;
		}
	}
	pfree(sorted);
}

int
split_parts(SplitMember *members, int n, const int64 (*links)[2], int m, int64 person_id, SplitPart **parts)
{
	SplitPart **by_member = palloc_extended(sizeof(SplitPart *) * (Size) n, MCXT_ALLOC_HUGE);
	int			keeper;
	int			nparts = 0;
	int			i;

	find_parts(members, n, links, m);
	keeper = keeping_part(members, n);
	*parts = palloc_extended(sizeof(SplitPart) * (Size) n, MCXT_ALLOC_HUGE);
	for (i = 0; i < n; i++)
	{
		if (members[i].part != i)
			continue;
		by_member[i] = &(*parts)[nparts++];
		*by_member[i] = (SplitPart) {i, i == keeper ? person_id : 0, i == keeper, false};
	}
	take_back_ids(members, n, by_member);
	pfree(by_member);
	return nparts;
}
