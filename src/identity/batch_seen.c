/*
 * batch_seen.c
 *	  When identifiers, persons and links were seen first and last.
 *
 * First times are exact, and change under the person's lock.  Last times are
 * not worth waiting for somebody: rows that are locked keep theirs.
 */
#include "mhub.h"

#include "identity/batch.h"
#include "identity/tables.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/spi_plan.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/snapmgr.h"

static MhubPlan seen_links = {
	"UPDATE mhub.link AS l SET first_seen_at = least(l.first_seen_at, w.first), last_seen_at = greatest(l.last_seen_at, w.last)"
	" FROM (SELECT u.* FROM ROWS FROM (unnest($1), unnest($2), unnest($3), unnest($4)) AS u(a, b, first, last)"
	"  JOIN mhub.link AS x ON x.identifier_a = u.a AND x.identifier_b = u.b FOR NO KEY UPDATE OF x SKIP LOCKED) AS w"
	" WHERE l.identifier_a = w.a AND l.identifier_b = w.b",
	4, {INT8ARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID}, NULL
};
static MhubPlan seen_earlier = {
	"UPDATE mhub.identifier AS i SET first_seen_at = w.at FROM ROWS FROM (unnest($1), unnest($2)) AS w(id, at)"
	" WHERE i.identifier_id = w.id AND i.first_seen_at > w.at",
	2, {INT8ARRAYOID, TIMESTAMPTZARRAYOID}, NULL
};
static MhubPlan created_earlier = {
	"UPDATE mhub.person AS p SET created_at = w.at FROM ROWS FROM (unnest($1), unnest($2)) AS w(id, at)"
	" WHERE p.person_id = w.id AND p.created_at > w.at",
	2, {INT8ARRAYOID, TIMESTAMPTZARRAYOID}, NULL
};
static MhubPlan seen_later = {
	"UPDATE mhub.identifier AS i SET last_seen_at = greatest(i.last_seen_at, w.at)"
	" FROM (SELECT u.* FROM ROWS FROM (unnest($1), unnest($2)) AS u(id, at)"
	"  JOIN mhub.identifier AS x ON x.identifier_id = u.id FOR NO KEY UPDATE OF x SKIP LOCKED) AS w"
	" WHERE i.identifier_id = w.id",
	2, {INT8ARRAYOID, TIMESTAMPTZARRAYOID}, NULL
};

static bool
seen_anew(TimestampTz earliest, TimestampTz latest, TimestampTz first_seen, TimestampTz last_seen)
{
	return earliest < first_seen || latest - last_seen >= IDENTITY_SEEN_STEP;
}

static bool
is_earlier(const Batch *batch, int number)
{
	return batch->identifiers[number].earliest < batch->rows[number].first_seen;
}

static bool
is_later(const Batch *batch, int number)
{
	return batch->identifiers[number].latest - batch->rows[number].last_seen >= IDENTITY_SEEN_STEP;
}

/* False: a statement has to. */
static bool
set_times(const Batch *batch, MhubTableAccess *identifiers, int number)
{
	const BatchIdentifier *identifier = &batch->identifiers[number];
	MhubTableChange changes[2];
	int			n = 0;
	bool		isnull;

	if (identifiers == NULL || !batch_find_again(batch, identifiers, number))
		return false;
	if (!is_earlier(batch, number) && !mhub_table_lock_found(identifiers))
		return true;
	/* Somebody else may have moved them further since they were read. */
	if (identifier->earliest < DatumGetTimestampTz(mhub_table_value(identifiers, IDENTIFIER_FIRST_SEEN, &isnull)))
		changes[n++] = (MhubTableChange) {IDENTIFIER_FIRST_SEEN, TimestampTzGetDatum(identifier->earliest)};
	if (is_later(batch, number) &&
		identifier->latest > DatumGetTimestampTz(mhub_table_value(identifiers, IDENTIFIER_LAST_SEEN, &isnull)))
		changes[n++] = (MhubTableChange) {IDENTIFIER_LAST_SEEN, TimestampTzGetDatum(identifier->latest)};
	return n == 0 || mhub_table_change_found(identifiers, changes, n);
}

/* Rows that statements have to change */
typedef struct SeenRows
{
	MhubColumns earlier;
	MhubColumns later;
	MhubColumns created;		/* persons */
} SeenRows;

static void
add_row(MhubColumns *rows, int64 id, TimestampTz at)
{
	mhub_columns_add(rows, (Datum[]) {Int64GetDatum(id), TimestampTzGetDatum(at)});
}

static void
write_identifiers(Batch *batch, SeenRows *rows)
{
	MhubTableAccess *identifiers = mhub_table_open_to_change(&identity_identifier_table, false);
	int			i;

	mhub_table_push_latest();
	for (i = 0; i < batch->nidentifiers; i++)
	{
		const BatchIdentifier *identifier = &batch->identifiers[i];

		CHECK_FOR_INTERRUPTS();
		if ((!is_earlier(batch, i) && !is_later(batch, i)) || set_times(batch, identifiers, i))
			continue;
		if (is_earlier(batch, i))
			add_row(&rows->earlier, identifier->identifier_id, identifier->earliest);
		if (is_later(batch, i))
			add_row(&rows->later, identifier->identifier_id, identifier->latest);
	}
	PopActiveSnapshot();
	CommandCounterIncrement();
	if (identifiers != NULL)
		mhub_table_close(identifiers);
}

/* False: a statement has to. */
static bool
set_created(MhubTableAccess *persons, const BatchPerson *person)
{
	MhubTableChange change = {PERSON_CREATED_AT, TimestampTzGetDatum(person->created_at)};
	bool		isnull;

	if (persons == NULL)
		return false;
	mhub_table_seek(persons, PERSON_BY_ID, (Datum[]) {Int64GetDatum(person->person_id)});
	return mhub_table_next(persons) &&
		(person->created_at >= DatumGetTimestampTz(mhub_table_value(persons, PERSON_CREATED_AT, &isnull)) ||
		 mhub_table_change_found(persons, &change, 1));
}

/* Each person once; batch_assign_persons() has found the earliest of its identifiers' times. */
static void
change_persons(Batch *batch, MhubTableAccess *persons, MhubColumns *created)
{
	bool	   *done = palloc0(sizeof(bool) * batch->npersons);
	int			i;

	for (i = 0; i < batch->nidentifiers; i++)
	{
		const BatchPerson *person = batch_person_of(batch, i);

		CHECK_FOR_INTERRUPTS();
		if (!is_earlier(batch, i) || done[person - batch->persons])
			continue;
		done[person - batch->persons] = true;
		if (!set_created(persons, person))
			add_row(created, person->person_id, person->created_at);
	}
}

static bool
any_is_earlier(const Batch *batch)
{
	int			i;

	for (i = 0; i < batch->nidentifiers; i++)
	{
		if (is_earlier(batch, i))
			return true;
	}
	return false;
}

static void
write_persons(Batch *batch, SeenRows *rows)
{
	static const int columns[] = {PERSON_CREATED_AT};
	MhubTableAccess *persons;

	if (!any_is_earlier(batch))
		return;
	persons = mhub_table_open_to_update(&identity_person_table, columns, lengthof(columns));
	mhub_table_push_latest();
	change_persons(batch, persons, &rows->created);
	if (persons != NULL)
		mhub_table_close(persons);
	PopActiveSnapshot();
	CommandCounterIncrement();
}

static bool
anything_new(const Batch *batch)
{
	int			i;

	for (i = 0; i < batch->nidentifiers; i++)
	{
		if (is_earlier(batch, i) || is_later(batch, i))
			return true;
	}
	return false;
}

static void
write_seen_identifiers(Batch *batch)
{
	static const Oid types[] = {INT8OID, TIMESTAMPTZOID};
	SeenRows	rows;

	if (!anything_new(batch))
		return;
	mhub_columns_init(&rows.earlier, lengthof(types), types);
	mhub_columns_init(&rows.later, lengthof(types), types);
	mhub_columns_init(&rows.created, lengthof(types), types);
	write_identifiers(batch, &rows);
	write_persons(batch, &rows);
	batch_run(&seen_earlier, &rows.earlier, SPI_OK_UPDATE);
	batch_run(&created_earlier, &rows.created, SPI_OK_UPDATE);
	batch_run(&seen_later, &rows.later, SPI_OK_UPDATE);
}

void
batch_write_seen(Batch *batch)
{
	static const Oid types[] = {INT8OID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	MhubColumns rows;
	int			i;

	mhub_columns_init(&rows, lengthof(types), types);
	for (i = 0; i < batch->nlinks; i++)
	{
		const BatchLink *link = &batch->links[i];
		int64		a = batch->identifiers[link->a].identifier_id;
		int64		b = batch->identifiers[link->b].identifier_id;

		if (link->found && (!link->removed || link->to_join) &&
			seen_anew(link->earliest, link->latest, batch->link_rows[i].first_seen, batch->link_rows[i].last_seen))
			mhub_columns_add(&rows, (Datum[]) {Int64GetDatum(Min(a, b)), Int64GetDatum(Max(a, b)),
				TimestampTzGetDatum(link->earliest), TimestampTzGetDatum(link->latest)});
	}
	write_seen_identifiers(batch);
	batch_run(&seen_links, &rows, SPI_OK_UPDATE);
}
