/*
 * advance.h
 *	  What the parts of mhub.advance_workflows() share.
 */
#ifndef MHUB_WORKFLOW_ADVANCE_H
#define MHUB_WORKFLOW_ADVANCE_H

#include "common/pgcompat.h"

#include "common/spi_plan.h"
#include "storage/itemptr.h"
#include "storage/lockdefs.h"
#include "tcop/dest.h"
#include "utils/array.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"
#include "workflow/run.h"

/* A slice of mhub.enrollment: what one chunk looks at. */
#define WF_SLICE_PAGES 256

/* Columns that the rows of the advancing statement begin with; all of the enrollment's own follow. */
typedef enum DueColumn
{
	DUE_TID, DUE_PROFILE, DUE_REFUSALS, DUE_ENROLLMENT
} DueColumn;

/* What one enrollment did. */
typedef struct MoveRecord
{
	int64		enrollment_id;
	int64		person_id;
	int32		version_id;
	int32		hops;
	int			woken_at;		/* step it had waited at; -1: has only just entered */
	int64		waited;			/* there, in microseconds */
	ItemPointerData tid;		/* where its row is now */
	const WfMove *move;
	ArrayType  *variants;		/* of the experiments it is in, as visits, or NULL */
} MoveRecord;

/* An effect to carry out: the step that one enrollment went through. */
typedef struct MoveEffect
{
	int64		enrollment_id;
	int64		person_id;
	int32		version_id;
	int32		hops;
	int16		step;			/* -1: the end of the enrollment */
	Jsonb	   *filled;			/* the step's object where it has templates, else NULL */
} MoveEffect;

struct MoveGroup;

/* What the enrollments of one chunk did, to be written down at its end. */
typedef struct MoveSink
{
	MemoryContext context;
	int64		moved;
	ArrayType  *listened;		/* versions on whose ends other workflows wait */
	HTAB	   *groups;
	struct MoveGroup *latest;	/* the group of the last row: often the next row's too */
	HTAB	   *visits;
	HTAB	   *wakes;
	int			effects;		/* bits of all rows */
	int			neffects;
	int			effect_space;
	MoveEffect *effect_list;
} MoveSink;

extern MoveSink *wf_sink_create(MemoryContext context, ArrayType *listened);
extern void wf_sink_add(MoveSink *sink, const WfProgram *program, const MoveRecord *record);
extern void wf_sink_flush(MoveSink *sink, int32 slice, TimestampTz now);
extern void wf_run_effects(MoveSink *sink, TimestampTz now);
extern DestReceiver *wf_mover_create(MoveSink *sink, TimestampTz now, TimestampTz events_until);
extern int64 wf_advance_slice(MemoryContext context, int32 slice);
extern void wf_lock_engine(LOCKMODE mode);
extern int32 wf_slice_of(const ItemPointerData *tid);

#endif							/* MHUB_WORKFLOW_ADVANCE_H */
