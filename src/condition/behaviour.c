/*
 * behaviour.c
 *	  What a person did, as a profile tells it under $events:
 *
 *	  "$events": {"Order Completed": {"count": 3, "first_at": ..., "last_at": ...,
 *	              "days": {"2026-01-31": 2, ...}, "items": [{"at": ..., "properties": {...}}, ...]}}
 *
 * No entry means that it never happened.  Windows of whole days count
 * calendar days in the hub's time zone, today included, so that daily
 * counters answer them exactly; shorter windows and "where" need the items.
 */
#include "condition/eval.h"

#include "condition/value.h"
#include "condition/when.h"
#include "miscadmin.h"

/* The window of a did(...): of whole days, or from an instant on. */
typedef struct Window
{
	bool		by_day;
	char		after_day[11];	/* days later than this ... */
	char		last_day[11];	/* ... up to this one */
	TimestampTz from;
	TimestampTz to;
} Window;

static void
get_member(const CondValue *object, const char *name, CondValue *value)
{
	CondSegment segment = {name, (int) strlen(name), -1};

	condition_step(object, &segment, value);
}

static bool
get_instant(const CondValue *object, const char *name, TimestampTz *instant)
{
	CondValue	value;

	get_member(object, name, &value);
	return value.type == COND_VALUE_STRING && condition_instant(value.string, value.length, instant);
}

static CondValue *
get_event(const CondNode *node, CondScope *scope, CondValue *scratch)
{
	CondScope	profile = {scope->profile, NULL};

	return condition_get(&profile, node->event_path, scratch);
}

static void
open_window(const CondNode *node, TimestampTz now, Window *window)
{
	window->by_day = node->span.usecs == 0;
	window->to = now;
	if (!node->has_span)
		window->from = DT_NOBEGIN;
	else if (!window->by_day)
		window->from = condition_shift(now, &node->span, true);
	else
		condition_local_days(now, &node->span, window->after_day, window->last_day);
}

static bool
day_in_window(const Window *window, const char *day)
{
	return memcmp(day, window->after_day, 10) > 0 && memcmp(day, window->last_day, 10) <= 0;
}

static bool
in_window(const CondNode *node, const Window *window, TimestampTz at)
{
	char		day[11];

	if (!node->has_span)
		return at <= window->to;
	if (!window->by_day)
		return at > window->from && at <= window->to;
	condition_local_day(at, day);
	return day_in_window(window, day);
}

/* Do the properties of a single event fulfil the node's "where"? */
static bool
item_fulfils(const CondNode *node, CondScope *scope, const CondValue *item)
{
	CondValue	properties;
	CondScope	inner = {scope->profile, &properties};

	if (node->nchildren == 0)
		return true;
	get_member(item, "properties", &properties);
	return condition_eval(node->children[0], &inner) == MHUB_TRUE;
}

static bool
item_counts(const CondNode *node, CondScope *scope, const Window *window, const CondValue *item)
{
	TimestampTz at;

	return get_instant(item, "at", &at) && in_window(node, window, at) && item_fulfils(node, scope, item);
}

static int64
count_items(const CondNode *node, CondScope *scope, CondValue *items)
{
	Window		window;
	int64		count = 0;

	open_window(node, scope->profile->at, &window);
	condition_elements(items);
	for (int i = 0; i < items->nelements; i++)
	{
		CHECK_FOR_INTERRUPTS();
		count += item_counts(node, scope, &window, &items->elements[i]);
	}
	return count;
}

/* The time of the last (or first) single event, up to now, that fulfils the node's "where". */
static bool
item_time(const CondNode *node, CondScope *scope, CondValue *items, TimestampTz *found)
{
	bool		any = false;

	condition_elements(items);
	for (int i = 0; i < items->nelements; i++)
	{
		TimestampTz at;

		CHECK_FOR_INTERRUPTS();
		if (!get_instant(&items->elements[i], "at", &at) || at > scope->profile->at ||
			!item_fulfils(node, scope, &items->elements[i]))
			continue;
		if (!any || (node->subject == SUBJECT_LAST ? at > *found : at < *found))
			*found = at;
		any = true;
	}
	return any;
}

/* When the event last (or first) happened as the node asks; false when it never did, or the profile does not tell. */
bool
condition_event_time(const CondNode *node, CondScope *scope, TimestampTz *at)
{
	CondValue	scratch;
	CondValue	items;
	CondValue  *event = get_event(node, scope, &scratch);

	if (node->nchildren == 0)
		return get_instant(event, node->subject == SUBJECT_LAST ? "last_at" : "first_at", at);
	get_member(event, "items", &items);
	return items.type == COND_VALUE_ARRAY && item_time(node, scope, &items, at);
}

static int64
count_days(const CondNode *node, TimestampTz now, const CondValue *days)
{
	JsonbIterator *iterator = JsonbIteratorInit(days->container);
	JsonbIteratorToken token;
	JsonbValue	entry;
	Window		window;
	bool		counts = false;
	double		count = 0;

	open_window(node, now, &window);
	while ((token = JsonbIteratorNext(&iterator, &entry, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			counts = entry.val.string.len == 10 && day_in_window(&window, entry.val.string.val);
		else if (token == WJB_VALUE && counts && entry.type == jbvNumeric)
		{
			CondValue	number;

			condition_set_number(&number, entry.val.numeric);
			count += number.number;
		}
	}
	return (int64) count;
}

/* A window that the counters cannot answer exactly: the last time still decides some cases. */
static bool
count_by_last(const CondNode *node, TimestampTz now, const CondValue *event, int64 *count)
{
	TimestampTz last;
	Window		window;

	if (node->nchildren > 0 || !get_instant(event, "last_at", &last))
		return false;
	open_window(node, now, &window);
	*count = in_window(node, &window, last) ? 1 : 0;
	return last <= now && (*count == 0 || (node->at_least <= 1 && node->at_most < 0));
}

/* The same from counts at hand, which are there only where they are enough. */
static int64
count_at_hand(const CondNode *node, const MhubProfile *profile)
{
	DateADT		after = DATEVAL_NOBEGIN;
	DateADT		last = DATEVAL_NOEND;
	int64		count = 0;

	if (node->has_span)
		condition_local_dates(profile->at, &node->span, &after, &last);
	for (int i = 0; i < profile->ncounts; i++)
	{
		const EventCount *done = &profile->counts[i];

		if (done->day > after && done->day <= last && done->length == node->event_length &&
			memcmp(done->name, node->event, done->length) == 0)
			count += done->count;
	}
	return count;
}

/*
 * How often the event happened as the node asks; false when the profile does
 * not tell.
 */
bool
condition_count_events(const CondNode *node, CondScope *scope, int64 *count)
{
	CondValue	scratch;
	CondValue	part;
	CondValue  *event;

	if (scope->profile->counts != NULL)
	{
		*count = count_at_hand(node, scope->profile);
		return true;
	}
	event = get_event(node, scope, &scratch);
	*count = 0;
	if (event->type <= COND_VALUE_NULL)
		return true;
	if (event->type != COND_VALUE_OBJECT)
		return false;
	get_member(event, "count", &part);
	if (part.type == COND_VALUE_NUMBER)
		*count = (int64) part.number;
	if (part.type == COND_VALUE_NUMBER && (*count == 0 || (!node->has_span && node->nchildren == 0)))
		return true;
	get_member(event, "days", &part);
	if (part.type == COND_VALUE_OBJECT && node->nchildren == 0 && node->has_span && node->span.usecs == 0)
	{
		*count = count_days(node, scope->profile->at, &part);
		return true;
	}
	get_member(event, "items", &part);
	if (part.type == COND_VALUE_ARRAY)
	{
		*count = count_items(node, scope, &part);
		return true;
	}
	return count_by_last(node, scope->profile->at, event, count);
}
