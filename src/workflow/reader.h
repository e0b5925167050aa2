/*
 * reader.h
 *	  Reads typed fields out of a definition and notes what is wrong with them.
 *
 * A reader stands on one object of the definition and knows its path.  Every
 * function takes the name of a field; one that is absent or null is "not
 * there", which is a problem only where it is required.
 */
#ifndef MHUB_WORKFLOW_READER_H
#define MHUB_WORKFLOW_READER_H

#include "workflow/program.h"

typedef struct Reader
{
	JsonbContainer *container;
	List	  **problems;
	MhubAttributes *attributes;
	const struct Reader *parent;
	const char *name;			/* of this object in its parent */
	const char *list;			/* the parent's list that it is an element of, or NULL */
} Reader;

extern void reader_problem(const Reader *reader, const char *field, const char *format,...) pg_attribute_printf(3, 4);
extern JsonbValue *reader_value(const Reader *reader, const char *field);
extern bool reader_has(const Reader *reader, const char *field);
extern bool reader_word_in(const char *word, int length, const char *words);
extern void reader_only(const Reader *reader, const char *allowed);
extern char *reader_text(const Reader *reader, const char *field, bool required);
extern int	reader_integer(const Reader *reader, const char *field, int unless_given, int least, int most);
extern bool reader_flag(const Reader *reader, const char *field);
extern void reader_one_of(const Reader *reader, const char *field, const char *words);
extern bool reader_object(const Reader *reader, const char *field, Reader *inner);
extern void reader_is_object(const Reader *reader, const char *field);
extern Jsonb *reader_jsonb(const Reader *reader, const char *field);
extern void reader_no_reserved(const Reader *reader, const char *field);
extern int	reader_list_length(const Reader *reader, const char *field);
extern bool reader_element(const Reader *reader, const char *field, int index, Reader *element);
extern char *reader_list_text(const Reader *reader, const char *field, int index);
extern bool reader_span(const Reader *reader, const char *field, Interval *span);
extern void reader_offset(const Reader *reader, const char *field);
extern WfPredicate *reader_predicate(const Reader *reader, const char *field, bool required);
extern WfPredicate *reader_event_filter(const Reader *reader, const char *field);
extern bool reader_local_rule(const Reader *reader, MhubLocalRule *rule);
extern bool reader_quiet_hours(const Reader *reader, MhubLocalRule *rule);
extern bool reader_time_and_weekdays(const Reader *reader, MhubLocalRule *rule);

#endif							/* MHUB_WORKFLOW_READER_H */
