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

/* The person of an identifier, which this may be the first to ask for */
static BatchPerson *
person_of(Batch *batch, int identifier)
{
	int			root = plan_find(&batch->plan, batch->node_of[identifier]);
	int			number = batch->person_of_root[root];

	if (number < 0)
	{
		BATCH_ROOM(batch->persons, batch->npersons, batch->persons_capacity);
		number = batch->person_of_root[root] = batch->npersons++;
		batch->persons[number] = (BatchPerson) {batch->plan.nodes[root].person_id, DT_NOEND, -1};
	}
	batch->person_of[identifier] = number;
	return &batch->persons[number];
}

/* The new person's id that inserted members of this root already carry, if one is left. */
static void
reuse_drawn(Batch *batch, int number)
{
	BatchPerson *person = person_of(batch, number);
	int			place = batch->rows[number].drawn;

	if (person->person_id != 0 || place < 0 || batch->drawn[place].claimed)
		return;
	batch->drawn[place].claimed = true;
	person->person_id = batch->drawn[place].person_id;
	person->drawn = place;
}

static void
reuse_all_drawn(Batch *batch)
{
	int			i;

	for (i = 0; i < batch->ndrawn; i++)
		batch->drawn[i].claimed = false;
	for (i = 0; batch->ndrawn > 0 && i < batch->nidentifiers; i++)
	{
		if (batch->identifiers[i].inserted)
			reuse_drawn(batch, i);
	}
}

static void
draw_person(Batch *batch, BatchPerson *person, MhubIdRange *ids)
{
	BATCH_ROOM(batch->drawn, batch->ndrawn, batch->drawn_capacity);
	do
		person->person_id = mhub_next_id(ids);
	while (person->person_id == 0); /* which stands for nobody */
	person->drawn = batch->ndrawn;
	batch->drawn[batch->ndrawn++] = (BatchDrawn) {person->person_id, true};
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

static void
forget_assigned(Batch *batch)
{
	Size		size = sizeof(int) * (Size) batch->plan.nnodes;

	if (batch->person_of_root != NULL)
		pfree(batch->person_of_root);
	batch->person_of_root = palloc_extended(size, MCXT_ALLOC_HUGE);
	memset(batch->person_of_root, 0xff, size);
	if (batch->person_of == NULL)
		batch->person_of = palloc_extended(sizeof(int) * (Size) batch->nidentifiers, MCXT_ALLOC_HUGE);
	batch->npersons = 0;
}

/*
 * Gives each root of the plan its person: the existing one, or a new id.  Ids
 * are drawn in the order of insertion, so that the index of persons grows at
 * its end.
 */
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
	forget_assigned(batch);
	reuse_all_drawn(batch);
	for (i = 0; i < batch->nidentifiers; i++)
	{
		int			number = batch->in_order == NULL ? i : batch->in_order[i];
		BatchPerson *person = person_of(batch, number);

		if (person->person_id == 0)
			draw_person(batch, person, &ids);
		person->created_at = Min(person->created_at, batch->identifiers[number].earliest);
	}
	batch->assigned = true;
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

/* Makes the keys of their persons ready at once, so that sealing finds them.  Returns a person who was erased, 0 if none was. */
int64
batch_prepare_keys(Batch *batch, const int *numbers, int n)
{
	int64		persons[MHUB_KEY_BATCH];
	int64		erased = 0;
	int			m = 0;
	int			i;

	for (i = 0; i < n && erased == 0; i++)
	{
		const BatchIdentifier *identifier = &batch->identifiers[numbers[i]];

		if (batch_plain(batch, identifier) == NULL)
			continue;
		persons[m++] = batch_person_of(batch, numbers[i])->person_id;
		if (m == MHUB_KEY_BATCH)
		{
			erased = mhub_prepare_person_keys(persons, m);
			m = 0;
		}
	}
	return m > 0 && erased == 0 ? mhub_prepare_person_keys(persons, m) : erased;
}

Datum
batch_sealed(const char *plain, int64 person_id)
{
	return PointerGetDatum(mhub_seal(plain, person_id, "identifier.sealed"));
}

static void
add_identifier_row(Batch *batch, BatchIdentifier *identifier, const BatchPerson *person, MhubColumns *rows)
{
	const IdentityKind *kind = &batch->kinds->kinds[identifier->kind];
	const char *plain = batch_plain(batch, identifier);
	Datum		sealed = plain == NULL ? (Datum) 0 : batch_sealed(plain, person->person_id);

	mhub_columns_add(rows, (Datum[]) {
		Int64GetDatum(identifier->identifier_id), Int64GetDatum(person->person_id), Int64GetDatum(person->person_id),
		PointerGetDatum(kind->name_text), batch_value(identifier),
		sealed, TimestampTzGetDatum(identifier->earliest), TimestampTzGetDatum(identifier->latest),
		batch_source(batch, identifier->source)});
	if (plain == NULL)
		mhub_columns_null(rows, IDENTIFIER_SEALED);
	if (identifier->source == NULL)
		mhub_columns_null(rows, IDENTIFIER_SOURCE);
}

static void
mark_inserted(Batch *batch, int number)
{
	BatchIdentifier *identifier = &batch->identifiers[number];
	const BatchPerson *person = batch_person_of(batch, number);

	identifier->person_id = person->person_id;
	identifier->inserted = true;
	batch->rows[number].first_seen = identifier->earliest;
	batch->rows[number].last_seen = identifier->latest;
	batch->rows[number].drawn = person->drawn;
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
 * Makes keys ready for identifiers that are about to be inserted.  False when
 * somebody has erased a person meanwhile whom they were to join: then they are
 * to be looked up once more.
 */
static bool
prepare_keys(Batch *batch, const int *numbers, int n)
{
	int64		erased = batch_prepare_keys(batch, numbers, n);

	return erased == 0 || !batch_forget_person(batch, erased);
}

/* False when another session was faster with one of them, or has erased their person. */
static bool
insert_some(Batch *batch, const int *missing, int n, MhubColumns *rows, bool stop)
{
	bool		inserted[BATCH_ROWS];
	uint64		done;
	int			i;

	if (!prepare_keys(batch, missing, n))
		return false;
	for (i = 0; i < n; i++)
	{
		BatchIdentifier *identifier = &batch->identifiers[missing[i]];

		identifier->identifier_id = next_identifier_id();
		add_identifier_row(batch, identifier, batch_person_of(batch, missing[i]), rows);
	}
	done = mhub_table_insert_unique(&identity_identifier_table, rows, IDENTIFIER_BY_VALUE, inserted, stop);
	for (i = 0; i < n; i++)
	{
		if (inserted[i])
			mark_inserted(batch, missing[i]);
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
	for (i = 0; i < batch->npersons; i++)
	{
		const BatchPerson *person = &batch->persons[i];

		if (person->drawn >= 0)
			mhub_columns_add(&rows, (Datum[]) {Int64GetDatum(person->person_id), TimestampTzGetDatum(person->created_at)});
		if (rows.n == BATCH_ROWS || i + 1 == batch->npersons)
		{
			(void) mhub_table_insert(&identity_person_table, &rows);
			rows.n = 0;
		}
	}
}

static void
add_moved_row(const Batch *batch, const BatchIdentifier *identifier, int64 person_id, MhubColumns *rows)
{
	const char *plain = batch_plain(batch, identifier);
	Datum		sealed = 0;

	if (plain != NULL)
		sealed = identity_enc_text(mhub_seal(plain, person_id, "identifier.sealed"));
	mhub_columns_add(rows, (Datum[]) {Int64GetDatum(identifier->identifier_id), Int64GetDatum(person_id), sealed});
	if (plain == NULL)
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
		int64		person_id = batch_person_of(batch, i)->person_id;

		if (identifier->inserted && identifier->person_id != person_id)
			add_moved_row(batch, identifier, person_id, &rows);
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
