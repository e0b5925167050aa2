/*
 * choose.c
 *	  mhub.choose_content(): decide for somebody and remember what was shown.
 */
#include "mhub.h"

#include "catalog/pg_type.h"
#include "common/spi_plan.h"
#include "common/table_access.h"
#include "condition/json_member.h"
#include "condition/profile.h"
#include "condition/value.h"
#include "condition/when.h"
#include "content/slot.h"
#include "identity/identity.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "workflow/clock.h"

/* First key of the two-key advisory locks by which decisions for one person wait for each other: "mhuc" */
#define TURN_LOCK_CLASS 0x6d687563

PG_FUNCTION_INFO_V1(mhub_choose_content);
PG_FUNCTION_INFO_V1(mhub_choice_profile);

/* $1 person, $2 slot, $3 since when, $4 now: a transaction that began later may have been quicker */
static MhubPlan shown_plan = {
	.sql = "SELECT coalesce(pg_catalog.jsonb_object_agg(s.rule_key, s.times), '{}') FROM ("
	"SELECT m.rule_key, pg_catalog.jsonb_agg(least(m.shown_at, $4)) AS times FROM mhub.identifier AS i "
	"JOIN mhub.impression AS m ON m.identifier_id = i.identifier_id "
	"WHERE i.person_id = $1 AND m.slot = $2 AND m.shown_at > $3 AND m.rule_key IS NOT NULL "
	"AND m.variant IS DISTINCT FROM 'holdout' GROUP BY m.rule_key) AS s",
	.nargs = 4, .argtypes = {INT8OID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID}
};

/* $1 url, $2 referrer */
static MhubPlan source_plan = {
	.sql = "SELECT pg_catalog.jsonb_strip_nulls(pg_catalog.to_jsonb(mhub.parse_source($1, $2)))",
	.nargs = 2, .argtypes = {TEXTOID, TEXTOID}
};

/* $1 rule, $2 its stock */
static MhubPlan take_plan = {
	.sql = "INSERT INTO mhub.content_stock AS s (rule_id, used) VALUES ($1, 1) "
	"ON CONFLICT (rule_id) DO UPDATE SET used = s.used + 1 WHERE s.used < $2",
	.nargs = 2, .argtypes = {INT8OID, INT8OID}
};

/* $1 person, $2 slot, $3 rule */
static MhubPlan had_plan = {
	.sql = "SELECT FROM mhub.identifier AS i JOIN mhub.impression AS m ON m.identifier_id = i.identifier_id "
	"WHERE i.person_id = $1 AND m.slot = $2 AND m.rule_key = $3 AND m.variant IS DISTINCT FROM 'holdout' LIMIT 1",
	.nargs = 3, .argtypes = {INT8OID, TEXTOID, TEXTOID}
};

static MhubTable impression_table = {
	.name = "impression",
	.ncolumns = 7,
	.columns = {"shown_at", "identifier_id", "slot", "rule_key", "content_key", "variant", "reason"},
	.types = {TIMESTAMPTZOID, INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID}
};

/* Who it is about, and where. */
typedef struct Viewer
{
	int64		identifier_id;	/* 0: somebody unknown */
	int64		person_id;
	Slot	   *slot;
	const FactsWanted *wanted;
	TimestampTz at;
	bool		anonymous;		/* the impression is in nobody's name */
	Jsonb	   *context;		/* what the profile holds besides the facts */
	Jsonb	   *shown;
	Jsonb	   *segments;
	PersonFacts facts;
} Viewer;

static void
connect_spi(void)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
}

/* object || {"key": value} */
static Jsonb *
with_member(Jsonb *object, const char *key, Jsonb *value)
{
	JsonbParseState *state = NULL;
	Jsonb	   *member;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	json_push_jsonb(&state, key, value);
	member = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(object), JsonbPGetDatum(member)));
}

/* The single jsonb that a plan returns, in the current memory context; NULL for none. */
static Jsonb *
one_jsonb(MhubPlan *plan, Datum *arguments, const char *nulls)
{
	MemoryContext memory = CurrentMemoryContext;
	bool		isnull;
	Datum		value;
	Jsonb	   *result = NULL;

	connect_spi();
	if (SPI_execute_plan(mhub_plan(plan), arguments, nulls, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not complete a profile");
	if (SPI_processed > 0)
	{
		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
		MemoryContextSwitchTo(memory);
		result = isnull ? NULL : DatumGetJsonbPCopy(value);
	}
	SPI_finish();
	return result;
}

static char *
string_at(Jsonb *jsonb, const char *key)
{
	CondPath   *path = condition_path_from_key(key, strlen(key));
	CondValue	value;

	condition_walk(&jsonb->root, path, &value);
	return value.type == COND_VALUE_STRING ? pnstrdup(value.string, value.length) : NULL;
}

/* The context as given, with the source of this visit where it names a page. */
static Jsonb *
visit_context(Jsonb *context)
{
	char	   *url = string_at(context, "page.url");
	char	   *referrer = string_at(context, "page.referrer");
	Datum		arguments[2] = {(Datum) 0, (Datum) 0};
	char		nulls[2] = {' ', ' '};
	Jsonb	   *source;

	if (url == NULL)
		return context;
	arguments[0] = CStringGetTextDatum(url);
	if (referrer != NULL)
		arguments[1] = CStringGetTextDatum(referrer);
	else
		nulls[1] = 'n';
	source = one_jsonb(&source_plan, arguments, nulls);
	return source ? with_member(context, "source", source) : context;
}

static Jsonb *
shown_before(Viewer *viewer)
{
	Datum		arguments[4];

	arguments[0] = Int64GetDatum(viewer->person_id);
	arguments[1] = CStringGetTextDatum(viewer->slot->name);
	arguments[2] = TimestampTzGetDatum(condition_shift(viewer->at, &viewer->slot->shown_span, true));
	arguments[3] = TimestampTzGetDatum(viewer->at);
	return one_jsonb(&shown_plan, arguments, NULL);
}

/* Nothing is known of somebody unknown; that is known, too. */
static void
know_nothing(PersonFacts *facts)
{
	memset(facts, 0, sizeof(*facts));
	facts->traits = facts->consent = facts->events = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
}

/* Reads what the rules of the slot look at. */
static void
read_facts(Viewer *viewer)
{
	if (viewer->person_id == 0 ||
		!facts_read_one(viewer->wanted, viewer->at, viewer->person_id, &viewer->facts))
		know_nothing(&viewer->facts);
}

/*
 * Where what somebody has been shown limits what comes next, decisions for one
 * person are made one after the other, each knowing of those before.
 */
static void
wait_for_turn(Viewer *viewer)
{
	if (!viewer->slot->looks_back || viewer->person_id == 0)
		return;
	PopActiveSnapshot();
	mhub_identity_wait_for_turn(viewer->person_id, TURN_LOCK_CLASS);
	mhub_table_push_latest();
}

static void
get_to_know(Viewer *viewer)
{
	SegmentSet *segments = segment_set_get();
	const char **keys = NULL;
	int			nkeys = 0;

	viewer->wanted = slot_wanted(viewer->slot, segments);
	read_facts(viewer);
	if (viewer->person_id != 0)
		keys = segment_set_evaluate(segments, &viewer->facts, viewer->wanted->segments, viewer->at, &nkeys, NULL);
	viewer->segments = facts_string_array(keys, nkeys);
	if (viewer->wanted->source)
		viewer->context = visit_context(viewer->context);
	if (viewer->slot->needs_shown && viewer->person_id != 0)
		viewer->shown = shown_before(viewer);
}

static void
open_profile(Viewer *viewer)
{
	RuleSet    *set = &viewer->slot->set;

	ruleset_open_person(set, &viewer->facts, viewer->at);
	mhub_profile_put_jsonb(&set->profile, "$segments", viewer->segments);
	mhub_profile_put_jsonb(&set->profile, "$context", viewer->context);
	if (viewer->shown != NULL)
		mhub_profile_put_jsonb(&set->profile, "$shown", viewer->shown);
}

static bool
had_it_before(Viewer *viewer, const Rule *rule)
{
	Datum		arguments[3];
	bool		found;

	arguments[0] = Int64GetDatum(viewer->person_id);
	arguments[1] = CStringGetTextDatum(viewer->slot->name);
	arguments[2] = CStringGetTextDatum(rule->key);
	if (SPI_execute_plan(mhub_plan(&had_plan), arguments, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look for an impression");
	found = SPI_processed > 0;
	return found;
}

/* Takes one of a limited stock; false when none is left. */
static bool
take_stock(Viewer *viewer, const Decision *decision)
{
	const Rule *rule = decision->rule;
	Datum		arguments[2];
	bool		taken = false;

	if (rule == NULL || rule->stock < 0 || (decision->variant && strcmp(decision->variant, "holdout") == 0))
		return true;
	if (rule->stock == 0)
		return false;
	connect_spi();
	if (rule->stock_per_person && viewer->person_id != 0 && had_it_before(viewer, rule))
		taken = true;
	else
	{
		arguments[0] = Int64GetDatum(rule->rule_id);
		arguments[1] = Int64GetDatum(rule->stock);
		if (SPI_execute_plan(mhub_plan(&take_plan), arguments, NULL, false, 0) != SPI_OK_INSERT)
			elog(ERROR, "could not take from a stock");
		taken = SPI_processed > 0;
	}
	SPI_finish();
	return taken;
}

/* Decides; where a stock turns out to be used up, the next rule does. */
static void
decide_with_stock(Viewer *viewer, Decision *decision)
{
	RuleSet    *set = &viewer->slot->set;
	bool	   *excluded = NULL;

	for (;;)
	{
		/* again for each attempt: taking from a stock may have fired somebody's trigger that decides here, too */
		open_profile(viewer);
		slot_decide(viewer->slot, excluded, decision);
		viewer->anonymous = viewer->identifier_id == 0 || ruleset_refuses_profiling(set);
		if (take_stock(viewer, decision))
			return;
		if (excluded == NULL)
			excluded = palloc0(set->nrules * sizeof(bool));
		excluded[decision->rule - set->rules] = true;
	}
}

static void
record_impression(Viewer *viewer, const Decision *decision)
{
	static const Oid types[] = {TIMESTAMPTZOID, INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID};
	const char *texts[] = {viewer->slot->name, decision->rule_key, decision->content_key, decision->variant, decision->reason};
	Datum		row[lengthof(types)] = {TimestampTzGetDatum(viewer->at), Int64GetDatum(viewer->identifier_id)};
	MhubColumns rows;

	for (int i = 0; i < (int) lengthof(texts); i++)
	{
		if (texts[i] != NULL)
			row[2 + i] = CStringGetTextDatum(texts[i]);
	}
	mhub_columns_init(&rows, lengthof(types), types);
	mhub_columns_add(&rows, row);
	if (viewer->anonymous)
		mhub_columns_null(&rows, 1);
	for (int i = 0; i < (int) lengthof(texts); i++)
	{
		if (texts[i] == NULL)
			mhub_columns_null(&rows, 2 + i);
	}
	(void) mhub_table_insert(&impression_table, &rows);
}

static void
check_object(Jsonb *jsonb, const char *what)
{
	if (!JB_ROOT_IS_OBJECT(jsonb))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a JSON object", what)));
}

/* An unknown kind is a mistake of the app's, but no reason not to show a page. */
static void
warn_of_unknown_kind(const IdentityObservation *observation)
{
	if (observation->unknown_kind != NULL)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("unknown identifier kind \"%.*s\" is left out", observation->unknown_kind_length, observation->unknown_kind),
				 errhint("Kinds are the rows of mhub.identifier_kind; insert one for a kind of your own.")));
}

/* Afterwards, the snapshot that is active shows whoever it is. */
static void
identify_viewer(Viewer *viewer, Jsonb *identifiers)
{
	IdentityObservation observation = {0};

	observation.identifiers = mhub_identity_names(identifiers, false, &observation.nidentifiers);
	observation.occurred_at = viewer->at;
	observation.source = "content";
	mhub_table_push_latest();
	if (observation.nidentifiers == 0)
		return;
	if (!mhub_identity_known(&observation))
	{
		PopActiveSnapshot();
		mhub_identity_resolve(&observation, 1);
		mhub_table_push_latest();
	}
	warn_of_unknown_kind(&observation);
	viewer->identifier_id = observation.identifier_id;
	viewer->person_id = observation.person_id;
}

static Slot *
slot_argument(text *name)
{
	return slot_get(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
}

Datum
mhub_choose_content(PG_FUNCTION_ARGS)
{
	Viewer		viewer = {.at = mhub_clock_now()};
	Jsonb	   *identifiers = PG_GETARG_JSONB_P(1);
	Decision	decision;

	viewer.context = PG_GETARG_JSONB_P(2);
	check_object(identifiers, "identifiers");
	check_object(viewer.context, "context");
	viewer.slot = slot_argument(PG_GETARG_TEXT_PP(0));
	identify_viewer(&viewer, identifiers);
	wait_for_turn(&viewer);
	get_to_know(&viewer);
	PopActiveSnapshot();
	decide_with_stock(&viewer, &decision);
	if (viewer.slot->exists)
		record_impression(&viewer, &decision);
	PG_RETURN_DATUM(decision_datum(fcinfo, &decision));
}

typedef struct WholeProfile
{
	MemoryContext context;
	Jsonb	   *profile;
} WholeProfile;

static void
keep_profile(void *arg, const BuiltProfile *built)
{
	WholeProfile *whole = arg;
	MemoryContext before = MemoryContextSwitchTo(whole->context);

	whole->profile = facts_to_jsonb(built->facts, built->segments, built->nsegments);
	MemoryContextSwitchTo(before);
}

/* What mhub.choose_content() decides by, and more, in one piece. */
Datum
mhub_choice_profile(PG_FUNCTION_ARGS)
{
	Viewer		viewer = {.at = PG_GETARG_TIMESTAMPTZ(3), .person_id = PG_GETARG_INT64(1), .context = PG_GETARG_JSONB_P(2)};
	ProfileRequest request = {.at = viewer.at};
	WholeProfile whole = {CurrentMemoryContext, NULL};
	Jsonb	   *profile;

	check_object(viewer.context, "context");
	viewer.slot = slot_argument(PG_GETARG_TEXT_PP(0));
	viewer.wanted = slot_wanted(viewer.slot, segment_set_get());
	request.item_events = viewer.wanted->item_events;
	request.nitem_events = viewer.wanted->nitem_events;
	if (viewer.person_id != 0)
		mhub_build_profiles(&viewer.person_id, 1, &request, keep_profile, &whole);
	profile = whole.profile;
	if (profile == NULL)
		profile = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{\"$events\": {}, \"$segments\": []}")));
	profile = with_member(profile, "$context", visit_context(viewer.context));
	if (viewer.slot->needs_shown && viewer.person_id != 0)
		profile = with_member(profile, "$shown", shown_before(&viewer));
	PG_RETURN_JSONB_P(profile);
}
