/*
 * person_facts.c
 *	  What the hub knows about a person, read table by table.
 */
#include "mhub.h"

#include "condition/person_facts.h"

#include "catalog/pg_type.h"
#include "condition/json_member.h"
#include "condition/value.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

static MhubLookup person_lookup = {
	.table = "person",
	.nkeys = 1, .keys = {{"person_id", INT8OID}},
	.ncolumns = 2, .columns = {{"merged_into", INT8OID}, {"traits", JSONBOID}}
};
static MhubLookup merged_lookup = {
	.table = "person",
	.nkeys = 1, .keys = {{"merged_into", INT8OID}},
	.ncolumns = 1, .columns = {{"person_id", INT8OID}}
};
static MhubLookup identifier_lookup = {
	.table = "identifier",
	.nkeys = 1, .keys = {{"person_id", INT8OID}},
	.ncolumns = 1, .columns = {{"identifier_id", INT8OID}}
};

#define COUNTER_COLUMNS \
	.ncolumns = 6, .columns = {{"name", TEXTOID}, {"day", DATEOID}, {"count", INT8OID}, {"value_sum", NUMERICOID}, \
		{"first_at", TIMESTAMPTZOID}, {"last_at", TIMESTAMPTZOID}}

static MhubLookup counter_lookup = {
	.table = "event_counter",
	.nkeys = 1, .keys = {{"identifier_id", INT8OID}},
	COUNTER_COLUMNS
};
static MhubLookup named_counter_lookup = {
	.table = "event_counter",
	.nkeys = 2, .keys = {{"identifier_id", INT8OID}, {"name", TEXTOID}},
	COUNTER_COLUMNS
};

#define CONSENT_COLUMNS \
	.ncolumns = 4, .columns = {{"purpose", TEXTOID}, {"channel", TEXTOID}, {"granted", BOOLOID}, {"consent_id", INT8OID}}

static MhubLookup consent_lookup = {
	.table = "consent",
	.nkeys = 1, .keys = {{"person_id", INT8OID}},
	CONSENT_COLUMNS
};
static MhubLookup purpose_lookup = {
	.table = "consent",
	.nkeys = 2, .keys = {{"person_id", INT8OID}, {"purpose", TEXTOID}},
	CONSENT_COLUMNS
};
static MhubLookup list_lookup = {
	.table = "segment_listed",
	.nkeys = 1, .keys = {{"person_id", INT8OID}},
	.ncolumns = 1, .columns = {{"segment", TEXTOID}}
};

/* A decision about consent by one of the ids of a person. */
typedef struct Decided
{
	int64		person_id;
	const char *purpose;
	const char *channel;		/* empty for all */
	int64		consent_id;
	bool		granted;
} Decided;

/* An array that grows. */
#define APPEND(array, n, space, element) \
	do { \
		if ((n) == (space)) \
		{ \
			(space) = Max(8, 2 * (space)); \
			(array) = (array) == NULL ? palloc((space) * sizeof(*(array))) \
				: repalloc_huge((array), (space) * sizeof(*(array))); \
		} \
		(array)[(n)++] = (element); \
	} while (0)

typedef struct Ids
{
	int64	   *ids;
	int			n;
	int			space;
} Ids;

static bool
wants_events(const FactsWanted *wanted)
{
	return wanted->all_events || wanted->nevents > 0;
}

void
facts_reader_open(FactsReader *reader, const FactsWanted *wanted, TimestampTz at, Snapshot snapshot)
{
	reader->wanted = wanted;
	reader->at = at;
	reader->snapshot = snapshot;
	reader->memory = CurrentMemoryContext;
	reader->by_name = false;
	reader->once = false;
	mhub_reader_open(&reader->persons, &person_lookup, snapshot);
	mhub_reader_open(&reader->merged, &merged_lookup, snapshot);
	mhub_reader_open(&reader->consent, wanted->all_consent ? &consent_lookup : &purpose_lookup, snapshot);
	if (wants_events(wanted))
	{
		mhub_reader_open(&reader->identifiers, &identifier_lookup, snapshot);
		mhub_reader_open(&reader->counters, &counter_lookup, snapshot);
	}
	if (wanted->lists)
		mhub_reader_open(&reader->lists, &list_lookup, snapshot);
}

void
facts_reader_close(FactsReader *reader)
{
	mhub_reader_close(&reader->persons);
	mhub_reader_close(&reader->merged);
	mhub_reader_close(&reader->consent);
	if (wants_events(reader->wanted))
	{
		mhub_reader_close(&reader->identifiers);
		mhub_reader_close(&reader->counters);
	}
	if (reader->by_name)
		mhub_reader_close(&reader->named_counters);
	if (reader->wanted->lists)
		mhub_reader_close(&reader->lists);
}

/*
 * Scans of four indexes at once take over 100 kB.  Where they are open for a
 * moment only, the C library would give that back to the system, and ask for
 * it again, for each person.
 */
static void
leave(const FactsReader *reader, MhubReader *part)
{
	if (reader->once)
		mhub_reader_rest(part);
}

static bool
read_person(FactsReader *reader, PersonFacts *facts)
{
	Datum		key = Int64GetDatum(facts->person_id);
	Datum		values[2];
	bool		nulls[2];

	mhub_reader_find(&reader->persons, &key);
	if (!mhub_reader_next(&reader->persons, values, nulls) || !nulls[0])
		return false;
	facts->traits = DatumGetJsonbPCopy(values[1]);
	return true;
}

/* All ids that became this person, beginning with its own. */
static Ids
read_family(FactsReader *reader, int64 person_id)
{
	Ids			family = {NULL, 0, 0};

	APPEND(family.ids, family.n, family.space, person_id);
	for (int i = 0; i < family.n; i++)
	{
		Datum		key = Int64GetDatum(family.ids[i]);
		Datum		value;
		bool		isnull;

		CHECK_FOR_INTERRUPTS();
		mhub_reader_find(&reader->merged, &key);
		while (mhub_reader_next(&reader->merged, &value, &isnull))
			APPEND(family.ids, family.n, family.space, DatumGetInt64(value));
	}
	leave(reader, &reader->merged);
	return family;
}

static Ids
read_identifiers(FactsReader *reader, int64 person_id)
{
	Ids			identifiers = {NULL, 0, 0};
	Datum		key = Int64GetDatum(person_id);
	Datum		value;
	bool		isnull;

	mhub_reader_find(&reader->identifiers, &key);
	while (mhub_reader_next(&reader->identifiers, &value, &isnull))
		APPEND(identifiers.ids, identifiers.n, identifiers.space, DatumGetInt64(value));
	leave(reader, &reader->identifiers);
	return identifiers;
}

/* The event's name, in memory that lasts; NULL where nobody wants it. */
static const char *
wanted_name(const FactsWanted *wanted, const char *name, int length)
{
	if (wanted->all_events)
		return pnstrdup(name, length);
	for (int i = 0; i < wanted->nevents; i++)
	{
		if ((int) strlen(wanted->events[i]) == length && memcmp(wanted->events[i], name, length) == 0)
			return wanted->events[i];
	}
	return NULL;
}

typedef struct Counts
{
	EventCount *counts;
	int			n;
	int			space;
} Counts;

static EventCount
copy_count(const FactsWanted *wanted, const char *name, const Datum *values)
{
	EventCount	count = {.name = name, .length = strlen(name)};

	count.day = DatumGetDateADT(values[1]);
	count.count = DatumGetInt64(values[2]);
	if (wanted->event_objects)
		count.value = DatumGetNumericCopy(values[3]);
	count.first_at = DatumGetTimestampTz(values[4]);
	count.last_at = DatumGetTimestampTz(values[5]);
	return count;
}

/* Takes those rows of what has been found that are wanted; false when more than so many (-1: any number) are not. */
static bool
take_counts(FactsReader *reader, MhubReader *found, int most_unwanted, Counts *counts)
{
	Datum		values[6];
	bool		nulls[6];
	int			unwanted = 0;

	while (mhub_reader_next(found, values, nulls))
	{
		text	   *given = DatumGetTextPP(values[0]);
		const char *name = wanted_name(reader->wanted, VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given));

		if (name == NULL)
		{
			if (unwanted++ == most_unwanted)
				return false;
		}
		else if (DatumGetTimestampTz(values[4]) <= reader->at)
			APPEND(counts->counts, counts->n, counts->space, copy_count(reader->wanted, name, values));
	}
	return true;
}

static void
open_by_name(FactsReader *reader)
{
	MemoryContext before = MemoryContextSwitchTo(reader->memory);

	mhub_reader_open(&reader->named_counters, &named_counter_lookup, reader->snapshot);
	reader->by_name = true;
	MemoryContextSwitchTo(before);
}

/*
 * Most people did little: all of it is read at once.  Those who did much else
 * than what is wanted are asked event by event.
 */
static void
read_counts(FactsReader *reader, int64 identifier_id, Counts *counts)
{
	const FactsWanted *wanted = reader->wanted;
	Datum		keys[2] = {Int64GetDatum(identifier_id)};
	int			before = counts->n;

	mhub_reader_find(&reader->counters, keys);
	if (take_counts(reader, &reader->counters, wanted->all_events ? -1 : wanted->nevents, counts))
		return;
	counts->n = before;
	if (!reader->by_name)
		open_by_name(reader);
	for (int i = 0; i < wanted->nevents; i++)
	{
		keys[1] = CStringGetTextDatum(wanted->events[i]);
		mhub_reader_find(&reader->named_counters, keys);
		(void) take_counts(reader, &reader->named_counters, -1, counts);
	}
}

static void
read_events(FactsReader *reader, PersonFacts *facts)
{
	Ids			identifiers = read_identifiers(reader, facts->person_id);
	Counts		counts = {palloc(8 * sizeof(EventCount)), 0, 8};

	for (int i = 0; i < identifiers.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		read_counts(reader, identifiers.ids[i], &counts);
	}
	leave(reader, &reader->counters);
	if (reader->wanted->event_objects)
		facts->events = event_facts(counts.counts, counts.n, reader, facts->person_id);
	else
	{
		facts->counts = counts.counts;
		facts->ncounts = counts.n;
	}
}

static int
order_decided(const void *a, const void *b)
{
	const Decided *x = a;
	const Decided *y = b;
	int			order = strcmp(x->purpose, y->purpose);

	if (order == 0)
		order = (x->person_id > y->person_id) - (x->person_id < y->person_id);
	if (order == 0)
		order = strcmp(x->channel, y->channel);
	if (order == 0)
		order = (x->consent_id < y->consent_id) - (x->consent_id > y->consent_id);
	return order;
}

static bool
is_latest(const Decided *decided)
{
	const Decided *before = decided - 1;

	return strcmp(decided->purpose, before->purpose) != 0 || decided->person_id != before->person_id ||
		strcmp(decided->channel, before->channel) != 0;
}

/*
 * {purpose: granted}: the latest decision of each id that became the person,
 * for each channel, and all of them must be grants.
 */
static Jsonb *
consent_object(Decided *decided, int n)
{
	JsonbParseState *state = NULL;

	if (n > 1)
		qsort(decided, n, sizeof(Decided), order_decided);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < n;)
	{
		const char *purpose = decided[i].purpose;
		JsonbValue	granted = {.type = jbvBool, .val.boolean = true};

		for (int first = i; i < n && strcmp(decided[i].purpose, purpose) == 0; i++)
		{
			if (i == first || is_latest(&decided[i]))
				granted.val.boolean = granted.val.boolean && decided[i].granted;
		}
		json_push_member(&state, purpose, &granted);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static Jsonb *
read_consent(FactsReader *reader, const Ids *family)
{
	Decided    *decided = NULL;
	int			n = 0;
	int			space = 0;
	Datum		values[4];
	bool		nulls[4];

	for (int i = 0; i < family->n; i++)
	{
		Datum		keys[2] = {Int64GetDatum(family->ids[i])};

		if (!reader->wanted->all_consent)
			keys[1] = CStringGetTextDatum("profiling");
		mhub_reader_find(&reader->consent, keys);
		while (mhub_reader_next(&reader->consent, values, nulls))
		{
			Decided		one = {.person_id = family->ids[i]};

			one.purpose = TextDatumGetCString(values[0]);
			one.channel = nulls[1] ? "" : TextDatumGetCString(values[1]);
			one.granted = DatumGetBool(values[2]);
			one.consent_id = DatumGetInt64(values[3]);
			APPEND(decided, n, space, one);
		}
	}
	leave(reader, &reader->consent);
	return consent_object(decided, n);
}

static void
read_lists(FactsReader *reader, const Ids *family, PersonFacts *facts)
{
	int			space = 0;
	Datum		value;
	bool		isnull;

	for (int i = 0; i < family->n; i++)
	{
		Datum		key = Int64GetDatum(family->ids[i]);

		mhub_reader_find(&reader->lists, &key);
		while (mhub_reader_next(&reader->lists, &value, &isnull))
			APPEND(facts->lists, facts->nlists, space, TextDatumGetCString(value));
	}
}

bool
facts_reader_read(FactsReader *reader, int64 person_id, PersonFacts *facts)
{
	Ids			family;

	memset(facts, 0, sizeof(*facts));
	facts->person_id = person_id;
	pg_lltoa(person_id, facts->unit);
	if (!read_person(reader, facts))
		return false;
	family = read_family(reader, person_id);
	facts->consent = read_consent(reader, &family);
	if (wants_events(reader->wanted))
		read_events(reader, facts);
	if (reader->wanted->lists)
		read_lists(reader, &family, facts);
	return true;
}

bool
facts_read_one(const FactsWanted *wanted, TimestampTz at, Snapshot snapshot, int64 person_id, PersonFacts *facts)
{
	FactsReader reader;
	bool		known;

	facts_reader_open(&reader, wanted, at, snapshot);
	reader.once = true;
	known = facts_reader_read(&reader, person_id, facts);
	facts_reader_close(&reader);
	return known;
}

/* The trait that is the person's score; false where there is none. */
static bool
find_score(const PersonFacts *facts, JsonbValue *score)
{
	return getKeyJsonValueFromContainer(&facts->traits->root, "score", strlen("score"), score) != NULL;
}

void
facts_open_profile(const PersonFacts *facts, MhubProfile *profile, TimestampTz at)
{
	CondValue	value = {.type = COND_VALUE_STRING, .string = facts->unit, .length = strlen(facts->unit)};
	JsonbValue	score;

	mhub_profile_open(profile, facts->traits, at);
	if (facts->person_id != 0)
		mhub_profile_put(profile, "$unit", &value);
	mhub_profile_put_jsonb(profile, "$consent", facts->consent);
	if (facts->events != NULL)
		mhub_profile_put_jsonb(profile, "$events", facts->events);
	profile->counts = facts->counts;
	profile->ncounts = facts->ncounts;
	if (find_score(facts, &score))
	{
		memset(&value, 0, sizeof(value));
		condition_from_jsonb(&score, &value);
		mhub_profile_put(profile, "$score", &value);
	}
}

Jsonb *
facts_string_array(const char *const *strings, int n)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < n; i++)
	{
		JsonbValue	element = json_string(strings[i], strlen(strings[i]));

		pushJsonbValue(&state, WJB_ELEM, &element);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}

Jsonb *
facts_to_jsonb(const PersonFacts *facts, const char *const *segments, int nsegments)
{
	JsonbParseState *state = NULL;
	JsonbValue	unit = json_string(facts->unit, strlen(facts->unit));
	JsonbValue	score;
	Jsonb	   *known;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	json_push_member(&state, "$unit", &unit);
	json_push_jsonb(&state, "$events", facts->events);
	json_push_jsonb(&state, "$consent", facts->consent);
	json_push_jsonb(&state, "$segments", facts_string_array(segments, nsegments));
	if (find_score(facts, &score))
		json_push_member(&state, "$score", &score);
	known = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(facts->traits), JsonbPGetDatum(known)));
}
