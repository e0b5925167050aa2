/*
 * access_log.c
 *	  Who read whose personal data, and why: mhub.access_log.
 *
 * A row for every value would cost more than opening it does.  Reads are
 * gathered by role, purpose, action and column, and written before the
 * transaction commits (or when there are MAX_SLOTS / 2 persons) as rows that
 * list the persons.  A transaction that rolls back takes its rows along, so
 * what it read is told to the server's log instead.
 */
#include "mhub.h"

#include "privacy/access_log.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "common/spi_plan.h"
#include "miscadmin.h"
#include "privacy/hub_access.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#define GROUPS 8
#define PERSONS_A_ROW 1000
#define FIRST_SLOTS 64			/* powers of 2 */
#define MAX_SLOTS 262144
#define TEXT_MAX 200

typedef struct AccessGroup
{
	Oid			role;
	char		role_name[NAMEDATALEN];
	char		action[16];
	char		purpose[TEXT_MAX];
	char		column_name[TEXT_MAX];
	int64		values;
	int64	   *slots;			/* hash set of persons, at most half full; 0 is empty */
	uint32		nslots;
	uint32		npersons;
} AccessGroup;

char	   *mhub_purpose = NULL;

static AccessGroup *groups = NULL;
static int	ngroups = 0;
static int64 read_in_transaction = 0;

static MhubPlan insert_row = {
	.sql = "INSERT INTO mhub.access_log (role_name, login_name, action, purpose, column_name, value_count, persons)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7)",
	.nargs = 7, .argtypes = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, INT8ARRAYOID}
};

/* GDPR 5(1)(b): data is read for a purpose, or not at all. */
void
mhub_require_purpose(const char *function)
{
	if (mhub_purpose == NULL || mhub_purpose[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_MHUB_NO_PURPOSE),
				 errmsg("%s needs to know the purpose", function),
				 errhint("Say first what the personal data is read for: SET mhub.purpose = 'answer ticket 4711';"),
				 errhidestmt(true), errhidecontext(true)));
	/* without a row in mhub.access_log there is no reading, on a standby neither */
	PreventCommandIfReadOnly(function);
}

static Datum
persons_array(Datum *persons, int n)
{
	return PointerGetDatum(construct_array(persons, n, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* The next persons of the set from *slot on, as many as go into one row */
static int
next_persons(const AccessGroup *group, uint32 *slot, Datum *persons)
{
	int			n = 0;

	for (; *slot < group->nslots && n < PERSONS_A_ROW; (*slot)++)
	{
		if (group->slots[*slot] != 0)
			persons[n++] = Int64GetDatum(group->slots[*slot]);
	}
	return n;
}

static void
forget_persons(AccessGroup *group)
{
	if (group->slots != NULL)
		pfree(group->slots);
	group->slots = NULL;
	group->nslots = 0;
	group->npersons = 0;
}

/* Writes a group's rows, the count of values with the first; SPI is connected, as the table's owner. */
static void
write_group(AccessGroup *group)
{
	Datum	   *persons = palloc(PERSONS_A_ROW * sizeof(Datum));
	uint32		slot = 0;
	int			n = next_persons(group, &slot, persons);
	Datum		args[7];
	char		nulls[8] = "       ";

	args[0] = CStringGetTextDatum(group->role_name);
	args[1] = CStringGetTextDatum(GetUserNameFromId(GetSessionUserId(), false));
	args[2] = CStringGetTextDatum(group->action);
	args[3] = CStringGetTextDatum(group->purpose);
	args[4] = CStringGetTextDatum(group->column_name);
	nulls[4] = group->column_name[0] == '\0' ? 'n' : ' ';
	do
	{
		args[5] = Int64GetDatum(group->values);
		args[6] = persons_array(persons, n);
		if (SPI_execute_plan(mhub_plan(&insert_row), args, nulls, false, 0) != SPI_OK_INSERT)
			elog(ERROR, "could not write mhub.access_log");
		group->values = 0;
		n = next_persons(group, &slot, persons);
	} while (n > 0);
	forget_persons(group);
}

static void
write_all(void)
{
	MhubOwnerContext saved;

	mhub_become_owner("access_log", &saved);
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	for (int i = 0; i < ngroups; i++)
	{
		if (groups[i].values > 0)
			write_group(&groups[i]);
	}
	PopActiveSnapshot();
	SPI_finish();
	mhub_become_self_again(&saved);
	ngroups = 0;
}

static void
forget_all(void)
{
	while (ngroups > 0)
		forget_persons(&groups[--ngroups]);
}

static AccessGroup *
new_group(Oid role, const char *action, const char *purpose, const char *column_name)
{
	AccessGroup *group;

	if (groups == NULL)
		groups = MemoryContextAllocZero(TopMemoryContext, GROUPS * sizeof(AccessGroup));
	if (ngroups == GROUPS)
		write_all();
	group = &groups[ngroups];
	memset(group, 0, sizeof(*group));
	group->role = role;
	strlcpy(group->role_name, GetUserNameFromId(role, false), sizeof(group->role_name));
	strlcpy(group->action, action, sizeof(group->action));
	strlcpy(group->purpose, purpose, sizeof(group->purpose));
	strlcpy(group->column_name, column_name, sizeof(group->column_name));
	ngroups++;
	return group;
}

static AccessGroup *
find_group(const char *action, const char *purpose, const char *column_name)
{
	Oid			role = GetUserId();

	for (int i = ngroups; i-- > 0;)
	{
		AccessGroup *group = &groups[i];

		if (group->role == role && strcmp(group->column_name, column_name) == 0 &&
			strcmp(group->action, action) == 0 && strncmp(group->purpose, purpose, TEXT_MAX - 1) == 0)
			return group;
	}
	return new_group(role, action, purpose, column_name);
}

/* Where the person is in the set, or would be */
static int64 *
find_slot(const AccessGroup *group, int64 person_id)
{
	uint32		slot = murmurhash32((uint32) person_id ^ (uint32) (person_id >> 32)) & (group->nslots - 1);

	while (group->slots[slot] != 0 && group->slots[slot] != person_id)
		slot = (slot + 1) & (group->nslots - 1);
	return &group->slots[slot];
}

static void
grow_set(AccessGroup *group)
{
	int64	   *old = group->slots;
	uint32		nold = group->nslots;

	group->nslots = nold == 0 ? FIRST_SLOTS : nold * 2;
	group->slots = MemoryContextAllocZero(TopMemoryContext, group->nslots * sizeof(int64));
	for (uint32 i = 0; i < nold; i++)
	{
		if (old[i] != 0)
			*find_slot(group, old[i]) = old[i];
	}
	if (old != NULL)
		pfree(old);
}

static void
add_person(AccessGroup *group, int64 person_id)
{
	int64	   *slot;

	if (group->npersons * 2 >= group->nslots)
		grow_set(group);
	slot = find_slot(group, person_id);
	if (*slot == person_id)
		return;
	*slot = person_id;
	group->npersons++;
}

/*
 * Notes that a value was read.  column_name is "" where an action concerns
 * more than one column, person_id 0 for a secret of the hub.
 */
void
mhub_log_access(const char *action, const char *purpose, const char *column_name, int64 person_id)
{
	AccessGroup *group = find_group(action, purpose, column_name);

	group->values++;
	read_in_transaction++;
	if (person_id != 0)
		add_person(group, person_id);
	if (group->npersons >= MAX_SLOTS / 2)
		write_all();
}

static void
tell_server_log(void)
{
	ereport(LOG,
			(errmsg("sealed values were opened in a transaction or subtransaction that is rolled back: " INT64_FORMAT " so far",
					read_in_transaction),
			 ngroups > 0 ? errdetail("Last by role \"%s\" for the purpose \"%s\".",
									 groups[ngroups - 1].role_name, groups[ngroups - 1].purpose) : 0,
			 errhidestmt(true), errhidecontext(true)));
}

static void
transaction_ends(XactEvent event, void *arg pg_attribute_unused())
{
	if (read_in_transaction == 0)
		return;
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			write_all();
			break;
		case XACT_EVENT_ABORT:
			tell_server_log();
			/* FALLTHROUGH */
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
			read_in_transaction = 0;
			forget_all();
			break;
		default:
			break;
	}
}

static void
subtransaction_ends(SubXactEvent event, SubTransactionId mine pg_attribute_unused(),
					SubTransactionId parent pg_attribute_unused(), void *arg pg_attribute_unused())
{
	if (event == SUBXACT_EVENT_ABORT_SUB && read_in_transaction > 0)
		tell_server_log();
}

void
mhub_access_log_init(void)
{
	RegisterXactCallback(transaction_ends, NULL);
	RegisterSubXactCallback(subtransaction_ends, NULL);
}
