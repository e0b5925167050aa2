/*
 * json_writer.h
 *	  Objects from members that are jsonb already.
 */
#ifndef MHUB_JSON_WRITER_H
#define MHUB_JSON_WRITER_H

#include "common/pgcompat.h"

#include "utils/jsonb.h"

/* The pairs of an object are in jsonb's order of keys; values are scalars or whole containers. */
extern Jsonb *mhub_json_write(const JsonbPair *pairs, int n);

/* An array of the pairs' values; their keys are nothing. */
extern Jsonb *mhub_json_write_array(const JsonbPair *elements, int n);

/* Brings pairs into order; of those with one key the last stays. Returns how many are left. */
extern int	mhub_json_sort_pairs(JsonbPair *pairs, int n);

#endif							/* MHUB_JSON_WRITER_H */
