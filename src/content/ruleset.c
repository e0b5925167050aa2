/*
 * ruleset.c
 *	  Does a rule apply to the open profile?
 */
#include "content/ruleset.h"

#include "common/hub_time.h"
#include "condition/eval.h"
#include "condition/value.h"
#include "condition/when.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

static CondPath *
bind_key(RuleSet *set, const char *key, int nsegments, const char *second)
{
	CondSegment segments[2] = {{key, (int) strlen(key), -1}, {second, second ? (int) strlen(second) : 0, -1}};
	CondNode   *node = condition_node(COND_EXISTS);

	node->path = condition_path_from_segments(segments, nsegments);
	mhub_attributes_bind(set->attributes, node);
	return node->path;
}

/* Prepares a set whose rules are all there, their conditions bound to its attributes. */
void
ruleset_complete(RuleSet *set)
{
	set->unit_path = bind_key(set, "$unit", 1, NULL);
	set->zone_path = bind_key(set, "time_zone", 1, NULL);
	set->consent_path = bind_key(set, "$consent", 2, "profiling");
	set->shown_path = bind_key(set, "$shown", 1, NULL);
	set->context_locale_path = bind_key(set, "$context", 2, "locale");
	set->locale_path = bind_key(set, "locale", 1, NULL);
	set->index = rule_index_build(set);
	mhub_profile_init(&set->profile, set->attributes);
	set->trying = -1;
}

void
ruleset_open(RuleSet *set, Jsonb *profile, TimestampTz at)
{
	mhub_profile_open(&set->profile, profile, at);
	set->trying = -1;
}

void
ruleset_open_person(RuleSet *set, const PersonFacts *facts, TimestampTz at)
{
	facts_open_profile(facts, &set->profile, at);
	set->trying = -1;
}

/* Whether this person has withdrawn consent to being profiled. */
bool
ruleset_refuses_profiling(RuleSet *set)
{
	CondValue	scratch;
	CondValue  *consent = mhub_profile_value(&set->profile, set->consent_path, &scratch);

	return consent->type == COND_VALUE_BOOL && !consent->boolean;
}

/* The person's own time zone (trait time_zone), else the hub's. */
static pg_tz *
person_zone(RuleSet *set)
{
	CondValue	scratch;
	CondValue  *zone = mhub_profile_value(&set->profile, set->zone_path, &scratch);
	char		name[TZ_STRLEN_MAX + 1];
	pg_tz	   *found;

	if (zone->type != COND_VALUE_STRING || zone->length == 0 || zone->length > TZ_STRLEN_MAX)
		return mhub_hub_zone();
	memcpy(name, zone->string, zone->length);
	name[zone->length] = '\0';
	found = pg_tzset(name);
	return found && pg_tz_acceptable(found) ? found : mhub_hub_zone();
}

static bool
in_hours(const Rule *rule, int64 time_of_day)
{
	if (rule->hours_from < 0)
		return true;
	if (rule->hours_from <= rule->hours_to)
		return time_of_day >= rule->hours_from && time_of_day < rule->hours_to;
	return time_of_day >= rule->hours_from || time_of_day < rule->hours_to;
}

/* A window across midnight belongs to the day it starts on. */
static bool
on_weekday(const Rule *rule, int64 time_of_day, int weekday)
{
	if (rule->weekdays == 0)
		return true;
	if (rule->hours_from > rule->hours_to && time_of_day < rule->hours_to)
		weekday = weekday == 1 ? 7 : weekday - 1;
	return (rule->weekdays & (1 << weekday)) != 0;
}

static bool
is_time(RuleSet *set, const Rule *rule)
{
	TimestampTz at = set->profile.at;
	struct pg_tm tm;
	fsec_t		fraction;
	int			offset;
	int64		time_of_day;
	int			weekday;

	if (at < rule->valid_from || at >= rule->valid_to)
		return false;
	if (rule->weekdays == 0 && rule->hours_from < 0)
		return true;
	if (timestamp2tm(at, &offset, &tm, &fraction, NULL, person_zone(set)) != 0)
		return false;
	time_of_day = ((tm.tm_hour * INT64CONST(60) + tm.tm_min) * 60 + tm.tm_sec) * USECS_PER_SEC + fraction;
	weekday = j2day(date2j(tm.tm_year, tm.tm_mon, tm.tm_mday));
	return in_hours(rule, time_of_day) && on_weekday(rule, time_of_day, weekday == 0 ? 7 : weekday);
}

/* Shown as often as the frequency cap allows, by the profile's $shown: {"rule": [times]}? */
static bool
is_capped(RuleSet *set, const Rule *rule)
{
	CondSegment segment = {rule->key, (int) strlen(rule->key), -1};
	CondValue	scratch;
	CondValue	times;
	TimestampTz since;
	int			count = 0;

	if (rule->cap_count <= 0)
		return false;
	condition_step(mhub_profile_value(&set->profile, set->shown_path, &scratch), &segment, &times);
	if (times.type != COND_VALUE_ARRAY)
		return false;
	since = condition_shift(set->profile.at, &rule->cap_span, true);
	condition_elements(&times);
	for (int i = 0; i < times.nelements; i++)
	{
		CondValue  *time = &times.elements[i];
		TimestampTz shown;

		if (time->type == COND_VALUE_STRING && condition_instant(time->string, time->length, &shown) &&
			shown > since && shown <= set->profile.at)
			count++;
	}
	return count >= rule->cap_count;
}

static double
rule_bucket(const char *prefix, const char *seed, const CondValue *unit, int version)
{
	char		text[256];
	int			length = snprintf(text, sizeof(text), "%s%s", prefix, seed);

	return mhub_bucket_of(text, Min(length, (int) sizeof(text) - 1), unit->string, unit->length, version, false);
}

/* The share that is kept from a rule, to compare with. */
static bool
is_held_out(const Rule *rule, const CondValue *unit)
{
	return rule->holdout > 0 && rule_bucket("holdout:", rule->seed, unit, MHUB_HASH_VERSION) < rule->holdout;
}

static bool
in_namespace(const Rule *rule, const CondValue *unit)
{
	double		bucket;

	if (rule->namespace == NULL)
		return true;
	bucket = rule_bucket("__", rule->namespace, unit, 1);
	return bucket >= rule->namespace_start && bucket < rule->namespace_end;
}

static bool
needs_unit(const Rule *rule)
{
	return rule->nvariants > 1 || rule->coverage < 1 || rule->namespace != NULL || rule->holdout > 0;
}

/* The variant of the person, among those of a rule that otherwise applies. */
static RuleOutcome
assign(RuleSet *set, Rule *rule, RuleVariant **variant)
{
	CondValue	scratch;
	CondValue  *unit = mhub_profile_value(&set->profile, set->unit_path, &scratch);
	int			chosen;

	*variant = &rule->variants[0];
	if (!needs_unit(rule))
		return RULE_APPLIES;
	if (unit->type != COND_VALUE_STRING || unit->length == 0)
		return RULE_NO_UNIT;
	if (!in_namespace(rule, unit))
		return RULE_OUTSIDE;
	chosen = mhub_choose_range(rule_bucket("", rule->seed, unit, rule->hash_version), rule->ranges, rule->nvariants);
	if (chosen < 0)
		return RULE_OUTSIDE;
	*variant = &rule->variants[chosen];
	return is_held_out(rule, unit) ? RULE_HELD_OUT : RULE_APPLIES;
}

static bool
is_separator(char c)
{
	return c == '-' || c == '_';
}

static bool
same_locale(const char *a, const char *b, int length)
{
	for (int i = 0; i < length; i++)
	{
		if (pg_ascii_tolower(a[i]) != pg_ascii_tolower(b[i]) && !(is_separator(a[i]) && is_separator(b[i])))
			return false;
	}
	return true;
}

/* How well a version's locale suits: the more of the wanted one's parts it has the better, 1 any, 0 another. */
static int
suits(const char *locale, const CondValue *wanted)
{
	int			length = strlen(locale);

	if (length == 0)
		return 1;
	if (wanted->type != COND_VALUE_STRING || wanted->length < length ||
		(wanted->length > length && !is_separator(wanted->string[length])))
		return 0;
	return same_locale(locale, wanted->string, length) ? 1 + length : 0;
}

/* The version of a content in the person's language, of those not expired; NULL when none is left. */
const ContentVersion *
ruleset_content(RuleSet *set, const Content *content)
{
	CondValue	scratch;
	CondValue  *locale = mhub_profile_value(&set->profile, set->context_locale_path, &scratch);
	const ContentVersion *best = NULL;
	int			best_suits = -1;

	if (locale->type != COND_VALUE_STRING)
		locale = mhub_profile_value(&set->profile, set->locale_path, &scratch);
	for (int i = 0; i < content->nversions; i++)
	{
		const ContentVersion *version = &content->versions[i];
		int			how = suits(version->locale, locale);

		if (version->expires_at > set->profile.at && how > best_suits)
		{
			best = version;
			best_suits = how;
		}
	}
	return best;
}

static RuleOutcome
assign_content(RuleSet *set, Rule *rule, RuleVariant **variant)
{
	RuleOutcome outcome = assign(set, rule, variant);

	if (outcome == RULE_APPLIES && ruleset_content(set, (*variant)->content) == NULL)
		return RULE_NO_CONTENT;
	return outcome;
}

/* What becomes of a rule for the open profile; a variant when it applies. */
RuleOutcome
ruleset_try(RuleSet *set, int number, const bool *excluded, RuleVariant **variant)
{
	Rule	   *rule = &set->rules[number];
	MhubTruth	match;

	*variant = NULL;
	if (rule->broken != NULL)
		return RULE_BROKEN;
	if (excluded != NULL && excluded[number])
		return RULE_EXCLUDED;
	if (!is_time(set, rule))
		return RULE_NOT_NOW;
	set->trying = number;
	match = mhub_condition_eval(rule->condition, &set->profile);
	set->trying = -1;
	if (match != MHUB_TRUE)
		return match == MHUB_FALSE ? RULE_NO_MATCH : RULE_UNKNOWN;
	if (is_capped(set, rule))
		return RULE_CAPPED;
	return assign_content(set, rule, variant);
}

/* The first rule that applies. */
void
ruleset_choose(RuleSet *set, const bool *excluded, RuleChoice *choice)
{
	int			first = rule_index_first(set, set->index, excluded, &choice->outcome, &choice->variant);

	choice->rule = first < 0 ? NULL : &set->rules[first];
}
