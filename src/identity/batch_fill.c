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
#include "identity/value_order.h"
#include "miscadmin.h"

static Datum
source_value(Batch *batch, const char *source, bool *isnull)
{
	*isnull = source == NULL;
	return batch_source(batch, source);
}

/* An identifier as its row and the indexes want it, in little memory */
typedef struct IdentifierRow
{
	char	   *value;
	int			person;			/* its place in the batch's persons */
	int			kind;
} IdentifierRow;

/* Rows lie by person and then by kind: who asks for a person finds its identifiers together. */
typedef struct Identifiers
{
	Batch	   *batch;
	MhubIdRange ids;
	IdentifierRow *rows;		/* those written so far */
	OrderedValue *values;		/* of all in their order, while an index asks for it, */
	int		   *order;			/* and their rows */
} Identifiers;

static Datum
sealed_value(const Identifiers *identifiers, int row, bool *isnull)
{
	Batch	   *batch = identifiers->batch;
	const char *plain = batch_plain(batch, &batch->identifiers[batch->in_order[row]]);

	*isnull = plain == NULL;
	return *isnull ? (Datum) 0 : batch_sealed(plain, batch->persons[identifiers->rows[row].person].person_id);
}

static Datum
row_value(const Identifiers *identifiers, int row, int column, bool *isnull)
{
	Batch	   *batch = identifiers->batch;
	const IdentifierRow *indexed = &identifiers->rows[row];

	switch (column)
	{
		case IDENTIFIER_ID:
			return Int64GetDatum(batch->row_ids[row]);
		case IDENTIFIER_PERSON:
		case IDENTIFIER_FIRST_PERSON:
			return Int64GetDatum(batch->persons[indexed->person].person_id);
		case IDENTIFIER_KIND:
			return PointerGetDatum(batch->kinds->kinds[indexed->kind].name_text);
		case IDENTIFIER_VALUE:
			return PointerGetDatum(indexed->value - VARHDRSZ);
		case IDENTIFIER_SEALED:
			return sealed_value(identifiers, row, isnull);
		case IDENTIFIER_FIRST_SEEN:
			return TimestampTzGetDatum(batch->identifiers[batch->in_order[row]].earliest);
		case IDENTIFIER_LAST_SEEN:
			return TimestampTzGetDatum(batch->identifiers[batch->in_order[row]].latest);
		default:
			return source_value(batch, batch->identifiers[batch->in_order[row]].source, isnull);
	}
}

/* What the index by value asks for is at hand in its order. */
static Datum
ordered_value(const Identifiers *identifiers, int row, int column, bool *isnull)
{
	const OrderedValue *ordered = &identifiers->values[row];

	switch (column)
	{
		case IDENTIFIER_VALUE:
			return PointerGetDatum(ordered->value - VARHDRSZ);
		case IDENTIFIER_KIND:
			return PointerGetDatum(identifiers->batch->kinds->kinds[ordered->tie].name_text);
		default:
			return row_value(identifiers, ordered->number, column, isnull);
	}
}

static Datum
identifier_value(void *state, int row, int column, bool *isnull)
{
	const Identifiers *identifiers = state;

	return identifiers->values == NULL ? row_value(identifiers, row, column, isnull) : ordered_value(identifiers, row, column, isnull);
}

/* So many rows before its turn memory is asked for an identifier, which lies where it was observed first. */
#define AHEAD 16

/* Brings the identifiers of the next rows together, so that asking for their values finds them near. */
static void
prepare_identifiers(void *state, int row, int n)
{
	Identifiers *identifiers = state;
	Batch	   *batch = identifiers->batch;
	int			i;

	if (batch->pii)
		(void) batch_prepare_keys(batch, &batch->in_order[row], n); /* their persons are new */
	for (i = row; i < row + n; i++)
	{
		int			number = batch->in_order[i];
		BatchIdentifier *identifier = &batch->identifiers[number];

		if (i + AHEAD < batch->nidentifiers)
			__builtin_prefetch(&batch->identifiers[batch->in_order[i + AHEAD]]);
		__builtin_prefetch(identifier->value);
		identifier->identifier_id = batch->row_ids[i] = mhub_next_id(&identifiers->ids);
		identifiers->rows[i] = (IdentifierRow) {identifier->value, batch->person_of[number], identifier->kind};
	}
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

static int
person_of_identifier(const void *state, int number)
{
	return ((const Batch *) state)->person_of[number];
}

static int
kind_of_identifier(const void *state, int number)
{
	return ((const Batch *) state)->identifiers[number].kind;
}

/* Persons are numbered as their ids are drawn, so this is the order of the index by person, too. */
static int *
by_person_and_kind(const Batch *batch)
{
	int		   *by_kind = deal_out(batch, NULL, batch->nidentifiers, kind_of_identifier, batch->kinds->n);
	int		   *by_both = deal_out(batch, by_kind, batch->nidentifiers, person_of_identifier, batch->npersons);

	pfree(by_kind);
	return by_both;
}

/* Only (value, kind) is another order than that of the rows. */
static const int *
identifiers_in_order(void *state, int key)
{
	Identifiers *identifiers = state;
	int			n = identifiers->batch->nidentifiers;
	int			i;

	if (key != IDENTIFIER_BY_VALUE)
		return NULL;
	identifiers->values = palloc_extended(sizeof(OrderedValue) * (Size) n, MCXT_ALLOC_HUGE);
	for (i = 0; i < n; i++)
		identifiers->values[i] = (OrderedValue) {identifiers->rows[i].value, identifiers->rows[i].kind, i, 0};
	sort_values(identifiers->values, n);
	return identifiers->order = numbers_of_values(identifiers->values, n);
}

static void
expect_identifier(void *state, int row)
{
	__builtin_prefetch(((const Identifiers *) state)->values[row].value);
}

static void
forget_order(void *state)
{
	Identifiers *identifiers = state;

	pfree(identifiers->values);
	pfree(identifiers->order);
	identifiers->values = NULL;
}

void
batch_fill_identifiers(Batch *batch)
{
	Identifiers identifiers = {
		.batch = batch,
		.ids = {mhub_table_sequence(&identity_identifier_table), 0, 0},
		.rows = palloc_extended(sizeof(IdentifierRow) * (Size) batch->nidentifiers, MCXT_ALLOC_HUGE)
	};

	batch->in_order = by_person_and_kind(batch);
	batch->row_ids = palloc_extended(sizeof(int64) * (Size) batch->nidentifiers, MCXT_ALLOC_HUGE);
	mhub_draw_id_range(&identifiers.ids, batch->nidentifiers);
	mhub_table_fill(&identity_identifier_table, &(MhubFilling) {
		.n = batch->nidentifiers,
		.ncolumns = IDENTIFIER_COLUMNS,
		.fleeting = 1 << IDENTIFIER_SEALED,
		.state = &identifiers,
		.prepare = prepare_identifiers,
		.value = identifier_value,
		.in_order = identifiers_in_order,
		.expect = expect_identifier,
		.done = forget_order
	});
	pfree(identifiers.rows);
}

static const int *
as_given(void *state pg_attribute_unused(), int key pg_attribute_unused())
{
	return NULL;
}

static Datum
person_value(void *state, int row, int column, bool *isnull pg_attribute_unused())
{
	const BatchPerson *person = &((const Batch *) state)->persons[row];

	return column == PERSON_ID ? Int64GetDatum(person->person_id) : TimestampTzGetDatum(person->created_at);
}

void
batch_fill_persons(Batch *batch)
{
	mhub_table_fill(&identity_person_table, &(MhubFilling) {
		.n = batch->npersons,
		.ncolumns = PERSON_COLUMNS,
		.state = batch,
		.value = person_value,
		.in_order = as_given
	});
}

/* A link by the rows of its identifiers */
typedef struct LinkRow
{
	int			a;				/* a < b, unless their ids were drawn one by one: then it need not be so */
	int			b;
	int			number;			/* in the batch */
	bool		joins;
} LinkRow;

typedef struct Links
{
	Batch	   *batch;
	LinkRow    *rows;
	int			n;
} Links;

static inline int
compare_a(const LinkRow *x, const LinkRow *y)
{
	return (x->a > y->a) - (x->a < y->a);
}

#define ST_SORT sort_by_a
#define ST_ELEMENT_TYPE LinkRow
#define ST_COMPARE(x, y) compare_a(x, y)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

static int *
rows_of_identifiers(const Batch *batch)
{
	int		   *rows = palloc_extended(sizeof(int) * (Size) batch->nidentifiers, MCXT_ALLOC_HUGE);
	int			i;

	for (i = 0; i < batch->nidentifiers; i++)
		rows[batch->in_order[i]] = i;
	return rows;
}

/* The links to be written, as they came */
static LinkRow *
links_as_they_came(const Batch *batch, int *n)
{
	LinkRow    *links = palloc_extended(sizeof(LinkRow) * (Size) batch->nlinks, MCXT_ALLOC_HUGE);
	int		   *rows = rows_of_identifiers(batch);
	int			i;

	*n = 0;
	for (i = 0; i < batch->nlinks; i++)
	{
		const BatchLink *link = &batch->links[i];
		int			a = rows[link->a];
		int			b = rows[link->b];

		if (link->to_join || link->to_note)
			links[(*n)++] = (LinkRow) {Min(a, b), Max(a, b), i, link->to_join};
	}
	pfree(rows);
	return links;
}

/* By b, each of which has few. */
static LinkRow *
links_by_b(const LinkRow *links, int n, int nidentifiers, int *ends)
{
	LinkRow    *sorted = palloc_extended(sizeof(LinkRow) * (Size) n, MCXT_ALLOC_HUGE);
	int			i;

	for (i = 0; i < n; i++)
		ends[links[i].b + 1]++;
	for (i = 0; i < nidentifiers; i++)
		ends[i + 1] += ends[i];
	for (i = 0; i < n; i++)
		sorted[ends[links[i].b]++] = links[i];
	return sorted;
}

/* In the order of the index: by b, then by a */
static void
find_link_rows(Links *links)
{
	int			nidentifiers = links->batch->nidentifiers;
	int		   *ends = palloc_extended(sizeof(int) * ((Size) nidentifiers + 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	LinkRow    *unsorted = links_as_they_came(links->batch, &links->n);
	int			from = 0;
	int			i;

	links->rows = links_by_b(unsorted, links->n, nidentifiers, ends);
	for (i = 0; i < nidentifiers; i++)
	{
		if (ends[i] - from > 1)
			sort_by_a(links->rows + from, ends[i] - from);
		from = ends[i];
	}
	pfree(unsorted);
	pfree(ends);
}

static Datum
link_value(void *state, int row, int column, bool *isnull)
{
	const Links *links = state;
	Batch	   *batch = links->batch;
	const LinkRow *ends = &links->rows[row];
	int64		a = batch->row_ids[ends->a];
	int64		b = batch->row_ids[ends->b];

	switch (column)
	{
		case LINK_A:
			return Int64GetDatum(Min(a, b));
		case LINK_B:
			return Int64GetDatum(Max(a, b));
		case LINK_FIRST_SEEN:
			return TimestampTzGetDatum(batch->links[ends->number].earliest);
		case LINK_LAST_SEEN:
			return TimestampTzGetDatum(batch->links[ends->number].latest);
		case LINK_CONFIDENCE:
			return Float4GetDatum(batch->links[ends->number].confidence);
		case LINK_JOINS:
			return BoolGetDatum(ends->joins);
		case LINK_SOURCE:
			return source_value(batch, batch->links[ends->number].source, isnull);
		default:
			*isnull = true;
			return (Datum) 0;
	}
}

/* Brings the links of the next rows near, which lie where they were observed first. */
static void
prepare_links(void *state, int row, int n)
{
	const Links *links = state;
	int			i;

	for (i = row; i < row + n; i++)
	{
		const BatchLink *link = &links->batch->links[links->rows[i].number];

		__builtin_prefetch(link);
		__builtin_prefetch(&link->source);
	}
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
		.prepare = prepare_links,
		.value = link_value,
		.in_order = as_given
	});
	pfree(links.rows);
}
