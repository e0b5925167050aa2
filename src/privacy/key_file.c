/*
 * key_file.c
 *	  The epoch keys, which live outside the database.
 *
 * Lines "epoch:base64", read from mhub.key_file or from what
 * mhub.key_command prints, when a backend first needs a key and again after
 * mhub.keys_reload().  Messages name the path and the line's number, never
 * the line.
 */
#include "mhub.h"

#include "privacy/crypto.h"
#include "privacy/key_file.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base64.h"
#include "miscadmin.h"
#include "storage/fd.h"

#define MAX_KEY_TEXT 65536
#define MAX_EPOCHS 1024

char	   *mhub_key_file = NULL;
char	   *mhub_key_command = NULL;

/* What was read; sorted by epoch, so that the last one is the newest */
static uint32 epochs[MAX_EPOCHS];
static uint8 epoch_keys[MAX_EPOCHS][MHUB_KEY_LEN];
static int	epochs_read = 0;

#define CREATE_KEY_HINT \
	"As the server's user create it outside the data directory and name it to the server:\n" \
	"  (umask 077; echo \"1:$(openssl rand -base64 32)\" > /etc/mhub.keys)\n" \
	"  psql -c \"LOAD 'mhub'\" -c \"ALTER SYSTEM SET mhub.key_file = '/etc/mhub.keys'\" -c \"SELECT pg_reload_conf()\""

bool
mhub_key_source_set(void)
{
	return (mhub_key_file != NULL && mhub_key_file[0] != '\0') ||
		(mhub_key_command != NULL && mhub_key_command[0] != '\0');
}

void
mhub_forget_epochs(void)
{
	mhub_cleanse(epoch_keys, sizeof(epoch_keys));
	epochs_read = 0;
}

pg_noreturn static void
refuse_file(const char *path, const char *why, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_MHUB_NO_KEY),
			 errmsg("key file \"%s\" is refused", path),
			 errdetail("%s", why),
			 errhint("%s", hint),
			 errhidestmt(true), errhidecontext(true)));
}

/* A key below the data directory would be part of every base backup, next to what it opens. */
static void
check_place(const char *path)
{
	char		file[PATH_MAX];
	char		data[PATH_MAX];
	size_t		len;

	if (realpath(path, file) == NULL || realpath(DataDir, data) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_MHUB_NO_KEY),
				 errmsg("could not resolve the path of key file \"%s\": %m", path),
				 errhint(CREATE_KEY_HINT),
				 errhidestmt(true), errhidecontext(true)));
	len = strlen(data);
	if (strncmp(file, data, len) == 0 && (file[len] == '/' || file[len] == '\0'))
		refuse_file(path, "It lies in the server's data directory, which base backups copy.",
					"Move it elsewhere and change mhub.key_file.");
}

static void
check_mode(const char *path, const struct stat *status)
{
	if (!S_ISREG(status->st_mode))
		refuse_file(path, "It is not a regular file.", "Name the file itself in mhub.key_file.");
	if (status->st_uid != geteuid() && status->st_uid != 0)
		refuse_file(path, "It belongs neither to the server's user nor to root.",
					"Give it to the server's user with chown.");
	if ((status->st_mode & (S_IRWXG | S_IRWXO)) != 0)
		refuse_file(path, "Others than its owner have rights on it.", "Take them away with chmod 600.");
}

/* The whole text of file, at most size - 1 bytes; -1 when there is more or reading fails. */
static int
read_text(FILE *file, char *text, int size)
{
	int			len = (int) fread(text, 1, size, file);

	if (ferror(file) || len == size)
		return -1;
	text[len] = '\0';
	return len;
}

static void
read_key_file(char *text)
{
	FILE	   *file;
	struct stat status;
	int			len;

	check_place(mhub_key_file);
	file = AllocateFile(mhub_key_file, PG_BINARY_R);
	if (file == NULL || fstat(fileno(file), &status) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_MHUB_NO_KEY),
				 errmsg("could not open key file \"%s\": %m", mhub_key_file),
				 errhint(CREATE_KEY_HINT),
				 errhidestmt(true), errhidecontext(true)));
	check_mode(mhub_key_file, &status);
	setvbuf(file, NULL, _IONBF, 0);		/* no copy of the keys in a buffer */
	len = read_text(file, text, MAX_KEY_TEXT);
	FreeFile(file);
	if (len < 0)
		refuse_file(mhub_key_file, "It cannot be read, or is longer than 64 kB.", "Check the file.");
}

static void
run_key_command(char *text)
{
	FILE	   *pipe = OpenPipeStream(mhub_key_command, PG_BINARY_R);
	int			len;

	if (pipe == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_MHUB_NO_KEY),
				 errmsg("could not run mhub.key_command: %m"),
				 errhidestmt(true), errhidecontext(true)));
	setvbuf(pipe, NULL, _IONBF, 0);
	len = read_text(pipe, text, MAX_KEY_TEXT);
	if (ClosePipeStream(pipe) != 0 || len < 0)
	{
		mhub_cleanse(text, MAX_KEY_TEXT);
		ereport(ERROR,
				(errcode(ERRCODE_MHUB_NO_KEY),
				 errmsg("mhub.key_command failed"),
				 errhint("It must exit with status 0 and print lines epoch:base64, at most 64 kB."),
				 errhidestmt(true), errhidecontext(true)));
	}
}

/* Keeps epochs sorted; false for an epoch that is there already. */
static bool
add_epoch(uint32 epoch, const uint8 *key)
{
	int			at = epochs_read;

	while (at > 0 && epochs[at - 1] > epoch)
		at--;
	if (epochs_read == MAX_EPOCHS || (at > 0 && epochs[at - 1] == epoch))
		return false;
	memmove(&epochs[at + 1], &epochs[at], (epochs_read - at) * sizeof(epochs[0]));
	memmove(&epoch_keys[at + 1], &epoch_keys[at], (epochs_read - at) * sizeof(epoch_keys[0]));
	epochs[at] = epoch;
	memcpy(epoch_keys[at], key, MHUB_KEY_LEN);
	epochs_read++;
	return true;
}

/* One line without its end; empty lines and comments count as parsed. */
static bool
parse_line(const char *line, int len)
{
	uint8		key[MHUB_KEY_LEN + 4];
	char	   *colon;
	unsigned long epoch;
	bool		added;

	while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == ' '))
		len--;
	if (len == 0 || line[0] == '#')
		return true;
	if (line[0] < '0' || line[0] > '9')
		return false;
	errno = 0;
	epoch = strtoul(line, &colon, 10);
	if (errno != 0 || *colon != ':' || epoch == 0 || epoch > PG_UINT32_MAX)
		return false;
	if (pg_b64_decode(colon + 1, len - (int) (colon + 1 - line), (void *) key, sizeof(key)) != MHUB_KEY_LEN)
		return false;
	added = add_epoch((uint32) epoch, key);
	mhub_cleanse(key, sizeof(key));
	return added;
}

static void
parse_text(const char *text)
{
	const char *line = text;

	for (int number = 1; *line != '\0'; number++)
	{
		int			len = (int) strcspn(line, "\n");

		if (!parse_line(line, len))
		{
			mhub_forget_epochs();
			ereport(ERROR,
					(errcode(ERRCODE_MHUB_NO_KEY),
					 errmsg("line %d of the mhub key file is malformed", number),
					 errdetail("A line is epoch:key, the epoch a number of its own from 1 on, the key 32 bytes in base64."),
					 errhint("The shell prints a new one: echo \"2:$(openssl rand -base64 32)\""),
					 errhidestmt(true), errhidecontext(true)));
		}
		line += len + (line[len] == '\n');
	}
}

static void
read_epochs(void)
{
	char	   *text;

	if (!mhub_key_source_set())
		ereport(ERROR,
				(errcode(ERRCODE_MHUB_NO_KEY),
				 errmsg("mhub has no key for personal data"),
				 errdetail("Neither mhub.key_file nor mhub.key_command is set."),
				 errhint(CREATE_KEY_HINT),
				 errhidestmt(true), errhidecontext(true)));
	text = palloc0(MAX_KEY_TEXT);
	PG_TRY();
	{
		if (mhub_key_file != NULL && mhub_key_file[0] != '\0')
			read_key_file(text);
		else
			run_key_command(text);
		parse_text(text);
	}
	PG_FINALLY();
	{
		mhub_cleanse(text, MAX_KEY_TEXT);
		pfree(text);
	}
	PG_END_TRY();
	if (epochs_read == 0)
		ereport(ERROR,
				(errcode(ERRCODE_MHUB_NO_KEY),
				 errmsg("the mhub key file holds no key"),
				 errhint(CREATE_KEY_HINT),
				 errhidestmt(true), errhidecontext(true)));
}

static const uint8 *
find_epoch(uint32 epoch)
{
	for (int i = epochs_read; i-- > 0;)
	{
		if (epochs[i] == epoch)
			return epoch_keys[i];
	}
	return NULL;
}

/*
 * The key of an epoch.  An unknown epoch makes the file be read once more: it
 * may have been extended since.
 */
const uint8 *
mhub_epoch_key(uint32 epoch)
{
	const uint8 *key = find_epoch(epoch);

	if (key == NULL)
	{
		mhub_forget_epochs();
		read_epochs();
		key = find_epoch(epoch);
	}
	if (key == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_MHUB_UNKNOWN_EPOCH),
				 errmsg("the key of epoch %u is not known", epoch),
				 errhint("Put the line \"%u:...\" back into the key file and call mhub.keys_reload(). Without it what that epoch protects cannot be read.", epoch),
				 errhidestmt(true), errhidecontext(true)));
	return key;
}

/* The key for everything new */
const uint8 *
mhub_newest_epoch(uint32 *epoch)
{
	if (epochs_read == 0)
		read_epochs();
	*epoch = epochs[epochs_read - 1];
	return epoch_keys[epochs_read - 1];
}

/* All known epochs, oldest first; valid until the next call into this file. */
int
mhub_epochs(const uint32 **all)
{
	if (epochs_read == 0)
		read_epochs();
	*all = epochs;
	return epochs_read;
}
