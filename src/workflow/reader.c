/*
 * reader.c
 *	  Reads typed fields out of a definition and notes what is wrong with them.
 */
#include "workflow/reader.h"

#include "condition/when.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

/* Appends an element of an array's text, quoted as array_in wants it. */
static void
append_element(StringInfo path, const char *element)
{
	if (path->len > 1)
		appendStringInfoChar(path, ',');
	appendStringInfoChar(path, '"');
	for (const char *at = element; *at != '\0'; at++)
	{
		if (*at == '"' || *at == '\\')
			appendStringInfoChar(path, '\\');
		appendStringInfoChar(path, *at);
	}
	appendStringInfoChar(path, '"');
}

static void
append_path(StringInfo path, const Reader *reader)
{
	if (reader == NULL || reader->name == NULL)
		return;
	append_path(path, reader->parent);
	if (reader->list != NULL)
		append_element(path, reader->list);
	append_element(path, reader->name);
}

/* Notes a problem with a field; with the object itself if field is NULL. */
void
reader_problem(const Reader *reader, const char *field, const char *format,...)
{
	WfProblem  *problem = palloc(sizeof(WfProblem));
	StringInfoData path;
	StringInfoData message;
	va_list		args;

	initStringInfo(&path);
	appendStringInfoChar(&path, '{');
	append_path(&path, reader);
	if (field != NULL)
		append_element(&path, field);
	appendStringInfoChar(&path, '}');

	initStringInfo(&message);
	for (;;)
	{
		int			missing;

		va_start(args, format);
		missing = appendStringInfoVA(&message, format, args);
		va_end(args);
		if (missing == 0)
			break;
		enlargeStringInfo(&message, missing);
	}
	problem->path = path.data;
	problem->message = message.data;
	*reader->problems = lappend(*reader->problems, problem);
}

/* NULL if absent or null. */
JsonbValue *
reader_value(const Reader *reader, const char *field)
{
	JsonbValue *value = getKeyJsonValueFromContainer(reader->container, field, (int) strlen(field), NULL);

	return value == NULL || value->type == jbvNull ? NULL : value;
}

/* Whether it is there at all, if only as null. */
bool
reader_has(const Reader *reader, const char *field)
{
	return getKeyJsonValueFromContainer(reader->container, field, (int) strlen(field), NULL) != NULL;
}

/* Whether a list of words, separated by spaces, has this one. */
bool
reader_word_in(const char *word, int length, const char *words)
{
	for (const char *at = words; *at != '\0';)
	{
		int			span = (int) strcspn(at, " ");

		if (span == length && memcmp(at, word, length) == 0)
			return true;
		at += span;
		at += strspn(at, " ");
	}
	return false;
}

/* A misspelt field must not be taken for one that was left out. */
void
reader_only(const Reader *reader, const char *allowed)
{
	JsonbIterator *iterator = JsonbIteratorInit(reader->container);
	JsonbValue	key;

	(void) JsonbIteratorNext(&iterator, &key, true);
	while (JsonbIteratorNext(&iterator, &key, true) == WJB_KEY)
	{
		JsonbValue	value;

		(void) JsonbIteratorNext(&iterator, &value, true);
		if (!reader_word_in(key.val.string.val, key.val.string.len, allowed))
			reader_problem(reader, pnstrdup(key.val.string.val, key.val.string.len), "unknown field");
	}
}

static char *
text_of(const JsonbValue *value)
{
	return value != NULL && value->type == jbvString && value->val.string.len > 0
		? pnstrdup(value->val.string.val, value->val.string.len) : NULL;
}

char *
reader_text(const Reader *reader, const char *field, bool required)
{
	JsonbValue *value = reader_value(reader, field);
	char	   *text = text_of(value);

	if (text == NULL && (value != NULL || required))
		reader_problem(reader, field, value == NULL ? "is missing" : "must be a text that is not empty");
	return text;
}

int
reader_integer(const Reader *reader, const char *field, int unless_given, int least, int most)
{
	JsonbValue *value = reader_value(reader, field);

	if (value == NULL)
	{
		if (unless_given < least)
			reader_problem(reader, field, "is missing");
		return unless_given;
	}
	if (value->type == jbvNumeric)
	{
		bool		not_whole = false;
		int			number = numeric_int4_opt_error(value->val.numeric, &not_whole);

		if (!not_whole && number >= least && number <= most &&
			DatumGetBool(DirectFunctionCall2(numeric_eq, NumericGetDatum(value->val.numeric),
											 DirectFunctionCall1(int4_numeric, Int32GetDatum(number)))))
			return number;
	}
	reader_problem(reader, field, "must be a whole number from %d to %d", least, most);
	return unless_given;
}

bool
reader_flag(const Reader *reader, const char *field)
{
	JsonbValue *value = reader_value(reader, field);

	if (value != NULL && value->type != jbvBool)
		reader_problem(reader, field, "must be true or false");
	return value != NULL && value->type == jbvBool && value->val.boolean;
}

/* A text that, if given, is one of the words. */
void
reader_one_of(const Reader *reader, const char *field, const char *words)
{
	char	   *text = reader_text(reader, field, false);

	if (text != NULL && !reader_word_in(text, (int) strlen(text), words))
		reader_problem(reader, field, "must be one of: %s", words);
}

static bool
is_object(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data);
}

/* Puts a reader on the object of that name; false if it is not there. */
bool
reader_object(const Reader *reader, const char *field, Reader *inner)
{
	JsonbValue *value = reader_value(reader, field);

	if (value == NULL)
		return false;
	if (!is_object(value))
	{
		reader_problem(reader, field, "must be an object");
		return false;
	}
	*inner = *reader;
	inner->container = value->val.binary.data;
	inner->parent = reader;
	inner->name = field;
	inner->list = NULL;
	return true;
}

void
reader_is_object(const Reader *reader, const char *field)
{
	Reader		unused;

	(void) reader_object(reader, field, &unused);
}

/* An object as a value of its own; NULL if it is not there. */
Jsonb *
reader_jsonb(const Reader *reader, const char *field)
{
	Reader		inner;

	return reader_object(reader, field, &inner) ? JsonbValueToJsonb(reader_value(reader, field)) : NULL;
}

/* Keys that begin with $ belong to the hub. */
void
reader_no_reserved(const Reader *reader, const char *field)
{
	Reader		inner;
	JsonbIterator *iterator;
	JsonbValue	key;

	if (!reader_object(reader, field, &inner))
		return;
	iterator = JsonbIteratorInit(inner.container);
	(void) JsonbIteratorNext(&iterator, &key, true);
	while (JsonbIteratorNext(&iterator, &key, true) == WJB_KEY)
	{
		JsonbValue	value;

		if (key.val.string.len > 0 && key.val.string.val[0] == '$')
			reader_problem(&inner, pnstrdup(key.val.string.val, key.val.string.len), "names that begin with $ are reserved");
		(void) JsonbIteratorNext(&iterator, &value, true);
	}
}

/* -1 if there is no such list. */
int
reader_list_length(const Reader *reader, const char *field)
{
	JsonbValue *value = reader_value(reader, field);

	if (value == NULL)
		return -1;
	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
	{
		reader_problem(reader, field, "must be a list");
		return 0;
	}
	return JsonContainerSize(value->val.binary.data);
}

/* Puts a reader on an element that is an object; notes a problem if it is none. */
bool
reader_element(const Reader *reader, const char *field, int index, Reader *element)
{
	JsonbValue *list = reader_value(reader, field);
	JsonbValue *value = getIthJsonbValueFromContainer(list->val.binary.data, index);

	*element = *reader;
	element->parent = reader;
	element->list = field;
	element->name = psprintf("%d", index);
	if (!is_object(value))
	{
		reader_problem(element, NULL, "must be an object");
		return false;
	}
	element->container = value->val.binary.data;
	return true;
}

char *
reader_list_text(const Reader *reader, const char *field, int index)
{
	JsonbValue *list = reader_value(reader, field);
	char	   *text = text_of(getIthJsonbValueFromContainer(list->val.binary.data, index));

	if (text == NULL)
		reader_problem(reader, field, "must be a list of texts");
	return text;
}

/* Nobody waits longer; what is much longer leads out of the calendar. */
#define LONGEST_MONTHS (100 * MONTHS_PER_YEAR)

static bool
read_span(const Reader *reader, const char *field, char *text, bool may_go_back, CondSpan *read)
{
	char	   *span = may_go_back && text[0] == '-' ? text + 1 : text;

	if (!condition_read_span(span, (int) strlen(span), read))
	{
		reader_problem(reader, field, "\"%s\" is not a length of time such as %s", text,
					   may_go_back ? "\"-3 days\"" : "\"72 hours\" or \"1 month 3 days\"");
		return false;
	}
	if (read->months + (read->days + read->usecs / USECS_PER_DAY) / DAYS_PER_MONTH > LONGEST_MONTHS)
	{
		reader_problem(reader, field, "\"%s\" is longer than 100 years", text);
		return false;
	}
	return true;
}

/* A length of time of at least nothing; false if it is not there or wrong. */
bool
reader_span(const Reader *reader, const char *field, Interval *span)
{
	char	   *text = reader_text(reader, field, false);
	CondSpan	read;

	memset(span, 0, sizeof(*span));
	if (text == NULL)
		return false;
	if (!read_span(reader, field, text, false, &read))
		return false;
	span->month = read.months;
	span->day = read.days;
	span->time = read.usecs;
	return true;
}

/* A length of time that may also go backwards: "-3 days". */
void
reader_offset(const Reader *reader, const char *field)
{
	char	   *text = reader_text(reader, field, false);
	CondSpan	read;

	if (text != NULL)
		(void) read_span(reader, field, text, true, &read);
}

static WfPredicate *
read_condition(const Reader *reader, const char *field, MhubAttributes *attributes)
{
	JsonbValue *value = reader_value(reader, field);
	char	   *problem = NULL;
	WfPredicate *predicate;

	if (value == NULL)
		return NULL;
	predicate = wf_predicate_read(value, attributes, &problem);
	if (predicate == NULL)
		reader_problem(reader, field, "bad condition: %s", problem);
	return predicate;
}

/* A condition on the person. */
WfPredicate *
reader_predicate(const Reader *reader, const char *field, bool required)
{
	WfPredicate *predicate = read_condition(reader, field, reader->attributes);

	if (required && reader_value(reader, field) == NULL)
		reader_problem(reader, field, "is missing");
	return predicate;
}

/* A condition on the properties of an event. */
WfPredicate *
reader_event_filter(const Reader *reader, const char *field)
{
	return read_condition(reader, field, NULL);
}

/* "9:00", "09:00:30" or "24:00", in microseconds. */
static bool
read_time_of_day(const Reader *reader, const char *field, const char *text, int64 *time)
{
	int			hour;
	int			minute;
	int			second = 0;
	int			used = 0;

	if (text != NULL &&
		((sscanf(text, "%2d:%2d%n", &hour, &minute, &used) == 2 && text[used] == '\0') ||
		 (sscanf(text, "%2d:%2d:%2d%n", &hour, &minute, &second, &used) == 3 && text[used] == '\0')) &&
		hour >= 0 && minute >= 0 && minute < MINS_PER_HOUR && second >= 0 && second < SECS_PER_MINUTE &&
		(hour < HOURS_PER_DAY || (hour == HOURS_PER_DAY && minute == 0 && second == 0)))
	{
		*time = ((int64) hour * SECS_PER_HOUR + minute * SECS_PER_MINUTE + second) * USECS_PER_SEC;
		return true;
	}
	reader_problem(reader, field, "must be a time of day such as \"09:00\"");
	return false;
}

static int
weekday_number(const char *text)
{
	static const char *const names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

	for (int i = 0; text != NULL && i < (int) lengthof(names); i++)
		if (strcmp(text, names[i]) == 0)
			return i;
	return -1;
}

static void
read_weekdays(const Reader *reader, MhubLocalRule *rule)
{
	for (int i = 0; i < reader_list_length(reader, "weekdays"); i++)
	{
		int			day = weekday_number(reader_list_text(reader, "weekdays", i));

		if (day < 0)
			reader_problem(reader, "weekdays", "must be among mon, tue, wed, thu, fri, sat, sun");
		else
			rule->weekdays |= 1 << day;
	}
}

/* until of a delay: a time of day or a window, and weekdays. */
bool
reader_local_rule(const Reader *reader, MhubLocalRule *rule)
{
	char	   *time = reader_text(reader, "time", false);
	int			bounds = reader_list_length(reader, "window");

	memset(rule, 0, sizeof(*rule));
	read_weekdays(reader, rule);
	if (time != NULL)
		rule->has_time = read_time_of_day(reader, "time", time, &rule->time);
	if (bounds >= 0 && bounds != 2)
		reader_problem(reader, "window", "must be two times of day");
	if (bounds == 2)
		rule->has_window =
			read_time_of_day(reader, "window", reader_list_text(reader, "window", 0), &rule->window_from) &&
			read_time_of_day(reader, "window", reader_list_text(reader, "window", 1), &rule->window_until);
	if (time != NULL && bounds == 2)
		reader_problem(reader, NULL, "time and window exclude each other");
	if (time == NULL && bounds < 0 && rule->weekdays == 0)
		reader_problem(reader, NULL, "needs a time, a window or weekdays");
	return true;
}

/*
 * Quiet hours as the window of the hours that are not quiet, so that one rule
 * tells when a message may go.
 */
bool
reader_quiet_hours(const Reader *reader, MhubLocalRule *rule)
{
	memset(rule, 0, sizeof(*rule));
	rule->has_window = read_time_of_day(reader, "from", reader_text(reader, "from", true), &rule->window_until) &&
		read_time_of_day(reader, "until", reader_text(reader, "until", true), &rule->window_from);
	if (rule->has_window && rule->window_from == rule->window_until)
		reader_problem(reader, NULL, "the whole day would be quiet");
	return rule->has_window;
}

/* When a schedule or date trigger fires. */
bool
reader_time_and_weekdays(const Reader *reader, MhubLocalRule *rule)
{
	memset(rule, 0, sizeof(*rule));
	read_weekdays(reader, rule);
	rule->has_time = read_time_of_day(reader, "at", reader_text(reader, "at", true), &rule->time);
	return rule->has_time;
}
