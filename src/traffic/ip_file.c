/*
 * ip_file.c
 *	  One file of the MaxMind DB format.
 *
 * Understands MaxMind's own layout (GeoIP2 and GeoLite2 City, Country, ASN)
 * and the flat one of other vendors (country_code, city, "AS4134").
 */
#include "traffic/ip_file.h"

#include <setjmp.h>
#include <signal.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"

/* How often to look for an interrupt while a whole file is checked */
#define NODES_PER_CHECK 100000

/*
 * Files are mapped.  One that somebody shortens in place, as cp does, takes
 * its pages away under those who read, whom the system then sends SIGBUS; its
 * default would take down the server.  While a file is read the signal leads
 * back to before the reading; at any other time it does what it always did.
 */
static sigjmp_buf before_reading;
static volatile sig_atomic_t reading = false;

static void
page_is_gone(int signal_number)
{
	if (reading)
		siglongjmp(before_reading, 1);
	signal(signal_number, SIG_DFL);
}

static void
expect_gone_pages(void)
{
	static bool expected = false;
	struct sigaction action = {.sa_handler = page_is_gone,.sa_flags = SA_NODEFER};

	if (!expected)
		sigaction(SIGBUS, &action, NULL);
	expected = true;
}

typedef void (*Reader) (MMDB_s *file, void *argument);

/* Calls reader; false where the file was cut while it read. */
static bool
read_safely(Reader reader, MMDB_s *file, void *argument)
{
	volatile bool whole = false;

	expect_gone_pages();
	PG_TRY();
	{
		if (sigsetjmp(before_reading, 0) == 0)
		{
			reading = true;
			reader(file, argument);
			whole = true;
		}
	}
	PG_FINALLY();
	{
		reading = false;
	}
	PG_END_TRY();
	return whole;
}

char *
mhub_ip_file_open(const char *path, MMDB_s *file)
{
	int			status = MMDB_open(path, MMDB_MODE_MMAP, file);

	if (status == MMDB_SUCCESS)
		return NULL;
	if (status == MMDB_FILE_OPEN_ERROR || status == MMDB_IO_ERROR)
		return psprintf("%s: %m", MMDB_strerror(status));
	return pstrdup(MMDB_strerror(status));
}

static bool
record_is_sound(MMDB_s *file, uint8 type, MMDB_entry_s *entry)
{
	MMDB_entry_data_s data;

	if (type == MMDB_RECORD_TYPE_INVALID)
		return false;
	if (type != MMDB_RECORD_TYPE_DATA)
		return true;
	return MMDB_get_value(entry, &data, NULL) == MMDB_SUCCESS && data.type == MMDB_DATA_TYPE_MAP &&
		file->data_section_size > 0;
}

static void
check(MMDB_s *file, void *argument)
{
	char	  **problem = argument;
	uint32		i;

	for (i = 0; i < file->metadata.node_count; i++)
	{
		MMDB_search_node_s node;

		if (i % NODES_PER_CHECK == 0)
			CHECK_FOR_INTERRUPTS();
		if (MMDB_read_node(file, i, &node) != MMDB_SUCCESS ||
			!record_is_sound(file, node.left_record_type, &node.left_record_entry) ||
			!record_is_sound(file, node.right_record_type, &node.right_record_entry))
		{
			*problem = psprintf("node %u of %u of its search tree is damaged", i, file->metadata.node_count);
			return;
		}
	}
}

/* Reads the whole search tree: what a file that was cut or damaged in between would trip over later. */
char *
mhub_ip_file_check(MMDB_s *file)
{
	char	   *problem = NULL;

	if (!read_safely(check, file, &problem))
		return pstrdup("it was cut while it was read");
	return problem;
}

static char *
to_server_text(const char *text, int length)
{
	if (pg_encoding_verifymbstr(PG_UTF8, text, length) != length)
		return NULL;
	return pg_any_to_server(pnstrdup(text, length), length, PG_UTF8);
}

/* A text at a path of keys, which ends with NULL; NULL where there is none */
static char *
text_at(MMDB_entry_s *entry, const char *const *path)
{
	MMDB_entry_data_s data;

	if (MMDB_aget_value(entry, &data, path) != MMDB_SUCCESS || !data.has_data ||
		data.type != MMDB_DATA_TYPE_UTF8_STRING || data.data_size == 0)
		return NULL;
	return to_server_text(data.utf8_string, (int) data.data_size);
}

/* A name in the language wanted, or in English */
static char *
name_at(MMDB_entry_s *entry, const char *group, const char *index, const char *language)
{
	const char *languages[2];
	char	   *name = NULL;
	int			i;

	languages[0] = language;
	languages[1] = "en";
	for (i = 0; i < 2 && name == NULL; i++)
	{
		const char *plain[] = {group, "names", languages[i], NULL};
		const char *listed[] = {group, index, "names", languages[i], NULL};

		name = text_at(entry, index != NULL ? listed : plain);
	}
	return name;
}

static char *
first_of(MMDB_entry_s *entry, const char *const (*paths)[4], int n)
{
	char	   *text = NULL;
	int			i;

	for (i = 0; i < n && text == NULL; i++)
		text = text_at(entry, paths[i]);
	return text;
}

static int64
asn_of(MMDB_entry_s *entry)
{
	static const char *const number[] = {"autonomous_system_number", NULL};
	static const char *const flat[] = {"asn", NULL};
	MMDB_entry_data_s data;
	char	   *text;

	if (MMDB_aget_value(entry, &data, number) == MMDB_SUCCESS && data.has_data && data.type == MMDB_DATA_TYPE_UINT32)
		return data.uint32;
	text = text_at(entry, flat);
	if (text == NULL)
		return 0;
	return strtol(pg_strncasecmp(text, "AS", 2) == 0 ? text + 2 : text, NULL, 10);
}

static bool
find(MMDB_s *file, const struct sockaddr *address, MMDB_entry_s *entry)
{
	int			status;
	MMDB_lookup_result_s result = MMDB_lookup_sockaddr(file, address, &status);

	if (status != MMDB_SUCCESS || !result.found_entry)
		return false;
	*entry = result.entry;
	return true;
}

static void
fill(char **field, char *text)
{
	if (*field == NULL)
		*field = text;
}

/* An address to look up, and what to find out */
typedef struct Question
{
	const struct sockaddr *address;
	const char *language;
	MhubIpInfo *info;
} Question;

static void
look_up(MMDB_s *file, void *argument)
{
	static const char *const countries[][4] = {
		{"country", "iso_code", NULL}, {"registered_country", "iso_code", NULL}, {"country_code", NULL}, {"country", NULL}
	};
	static const char *const regions[][4] = {{"region", NULL}, {"stateprov", NULL}, {"state1", NULL}};
	static const char *const cities[][4] = {{"city", NULL}};
	static const char *const organisations[][4] = {
		{"autonomous_system_organization", NULL}, {"as_name", NULL}, {"name", NULL}
	};
	static const char *const time_zones[][4] = {{"location", "time_zone", NULL}, {"timezone", NULL}};
	const Question *question = argument;
	MhubIpInfo *info = question->info;
	MMDB_entry_s entry;

	if (!find(file, question->address, &entry))
		return;
	fill(&info->country, first_of(&entry, countries, lengthof(countries)));
	fill(&info->region, name_at(&entry, "subdivisions", "0", question->language));
	fill(&info->region, first_of(&entry, regions, lengthof(regions)));
	fill(&info->city, name_at(&entry, "city", NULL, question->language));
	fill(&info->city, first_of(&entry, cities, lengthof(cities)));
	fill(&info->organisation, first_of(&entry, organisations, lengthof(organisations)));
	fill(&info->time_zone, first_of(&entry, time_zones, lengthof(time_zones)));
	if (info->asn == 0)
		info->asn = asn_of(&entry);
}

static void
look_up_asn(MMDB_s *file, void *argument)
{
	const Question *question = argument;
	MMDB_entry_s entry;

	if (find(file, question->address, &entry))
		question->info->asn = asn_of(&entry);
}

/* Fills in what info does not know yet; false where the file was cut meanwhile. */
bool
mhub_ip_file_lookup(MMDB_s *file, const char *language, const struct sockaddr *address, MhubIpInfo *info)
{
	Question	question = {address, language, info};

	return read_safely(look_up, file, &question);
}

/* The number of the network's owner only; 0: unknown */
bool
mhub_ip_file_asn(MMDB_s *file, const struct sockaddr *address, int64 *asn)
{
	MhubIpInfo	info = {0};
	Question	question = {address, NULL, &info};
	bool		whole = read_safely(look_up_asn, file, &question);

	*asn = info.asn;
	return whole;
}
