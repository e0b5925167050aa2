/*
 * subtransaction.h
 *	  Work that may fail without ending the transaction.
 */
#ifndef MHUB_SUBTRANSACTION_H
#define MHUB_SUBTRANSACTION_H

#include "common/pgcompat.h"

typedef void (*MhubWork) (void *argument);

/*
 * Does the work in a subtransaction, and in the caller's memory context.  NULL
 * when it is done; else nothing of it has happened, and the error comes in that
 * context.  Being cancelled or shut down goes on up.  With rehearse, nothing of
 * it stays in any case.
 */
extern ErrorData *mhub_attempt(MhubWork work, void *argument, bool rehearse);

#endif							/* MHUB_SUBTRANSACTION_H */
