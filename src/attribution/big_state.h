/*
 * big_state.h
 *	  Aggregate state of one big group: any structure, as an expanded bytea.
 */
#ifndef MHUB_BIG_STATE_H
#define MHUB_BIG_STATE_H

#include "common/pgcompat.h"

#include "attribution/spill.h"

/*
 * What a structure must be able to do to travel.  All work in the current
 * memory context.  A flattened structure need not be aligned.  One that can
 * write itself to files is handed those once it exists (attach, else NULL).
 */
typedef struct MhubBigStateMethods
{
	const char *aggregate;		/* for messages */
	Size		(*flat_size) (void *content);
	void		(*flatten) (const void *content, char *to);
	void	   *(*create_like) (const char *flat);	/* empty, of the same kind */
	void		(*merge) (void *content, const char *flat);
	void		(*attach) (void *content, MhubSpill *spill);
} MhubBigStateMethods;

typedef void *(*MhubBigStateCreate) (FunctionCallInfo fcinfo);

extern void *mhub_big_state(FunctionCallInfo fcinfo, const MhubBigStateMethods *methods,
							MhubBigStateCreate create, Datum *state, MemoryContext *context);
extern void *mhub_big_state_content(FunctionCallInfo fcinfo, const MhubBigStateMethods *methods);
extern Datum mhub_big_state_combine(FunctionCallInfo fcinfo, const MhubBigStateMethods *methods);

#endif							/* MHUB_BIG_STATE_H */
