/*
 * totals.c
 *	  The credits of all people together, by label and model.
 *
 * No SPI, no fmgr.  Only touches that a conversion of their person can reach
 * are kept; at the end they are dealt out to the people by counting, and each
 * person is credited like any journey.
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

static int64
reach_of(const MhubCreditOptions *options)
{
	int64		reach = options->lookback >= 0 ? options->lookback : PG_INT64_MAX;

	/* The conversion's own day, and an hour for the clock. */
	if (options->lookback_days >= 0)
		reach = Min(reach, (options->lookback_days + (int64) 2) * USECS_PER_DAY);
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
	totals->last_label = -1;
	return totals;
}

/* Can a conversion of the person credit a touch of that time? */
static bool
reachable(const MhubTotals *totals, const MhubPersonSlot *person, int64 at)
{
	const MhubConversionSet *set = totals->conversions;
	int			begin;

	if (at > person->last_at)
		return false;
	if (at <= person->first_at)
		return (uint64) person->first_at - (uint64) at <= (uint64) totals->reach;
	begin = set->begin[person->number - 1];
	while (set->conversions[begin].at < at)
		begin++;
	return (uint64) set->conversions[begin].at - (uint64) at <= (uint64) totals->reach;
}

/* The same label comes often: compare before hashing. */
static int
label_number(MhubTotals *totals, const char *text, int length)
{
	const MhubLabel *last = totals->last_label < 0 ? NULL : &totals->labels.labels[totals->last_label];

	if (last == NULL || last->length != length || memcmp(last->text, text, length) != 0)
		totals->last_label = mhub_label_number_copied(&totals->labels, text, length);
	return totals->last_label;
}

static void
keep(MhubTotals *totals, MhubKeptTouch touch)
{
	if (totals->n == totals->capacity)
	{
		totals->capacity *= 2;
		totals->touches = repalloc_huge(totals->touches, sizeof(MhubKeptTouch) * totals->capacity);
	}
	totals->touches[totals->n++] = touch;
}

/* Looks the pending touches up; by now their slots are in the processor's cache. */
static void
settle(MhubTotals *totals)
{
	for (int i = 0; i < totals->n_pending; i++)
	{
		const MhubPendingTouch *touch = &totals->pending[i];
		const MhubPersonSlot *person = mhub_conversion_set_find(totals->conversions, touch->person, touch->hash);

		if (person != NULL && reachable(totals, person, touch->at))
			keep(totals, (MhubKeptTouch) {touch->at, touch->id, person->number - 1, touch->label});
	}
	totals->n_pending = 0;
}

/* Counts a touch, if a conversion can reach it.  Looking its person up waits until there are many to look up. */
void
mhub_totals_add(MhubTotals *totals, int64 person, int64 at, int64 id, const char *label, int length)
{
	uint32		hash = mhub_person_hash(person);

	if (!mhub_conversion_set_may_have(totals->conversions, hash))
		return;
	mhub_conversion_set_prefetch(totals->conversions, hash);
	totals->pending[totals->n_pending++] = (MhubPendingTouch) {person, at, id, hash, label_number(totals, label, length)};
	if (totals->n_pending == MHUB_TOTALS_PENDING)
		settle(totals);
}

/* Flattened: options, size of the conversions, these, labels, number of touches, touches. */
Size
mhub_totals_flat_size(void *content)
{
	MhubTotals *totals = content;

	settle(totals);
	return totals->options->size + sizeof(Size) + mhub_conversion_set_flat_size(totals->conversions) +
		mhub_label_set_flat_size(&totals->labels) + sizeof(int64) + sizeof(MhubKeptTouch) * totals->n;
}

void
mhub_totals_flatten(const void *content, char *to)
{
	const MhubTotals *totals = content;
	Size		size = mhub_conversion_set_flat_size(totals->conversions);

	mhub_flat_put(&to, totals->options, totals->options->size);
	mhub_flat_put(&to, &size, sizeof(size));
	mhub_conversion_set_flatten(totals->conversions, &to);
	mhub_label_set_flatten(&totals->labels, &to);
	mhub_flat_put(&to, &totals->n, sizeof(int64));
	mhub_flat_put(&to, totals->touches, sizeof(MhubKeptTouch) * totals->n);
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

static uint32
options_size(const char *flat)
{
	uint32		size;

	memcpy(&size, flat + offsetof(MhubCreditOptions, size), sizeof(size));
	return size;
}

void *
mhub_totals_unflatten(const char *flat)
{
	MhubCreditOptions *options = palloc(options_size(flat));
	Size		size;
	MhubTotals *totals;

	mhub_flat_get(&flat, options, options_size(flat));
	mhub_flat_get(&flat, &size, sizeof(size));
	totals = mhub_totals_create(options, mhub_conversion_set_open(flat, size, options->scale));
	add_touches(totals, flat + size);
	return totals;
}

/* The options and conversions are the same in both. */
void
mhub_totals_merge(void *content, const char *flat)
{
	Size		size;

	flat += options_size(flat);
	mhub_flat_get(&flat, &size, sizeof(size));
	add_touches(content, flat + size);
}

/* The touches in order of the person, and where each person's begin. */
static MhubTouch *
deal_out(const MhubTotals *totals, int64 *begin)
{
	int			n_persons = totals->conversions->n_persons;
	MhubTouch  *dealt = allocate(totals->n, sizeof(MhubTouch));
	bool	   *direct = allocate(totals->labels.n, sizeof(bool));

	for (int i = 0; i < totals->labels.n; i++)
		direct[i] = mhub_is_direct(totals->options, totals->labels.labels[i].text, totals->labels.labels[i].length);
	for (int64 i = 0; i < totals->n; i++)
		begin[totals->touches[i].person + 1]++;
	for (int p = 0; p < n_persons; p++)
		begin[p + 1] += begin[p];
	for (int64 i = 0; i < totals->n; i++)
	{
		const MhubKeptTouch *touch = &totals->touches[i];

		dealt[begin[touch->person]++] = (MhubTouch) {touch->at, touch->id, touch->label, direct[touch->label], 0};
	}
	for (int p = n_persons; p > 0; p--)
		begin[p] = begin[p - 1];
	begin[0] = 0;
	pfree(direct);
	return dealt;
}

typedef struct Sum
{
	int			n_labels;
	MhubTotal  *totals;
} Sum;

static void
add_credit(void *arg, const MhubConversion *conversion pg_attribute_unused(), MhubModel model,
		   const MhubTouch *touch, double share, int64 units)
{
	Sum		   *sum = arg;
	int			label = touch == NULL ? sum->n_labels : touch->label;
	MhubTotal  *total = &sum->totals[(Size) model * (sum->n_labels + 1) + label];

	total->conversions += share;
	total->units += units;
}

/* The totals of every model and label: [model * (labels + 1) + label]; the last label of each stands for (unattributed). */
MhubTotal *
mhub_totals_credit(MhubTotals *totals)
{
	const MhubConversionSet *set = totals->conversions;
	Sum			sum = {totals->labels.n, allocate((Size) MHUB_MODELS * (totals->labels.n + 1), sizeof(MhubTotal))};
	int64	   *begin = allocate((Size) set->n_persons + 1, sizeof(int64));
	MhubTouch  *touches;

	settle(totals);
	touches = deal_out(totals, begin);
	for (int p = 0; p < set->n_persons; p++)
	{
		MhubJourney journey = {
			.n_touches = begin[p + 1] - begin[p],.touches = touches + begin[p],
			.n_conversions = set->begin[p + 1] - set->begin[p],.conversions = set->conversions + set->begin[p],
			.n_labels = totals->labels.n,.labels = totals->labels.labels
		};

		mhub_journey_sort(&journey);
		mhub_journey_credit(&journey, totals->options, add_credit, &sum);
	}
	pfree(begin);
	pfree(touches);
	return sum.totals;
}
