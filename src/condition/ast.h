/*
 * ast.h
 *	  The tree of a condition: what both notations are parsed into, what is
 *	  printed from, and what is evaluated.
 *
 * Nodes live in the memory context they were parsed in and are freed with it.
 */
#ifndef MHUB_CONDITION_AST_H
#define MHUB_CONDITION_AST_H

#include "common/pgcompat.h"

#include "datatype/timestamp.h"
#include "regex/regex.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

/* Limits of the language: a rule is written by people, not by accident. */
#define CONDITION_MAX_BYTES (1024 * 1024)
#define CONDITION_MAX_DEPTH 64
#define CONDITION_MAX_SEGMENTS 16

/* What a value of a profile can be. */
typedef enum CondType
{
	COND_VALUE_MISSING,
	COND_VALUE_NULL,
	COND_VALUE_BOOL,
	COND_VALUE_NUMBER,
	COND_VALUE_STRING,
	COND_VALUE_ARRAY,
	COND_VALUE_OBJECT
} CondType;

typedef struct CondValue
{
	CondType	type;
	bool		boolean;
	bool		inexact;		/* number: equal doubles do not prove equality */
	int			length;
	int			folded_length;
	int			nelements;
	double		number;
	union
	{
		Numeric		numeric;
		const char *string;		/* not terminated when it points into a jsonb */
		JsonbContainer *container;
	};
	union
	{
		const char *folded;		/* string literals under "folded": folded beforehand */
		struct CondValue *elements; /* array: decoded at first use */
	};
} CondValue;

/* A dotted path; digits also index arrays.  No segments: the element itself. */
typedef struct CondSegment
{
	const char *name;
	int			length;
	int			index;			/* array index when the name is all digits, else -1 */
} CondSegment;

typedef struct CondPath
{
	int			nsegments;
	int			attribute;		/* place in MhubAttributes, -1 while not bound */
	CondSegment segments[FLEXIBLE_ARRAY_MEMBER];
} CondPath;

/* A length of time as people write it. */
typedef struct CondSpan
{
	int32		months;
	int32		days;
	int64		usecs;
} CondSpan;

/* A point in time: fixed, or relative to the moment of evaluation. */
typedef struct CondMoment
{
	bool		relative;
	bool		has_zone;		/* fixed: usecs is UTC; else local to the hub's zone */
	bool		minus;
	int64		usecs;
	const char *text;			/* fixed: as written */
	CondSpan	span;
} CondMoment;

typedef struct CondNetwork
{
	int			family;			/* 4 or 6 */
	int			bits;
	unsigned char address[16];
	const char *text;
} CondNetwork;

typedef enum CondKind
{
	COND_CONSTANT,				/* true, false */
	COND_AND,
	COND_OR,
	COND_NOT,					/* strong: unknown stays unknown */
	COND_UNLESS,				/* weak: true unless the operand is true */
	COND_COMPARE,
	COND_IN,
	COND_BETWEEN,
	COND_HAS,
	COND_EXISTS,
	COND_MISSING,
	COND_IS_NULL,
	COND_AFFIX,
	COND_REGEX,
	COND_VERSION,
	COND_TIME,
	COND_NETWORK,
	COND_SEGMENT,
	COND_DID,
	COND_ANY
} CondKind;

typedef enum CondOp
{
	OP_NONE,
	OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE,
	OP_HAS, OP_HAS_ANY, OP_HAS_ALL, OP_HAS_NONE,
	OP_STARTS, OP_ENDS, OP_CONTAINS,
	OP_BEFORE, OP_AFTER, OP_WITHIN, OP_WITHIN_NEXT, OP_OLDER
} CondOp;

/* What a predicate is about: an attribute, or the time of an event. */
typedef enum CondSubject
{
	SUBJECT_PATH,
	SUBJECT_LAST,
	SUBJECT_FIRST
} CondSubject;

typedef struct CondNode CondNode;
struct CondNode
{
	CondKind	kind;
	CondOp		op;
	CondSubject subject;
	bool		weak;			/* COMPARE !=, IN: true when the value is not known */
	bool		negated;		/* IN: not in */
	bool		fold;			/* compare folded: NFKC, lower case */
	bool		sorted;			/* IN: values are sorted for binary search */
	bool		truth;			/* CONSTANT */
	CondPath   *path;
	CondPath   *other;			/* COMPARE with another attribute */
	int			nvalues;
	CondValue  *values;			/* literals */
	int			nchildren;
	CondNode  **children;
	const char *event;			/* DID, SUBJECT_LAST/FIRST; SEGMENT: its key; children are then its "where" */
	int			event_length;
	CondPath   *event_path;		/* $events.<event>, bound like any path */
	int64		at_least;		/* DID */
	int64		at_most;		/* DID: -1 is no limit */
	bool		has_span;
	CondSpan	span;			/* DID within; TIME within, older than */
	CondMoment	moment;			/* TIME before, after */
	int			nnetworks;
	CondNetwork *networks;
	regex_t    *regex;			/* compiled at first use */
	MemoryContext context;		/* REGEX: where the compiled form lives */
};

/* Why an input was refused: where (1-based, in characters) and what was expected there. */
typedef struct CondError
{
	const char *message;		/* NULL: none */
	const char *hint;
	int			offset;			/* in bytes */
} CondError;

/* parse_text.c, parse_json.c: NULL with *error set when refused */
extern CondNode *condition_parse_text(const char *input, int length, CondError *error);
extern CondNode *condition_parse_json(const char *input, int length, CondError *error);

/* print.c, print_json.c */
extern void condition_print(StringInfo out, const CondNode *node);
extern void condition_print_path(StringInfo out, const CondPath *path);
extern void condition_print_json(StringInfo out, const CondNode *node);
extern void condition_print_bare(StringInfo out, const CondValue *value);
extern void condition_print_span(StringInfo out, const CondSpan *span);

/* build.c: pieces that both parsers share */
extern CondNode *condition_node(CondKind kind);
extern CondNode *condition_join(CondKind kind, CondNode *left, CondNode *right);
extern CondNode *condition_wrap(CondKind kind, CondNode *child);
extern CondPath *condition_path_from_segments(const CondSegment *segments, int nsegments);
extern CondPath *condition_path_from_key(const char *key, int length);
extern void condition_set_event(CondNode *node, const char *name, int length);
extern void condition_add_value(CondNode *node, const CondValue *value);
extern CondValue condition_string_value(const char *string, int length);
extern bool condition_number_value(const char *text, int length, CondValue *value);
extern const char *condition_complete(CondNode *node);
extern void condition_set_where(CondNode *node, CondNode *where);
extern bool condition_asks_within(const CondNode *node);
extern bool condition_is_keyword(const char *word, int length);
extern bool condition_is_reserved(const char *name, int length);

#endif							/* MHUB_CONDITION_AST_H */
