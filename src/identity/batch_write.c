/*
 * batch_write.c
 *	  Writes what a batch's plan has found: identifiers, persons, merges.
 */
#include "mhub.h"

#include "identity/batch.h"
#include "identity/enc_text.h"
#include "identity/tables.h"

#include "catalog/pg_type.h"
#include "common/spi_array.h"
#include "common/spi_plan.h"
#include "executor/spi.h"
#include "privacy/privacy.h"

static MhubPlan move_inserted = {
	"UPDATE mhub.identifier AS i SET person_id = w.person_id, first_person_id = w.person_id, sealed = w.sealed::mhub.enc"
	" FROM ROWS FROM (unnest($1), unnest($2), unnest($3)) AS w(id, person_id, sealed) WHERE i.identifier_id = w.id",
	3, {INT8ARRAYOID, INT8ARRAYOID, TEXTARRAYOID}, NULL
};
/* Runs a statement for all rows at once, if there are any. */
void
batch_run(MhubPlan *statement, const MhubColumns *rows, int expected)
{
	Datum		args[MHUB_MAX_COLUMNS];

	if (rows->n == 0)
		return;
	mhub_columns_arrays(rows, args);
	(void) mhub_execute_batch(statement, args, NULL, expected);
}

/* The new person's id that inserted members of this root already carry, if one is left. */
static void
reuse_drawn(Batch *batch, const BatchIdentifier *identifier, BatchPerson *person)
{
	BatchPerson *drawn;

	if (person->person_id != 0 || !identifier->inserted || identifier->drawn < 0)
		return;
	drawn = &batch->drawn[identifier->drawn];
	if (drawn->claimed)
		return;
	drawn->claimed = true;
	person->person_id = drawn->person_id;
	person->drawn = identifier->drawn;
}

static void
draw_person(Batch *batch, BatchPerson *person, MhubIdRange *ids)
{
	BATCH_ROOM(batch->drawn, batch->ndrawn, batch->drawn_capacity);
	do
		person->person_id = mhub_next_id(ids);
	while (person->person_id == 0); /* which stands for nobody */
	person->drawn = batch->ndrawn;
	batch->drawn[batch->ndrawn] = *person;
	batch->drawn[batch->ndrawn++].claimed = true;
}

static int
count_roots(const MergePlan *plan)
{
	int			n = 0;
	int			i;

	for (i = 0; i < plan->nnodes; i++)
		n += plan->parents[i] == i;
	return n;
}

/* Gives each root of the plan its person: the existing one, or a new id. */
void
batch_assign_persons(Batch *batch)
{
	MhubIdRange ids;
	int			i;

	if (batch->assigned)
		return;
	ids = (MhubIdRange) {mhub_table_sequence(&identity_person_table), 0, 0};
	if (batch->fills)
		mhub_draw_id_range(&ids, count_roots(&batch->plan));
	if (batch->root_person != NULL)
		pfree(batch->root_person);
	batch->root_person = palloc_extended(sizeof(BatchPerson) * (Size) Max(batch->plan.nnodes, 1), MCXT_ALLOC_HUGE);
	for (i = 0; i < batch->plan.nnodes; i++)
		batch->root_person[i] = (BatchPerson) {batch->plan.nodes[i].person_id, -1, false, DT_NOEND};
	for (i = 0; i < batch->ndrawn; i++)
		batch->drawn[i].claimed = false;
	for (i = 0; batch->ndrawn > 0 && i < batch->nidentifiers; i++)
		reuse_drawn(batch, &batch->identifiers[i],
					&batch->root_person[plan_find(&batch->plan, batch->identifiers[i].node)]);
	for (i = 0; i < batch->nidentifiers; i++)
	{
		/* in the order of insertion, so that the index of persons grows at its end */
		const BatchIdentifier *identifier = &batch->identifiers[batch->in_order[i]];
		BatchPerson *person = &batch->root_person[plan_find(&batch->plan, identifier->node)];

		if (person->person_id == 0)
			draw_person(batch, person, &ids);
		person->created_at = Min(person->created_at, identifier->earliest);
	}
	batch->assigned = true;
}

static BatchPerson *
person_of(Batch *batch, int identifier)
{
	return &batch->root_person[plan_find(&batch->plan, batch->identifiers[identifier].node)];
}

/* The identifiers to be inserted, in order */
static int
missing_in_order(Batch *batch, int **missing)
{
	int			n = 0;
	int			i;

	*missing = palloc_extended(sizeof(int) * (Size) Max(batch->nidentifiers, 1), MCXT_ALLOC_HUGE);
	for (i = 0; i < batch->nidentifiers; i++)
	{
		if (batch->identifiers[batch->in_order[i]].person_id == 0)
			(*missing)[n++] = batch->in_order[i];
	}
	return n;
}

/* Makes the keys of all persons ready at once, so that sealing finds them.  Returns a person who was erased, 0 if none was. */
static int64
prepare_keys(Batch *batch, const int *missing, int n)
{
	int64		persons[MHUB_KEY_BATCH];
	int64		erased = 0;
	int			m = 0;
	int			i;

	for (i = 0; i < n && erased == 0; i++)
	{
		if (batch->identifiers[missing[i]].plain == NULL)
			continue;
		persons[m++] = person_of(batch, missing[i])->person_id;
		if (m == MHUB_KEY_BATCH)
		{
			erased = mhub_prepare_person_keys(persons, m);
			m = 0;
		}
	}
	return m > 0 && erased == 0 ? mhub_prepare_person_keys(persons, m) : erased;
}

Datum
batch_sealed(const BatchIdentifier *identifier, int64 person_id)
{
	return PointerGetDatum(mhub_seal(identifier->plain, person_id, "identifier.sealed"));
}

static void
add_identifier_row(Batch *batch, BatchIdentifier *identifier, const BatchPerson *person, MhubColumns *rows)
{
	const IdentityKind *kind = &batch->kinds->kinds[identifier->kind];
	Datum		sealed = identifier->plain == NULL ? (Datum) 0 : batch_sealed(identifier, person->person_id);

	mhub_columns_add(rows, (Datum[]) {
		Int64GetDatum(identifier->identifier_id), Int64GetDatum(person->person_id), Int64GetDatum(person->person_id),
		PointerGetDatum(kind->name_text), batch_value(identifier),
		sealed, TimestampTzGetDatum(identifier->earliest), TimestampTzGetDatum(identifier->latest),
		batch_source(batch, identifier->source)});
	if (identifier->plain == NULL)
		mhub_columns_null(rows, IDENTIFIER_SEALED);
	if (identifier->source == NULL)
		mhub_columns_null(rows, IDENTIFIER_SOURCE);
}

void
batch_mark_inserted(Batch *batch, int number)
{
	BatchIdentifier *identifier = &batch->identifiers[number];
	const BatchPerson *person = person_of(batch, number);

	identifier->person_id = person->person_id;
	identifier->drawn = person->drawn;
	identifier->inserted = true;
	identifier->first_seen = identifier->earliest;
	identifier->last_seen = identifier->latest;
}

/* Empties the rows for the next. */
static void
forget_rows(MhubColumns *rows)
{
	int			i;

	for (i = 0; i < rows->n; i++)
	{
		if (!rows->nulls[IDENTIFIER_SEALED][i])
			pfree(DatumGetPointer(rows->values[IDENTIFIER_SEALED][i]));
	}
	rows->n = 0;
}

/* A transaction that has drawn a few ids one by one is likely to go on: then it draws so many at once. */
#define IDS_ONE_BY_ONE 16
#define IDS_AT_ONCE 64

/* Ids of identifiers that this transaction has drawn and not used */
typedef struct KeptIds
{
	LocalTransactionId transaction;
	uint64		changes;		/* of the table: its sequence may have started over */
	int			drawn;			/* one by one, till now */
	bool		alone;			/* nobody else was drawing */
	MhubIdRange ids;
} KeptIds;

/* Which of two identifiers is older nobody asks by their ids; of persons it is, so they draw theirs when they come. */
static int64
next_identifier_id(void)
{
	static KeptIds kept;
	Oid			sequence = mhub_table_sequence(&identity_identifier_table);

	if (kept.transaction != mhub_local_transaction() || kept.changes != identity_identifier_table.changes)
		kept = (KeptIds) {mhub_local_transaction(), identity_identifier_table.changes, 0, true, {sequence, 0, 0}};
	if (kept.ids.left == 0 && kept.alone && kept.drawn++ >= IDS_ONE_BY_ONE)
	{
		mhub_draw_id_range(&kept.ids, IDS_AT_ONCE);
		kept.alone = kept.ids.left > 0;
	}
	return mhub_next_id(&kept.ids);
}

/*
 * Makes ids and keys ready for identifiers that are about to be written.
 * False when somebody has erased a person meanwhile whom they were to join:
 * then they are to be looked up once more.
 */
bool
batch_draw_identifiers(Batch *batch, const int *numbers, int n)
{
	int64		erased = prepare_keys(batch, numbers, n);
	int			i;

	if (erased != 0 && batch_forget_person(batch, erased))
		return false;
	for (i = 0; i < n; i++)
		batch->identifiers[numbers[i]].identifier_id =
			batch->identifier_ids.left > 0 ? mhub_next_id(&batch->identifier_ids) : next_identifier_id();
	return true;
}

/* False when another session was faster with one of them, or has erased their person. */
static bool
insert_some(Batch *batch, const int *missing, int n, MhubColumns *rows, bool stop)
{
	bool		inserted[BATCH_ROWS];
	uint64		done;
	int			i;

	if (!batch_draw_identifiers(batch, missing, n))
		return false;
	for (i = 0; i < n; i++)
		add_identifier_row(batch, &batch->identifiers[missing[i]], person_of(batch, missing[i]), rows);
	done = mhub_table_insert_unique(&identity_identifier_table, rows, IDENTIFIER_BY_VALUE, inserted, stop);
	for (i = 0; i < n; i++)
	{
		if (inserted[i])
			batch_mark_inserted(batch, missing[i]);
	}
	forget_rows(rows);
	return done == (uint64) n;
}

/*
 * Inserts the identifiers that are not there, with the persons of the present
 * plan.  False when another session was faster with one of them, or has erased
 * a person.
 */
bool
batch_insert_identifiers(Batch *batch)
{
	static const Oid types[IDENTIFIER_COLUMNS] = {
		INT8OID, INT8OID, INT8OID, TEXTOID, TEXTOID, BYTEAOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID
	};
	MhubColumns rows;
	int		   *missing;
	int			n = missing_in_order(batch, &missing);
	bool		all = true;
	int			i;

	mhub_columns_init(&rows, lengthof(types), types);
	for (i = 0; i < n; i += BATCH_ROWS)
	{
		if (!insert_some(batch, missing + i, Min(n - i, BATCH_ROWS), &rows, n <= MHUB_FEW_ROWS))
			all = false;
	}
	pfree(missing);
	return all;
}

static void
write_new_persons(Batch *batch)
{
	static const Oid types[] = {INT8OID, TIMESTAMPTZOID};
	MhubColumns rows;
	int			i;

	mhub_columns_init(&rows, lengthof(types), types);
	for (i = 0; i < batch->plan.nnodes; i++)
	{
		const BatchPerson *person = &batch->root_person[i];

		if (person->drawn >= 0 && plan_find(&batch->plan, i) == i)
			mhub_columns_add(&rows, (Datum[]) {Int64GetDatum(person->person_id), TimestampTzGetDatum(person->created_at)});
		if (rows.n == BATCH_ROWS || i + 1 == batch->plan.nnodes)
		{
			(void) mhub_table_insert(&identity_person_table, &rows);
			rows.n = 0;
		}
	}
}

static void
add_moved_row(const BatchIdentifier *identifier, int64 person_id, MhubColumns *rows)
{
	Datum		sealed = 0;

	if (identifier->plain != NULL)
		sealed = identity_enc_text(mhub_seal(identifier->plain, person_id, "identifier.sealed"));
	mhub_columns_add(rows, (Datum[]) {Int64GetDatum(identifier->identifier_id), Int64GetDatum(person_id), sealed});
	if (identifier->plain == NULL)
		mhub_columns_null(rows, 2);
}

/*
 * Identifiers inserted before the locks were taken whose person turned out
 * another.  Their values are sealed again, lest the erasure of the person they
 * were taken for makes them unreadable.
 */
static void
write_moved_inserted(Batch *batch)
{
	static const Oid types[] = {INT8OID, INT8OID, TEXTOID};
	MhubColumns rows;
	int			i;

	mhub_columns_init(&rows, lengthof(types), types);
	for (i = 0; i < batch->nidentifiers; i++)
	{
		const BatchIdentifier *identifier = &batch->identifiers[i];
		int64		person_id = person_of(batch, i)->person_id;

		if (identifier->inserted && identifier->person_id != person_id)
			add_moved_row(identifier, person_id, &rows);
	}
	batch_run(&move_inserted, &rows, SPI_OK_UPDATE);
}

/* The caller has inserted the identifiers, holds the locks and has assigned the persons. */
void
batch_apply(Batch *batch)
{
	if (batch->fills_persons)
		batch_fill_persons(batch);
	else
		write_new_persons(batch);
	if (batch->fills)
		batch_fill_links(batch);
	else
	{
		write_moved_inserted(batch);
		batch_write_merges(batch);
		batch_write_links(batch);
	}
	batch_write_conflicts(batch);
	batch_write_traits(batch);
	/* Last, because it waits for nobody and others may wait for it. */
	if (!batch->fills)
		batch_write_seen(batch);
}
