/*
 * json_writer.h
 *	  Objects from members that are jsonb already.
 */
#ifndef MHUB_JSON_WRITER_H
#define MHUB_JSON_WRITER_H

#include "common/pgcompat.h"

#include "utils/jsonb.h"

extern Jsonb *mhub_json_write(const JsonbPair *pairs, int n);

#endif							/* MHUB_JSON_WRITER_H */
