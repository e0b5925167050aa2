/*
 * split.c
 *	  Un-merging: what a person falls apart into, written to the tables.
 *
 * Events point to identifiers, so they follow by themselves.
 */
#include "mhub.h"

#include "identity/batch.h"
#include "identity/enc_text.h"
#include "identity/split.h"

#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "common/compare_ids.h"
#include "common/spi_array.h"
#include "common/spi_plan.h"
#include "executor/spi.h"
#include "identity/split_parts.h"
#include "identity/tables.h"
#include "privacy/privacy.h"
#include "utils/builtins.h"

static MhubPlan find_members = {
	"WITH RECURSIVE former AS ("
	"  SELECT p.person_id FROM mhub.person AS p WHERE p.merged_into = $1"
	"  UNION ALL SELECT p.person_id FROM former AS f JOIN mhub.person AS p ON p.merged_into = f.person_id)"
	" SELECT i.identifier_id, f.person_id FROM mhub.identifier AS i"
	" LEFT JOIN former AS f ON f.person_id = i.first_person_id"
	" WHERE i.person_id = $1 ORDER BY i.identifier_id",
	1, {INT8OID}, NULL
};
static MhubPlan find_joining_links = {
	"SELECT l.identifier_a, l.identifier_b FROM mhub.identifier AS i"
	" JOIN mhub.link AS l ON l.identifier_b = i.identifier_id AND l.joins WHERE i.person_id = $1",
	1, {INT8OID}, NULL
};
static MhubPlan insert_persons = {
	"INSERT INTO mhub.person (person_id) SELECT unnest($1)", 1, {INT8ARRAYOID}, NULL
};
static MhubPlan revive_persons = {
	"UPDATE mhub.person SET merged_into = NULL, updated_at = now() WHERE person_id = ANY ($1)", 1, {INT8ARRAYOID}, NULL
};
static MhubPlan move_identifiers = {
	"UPDATE mhub.identifier AS i SET person_id = w.person_id, first_person_id = w.first_person_id"
	" FROM ROWS FROM (unnest($1), unnest($2), unnest($3)) AS w(id, person_id, first_person_id) WHERE i.identifier_id = w.id",
	3, {INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID}, NULL
};
static MhubPlan redirect_persons = {
	"UPDATE mhub.person AS p SET merged_into = w.survivor"
	" FROM ROWS FROM (unnest($1), unnest($2)) AS w(id, survivor) WHERE p.person_id = w.id AND p.merged_into <> w.survivor",
	2, {INT8ARRAYOID, INT8ARRAYOID}, NULL
};
static MhubPlan date_persons = {
	"UPDATE mhub.person AS p SET created_at = s.first, updated_at = now()"
	" FROM (SELECT i.person_id, min(i.first_seen_at) AS first FROM mhub.identifier AS i"
	"  WHERE i.person_id = ANY ($1) GROUP BY i.person_id) AS s WHERE p.person_id = s.person_id",
	1, {INT8ARRAYOID}, NULL
};
static MhubPlan log_splits = {
	"INSERT INTO mhub.merge_log (action, person_id, other_person_id, identifier_a, identifier_b, cause, occurred_at)"
	" SELECT 'split', $1, w.part, nullif($3, 0), nullif($4, 0), $5, now() FROM unnest($2) AS w(part)",
	5, {INT8OID, INT8ARRAYOID, INT8OID, INT8OID, TEXTOID}, NULL
};
/* Each of $1 with all persons merged into it */
static MhubPlan find_families = {
	"WITH RECURSIVE family AS (SELECT w.id AS root, w.id FROM unnest($1) AS w(id)"
	"  UNION ALL SELECT f.root, p.person_id FROM family AS f JOIN mhub.person AS p ON p.merged_into = f.id)"
	" SELECT f.id, f.root FROM family AS f",
	1, {INT8ARRAYOID}, NULL
};
static MhubPlan find_sealed = {
	"SELECT i.identifier_id, i.person_id, i.sealed FROM mhub.identifier AS i"
	" WHERE i.identifier_id = ANY ($1) AND i.sealed IS NOT NULL",
	1, {INT8ARRAYOID}, NULL
};
/* The number of each value whose key is of a person that is not its own: ($1 number, $2 key's person, $3 own) */
static MhubPlan find_sealed_for_others = {
	"SELECT w.n FROM ROWS FROM (unnest($1), unnest($2), unnest($3)) AS w(n, sealed_for, person_id)"
	" WHERE mhub.resolve_person(w.sealed_for) IS DISTINCT FROM w.person_id",
	3, {INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID}, NULL
};
static MhubPlan seal_again = {
	"UPDATE mhub.identifier SET sealed = $2::mhub.enc WHERE identifier_id = $1", 2, {INT8OID, TEXTOID}, NULL
};

typedef struct Person
{
	int64		person_id;
	int			n;
	SplitMember *members;
	int			nlinks;
	int64		(*links)[2];
	int			nparts;
	SplitPart  *parts;
} Person;

static int64
int8_at(uint64 row, int number)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

/* named is sorted */
static void
load_members(Person *person, const int64 *named, int nnamed)
{
	Datum		arg = Int64GetDatum(person->person_id);
	uint64		row;

	person->n = (int) mhub_execute_batch(&find_members, &arg, NULL, SPI_OK_SELECT);
	person->members = palloc_extended(sizeof(SplitMember) * (Size) Max(person->n, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (row = 0; row < SPI_processed; row++)
	{
		SplitMember *member = &person->members[row];

		member->identifier_id = int8_at(row, 1);
		member->former_person_id = int8_at(row, 2);
		member->named = nnamed > 0 &&
			bsearch(&member->identifier_id, named, nnamed, sizeof(int64), mhub_compare_ids) != NULL;
	}
	SPI_freetuptable(SPI_tuptable);
}

static void
load_links(Person *person)
{
	Datum		arg = Int64GetDatum(person->person_id);
	uint64		row;

	person->nlinks = (int) mhub_execute_batch(&find_joining_links, &arg, NULL, SPI_OK_SELECT);
	person->links = palloc_extended(sizeof(int64[2]) * (Size) Max(person->nlinks, 1), MCXT_ALLOC_HUGE);
	for (row = 0; row < SPI_processed; row++)
	{
		person->links[row][0] = int8_at(row, 1);
		person->links[row][1] = int8_at(row, 2);
	}
	SPI_freetuptable(SPI_tuptable);
}

static void
run_ids(MhubPlan *statement, const MhubColumns *rows, int expected)
{
	Datum		args[3];

	if (rows->n == 0)
		return;
	mhub_columns_arrays(rows, args);
	(void) mhub_execute_batch(statement, args, NULL, expected);
}

static const Oid ids[] = {INT8OID, INT8OID, INT8OID};

/* Parts without an id get one; those that take an old id back revive its person. */
static void
write_persons(Person *person)
{
	MhubColumns created;
	MhubColumns revived;
	int			i;

	mhub_columns_init(&created, 1, ids);
	mhub_columns_init(&revived, 1, ids);
	for (i = 0; i < person->nparts; i++)
	{
		SplitPart  *part = &person->parts[i];

		if (part->keeps)
			continue;
		if (part->revived)
			mhub_columns_add(&revived, (Datum[]) {Int64GetDatum(part->person_id)});
		else
		{
			part->person_id = nextval_internal(mhub_table_sequence(&identity_person_table), false);
			mhub_columns_add(&created, (Datum[]) {Int64GetDatum(part->person_id)});
		}
	}
	run_ids(&insert_persons, &created, SPI_OK_INSERT);
	run_ids(&revive_persons, &revived, SPI_OK_UPDATE);
}

static const SplitPart *
part_of(const Person *person, const SplitMember *member)
{
	int			low = 0;
	int			high = person->nparts - 1;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (person->parts[middle].first < member->part)
			low = middle + 1;
		else
			high = middle;
	}
	return &person->parts[low];
}

/*
 * Ids of persons merged away earlier go where their oldest identifiers go.
 * An identifier that never had another person than the one it leaves is from
 * now on first of all its new person's.
 */
static void
move_members(const Person *person)
{
	MhubColumns moved;
	MhubColumns redirected;
	int			i;

	mhub_columns_init(&moved, 3, ids);
	mhub_columns_init(&redirected, 2, ids);
	for (i = 0; i < person->n; i++)
	{
		const SplitMember *member = &person->members[i];
		const SplitPart *part = part_of(person, member);

		if (!part->keeps)
			mhub_columns_add(&moved, (Datum[]) {Int64GetDatum(member->identifier_id), Int64GetDatum(part->person_id),
				Int64GetDatum(member->former_person_id != 0 ? member->former_person_id : part->person_id)});
		if (member->oldest && member->former_person_id != part->person_id)
			mhub_columns_add(&redirected, (Datum[]) {Int64GetDatum(member->former_person_id), Int64GetDatum(part->person_id)});
	}
	run_ids(&move_identifiers, &moved, SPI_OK_UPDATE);
	run_ids(&redirect_persons, &redirected, SPI_OK_UPDATE);
}

/*
 * Who takes an old id back has the traits it had, and those of the persons who
 * are merged into it now: several may have become one in a single batch, which
 * writes the traits of the last survivor only.
 */
static void
collect_traits(const Person *person)
{
	MhubColumns revived;
	MhubColumns families;
	Datum		args[2];
	uint64		row;
	int			i;

	mhub_columns_init(&revived, 1, ids);
	mhub_columns_init(&families, 2, ids);
	for (i = 0; i < person->nparts; i++)
	{
		if (person->parts[i].revived)
			mhub_columns_add(&revived, (Datum[]) {Int64GetDatum(person->parts[i].person_id)});
	}
	if (revived.n == 0)
		return;
	mhub_columns_arrays(&revived, args);
	(void) mhub_execute_batch(&find_families, args, NULL, SPI_OK_SELECT);
	for (row = 0; row < SPI_processed; row++)
		mhub_columns_add(&families, (Datum[]) {Int64GetDatum(int8_at(row, 1)), Int64GetDatum(int8_at(row, 2))});
	SPI_freetuptable(SPI_tuptable);
	mhub_columns_arrays(&families, args);
	batch_merge_traits(args);
}

/*
 * The identifiers whose sealed values may hang on a key that is no longer
 * their person's: those that left, and those that stay when a former person's
 * id, and with it that person's key, has left.
 */
static void
perhaps_sealed_for_others(const Person *person, MhubColumns *perhaps)
{
	bool		id_left = false;
	int			i;

	for (i = 0; i < person->n; i++)
		id_left |= person->members[i].oldest && !part_of(person, &person->members[i])->keeps;
	mhub_columns_init(perhaps, 1, ids);
	for (i = 0; i < person->n; i++)
	{
		if (id_left || !part_of(person, &person->members[i])->keeps)
			mhub_columns_add(perhaps, (Datum[]) {Int64GetDatum(person->members[i].identifier_id)});
	}
}

/* A value sealed again under its own person's key, lest another one's erasure takes it along */
static void
reseal(HeapTuple row, TupleDesc descriptor)
{
	bool		isnull;
	int64		person_id = DatumGetInt64(SPI_getbinval(row, descriptor, 2, &isnull));
	char	   *value = mhub_open(DatumGetByteaPP(SPI_getbinval(row, descriptor, 3, &isnull)), "identifier.sealed");
	Datum		args[2];

	if (value == NULL)
		return;
	args[0] = SPI_getbinval(row, descriptor, 1, &isnull);
	args[1] = identity_enc_text(mhub_seal(value, person_id, "identifier.sealed"));
	(void) mhub_execute_batch(&seal_again, args, NULL, SPI_OK_UPDATE);
}

static void
reseal_members(const Person *person)
{
	MhubColumns perhaps;
	MhubColumns sealed;
	Datum		args[3];
	SPITupleTable *found;
	SPITupleTable *foreign;
	uint64		rows;
	uint64		row;

	perhaps_sealed_for_others(person, &perhaps);
	mhub_columns_arrays(&perhaps, args);
	rows = mhub_execute_batch(&find_sealed, args, NULL, SPI_OK_SELECT);
	found = SPI_tuptable;
	if (rows == 0)
		return;
	mhub_columns_init(&sealed, 3, ids);
	for (row = 0; row < rows; row++)
	{
		bool		isnull;
		Datum		person_id = SPI_getbinval(found->vals[row], found->tupdesc, 2, &isnull);
		Datum		value = SPI_getbinval(found->vals[row], found->tupdesc, 3, &isnull);

		mhub_columns_add(&sealed, (Datum[]) {Int64GetDatum((int64) row), Int64GetDatum(mhub_sealed_for(DatumGetByteaPP(value))), person_id});
	}
	mhub_columns_arrays(&sealed, args);
	rows = mhub_execute_batch(&find_sealed_for_others, args, NULL, SPI_OK_SELECT);
	foreign = SPI_tuptable;
	for (row = 0; row < rows; row++)
	{
		bool		isnull;

		reseal(found->vals[DatumGetInt64(SPI_getbinval(foreign->vals[row], foreign->tupdesc, 1, &isnull))], found->tupdesc);
	}
}

static void
write_log(const Person *person, const SplitCause *cause)
{
	MhubColumns parted;
	MhubColumns all;
	Datum		args[5];
	Datum		persons;
	int			i;

	mhub_columns_init(&parted, 1, ids);
	mhub_columns_init(&all, 1, ids);
	for (i = 0; i < person->nparts; i++)
	{
		Datum		id = Int64GetDatum(person->parts[i].person_id);

		mhub_columns_add(&all, &id);
		if (!person->parts[i].keeps)
			mhub_columns_add(&parted, &id);
	}
	mhub_columns_arrays(&all, &persons);
	(void) mhub_execute_batch(&date_persons, &persons, NULL, SPI_OK_UPDATE);
	args[0] = Int64GetDatum(person->person_id);
	mhub_columns_arrays(&parted, &args[1]);
	args[2] = Int64GetDatum(cause->identifier_a);
	args[3] = Int64GetDatum(cause->identifier_b);
	args[4] = CStringGetTextDatum(cause->cause);
	(void) mhub_execute_batch(&log_splits, args, NULL, SPI_OK_INSERT);
}

int
identity_recompute(int64 person_id, const int64 *named, int nnamed, const SplitCause *cause)
{
	Person		person = {.person_id = person_id};

	load_members(&person, named, nnamed);
	if (person.n == 0)
		return 0;
	load_links(&person);
	person.nparts = split_parts(person.members, person.n, (const int64 (*)[2]) person.links, person.nlinks,
								person_id, &person.parts);
	if (person.nparts == 1)
		return 1;
	write_persons(&person);
	move_members(&person);
	collect_traits(&person);
	reseal_members(&person);
	write_log(&person, cause);
	return person.nparts;
}
