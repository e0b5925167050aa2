/*
 * step_reader.c
 *	  Reads the steps of a definition: each type with its fields and ways out.
 */
#include "workflow/reader.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "workflow/effect.h"
#include "workflow/fill.h"

/* Which kinds of branch a step has. */
typedef enum Exits
{
	EXITS_NEXT,					/* next, or the end of the workflow without it */
	EXITS_TIMEOUT,				/* next and on_timeout */
	EXITS_BRANCHES,
	EXITS_VARIANTS,
	EXITS_NONE
} Exits;

typedef struct TypeInfo
{
	const char *name;
	Exits		exits;
	int			effect;
	const char *fields;			/* allowed besides type, next, label and note */
	const char *templates;		/* those of them that may have templates in them */
	void		(*read) (Reader *reader, WfStep *step);
} TypeInfo;

static void read_delay(Reader *reader, WfStep *step);
static void read_wait_for(Reader *reader, WfStep *step);
static void read_experiment(Reader *reader, WfStep *step);
static void read_message(Reader *reader, WfStep *step);
static void read_task(Reader *reader, WfStep *step);
static void read_webhook(Reader *reader, WfStep *step);
static void read_update(Reader *reader, WfStep *step);
static void read_other_workflow(Reader *reader, WfStep *step);
static void read_goal(Reader *reader, WfStep *step);

static const TypeInfo types[] = {
	[WF_DELAY] = {"delay", EXITS_NEXT, 0, "for until spread", "", read_delay},
	[WF_WAIT_FOR] = {"wait_for", EXITS_TIMEOUT, 0, "event where if recheck timeout on_timeout", "", read_wait_for},
	[WF_DECISION] = {"decision", EXITS_BRANCHES, 0, "branches else", "", NULL},
	[WF_EXPERIMENT] = {"experiment", EXITS_VARIANTS, 0, "variants salt", "", read_experiment},
	[WF_MESSAGE] = {"message", EXITS_NEXT, WF_EFFECT_MESSAGE,
	"channel template provider purpose data campaign content quiet_hours cap if_refused", "data campaign content", read_message},
	[WF_TASK] = {"task", EXITS_NEXT, WF_EFFECT_TASK, "queue title priority due_in data", "queue title data", read_task},
	[WF_WEBHOOK] = {"webhook", EXITS_NEXT, WF_EFFECT_WEBHOOK, "url provider data", "url data", read_webhook},
	[WF_UPDATE] = {"update", EXITS_NEXT, 0, "set unset context add_to remove_from", "set context", read_update},
	[WF_ENTER] = {"enter_workflow", EXITS_NEXT, WF_EFFECT_ENTER, "workflow data", "data", read_other_workflow},
	[WF_LEAVE] = {"exit_workflow", EXITS_NEXT, WF_EFFECT_LEAVE, "workflow", "", read_other_workflow},
	[WF_GOAL] = {"goal", EXITS_NEXT, 0, "goal", "", read_goal},
	[WF_EXIT] = {"exit", EXITS_NONE, 0, "reason", "", NULL},
};

/* Whether people can be found waiting at such a step. */
bool
wf_type_waits(const WfStep *step)
{
	return step->type == WF_DELAY || step->type == WF_WAIT_FOR;
}

static WfBranch *
add_branch(WfStep *step, const char *name)
{
	WfBranch   *branch = &step->branches[step->nbranches++];

	memset(branch, 0, sizeof(*branch));
	branch->name = pstrdup(name);
	branch->target = -1;
	return branch;
}

/* Where a branch leads.  The end of the workflow is said (null), not forgotten. */
static char *
read_target(Reader *reader, const char *field)
{
	if (!reader_has(reader, field))
		reader_problem(reader, field, "dead end: name the next step, or null to end the workflow here");
	return reader_text(reader, field, false);
}

static void
branch_to_field(Reader *reader, WfStep *step, const char *name, const char *field)
{
	WfBranch   *branch = add_branch(step, name);

	if (step->type != WF_GOAL || reader_has(reader, field))
		branch->target_key = read_target(reader, field);
}

static void
read_branch(Reader *element, WfStep *step, bool variant)
{
	char	   *name = reader_text(element, variant ? "key" : "name", variant);
	WfBranch   *branch = add_branch(step, name != NULL ? name : psprintf("%d", step->nbranches + 1));

	reader_only(element, variant ? "key weight next" : "name if next");
	branch->target_key = read_target(element, "next");
	if (variant)
		branch->weight = reader_integer(element, "weight", 1, 0, 1000000);
	else
		branch->predicate = reader_predicate(element, "if", true);
}

static void
read_branch_list(Reader *reader, WfStep *step, const char *field, bool variant)
{
	int			count = reader_list_length(reader, field);

	if (count < 1)
		reader_problem(reader, field, "at least one is needed");
	if (count > WF_MAX_BRANCHES - 2)
	{
		reader_problem(reader, field, "at most %d are allowed", WF_MAX_BRANCHES - 2);
		count = 0;
	}
	step->branches = palloc((Max(count, 0) + 1) * sizeof(WfBranch));
	for (int i = 0; i < count; i++)
	{
		Reader		element;

		if (reader_element(reader, field, i, &element))
			read_branch(&element, step, variant);
	}
}

static void
read_exits(Reader *reader, WfStep *step, Exits exits)
{
	switch (exits)
	{
		case EXITS_NEXT:
		case EXITS_TIMEOUT:
			step->branches = palloc(2 * sizeof(WfBranch));
			branch_to_field(reader, step, "next", "next");
			if (exits == EXITS_TIMEOUT)
				branch_to_field(reader, step, "timeout", "on_timeout");
			break;
		case EXITS_BRANCHES:
			read_branch_list(reader, step, "branches", false);
			branch_to_field(reader, step, "else", "else");
			break;
		case EXITS_VARIANTS:
			read_branch_list(reader, step, "variants", true);
			break;
		case EXITS_NONE:
			break;
	}
}

static void
read_delay(Reader *reader, WfStep *step)
{
	Reader		until;
	Interval	spread;

	step->has_delay = reader_span(reader, "for", &step->delay);
	if (reader_object(reader, "until", &until))
	{
		reader_only(&until, "time window weekdays");
		step->has_local = reader_local_rule(&until, &step->local);
	}
	if (reader_span(reader, "spread", &spread))
		step->spread = wf_span_usecs(&spread);
	if (!step->has_delay && !step->has_local && step->spread == 0)
		reader_problem(reader, NULL, "a delay needs for, until or spread");
}

static void
read_wait_for(Reader *reader, WfStep *step)
{
	step->event = reader_text(reader, "event", false);
	step->where = reader_event_filter(reader, "where");
	step->predicate = reader_predicate(reader, "if", false);
	step->has_delay = reader_span(reader, "timeout", &step->delay);
	if (!reader_span(reader, "recheck", &step->recheck))
		step->recheck.time = USECS_PER_HOUR;
	if ((step->event == NULL) == (step->predicate == NULL))
		reader_problem(reader, NULL, "a wait_for waits either for an event or until a condition (if) holds");
	if (step->where != NULL && step->event == NULL)
		reader_problem(reader, "where", "without an event there is nothing to filter");
	if (!step->has_delay)
		reader_problem(reader, "timeout", "a timeout is needed: without one people could wait here for ever");
}

static void
read_experiment(Reader *reader, WfStep *step)
{
	int			total = 0;

	step->salt = reader_text(reader, "salt", false);
	for (int i = 0; i < step->nbranches; i++)
	{
		total += step->branches[i].weight;
		for (int j = 0; j < i; j++)
			if (strcmp(step->branches[i].name, step->branches[j].name) == 0)
				reader_problem(reader, "variants", "variant \"%s\" occurs twice", step->branches[i].name);
	}
	if (step->nbranches > 0 && total <= 0)
		reader_problem(reader, "variants", "the weights add up to nothing");
}

static WfThen
read_then(Reader *reader, const char *field, WfThen unless_given, bool may_defer)
{
	char	   *then = reader_text(reader, field, false);

	if (then == NULL)
		return unless_given;
	if (strcmp(then, "skip") == 0)
		return WF_THEN_SKIP;
	if (strcmp(then, "exit") == 0)
		return WF_THEN_EXIT;
	if (may_defer && strcmp(then, "defer") == 0)
		return WF_THEN_DEFER;
	reader_problem(reader, field, may_defer ? "must be skip, defer or exit" : "must be skip or exit");
	return unless_given;
}

static void
read_message(Reader *reader, WfStep *step)
{
	Reader		inner;
	char	   *purpose = reader_text(reader, "purpose", false);

	step->channel = reader_text(reader, "channel", true);
	(void) reader_text(reader, "template", true);
	step->transactional = purpose != NULL && strcmp(purpose, "marketing") != 0;
	step->when_refused = read_then(reader, "if_refused", WF_THEN_SKIP, false);
	if (reader_object(reader, "quiet_hours", &inner))
	{
		reader_only(&inner, "from until then");
		step->has_quiet = reader_quiet_hours(&inner, &step->local);
		step->when_quiet = read_then(&inner, "then", WF_THEN_DEFER, true);
		if (step->when_quiet == WF_THEN_EXIT)
			reader_problem(&inner, "then", "must be defer or skip");
	}
	if (reader_object(reader, "cap", &inner))
	{
		reader_only(&inner, "count per then");
		step->cap_count = reader_integer(&inner, "count", 0, 1, 1000000);
		if (!reader_span(&inner, "per", &step->cap_period))
			reader_problem(&inner, "per", "a period such as \"7 days\" is needed");
		step->when_capped = read_then(&inner, "then", WF_THEN_SKIP, true);
	}
	reader_is_object(reader, "data");
}

static void
read_task(Reader *reader, WfStep *step pg_attribute_unused())
{
	Interval	due;

	(void) reader_text(reader, "queue", true);
	(void) reader_text(reader, "title", true);
	(void) reader_integer(reader, "priority", 3, 1, 5);
	(void) reader_span(reader, "due_in", &due);
	reader_is_object(reader, "data");
}

/* A value must not choose where the request goes: the host is literal. */
static bool
host_is_literal(const char *url)
{
	const char *host = strstr(url, "://") + 3;
	const char *template = strstr(url, "{{");

	return template == NULL || template > host + strcspn(host, "/?#{");
}

static void
read_webhook(Reader *reader, WfStep *step pg_attribute_unused())
{
	char	   *url = reader_text(reader, "url", false);
	char	   *provider = reader_text(reader, "provider", false);

	if (url == NULL && provider == NULL)
		reader_problem(reader, NULL, "a webhook needs a url or a provider");
	if (url != NULL && strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
		reader_problem(reader, "url", "must begin with https:// or http://");
	else if (url != NULL && !host_is_literal(url))
		reader_problem(reader, "url", "the host must not be a template");
	reader_is_object(reader, "data");
}

static List *
read_names(Reader *reader, const char *field)
{
	List	   *names = NIL;

	for (int i = 0; i < reader_list_length(reader, field); i++)
	{
		char	   *name = reader_list_text(reader, field, i);

		if (name != NULL)
			names = lappend(names, name);
	}
	return names;
}

/* An object with null under each name; NULL without names. */
static Jsonb *
nulls_for(const List *names)
{
	JsonbParseState *state = NULL;
	ListCell   *cell;

	if (names == NIL)
		return NULL;
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	foreach(cell, names)
	{
		JsonbValue	key = {.type = jbvString};
		JsonbValue	value = {.type = jbvNull};

		key.val.string.val = lfirst(cell);
		key.val.string.len = strlen(lfirst(cell));
		(void) pushJsonbValue(&state, WJB_KEY, &key);
		(void) pushJsonbValue(&state, WJB_VALUE, &value);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static void
read_update(Reader *reader, WfStep *step)
{
	step->traits = reader_jsonb(reader, "set");
	step->context = reader_jsonb(reader, "context");
	reader_no_reserved(reader, "set");
	step->add_to = read_names(reader, "add_to");
	step->remove_from = read_names(reader, "remove_from");
	step->unset = nulls_for(read_names(reader, "unset"));
	if (step->unset != NULL || step->traits != NULL)
		step->effect |= WF_EFFECT_UPDATE;
	if (step->add_to != NIL || step->remove_from != NIL)
		step->effect |= WF_EFFECT_SEGMENT;
	if (step->effect == 0 && step->context == NULL)
		reader_problem(reader, NULL, "an update needs set, unset, add_to, remove_from or context");
}

static void
read_other_workflow(Reader *reader, WfStep *step pg_attribute_unused())
{
	(void) reader_text(reader, "workflow", true);
	reader_is_object(reader, "data");
}

static void
read_goal(Reader *reader, WfStep *step pg_attribute_unused())
{
	(void) reader_text(reader, "goal", true);
}

static WfType
type_by_name(const char *name)
{
	for (int i = 0; i < WF_UNKNOWN; i++)
		if (strcmp(types[i].name, name) == 0)
			return (WfType) i;
	return WF_UNKNOWN;
}

/* The object of a step; what is wrong with it is noted. */
void
wf_read_step(Reader *reader, WfStep *step, char *key)
{
	char	   *type = reader_text(reader, "type", true);

	memset(step, 0, sizeof(*step));
	step->key = key;
	step->type = type == NULL ? WF_UNKNOWN : type_by_name(type);
	if (step->type == WF_UNKNOWN)
	{
		if (type != NULL)
			reader_problem(reader, "type", "unknown type \"%s\"", type);
		return;
	}
	step->effect = types[step->type].effect;
	reader_only(reader, psprintf("type label note %s %s",
								 types[step->type].exits <= EXITS_TIMEOUT ? "next" : "", types[step->type].fields));
	read_exits(reader, step, types[step->type].exits);
	if (types[step->type].read != NULL)
		types[step->type].read(reader, step);
	wf_read_templates(reader, step, types[step->type].templates);
}
