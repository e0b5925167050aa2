/*
 * plan.c
 *	  Which identifiers become one person: the pure part of identity.
 */
#include "identity/plan.h"

/* The plan grows beyond the nodes that are expected, should there be more. */
void
plan_init(MergePlan *plan, const PlanLimit *limits, int expected)
{
	memset(plan, 0, sizeof(*plan));
	plan->limits = limits;
	plan->plain = true;
	plan->capacity = Max(expected, 1);
	plan->nodes = palloc_extended(sizeof(PlanNode) * (Size) plan->capacity, MCXT_ALLOC_HUGE);
	plan->parents = palloc_extended(sizeof(int) * (Size) plan->capacity, MCXT_ALLOC_HUGE);
}

/* For a new plan in its place; tallies go with their memory context. */
void
plan_free(MergePlan *plan)
{
	if (plan->nodes == NULL)
		return;
	pfree(plan->nodes);
	pfree(plan->parents);
	plan->nodes = NULL;
}

int
plan_add_node(MergePlan *plan, int64 person_id, int size)
{
	PlanNode   *node;

	if (plan->nnodes == plan->capacity)
	{
		plan->capacity *= 2;
		plan->nodes = repalloc_huge(plan->nodes, sizeof(PlanNode) * (Size) plan->capacity);
		plan->parents = repalloc_huge(plan->parents, sizeof(int) * (Size) plan->capacity);
	}
	plan->parents[plan->nnodes] = plan->nnodes;
	node = &plan->nodes[plan->nnodes];
	memset(node, 0, sizeof(*node));
	node->person_id = person_id;
	node->size = size;
	plan->plain &= person_id == 0;
	return plan->nnodes++;
}

static PlanTally *
tally_of(const PlanNode *node, int kind)
{
	int			i;

	for (i = 0; node->tallies != NULL && i < node->tallies->n; i++)
	{
		if (node->tallies->tallies[i].kind == kind)
			return &node->tallies->tallies[i];
	}
	return NULL;
}

static PlanTally *
add_tally(PlanNode *node, int kind)
{
	PlanTallies *all = node->tallies;
	int			n = all == NULL ? 0 : all->n;
	int			capacity = all == NULL ? 0 : all->capacity;
	Size		size;

	if (n == capacity)
	{
		capacity = Max(1, capacity * 2);
		size = offsetof(PlanTallies, tallies) + sizeof(PlanTally) * capacity;
		all = node->tallies = all == NULL ? palloc(size) : repalloc(all, size);
		all->capacity = capacity;
	}
	all->n = n + 1;
	all->tallies[n] = (PlanTally) {.kind = kind};
	return &all->tallies[n];
}

/* Adds the times to a tally with a period. */
static void
tally_times(PlanTally *tally, const TimestampTz *seen, int n)
{
	if (tally->count + n > tally->capacity)
	{
		tally->capacity = Max(tally->capacity * 2, tally->count + n);
		tally->seen = tally->seen == NULL
			? palloc_extended(sizeof(TimestampTz) * (Size) tally->capacity, MCXT_ALLOC_HUGE)
			: repalloc_huge(tally->seen, sizeof(TimestampTz) * (Size) tally->capacity);
	}
	memcpy(&tally->seen[tally->count], seen, sizeof(TimestampTz) * (Size) n);
}

/* Adds count identifiers of a kind to a root; seen is looked at for kinds with a period only. */
void
plan_tally(MergePlan *plan, int root, int kind, int count, const TimestampTz *seen)
{
	const PlanLimit *limit = &plan->limits[kind];
	PlanTally  *tally;

	if (limit->most == 0)
		return;
	plan->plain = false;
	tally = tally_of(&plan->nodes[root], kind);
	if (tally == NULL)
		tally = add_tally(&plan->nodes[root], kind);
	if (limit->period > 0)
		tally_times(tally, seen, count);
	tally->count += count;
}

int
plan_find(MergePlan *plan, int node)
{
	int		   *parents = plan->parents;

	while (parents[node] != node)
	{
		parents[node] = parents[parents[node]];
		node = parents[node];
	}
	return node;
}

/* An identifier of the node turns out to have been seen earlier. */
void
plan_seen_earlier(MergePlan *plan, int node, int kind, TimestampTz was, TimestampTz is)
{
	PlanTally  *tally = tally_of(&plan->nodes[plan_find(plan, node)], kind);
	int			i;

	if (tally == NULL || tally->seen == NULL)
		return;
	for (i = 0; i < tally->count; i++)
	{
		if (tally->seen[i] == was)
		{
			tally->seen[i] = is;
			return;
		}
	}
}

/* How many of a tally count at a time: within a period, those first seen since it began */
static int
counted(const PlanTally *tally, const PlanLimit *limit, TimestampTz at)
{
	int			n = 0;
	int			i;

	if (limit->period == 0)
		return tally->count;
	for (i = 0; i < tally->count; i++)
	{
		if (tally->seen[i] > at - limit->period)
			n++;
	}
	return n;
}

static bool
breaks_limit(const PlanTally *mine, const PlanTally *theirs, const PlanLimit *limit, TimestampTz at)
{
	int			n;
	int			m;

	if (theirs == NULL || mine->count + theirs->count <= limit->most)
		return false;
	n = counted(mine, limit, at);
	m = counted(theirs, limit, at);
	return n > 0 && m > 0 && n + m > limit->most;
}

/*
 * The kind whose limit the union of two roots would break, or -1: of several
 * a unique one, then the first by number.  A limit that one side breaks by
 * itself (it was lowered, or somebody forced a link) binds nobody else, hence
 * both sides must contribute.
 */
static int
broken_limit(const MergePlan *plan, const PlanNode *a, const PlanNode *b, TimestampTz at)
{
	int			broken = -1;
	int			i;

	for (i = 0; a->tallies != NULL && i < a->tallies->n; i++)
	{
		const PlanTally *mine = &a->tallies->tallies[i];
		int			kind = mine->kind;
		bool		unique = plan->limits[kind].unique;

		if (broken >= 0 && (plan->limits[broken].unique > unique || (plan->limits[broken].unique == unique && broken < kind)))
			continue;
		if (breaks_limit(mine, tally_of(b, kind), &plan->limits[kind], at))
			broken = kind;
	}
	return broken;
}

/* A person is older than a new one, and of two persons the smaller id is the older. */
static bool
is_older(const PlanNode *nodes, int a, int b)
{
	if (nodes[a].person_id == 0 || nodes[b].person_id == 0)
		return nodes[b].person_id == 0 && (nodes[a].person_id != 0 || a < b);
	return nodes[a].person_id < nodes[b].person_id;
}

static int
choose_survivor(const PlanNode *nodes, int a, int b)
{
	int			older = is_older(nodes, a, b) ? a : b;
	int			younger = older == a ? b : a;

	if (nodes[younger].person_id != 0 &&
		nodes[younger].size / IDENTITY_SURVIVOR_FACTOR >= nodes[older].size &&
		nodes[younger].size > (int64) nodes[older].size * IDENTITY_SURVIVOR_FACTOR)
		return younger;
	return older;
}

static void
absorb(MergePlan *plan, int survivor, int loser)
{
	const PlanTallies *tallies = plan->nodes[loser].tallies;
	int			i;

	plan->parents[loser] = survivor;
	plan->nodes[survivor].size += plan->nodes[loser].size;
	for (i = 0; tallies != NULL && i < tallies->n; i++)
		plan_tally(plan, survivor, tallies->tallies[i].kind, tallies->tallies[i].count, tallies->tallies[i].seen);
}

/* Without a look at the nodes, which are far away in memory where there are many */
static PlanJoin
join_plain(MergePlan *plan, int a, int b)
{
	PlanJoin	join = {PLAN_JOINED, Min(a, b), Max(a, b), -1};

	plan->parents[join.loser] = join.survivor;
	return join;
}

/*
 * Makes the persons of nodes a and b one, at the time of the observation that
 * says so, unless that would break a limit.
 */
PlanJoin
plan_join(MergePlan *plan, int a, int b, TimestampTz at, bool force, bool a_survives)
{
	PlanJoin	join = {PLAN_ALREADY_ONE, 0, 0, -1};

	a = plan_find(plan, a);
	b = plan_find(plan, b);
	if (a == b)
		return join;
	if (plan->plain)
		return join_plain(plan, a, b);
	if (!force)
		join.kind = broken_limit(plan, &plan->nodes[a], &plan->nodes[b], at);
	if (join.kind >= 0)
	{
		join.outcome = PLAN_REFUSED;
		return join;
	}
	join.outcome = PLAN_JOINED;
	join.survivor = choose_survivor(plan->nodes, a, b);
	if (a_survives && plan->nodes[a].person_id != 0)
		join.survivor = a;
	join.loser = join.survivor == a ? b : a;
	absorb(plan, join.survivor, join.loser);
	return join;
}
