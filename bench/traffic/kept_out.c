/*
 * kept_out.c
 *	  How well are robots told by user agents that nobody has looked at?
 *
 * The word lists were written with labelled user agents at hand, so judging
 * those says little about others.  Here the trusted ones are cut in four at
 * random, again and again, and each quarter is judged by the real code with
 * every entry of the lists taken away that the data bears out in that quarter
 * only: a robot's word that no robot of the other three quarters has, a
 * people's word that no person there has.  What general rules owe to the data
 * cannot be taken away like that; user agents of other origin show it.
 *
 * kept_out FILE SPLITS [list]	the file's lines: label, grade, sources and user
 * agent with tabs between; list also prints what is misjudged, and in how many
 * splits.  kept_out.sh compiles it: user_agent_list.c is renamed, since its
 * lists are read here, and shortened copies are given to the rest.
 */
#include "traffic/automaton.h"

#include "traffic/traffic.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* The server's own are not at hand. */
#undef printf
#undef fprintf

#define QUARTERS 4

/* What is asked for, in percent */
#define MIN_RECALL 99.5
#define MAX_FALSE_SHARE 0.15

#define MAX_ENTRIES 4096
#define MAX_ROWS 200000

extern const MhubWord whole_robot_words[];
extern const int n_whole_robot_words;
extern const MhubWord whole_human_words[];
extern const int n_whole_human_words;
extern const char *const whole_products[];
extern const int n_whole_products;
extern const char *const whole_platforms[];
extern const int n_whole_platforms;

/* What the code under test reads instead */
MhubWord	mhub_ua_robot_words[MAX_ENTRIES];
int			mhub_n_ua_robot_words;
MhubWord	mhub_ua_human_words[MAX_ENTRIES];
int			mhub_n_ua_human_words;
const char *mhub_ua_products[MAX_ENTRIES];
int			mhub_n_ua_products;
const char *mhub_ua_platforms[MAX_ENTRIES];
int			mhub_n_ua_platforms;

/* A user agent with its label */
typedef struct Row
{
	const char *text;
	char	   *lower;
	bool		robot;
	int			quarter;
} Row;

/* An entry of the lists, and the rows of its own label that have it */
typedef struct Entry
{
	int		   *rows;
	int			n_rows;
} Entry;

static Row	rows[MAX_ROWS];
static int	n_rows;
static Entry entries[MAX_ENTRIES];
static int	n_entries;

/* The little of the server that the code under test needs */
MemoryContext CurrentMemoryContext;
MemoryContext TopMemoryContext;

void *
palloc(Size size)
{
	return malloc(size);
}

void *
palloc0(Size size)
{
	return calloc(1, size);
}

void
pfree(void *pointer)
{
	free(pointer);
}

unsigned char
pg_ascii_tolower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c;
}

bool
errstart(int level pg_attribute_unused(), const char *domain pg_attribute_unused())
{
	abort();
}

bool
errstart_cold(int level, const char *domain)
{
	return errstart(level, domain);
}

int
errmsg_internal(const char *format pg_attribute_unused(),...)
{
	return 0;
}

void
errfinish(const char *file pg_attribute_unused(), int line pg_attribute_unused(), const char *function pg_attribute_unused())
{
}

/* xorshift: the same splits everywhere */
static uint64 random_state;

static int
random_below(int n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % n;
}

static void
read_rows(const char *path)
{
	FILE	   *file = fopen(path, "r");
	char	   *line = NULL;
	size_t		capacity = 0;
	ssize_t		length;

	if (file == NULL)
	{
		perror(path);
		exit(1);
	}
	while ((length = getline(&line, &capacity, file)) > 0 && n_rows < MAX_ROWS)
	{
		char	   *text = line;
		char	   *c;
		int			tabs;

		line[strcspn(line, "\n")] = '\0';
		for (tabs = 0; tabs < 3 && text != NULL; tabs++)
			text = (c = strchr(text, '\t')) == NULL ? NULL : c + 1;
		if (text == NULL || strstr(line, "\tgold\t") == NULL)
			continue;
		rows[n_rows].text = strdup(text);
		rows[n_rows].lower = strdup(text);
		for (c = rows[n_rows].lower; *c != '\0'; c++)
			*c = pg_ascii_tolower(*c);
		rows[n_rows].robot = strncmp(line, "bot\t", 4) == 0;
		n_rows++;
	}
	fclose(file);
}

static bool
is_letter(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool
is_word(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9');
}

/* Does the text have the word, with the borders that it asks for? */
static bool
has_word(const char *text, const char *word, size_t length, bool left, bool right)
{
	const char *at;

	for (at = strstr(text, word); at != NULL; at = strstr(at + 1, word))
	{
		if (!(left && at > text && is_word(at[-1])) && !(right && is_letter(at[length])))
			return true;
	}
	return false;
}

/* An entry of the lists, with the rows of its own label that bear it out */
static void
add_entry(const char *text, bool robot, bool whole)
{
	Entry	   *entry = &entries[n_entries++];
	bool		left = whole || text[0] == '<';
	bool		right = whole || text[strlen(text) - 1] == '>';
	char		word[256];
	size_t		length;
	int			i;

	text += text[0] == '<';
	length = strcspn(text, ">");
	if (n_entries > MAX_ENTRIES || length >= sizeof(word))
		abort();
	memcpy(word, text, length);
	word[length] = '\0';
	entry->rows = malloc(sizeof(int) * n_rows);
	for (i = 0; i < n_rows; i++)
	{
		if (rows[i].robot == robot && has_word(rows[i].lower, word, length, left, right))
			entry->rows[entry->n_rows++] = i;
	}
	entry->rows = realloc(entry->rows, sizeof(int) * Max(entry->n_rows, 1));
}

static void
add_entries(void)
{
	int			i;

	for (i = 0; i < n_whole_robot_words; i++)
		add_entry(whole_robot_words[i].text, true, false);
	for (i = 0; i < n_whole_human_words; i++)
		add_entry(whole_human_words[i].text, false, false);
	for (i = 0; i < n_whole_products; i++)
		add_entry(whole_products[i], false, true);
	for (i = 0; i < n_whole_platforms; i++)
		add_entry(whole_platforms[i], false, true);
}

/* Is the entry known without looking at the quarter?  Those that no row has come from elsewhere. */
static bool
is_known(const Entry *entry, int quarter)
{
	int			i;

	for (i = 0; i < entry->n_rows; i++)
	{
		if (rows[entry->rows[i]].quarter != quarter)
			return true;
	}
	return entry->n_rows == 0;
}

/* Those of a list that are known without the quarter; entry is the list's first one, and in the end the next list's. */
static void
keep_words(const Entry **entry, int quarter, const MhubWord *whole, int n, MhubWord *kept, int *n_kept)
{
	for (int i = 0; i < n; i++)
	{
		if (is_known((*entry)++, quarter))
			kept[(*n_kept)++] = whole[i];
	}
}

static void
keep_names(const Entry **entry, int quarter, const char *const *whole, int n, const char **kept, int *n_kept)
{
	for (int i = 0; i < n; i++)
	{
		if (is_known((*entry)++, quarter))
			kept[(*n_kept)++] = whole[i];
	}
}

/* Gives the code under test what is known without the quarter. */
static void
shorten_lists(int quarter)
{
	const Entry *entry = entries;

	keep_words(&entry, quarter, whole_robot_words, n_whole_robot_words, mhub_ua_robot_words, &mhub_n_ua_robot_words);
	keep_words(&entry, quarter, whole_human_words, n_whole_human_words, mhub_ua_human_words, &mhub_n_ua_human_words);
	keep_names(&entry, quarter, whole_products, n_whole_products, mhub_ua_products, &mhub_n_ua_products);
	keep_names(&entry, quarter, whole_platforms, n_whole_platforms, mhub_ua_platforms, &mhub_n_ua_platforms);
}

static void
cut_in_quarters(int split)
{
	int		   *order = malloc(sizeof(int) * n_rows);
	int			i;

	random_state = 88172645463325252u + (uint64) split * 7919;
	for (i = 0; i < n_rows; i++)
	{
		int			k = random_below(i + 1);

		order[i] = order[k];
		order[k] = i;
	}
	for (i = 0; i < n_rows; i++)
		rows[order[i]].quarter = i % QUARTERS;
	free(order);
}

/* Judges a quarter (all rows, with the whole lists, if negative) in a process of its own: the automaton is built once in each. */
static void
judge(int quarter, bool *wrong)
{
	pid_t		child = fork();

	if (child == 0)
	{
		int			i;

		shorten_lists(quarter);
		for (i = 0; i < n_rows; i++)
		{
			if (quarter < 0 || rows[i].quarter == quarter)
				wrong[i] = mhub_is_bot_user_agent(rows[i].text, strlen(rows[i].text)) != rows[i].robot;
		}
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

/* Shares in percent, in a quarter or (if negative) all rows: of robots found, and of people called robots */
static void
shares(const bool *wrong, int quarter, double *recall, double *false_share)
{
	int			n[2] = {0};
	int			n_wrong[2] = {0};
	int			i;

	for (i = 0; i < n_rows; i++)
	{
		if (quarter >= 0 && rows[i].quarter != quarter)
			continue;
		n[rows[i].robot]++;
		n_wrong[rows[i].robot] += wrong[i];
	}
	*recall = 100.0 - 100.0 * n_wrong[1] / n[1];
	*false_share = 100.0 * n_wrong[0] / n[0];
}

/* Does the quarter by itself reach what is asked for? */
static bool
quarter_is_good(const bool *wrong, int quarter)
{
	double		recall;
	double		false_share;

	shares(wrong, quarter, &recall, &false_share);
	return recall >= MIN_RECALL && false_share <= MAX_FALSE_SHARE;
}

static void
list_misjudged(const int *times, int splits)
{
	int			count;
	int			i;

	for (count = splits; count > 0; count--)
	{
		for (i = 0; i < n_rows; i++)
		{
			if (times[i] == count)
				printf("%3d %s %s\n", count, rows[i].robot ? "missed" : "false ", rows[i].text);
		}
	}
}

int
main(int argc, char **argv)
{
	int			splits = argc > 2 ? atoi(argv[2]) : 20;
	double		recall;
	double		false_share;
	double		sum[2] = {0};
	double		worst[2] = {100, 0};
	bool	   *wrong;
	int		   *times;
	int			good = 0;
	int			split;
	int			i;

	if (argc < 2 || splits < 1)
	{
		fprintf(stderr, "usage: kept_out FILE [SPLITS [list]]\n");
		return 1;
	}
	read_rows(argv[1]);
	add_entries();
	wrong = mmap(NULL, n_rows, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	times = calloc(n_rows, sizeof(int));

	judge(-1, wrong);
	shares(wrong, -1, &recall, &false_share);
	printf("%d user agents with all words:      %.2f %% of robots found, %.3f %% of people called robots\n", n_rows, recall, false_share);
	for (split = 0; split < splits; split++)
	{
		cut_in_quarters(split);
		for (i = 0; i < QUARTERS; i++)
		{
			judge(i, wrong);
			good += quarter_is_good(wrong, i);
		}
		shares(wrong, -1, &recall, &false_share);
		sum[0] += recall;
		sum[1] += false_share;
		worst[0] = Min(worst[0], recall);
		worst[1] = Max(worst[1], false_share);
		for (i = 0; i < n_rows; i++)
			times[i] += wrong[i];
	}
	printf("quarters without words of their own:   %.2f %%, %.3f %% (mean of %d cuts; worst %.2f %%, %.3f %%)\n",
		   sum[0] / splits, sum[1] / splits, splits, worst[0], worst[1]);
	printf("quarters that reach %.1f %% and %.2f %% by themselves: %d of %d\n", MIN_RECALL, MAX_FALSE_SHARE, good, splits * QUARTERS);
	if (argc > 3)
		list_misjudged(times, splits);
	return 0;
}
