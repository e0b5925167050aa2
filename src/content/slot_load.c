/*
 * slot_load.c
 *	  Reading a slot's rows and compiling them.
 *
 * Rows are read under the newest snapshot, whatever the transaction's
 * isolation level: the result outlives the transaction.
 */
#include "mhub.h"

#include "content/slot_load.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/spi_plan.h"
#include "condition/segment_set.h"
#include "condition/value.h"
#include "condition/when.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

static MhubPlan slot_plan = {
	.sql = "SELECT s.enabled, s.default_content FROM mhub.slot AS s WHERE s.slot = $1",
	.nargs = 1, .argtypes = {TEXTOID}
};

static MhubPlan content_plan = {
	.sql = "SELECT c.key, c.locale, c.payload, c.expires_at FROM mhub.content AS c WHERE c.key = ANY ($1) "
	"ORDER BY c.key COLLATE \"C\", c.locale COLLATE \"C\"",
	.nargs = 1, .argtypes = {TEXTARRAYOID}
};

static MhubPlan rule_plan = {
	.sql = "SELECT r.rule_id, r.priority, r.key, r.condition::pg_catalog.text, r.content_key, r.variants, r.seed, r.coverage, "
	"r.hash_version, r.namespace, r.namespace_start, r.namespace_end, r.valid_from, r.valid_to, r.weekdays, "
	"r.hours_from, r.hours_to, r.frequency_cap, r.stock, r.stock_per_person, r.holdout "
	"FROM mhub.content_rule AS r WHERE r.slot = $1 AND r.enabled",
	.nargs = 1, .argtypes = {TEXTOID}
};

enum RuleColumn
{
	RULE_ID = 1, RULE_PRIORITY, RULE_KEY, RULE_CONDITION, RULE_CONTENT, RULE_VARIANTS, RULE_SEED, RULE_COVERAGE,
	RULE_HASH_VERSION, RULE_NAMESPACE, RULE_NAMESPACE_START, RULE_NAMESPACE_END, RULE_VALID_FROM, RULE_VALID_TO,
	RULE_WEEKDAYS, RULE_HOURS_FROM, RULE_HOURS_TO, RULE_FREQUENCY_CAP, RULE_STOCK, RULE_STOCK_PER_PERSON, RULE_HOLDOUT,
	MOST_COLUMNS = RULE_HOLDOUT
};

typedef struct Contents
{
	int			count;
	Content    *contents;
} Contents;

/* Runs a plan.  SPI leaves its own memory context behind; ours goes on. */
static void
run(MhubPlan *plan, Datum argument)
{
	MemoryContext context = CurrentMemoryContext;
	int			result = SPI_execute_snapshot(mhub_plan(plan), &argument, NULL, GetLatestSnapshot(), InvalidSnapshot,
											  true, false, 0);

	MemoryContextSwitchTo(context);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "could not load a slot: %s", SPI_result_code_string(result));
}

/* A row that a plan has returned, taken apart. */
typedef struct Row
{
	Datum		values[MOST_COLUMNS];
	bool		nulls[MOST_COLUMNS];
} Row;

static void
take_apart(uint64 number, Row *row)
{
	heap_deform_tuple(SPI_tuptable->vals[number], SPI_tuptable->tupdesc, row->values, row->nulls);
}

static Datum
column(const Row *row, int number, bool *isnull)
{
	*isnull = row->nulls[number - 1];
	return row->values[number - 1];
}

/* A text column in the slot's memory; NULL for NULL. */
static char *
text_column(const Row *row, int number)
{
	bool		isnull;
	Datum		value = column(row, number, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

static double
number_column(const Row *row, int number, double absent)
{
	bool		isnull;
	Datum		value = column(row, number, &isnull);

	return isnull ? absent : DatumGetFloat8(value);
}

static TimestampTz
time_column(const Row *row, int number, TimestampTz absent)
{
	bool		isnull;
	Datum		value = column(row, number, &isnull);

	return isnull ? absent : DatumGetTimestampTz(value);
}

static int64
clock_column(const Row *row, int number)
{
	bool		isnull;
	Datum		value = column(row, number, &isnull);

	return isnull ? -1 : DatumGetTimeADT(value);
}

static void
add_version(Content *content, const Row *row)
{
	ContentVersion *version;
	bool		isnull;

	if (content->nversions == 0)
		content->versions = palloc(sizeof(ContentVersion));
	else
		content->versions = repalloc(content->versions, (content->nversions + 1) * sizeof(ContentVersion));
	version = &content->versions[content->nversions++];
	version->locale = text_column(row, 2);
	version->payload = DatumGetJsonbPCopy(column(row, 3, &isnull));
	version->expires_at = time_column(row, 4, DT_NOEND);
}

/* Rows come by key, so versions of one content stand together. */
static void
load_contents(Datum keys, Contents *contents)
{
	run(&content_plan, keys);
	contents->count = 0;
	contents->contents = palloc0((SPI_processed + 1) * sizeof(Content));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Row			row;
		char	   *key;

		take_apart(i, &row);
		key = text_column(&row, 1);
		if (contents->count == 0 || strcmp(contents->contents[contents->count - 1].key, key) != 0)
			contents->contents[contents->count++].key = key;
		add_version(&contents->contents[contents->count - 1], &row);
	}
}

static int
order_content(const void *a, const void *b)
{
	return strcmp(((const Content *) a)->key, ((const Content *) b)->key);
}

static Content *
find_content(const Contents *contents, const char *key)
{
	Content		wanted = {.key = key};

	return bsearch(&wanted, contents->contents, contents->count, sizeof(Content), order_content);
}

static void
member(const CondValue *object, const char *name, CondValue *value)
{
	CondSegment segment = {name, (int) strlen(name), -1};

	condition_step(object, &segment, value);
}

static char *
string_member(const CondValue *object, const char *name)
{
	CondValue	value;

	member(object, name, &value);
	return value.type == COND_VALUE_STRING ? pnstrdup(value.string, value.length) : NULL;
}

/* variants: [{"key": "a", "content": "x", "weight": 0.5}, ...] */
static void
load_variants(Rule *rule, Jsonb *variants)
{
	CondValue	list = {.type = COND_VALUE_ARRAY, .container = &variants->root};

	condition_elements(&list);
	rule->nvariants = list.nelements;
	rule->variants = palloc0((list.nelements + 1) * sizeof(RuleVariant));
	for (int i = 0; i < list.nelements; i++)
	{
		CondValue	weight;

		member(&list.elements[i], "weight", &weight);
		rule->variants[i].key = string_member(&list.elements[i], "key");
		rule->variants[i].content_key = string_member(&list.elements[i], "content");
		rule->variants[i].weight = weight.type == COND_VALUE_NUMBER ? weight.number : 1.0 / list.nelements;
	}
}

static void
set_ranges(Rule *rule)
{
	double	   *weights = palloc(rule->nvariants * sizeof(double));

	for (int i = 0; i < rule->nvariants; i++)
		weights[i] = rule->variants[i].weight;
	rule->ranges = palloc(rule->nvariants * sizeof(BucketRange));
	mhub_bucket_ranges_of(rule->nvariants, rule->coverage, weights, rule->nvariants, rule->ranges);
	pfree(weights);
}

static void
find_contents(Rule *rule, const Contents *contents)
{
	for (int i = 0; i < rule->nvariants; i++)
	{
		RuleVariant *variant = &rule->variants[i];

		variant->content = variant->content_key ? find_content(contents, variant->content_key) : NULL;
		if (variant->content == NULL)
			rule->broken = psprintf("content \"%s\" does not exist", variant->content_key ? variant->content_key : "");
	}
}

/* "3 per 7 days"; the table's check has seen to its form. */
static void
set_cap(Rule *rule, const char *cap)
{
	const char *per;

	if (cap == NULL)
		return;
	per = strstr(cap, " per ");
	rule->cap_count = atoi(cap);
	if (per == NULL || !condition_read_span(per + 5, strlen(per + 5), &rule->cap_span))
		rule->broken = psprintf("frequency cap \"%s\" cannot be read", cap);
}

static void
load_schedule(Rule *rule, const Row *row)
{
	bool		isnull;
	Datum		weekdays = column(row, RULE_WEEKDAYS, &isnull);

	rule->valid_from = time_column(row, RULE_VALID_FROM, DT_NOBEGIN);
	rule->valid_to = time_column(row, RULE_VALID_TO, DT_NOEND);
	rule->hours_from = clock_column(row, RULE_HOURS_FROM);
	rule->hours_to = clock_column(row, RULE_HOURS_TO);
	if (!isnull)
	{
		ArrayType  *days = DatumGetArrayTypeP(weekdays);
		int			count = ArrayGetNItems(ARR_NDIM(days), ARR_DIMS(days));

		for (int i = 0; i < count; i++)
			rule->weekdays |= 1 << ((int32 *) ARR_DATA_PTR(days))[i];
	}
}

static void
load_assignment(Rule *rule, const Row *row)
{
	bool		isnull;
	Datum		variants = column(row, RULE_VARIANTS, &isnull);

	if (isnull)
	{
		rule->nvariants = 1;
		rule->variants = palloc0(sizeof(RuleVariant));
		rule->variants[0].content_key = text_column(row, RULE_CONTENT);
		rule->variants[0].weight = 1;
	}
	else
		load_variants(rule, DatumGetJsonbP(variants));
	rule->seed = text_column(row, RULE_SEED);
	if (rule->seed == NULL)
		rule->seed = rule->key;
	rule->coverage = number_column(row, RULE_COVERAGE, 1);
	rule->hash_version = DatumGetInt32(column(row, RULE_HASH_VERSION, &isnull));
	rule->namespace = text_column(row, RULE_NAMESPACE);
	rule->namespace_start = number_column(row, RULE_NAMESPACE_START, 0);
	rule->namespace_end = number_column(row, RULE_NAMESPACE_END, 1);
	rule->holdout = number_column(row, RULE_HOLDOUT, 0);
	set_ranges(rule);
}

static void
load_rule(Rule *rule, const Row *row, MhubAttributes *attributes)
{
	bool		isnull;
	Datum		stock;

	rule->rule_id = DatumGetInt64(column(row, RULE_ID, &isnull));
	rule->key = text_column(row, RULE_KEY);
	load_schedule(rule, row);
	load_assignment(rule, row);
	set_cap(rule, text_column(row, RULE_FREQUENCY_CAP));
	stock = column(row, RULE_STOCK, &isnull);
	rule->stock = isnull ? -1 : DatumGetInt64(stock);
	rule->stock_per_person = DatumGetBool(column(row, RULE_STOCK_PER_PERSON, &isnull));
	if (rule->broken == NULL)
	{
		char	   *condition = text_column(row, RULE_CONDITION);

		rule->condition = mhub_condition_try_compile(condition, strlen(condition), attributes, &rule->broken);
	}
}

static bool
longer(const CondSpan *a, const CondSpan *b)
{
	return a->months * 30.4 + a->days + a->usecs / (double) USECS_PER_DAY >
		b->months * 30.4 + b->days + b->usecs / (double) USECS_PER_DAY;
}

static void
sum_up(Slot *slot, const Rule *rule)
{
	if (rule->broken != NULL)
		return;
	if (rule->cap_count > 0 || rule->stock_per_person)
		slot->looks_back = true;
	if (rule->cap_count > 0)
	{
		slot->needs_shown = true;
		if (longer(&rule->cap_span, &slot->shown_span))
			slot->shown_span = rule->cap_span;
	}
}

/* Where a rule of the table goes. */
typedef struct Place
{
	int32		priority;
	int64		rule_id;
	int			row;
} Place;

static int
order_places(const void *a, const void *b)
{
	const Place *x = a;
	const Place *y = b;

	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	return (x->rule_id > y->rule_id) - (x->rule_id < y->rule_id);
}

/* The rows in the order of the rules: to sort whole rows would take a good part of the time to compile them. */
static Place *
sort_rows(int nrows)
{
	Place	   *places = palloc_extended((nrows + 1) * sizeof(Place), MCXT_ALLOC_HUGE);
	TupleDesc	descriptor = SPI_tuptable->tupdesc;
	bool		isnull;

	for (int i = 0; i < nrows; i++)
	{
		places[i].priority = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i], descriptor, RULE_PRIORITY, &isnull));
		places[i].rule_id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], descriptor, RULE_ID, &isnull));
		places[i].row = i;
	}
	qsort(places, nrows, sizeof(Place), order_places);
	return places;
}

static void
load_rules(Slot *slot)
{
	RuleSet    *set = &slot->set;
	Place	   *places;

	run(&rule_plan, CStringGetTextDatum(slot->name));
	set->attributes = mhub_attributes_create();
	set->nrules = SPI_processed;
	set->rules = palloc_extended((set->nrules + 1) * sizeof(Rule), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	places = sort_rows(set->nrules);
	for (int i = 0; i < set->nrules; i++)
	{
		Row			row;

		CHECK_FOR_INTERRUPTS();
		take_apart(places[i].row, &row);
		load_rule(&set->rules[i], &row, set->attributes);
	}
	pfree(places);
	SPI_freetuptable(SPI_tuptable);
}

/* The keys of all contents that the slot may show; a key may be there more than once. */
static Datum
content_keys(const RuleSet *set, const char *default_content)
{
	Datum	   *keys;
	int			count = 1;

	for (int i = 0; i < set->nrules; i++)
		count += set->rules[i].nvariants;
	keys = palloc_extended(count * sizeof(Datum), MCXT_ALLOC_HUGE);
	count = 0;
	if (default_content != NULL)
		keys[count++] = CStringGetTextDatum(default_content);
	for (int i = 0; i < set->nrules; i++)
	{
		for (int j = 0; j < set->rules[i].nvariants; j++)
		{
			const char *key = set->rules[i].variants[j].content_key;

			/* rules often share one */
			if (key != NULL && (i == 0 || j > 0 || set->rules[i - 1].variants[0].content_key == NULL ||
								strcmp(key, set->rules[i - 1].variants[0].content_key) != 0))
				keys[count++] = CStringGetTextDatum(key);
		}
	}
	return PointerGetDatum(construct_array(keys, count, TEXTOID, -1, false, 'i'));
}

static void
report_broken(const Slot *slot, const Rule *rule)
{
	if (rule->broken != NULL)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("rule \"%s\" of slot \"%s\" is skipped: %s", rule->key, slot->name, rule->broken)));
}

static void
load(Slot *slot)
{
	Contents	contents;
	char	   *default_content = NULL;

	run(&slot_plan, CStringGetTextDatum(slot->name));
	slot->exists = SPI_processed > 0;
	if (slot->exists)
	{
		Row			row;

		take_apart(0, &row);
		slot->enabled = DatumGetBool(row.values[0]);
		default_content = text_column(&row, 2);
	}
	load_rules(slot);
	load_contents(content_keys(&slot->set, default_content), &contents);
	slot->default_content = default_content ? find_content(&contents, default_content) : NULL;
	for (int i = 0; i < slot->set.nrules; i++)
	{
		find_contents(&slot->set.rules[i], &contents);
		report_broken(slot, &slot->set.rules[i]);
		sum_up(slot, &slot->set.rules[i]);
	}
	ruleset_complete(&slot->set);
}

/* Fills in a slot of which the name and the context are known. */
void
slot_load(Slot *slot)
{
	MemoryContext before;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	before = MemoryContextSwitchTo(slot->context);
	load(slot);
	MemoryContextSwitchTo(before);
	SPI_finish();
}
