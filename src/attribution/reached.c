/*
 * reached.c
 *	  How many people reach each step of a funnel: the events of all at once.
 *
 * No SPI, no fmgr.  An event is kept as it comes, in memory or, when that is
 * short, in files by hash of the person.  At the end the events are dealt into
 * buckets by person, each small enough for the processor's cache, and every
 * bucket is sorted and walked through person by person.
 */
#include "attribution/reached.h"

#include "attribution/flat.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#define BUCKETS 4096

static inline int
compare_person_events(const MhubPersonEvent *a, const MhubPersonEvent *b)
{
	if (a->person != b->person)
		return a->person < b->person ? -1 : 1;
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return a->marks < b->marks ? -1 : a->marks > b->marks;
}

#define ST_SORT sort_person_events
#define ST_ELEMENT_TYPE MhubPersonEvent
#define ST_COMPARE(a, b) compare_person_events(a, b)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* The upper bits choose the file, the next ones the bucket. */
static inline uint64
person_hash(int64 person)
{
	return (uint64) person * UINT64CONST(0x9E3779B97F4A7C15);
}

static inline int
file_of(int64 person)
{
	return person_hash(person) >> 58;
}

static inline int
bucket_of(int64 person)
{
	return person_hash(person) << 6 >> 52;
}

MhubReached *
mhub_reached_create(MhubFunnelOptions options)
{
	MhubReached *reached = palloc0(sizeof(MhubReached));

	reached->options = options;
	reached->capacity = 1024;
	reached->events = palloc(sizeof(MhubPersonEvent) * reached->capacity);
	return reached;
}

void
mhub_reached_attach(void *content, MhubSpill *spill)
{
	((MhubReached *) content)->spill = spill;
}

static void
write_out(MhubReached *reached)
{
	for (int64 i = 0; i < reached->n; i++)
		mhub_spill_write(reached->spill, file_of(reached->events[i].person), &reached->events[i], sizeof(MhubPersonEvent));
	reached->n = 0;
}

void
mhub_reached_add(MhubReached *reached, MhubPersonEvent event)
{
	if (reached->n == reached->capacity)
	{
		if (mhub_spill_due(reached->spill, sizeof(MhubPersonEvent) * reached->capacity))
			write_out(reached);
		else
		{
			reached->capacity *= 2;
			reached->events = repalloc_huge(reached->events, sizeof(MhubPersonEvent) * reached->capacity);
		}
	}
	reached->events[reached->n++] = event;
	reached->marks |= event.marks;
}

/* Flattened: options, number of events, events. */
Size
mhub_reached_flat_size(void *content)
{
	MhubReached *reached = content;

	return sizeof(MhubFunnelOptions) + sizeof(int64) + sizeof(MhubPersonEvent) * (reached->n + mhub_spill_total(reached->spill));
}

void
mhub_reached_flatten(const void *content, char *to)
{
	const MhubReached *reached = content;
	int64		n = reached->n + mhub_spill_total(reached->spill);

	mhub_flat_put(&to, &reached->options, sizeof(MhubFunnelOptions));
	mhub_flat_put(&to, &n, sizeof(n));
	mhub_flat_put(&to, reached->events, sizeof(MhubPersonEvent) * reached->n);
	for (int part = 0; part < MHUB_SPILL_PARTS; part++)
	{
		mhub_spill_read(reached->spill, part, to, sizeof(MhubPersonEvent));
		to += sizeof(MhubPersonEvent) * reached->spill->records[part];
	}
}

void *
mhub_reached_create_like(const char *flat)
{
	MhubFunnelOptions options;

	memcpy(&options, flat, sizeof(options));
	return mhub_reached_create(options);
}

void
mhub_reached_merge(void *content, const char *flat)
{
	int64		n;

	flat += sizeof(MhubFunnelOptions);
	mhub_flat_get(&flat, &n, sizeof(n));
	for (int64 i = 0; i < n; i++)
	{
		MhubPersonEvent event;

		mhub_flat_get(&flat, &event, sizeof(event));
		mhub_reached_add(content, event);
	}
}

/* The events by buckets; begin has one element more than there are buckets. */
static MhubPersonEvent *
deal(const MhubPersonEvent *events, int64 n, int64 *begin)
{
	MhubPersonEvent *dealt = palloc_extended(sizeof(MhubPersonEvent) * (n + 1), MCXT_ALLOC_HUGE);
	int64		next[BUCKETS];

	memset(begin, 0, sizeof(int64) * (BUCKETS + 1));
	for (int64 i = 0; i < n; i++)
		begin[bucket_of(events[i].person) + 1]++;
	for (int b = 0; b < BUCKETS; b++)
		begin[b + 1] += begin[b];
	memcpy(next, begin, sizeof(next));
	for (int64 i = 0; i < n; i++)
		dealt[next[bucket_of(events[i].person)]++] = events[i];
	return dealt;
}

/* Counts the level of each person of a sorted bucket. */
static void
count_sorted(const MhubFunnelOptions *options, const MhubPersonEvent *events, int64 n, MhubMarkedEvent *scratch, int64 *levels)
{
	int64		begin = 0;

	for (int64 i = 0; i < n; i++)
	{
		MhubFunnelResult result;

		scratch[i - begin] = (MhubMarkedEvent) {events[i].at, events[i].marks};
		if (i + 1 < n && events[i + 1].person == events[i].person)
			continue;
		mhub_funnel(scratch, i + 1 - begin, options->n_steps, options->window, options->mode, &result);
		levels[result.level]++;
		begin = i + 1;
	}
}

static void
count_levels(const MhubFunnelOptions *options, const MhubPersonEvent *events, int64 n, int64 *levels)
{
	int64		begin[BUCKETS + 1];
	MhubPersonEvent *dealt = deal(events, n, begin);
	int64		largest = 0;
	MhubMarkedEvent *scratch;

	for (int b = 0; b < BUCKETS; b++)
		largest = Max(largest, begin[b + 1] - begin[b]);
	scratch = palloc_extended(sizeof(MhubMarkedEvent) * (largest + 1), MCXT_ALLOC_HUGE);
	for (int b = 0; b < BUCKETS; b++)
	{
		CHECK_FOR_INTERRUPTS();
		sort_person_events(dealt + begin[b], begin[b + 1] - begin[b]);
		count_sorted(options, dealt + begin[b], begin[b + 1] - begin[b], scratch, levels);
	}
	pfree(dealt);
	pfree(scratch);
}

/* Adds to levels[k] how many people got as far as step k. */
void
mhub_reached_levels(MhubReached *reached, int64 *levels)
{
	if (!reached->spill->used)
	{
		count_levels(&reached->options, reached->events, reached->n, levels);
		return;
	}
	write_out(reached);
	for (int part = 0; part < MHUB_SPILL_PARTS; part++)
	{
		int64		n = reached->spill->records[part];
		MhubPersonEvent *events = palloc_extended(sizeof(MhubPersonEvent) * (n + 1), MCXT_ALLOC_HUGE);

		mhub_spill_read(reached->spill, part, events, sizeof(MhubPersonEvent));
		count_levels(&reached->options, events, n, levels);
		pfree(events);
	}
}
