/*
 * program.c
 *	  Reads a workflow's definition (jsonb) into a program.
 *
 * Reading never stops at the first mistake: every problem is noted with its
 * path, so that an author sees all of them at once.
 */
#include "workflow/program.h"

#include "common/hub_time.h"
#include "workflow/reader.h"

int
wf_step_number(const WfProgram *program, const char *key)
{
	for (int i = 0; i < program->nsteps; i++)
		if (strcmp(program->steps[i].key, key) == 0)
			return i;
	return -1;
}

/* A length of time without a calendar: months of 30 days, days of 24 hours. */
int64
wf_span_usecs(const Interval *span)
{
	return span->time + ((int64) span->month * DAYS_PER_MONTH + span->day) * USECS_PER_DAY;
}

static void
read_steps(Reader *reader, WfProgram *program)
{
	Reader		steps;
	JsonbIterator *iterator;
	JsonbValue	key;
	int			count;

	if (!reader_object(reader, "steps", &steps))
	{
		reader_problem(reader, "steps", "an object of steps is needed");
		return;
	}
	count = JsonContainerSize(steps.container);
	if (count < 1 || count > WF_MAX_STEPS)
	{
		reader_problem(reader, "steps", "between 1 and %d steps are needed", WF_MAX_STEPS);
		return;
	}
	program->steps = palloc0(count * sizeof(WfStep));
	iterator = JsonbIteratorInit(steps.container);
	(void) JsonbIteratorNext(&iterator, &key, true);
	while (JsonbIteratorNext(&iterator, &key, true) == WJB_KEY)
	{
		char	   *name = pnstrdup(key.val.string.val, key.val.string.len);
		WfStep	   *step = &program->steps[program->nsteps++];
		JsonbValue	value;
		Reader		inner;

		(void) JsonbIteratorNext(&iterator, &value, true);
		step->key = name;
		step->type = WF_UNKNOWN;
		if (reader_object(&steps, name, &inner))
			wf_read_step(&inner, step, name);
		program->has_experiment |= step->type == WF_EXPERIMENT;
	}
}

static void
read_criteria(Reader *reader, WfProgram *program, const char *field, bool is_goal)
{
	int			count = reader_list_length(reader, field);

	if (count <= 0)
		return;
	program->criteria = program->criteria == NULL ? palloc(count * sizeof(WfCriterion))
		: repalloc(program->criteria, (program->ncriteria + count) * sizeof(WfCriterion));
	for (int i = 0; i < count; i++)
	{
		WfCriterion *criterion = &program->criteria[program->ncriteria];
		Reader		element;

		if (!reader_element(reader, field, i, &element))
			continue;
		memset(criterion, 0, sizeof(*criterion));
		reader_only(&element, "key event where if");
		criterion->key = reader_text(&element, "key", is_goal);
		criterion->event = reader_text(&element, "event", false);
		criterion->where = reader_event_filter(&element, "where");
		criterion->predicate = reader_predicate(&element, "if", false);
		criterion->is_goal = is_goal;
		if ((criterion->event == NULL) == (criterion->predicate == NULL))
			reader_problem(&element, NULL, "either an event or a condition (if) is needed");
		program->ncriteria++;
	}
}

/* How the other workflow may have ended; a merge or the archive is no end of a person's way. */
static void
read_workflow_trigger(Reader *reader)
{
	static const char *const outcomes[] = {"completed", "goal reached", "exit criterion", "removed", "no consent", "frequency cap"};
	char	   *on = reader_text(reader, "on", false);

	reader_one_of(reader, "on", "enter end");
	if (on != NULL && strcmp(on, "enter") == 0 && reader_has(reader, "outcomes"))
		reader_problem(reader, "outcomes", "who has only entered has no outcome yet");
	for (int i = 0; i < reader_list_length(reader, "outcomes"); i++)
	{
		char	   *outcome = reader_list_text(reader, "outcomes", i);
		bool		known = outcome == NULL;

		for (int j = 0; j < (int) lengthof(outcomes); j++)
			known = known || strcmp(outcome, outcomes[j]) == 0;
		if (!known)
			reader_problem(reader, "outcomes", "nobody ends as \"%s\"", outcome);
	}
}

static void
read_trigger(Reader *reader)
{
	char	   *type = reader_text(reader, "type", true);
	static const struct
	{
		const char *type;
		const char *fields;
		const char *required;
	}			known[] = {
		{"event", "type event where if", "event"},
		{"segment", "type segment on if", "segment"},
		{"schedule", "type at weekdays day_of_month if", "at"},
		{"date", "type trait offset at yearly if", "trait"},
		{"workflow", "type workflow on outcomes if", "workflow"},
		{"api", "type if", NULL},
	};

	if (type == NULL)
		return;
	for (int i = 0; i < (int) lengthof(known); i++)
	{
		MhubLocalRule rule;

		if (strcmp(known[i].type, type) != 0)
			continue;
		reader_only(reader, known[i].fields);
		if (known[i].required != NULL)
			(void) reader_text(reader, known[i].required, true);
		(void) reader_event_filter(reader, "where");
		(void) reader_predicate(reader, "if", false);
		reader_offset(reader, "offset");
		if (reader_has(reader, "at"))
			(void) reader_time_and_weekdays(reader, &rule);
		if (reader_has(reader, "day_of_month"))
			(void) reader_integer(reader, "day_of_month", 1, 1, 31);
		if (strcmp(type, "segment") == 0)
			reader_one_of(reader, "on", "enter leave");
		if (strcmp(type, "workflow") == 0)
			read_workflow_trigger(reader);
		return;
	}
	reader_problem(reader, "type", "unknown type \"%s\"", type);
}

static void
read_triggers(Reader *reader)
{
	int			count = reader_list_length(reader, "triggers");

	if (count < 1)
		reader_problem(reader, "triggers", "at least one is needed; {\"type\": \"api\"} is the simplest");
	for (int i = 0; i < count; i++)
	{
		Reader		element;

		if (reader_element(reader, "triggers", i, &element))
			read_trigger(&element);
	}
}

static void
read_reentry(Reader *reader)
{
	Reader		reentry;
	JsonbValue *after;
	Interval	span;

	if (!reader_object(reader, "reentry", &reentry))
		return;
	reader_only(&reentry, "after per concurrent");
	after = reader_value(&reentry, "after");
	if (after != NULL)
	{
		char	   *text = reader_text(&reentry, "after", false);

		if (text != NULL && strcmp(text, "never") != 0 && strcmp(text, "end") != 0)
			(void) reader_span(&reentry, "after", &span);
	}
	(void) reader_text(&reentry, "per", false);
	if (reader_has(&reentry, "per") && reader_flag(&reentry, "concurrent"))
		reader_problem(&reentry, "concurrent", "with a key (per) every key may be in flight at once anyway");
}

static void
read_late(Reader *reader, WfProgram *program)
{
	Reader		late;
	Interval	after;

	if (!reader_object(reader, "late", &late))
		return;
	reader_only(&late, "after");
	if (reader_span(&late, "after", &after))
	{
		program->has_late = true;
		program->late_after = wf_span_usecs(&after);
	}
	else
		reader_problem(&late, "after", "a length of time such as \"6 hours\" is needed");
}

static void
read_zone(Reader *reader, WfProgram *program)
{
	program->zone_name = reader_text(reader, "time_zone", false);
	program->zone = mhub_hub_zone();
	if (program->zone_name == NULL)
		return;
	program->zone = mhub_time_zone(program->zone_name);
	if (program->zone == NULL)
	{
		reader_problem(reader, "time_zone", "unknown time zone \"%s\"", program->zone_name);
		program->zone = mhub_hub_zone();
	}
}

/* Reads what it can; only without problems is the result fit to run. */
WfProgram *
wf_program_read(Jsonb *definition, List **problems)
{
	WfProgram  *program = palloc0(sizeof(WfProgram));
	Reader		reader = {.container = &definition->root, .problems = problems};
	char	   *start;

	program->start = -1;
	program->attributes = mhub_attributes_create();
	reader.attributes = program->attributes;
	if (!JB_ROOT_IS_OBJECT(definition))
	{
		reader_problem(&reader, NULL, "a definition is an object");
		return program;
	}
	reader_only(&reader, "name note time_zone triggers reentry start goals exit_when late steps");
	(void) reader_text(&reader, "name", false);
	read_zone(&reader, program);
	read_triggers(&reader);
	read_reentry(&reader);
	read_late(&reader, program);
	read_criteria(&reader, program, "goals", true);
	read_criteria(&reader, program, "exit_when", false);
	read_steps(&reader, program);
	start = reader_text(&reader, "start", true);
	if (start != NULL && program->nsteps > 0)
	{
		program->start = wf_step_number(program, start);
		if (program->start < 0)
			reader_problem(&reader, "start", "there is no step \"%s\"", start);
	}
	wf_program_link(program, &reader);
	return program;
}
