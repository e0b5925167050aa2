/*
 * batch_fill.c
 *	  Writes a batch into empty tables: all rows first, then the indexes.
 *
 * Nothing was there before and nobody else is writing, so each identifier of
 * the batch is new, and so are all links and persons.  The orders that the
 * indexes want are found from the batch, mostly without comparing anything.
 */
#include "mhub.h"

#include "identity/batch.h"

#include "common/table_fill.h"
#include "identity/tables.h"

static Datum
source_value(Batch *batch, const char *source, bool *isnull)
{
	*isnull = source == NULL;
	return batch_source(batch, source);
}

/* What indexes ask for in an order of their own, in little memory */
typedef struct IndexedPart
{
	char	   *value;
	int			drawn;
	int			kind;
} IndexedPart;

typedef struct Identifiers
{
	Batch	   *batch;
	IndexedPart *parts;
} Identifiers;

static Datum
identifier_value(void *state, int row, int column, bool *isnull)
{
	const Identifiers *identifiers = state;
	Batch	   *batch = identifiers->batch;
	const IndexedPart *part = &identifiers->parts[row];
	const BatchIdentifier *identifier = &batch->identifiers[row];

	switch (column)
	{
		case IDENTIFIER_ID:
			return Int64GetDatum(identifier->identifier_id);
		case IDENTIFIER_PERSON:
		case IDENTIFIER_FIRST_PERSON:
			return Int64GetDatum(batch->drawn[part->drawn].person_id);
		case IDENTIFIER_KIND:
			return PointerGetDatum(batch->kinds->kinds[part->kind].name_text);
		case IDENTIFIER_VALUE:
			return PointerGetDatum(part->value - VARHDRSZ);
		case IDENTIFIER_SEALED:
			*isnull = identifier->plain == NULL;
			return *isnull ? (Datum) 0 : batch_sealed(identifier, identifier->person_id);
		case IDENTIFIER_FIRST_SEEN:
			return TimestampTzGetDatum(identifier->first_seen);
		case IDENTIFIER_LAST_SEEN:
			return TimestampTzGetDatum(identifier->last_seen);
		default:
			return source_value(batch, identifier->source, isnull);
	}
}

static void
expect_identifier(void *state, int next, int later)
{
	const Identifiers *identifiers = state;

	__builtin_prefetch(identifiers->parts[next].value);
	__builtin_prefetch(&identifiers->parts[later]);
}

static void
prepare_identifiers(void *state, int row, int n)
{
	const Identifiers *identifiers = state;
	Batch	   *batch = identifiers->batch;
	int			i;

	(void) batch_draw_identifiers(batch, &batch->in_order[row], n); /* their persons are new */
	for (i = row; i < row + n; i++)
	{
		const BatchIdentifier *identifier = &batch->identifiers[i];

		batch_mark_inserted(batch, i);
		identifiers->parts[i] = (IndexedPart) {identifier->value, identifier->drawn, identifier->kind};
	}
}

static int
drawn_of_identifier(const void *state, int number)
{
	return ((const Identifiers *) state)->parts[number].drawn;
}

static int
kind_of_identifier(const void *state, int number)
{
	return ((const Identifiers *) state)->parts[number].kind;
}

static int
a_of_link(const void *state, int number)
{
	return ((const Batch *) state)->links[number].a;
}

static int
b_of_link(const void *state, int number)
{
	return ((const Batch *) state)->links[number].b;
}

/* Sorts n numbers by a key below nkeys, keeping their order where it is the same.  NULL: 0, 1, 2, ... */
static int *
deal_out(const void *state, const int *numbers, int n, int (*key) (const void *, int), int nkeys)
{
	int		   *dealt = palloc_extended(sizeof(int) * (Size) n, MCXT_ALLOC_HUGE);
	int		   *next = palloc_extended(sizeof(int) * ((Size) nkeys + 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	int			i;

	for (i = 0; i < n; i++)
		next[key(state, numbers == NULL ? i : numbers[i]) + 1]++;
	for (i = 0; i < nkeys; i++)
		next[i + 1] += next[i];
	for (i = 0; i < n; i++)
	{
		int			number = numbers == NULL ? i : numbers[i];

		dealt[next[key(state, number)]++] = number;
	}
	pfree(next);
	return dealt;
}

/* By one key and where that is the same by another */
static int *
deal_out_by_two(const void *state, int n, int (*first) (const void *, int), int nfirst, int (*second) (const void *, int), int nsecond)
{
	int		   *by_second = deal_out(state, NULL, n, second, nsecond);
	int		   *by_both = deal_out(state, by_second, n, first, nfirst);

	pfree(by_second);
	return by_both;
}

static int *
identifiers_in_order(void *state, int key)
{
	const Batch *batch = ((const Identifiers *) state)->batch;

	switch (key)
	{
		case IDENTIFIER_BY_VALUE:
			return batch_sorted_identifiers(batch);
		case IDENTIFIER_BY_PERSON:
			return deal_out_by_two(state, batch->nidentifiers, drawn_of_identifier, batch->ndrawn,
								   kind_of_identifier, batch->kinds->n);
		default:
			return NULL;		/* ids are drawn in order */
	}
}

void
batch_fill_identifiers(Batch *batch)
{
	Identifiers identifiers = {batch, palloc_extended(sizeof(IndexedPart) * (Size) batch->nidentifiers, MCXT_ALLOC_HUGE)};

	batch->identifier_ids = (MhubIdRange) {mhub_table_sequence(&identity_identifier_table), 0, 0};
	mhub_draw_id_range(&batch->identifier_ids, batch->nidentifiers);
	mhub_table_fill(&identity_identifier_table, &(MhubFilling) {
		.n = batch->nidentifiers,
		.ncolumns = IDENTIFIER_COLUMNS,
		.fleeting = 1 << IDENTIFIER_SEALED,
		.state = &identifiers,
		.prepare = prepare_identifiers,
		.expect = expect_identifier,
		.value = identifier_value,
		.in_order = identifiers_in_order
	});
	pfree(identifiers.parts);
}

static int *
as_given(void *state pg_attribute_unused(), int key pg_attribute_unused())
{
	return NULL;
}

typedef struct Persons
{
	Batch	   *batch;
	int		   *roots;			/* in the order in which they were drawn */
} Persons;

static Datum
person_value(void *state, int row, int column, bool *isnull pg_attribute_unused())
{
	const Persons *persons = state;
	const BatchPerson *person = &persons->batch->root_person[persons->roots[row]];

	return column == PERSON_ID ? Int64GetDatum(person->person_id) : TimestampTzGetDatum(person->created_at);
}

void
batch_fill_persons(Batch *batch)
{
	Persons		persons = {batch, palloc_extended(sizeof(int) * (Size) batch->ndrawn, MCXT_ALLOC_HUGE)};
	int			i;

	for (i = 0; i < batch->plan.nnodes; i++)
	{
		if (batch->root_person[i].drawn >= 0)
			persons.roots[batch->root_person[i].drawn] = i;
	}
	mhub_table_fill(&identity_person_table, &(MhubFilling) {
		.n = batch->ndrawn,
		.ncolumns = PERSON_COLUMNS,
		.state = &persons,
		.value = person_value,
		.in_order = as_given
	});
	pfree(persons.roots);
}

/* A link as the table has it */
typedef struct LinkRow
{
	int64		a;				/* the smaller id */
	int64		b;
	const BatchLink *link;
	bool		joins;
} LinkRow;

typedef struct Links
{
	Batch	   *batch;
	LinkRow    *rows;
	int			n;
} Links;

static int64 *
ids_of_identifiers(const Batch *batch)
{
	int64	   *ids = palloc_extended(sizeof(int64) * (Size) batch->nidentifiers, MCXT_ALLOC_HUGE);
	int			i;

	for (i = 0; i < batch->nidentifiers; i++)
		ids[i] = batch->identifiers[i].identifier_id;
	return ids;
}

/* In the order of ids, which is that of the identifiers' numbers */
static void
find_link_rows(Links *links)
{
	const Batch *batch = links->batch;
	int		   *order = deal_out_by_two(batch, batch->nlinks, a_of_link, batch->nidentifiers, b_of_link, batch->nidentifiers);
	int64	   *ids = ids_of_identifiers(batch);
	int			i;

	links->rows = palloc_extended(sizeof(LinkRow) * (Size) Max(batch->nlinks, 1), MCXT_ALLOC_HUGE);
	links->n = 0;
	for (i = 0; i < batch->nlinks; i++)
	{
		const BatchLink *link = &batch->links[order[i]];
		int64		a = ids[link->a];
		int64		b = ids[link->b];

		if (i + MHUB_FILLING_AHEAD < batch->nlinks)
			__builtin_prefetch(&batch->links[order[i + MHUB_FILLING_AHEAD]]);
		if (link->to_join || link->to_note)
			links->rows[links->n++] = (LinkRow) {Min(a, b), Max(a, b), link, link->to_join};
	}
	pfree(order);
	pfree(ids);
}

static Datum
link_value(void *state, int row, int column, bool *isnull)
{
	const Links *links = state;
	const BatchLink *link = links->rows[row].link;

	switch (column)
	{
		case LINK_A:
			return Int64GetDatum(links->rows[row].a);
		case LINK_B:
			return Int64GetDatum(links->rows[row].b);
		case LINK_FIRST_SEEN:
			return TimestampTzGetDatum(link->earliest);
		case LINK_LAST_SEEN:
			return TimestampTzGetDatum(link->latest);
		case LINK_CONFIDENCE:
			return Float4GetDatum(link->confidence);
		case LINK_JOINS:
			return BoolGetDatum(links->rows[row].joins);
		case LINK_SOURCE:
			return source_value(links->batch, link->source, isnull);
		default:
			*isnull = true;
			return (Datum) 0;
	}
}

static void
expect_link(void *state, int next pg_attribute_unused(), int later)
{
	const BatchLink *link = ((const Links *) state)->rows[later].link;

	__builtin_prefetch(link);
	__builtin_prefetch(&link->source);
}

void
batch_fill_links(Batch *batch)
{
	Links		links = {.batch = batch};

	find_link_rows(&links);
	mhub_table_fill(&identity_link_table, &(MhubFilling) {
		.n = links.n,
		.ncolumns = LINK_COLUMNS,
		.state = &links,
		.expect = expect_link,
		.value = link_value,
		.in_order = as_given
	});
	pfree(links.rows);
}
