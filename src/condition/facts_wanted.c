/*
 * facts_wanted.c
 *	  What a condition makes it necessary to know about a person.
 */
#include "condition/profile.h"

static bool
is_named(const CondPath *path, int segment, const char *name)
{
	return path->nsegments > segment && path->segments[segment].length == (int) strlen(name) &&
		memcmp(path->segments[segment].name, name, path->segments[segment].length) == 0;
}

static void
want_path(FactsWanted *wanted, const CondPath *path)
{
	if (path == NULL)
		return;
	if (is_named(path, 0, "$events"))
	{
		wanted->event_objects = true;
		wanted->event_times = wanted->event_times || path->nsegments != 2;
		if (path->nsegments == 1)
			wanted->all_events = true;
		else
			profile_add_event(path->segments[1].name, &wanted->events, &wanted->nevents);
	}
	else if (is_named(path, 0, "$consent") && !is_named(path, 1, "profiling"))
		wanted->all_consent = true;
	else if (is_named(path, 0, "$context") && (path->nsegments == 1 || is_named(path, 1, "source")))
		wanted->source = true;
}

static void
want_segment(FactsWanted *wanted, const SegmentSet *set, const CondNode *node)
{
	for (int i = 0; i < set->nsegments; i++)
	{
		const Segment *segment = &set->segments[i];

		if (wanted->segments[i] || (node != NULL && strcmp(segment->key, node->event) != 0))
			continue;
		wanted->segments[i] = true;
		if (segment->condition == NULL)
			wanted->lists = true;
		else
			facts_want(wanted, set, segment->condition->root);
	}
}

/* Counts of days answer most of what is asked about events. */
static void
want_event(FactsWanted *wanted, const CondNode *node)
{
	profile_add_event(node->event, &wanted->events, &wanted->nevents);
	if (node->kind != COND_DID || node->nchildren > 0 || (node->has_span && node->span.usecs != 0))
		wanted->event_objects = true;
	if (node->subject != SUBJECT_PATH)
		wanted->event_times = true;
}

/* Paths inside "any" and "where" are not about the profile. */
static void
want_node(FactsWanted *wanted, const SegmentSet *set, const CondNode *node, bool inside)
{
	if (!inside)
	{
		want_path(wanted, node->path);
		want_path(wanted, node->other);
		if (node->path != NULL && is_named(node->path, 0, "$segments"))
			want_segment(wanted, set, NULL);
	}
	if (node->kind == COND_SEGMENT)
		want_segment(wanted, set, node);
	else if (node->event_path != NULL)
		want_event(wanted, node);
	for (int i = 0; i < node->nchildren; i++)
		want_node(wanted, set, node->children[i], inside || condition_asks_within(node));
}

/* Adds what a condition looks at, in its segments too. */
void
facts_want(FactsWanted *wanted, const SegmentSet *set, const CondNode *node)
{
	want_node(wanted, set, node, false);
	condition_item_events(node, &wanted->item_events, &wanted->nitem_events);
}
