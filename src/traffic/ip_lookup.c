/*
 * ip_lookup.c
 *	  Where an address is, by the files of mhub.ip_database.
 *
 * Each backend maps the files into memory, which the operating system shares.
 * A file that was replaced (by renaming the new one over it, as updaters do)
 * is noticed within a second or at the next transaction, whichever is later.
 */
#include "traffic/ip_lookup.h"

#include <netinet/in.h>
#include <sys/stat.h>

#include "mhub.h"

#include "catalog/pg_authid.h"
#include "commands/trigger.h"
#include "common/address.h"
#include "common/spi_plan.h"
#include "common/table_cache.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#define N_IP_COLUMNS 6

PG_FUNCTION_INFO_V1(mhub_ip_lookup);
PG_FUNCTION_INFO_V1(mhub_check_ip_database);
PG_FUNCTION_INFO_V1(mhub_ip_file_state);

typedef struct IpDatabase
{
	char	   *path;
	char	   *language;
	MMDB_s		file;
	bool		open;
	struct stat seen;			/* what the file was when it was opened */
} IpDatabase;

static MhubTableCache cache = {.tables = {"ip_database"}};

static MhubPlan databases_plan = {
	"SELECT d.path, d.language FROM mhub.ip_database AS d WHERE d.enabled ORDER BY d.position, d.name", 0, {0}, NULL};

static MemoryContext context = NULL;
static IpDatabase *databases = NULL;
static int	n_databases = 0;
static TimestampTz looked_at = 0;

static void
close_all(void)
{
	int			i;

	for (i = 0; i < n_databases; i++)
	{
		if (databases[i].open)
			MMDB_close(&databases[i].file);
	}
	n_databases = 0;
}

/* A file that cannot be used is no reason to refuse events: say so once, and do without. */
static void
open_database(IpDatabase *database)
{
	char	   *problem;

	database->open = false;
	if (stat(database->path, &database->seen) != 0)
		problem = psprintf("%m");
	else
		problem = mhub_ip_file_open(database->path, &database->file);
	database->open = (problem == NULL);
	if (problem != NULL)
		ereport(WARNING,
				(errcode(ERRCODE_IO_ERROR),
				 errmsg("could not use IP database \"%s\": %s", database->path, problem),
				 errhint("Addresses are not looked up in it. Put the file back, or change mhub.ip_database.")));
}

static void
load(void)
{
	uint64		seen = mhub_table_cache_begin(&cache);
	uint64		i;

	close_all();
	if (context == NULL)
		context = AllocSetContextCreate(CacheMemoryContext, "mhub IP databases", ALLOCSET_SMALL_SIZES);
	MemoryContextReset(context);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	mhub_execute_latest(mhub_plan(&databases_plan));
	databases = MemoryContextAllocZero(context, sizeof(IpDatabase) * Max(SPI_processed, 1));
	for (i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	descriptor = SPI_tuptable->tupdesc;
		IpDatabase *database = &databases[i];

		database->path = MemoryContextStrdup(context, SPI_getvalue(tuple, descriptor, 1));
		database->language = MemoryContextStrdup(context, SPI_getvalue(tuple, descriptor, 2));
		open_database(database);
		n_databases++;
	}
	SPI_finish();
	looked_at = GetCurrentTransactionStartTimestamp();
	mhub_table_cache_end(&cache, seen);
}

static bool
file_changed(const IpDatabase *database)
{
	struct stat now;

	if (stat(database->path, &now) != 0)
		return database->open;
	return !database->open || now.st_ino != database->seen.st_ino || now.st_dev != database->seen.st_dev ||
		now.st_size != database->seen.st_size || now.st_mtime != database->seen.st_mtime;
}

static void
look_for_new_files(void)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	int			i;

	if (now < looked_at + USECS_PER_SEC)
		return;
	looked_at = now;
	for (i = 0; i < n_databases; i++)
	{
		if (file_changed(&databases[i]))
		{
			if (databases[i].open)
				MMDB_close(&databases[i].file);
			open_database(&databases[i]);
		}
	}
}

static void
make_ready(void)
{
	if (!cache.valid)
		load();
	else if (n_databases > 0)
		look_for_new_files();
}

/* A file that was cut in place: done without until it is whole again */
static void
give_up(IpDatabase *database)
{
	MMDB_close(&database->file);
	database->open = false;
	ereport(WARNING,
			(errcode(ERRCODE_IO_ERROR),
			 errmsg("IP database \"%s\" was written in place while it was in use", database->path),
			 errhint("Write a new file beside it and rename that over it.")));
}

static const struct sockaddr *
socket_address(const inet *ip, struct sockaddr_storage *storage)
{
	ip = mhub_unmapped(ip);
	memset(storage, 0, sizeof(*storage));
	if (ip_family(ip) == PGSQL_AF_INET)
	{
		struct sockaddr_in *four = (struct sockaddr_in *) storage;

		four->sin_family = AF_INET;
		memcpy(&four->sin_addr, ip_addr(ip), 4);
	}
	else
	{
		struct sockaddr_in6 *six = (struct sockaddr_in6 *) storage;

		six->sin6_family = AF_INET6;
		memcpy(&six->sin6_addr, ip_addr(ip), 16);
	}
	return (const struct sockaddr *) storage;
}

/* What the databases, in their order, say about an address */
void
mhub_ip_info(const inet *ip, MhubIpInfo *info)
{
	struct sockaddr_storage storage;
	const struct sockaddr *address = socket_address(ip, &storage);
	int			i;

	memset(info, 0, sizeof(*info));
	make_ready();
	for (i = 0; i < n_databases; i++)
	{
		if (databases[i].open &&
			!mhub_ip_file_lookup(&databases[i].file, databases[i].language, address, info))
			give_up(&databases[i]);
	}
}

/* The number of the autonomous system that an address belongs to; 0: unknown */
int64
mhub_ip_asn(const inet *ip)
{
	struct sockaddr_storage storage;
	const struct sockaddr *address = socket_address(ip, &storage);
	int64		asn = 0;
	int			i;

	make_ready();
	for (i = 0; i < n_databases && asn == 0; i++)
	{
		if (databases[i].open && !mhub_ip_file_asn(&databases[i].file, address, &asn))
			give_up(&databases[i]);
	}
	return asn;
}

static void
set_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = (text == NULL);
	if (text != NULL)
		values[column] = CStringGetTextDatum(text);
}

Datum
mhub_ip_lookup(PG_FUNCTION_ARGS)
{
	MhubIpInfo	info;
	TupleDesc	descriptor;
	Datum		values[N_IP_COLUMNS];
	bool		nulls[N_IP_COLUMNS];

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	mhub_ip_info(PG_GETARG_INET_PP(0), &info);
	set_text(values, nulls, 0, info.country);
	set_text(values, nulls, 1, info.region);
	set_text(values, nulls, 2, info.city);
	values[3] = Int64GetDatum(info.asn);
	nulls[3] = (info.asn == 0);
	set_text(values, nulls, 4, info.organisation);
	set_text(values, nulls, 5, info.time_zone);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls)));
}

/* What is wrong with a file, palloc'd; NULL when it is sound. Sets *type to the kind that it says it is. */
static char *
problem_with(const char *path, char **type)
{
	MMDB_s		file;
	char	   *problem;

	if (!is_absolute_path(path))
		return pstrdup("its path is not absolute");
	problem = mhub_ip_file_open(path, &file);
	if (problem != NULL)
		return problem;
	*type = pstrdup(file.metadata.database_type);
	PG_TRY();
	{
		problem = mhub_ip_file_check(&file);
	}
	PG_FINALLY();
	{
		MMDB_close(&file);
	}
	PG_END_TRY();
	return problem;
}

/*
 * BEFORE INSERT OR UPDATE trigger of mhub.ip_database: refuses a file that
 * cannot be read.  Naming files of the server is for those who may read them.
 */
Datum
mhub_check_ip_database(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	HeapTuple	row;
	TupleDesc	descriptor;
	char	   *path;
	char	   *type = NULL;
	char	   *problem;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("mhub.check_ip_database() must be called as a trigger")));
	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to name files of the server"),
				 errhint("Only roles with privileges of role pg_read_server_files may set mhub.ip_database.")));

	row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple;
	descriptor = RelationGetDescr(trigger->tg_relation);
	path = SPI_getvalue(row, descriptor, SPI_fnumber(descriptor, "path"));
	problem = problem_with(path, &type);
	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("cannot use \"%s\" as an IP database", path),
				 errdetail("%s", problem),
				 errhint("It must be a file of the MaxMind DB format (.mmdb) that the server's user can read.")));
	return PointerGetDatum(row);
}

/* "ok" and the file's kind, or what is wrong with it: for mhub.doctor(). */
Datum
mhub_ip_file_state(PG_FUNCTION_ARGS)
{
	char	   *type = NULL;
	char	   *problem = problem_with(text_to_cstring(PG_GETARG_TEXT_PP(0)), &type);

	PG_RETURN_TEXT_P(cstring_to_text(problem != NULL ? problem : psprintf("ok: %s", type)));
}
