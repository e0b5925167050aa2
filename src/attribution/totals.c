/*
 * totals.c
 *	  The credits of all people together, by label and model.
 *
 * No SPI, no fmgr.  Only touches that a conversion of their person can reach
 * are kept, in memory or, when that is short, in files by ranges of persons; at
 * the end they are dealt out to the people by counting, and each person is
 * credited like any journey.
 */
#include "attribution/totals.h"

#include "attribution/flat.h"
#include "miscadmin.h"
#include "utils/memutils.h"

static void *
allocate(Size count, Size size)
{
	return palloc_extended(Max(count, 1) * size, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

static uint64
reach_of(const MhubCreditOptions *options)
{
	uint64		reach = options->lookback >= 0 ? (uint64) options->lookback : MHUB_ANY_REACH;

	/* The conversion's own day, and an hour for the clock. */
	if (options->lookback_days >= 0)
		reach = Min(reach, (options->lookback_days + (uint64) 2) * USECS_PER_DAY);
	return reach;
}

/* Takes over what it is given. */
MhubTotals *
mhub_totals_create(MhubCreditOptions *options, MhubConversionSet *conversions)
{
	MhubTotals *totals = palloc0(sizeof(MhubTotals));

	totals->options = options;
	totals->reach = reach_of(options);
	totals->conversions = conversions;
	mhub_label_set_init(&totals->labels);
	totals->capacity = 1024;
	totals->touches = palloc(sizeof(MhubKeptTouch) * totals->capacity);
	return totals;
}

/* Can a conversion of the person credit a touch of that time? */
static bool
reachable(const MhubTotals *totals, int person, int64 at)
{
	return mhub_conversion_set_reaches(totals->conversions, person, at, totals->reach);
}

/* Which file a person's touches go to: each has a range of persons. */
static int
part_of(const MhubTotals *totals, int person)
{
	return (int64) person * MHUB_SPILL_PARTS / totals->conversions->n_persons;
}

static int
first_of_part(const MhubTotals *totals, int part)
{
	return ((int64) part * totals->conversions->n_persons + MHUB_SPILL_PARTS - 1) / MHUB_SPILL_PARTS;
}

static void
write_out(MhubTotals *totals)
{
	for (int64 i = 0; i < totals->n; i++)
		mhub_spill_write(totals->spill, part_of(totals, totals->touches[i].person), &totals->touches[i], sizeof(MhubKeptTouch));
	totals->n = 0;
}

static void
keep(MhubTotals *totals, MhubKeptTouch touch)
{
	if (totals->n == totals->capacity)
	{
		if (mhub_spill_due(totals->spill, sizeof(MhubKeptTouch) * totals->capacity))
			write_out(totals);
		else
		{
			totals->capacity *= 2;
			totals->touches = repalloc_huge(totals->touches, sizeof(MhubKeptTouch) * totals->capacity);
		}
	}
	totals->touches[totals->n++] = touch;
}

static void
filter_pending(const MhubConversionSet *set, MhubTotalsPipe *pipe)
{
	int			n = 0;

	for (int i = 0; i < pipe->n_pending; i++)
	{
		if (mhub_person_may_be(&set->index, pipe->pending[i].person))
			pipe->candidates[n++] = pipe->pending[i];
	}
	pipe->n_candidates = n;
	pipe->n_pending = 0;
}

static void
find_candidates(const MhubConversionSet *set, MhubTotalsPipe *pipe)
{
	int			n = 0;

	for (int i = 0; i < pipe->n_candidates; i++)
	{
		const MhubPendingTouch *touch = &pipe->candidates[i];
		int			person = mhub_person_number(&set->index, touch->person);

		if (person < 0)
			continue;
		__builtin_prefetch(&set->spans[person]);
		pipe->found[n] = *touch;
		pipe->found[n++].person = person;
	}
	pipe->n_found = n;
	pipe->n_candidates = 0;
}

/* Labels are numbered late, as most touches are not kept. */
static int
number_of(MhubTotals *totals, const MhubLabelKey *label)
{
	return label->length < 0 ? (int) label->head : mhub_label_number_of_ends(&totals->labels, *label);
}

static void
keep_found(MhubTotals *totals)
{
	for (int i = 0; i < totals->pipe.n_found; i++)
	{
		const MhubPendingTouch *touch = &totals->pipe.found[i];

		if (reachable(totals, touch->person, touch->at))
			keep(totals, (MhubKeptTouch) {touch->at, touch->id, touch->person, number_of(totals, &touch->label)});
	}
	totals->pipe.n_found = 0;
}

/*
 * One step on for every touch in the pipe, the last step first: by the time a
 * touch takes a step, the memory that it needs is in the processor's cache.
 */
static void
advance(MhubTotals *totals)
{
	keep_found(totals);
	find_candidates(totals->conversions, &totals->pipe);
	filter_pending(totals->conversions, &totals->pipe);
}

static void
settle(MhubTotals *totals)
{
	advance(totals);
	advance(totals);
	advance(totals);
}

/* Counts a touch, if a conversion can reach it. */
void
mhub_totals_add(MhubTotals *totals, int64 person, int64 at, int64 id, const char *label, int length)
{
	MhubTotalsPipe *pipe = &totals->pipe;
	MhubPendingTouch *touch = &pipe->pending[pipe->n_pending++];

	mhub_person_expect(&totals->conversions->index, person);
	touch->person = person;
	touch->at = at;
	touch->id = id;
	if (length <= MHUB_SHORT_LABEL)
		touch->label = mhub_label_ends(label, length);
	else
		touch->label = (MhubLabelKey) {.head = mhub_label_number_copied(&totals->labels, label, length),.length = -1};
	if (pipe->n_pending == MHUB_TOTALS_PENDING)
		advance(totals);
}

void
mhub_totals_attach(void *content, MhubSpill *spill)
{
	((MhubTotals *) content)->spill = spill;
}

/* Flattened: options, size of the conversions, these, labels, number of touches, touches. */
Size
mhub_totals_flat_size(void *content)
{
	MhubTotals *totals = content;

	settle(totals);
	return totals->options->size + sizeof(Size) + mhub_conversion_set_flat_size(totals->conversions) +
		mhub_label_set_flat_size(&totals->labels) + sizeof(int64) + sizeof(MhubKeptTouch) * (totals->n + mhub_spill_total(totals->spill));
}

void
mhub_totals_flatten(const void *content, char *to)
{
	const MhubTotals *totals = content;
	Size		size = mhub_conversion_set_flat_size(totals->conversions);
	int64		n = totals->n + mhub_spill_total(totals->spill);

	mhub_flat_put(&to, totals->options, totals->options->size);
	mhub_flat_put(&to, &size, sizeof(size));
	mhub_conversion_set_flatten(totals->conversions, &to);
	mhub_label_set_flatten(&totals->labels, &to);
	mhub_flat_put(&to, &n, sizeof(int64));
	mhub_flat_put(&to, totals->touches, sizeof(MhubKeptTouch) * totals->n);
	for (int part = 0; part < MHUB_SPILL_PARTS; part++)
	{
		mhub_spill_read(totals->spill, part, to, sizeof(MhubKeptTouch));
		to += sizeof(MhubKeptTouch) * totals->spill->records[part];
	}
}

static void
add_touches(MhubTotals *totals, const char *from)
{
	int			n_labels;
	int		   *labels = mhub_label_set_merge(&totals->labels, &from, &n_labels);
	int64		n;

	mhub_flat_get(&from, &n, sizeof(n));
	for (int64 i = 0; i < n; i++)
	{
		MhubKeptTouch touch;

		mhub_flat_get(&from, &touch, sizeof(touch));
		touch.label = labels[touch.label];
		keep(totals, touch);
	}
	pfree(labels);
}

void *
mhub_totals_create_like(const char *flat)
{
	MhubCreditOptions *options = palloc(mhub_credit_options_size(flat));
	Size		size;

	mhub_flat_get(&flat, options, mhub_credit_options_size(flat));
	mhub_flat_get(&flat, &size, sizeof(size));
	return mhub_totals_create(options, mhub_conversion_set_open(flat, size, options->scale));
}

/* The options and conversions are the same in both. */
void
mhub_totals_merge(void *content, const char *flat)
{
	Size		size;

	flat += mhub_credit_options_size(flat);
	mhub_flat_get(&flat, &size, sizeof(size));
	add_touches(content, flat + size);
}

/* The sums as they grow, and what is needed for that. */
typedef struct Sum
{
	const MhubTotals *totals;
	bool	   *direct;			/* by label */
	MhubTotal  *sums;
} Sum;

/* The touches in order of the person, and where those of each of n persons from the first on begin. */
static MhubTouch *
deal_out(const Sum *sum, const MhubKeptTouch *touches, int64 n_touches, int first, int n, int64 *begin)
{
	MhubTouch  *dealt = allocate(n_touches, sizeof(MhubTouch));

	for (int64 i = 0; i < n_touches; i++)
		begin[touches[i].person - first + 1]++;
	for (int p = 0; p < n; p++)
		begin[p + 1] += begin[p];
	for (int64 i = 0; i < n_touches; i++)
	{
		const MhubKeptTouch *touch = &touches[i];

		dealt[begin[touch->person - first]++] = (MhubTouch) {touch->at, touch->id, touch->label, sum->direct[touch->label], 0};
	}
	for (int p = n; p > 0; p--)
		begin[p] = begin[p - 1];
	begin[0] = 0;
	return dealt;
}

static void
add_credit(void *arg, const MhubConversion *conversion pg_attribute_unused(), MhubModel model,
		   const MhubTouch *touch, double share, int64 units)
{
	Sum		   *sum = arg;
	int			n_labels = sum->totals->labels.n;
	int			label = touch == NULL ? n_labels : touch->label;
	MhubTotal  *total = &sum->sums[(Size) model * (n_labels + 1) + label];

	total->conversions += share;
	total->units += units;
}

/* Credits the conversions of the persons from first to before end, whose touches these are. */
static void
credit_persons(Sum *sum, const MhubKeptTouch *touches, int64 n_touches, int first, int end)
{
	const MhubTotals *totals = sum->totals;
	const MhubConversionSet *set = totals->conversions;
	int64	   *begin = allocate((Size) (end - first) + 1, sizeof(int64));
	MhubTouch  *dealt = deal_out(sum, touches, n_touches, first, end - first, begin);

	for (int p = first; p < end; p++)
	{
		int64		from = begin[p - first];
		MhubJourney journey = {
			.n_touches = begin[p - first + 1] - from,.touches = dealt + from,
			.n_conversions = set->begin[p + 1] - set->begin[p],.conversions = set->conversions + set->begin[p],
			.n_labels = totals->labels.n,.labels = totals->labels.labels
		};

		mhub_journey_sort(&journey);
		mhub_journey_credit(&journey, totals->options, add_credit, sum);
	}
	pfree(begin);
	pfree(dealt);
}

static void
credit_files(Sum *sum, const MhubTotals *totals)
{
	for (int part = 0; part < MHUB_SPILL_PARTS; part++)
	{
		int64		n = totals->spill->records[part];
		MhubKeptTouch *touches = allocate(n, sizeof(MhubKeptTouch));

		mhub_spill_read(totals->spill, part, touches, sizeof(MhubKeptTouch));
		credit_persons(sum, touches, n, first_of_part(totals, part), first_of_part(totals, part + 1));
		pfree(touches);
	}
}

/* The totals of every model and label: [model * (labels + 1) + label]; the last label of each stands for (unattributed). */
MhubTotal *
mhub_totals_credit(MhubTotals *totals)
{
	const MhubLabelSet *labels = &totals->labels;
	Sum			sum = {.totals = totals};

	/* The touches that were still pending may bring labels. */
	settle(totals);
	sum.direct = allocate(labels->n, sizeof(bool));
	sum.sums = allocate((Size) MHUB_MODELS * (labels->n + 1), sizeof(MhubTotal));
	for (int i = 0; i < labels->n; i++)
		sum.direct[i] = mhub_is_direct(totals->options, labels->labels[i].text, labels->labels[i].length);
	if (totals->spill->used)
	{
		write_out(totals);
		credit_files(&sum, totals);
	}
	else
		credit_persons(&sum, totals->touches, totals->n, 0, totals->conversions->n_persons);
	pfree(sum.direct);
	return sum.sums;
}
