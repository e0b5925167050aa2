/*
 * batch_plan.c
 *	  What a batch of observations does to persons, in memory.
 */
#include "mhub.h"

#include "identity/batch.h"

#include "common/hashfn.h"
#include "miscadmin.h"

/* So many observations before its turn memory is asked for what one needs, as far as it has so many identifiers. */
#define AHEAD 8
#define AHEAD_OTHERS 4

static uint32
hash_person(int64 person_id)
{
	return hash_bytes((const unsigned char *) &person_id, sizeof(person_id));
}

/* The node of an existing person, -1 when the batch does not touch it */
int
batch_node_of_person(const Batch *batch, int64 person_id)
{
	uint32		hash = hash_person(person_id);
	uint32		at = hash & batch->person_index.mask;
	const Slot *slot;

	while ((slot = &batch->person_index.slots[at])->number >= 0)
	{
		if (slot->hash == hash && batch->plan.nodes[slot->number].person_id == person_id)
			return slot->number;
		at = (at + 1) & batch->person_index.mask;
	}
	return -1;
}

static int
add_person_node(Batch *batch, int64 person_id)
{
	int			node = batch_node_of_person(batch, person_id);

	if (node >= 0)
		return node;
	node = plan_add_node(&batch->plan, person_id, 0);
	slot_index_put(&batch->person_index, hash_person(person_id), node);
	return node;
}

/* Was it in the table before this call? */
static bool
was_known(const BatchIdentifier *identifier)
{
	return identifier->person_id != 0 && !identifier->inserted;
}

/* An identifier that is new starts as a person of its own. */
static int
add_new_node(Batch *batch, int number)
{
	int			node = plan_add_node(&batch->plan, 0, 1);

	plan_tally(&batch->plan, node, batch->identifiers[number].kind, 1, batch->since == NULL ? NULL : &batch->since[number]);
	return node;
}

/* An empty index with room for the persons that the identifiers in the table have */
static void
empty_person_index(Batch *batch)
{
	int			known = 0;
	int			i;

	for (i = 0; i < batch->nidentifiers; i++)
		known += was_known(&batch->identifiers[i]);
	if (batch->person_index.slots != NULL)
		pfree(batch->person_index.slots);
	slot_index_init(&batch->person_index, known);
}

static void
first_observed(Batch *batch, int number, TimestampTz at)
{
	if (TIMESTAMP_IS_NOEND(batch->since[number]))
		batch->since[number] = at;
}

/* A new identifier counts from its first observation: the first in order, not by time. */
static void
find_since(Batch *batch)
{
	int			i;
	int			j;

	if (batch->since == NULL)
		batch->since = palloc_extended(sizeof(TimestampTz) * (Size) batch->nidentifiers, MCXT_ALLOC_HUGE);
	for (i = 0; i < batch->nidentifiers; i++)
		batch->since[i] = was_known(&batch->identifiers[i]) ? batch->rows[i].first_seen : DT_NOEND;
	for (i = 0; i < batch->nobservations; i++)
	{
		const BatchObservation *observation = &batch->observations[i];
		const BatchOther *others = batch_others(batch, observation);

		if (observation->base >= 0)
			first_observed(batch, observation->base, observation->at);
		for (j = 0; j < observation->nothers; j++)
			first_observed(batch, others[j].identifier, observation->at);
	}
}

static void
forget_planned_links(Batch *batch)
{
	int			i;

	for (i = 0; i < batch->nlinks; i++)
	{
		BatchLink  *link = &batch->links[i];

		link->to_join = link->to_note = false;
		link->earliest = DT_NOEND;
		link->latest = DT_NOBEGIN;
		link->confidence = 0;
		link->source = NULL;
	}
}

/*
 * Starts a plan from what is known of the identifiers.  The tallies of
 * existing persons are empty; load them before batch_plan() where they matter.
 */
void
batch_start_plan(Batch *batch)
{
	int			i;

	plan_free(&batch->plan);
	plan_init(&batch->plan, batch->kinds->limits, batch->nidentifiers);
	if (batch->node_of == NULL)
		batch->node_of = palloc_extended(sizeof(int) * (Size) batch->nidentifiers, MCXT_ALLOC_HUGE);
	empty_person_index(batch);
	if (batch->timed)
		find_since(batch);
	batch->assigned = false;
	batch->nmerges = 0;
	batch->nconflicts = 0;
	for (i = 0; i < batch->nidentifiers; i++)
	{
		const BatchIdentifier *identifier = &batch->identifiers[i];

		batch->node_of[i] = was_known(identifier) ? add_person_node(batch, identifier->person_id) : add_new_node(batch, i);
	}
	if (batch->planned)
		forget_planned_links(batch);
	batch->planned = true;
}

static void
note_merge(Batch *batch, const PlanJoin *join, int observation, int link)
{
	BatchMerge *merge;

	BATCH_ROOM(batch->merges, batch->nmerges, batch->merges_capacity);
	merge = &batch->merges[batch->nmerges++];
	merge->survivor = join->survivor;
	merge->loser = join->loser;
	merge->link = link;
	merge->observation = observation;
}

static void
note_conflict(Batch *batch, const PlanJoin *join, int observation, int left_out)
{
	BatchConflict *conflict;
	int			base = batch->observations[observation].base;

	BATCH_ROOM(batch->conflicts, batch->nconflicts, batch->conflicts_capacity);
	conflict = &batch->conflicts[batch->nconflicts++];
	conflict->kind = join->kind;
	conflict->observation = observation;
	conflict->left_out = left_out;
	conflict->person_node = plan_find(&batch->plan, batch->node_of[base]);
	conflict->other_node = plan_find(&batch->plan, batch->node_of[left_out]);
}

/* The observation speaks for the link. */
static void
accept_link(BatchLink *link, const BatchObservation *observation)
{
	const IdentityObservation *public = observation->public;

	if (link->source == NULL)
		link->source = public->source;
	link->confidence = Max(link->confidence, public->confidence > 0 ? public->confidence : 1);
	link->earliest = Min(link->earliest, observation->at);
	link->latest = Max(link->latest, observation->at);
}

static void
plan_link(Batch *batch, int number, const BatchOther *other)
{
	const BatchObservation *observation = &batch->observations[number];
	const IdentityObservation *public = observation->public;
	BatchLink  *link = &batch->links[other->link];
	PlanJoin	join;

	if (link->removed && !public->force)
		return;
	if (!public->force && !link->mergeable)
	{
		link->to_note = true;
		accept_link(link, observation);
		return;
	}
	join = plan_join(&batch->plan, batch->node_of[observation->base], batch->node_of[other->identifier],
					 observation->at, public->force, public->first_survives);
	if (join.outcome == PLAN_REFUSED)
	{
		note_conflict(batch, &join, number, other->identifier);
		return;
	}
	link->to_join = true;
	accept_link(link, observation);
	if (join.outcome == PLAN_JOINED && batch->plan.nodes[join.loser].person_id != 0)
		note_merge(batch, &join, number, other->link);
}

static void
note_time(Batch *batch, int number, TimestampTz at)
{
	const BatchIdentifier *identifier = &batch->identifiers[number];

	if (batch->kinds->limits[identifier->kind].period == 0 || at >= batch->since[number])
		return;
	plan_seen_earlier(&batch->plan, batch->node_of[number], identifier->kind, batch->since[number], at);
	batch->since[number] = at;
}

/* Brings near what an observation will need; its links and nodes when they follow soon. */
static void
bring_near(const Batch *batch, const BatchObservation *observation, bool soon)
{
	const BatchOther *others = batch_others(batch, observation);
	int			n = Min(observation->nothers, AHEAD_OTHERS);
	int			i;

	if (observation->base < 0)
		return;
	for (i = -1; i < n; i++)
	{
		const int  *node = &batch->node_of[i < 0 ? observation->base : others[i].identifier];

		__builtin_prefetch(soon ? &batch->plan.parents[*node] : node);
		if (soon && !batch->plan.plain)
			__builtin_prefetch(&batch->plan.nodes[*node]);
		if (i >= 0 && !soon)
			__builtin_prefetch(&batch->links[others[i].link]);
	}
}

static void
plan_observation(Batch *batch, int number)
{
	const BatchObservation *observation = &batch->observations[number];
	const BatchOther *others = batch_others(batch, observation);
	int			i;

	for (i = 0; i < observation->nothers; i++)
		plan_link(batch, number, &others[i]);
	if (!batch->timed)
		return;
	if (observation->base >= 0)
		note_time(batch, observation->base, observation->at);
	for (i = 0; i < observation->nothers; i++)
		note_time(batch, others[i].identifier, observation->at);
}

/* Goes through the observations in order, as if each was the only one. */
void
batch_plan(Batch *batch)
{
	int			i;

	for (i = 0; i < batch->nobservations; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (i + AHEAD < batch->nobservations)
			bring_near(batch, &batch->observations[i + AHEAD], true);
		if (i + AHEAD * 2 < batch->nobservations)
			bring_near(batch, &batch->observations[i + AHEAD * 2], false);
		plan_observation(batch, i);
	}
}

/* Could the observed link change a person, or itself?  Limits are not looked at: this errs on the side of locking. */
static bool
link_needs_lock(const Batch *batch, const BatchObservation *observation, const BatchOther *other)
{
	const BatchLink *link = &batch->links[other->link];

	if (observation->public->force)
		return true;
	return (!link->joins || link->doubtful) && !link->removed && link->mergeable;
}

/*
 * The existing persons that the batch might change.  Every merge joins persons
 * along links that need a lock, so marking the persons at both ends of each
 * such link finds all of them.
 */
int
batch_persons_to_lock(Batch *batch, int64 **persons)
{
	bool	   *marked = palloc0(sizeof(bool) * Max(batch->plan.nnodes, 1));
	int			n = 0;
	int			i;
	int			j;

	for (i = 0; i < batch->nobservations; i++)
	{
		const BatchObservation *observation = &batch->observations[i];
		const BatchOther *others = batch_others(batch, observation);

		if (observation->base >= 0 && observation->public->traits != NULL)
			marked[batch->node_of[observation->base]] = true;
		for (j = 0; j < observation->nothers; j++)
		{
			if (!link_needs_lock(batch, observation, &others[j]))
				continue;
			marked[batch->node_of[observation->base]] = true;
			marked[batch->node_of[others[j].identifier]] = true;
		}
	}
	for (i = 0; i < batch->nidentifiers; i++)
	{
		const BatchIdentifier *identifier = &batch->identifiers[i];

		if (was_known(identifier) && identifier->earliest < batch->rows[i].first_seen)
			marked[batch->node_of[i]] = true;
	}

	*persons = palloc(sizeof(int64) * Max(batch->plan.nnodes, 1));
	for (i = 0; i < batch->plan.nnodes; i++)
	{
		if (marked[i] && batch->plan.nodes[i].person_id != 0)
			(*persons)[n++] = batch->plan.nodes[i].person_id;
	}
	return n;
}
