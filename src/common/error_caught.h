/*
 * error_caught.h
 *	  Errors that a piece of somebody's data may cause without stopping the
 *	  rest.  Only for code that touches nothing but memory, so that nothing
 *	  has to be undone.
 */
#ifndef MHUB_ERROR_CAUGHT_H
#define MHUB_ERROR_CAUGHT_H

#include "common/pgcompat.h"

/* In PG_CATCH(): the error, when the session may go on; else it goes on up. */
static inline ErrorData *
mhub_catch_error(MemoryContext context)
{
	ErrorData  *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED || error->sqlerrcode == ERRCODE_OUT_OF_MEMORY ||
		error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN)
		PG_RE_THROW();
	FlushErrorState();
	return error;
}

#endif							/* MHUB_ERROR_CAUGHT_H */
