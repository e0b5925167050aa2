/*
 * segment_list.c
 *	  The segments in a profile, as a step changes them, so that later steps of
 *	  the same wake-up see it.
 */
#include "workflow/segment_list.h"

#define SEGMENTS_KEY "$segments"

static bool
is_named(const JsonbValue *segment, const List *names)
{
	ListCell   *cell;

	foreach(cell, names)
	{
		const char *name = lfirst(cell);

		if (segment->type == jbvString && segment->val.string.len == (int) strlen(name) &&
			memcmp(segment->val.string.val, name, segment->val.string.len) == 0)
			return true;
	}
	return false;
}

static void
push_others(JsonbParseState **state, const JsonbValue *segments, const List *add_to, const List *remove_from)
{
	JsonbIterator *iterator;
	JsonbValue	segment;

	if (segments == NULL || segments->type != jbvBinary || !JsonContainerIsArray(segments->val.binary.data))
		return;
	iterator = JsonbIteratorInit(segments->val.binary.data);
	(void) JsonbIteratorNext(&iterator, &segment, true);
	while (JsonbIteratorNext(&iterator, &segment, true) == WJB_ELEM)
		if (!is_named(&segment, add_to) && !is_named(&segment, remove_from))
			(void) pushJsonbValue(state, WJB_ELEM, &segment);
}

/* {"$segments": [...]}, to be laid over the profile. */
Jsonb *
wf_change_segments(Jsonb *profile, const List *add_to, const List *remove_from)
{
	JsonbParseState *state = NULL;
	JsonbValue	key = {.type = jbvString,.val.string = {.val = SEGMENTS_KEY,.len = sizeof(SEGMENTS_KEY) - 1}};
	ListCell   *cell;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	(void) pushJsonbValue(&state, WJB_KEY, &key);
	(void) pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	push_others(&state, getKeyJsonValueFromContainer(&profile->root, SEGMENTS_KEY, sizeof(SEGMENTS_KEY) - 1, NULL),
				add_to, remove_from);
	foreach(cell, add_to)
	{
		JsonbValue	segment = {.type = jbvString};

		segment.val.string.val = lfirst(cell);
		segment.val.string.len = strlen(lfirst(cell));
		(void) pushJsonbValue(&state, WJB_ELEM, &segment);
	}
	(void) pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}
