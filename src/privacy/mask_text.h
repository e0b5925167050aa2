/*
 * mask_text.h
 *	  Blotting values out of the text of statements.
 */
#ifndef MHUB_PRIVACY_MASK_TEXT_H
#define MHUB_PRIVACY_MASK_TEXT_H

#include "common/pgcompat.h"

extern void mhub_mask_literals(char *statement);
extern void mhub_mask_quoted(char *message);

#endif							/* MHUB_PRIVACY_MASK_TEXT_H */
