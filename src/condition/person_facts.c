/*
 * person_facts.c
 *	  What the hub knows about a person, read table by table.
 */
#include "mhub.h"

#include "condition/person_facts.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "condition/json_member.h"
#include "condition/value.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

/* Columns and keys of the tables, by their numbers */
enum
{
	PERSON_ID, PERSON_MERGED_INTO, PERSON_TRAITS
};
enum
{
	PERSON_BY_ID, PERSON_BY_SURVIVOR
};
enum
{
	COUNTER_IDENTIFIER, COUNTER_NAME, COUNTER_DAY, COUNTER_COUNT, COUNTER_VALUE, COUNTER_FIRST_AT, COUNTER_LAST_AT
};
enum
{
	COUNTER_BY_IDENTIFIER, COUNTER_BY_NAME
};
enum
{
	CONSENT_PERSON, CONSENT_PURPOSE, CONSENT_CHANNEL, CONSENT_GRANTED, CONSENT_ID
};
enum
{
	CONSENT_BY_PERSON, CONSENT_BY_PURPOSE
};

/* Of these two, persons' ids are the first column and the only key. */
enum
{
	IDENTIFIER_ID = 1, LISTED_SEGMENT = 1
};

static MhubTable person_table = {
	.name = "person",
	.only_read = true,
	.ncolumns = 3,
	.columns = {"person_id", "merged_into", "traits"},
	.types = {INT8OID, INT8OID, JSONBOID},
	.keys = {{1, {PERSON_ID}}, {1, {PERSON_MERGED_INTO}}}
};
static MhubTable identifier_table = {
	.name = "identifier",
	.only_read = true,
	.ncolumns = 2,
	.columns = {"person_id", "identifier_id"},
	.types = {INT8OID, INT8OID},
	.keys = {{1, {0}}}
};
static MhubTable counter_table = {
	.name = "event_counter",
	.only_read = true,
	.ncolumns = 7,
	.columns = {"identifier_id", "name", "day", "count", "value_sum", "first_at", "last_at"},
	.types = {INT8OID, TEXTOID, DATEOID, INT8OID, NUMERICOID, TIMESTAMPTZOID, TIMESTAMPTZOID},
	.keys = {{1, {COUNTER_IDENTIFIER}}, {2, {COUNTER_IDENTIFIER, COUNTER_NAME}}}
};
static MhubTable consent_table = {
	.name = "consent",
	.only_read = true,
	.ncolumns = 5,
	.columns = {"person_id", "purpose", "channel", "granted", "consent_id"},
	.types = {INT8OID, TEXTOID, TEXTOID, BOOLOID, INT8OID},
	.keys = {{1, {CONSENT_PERSON}}, {2, {CONSENT_PERSON, CONSENT_PURPOSE}}}
};
static MhubTable list_table = {
	.name = "segment_listed",
	.only_read = true,
	.ncolumns = 2,
	.columns = {"person_id", "segment"},
	.types = {INT8OID, TEXTOID},
	.keys = {{1, {0}}}
};

static MhubHints person_hints;

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
facts_reader_open(FactsReader *reader, const FactsWanted *wanted, TimestampTz at)
{
	memset(reader, 0, sizeof(*reader));
	reader->wanted = wanted;
	reader->at = at;
	reader->persons = mhub_table_open_to_read(&person_table);
	reader->consent = mhub_table_open_to_read(&consent_table);
	if (wants_events(wanted))
	{
		reader->identifiers = mhub_table_open_to_read(&identifier_table);
		reader->counters = mhub_table_open_to_read(&counter_table);
	}
	if (wanted->lists)
		reader->lists = mhub_table_open_to_read(&list_table);
}

void
facts_reader_close(FactsReader *reader)
{
	mhub_table_close(reader->persons);
	mhub_table_close(reader->consent);
	if (wants_events(reader->wanted))
	{
		mhub_table_close(reader->identifiers);
		mhub_table_close(reader->counters);
	}
	if (reader->wanted->lists)
		mhub_table_close(reader->lists);
}

/*
 * Scans of four indexes at once take over 100 kB.  Where they are open for a
 * moment only, the C library would give that back to the system, and ask for
 * it again, for each person.
 */
static void
leave(const FactsReader *reader, MhubTableAccess *part)
{
	if (reader->once)
		mhub_table_rest(part);
}

static bool
read_person(FactsReader *reader, PersonFacts *facts)
{
	Datum		key = Int64GetDatum(facts->person_id);
	bool		survives;

	if (!mhub_table_find(reader->persons, PERSON_BY_ID, &key, &person_hints, hash_bytes_uint32((uint32) facts->person_id)))
		return false;
	(void) mhub_table_value(reader->persons, PERSON_MERGED_INTO, &survives);
	if (survives)
		facts->traits = DatumGetJsonbPCopy(mhub_table_datum(reader->persons, PERSON_TRAITS));
	return survives;
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

		CHECK_FOR_INTERRUPTS();
		mhub_table_seek(reader->persons, PERSON_BY_SURVIVOR, &key);
		while (mhub_table_next(reader->persons))
			APPEND(family.ids, family.n, family.space, DatumGetInt64(mhub_table_datum(reader->persons, PERSON_ID)));
	}
	leave(reader, reader->persons);
	return family;
}

static Ids
read_identifiers(FactsReader *reader, int64 person_id)
{
	Ids			identifiers = {NULL, 0, 0};
	Datum		key = Int64GetDatum(person_id);

	mhub_table_seek(reader->identifiers, 0, &key);
	while (mhub_table_next(reader->identifiers))
		APPEND(identifiers.ids, identifiers.n, identifiers.space,
			   DatumGetInt64(mhub_table_datum(reader->identifiers, IDENTIFIER_ID)));
	leave(reader, reader->identifiers);
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
copy_count(const FactsReader *reader, const char *name)
{
	MhubTableAccess *counters = reader->counters;
	EventCount	count = {.name = name, .length = strlen(name)};

	count.day = DatumGetDateADT(mhub_table_datum(counters, COUNTER_DAY));
	count.count = DatumGetInt64(mhub_table_datum(counters, COUNTER_COUNT));
	if (reader->wanted->event_objects)
		count.value = DatumGetNumericCopy(mhub_table_datum(counters, COUNTER_VALUE));
	count.first_at = DatumGetTimestampTz(mhub_table_datum(counters, COUNTER_FIRST_AT));
	count.last_at = DatumGetTimestampTz(mhub_table_datum(counters, COUNTER_LAST_AT));
	return count;
}

/* Takes those of the counters found that are wanted; false when more than so many (-1: any number) are not. */
static bool
take_counts(FactsReader *reader, int most_unwanted, Counts *counts)
{
	int			unwanted = 0;

	while (mhub_table_next(reader->counters))
	{
		text	   *given = DatumGetTextPP(mhub_table_datum(reader->counters, COUNTER_NAME));
		const char *name = wanted_name(reader->wanted, VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given));

		if (name == NULL)
		{
			if (unwanted++ == most_unwanted)
				return false;
		}
		else if (DatumGetTimestampTz(mhub_table_datum(reader->counters, COUNTER_FIRST_AT)) <= reader->at)
			APPEND(counts->counts, counts->n, counts->space, copy_count(reader, name));
	}
	return true;
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

	mhub_table_seek(reader->counters, COUNTER_BY_IDENTIFIER, keys);
	if (take_counts(reader, wanted->all_events ? -1 : wanted->nevents, counts))
		return;
	counts->n = before;
	for (int i = 0; i < wanted->nevents; i++)
	{
		keys[1] = CStringGetTextDatum(wanted->events[i]);
		mhub_table_seek(reader->counters, COUNTER_BY_NAME, keys);
		(void) take_counts(reader, -1, counts);
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
	leave(reader, reader->counters);
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

static Decided
decided_by(MhubTableAccess *consent, int64 person_id)
{
	Decided		decided = {.person_id = person_id};
	bool		for_all;
	Datum		channel = mhub_table_value(consent, CONSENT_CHANNEL, &for_all);

	decided.purpose = TextDatumGetCString(mhub_table_datum(consent, CONSENT_PURPOSE));
	decided.channel = for_all ? "" : TextDatumGetCString(channel);
	decided.granted = DatumGetBool(mhub_table_datum(consent, CONSENT_GRANTED));
	decided.consent_id = DatumGetInt64(mhub_table_datum(consent, CONSENT_ID));
	return decided;
}

static Jsonb *
read_consent(FactsReader *reader, const Ids *family)
{
	int			by = reader->wanted->all_consent ? CONSENT_BY_PERSON : CONSENT_BY_PURPOSE;
	Datum		keys[2] = {0, CStringGetTextDatum("profiling")};
	Decided    *decided = NULL;
	int			n = 0;
	int			space = 0;

	for (int i = 0; i < family->n; i++)
	{
		keys[0] = Int64GetDatum(family->ids[i]);
		mhub_table_seek(reader->consent, by, keys);
		while (mhub_table_next(reader->consent))
			APPEND(decided, n, space, decided_by(reader->consent, family->ids[i]));
	}
	leave(reader, reader->consent);
	return consent_object(decided, n);
}

static void
read_lists(FactsReader *reader, const Ids *family, PersonFacts *facts)
{
	int			space = 0;

	for (int i = 0; i < family->n; i++)
	{
		Datum		key = Int64GetDatum(family->ids[i]);

		mhub_table_seek(reader->lists, 0, &key);
		while (mhub_table_next(reader->lists))
			APPEND(facts->lists, facts->nlists, space, TextDatumGetCString(mhub_table_datum(reader->lists, LISTED_SEGMENT)));
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
facts_read_one(const FactsWanted *wanted, TimestampTz at, int64 person_id, PersonFacts *facts)
{
	FactsReader reader;
	bool		known;

	facts_reader_open(&reader, wanted, at);
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
