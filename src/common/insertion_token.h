/*
 * insertion_token.h
 *	  The lock behind rows that are inserted speculatively.
 */
#ifndef MHUB_INSERTION_TOKEN_H
#define MHUB_INSERTION_TOKEN_H

#include "common/pgcompat.h"

typedef struct MhubInsertionToken
{
	TransactionId xid;
	uint32		token;			/* for table_tuple_insert_speculative() */
	bool		kept;			/* to the end of the transaction */
} MhubInsertionToken;

extern void mhub_insertion_token_take(MhubInsertionToken *token);

/* To be called when the rows are in: a refusal must be known before anybody is waited for. */
extern void mhub_insertion_token_return(MhubInsertionToken *token, bool refused);

#endif							/* MHUB_INSERTION_TOKEN_H */
