/*
 * pattern_bytes.h
 *	  Which bytes a value must be made of to match a simple regular expression.
 */
#ifndef MHUB_PATTERN_BYTES_H
#define MHUB_PATTERN_BYTES_H

#include "common/pgcompat.h"

/*
 * Notes the bytes of which a value that matches consists.  False when the
 * expression is not one of the simple kind: from ^ to $, plain characters,
 * escaped punctuation and lists in brackets, each with ?, * or + perhaps.
 */
extern bool mhub_pattern_bytes(const char *pattern, bool bytes[256]);

#endif							/* MHUB_PATTERN_BYTES_H */
