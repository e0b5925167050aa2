/*
 * sequence.c
 *	  Patterns over sequences of events: (?1).*(?t<=3600)(?2)
 *
 * No SPI, no fmgr.  Time is linear in events x steps, whatever the pattern:
 * instead of backtracking, each step keeps the events it has matched so far, in
 * a queue.  A new event extends the pattern if the step before was matched at
 * the right distance; as times only grow, what is too old for one event is too
 * old for all later ones and leaves the queue for good.
 */
#include "attribution/sequence.h"

#include "attribution/duration.h"
#include "miscadmin.h"

/* Reads a pattern. */
typedef struct Reader
{
	const char *at;
	const char *end;
	MhubSequencePattern *pattern;
	MhubSequenceStep next;		/* what is known of the step to come */
	bool		timed;			/* a time clause waits for its step */
} Reader;

static void
reset_next(Reader *reader)
{
	reader->next = (MhubSequenceStep) {.min_time = 0,.max_time = PG_INT64_MAX};
	reader->timed = false;
}

static void
add_step(Reader *reader, uint32 mark)
{
	MhubSequencePattern *pattern = reader->pattern;

	reader->next.mark = mark;
	pattern->steps = pattern->steps == NULL ? palloc(sizeof(MhubSequenceStep))
		: repalloc(pattern->steps, sizeof(MhubSequenceStep) * (pattern->n_steps + 1));
	pattern->steps[pattern->n_steps++] = reader->next;
	reset_next(reader);
}

static bool
take(Reader *reader, const char *word)
{
	size_t		length = strlen(word);

	while (reader->at < reader->end && *reader->at == ' ')
		reader->at++;
	if ((size_t) (reader->end - reader->at) < length || memcmp(reader->at, word, length) != 0)
		return false;
	reader->at += length;
	return true;
}

static bool
take_number(Reader *reader, int64 *number)
{
	const char *begin;

	take(reader, "");
	*number = 0;
	for (begin = reader->at; reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9'; reader->at++)
	{
		if (pg_mul_s64_overflow(*number, 10, number) || pg_add_s64_overflow(*number, *reader->at - '0', number))
			return false;
	}
	return reader->at > begin;
}

/* The rest of (?t op seconds). */
static const char *
read_time(Reader *reader)
{
	static const struct
	{
		const char *word;
		bool		is_min;
		bool		is_max;
		int			offset;
	}			operators[] = {
		{">=", true, false, 0}, {"<=", false, true, 0}, {"==", true, true, 0}, {">", true, false, 1}, {"<", false, true, -1}
	};
	int64		time;

	if (reader->pattern->n_steps == 0)
		return "A time clause needs an event before it.";
	for (size_t i = 0; i < lengthof(operators); i++)
	{
		if (!take(reader, operators[i].word))
			continue;
		if (!take_number(reader, &time) || pg_mul_s64_overflow(time, USECS_PER_SEC, &time))
			return "A time clause compares with a number of seconds.";
		if (operators[i].is_min)
			reader->next.min_time = Max(reader->next.min_time, time + operators[i].offset);
		if (operators[i].is_max)
			reader->next.max_time = Min(reader->next.max_time, time + operators[i].offset);
		reader->next.gap = true;
		reader->timed = true;
		return take(reader, ")") ? NULL : "A time clause ends with a parenthesis.";
	}
	return "A time clause compares with >=, >, ==, < or <=.";
}

/* The rest of (?number). */
static const char *
read_event(Reader *reader)
{
	int64		number;

	if (!take_number(reader, &number) || number < 1 || number > MHUB_MAX_CONDITIONS)
		return "An event is the number of a condition, from 1 to 32.";
	if (!take(reader, ")"))
		return "An event ends with a parenthesis.";
	reader->pattern->max_condition = Max(reader->pattern->max_condition, (int) number);
	add_step(reader, (uint32) 1 << (number - 1));
	return NULL;
}

/* Parses the pattern; the answer is what is wrong with it, or NULL. */
const char *
mhub_sequence_parse(const char *text, int length, MhubSequencePattern *pattern)
{
	Reader		reader = {.at = text,.end = text + length,.pattern = pattern};
	const char *problem = NULL;

	*pattern = (MhubSequencePattern) {0};
	reset_next(&reader);
	while (problem == NULL && !(take(&reader, ""), reader.at == reader.end))
	{
		if (take(&reader, "(?t"))
			problem = read_time(&reader);
		else if (take(&reader, "(?"))
			problem = read_event(&reader);
		else if (take(&reader, ".*"))
			reader.next.gap = true;
		else if (take(&reader, "."))
			add_step(&reader, 0);
		else
			problem = "A pattern is made of (?1), (?2) ..., ., .* and time clauses such as (?t<=3600).";
	}
	if (problem == NULL && reader.timed)
		problem = "A time clause needs an event after it.";
	if (problem == NULL && pattern->n_steps == 0)
		problem = "A pattern needs an event.";
	return problem;
}

/* For each step the times of the events that matched it, oldest first, and the number of the last one. */
typedef struct Matched
{
	int64	   *times;
	int			begin;
	int			end;
	int			last;
} Matched;

/* Was the step before matched at the right distance? */
static bool
continues(const MhubSequenceStep *step, Matched *before, const MhubMarkedEvent *event, int number)
{
	if (!step->gap)
		return before->begin < before->end && before->last == number - 1;
	while (before->begin < before->end && mhub_elapsed(before->times[before->begin], event->at) > step->max_time)
		before->begin++;
	return before->begin < before->end && mhub_elapsed(before->times[before->begin], event->at) >= step->min_time;
}

/* Takes one event; true when it completes the pattern. */
static bool
take_event(const MhubSequencePattern *pattern, Matched *matched, const MhubMarkedEvent *event, int number)
{
	/* From the last step, so that an event is not two steps of one match. */
	for (int k = pattern->n_steps - 1; k >= 0; k--)
	{
		const MhubSequenceStep *step = &pattern->steps[k];

		if (step->mark != 0 && (event->marks & step->mark) == 0)
			continue;
		if (k > 0 && !continues(step, &matched[k - 1], event, number))
			continue;
		if (k == pattern->n_steps - 1)
			return true;
		matched[k].times[matched[k].end++] = event->at;
		matched[k].last = number;
	}
	return false;
}

/*
 * The greatest number of matches of which each begins after the one before has
 * ended, up to limit: always taking the match that ends first.  The events are
 * sorted.
 */
int64
mhub_sequence_count(const MhubSequencePattern *pattern, const MhubMarkedEvent *events, int n, int64 limit)
{
	Matched    *matched = palloc0(sizeof(Matched) * pattern->n_steps);
	int64		count = 0;

	for (int k = 0; k < pattern->n_steps; k++)
		matched[k].times = palloc_extended(sizeof(int64) * (n + 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < n && count < limit; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!take_event(pattern, matched, &events[i], i))
			continue;
		count++;
		for (int k = 0; k < pattern->n_steps; k++)
			matched[k].begin = matched[k].end = 0;
	}
	for (int k = 0; k < pattern->n_steps; k++)
		pfree(matched[k].times);
	pfree(matched);
	return count;
}
